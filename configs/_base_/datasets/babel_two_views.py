# BABEL in the annotation format: 25 NTU-ordered joints, one person, 30 fps.
environ = __import__('os').environ  # mmengine makes `import os` lazy

ann_file = 'data/babel/babel.pkl'

view_frames = 150
# MMSNIP_STREAM: joint (unset), bone, motion or bone_motion
stream = environ.get('MMSNIP_STREAM') or 'joint'
to_stream = dict(type='SkeletonStream', stream=stream)
load = [
    dict(type='FormatSkeleton', num_person=1),
    dict(type='NormalizeSkeleton'),
    # Both views of a video show the same stretch of it.
    dict(type='RandomWindow', size=view_frames),
    dict(type='ResizeTime', size=view_frames),  # stretches shorter videos
]
# METHOD 1: crop of a sequence padded by 1/6 at both ends, shear up to 0.5.
view = [
    dict(type='TemporalCrop', padding_ratio=6),
    dict(type='RandomShear', amplitude=0.5),
]
train_pipeline = [
    *load,
    dict(type='MultiView', views=[view, view]),
    to_stream,
    dict(type='PackSkeletonInputs'),
]
train_dataloader = dict(
    batch_size=128,
    num_workers=8,
    persistent_workers=True,
    pin_memory=True,
    sampler=dict(type='VisitSampler', shuffle=True),
    collate_fn=dict(type='mmsnip.pad_collate'),
    dataset=dict(
        type='SkeletonLocalizationDataset',
        ann_file=ann_file,
        split='train',
        pipeline=train_pipeline,
    ),
)

# k-NN probe: labels of subset 1 score the encoder, no loss sees them.
probe_pipeline = [
    dict(type='FormatSkeleton', num_person=1),
    dict(type='NormalizeSkeleton'),
    dict(type='FrameLabels'),
    to_stream,
    dict(type='PackSkeletonInputs'),
]
probed = dict(
    type='BABELDataset', ann_file=ann_file, subset=1, pipeline=probe_pipeline
)
snippet_probe = dict(
    type='SnippetProbeHook',
    train_dataloader=dict(
        batch_size=8, num_workers=4, dataset=dict(split='train', **probed)
    ),
    val_dataloader=dict(
        batch_size=8, num_workers=4, dataset=dict(split='val', **probed)
    ),
    interval=10,
)

del environ  # a config holds plain values only
