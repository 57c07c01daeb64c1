"""Losses as pure functions of tensors; importing them needs torch only."""

from __future__ import annotations

from mmsnip.losses.contrast import (
    info_nce,
    match_by_time,
    match_snippets,
    mined_info_nce,
    mined_snippet_info_nce,
    nearest_entries,
    nearest_keys,
    snippet_info_nce,
)
from mmsnip.losses.frame import frame_cross_entropy, frame_smoothing
from mmsnip.losses.queue import KeyQueue
from mmsnip.losses.ranking import tempo_ranking
from mmsnip.losses.softmax import (
    distribution_divergence,
    key_logits,
    key_softmax,
)

__all__ = [
    'KeyQueue',
    'distribution_divergence',
    'frame_cross_entropy',
    'frame_smoothing',
    'info_nce',
    'key_logits',
    'key_softmax',
    'match_by_time',
    'match_snippets',
    'mined_info_nce',
    'mined_snippet_info_nce',
    'nearest_entries',
    'nearest_keys',
    'snippet_info_nce',
    'tempo_ranking',
]
