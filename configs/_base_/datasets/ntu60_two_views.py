# NTU RGB+D as pyskl's ntu60_3danno.pkl (or any annotation file) has it:
# 25 Kinect v2 joints, two persons, 30 fps.
environ = __import__('os').environ  # mmengine makes `import os` lazy

data_root = 'data/ntu/'
ann_file = data_root + 'ntu60_3danno.pkl'

view_frames = 64
# MMSNIP_STREAM: joint (unset), bone, motion or bone_motion
stream = environ.get('MMSNIP_STREAM') or 'joint'
to_stream = dict(type='SkeletonStream', stream=stream)
load = [
    dict(type='FormatSkeleton', num_person=2),
    dict(type='NormalizeSkeleton'),
    dict(type='ResizeTime', size=view_frames),
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
        split='xsub_train',
        pipeline=train_pipeline,
    ),
)

# k-NN probe: labels score the encoder, no loss sees them.
probe_pipeline = [
    dict(type='FormatSkeleton', num_person=2),
    dict(type='NormalizeSkeleton'),
    dict(type='FrameLabels'),
    to_stream,
    dict(type='PackSkeletonInputs'),
]
probed = dict(
    type='SkeletonLocalizationDataset',
    ann_file=ann_file,
    pipeline=probe_pipeline,
)
snippet_probe = dict(
    type='SnippetProbeHook',
    train_dataloader=dict(
        batch_size=8, num_workers=4, dataset=dict(split='xsub_train', **probed)
    ),
    val_dataloader=dict(
        batch_size=8, num_workers=4, dataset=dict(split='xsub_val', **probed)
    ),
    interval=10,
)

del environ  # a config holds plain values only
