"""Subset pickles of the weakly supervised BABEL benchmark."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from mmsnip.io.babel import BABEL_SUBSETS
from mmsnip.io.prepared_videos import NTU_LAYOUT, Prepared, trimmed
from mmsnip.io.reading import SequenceError, safe_name
from mmsnip.io.video_check import as_labels
from mmsnip.structures.errors import is_int, show

__all__ = ['open_babel_subset']

BACKGROUND = 4  # label of a frame without any of the four classes
_FILE_NAME = re.compile(r'(train|val|test)?.*?split_?([123])', re.ASCII)


def open_babel_subset(path: Path, content: dict[str, Any]) -> Prepared:
    """A data set of the keys ``sid``, ``X``, ``Y`` and ``L``.

    ``X`` holds an array (3, T, 25, 1) for each sequence, normalised already
    (joint 1 at the origin); ``L`` the label of each of its frames, 4 is
    background; ``Y``, the set of its classes, is not needed. Segments are the
    runs of equal labels. Split and subset are in the file's name:
    ``train_split1.pkl``.

    Args:
        path (Path): File, for messages and the names of classes.
        content (dict[str, Any]): What it holds.

    Returns:
        Prepared: Of kind 'babel'; ``metainfo['notes']`` says that joints are
        normalised.

    Raises:
        SequenceError: If the lists do not fit together.

    Source:
        line/Skeleton-Temporal-Action-Localization ``prepare`` and
        ``feeders``.
    """
    sids, arrays, frames = (content[key] for key in ('sid', 'X', 'L'))
    for key in ('sid', 'X', 'L'):
        listed = isinstance(content[key], (list, tuple, np.ndarray))
        if not listed or getattr(content[key], 'shape', (1,)) == ():
            raise SequenceError(
                f'{path}, key {key!r}: found {show(content[key])[:80]}, '
                'expected a list'
            )
    if not len(sids) == len(arrays) == len(frames):
        raise SequenceError(
            f'{path}: {len(sids)} sid, {len(arrays)} X and {len(frames)} L; '
            'expected as many of each'
        )
    names = []
    for index, sid in enumerate(sids):
        if not isinstance(sid, str) and not is_int(sid):
            raise SequenceError(
                f"{path}, key 'sid'[{index}]: found {show(sid)}, expected "
                'text or a number'
            )
        names.append(safe_name(str(sid)[:200], path))
    found = _FILE_NAME.match(path.stem)
    classes = [f'class_{index}' for index in range(BACKGROUND)]
    splits = {}
    if found is not None:
        classes = list(BABEL_SUBSETS[int(found[2])])
    if found is not None and found[1]:
        splits[found[1]] = list(names)

    def entry(index: int) -> dict[str, Any]:
        where = f'{path}, sequence {index} (sid {names[index]})'
        keypoint = _sequence(where, arrays[index])
        segments, labels = _segments(where, frames[index], keypoint.shape[1])
        # Frames stay, whatever is in them: each has its label.
        trimmed(keypoint, where)
        return dict(
            frame_dir=names[index],
            total_frames=keypoint.shape[1],
            keypoint=keypoint,
            segments=segments,
            segment_labels=labels,
        )

    return Prepared(
        'babel',
        names,
        [None] * len(names),
        entry,
        dict(
            dataset='BABEL',
            classes=classes,
            layout=NTU_LAYOUT,
            fps=30.0,
            notes=[
                'joints are normalised already, in the NTU way; a frame with '
                'several labels has one that was drawn by the hash of text'
            ],
        ),
        splits,
    )


def _sequence(where: str, array: Any) -> np.ndarray:
    """(1, T, 25, 3) out of (3, T, 25[, M]) or (T, 25, 3)."""
    if not isinstance(array, np.ndarray):
        raise SequenceError(
            f"{where}, key 'X': found {show(array)[:80]}, expected an array"
        )
    shape = array.shape
    if array.ndim == 4 and shape[0] == 3 and shape[2] == 25:
        array = array.transpose(3, 1, 2, 0)
    elif array.ndim == 3 and shape[1:] == (25, 3):
        array = array[None]
    elif array.ndim == 3 and shape[0] == 3 and shape[2] == 25:
        array = array.transpose(1, 2, 0)[None]
    else:
        raise SequenceError(
            f"{where}, key 'X': found {show(array)}, expected (3, T, 25, 1)"
        )
    if array.dtype.kind not in 'fiu' or 0 in array.shape:
        raise SequenceError(f"{where}, key 'X': found {show(array)}")
    with np.errstate(over='ignore'):
        return np.ascontiguousarray(array, dtype=np.float32)


def _segments(
    where: str, frames: Any, T: int
) -> tuple[np.ndarray, np.ndarray]:
    labels = as_labels(frames)
    if labels is None or len(labels) != T:
        raise SequenceError(
            f"{where}, key 'L': found {show(frames)}, expected the labels of "
            f'{T} frames'
        )
    if not ((labels >= 0) & (labels <= BACKGROUND)).all():
        wrong = labels[(labels < 0) | (labels > BACKGROUND)][0]
        raise SequenceError(
            f"{where}, key 'L': found label {wrong}, expected 0 to "
            f'{BACKGROUND - 1}, or {BACKGROUND} for background'
        )
    borders = np.flatnonzero(np.diff(labels)) + 1
    starts = np.concatenate([[0], borders])
    ends = np.concatenate([borders, [T]])
    kept = labels[starts] != BACKGROUND
    segments = np.stack([starts, ends], axis=1)[kept].astype(np.int64)
    return segments, labels[starts][kept]
