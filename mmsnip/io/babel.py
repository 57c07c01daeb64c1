"""BABEL's json files: what is done when, in which AMASS motion."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mmsnip.io.reading import SequenceError, read_text, safe_name
from mmsnip.structures.errors import show

__all__ = [
    'BABEL_SUBSETS',
    'BabelSegment',
    'BabelSequence',
    'act_categories',
    'read_babel_json',
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
        SequenceError: If it is no such json; file, sid and key are named.
    """
    text = read_text(path)
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SequenceError(
            f'{path} is no json ({str(error)[:120]}); is it cut off?'
        ) from None
    if not isinstance(content, dict):
        raise SequenceError(
            f'{path} holds a {show(content)[:80]}; expected the sequences of '
            'BABEL by their sid'
        )
    return [
        _sequence(f'{path}, sid {sid[:40]!r}', sid, entry)
        for sid, entry in content.items()
    ]


def _sequence(where: str, sid: str, entry: Any) -> BabelSequence:
    if not isinstance(entry, Mapping):
        raise SequenceError(f'{where}: found {show(entry)}, expected a dict')
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
            raise SequenceError(
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
            raise SequenceError(
                f'{where}, key {f"{key}s"!r}: found {show(several)}, '
                'expected a list'
            )
    if found is not None and not isinstance(found, Mapping):
        raise SequenceError(
            f'{where}, key {key!r}: found {show(found)}, expected a dict '
            "with 'labels', or null"
        )
    return found


def _labels(where: str, annotation: Mapping | None) -> list[Any]:
    labels = [] if annotation is None else annotation.get('labels')
    if not isinstance(labels, list):
        raise SequenceError(
            f"{where}, key 'labels': found {show(labels)}, expected a list"
        )
    return labels


def _seconds(where: str, key: str, value: Any) -> float:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not abs(value) <= LONGEST_S:  # NaN falls out too
        raise SequenceError(
            f'{where}, key {key!r}: found {show(value)}, expected seconds'
        )
    if key == 'dur' and value <= 0:
        raise SequenceError(
            f'{where}, key {key!r}: found {value}, expected more than 0 '
            'seconds'
        )
    return float(value)


def _text(where: str, key: str, value: Any) -> str:
    if not isinstance(value, str):
        raise SequenceError(
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
        raise SequenceError(
            f"{where}, key 'act_cat': found {show(value)}, expected a list "
            'of text, or null'
        )
    return tuple(dict.fromkeys(listed))


def act_categories(sequences: Iterable[BabelSequence]) -> list[str]:
    """All action categories, in the order of their letters.

    Args:
        sequences (Iterable[BabelSequence]): Of all splits, so that each
            split has the same classes.

    Returns:
        list[str]: Each once, sorted as Python sorts text.
    """
    names = {
        name
        for sequence in sequences
        for segment in sequence.segments
        for name in segment.act_cats
    }
    return sorted(names)
