"""Tiers of ELAN, and annotations that refer to others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element

from mmsnip.io.label_set import LabelError

__all__ = ['Annotation', 'Interval', 'read_tier', 'referred_intervals']

Interval = tuple[float, float]  # milliseconds


@dataclass(frozen=True)
class Annotation:
    """An annotation as its file has it.

    Args:
        key (str): Its id.
        tier (str): Id of its tier.
        value (str): Its text, white space as single blanks.
        slots (tuple[str, str] | None): Time slots of its start and end.
        parent (str | None): Id of the annotation it refers to.
        previous (str | None): Id of the one before it, below that parent.
    """

    key: str
    tier: str
    value: str
    slots: tuple[str, str] | None = None
    parent: str | None = None
    previous: str | None = None

    @property
    def place(self) -> str:
        """Text that tells it, for messages."""
        return f'annotation {self.key!r} of tier {self.tier!r}'


def read_tier(
    tier: Element, annotations: dict[str, Annotation], file: Path
) -> None:
    """Add the annotations of a tier.

    Args:
        tier (Element): ``TIER``.
        annotations (dict[str, Annotation]): By id, added to in place.
        file (Path): For messages.

    Raises:
        LabelError: If an id or a reference is missing, or an id stands
            twice; the annotation is named.
    """
    name = tier.get('TIER_ID')
    if name is None:
        raise LabelError(f'{file}: a TIER has no TIER_ID')
    for number, holder in enumerate(tier.findall('ANNOTATION')):
        for tag, needed in (
            ('ALIGNABLE_ANNOTATION', ('TIME_SLOT_REF1', 'TIME_SLOT_REF2')),
            ('REF_ANNOTATION', ('ANNOTATION_REF',)),
        ):
            element = holder.find(tag)
            if element is None:
                continue
            place = f'{file}, {tag} {number} of tier {name!r}'
            for attribute in ('ANNOTATION_ID', *needed):
                if attribute not in element.attrib:
                    raise LabelError(f'{place} has no {attribute}')
            key = element.attrib['ANNOTATION_ID']
            if key in annotations:
                raise LabelError(
                    f'{place}: its ANNOTATION_ID {key!r} is also that of '
                    f'{annotations[key].place}'
                )
            value = ' '.join(element.findtext('ANNOTATION_VALUE', '').split())
            links = [element.attrib[attribute] for attribute in needed]
            if tag == 'REF_ANNOTATION':
                annotations[key] = Annotation(
                    key,
                    name,
                    value,
                    parent=links[0],
                    previous=element.get('PREVIOUS_ANNOTATION'),
                )
            else:
                annotations[key] = Annotation(
                    key, name, value, slots=(links[0], links[1])
                )


def referred_intervals(
    annotations: Mapping[str, Annotation],
    intervals: dict[str, Interval],
    file: Path,
) -> None:
    """Add the intervals of annotations that refer to others.

    Those of one tier below one parent share its interval evenly.

    Args:
        annotations (Mapping[str, Annotation]): Of all tiers, by id.
        intervals (dict[str, Interval]): Of those with time slots; the others
            are added in place.
        file (Path): For messages.

    Raises:
        LabelError: If a reference leads nowhere or in a circle; the
            annotation is named.
    """
    groups: dict[str, dict[str, list[Annotation]]] = {}
    for one in annotations.values():
        if one.parent is None:
            continue
        if one.parent not in annotations:
            raise LabelError(
                f'{file}, {one.place} refers to {one.parent!r}, which is no '
                'annotation'
            )
        groups.setdefault(one.parent, {}).setdefault(one.tier, []).append(one)
    waiting = list(intervals)
    while waiting:
        parent = waiting.pop()
        start, end = intervals[parent]
        for children in groups.get(parent, {}).values():
            step = (end - start) / len(children)
            for place, one in enumerate(_in_order(children, file)):
                intervals[one.key] = (
                    start + place * step,
                    start + (place + 1) * step,
                )
                waiting.append(one.key)
    for key, one in annotations.items():
        if key not in intervals:
            raise LabelError(
                f'{file}, {one.place} refers to {one.parent!r} and so to '
                'itself'
            )


def _in_order(children: list[Annotation], file: Path) -> list[Annotation]:
    if all(one.previous is None for one in children):
        return children
    after = {one.previous: one for one in children}
    ordered = []
    following = after.pop(None, None)
    while following is not None:
        ordered.append(following)
        following = after.pop(following.key, None)
    if len(ordered) < len(children):
        raise LabelError(
            f'{file}, {children[0].place}: PREVIOUS_ANNOTATION does not put '
            f'it and the {len(children) - 1} others of '
            f'{children[0].parent!r} in one order'
        )
    return ordered
