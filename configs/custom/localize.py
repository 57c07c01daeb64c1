# Frame-level localization on any annotation file.
# MMSNIP_ANN_FILE names the file; classes, joints and graph come from its
# metainfo. MMSNIP_INIT names the pre-trained checkpoint; unset: from scratch.
# MMSNIP_SPLIT chooses among several protocols of a file, xsub or xview.
# A smaller, faster network: --cfg-options model.backbone.base_channels=16
# The paper's baseline, a linear head: --cfg-options model.neck=None
# MMSNIP_STREAM: joint (unset), bone, motion or bone_motion; tools/fuse.py
# fuses what several of them found.
_base_ = [
    '../_base_/datasets/localization.py',
    '../_base_/schedules/adam_40e.py',
    '../_base_/default_runtime.py',
]

import os

from mmsnip.apis.custom import describe_annotation

data = describe_annotation(
    os.environ.get('MMSNIP_ANN_FILE'),
    untrimmed=True,
    protocol=os.environ.get('MMSNIP_SPLIT'),
)
window = 256
stream = os.environ.get('MMSNIP_STREAM') or 'joint'

model = dict(
    type='SkeletonLocalizer',
    backbone=dict(
        type='AGCN',
        graph_cfg=data.graph_cfg,
        in_channels=data.in_channels,
        out_indices=(0, 6, 9),
    ),
    neck=dict(type='UShapeFusionNeck', out_channels=512),
    head=dict(
        type='FrameLocalizationHead', num_classes=len(data.classes)
    ),
    pretrained=os.environ.get('MMSNIP_INIT') or None,
)

load = [
    dict(type='FormatSkeleton', use_score=data.use_score),
    dict(type='NormalizeSkeleton'),
]
pack = [
    dict(type='FrameLabels'),
    dict(type='SkeletonStream', stream=stream),
    dict(type='PackSkeletonInputs'),
]
train_pipeline = [*load, dict(type='RandomWindow', size=window), *pack]
test_pipeline = [*load, *pack]

train_dataloader = dict(
    num_workers=1,
    dataset=dict(
        pipeline=train_pipeline,
        ann_file=data.ann_file,
        split=data.train_split,
        samples_per_video=data.visits(window),
    ),
)
val_dataloader = dict(
    num_workers=1,
    dataset=dict(
        pipeline=test_pipeline,
        ann_file=data.ann_file,
        split=data.val_split,
    ),
)
test_dataloader = val_dataloader

del data  # a config holds plain values only
