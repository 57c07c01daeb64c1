"""Registered transforms of skeleton samples; faces of `mmsnip.skeleton`."""

from mmsnip.transforms.form import (
    FormatSkeleton,
    MapJoints,
    MultiView,
    PackSkeletonInputs,
)
from mmsnip.transforms.normalize import NormalizeSkeleton, SkeletonStream
from mmsnip.transforms.space import (
    RandomAxisMask,
    RandomHeading,
    RandomJointMask,
    RandomNoise,
    RandomPosture,
    RandomRotate,
    RandomScale,
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
    TemporalCropResize,
)

__all__ = [
    'FormatSkeleton',
    'FrameLabels',
    'MapJoints',
    'MultiView',
    'NormalizeSkeleton',
    'PackSkeletonInputs',
    'RandomAxisMask',
    'RandomHeading',
    'RandomJointMask',
    'RandomNoise',
    'RandomPosture',
    'RandomRotate',
    'RandomScale',
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
    'TemporalCropResize',
]
