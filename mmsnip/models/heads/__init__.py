"""Heads: each owns its projector or classifier and its loss."""

from __future__ import annotations

from mmsnip.models.heads.dilated import DilatedLocalizationHead
from mmsnip.models.heads.frame_localization import FrameLocalizationHead
from mmsnip.models.heads.global_contrast import GlobalContrastHead
from mmsnip.models.heads.motion import TempoRankingHead
from mmsnip.models.heads.snippet_contrast import SnippetContrastHead

__all__ = [
    'DilatedLocalizationHead',
    'FrameLocalizationHead',
    'GlobalContrastHead',
    'SnippetContrastHead',
    'TempoRankingHead',
]
