"""Segment labels of ELAN's ``.eaf`` files."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from mmsnip.io.elan_times import aligned_intervals, slot_times
from mmsnip.io.elan_tree import (
    Annotation,
    Interval,
    read_tier,
    referred_intervals,
)
from mmsnip.io.elan_writer import SCORE_TYPE
from mmsnip.io.label_set import (
    LabelError,
    LabelRow,
    LabelSet,
    build_label_set,
)
from mmsnip.io.reading import check_size, safe_name

__all__ = ['read_elan']

MAX_XML = 2**26


def read_elan(
    path: str | os.PathLike[str],
    tiers: Collection[str] | str | None = None,
    linguistic_types: Collection[str] | str | None = None,
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
    - Tiers of scores, as `mmsnip.io.elan_writer.save_elan` writes them, hold
      no classes: only a choice by `tiers` or `linguistic_types` reads them.

    Args:
        path (str | os.PathLike[str]): File, or folder of ``.eaf`` files.
        tiers (Collection[str] | str, optional): Ids of the tiers to read;
            None reads all but those of scores.
        linguistic_types (Collection[str] | str, optional): Reads only tiers
            of these types.

    Returns:
        LabelSet: In seconds, tier after tier in the order of the file.

    Raises:
        FileNotFoundError: If there is no such file or folder.
        SequenceError: If a file is no such XML or declares entities, a tier
            is in none of the files, or a reference leads nowhere; file and
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
            raise LabelError(f'{path} has no .eaf file')
    wanted = _names(tiers)
    kinds = _names(linguistic_types)
    rows: dict[str, list[LabelRow]] = {}
    mended: list[str] = []
    there: dict[str, str] = {}  # linguistic type of each tier
    for video, file in files.items():
        safe_name(video, file)
        root = _parse(file)
        types = {
            tier.get('TIER_ID', ''): tier.get('LINGUISTIC_TYPE_REF', '')
            for tier in root.iter('TIER')
        }
        there.update(types)
        chosen = {
            name
            for name, kind in types.items()
            if (wanted is None or name in wanted)
            and (kinds is None or kind in kinds)
        }
        if (wanted, kinds) == (None, None):
            chosen -= _score_tiers(root, file, mended)
        if not chosen and (wanted, kinds) != (None, None):
            mended.append(f'{file.name}: has none of the tiers, no segment')
        rows[video] = _rows(root, chosen, file, mended)
    _check_choice(wanted, list(there), 'tier', path)
    _check_choice(kinds, list(there.values()), 'linguistic type', path)
    return build_label_set(rows, 's', path, mended=mended)


def _names(given: Collection[str] | str | None) -> set[str] | None:
    if given is None:
        return None
    return {given} if isinstance(given, str) else set(given)


def _score_tiers(root: Element, file: Path, mended: list[str]) -> set[str]:
    """Tiers of our own export that say how sure each segment is."""
    found = [
        tier.get('TIER_ID', '')
        for tier in root.iter('TIER')
        if tier.get('LINGUISTIC_TYPE_REF') == SCORE_TYPE
        and tier.get('PARENT_REF')
    ]
    mended += [
        f'{file.name}: tier {name!r} is left out, its type {SCORE_TYPE!r} is '
        'that of scores; choose the tiers to read it'
        for name in found
    ]
    return set(found)


def _check_choice(
    wanted: set[str] | None, there: list[str], what: str, path: Path
) -> None:
    lost = sorted((wanted or set()) - set(there))
    if lost:
        raise LabelError(
            f'{path} has no {what} {lost[0]!r}; there are '
            f'{sorted(set(there))[:50]}'
        )


def _parse(path: Path) -> Element:
    check_size(path, MAX_XML)
    try:
        root = fromstring(path.read_bytes(), forbid_dtd=True)
    except DefusedXmlException as error:
        raise LabelError(
            f'{path} declares a document type or entities, which is refused '
            f'({type(error).__name__}); ELAN writes none'
        ) from None
    except (ParseError, LookupError, ValueError, RecursionError) as error:
        raise LabelError(f'{path} cannot be read as XML: {error}') from None
    if root.tag != 'ANNOTATION_DOCUMENT':
        raise LabelError(
            f'{path}: the root is <{root.tag[:40]}>, expected '
            '<ANNOTATION_DOCUMENT>'
        )
    header = root.find('HEADER')
    unit = 'milliseconds'
    if header is not None:
        unit = header.get('TIME_UNITS', unit)
    if unit != 'milliseconds':
        raise LabelError(
            f"{path}: HEADER has TIME_UNITS {unit!r}, expected 'milliseconds'"
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
    slots = slot_times(root, file)
    annotations: dict[str, Annotation] = {}
    for tier in root.iter('TIER'):
        read_tier(tier, annotations, file)
    intervals: dict[str, Interval] = {}
    by_tier: dict[str, list[Annotation]] = {}
    for one in annotations.values():
        by_tier.setdefault(one.tier, []).append(one)
    for own in by_tier.values():
        intervals.update(aligned_intervals(own, slots, file))
    referred_intervals(annotations, intervals, file)
    rows = []
    for key, one in annotations.items():
        if one.tier not in chosen:
            continue
        place = f'{file.name}, {one.place}'
        if not one.value:
            mended.append(f'{place}: dropped, it has no text')
            continue
        start, end = intervals[key]
        rows.append(LabelRow(one.value, start / 1000, end / 1000, place))
    return rows
