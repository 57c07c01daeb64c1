# Untrimmed sequences for the localizer: windows in training, whole videos in
# validation and test. MMSNIP_STREAM: joint (unset), bone, motion or
# bone_motion; tools/fuse.py fuses what several of them found.
environ = __import__('os').environ  # mmengine makes `import os` lazy

window = 256
stream = environ.get('MMSNIP_STREAM') or 'joint'

train_pipeline = [
    dict(type='FormatSkeleton'),
    dict(type='NormalizeSkeleton'),
    dict(type='RandomWindow', size=window),
    dict(type='FrameLabels'),
    dict(type='SkeletonStream', stream=stream),
    dict(type='PackSkeletonInputs'),
]
test_pipeline = [
    dict(type='FormatSkeleton'),
    dict(type='NormalizeSkeleton'),
    dict(type='FrameLabels'),
    dict(type='SkeletonStream', stream=stream),
    dict(type='PackSkeletonInputs'),
]
train_dataloader = dict(
    batch_size=8,
    num_workers=4,
    persistent_workers=True,
    pin_memory=True,
    sampler=dict(type='VisitSampler', shuffle=True),
    collate_fn=dict(type='mmsnip.pad_collate'),
    dataset=dict(
        type='SkeletonLocalizationDataset',
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type='VisitSampler', shuffle=False),
    collate_fn=dict(type='mmsnip.pad_collate'),
    dataset=dict(
        type='SkeletonLocalizationDataset',
        pipeline=test_pipeline,
        test_mode=True,
    ),
)
test_dataloader = val_dataloader

val_evaluator = dict(type='SegmentMAP', protocol='babel')
test_evaluator = val_evaluator

del environ  # a config holds plain values only
