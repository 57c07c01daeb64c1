"""What every prepared data set is to a reader: names, labels, entries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mmsnip.io.reading import SequenceError, as_sequence

__all__ = ['NTU_LAYOUT', 'Prepared', 'label_count', 'trimmed']

NTU_LAYOUT = 'nturgb+d-official'


@dataclass(frozen=True)
class Prepared:
    """A data set whose videos are read one at a time.

    Attributes:
        kind (str): 'annotation', 'babel', 'ctrgcn' or 'stgcn'.
        names (list[str]): ``frame_dir`` of each video.
        labels (list[Any]): Class of each video, None where it has none.
        entry (Callable[[int], dict[str, Any]]): Annotation of a video by its
            place in `names`; raises `SequenceError`.
        metainfo (dict[str, Any]): What the file says or its kind fixes.
        splits (dict[str, list[str]]): Names of each split.
        label_files (tuple[str, ...]): Further files that were read.
    """

    kind: str
    names: list[str]
    labels: list[Any]
    entry: Callable[[int], dict[str, Any]]
    metainfo: dict[str, Any] = field(default_factory=dict)
    splits: dict[str, list[str]] = field(default_factory=dict)
    label_files: tuple[str, ...] = ()


def trimmed(keypoint: np.ndarray, name: str) -> np.ndarray:
    """Without padding: zero frames at the end, and bodies never seen.

    Args:
        keypoint (np.ndarray): (M, T, V, C).
        name (str): Video, for messages.

    Returns:
        np.ndarray: (M', T', V, C) float32, finite.

    Raises:
        SequenceError: If there is no body in any frame, or a number is not
            finite.

    Examples:
        >>> padded = np.zeros((2, 13, 5, 3))
        >>> padded[0, :4] = 1
        >>> trimmed(padded, 'a').shape
        (1, 4, 5, 3)
    """
    seen = (keypoint != 0).any(axis=(2, 3))  # (M, T), NaN counts as seen
    if not seen.any():
        raise SequenceError(f'{name}: there is no body in any frame')
    last = int(np.flatnonzero(seen.any(axis=0))[-1])
    kept = keypoint[seen.any(axis=1), : last + 1]
    return np.ascontiguousarray(as_sequence(kept, name))


def label_count(labels: list[Any]) -> int:
    """One more than the largest label."""
    known = [label for label in labels if label is not None]
    return 1 + max(known, default=-1)
