"""Heads: each owns its projector or classifier and its loss."""

from __future__ import annotations

from mmsnip.models.heads.contrast import (
    GlobalContrastHead,
    SnippetContrastHead,
    TempoRankingHead,
)
from mmsnip.models.heads.localization import (
    DilatedLocalizationHead,
    FrameLocalizationHead,
)

__all__ = [
    'DilatedLocalizationHead',
    'FrameLocalizationHead',
    'GlobalContrastHead',
    'SnippetContrastHead',
    'TempoRankingHead',
]
