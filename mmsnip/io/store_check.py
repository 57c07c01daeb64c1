"""What may be wrong with a store, told without reading its joints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from mmsnip.io.annotation_check import (
    Problem,
    find_metainfo_problems,
    find_mixed_scores,
)
from mmsnip.io.store import SkeletonStore

__all__ = ['check_store']

_PACK = 'pack the annotation file again'


def _first_wrong(wrong: np.ndarray, owners: np.ndarray) -> tuple[int, int]:
    """Row and video of the first malformed entry."""
    row = int(wrong.argmax())
    return row, int(np.searchsorted(owners, row, side='right')) - 1


def _segment_problems(
    store: SkeletonStore, num_classes: float
) -> Iterator[Problem]:
    offsets = store.column('segment_offsets')
    segments = store.column('segments')
    labels = store.column('segment_labels')
    sizes = np.diff(store.column('row_offsets'))
    frames = sizes // store.column('persons')
    behind = int(offsets[-1])
    total = np.repeat(frames, np.diff(offsets))
    start, end = segments[:behind].T
    wrong = (start < 0) | (start >= end) | (end > total)
    if wrong.any():
        row, i = _first_wrong(wrong, offsets)
        found = f'[{int(start[row])}, {int(end[row])})'
        expected = f'0 <= start < end <= {int(frames[i])}'
        yield Problem(store.name(i), 'segments', found, expected, _PACK)
    wrong = (labels[:behind] < 0) | (labels[:behind] >= num_classes)
    if wrong.any():
        row, i = _first_wrong(wrong, offsets)
        found = f'label {int(labels[row])}'
        expected = f'one of {num_classes} classes'
        yield Problem(store.name(i), 'segment_labels', found, expected, _PACK)


def check_store(
    store: SkeletonStore,
    metainfo: Mapping[str, Any],
    split: str | None = None,
) -> list[Problem]:
    """Malformed fields of a store; its joints are not read.

    They were checked when the file was written. Everything else is checked
    again, the first wrong video of each field is named.

    Args:
        store (SkeletonStore): Videos.
        metainfo (Mapping[str, Any]): To use, the store's or another.
        split (str | None): Split that must be there.

    Returns:
        list[Problem]: Empty if the file is sound.

    Raises:
        AnnotationError: If its columns do not fit together.
    """
    problems = list(find_metainfo_problems(metainfo, store.num_joints))
    splits = store.splits
    if split is not None and not len(splits.get(split, ())):
        found = 'no video' if split in splits else f'no split {split!r}'
        expected = f'one of {sorted(splits)}'
        remedy = 'name one of these, or None for all videos'
        problems.append(Problem(None, 'split', found, expected, remedy))
    names = store.names
    if len(set(names)) != len(names) or not all(names):
        found = f'{len(set(names))} names for {len(names)} videos'
        expected = 'a name of its own for every video'
        problems.append(Problem(None, 'names', found, expected, _PACK))
    classes = metainfo.get('classes')
    listed = isinstance(classes, (list, tuple))
    num_classes = len(classes) if listed else float('inf')
    for key, wrong, expected in (
        (
            'label',
            store.column('label') >= num_classes,
            f'one of {num_classes} classes',
        ),
        (
            'fps',
            (store.column('fps') <= 0) | (store.column('fps') >= 1e6),
            'frames per second, a positive number',
        ),
    ):
        if wrong.any():
            i = int(wrong.argmax())
            found = f'{store.column(key)[i]}'
            problems.append(Problem(names[i], key, found, expected, _PACK))
    problems += _segment_problems(store, num_classes)
    bare = np.flatnonzero(~store.scored)
    problems += find_mixed_scores([names[i] for i in bare], len(names))
    return problems
