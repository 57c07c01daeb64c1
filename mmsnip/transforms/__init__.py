"""Registered transforms of skeleton samples; faces of `mmsnip.skeleton`."""

from mmsnip.transforms.augment import (
    RandomAxisMask,
    RandomHeading,
    RandomJointMask,
    RandomNoise,
    RandomRotate,
    RandomScale,
    RandomShear,
    RandomSpatialFlip,
    RandomTemporalBlur,
)
from mmsnip.transforms.format import FormatSkeleton
from mmsnip.transforms.joints import MapJoints
from mmsnip.transforms.normalize import NormalizeSkeleton, SkeletonStream
from mmsnip.transforms.packing import PackSkeletonInputs
from mmsnip.transforms.posture import RandomPosture
from mmsnip.transforms.tempo_views import RelativeTempo
from mmsnip.transforms.views import MultiView
from mmsnip.transforms.window import (
    FrameLabels,
    RandomTempo,
    RandomTemporalFlip,
    RandomWindow,
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
