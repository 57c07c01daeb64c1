"""Files of ELAN (``.eaf``): segment labels in, detections out.

By hand, since pympi-ling crashes on ids without digits, lets ids that stand
twice overwrite each other, and knows neither slots without a time nor
annotations that share their parent's: what is left to it is no shorter.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree.ElementTree import (
    Element,
    ParseError,
    SubElement,
    indent,
    tostring,
)

import numpy as np

from mmsnip.io.labels.label_set import (
    LabelRow,
    LabelSet,
    build_label_set,
    names_of,
)
from mmsnip.structures.errors import DataError
from mmsnip.structures.files import check_size, draft_of, is_text, safe_name
from mmsnip.structures.segments import Segments, seconds_of

__all__ = ['read_elan', 'save_elan']

MAX_XML = 2**26
SCORE_TYPE = 'score'  # linguistic type of the tiers that hold scores
_LINKS = {
    'ALIGNABLE_ANNOTATION': ('TIME_SLOT_REF1', 'TIME_SLOT_REF2'),
    'REF_ANNOTATION': ('ANNOTATION_REF',),
}
_SEGMENT, _ASSOCIATION = 'segment', 'Symbolic_Association'
_XSI = '{http://www.w3.org/2001/XMLSchema-instance}noNamespaceSchemaLocation'
_SCHEMA = 'http://www.mpi.nl/tools/elan/EAFv3.0.xsd'


class _Annotation(NamedTuple):
    """As its file has it: of two time slots, or of another annotation."""

    key: str
    tier: str
    value: str
    slots: tuple[str, str] | None
    parent: str | None
    previous: str | None

    @property
    def place(self) -> str:
        """Text that tells it, for messages."""
        return f'annotation {self.key!r} of tier {self.tier!r}'


def read_elan(
    path: str | os.PathLike[str],
    tiers: Collection[str] | str | None = None,
    background: Collection[str] | str | None = None,
) -> LabelSet:
    """Read the annotations of a file of ELAN, or of all in a folder.

    The class of a segment is the value of its annotation. A video is named
    as its file without ending, in a folder with the folders below it.
    Milliseconds become seconds; they count from the beginning of the
    document, and media that begin elsewhere (``TIME_ORIGIN``) are reported.

    - Time slots without a value, as of a tier that divides its parent's
      time, lie evenly spaced between the nearest two of their tier's chain
      of annotations that have one, as ELAN draws them.
    - An annotation that refers to another one takes its interval; several of
      one tier that refer to the same share it evenly, in the order that
      ``PREVIOUS_ANNOTATION`` says, or that of the file where none says it.
    - An annotation without text is dropped and reported.
    - Tiers of scores, as `save_elan` writes them, hold no classes: only a
      choice by `tiers` reads them.

    Args:
        path (str | os.PathLike[str]): File, or folder of ``.eaf`` files.
        tiers (Collection[str] | str, optional): Ids of the tiers to read;
            None reads all but those of scores.
        background (Collection[str] | str, optional): Values of no action.

    Returns:
        LabelSet: In seconds, tier after tier in the order of the file.

    Raises:
        FileNotFoundError: If there is no such file or folder.
        DataError: If a file is no such XML or declares entities, a tier is
            in none of the files, or a reference leads nowhere; file and
            element are named.

    Source:
        EAF format description, EAFv3.0.xsd.
    """
    path = Path(path)
    files = {path.stem: path}
    if path.is_dir():
        files = {
            file.relative_to(path).with_suffix('').as_posix(): file
            for file in sorted(path.rglob('*.eaf'))
        }
        if not files:
            raise DataError(f'{path} has no .eaf file')
    wanted = names_of(tiers)
    rows: dict[str, list[LabelRow]] = {}
    mended: list[str] = []
    there: set[str] = set()
    for video, file in files.items():
        safe_name(video, file)
        root = _parse(file)
        chosen = {tier.get('TIER_ID', '') for tier in root.iter('TIER')}
        there |= chosen
        if wanted is None:
            scores = [  # of our own export: how sure each segment is
                tier.get('TIER_ID', '')
                for tier in root.iter('TIER')
                if tier.get('LINGUISTIC_TYPE_REF') == SCORE_TYPE
                and tier.get('PARENT_REF')
            ]
            chosen -= set(scores)
            mended += [
                f'{file.name}: tier {name!r} is left out, its type '
                f'{SCORE_TYPE!r} is that of scores; choose the tiers to read '
                'it'
                for name in scores
            ]
        else:
            chosen &= wanted
            if not chosen:
                mended.append(f'{file.name}: has none of the tiers')
        rows[video] = _rows(root, chosen, file, mended)
    for name in sorted((wanted or set()) - there):
        raise DataError(
            f'{path} has no tier {name!r}; there are {sorted(there)[:50]}'
        )
    return build_label_set(
        rows, 's', path, mended=mended, background=background
    )


def _parse(path: Path) -> Element:
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    check_size(path, MAX_XML)
    try:
        root = fromstring(path.read_bytes(), forbid_dtd=True)
    except DefusedXmlException as error:
        raise DataError(
            f'{path} declares a document type or entities, which is refused '
            f'({type(error).__name__}); ELAN writes none'
        ) from None
    except (ParseError, LookupError, ValueError, RecursionError) as error:
        raise DataError(f'{path} cannot be read as XML: {error}') from None
    if root.tag != 'ANNOTATION_DOCUMENT':
        raise DataError(
            f'{path}: the root is <{root.tag[:40]}>, expected '
            '<ANNOTATION_DOCUMENT>'
        )
    for header in root.findall('HEADER'):
        unit = header.get('TIME_UNITS', 'milliseconds')
        if unit != 'milliseconds':
            raise DataError(
                f'{path}: HEADER has TIME_UNITS {unit!r}, expected '
                "'milliseconds'"
            )
    return root


def _rows(
    root: Element, chosen: set[str], file: Path, mended: list[str]
) -> list[LabelRow]:
    for media in root.iter('MEDIA_DESCRIPTOR'):
        origin = media.get('TIME_ORIGIN', '0')
        if origin.strip('0'):
            mended.append(
                f'{file.name}: time 0 is {origin[:20]!r} ms of '
                f'{media.get("MEDIA_URL", "")[:200]!r}; segments count from '
                'time 0'
            )
    annotations: dict[str, _Annotation] = {}
    for one in _annotations(root, file):
        if one.key in annotations:
            raise DataError(
                f'{file}, {one.place}: its ANNOTATION_ID is also that of '
                f'{annotations[one.key].place}'
            )
        annotations[one.key] = one
    intervals = _intervals(root, annotations, file)
    rows = []
    for key, one in annotations.items():
        place = f'{file.name}, {one.place}'
        if one.tier in chosen and not one.value:
            mended.append(f'{place}: dropped, it has no text')
        elif one.tier in chosen:
            start, end = intervals[key]
            rows.append(LabelRow(one.value, start / 1000, end / 1000, place))
    return rows


def _annotations(root: Element, file: Path) -> Iterator[_Annotation]:
    for tier in root.iter('TIER'):
        name = tier.get('TIER_ID')
        if name is None:
            raise DataError(f'{file}: a TIER has no TIER_ID')
        for number, holder in enumerate(tier.findall('ANNOTATION')):
            for one in holder:
                needed = _LINKS.get(one.tag, ())
                for key in ('ANNOTATION_ID', *needed) if needed else ():
                    if key not in one.attrib:
                        raise DataError(
                            f'{file}, {one.tag} {number} of tier {name!r} '
                            f'has no {key}'
                        )
                links = [one.attrib[key] for key in needed]
                if links:
                    yield _Annotation(
                        one.attrib['ANNOTATION_ID'],
                        name,
                        ' '.join(one.findtext('ANNOTATION_VALUE', '').split()),
                        (links[0], links[1]) if len(links) == 2 else None,
                        links[0] if len(links) == 1 else None,
                        one.get('PREVIOUS_ANNOTATION'),
                    )


def _intervals(
    root: Element, annotations: Mapping[str, _Annotation], file: Path
) -> dict[str, tuple[float, float]]:
    """Milliseconds of all annotations."""
    slots = _slot_times(root, file)
    by_tier: dict[str, list[_Annotation]] = {}
    families: dict[str, dict[str, list[_Annotation]]] = {}
    for one in annotations.values():
        if one.parent is None:
            by_tier.setdefault(one.tier, []).append(one)
        elif one.parent in annotations:
            of_parent = families.setdefault(one.parent, {})
            of_parent.setdefault(one.tier, []).append(one)
        else:
            raise DataError(
                f'{file}, {one.place} refers to {one.parent!r}, which is no '
                'annotation'
            )
    intervals: dict[str, tuple[float, float]] = {}
    for tier in by_tier.values():
        intervals.update(_aligned(tier, slots, file))
    waiting = list(intervals)
    while waiting:
        parent = waiting.pop()
        start, end = intervals[parent]
        for children in families.get(parent, {}).values():
            step = (end - start) / len(children)
            for n, one in enumerate(_in_order(children, file)):
                begins = start + n * step
                intervals[one.key] = begins, start + (n + 1) * step
                waiting.append(one.key)
    for key, one in annotations.items():
        if key not in intervals:
            raise DataError(
                f'{file}, {one.place} refers to {one.parent!r} and so to '
                'itself'
            )
    return intervals


def _slot_times(root: Element, file: Path) -> dict[str, float | None]:
    """Milliseconds of each time slot, None where it has no value."""
    slots: dict[str, float | None] = {}
    for slot in root.iterfind('TIME_ORDER/TIME_SLOT'):
        key, value = slot.get('TIME_SLOT_ID'), slot.get('TIME_VALUE')
        if key is None or key in slots:
            raise DataError(
                f'{file}: TIME_SLOT_ID {key!r} is missing or stands twice'
            )
        digits = (value or '0').strip()
        if not (digits.isascii() and digits.isdigit() and len(digits) < 13):
            raise DataError(
                f'{file}, TIME_SLOT {key!r}: TIME_VALUE {digits[:40]!r} is no '
                'whole number of milliseconds'
            )
        slots[key] = None if value is None else float(digits)
    return slots


def _aligned(
    tier: Sequence[_Annotation],
    slots: Mapping[str, float | None],
    file: Path,
) -> dict[str, tuple[float, float]]:
    """Milliseconds of a tier's annotations; slots without a value spread."""
    # Along a chain, in which each begins at the slot where the last ends.
    times = {slot: time for slot, time in slots.items() if time is not None}
    spans = [one.slots or ('', '') for one in tier]
    end_of = dict(reversed(spans))
    for start, end in spans:
        if slots.get(start) is None:
            continue
        chain = [start]
        while end not in times and end in end_of and len(chain) <= len(tier):
            chain.append(end)
            end = end_of[end]
        if end not in times:
            break  # it leads nowhere, and is refused below
        if len(chain) > 1 and slots.get(end) is not None:
            spread = np.linspace(times[start], times[end], len(chain) + 1)
            times.update(zip(chain[1:], spread[1:].tolist()))
    for one, span in zip(tier, spans):
        for slot in span:
            if slot not in times:
                raise DataError(
                    f'{file}, {one.place} refers to TIME_SLOT {slot!r}, '
                    'which has no TIME_VALUE and lies between no two that '
                    'have, or is not there'
                )
    return {
        one.key: (times[start], times[end])
        for one, (start, end) in zip(tier, spans)
    }


def _in_order(children: list[_Annotation], file: Path) -> list[_Annotation]:
    if all(one.previous is None for one in children):
        return children
    after = {one.previous: one for one in children}
    ordered: list[_Annotation] = []
    while (key := ordered[-1].key if ordered else None) in after:
        ordered.append(after.pop(key))
    if len(ordered) < len(children):
        raise DataError(
            f'{file}, {children[0].place}: PREVIOUS_ANNOTATION does not put '
            f'it and the {len(children) - 1} others of '
            f'{children[0].parent!r} in one order'
        )
    return ordered


def save_elan(
    path: str | os.PathLike[str],
    detections: np.ndarray | Mapping[str, np.ndarray],
    classes: Sequence[str],
    fps: float,
    with_scores: bool = False,
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
        with_scores (bool): Whether the scores follow, each tier's in a tier
            ``'<tier> score'`` that depends on it. Defaults to False.

    Raises:
        DataError: If an array is malformed, a label has no name, a segment
            is empty or begins below 0, or a name cannot stand in XML.

    Source:
        EAF format description, EAFv3.0.xsd.
    """
    if not isinstance(detections, Mapping):
        detections = {'action': detections}
    tiers: dict[str, list[tuple[Any, ...]]] = {}
    for name, rows in detections.items():
        for place, marks in enumerate(_lanes(rows, classes, fps, name), 1):
            lane = name if place == 1 else f'{name} {place}'
            if lane in tiers:
                raise DataError(f'{path}: two tiers would be named {lane!r}')
            tiers[lane] = marks
    date = datetime.now(timezone.utc).isoformat('T', 'seconds')
    root = Element(
        'ANNOTATION_DOCUMENT',
        {'AUTHOR': 'mmsnip', 'DATE': date, 'FORMAT': '3.0', 'VERSION': '3.0'},
    )
    root.set(_XSI, _SCHEMA)
    header = SubElement(
        root, 'HEADER', MEDIA_FILE='', TIME_UNITS='milliseconds'
    )
    order = SubElement(root, 'TIME_ORDER')
    slot_of = {}
    borders = sorted(
        (time, lane, n, side)
        for lane, marks in tiers.items()
        for n, mark in enumerate(marks)
        for side, time in enumerate(mark[:2])
    )
    for number, (time, *of) in enumerate(borders, start=1):
        key = slot_of[tuple(of)] = f'ts{number}'
        SubElement(order, 'TIME_SLOT', TIME_SLOT_ID=key, TIME_VALUE=str(time))
    last = 0

    def annotate(tier: Element, tag: str, text: str, **links: str) -> str:
        nonlocal last
        last += 1
        one = SubElement(
            SubElement(tier, 'ANNOTATION'), tag, ANNOTATION_ID=f'a{last}'
        )
        one.attrib.update(links)
        SubElement(one, 'ANNOTATION_VALUE').text = text
        return f'a{last}'

    for lane, marks in tiers.items():
        tier = SubElement(
            root, 'TIER', LINGUISTIC_TYPE_REF=_SEGMENT, TIER_ID=lane
        )
        keys = [
            annotate(
                tier,
                'ALIGNABLE_ANNOTATION',
                name,
                TIME_SLOT_REF1=slot_of[lane, n, 0],
                TIME_SLOT_REF2=slot_of[lane, n, 1],
            )
            for n, (_, _, name, _) in enumerate(marks)
        ]
        if not with_scores or not marks or marks[0][3] is None:
            continue
        if f'{lane} score' in tiers:
            raise DataError(f'{path}: two tiers would be named {lane} score')
        tier = SubElement(
            root,
            'TIER',
            LINGUISTIC_TYPE_REF=SCORE_TYPE,
            PARENT_REF=lane,
            TIER_ID=f'{lane} score',
        )
        for key, mark in zip(keys, marks):
            text = f'{mark[3]:.6g}'
            annotate(tier, 'REF_ANNOTATION', text, ANNOTATION_REF=key)
    lasting = SubElement(header, 'PROPERTY', NAME='lastUsedAnnotationId')
    lasting.text = str(last)
    for kind, facts in (
        (_SEGMENT, dict(TIME_ALIGNABLE='true')),
        (SCORE_TYPE, dict(CONSTRAINTS=_ASSOCIATION, TIME_ALIGNABLE='false')),
    ):
        SubElement(
            root,
            'LINGUISTIC_TYPE',
            GRAPHIC_REFERENCES='false',
            LINGUISTIC_TYPE_ID=kind,
            **facts,
        )
    SubElement(
        root,
        'CONSTRAINT',
        DESCRIPTION='1-1 association with a parent annotation',
        STEREOTYPE=_ASSOCIATION,
    )
    indent(root, ' ' * 4)
    content = tostring(root, encoding='UTF-8', xml_declaration=True)
    with draft_of(path) as draft:
        draft.write_bytes(content)


def _lanes(
    rows: np.ndarray, classes: Sequence[str], fps: float, tier: str
) -> list[list[tuple[Any, ...]]]:
    """(start, end, class, score) in lists without overlap; one at least."""
    found = Segments.of_rows(
        rows, num_classes=len(classes), source=f'tier {tier!r}'
    )
    for name in (tier, *classes):
        if not isinstance(name, str) or not name.strip() or not is_text(name):
            raise DataError(f'tier or class {name!r} cannot stand in XML')
    times = np.rint(seconds_of(found.bounds, fps) * 1000).astype(np.int64)
    times[:, 1] = np.maximum(times[:, 1], times[:, 0] + 1)
    scored = np.shape(rows)[-1] == 4
    lanes: list[list[tuple[Any, ...]]] = [[]]
    for row in np.lexsort((times[:, 1], times[:, 0])).tolist():
        start, end = times[row].tolist()
        score = found.score[row] if scored else None
        mark = (start, end, classes[found.label[row]], score)
        for lane in lanes:
            if not lane or lane[-1][1] <= start:
                lane.append(mark)
                break
        else:
            lanes.append([mark])
    return lanes
