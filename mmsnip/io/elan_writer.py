"""Detections as a file of ELAN."""

from __future__ import annotations

import mimetypes
import os
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote
from xml.etree.ElementTree import Element, SubElement, indent, tostring

import numpy as np

from mmsnip.io.detections import frames_to_seconds
from mmsnip.structures.files import draft_of

__all__ = ['SCORE_TYPE', 'save_elan']

_XSI = '{http://www.w3.org/2001/XMLSchema-instance}noNamespaceSchemaLocation'
_SCHEMA = 'http://www.mpi.nl/tools/elan/EAFv3.0.xsd'
SCORE_TYPE = 'score'  # linguistic type of the tiers that hold scores
_SEGMENT = 'segment'
_ASSOCIATION = 'Symbolic_Association'


class _Mark(NamedTuple):
    start: int  # milliseconds
    end: int
    name: str
    score: float | None


def save_elan(
    path: str | os.PathLike[str],
    detections: np.ndarray | Mapping[str, np.ndarray],
    classes: Sequence[str],
    fps: float,
    media: str | os.PathLike[str] | None = None,
    with_scores: bool = False,
    date: str | None = None,
) -> None:
    """Write detections or ground truth of one recording, all or nothing.

    An EAF 3.0 document: a tier for each kind of segments, the class as the
    text of each annotation. Annotations of a tier of ELAN must not overlap,
    so each segment goes to the first of 'tier', 'tier 2', 'tier 3', .. that
    is free. Times are rounded to milliseconds, at least one long.

    Args:
        path (str | os.PathLike[str]): File to write; folders are made.
        detections (np.ndarray | Mapping[str, np.ndarray]): Label, start, end
            in frames and, in 4 columns, score: (num_detections, 3 or 4); of
            a mapping, by name of the tier, else that is 'action'.
        classes (Sequence[str]): Name of each label.
        fps (float): Frames per second.
        media (str | os.PathLike[str], optional): Video that ELAN opens with
            it.
        with_scores (bool): Whether the scores follow, each tier's in a tier
            ``'<tier> score'`` that depends on it. Defaults to False.
        date (str, optional): Of the document, as ISO 8601; None is now.

    Raises:
        ValueError: If an array is malformed, a label has no name, a segment
            is empty or begins below 0, or a name cannot stand in XML.

    Source:
        EAF format description, EAFv3.0.xsd.
    """
    if not isinstance(detections, Mapping):
        detections = {'action': detections}
    if date is None:
        date = datetime.now(timezone.utc).isoformat('T', 'seconds')
    root = Element(
        'ANNOTATION_DOCUMENT',
        {
            'AUTHOR': 'mmsnip',
            'DATE': date,
            'FORMAT': '3.0',
            'VERSION': '3.0',
            _XSI: _SCHEMA,
        },
    )
    header = SubElement(
        root, 'HEADER', MEDIA_FILE='', TIME_UNITS='milliseconds'
    )
    if media is not None:
        SubElement(header, 'MEDIA_DESCRIPTOR', _media(Path(media), Path(path)))
    tiers: dict[str, list[_Mark]] = {}
    for name, rows in detections.items():
        _check_name(name, 'tier')
        for place, marks in enumerate(_lanes(rows, classes, fps, name), 1):
            lane = name if place == 1 else f'{name} {place}'
            if lane in tiers:
                raise ValueError(f'two tiers would be named {lane!r}')
            tiers[lane] = marks
    order = SubElement(root, 'TIME_ORDER')
    slot_of = _add_slots(order, tiers)
    last = 0
    for name, marks in tiers.items():
        keys = [f'a{last + place}' for place in range(1, len(marks) + 1)]
        _add_segments(root, name, marks, keys, slot_of)
        last += len(marks)
        if with_scores and any(mark.score is not None for mark in marks):
            if f'{name} score' in tiers:
                raise ValueError(f'two tiers would be named {name} score')
            last = _add_scores(root, name, marks, keys, last)
    lasting = SubElement(header, 'PROPERTY', NAME='lastUsedAnnotationId')
    lasting.text = str(last)
    _add_types(root)
    indent(root, ' ' * 4)
    content = tostring(root, encoding='UTF-8', xml_declaration=True)
    with draft_of(path) as draft:
        draft.write_bytes(content)


def _check_name(name: str, what: str) -> str:
    if not isinstance(name, str) or not name.strip():
        raise ValueError(f'{what} {name!r} is no text')
    if not name.isprintable():
        raise ValueError(f'{what} {name!r} cannot stand in XML')
    return name


def _media(media: Path, path: Path) -> dict[str, str]:
    near = os.path.relpath(media, path.parent).replace(os.sep, '/')
    kind = mimetypes.guess_type(media.name)[0]
    return dict(
        MEDIA_URL=media.resolve().as_uri(),
        MIME_TYPE=kind or 'unknown',
        RELATIVE_MEDIA_URL='./' + quote(near),
    )


def _lanes(
    rows: np.ndarray, classes: Sequence[str], fps: float, tier: str
) -> list[list[_Mark]]:
    """Segments as parts without overlap, ascending in time; one at least."""
    array = np.asarray(rows, np.float64)
    array = array.reshape(0, 4) if array.size == 0 else array
    if array.ndim != 2 or array.shape[1] not in (3, 4):
        raise ValueError(
            f'tier {tier!r} has shape {array.shape}; expected (n, 3) or '
            '(n, 4) with columns label, start, end, score'
        )
    times = np.rint(frames_to_seconds(array[:, 1:3], fps) * 1000)
    labels = array[:, 0]
    good = np.isfinite(array).all(axis=1) & (times >= 0).all(axis=1)
    good &= (array[:, 1] < array[:, 2]) & (times < 1e12).all(axis=1)
    good &= np.isin(labels, np.arange(len(classes)))
    if not good.all():
        row = int(good.argmin())
        raise ValueError(
            f'tier {tier!r}, row {row} is {array[row].tolist()}; expected '
            f'finite numbers, a label in 0..{len(classes) - 1} and '
            '0 <= start < end'
        )
    times[:, 1] = np.maximum(times[:, 1], times[:, 0] + 1)
    lanes: list[list[_Mark]] = [[]]
    for row in np.lexsort((times[:, 1], times[:, 0])).tolist():
        mark = _Mark(
            *times[row].astype(int).tolist(),
            _check_name(classes[int(labels[row])], 'class'),
            float(array[row, 3]) if array.shape[1] == 4 else None,
        )
        for lane in lanes:
            if not lane or lane[-1].end <= mark.start:
                lane.append(mark)
                break
        else:
            lanes.append([mark])
    return lanes


def _add_slots(
    order: Element, tiers: Mapping[str, Sequence[_Mark]]
) -> dict[tuple[str, int, int], str]:
    """Two slots for each segment, ascending in time; returns their ids."""
    borders = sorted(
        (time, name, place, side)
        for name, marks in tiers.items()
        for place, mark in enumerate(marks)
        for side, time in enumerate(mark[:2])
    )
    slot_of = {}
    for number, (time, name, place, side) in enumerate(borders, start=1):
        slot_of[name, place, side] = f'ts{number}'
        SubElement(
            order,
            'TIME_SLOT',
            TIME_SLOT_ID=f'ts{number}',
            TIME_VALUE=str(time),
        )
    return slot_of


def _add_segments(
    root: Element,
    name: str,
    marks: Sequence[_Mark],
    keys: Sequence[str],
    slot_of: Mapping[tuple[str, int, int], str],
) -> None:
    tier = SubElement(root, 'TIER', LINGUISTIC_TYPE_REF=_SEGMENT, TIER_ID=name)
    for place, (mark, key) in enumerate(zip(marks, keys)):
        one = SubElement(
            SubElement(tier, 'ANNOTATION'),
            'ALIGNABLE_ANNOTATION',
            ANNOTATION_ID=key,
            TIME_SLOT_REF1=slot_of[name, place, 0],
            TIME_SLOT_REF2=slot_of[name, place, 1],
        )
        SubElement(one, 'ANNOTATION_VALUE').text = mark.name


def _add_scores(
    root: Element,
    name: str,
    marks: Sequence[_Mark],
    keys: Sequence[str],
    last: int,
) -> int:
    """Returns the number of the last annotation."""
    tier = SubElement(
        root,
        'TIER',
        LINGUISTIC_TYPE_REF=SCORE_TYPE,
        PARENT_REF=name,
        TIER_ID=f'{name} score',
    )
    for mark, key in zip(marks, keys):
        last += 1
        one = SubElement(
            SubElement(tier, 'ANNOTATION'),
            'REF_ANNOTATION',
            ANNOTATION_ID=f'a{last}',
            ANNOTATION_REF=key,
        )
        SubElement(one, 'ANNOTATION_VALUE').text = f'{mark.score:.6g}'
    return last


def _add_types(root: Element) -> None:
    SubElement(
        root,
        'LINGUISTIC_TYPE',
        GRAPHIC_REFERENCES='false',
        LINGUISTIC_TYPE_ID=_SEGMENT,
        TIME_ALIGNABLE='true',
    )
    SubElement(
        root,
        'LINGUISTIC_TYPE',
        CONSTRAINTS=_ASSOCIATION,
        GRAPHIC_REFERENCES='false',
        LINGUISTIC_TYPE_ID=SCORE_TYPE,
        TIME_ALIGNABLE='false',
    )
    SubElement(
        root,
        'CONSTRAINT',
        DESCRIPTION='1-1 association with a parent annotation',
        STEREOTYPE=_ASSOCIATION,
    )
