# MMSNIP_INIT names a pre-trained checkpoint.
environ = __import__('os').environ  # mmengine makes `import os` lazy

model = dict(
    type='SkeletonLocalizer',
    backbone=dict(
        type='CTRGCN',
        graph_cfg=dict(layout='nturgb+d-official', mode='spatial'),
        data_bn_type=None,  # METHOD 2: input batch norm is off in both stages
        out_indices=(3, 6, 9),  # 64, 128, 256 channels; T, T/2, T/4
    ),
    neck=dict(type='UShapeFusionNeck', out_channels=512),
    head=dict(type='FrameLocalizationHead', num_classes=4),
    pretrained=environ.get('MMSNIP_INIT') or None,
)

del environ  # a config holds plain values only
