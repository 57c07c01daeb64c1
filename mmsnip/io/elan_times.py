"""Time slots of ELAN, those without a value too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.etree.ElementTree import Element

from mmsnip.io.elan_tree import Annotation, Interval
from mmsnip.io.label_set import LabelError

__all__ = ['aligned_intervals', 'slot_times']

MAX_DIGITS = 12


def slot_times(root: Element, file: Path) -> dict[str, float | None]:
    """Milliseconds of each time slot, None where it has no value.

    Args:
        root (Element): ``ANNOTATION_DOCUMENT``.
        file (Path): For messages.

    Returns:
        dict[str, float | None]: By id.

    Raises:
        LabelError: If a slot has no id or another's, or its value is no
            whole number of milliseconds; the slot is named.
    """
    slots: dict[str, float | None] = {}
    for number, slot in enumerate(root.iterfind('TIME_ORDER/TIME_SLOT')):
        key, value = slot.get('TIME_SLOT_ID'), slot.get('TIME_VALUE')
        if key is None or key in slots:
            raise LabelError(
                f'{file}, TIME_SLOT {number} has '
                + ('no TIME_SLOT_ID' if key is None else f'the id of {key!r}')
            )
        if value is not None:
            value = value.strip()
            digits = value.isascii() and value.isdigit()
            if not digits or len(value) > MAX_DIGITS:
                raise LabelError(
                    f'{file}, TIME_SLOT {key!r}: TIME_VALUE {value[:40]!r} '
                    'is no whole number of milliseconds'
                )
        slots[key] = None if value is None else float(value)
    return slots


def aligned_intervals(
    tier: Sequence[Annotation],
    slots: Mapping[str, float | None],
    file: Path,
) -> dict[str, Interval]:
    """Intervals of the annotations of a tier that have time slots.

    Slots without a value are spaced evenly along the chain of annotations,
    each beginning at the slot where the one before it ends, between the two
    slots of the chain that have one.

    Args:
        tier (Sequence[Annotation]): All of the tier; those without slots are
            left out.
        slots (Mapping[str, float | None]): Milliseconds of each slot.
        file (Path): For messages.

    Returns:
        dict[str, Interval]: Milliseconds by annotation id.

    Raises:
        LabelError: If a slot is unknown, or has no value and is in no such
            chain; the annotation is named.
    """
    times: dict[str, float] = {}
    following: dict[str, Annotation] = {}
    aligned = [(one, *one.slots) for one in tier if one.slots is not None]
    for one, *both in aligned:
        for slot in both:
            if slot not in slots:
                raise LabelError(
                    f'{file}, {one.place} refers to TIME_SLOT {slot!r}, '
                    'which is not there'
                )
        if slots[both[0]] is None:
            following.setdefault(both[0], one)
    for _, start, end in aligned:
        if slots[start] is None:
            continue
        chain = []
        while slots[end] is None and end not in times:
            chain.append(end)
            if end not in following or len(chain) > len(aligned):
                raise LabelError(
                    f'{file}, TIME_SLOT {end!r} has no TIME_VALUE, and the '
                    f'annotations of tier {tier[0].tier!r} do not lead from '
                    'it to one that has'
                )
            end = following[end].slots[1]
        if chain and slots[end] is not None:
            step = (slots[end] - slots[start]) / (len(chain) + 1)
            for place, slot in enumerate(chain, start=1):
                times[slot] = slots[start] + place * step
    intervals = {}
    for one, start, end in aligned:
        found = [
            times.get(slot) if slots[slot] is None else slots[slot]
            for slot in (start, end)
        ]
        if found[0] is None or found[1] is None:
            slot = start if found[0] is None else end
            raise LabelError(
                f'{file}, {one.place}: TIME_SLOT {slot!r} has no TIME_VALUE, '
                'and no annotations of the tier lead to it from one that has'
            )
        intervals[one.key] = (found[0], found[1])
    return intervals
