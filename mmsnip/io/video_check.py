"""Segments and labels of arrays and lists, for rooms that move to Segments."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ['as_labels', 'as_segments']


def _array(value: Any) -> np.ndarray | None:
    try:
        return np.asarray(value)
    except (ValueError, OverflowError):  # ragged lists, huge integers
        return None


def as_segments(value: Any) -> np.ndarray | None:
    """Segments of an array or a list.

    Args:
        value (Any): Array-like of integers; anything empty is no segment.

    Returns:
        np.ndarray | None: (num_segments, 2) int64, None if it is none.
    """
    segments = _array(value)
    if segments is None or segments.size == 0:
        return None if segments is None else np.zeros((0, 2), np.int64)
    if segments.dtype.kind not in 'iu' or segments.ndim != 2:
        return None
    return segments.astype(np.int64) if segments.shape[1] == 2 else None


def as_labels(value: Any) -> np.ndarray | None:
    """Segment labels of an array or a list.

    Args:
        value (Any): Array-like of integers; anything empty is no label.

    Returns:
        np.ndarray | None: (num_segments,) int64, None if it is none.
    """
    labels = _array(value)
    if labels is None or labels.size == 0:
        return None if labels is None else np.zeros(0, np.int64)
    if labels.dtype.kind not in 'iu' or labels.ndim != 1:
        return None
    return labels.astype(np.int64)
