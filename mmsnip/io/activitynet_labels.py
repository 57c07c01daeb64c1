"""Segment labels as ActivityNet JSON."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from typing import Any

from mmsnip.io.label_set import (
    LabelError,
    LabelRow,
    LabelSet,
    build_label_set,
)
from mmsnip.io.reading import read_text, safe_name

__all__ = ['read_activitynet_labels']

MAX_TEXT = 2**29
_LAYOUT = (
    '{"database": {video: {"subset", "duration", "annotations": '
    '[{"segment": [start_s, end_s], "label"}]}}}'
)
_PARTS = {'training': 'train', 'validation': 'val', 'testing': 'test'}


def read_activitynet_labels(path: str | os.PathLike[str]) -> LabelSet:
    """Read ActivityNet's ground truth, or results in its layout.

    Of ground truth, ``{"database": {video: ..}}``, the subsets ``training``,
    ``validation`` and ``testing`` (capitals do not matter) become the splits
    'train', 'val' and 'test'; another name stays as it is. A video without
    annotations, as those of a test set, has no segment. A segment that ends
    after the ``duration`` is reported, not cut: `to_frames` cuts by the
    recording. Of results, ``{"results": {video: [..]}}``, classes and frame
    rates are those that `save_detections` wrote; scores are left out.

    Args:
        path (str | os.PathLike[str]): File.

    Returns:
        LabelSet: In seconds.

    Raises:
        FileNotFoundError: If there is no such file.
        SequenceError: If it is no such JSON, or a name stands twice; line,
            or video and annotation, are named.
    """
    document = _parse(path)
    if not isinstance(document, dict):
        raise LabelError(f'{path} is no JSON object; expected {_LAYOUT}')
    for key in ('database', 'results'):
        if isinstance(document.get(key), dict):
            break
    else:
        raise LabelError(
            f"{path} lacks the key 'database'; expected {_LAYOUT}, or "
            '{"results": {video: [..]}}'
        )
    rows: dict[str, list[LabelRow]] = {}
    splits: dict[str, list[str]] = {}
    facts: dict[str, dict[str, Any]] = {}
    notes: list[str] = []
    extra = document.get('external_data')
    extra = extra if isinstance(extra, dict) else {}
    for video, entry in document[key].items():
        place = f'{key}[{video!r}]'
        safe_name(video, f'{path}, {place}')
        facts[video] = {}
        if key == 'results':
            rows[video] = _rows(entry, path, place)
            facts[video]['fps'] = _rate(extra.get('fps'), video)
            continue
        if not isinstance(entry, dict):
            raise LabelError(
                f'{path}, {place} is no object; expected {_LAYOUT}'
            )
        rows[video] = _rows(entry.get('annotations', []), path, place)
        subset = entry.get('subset')
        if isinstance(subset, str) and subset.strip().isprintable():
            part = _PARTS.get(subset.strip().lower(), subset.strip())
            splits.setdefault(part, []).append(video)
        duration = _number(entry.get('duration'))
        if duration is not None:
            facts[video]['duration'] = duration
            notes += [
                f'{row.place}: {row.name!r} ends at {row.end:.10g} s, after '
                f'the duration of {duration:.10g} s'
                for row in rows[video]
                if row.end > duration
            ]
    classes = extra.get('classes') if key == 'results' else None
    if classes is not None:
        classes = _check_classes(classes, rows, path)
    return build_label_set(rows, 's', path, classes, splits, facts, notes)


def _parse(path: str | os.PathLike[str]) -> Any:
    text = read_text(path, MAX_TEXT)
    try:
        return json.loads(text, object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        raise LabelError(
            f'{path}, line {error.lineno}: {error.msg}; expected JSON, is '
            'the file cut off?'
        ) from None
    except (_RepeatedKeyError, RecursionError, ValueError) as error:
        raise LabelError(f'{path} is no JSON that is read: {error}') from None


class _RepeatedKeyError(Exception):
    """A key stands twice."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen = set()
        for key, _ in pairs:
            if key in seen:
                raise _RepeatedKeyError(f'the key {key[:80]!r} stands twice')
            seen.add(key)
    return found


def _rows(
    entries: Any, path: str | os.PathLike[str], place: str
) -> list[LabelRow]:
    if not isinstance(entries, list):
        raise LabelError(f'{path}, {place} has no list of annotations')
    rows = []
    for number, entry in enumerate(entries):
        where = f'{place}, annotation {number}'
        try:
            name, (start, end) = entry['label'], entry['segment']
            times = _number(start), _number(end)
        except (KeyError, TypeError, ValueError):
            name, times = None, ()
        if not isinstance(name, str) or None in times or not times:
            raise LabelError(
                f'{path}, {where} is {repr(entry)[:120]}; expected '
                '{"segment": [start_s, end_s], "label": name}'
            )
        rows.append(LabelRow(name.strip(), *times, where))
    return rows


def _number(value: Any) -> float | None:
    """A finite number, numbers in quotes too; None is anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _rate(fps: Any, video: str) -> float | None:
    rate = _number(fps.get(video) if isinstance(fps, Mapping) else fps)
    return rate if rate is not None and rate > 0 else None


def _check_classes(
    classes: Any, rows: Mapping[str, list[LabelRow]], path: Any
) -> list[str]:
    names = classes if isinstance(classes, list) else []
    if not all(isinstance(name, str) for name in names) or not names:
        raise LabelError(
            f"{path}: external_data['classes'] is no list of names"
        )
    names = [name.strip() for name in names]
    known = set(names)
    if len(known) < len(names):
        raise LabelError(f"{path}: external_data['classes'] repeats a name")
    for row in (row for own in rows.values() for row in own):
        if row.name not in known:
            raise LabelError(
                f'{path}, {row.place} has label {row.name!r}, which is none '
                "of external_data['classes']"
            )
    return names
