# Frame-level localization on any annotation file: the recommended recipe,
# docs/evidence.md says what each part is worth.
# MMSNIP_ANN_FILE names the file; classes, joints, graph, frame rate and the
# axis that points up come from it. MMSNIP_INIT names the pre-trained
# checkpoint; unset: from scratch.
# MMSNIP_SPLIT chooses among several protocols of a file, xsub or xview.
# Training videos without labels are used, too: a running mean of the weights
# teaches on them. MMSNIP_UNLABELLED=0 leaves them out.
# MMSNIP_STREAM: egocentric (unset), or joint, bone, motion, bone_motion, the
# published inputs; tools/fuse.py fuses what several of them found.
# MMSNIP_ENCODER: AGCN (unset), CTRGCN or STGCN.
# The published width: --cfg-options model.backbone.base_channels=64
# Without the U-shape, the paper's baseline: --cfg-options model.neck=None
# Read in place of `_base_` or `read_base`, so that a config of yours can build
# on this one by either.
read = __import__('mmsnip.cli.places', fromlist=['read_configs']).read_configs
globals().update(
    read(
        '_base_/datasets/localization',
        '_base_/schedules/adamw_cosine',
        '_base_/default_runtime',
    )
)

environ = __import__('os').environ
custom = __import__('mmsnip.apis.custom', fromlist=['describe_annotation'])
data = custom.describe_annotation(
    environ.get('MMSNIP_ANN_FILE'),
    untrimmed=True,
    protocol=environ.get('MMSNIP_SPLIT'),
)
window = data.window_frames()  # 9 to 17 s
batch_size = 4
unlabelled = environ.get('MMSNIP_UNLABELLED') != '0'
unlabelled = unlabelled and data.num_labelled < data.num_train
stream = environ.get('MMSNIP_STREAM') or 'egocentric'
encoder = environ.get('MMSNIP_ENCODER') or 'AGCN'

model = dict(
    type='SkeletonLocalizer',
    backbone=dict(
        type=encoder,
        graph_cfg=data.graph_cfg,
        in_channels=data.stream_channels(stream),
        base_channels=16,
        data_bn_type='VC',
        out_indices=(0, 6, 9),
        temporal_strides=data.temporal_strides(encoder),
    ),
    neck=dict(type='UShapeFusionNeck', out_channels=64),
    head=dict(
        type='FrameLocalizationHead',
        num_classes=len(data.classes),
        label_smoothing=0.1,
        smoothing_weight=0.15,
    ),
    test_cfg=dict(smooth_frames=data.smoothing_frames()),  # 1 s at most
    pretrained=environ.get('MMSNIP_INIT') or None,
    # half of it: docs/evidence.md; the authors' share: 1.0
    pretrained_share=0.5,
)

load = [dict(type='FormatSkeleton', use_score=data.use_score)]
if stream == 'egocentric':
    # The way of the body stays: it tells running from walking.
    load += [
        dict(type='NormalizeSkeleton', center='first', align=None, scale=True)
    ]
else:
    load += [dict(type='NormalizeSkeleton')]
tempo = (0.7, 1.4)
cut = [
    dict(type='RandomWindow', size=round(window * tempo[1])),
    dict(type='RandomTempo', low=tempo[0], high=tempo[1]),
    dict(type='RandomWindow', size=window),
]
labels = dict(type='FrameLabels')
posture = dict(type='RandomPosture', sigma=0.25, up=data.up_of(stream))
to_stream = dict(
    type='SkeletonStream',
    stream=stream,
    fps=data.fps,
    up=data.up,
    heading_line='hips',  # evidence.md: which heading
    heading_seconds=2.0,
)
pack = dict(type='PackSkeletonInputs')
if unlabelled:
    # The teacher sees the first view, the network the second.
    views = [[to_stream], [posture, to_stream]]
    shown = [labels, dict(type='MultiView', views=views)]
else:
    shown = [posture, labels, to_stream]
train_pipeline = [*load, *cut, *shown, pack]
test_pipeline = [*load, labels, to_stream, pack]

train_dataloader.update(batch_size=batch_size, num_workers=1)
train_dataloader.dataset.update(
    pipeline=train_pipeline,
    ann_file=data.ann_file,
    split=data.train_split,
    labelled=not unlabelled,
    samples_per_video=data.visits(window),
    # at least 45 steps, whatever fraction of the videos is labelled
    min_samples=data.epoch_samples(window, 45 * batch_size),
)
val_dataloader.update(num_workers=1)
val_dataloader.dataset.update(
    pipeline=test_pipeline,
    ann_file=data.ann_file,
    split=data.val_split,
    labelled=True,
)
test_dataloader = val_dataloader

custom_hooks = [
    *custom_hooks,
    dict(type='EMAHook', ema_type='mmsnip.WarmEMA', decay=0.99),
]

if unlabelled:
    model.update(type='MeanTeacherLocalizer', temperature=0.5)
    custom_hooks.append(dict(type='MeanTeacherHook', begin=0.3, rise=0.1))
    # Each labelled frame once an epoch, in at least 60 steps.
    visits = max(data.num_labelled * data.visits(window), 60 * batch_size)
    train_dataloader.batch_size = 2 * batch_size  # half of them labelled
    train_dataloader.sampler = dict(
        type='HalfLabelledSampler', num_visits=2 * visits
    )

# A config holds plain values only.
del read, environ, custom, data, tempo, encoder, unlabelled
del cut, labels, posture, to_stream, shown
