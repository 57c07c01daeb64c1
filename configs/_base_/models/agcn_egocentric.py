# The recommended localizer, docs/evidence.md, at the published width.
# MMSNIP_INIT names a pre-trained checkpoint.
environ = __import__('os').environ  # mmengine makes `import os` lazy

model = dict(
    type='SkeletonLocalizer',
    backbone=dict(
        type='AGCN',
        graph_cfg=dict(layout='nturgb+d-official', mode='spatial'),
        in_channels=14,  # of the egocentric stream
        data_bn_type='VC',
        # As published. Longer strides are faster, and lose segments of fewer
        # than 96 frames: docs/evidence.md.
        temporal_strides=(1, 2, 1, 1, 2, 1, 1, 2, 1, 1),
        out_indices=(0, 6, 9),
    ),
    neck=dict(type='UShapeFusionNeck', out_channels=256),
    head=dict(
        type='FrameLocalizationHead',
        num_classes=4,
        label_smoothing=0.1,
        smoothing_weight=0.15,
    ),
    test_cfg=dict(smooth_frames=31),  # one second
    pretrained=environ.get('MMSNIP_INIT') or None,
)

del environ  # a config holds plain values only
