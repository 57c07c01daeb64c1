"""Registered transforms of skeleton samples; faces of `mmsnip.skeleton`."""

from mmsnip.transforms.form import (
    FormatSkeleton,
    MultiView,
    PackSkeletonInputs,
)
from mmsnip.transforms.normalize import NormalizeSkeleton, SkeletonStream
from mmsnip.transforms.space import (
    RandomAxisMask,
    RandomJointMask,
    RandomNoise,
    RandomPosture,
    RandomRotate,
    RandomShear,
    RandomSpatialFlip,
    RandomTemporalBlur,
)
from mmsnip.transforms.time import (
    FrameLabels,
    RandomTempo,
    RandomTemporalFlip,
    RandomWindow,
    RelativeTempo,
    ResizeTime,
    TemporalCrop,
)

__all__ = [
    'FormatSkeleton',
    'FrameLabels',
    'MultiView',
    'NormalizeSkeleton',
    'PackSkeletonInputs',
    'RandomAxisMask',
    'RandomJointMask',
    'RandomNoise',
    'RandomPosture',
    'RandomRotate',
    'RandomShear',
    'RandomSpatialFlip',
    'RandomTempo',
    'RandomTemporalBlur',
    'RandomTemporalFlip',
    'RandomWindow',
    'RelativeTempo',
    'ResizeTime',
    'SkeletonStream',
    'TemporalCrop',
]
