# MMSNIP_INIT names a pre-trained checkpoint.
environ = __import__('os').environ  # mmengine makes `import os` lazy

model = dict(
    type='SkeletonLocalizer',
    backbone=dict(
        type='AGCN',
        graph_cfg=dict(layout='nturgb+d-official', mode='spatial'),
        temporal_strides=(1, 2, 1, 1, 2, 1, 1, 2, 1, 1),
        out_indices=(0, 6, 9),
    ),
    neck=dict(type='UShapeFusionNeck', out_channels=512),
    head=dict(type='FrameLocalizationHead', num_classes=4),
    pretrained=environ.get('MMSNIP_INIT') or None,
)

del environ  # a config holds plain values only
