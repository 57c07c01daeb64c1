"""Losses as pure functions of tensors; importing them needs torch only."""

from __future__ import annotations

from mmsnip.losses.contrast import (
    info_nce,
    match_snippets,
    snippet_info_nce,
)
from mmsnip.losses.frame import frame_cross_entropy, frame_smoothing
from mmsnip.losses.queue import KeyQueue

__all__ = [
    'KeyQueue',
    'frame_cross_entropy',
    'frame_smoothing',
    'info_nce',
    'match_snippets',
    'snippet_info_nce',
]
