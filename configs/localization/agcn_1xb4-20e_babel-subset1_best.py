# The recommended recipe on BABEL subset 1: walk, stand, turn, jump.
# Pre-trained encoder: --cfg-options model.pretrained=CHECKPOINT
_base_ = [
    '../_base_/models/agcn_best.py',
    '../_base_/datasets/babel_subset1.py',
    '../_base_/schedules/adamw_cosine.py',
    '../_base_/default_runtime.py',
]

# BABEL's segments are short, and its sweep reads the scores themselves.
model = dict(test_cfg=dict(smooth_frames=11))

window = 512
up = 'z'  # as AMASS has it
stream = 'egocentric'

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
train_dataloader = dict(batch_size=4, dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = val_dataloader
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='EMAHook', ema_type='mmsnip.WarmEMA', decay=0.99),
]
