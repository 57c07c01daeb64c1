"""Registered models: encoders, necks, heads, pre-trainers, localizers."""

from __future__ import annotations

from mmsnip.models.averaging import WarmEMA
from mmsnip.models.backbones import AGCN, CTRGCN, STGCN
from mmsnip.models.checkpoint import load_official_state_dict
from mmsnip.models.heads import (
    DilatedLocalizationHead,
    FrameLocalizationHead,
    GlobalContrastHead,
    SnippetContrastHead,
    TempoRankingHead,
)
from mmsnip.models.localizer import SkeletonLocalizer
from mmsnip.models.mean_teacher import MeanTeacherLocalizer
from mmsnip.models.necks import (
    PyramidFusionNeck,
    UNetFusionNeck,
    UShapeFusionNeck,
)
from mmsnip.models.preprocessor import SkeletonPreprocessor
from mmsnip.models.pretrainers import RVTCLR, AimCLR, SkeletonCLR

__all__ = [
    'AGCN',
    'CTRGCN',
    'RVTCLR',
    'STGCN',
    'AimCLR',
    'DilatedLocalizationHead',
    'FrameLocalizationHead',
    'GlobalContrastHead',
    'MeanTeacherLocalizer',
    'PyramidFusionNeck',
    'SkeletonCLR',
    'SkeletonLocalizer',
    'SkeletonPreprocessor',
    'SnippetContrastHead',
    'TempoRankingHead',
    'UNetFusionNeck',
    'UShapeFusionNeck',
    'WarmEMA',
    'load_official_state_dict',
]
