# Snippet pre-training on any annotation file, without its labels.
# MMSNIP_ANN_FILE names the file; joints and graph come from its metainfo.
# MMSNIP_SPLIT chooses among several protocols of a file, xsub or xview.
# The published width: --cfg-options model.backbone.base_channels=64
# The host alone, as a baseline: --cfg-options model.snippet_head=None
# Other hosts: pretrain_aimclr.py, pretrain_rvtclr.py
# MMSNIP_STREAM: egocentric (unset), or joint, bone, motion, bone_motion, as
# localize.py has it; MMSNIP_ENCODER: AGCN (unset), CTRGCN or STGCN.
# Read in place of `_base_` or `read_base`, so that a config of yours can build
# on this one by either.
read = __import__('mmsnip.cli.places', fromlist=['read_configs']).read_configs
globals().update(read('_base_/default_runtime'))

environ = __import__('os').environ
custom = __import__('mmsnip.apis.custom', fromlist=['describe_annotation'])
data = custom.describe_annotation(
    environ.get('MMSNIP_ANN_FILE'), protocol=environ.get('MMSNIP_SPLIT')
)
# METHOD 1 at 30 frames a second, fewer where videos are short
view_frames = data.view_frames(150 * data.rate)
encoder = environ.get('MMSNIP_ENCODER') or 'AGCN'
strides = data.temporal_strides(encoder)
# one a frame that the encoder leaves
num_snippets = -(-view_frames // __import__('math').prod(strides))
epochs = 100
stream = environ.get('MMSNIP_STREAM') or 'egocentric'

model = dict(
    type='SkeletonCLR',
    backbone=dict(
        type=encoder,
        graph_cfg=data.graph_cfg,
        in_channels=data.stream_channels(stream),
        base_channels=16,
        data_bn_type='VC',
        out_indices=(9,),
        temporal_strides=strides,
    ),
    global_head=dict(
        type='GlobalContrastHead', queue_size=data.queue_size(view_frames)
    ),
    snippet_head=dict(
        type='SnippetContrastHead',
        num_snippets=num_snippets,
        # The authors': matching='feature', queue_entry='mean'. Snippets are
        # then told from means of videos, which is too easy to teach much; by
        # 'index' they are pulled to what happens up to a third of a view away:
        # docs/evidence.md.
        matching='time',
        queue_entry='snippet',
        queue_size=min(num_snippets * data.queue_size(view_frames), 32768),
        loss_weight=1.5,  # METHOD 1
    ),
    key_momentum=0.999,
)

to_stream = dict(
    type='SkeletonStream',
    stream=stream,
    fps=data.fps,
    up=data.up,
    heading_line='hips',  # as in localize.py
    heading_seconds=2.0,
)
form = dict(type='FormatSkeleton', use_score=data.use_score)
if stream == 'egocentric':
    # The way of the body stays: it tells running from walking.
    normalize = dict(
        type='NormalizeSkeleton', center='first', align=None, scale=True
    )
else:
    normalize = dict(type='NormalizeSkeleton')
load = [
    form,
    normalize,
    # Both views of a video show the same stretch of it.
    dict(type='RandomWindow', size=view_frames),
    dict(type='ResizeTime', size=view_frames),  # stretches shorter videos
]
view = [
    dict(type='TemporalCrop', padding_ratio=6),
    dict(type='RandomShear', amplitude=0.5),
    # Else posture, which tells persons apart, solves the task.
    dict(type='RandomPosture', sigma=0.25, up=data.up_of(stream)),
]
train_pipeline = [
    *load,
    dict(type='MultiView', views=[view, view]),
    to_stream,
    dict(type='PackSkeletonInputs'),
]
train_dataloader = dict(
    batch_size=32,
    num_workers=1,
    persistent_workers=True,
    pin_memory=True,
    sampler=dict(type='VisitSampler', shuffle=True),
    collate_fn=dict(type='mmsnip.pad_collate'),
    dataset=dict(
        type='SkeletonLocalizationDataset',
        ann_file=data.ann_file,
        split=data.train_split,
        samples_per_video=data.visits(view_frames),
        pipeline=train_pipeline,
    ),
)

optim_wrapper = dict(
    type='OptimWrapper',
    # METHOD 1: 0.1 at batch 128; auto_scale_lr brings it to the real batch.
    optimizer=dict(type='SGD', lr=0.1, momentum=0.9, weight_decay=1e-4),
)
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=0.1,
        begin=0,
        end=5,
        convert_to_iter_based=True,
    ),
    # METHOD 1 drops once, after 92 % of its 600 epochs.
    dict(type='MultiStepLR', milestones=[int(0.92 * epochs)], gamma=0.1),
]
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=epochs)
default_hooks.checkpoint.update(interval=10)

# Labels, where the file has some, score the encoder (k-NN probe) and colour
# its snippets (a map before, a map after); no loss sees them.
probed = dict(
    type='SkeletonLocalizationDataset',
    ann_file=data.ann_file,
    fraction=1.0,  # leaves videos without labels out
    pipeline=[
        form,
        normalize,
        dict(type='FrameLabels'),
        to_stream,
        dict(type='PackSkeletonInputs'),
    ],
)
probed_videos = dict(
    train_dataloader=dict(
        num_workers=1, dataset=dict(split=data.train_split, **probed)
    ),
    val_dataloader=dict(
        num_workers=1, dataset=dict(split=data.val_split, **probed)
    ),
)
snippet_probe = dict(type='EmbeddingMapHook', interval=10, **probed_videos)
if data.can_probe:
    custom_hooks = [*custom_hooks, snippet_probe]
auto_scale_lr = dict(enable=True, base_batch_size=128)

# A config holds plain values only.
del read, environ, custom, data, encoder, strides
