"""Segment labels as ActivityNet JSON."""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Mapping
from typing import Any

from mmsnip.io.labels.label_set import LabelRow, LabelSet, build_label_set
from mmsnip.structures.errors import DataError, is_rate, show
from mmsnip.structures.files import is_text, read_json, safe_name

__all__ = ['read_activitynet_labels']

MAX_TEXT = 2**29
_LAYOUT = (
    '{"database": {video: {"subset", "duration", "annotations": '
    '[{"segment": [start_s, end_s], "label"}]}}}, or '
    '{"results": {video: [..]}}'
)
_PARTS = {'training': 'train', 'validation': 'val', 'testing': 'test'}


def read_activitynet_labels(
    path: str | os.PathLike[str],
    background: Collection[str] | str | None = None,
) -> LabelSet:
    """Read ActivityNet's ground truth, or results in its layout."""
    document = read_json(path, MAX_TEXT, object_pairs_hook=_unique)
    keys = {*document} if isinstance(document, dict) else set()
    if not keys & {'database', 'results'}:
        raise DataError(f"{path} lacks the key 'database'; expected {_LAYOUT}")
    truth = 'database' in document
    key = 'database' if truth else 'results'
    found = _checked(document, key, path)
    extra = document.get('external_data')
    extra = extra if isinstance(extra, dict) else {}
    rows: dict[str, list[LabelRow]] = {}
    splits: dict[str, list[str]] = {}
    facts: dict[str, dict[str, Any]] = {}
    notes: list[str] = []
    for video, entry in found.items():
        safe_name(video, f'{path}, {key}')
        marks = entry.annotations if truth else entry
        rows[video] = [
            LabelRow(
                mark.label.strip(),
                *mark.segment,
                f'{key}[{video!r}]' + '.annotations' * truth + f'[{n}]',
            )
            for n, mark in enumerate(marks)
        ]
        if not truth:
            facts[video] = dict(fps=_rate(extra.get('fps'), video))
            continue
        subset = entry.subset
        if isinstance(subset, str) and subset.strip() and is_text(subset):
            part = _PARTS.get(subset.strip().lower(), subset.strip())
            splits.setdefault(part, []).append(video)
        length = entry.duration
        if isinstance(length, (int, float)) and 0 < length < math.inf:
            notes += [
                f'{row.place}: {row.name!r} ends at {row.end:.10g} s, after '
                f'the duration of {length:.10g} s'
                for row in rows[video]
                if row.end > length
            ]
    classes = None if truth else extra.get('classes')
    if classes is not None:
        classes = _check_classes(classes, rows, path)
    return build_label_set(
        rows, 's', path, classes, splits, facts, notes, background
    )


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f'the key {key[:80]!r} stands twice')
        found[key] = value
    return found


def _checked(document: dict[str, Any], key: str, path: Any) -> dict[str, Any]:
    """Annotations of each video, checked by models of the layout."""
    from pydantic import (
        FiniteFloat,
        TypeAdapter,
        ValidationError,
        create_model,
    )

    span = tuple[FiniteFloat, FiniteFloat]
    mark = create_model('Mark', label=(str, ...), segment=(span, ...))
    video = create_model(
        'Video',
        annotations=(list[mark], []),
        subset=(Any, None),
        duration=(Any, None),
    )
    entry: Any = video if key == 'database' else list[mark]
    try:
        return TypeAdapter(dict[str, entry]).validate_python(document[key])
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = key + ''.join(
            f'.{part}' if isinstance(part, str) and n else f'[{part!r}]'
            for n, part in enumerate(first['loc'])
        )
        raise DataError(
            f'{path}, {place}: found {show(first["input"])}; '
            f'{first["msg"]}. Expected {_LAYOUT}'
        ) from None


def _rate(fps: Any, video: str) -> float | None:
    rate = fps.get(video) if isinstance(fps, Mapping) else fps
    return float(rate) if is_rate(rate) else None


def _check_classes(
    classes: Any, rows: Mapping[str, list[LabelRow]], path: Any
) -> list[str]:
    place = f"{path}: external_data['classes']"
    names = classes if isinstance(classes, list) else []
    if not names or not all(isinstance(name, str) for name in names):
        raise DataError(f'{place} is no list of names')
    names = [name.strip() for name in names]
    if len(set(names)) < len(names):
        raise DataError(f'{place} repeats a name')
    for row in (row for own in rows.values() for row in own):
        if row.name not in names:
            raise DataError(
                f'{path}, {row.place} has label {row.name!r}, which is none '
                "of external_data['classes']"
            )
    return names
