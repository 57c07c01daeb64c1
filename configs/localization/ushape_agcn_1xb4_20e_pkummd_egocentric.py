# The recommended recipe, docs/evidence.md, on PKU-MMD.
from mmengine.config import read_base

with read_base():
    from .._base_.datasets.pkummd import *
    from .._base_.default_runtime import *
    from .._base_.models.agcn_egocentric import *
    from .._base_.schedules.adamw_cosine import *

model.head.update(num_classes=num_classes)

window = 512
up = 'y'  # as a Kinect has it
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
train_dataloader.update(batch_size=4)
train_dataloader.dataset.update(pipeline=train_pipeline)
# a video of 4,000 frames is eight windows
train_dataloader.dataset.update(samples_per_video=8)
val_dataloader.dataset.update(pipeline=test_pipeline)
test_dataloader = val_dataloader
custom_hooks = [
    *custom_hooks,
    dict(type='EMAHook', ema_type='mmsnip.WarmEMA', decay=0.99),
]
