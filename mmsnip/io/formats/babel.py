"""BABEL's json files: what is done when, in which AMASS motion."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmsnip.structures import DataError, show
from mmsnip.structures.files import read_json, safe_name

__all__ = [
    'BABEL_SUBSETS',
    'BabelSegment',
    'BabelSequence',
    'act_categories',
    'babel_segments',
    'read_babel_json',
    'seconds_to_frames',
]

# Classes of the benchmark's three subsets, in the order of their labels.
BABEL_SUBSETS = {
    1: ('walk', 'stand', 'turn', 'jump'),
    2: ('sit', 'run', 'stand up', 'kick'),
    3: ('jog', 'wave', 'dance', 'gesture'),
}
LONGEST_S = 86400.0  # a day; a broken number must not fill memory


@dataclass(frozen=True)
class BabelSegment:
    """A labelled part of a motion.

    Attributes:
        start_s (float): Start in seconds.
        end_s (float): End in seconds.
        act_cats (tuple[str, ...]): Action categories, maybe none.
        proc_label (str): The annotator's words, cleaned by BABEL.
    """

    start_s: float
    end_s: float
    act_cats: tuple[str, ...]
    proc_label: str = ''


@dataclass(frozen=True)
class BabelSequence:
    """An annotated motion.

    Attributes:
        sid (str): BABEL's number of it.
        feat_p (str): Its file, as ``KIT/KIT/4/RightTurn01_poses.npz``:
            archive, data set, subject, motion.
        duration_s (float): Its length in seconds.
        segments (tuple[BabelSegment, ...]): In the order of the file. Of a
            sequence that is not densely annotated, its labels as a whole,
            from 0 to `duration_s`.
        dense (bool): Whether every moment was labelled (``frame_ann``).
    """

    sid: str
    feat_p: str
    duration_s: float
    segments: tuple[BabelSegment, ...]
    dense: bool


def read_babel_json(path: str | os.PathLike[str]) -> list[BabelSequence]:
    """Annotations of a split.

    The ``extra`` files have a list of annotations by several people for each
    motion; the first densely annotated one is taken, else the first.

    Args:
        path (str | os.PathLike[str]): ``train.json``, ``val.json`` or one of
            the ``extra`` files.

    Returns:
        list[BabelSequence]: In the order of the file.

    Raises:
        FileNotFoundError: If there is no such file.
        DataError: If it is no such json; file, sid and key are named.
    """
    content = read_json(path)
    if not isinstance(content, dict):
        raise DataError(
            f'{path} holds a {show(content)[:80]}; expected the sequences of '
            'BABEL by their sid'
        )
    return [
        _sequence(f'{path}, sid {sid[:40]!r}', sid, entry)
        for sid, entry in content.items()
    ]


def _sequence(where: str, sid: str, entry: Any) -> BabelSequence:
    if not isinstance(entry, Mapping):
        raise DataError(f'{where}: found {show(entry)}, expected a dict')
    duration = _seconds(where, 'dur', entry.get('dur'))
    feat_p = _text(where, 'feat_p', entry.get('feat_p'))
    safe_name(sid, where)
    safe_name(feat_p, where)
    frames = _annotation(where, entry, 'frame_ann')
    whole = None
    if frames is None:
        whole = _annotation(where, entry, 'seq_ann')
    found = whole if frames is None else frames
    segments = []
    for index, label in enumerate(_labels(where, found)):
        place = f'{where}, label {index}'
        if not isinstance(label, Mapping):
            raise DataError(
                f'{place}: found {show(label)}, expected a dict'
            )
        start, end = 0.0, duration
        if frames is not None:
            start = _seconds(place, 'start_t', label.get('start_t'))
            end = _seconds(place, 'end_t', label.get('end_t'))
        words = label.get('proc_label')
        segments.append(
            BabelSegment(
                start,
                end,
                _categories(place, label.get('act_cat')),
                '' if words is None else _text(place, 'proc_label', words),
            )
        )
    return BabelSequence(
        sid, feat_p, duration, tuple(segments), frames is not None
    )


def _annotation(where: str, entry: Mapping, key: str) -> Mapping | None:
    """``frame_ann``, or the first of the extra files' ``frame_anns``."""
    found = entry.get(key)
    if found is None:
        several = entry.get(f'{key}s')
        if isinstance(several, Sequence) and not isinstance(several, str):
            found = next((one for one in several if one is not None), None)
        elif several is not None:
            raise DataError(
                f'{where}, key {f"{key}s"!r}: found {show(several)}, '
                'expected a list'
            )
    if found is not None and not isinstance(found, Mapping):
        raise DataError(
            f'{where}, key {key!r}: found {show(found)}, expected a dict '
            "with 'labels', or null"
        )
    return found


def _labels(where: str, annotation: Mapping | None) -> list[Any]:
    labels = [] if annotation is None else annotation.get('labels')
    if not isinstance(labels, list):
        raise DataError(
            f"{where}, key 'labels': found {show(labels)}, expected a list"
        )
    return labels


def _seconds(where: str, key: str, value: Any) -> float:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not abs(value) <= LONGEST_S:  # NaN falls out too
        raise DataError(
            f'{where}, key {key!r}: found {show(value)}, expected seconds'
        )
    if key == 'dur' and value <= 0:
        raise DataError(
            f'{where}, key {key!r}: found {value}, expected more than 0 '
            'seconds'
        )
    return float(value)


def _text(where: str, key: str, value: Any) -> str:
    if not isinstance(value, str):
        raise DataError(
            f'{where}, key {key!r}: found {show(value)}, expected text'
        )
    return value


def _categories(where: str, value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list) or not all(
        isinstance(name, str) for name in listed
    ):
        raise DataError(
            f"{where}, key 'act_cat': found {show(value)}, expected a list "
            'of text, or null'
        )
    return tuple(dict.fromkeys(listed))


def act_categories(sequences: Iterable[BabelSequence]) -> list[str]:
    """All action categories, in the order of their letters."""
    names = {
        name
        for sequence in sequences
        for segment in sequence.segments
        for name in segment.act_cats
    }
    return sorted(names)


def seconds_to_frames(
    start_s: Any, end_s: Any, num_frames: int, fps: float = 30.0
) -> np.ndarray:
    """Half-open frames of intervals in seconds.

    Frame n lies at ``n / fps`` seconds and belongs to an interval with
    ``start_s <= n / fps < end_s``.

    Args:
        start_s (Any): Starts, (num_segments,).
        end_s (Any): Ends, (num_segments,).
        num_frames (int): T, frames of the sequence.
        fps (float): Frames a second. Defaults to 30.

    Returns:
        np.ndarray: (num_segments, 2) int64 in ``0..T``; start = end where no
        frame lies inside.

    Source:
        Per-frame labels of the benchmark's preparation, line/Skeleton-
        Temporal-Action-Localization ``prepare/create_dataset.py``.

    Examples:
        >>> seconds_to_frames([0.0, 0.05], [0.05, 9.0], 13).tolist()
        [[0, 2], [2, 13]]
    """
    times = np.arange(num_frames) / fps
    starts = np.searchsorted(times, np.asarray(start_s, np.float64), 'left')
    ends = np.searchsorted(times, np.asarray(end_s, np.float64), 'left')
    frames = np.stack([starts, np.maximum(starts, ends)], axis=-1)
    return frames.reshape(-1, 2).astype(np.int64)


def babel_segments(
    sequence: BabelSequence,
    classes: Sequence[str],
    num_frames: int,
    fps: float = 30.0,
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Segments in frames, one for each category of each segment.

    Overlaps stay: which label a frame has in the end is a rule of the data
    set (`mmsnip.datasets`). Segments without a category have no label
    and are background; those of categories that are not among `classes` are
    left out.

    Args:
        sequence (BabelSequence): Of `read_babel_json`.
        classes (Sequence[str]): Names; a label is an index into them.
        num_frames (int): T.
        fps (float): Frames a second. Defaults to 30.

    Returns:
        tuple[np.ndarray, np.ndarray, list[str]]: Segments (num_segments, 2)
        and labels (num_segments,), int64; a sentence for each segment that
        was dropped, or cut by more than the rounding to frames.
    """
    index = {name: label for label, name in enumerate(classes)}
    segments = [s for s in sequence.segments if set(s.act_cats) & set(index)]
    frames = seconds_to_frames(
        [s.start_s for s in segments],
        [s.end_s for s in segments],
        num_frames,
        fps,
    )
    rows, mended = [], []
    for segment, (start, end) in zip(segments, frames.tolist()):
        place = (
            f'segment {", ".join(segment.act_cats)} from '
            f'{segment.start_s:g} to {segment.end_s:g} s'
        )
        if start >= end:
            mended.append(
                f'{place}: dropped, it has no frame among the {num_frames}'
            )
            continue
        early = -segment.start_s * fps
        late = segment.end_s * fps - num_frames
        if max(early, late) > 1:
            mended.append(f'{place}: cut to frames {start} to {end}')
        rows += [
            (start, end, index[name])
            for name in segment.act_cats
            if name in index
        ]
    table = np.array(rows, np.int64).reshape(-1, 3)
    return table[:, :2], table[:, 2], mended
