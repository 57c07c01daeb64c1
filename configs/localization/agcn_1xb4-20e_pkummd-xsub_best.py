# The recommended recipe on PKU-MMD, cross-subject.
# Pre-trained encoder: --cfg-options model.pretrained=CHECKPOINT
_base_ = [
    '../_base_/models/agcn_best.py',
    '../_base_/datasets/pkummd_xsub.py',
    '../_base_/schedules/adamw_cosine.py',
    '../_base_/default_runtime.py',
]

window = 512
up = 'y'  # as Kinect's cameras have it
stream = 'egocentric'

model = dict(head=dict(num_classes=51))
load = [
    dict(type='FormatSkeleton'),
    # The way of the body stays: it tells running from walking.
    dict(type='NormalizeSkeleton', center='first', align=None, scale=True),
]
pack = [
    dict(type='FrameLabels'),
    dict(
        type='SkeletonStream',
        stream=stream,
        fps=30.0,
        up=up,
        heading_line='hips',  # evidence.md: which heading
        heading_seconds=2.0,
    ),
    dict(type='PackSkeletonInputs'),
]
train_pipeline = [
    *load,
    dict(type='RandomWindow', size=round(1.4 * window)),
    dict(type='RandomTempo', low=0.7, high=1.4),
    dict(type='RandomWindow', size=window),
    dict(type='RandomPosture', sigma=0.25, up=up),
    *pack,
]
test_pipeline = [*load, *pack]
train_dataloader = dict(
    batch_size=4,
    # a video of 4,000 frames is eight windows
    dataset=dict(pipeline=train_pipeline, samples_per_video=8),
)
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='EMAHook', ema_type='mmsnip.WarmEMA', decay=0.99),
]
