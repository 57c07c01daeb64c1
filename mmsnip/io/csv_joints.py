"""Order and layout of a table's joints."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mmsnip.io.csv_columns import ColumnMap
from mmsnip.io.csv_header import Columns
from mmsnip.io.reading import SequenceError
from mmsnip.skeleton.layout import get_layout, tree_root
from mmsnip.skeleton.layouts import BUILTIN

__all__ = ['arrange_joints', 'known_joints']

_WORD = re.compile(r'[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+')


def known_joints(columns: ColumnMap, path: Path) -> list[str]:
    """Joints that a column map tells, in the order wanted.

    Args:
        columns (ColumnMap): The map.
        path (Path): Table, for messages.

    Returns:
        list[str]: V names; empty where it leaves them to the table.

    Raises:
        SequenceError: If its layout is unknown, or parents are no tree.
    """
    if columns.layout is not None:
        if columns.layout not in BUILTIN:
            raise SequenceError(
                f'{path}: layout={columns.layout!r:.60} of the column map is '
                f'unknown; use one of {sorted(BUILTIN)}'
            )
        return list(get_layout(columns.layout).joint_names)
    names = list(columns.joint_names or ())
    if columns.parents is not None:
        V = len(names or columns.joints or columns.parents)
        if len(columns.parents) != V:
            raise SequenceError(
                f'{path}: the column map has {len(columns.parents)} parents '
                f'for {V} joints'
            )
        try:
            tree_root('column map', tuple(columns.parents))
        except ValueError as error:
            raise SequenceError(f'{path}: {error}') from None
    return names


def arrange_joints(
    names: list[str], columns: ColumnMap, found: Columns, path: Path
) -> tuple[list[int], Any, list[str]]:
    """Order that the map or a built-in layout gives the joints.

    Without a map, joints that have exactly the names of a built-in layout
    (in any order, case and spelling of words) are brought to its order.

    Args:
        names (list[str]): V names of the table.
        columns (ColumnMap): The map.
        found (Columns): What was found.
        path (Path): Table, for messages.

    Returns:
        tuple[list[int], Any, list[str]]: Joint that takes each place; the
            layout, a name or a dict, None where it is not known; the names.

    Raises:
        SequenceError: If the joints of the map are not those of the table.
    """
    wanted = known_joints(columns, path)
    layout: Any = columns.layout or found.layout
    if found.layout is not None and not wanted:
        wanted = list(get_layout(found.layout).joint_names)
    numbered = all(name.isdecimal() for name in names)
    if not wanted and not numbered and columns.parents is None:
        spelled = sorted(map(_spell, names))
        for builtin in BUILTIN:
            option = list(get_layout(builtin).joint_names)
            if sorted(map(_spell, option)) == spelled:
                layout, wanted = builtin, option
                break
    if not wanted:
        wanted = names
    if numbered and len(names) == len(wanted):
        order = list(range(len(names)))
    else:
        place = {_spell(name): v for v, name in enumerate(names)}
        place.update({name: v for v, name in enumerate(names)})
        order = [place.get(n, place.get(_spell(n), -1)) for n in wanted]
        missing = [n for n, v in zip(wanted, order) if v < 0]
        if missing:
            raise SequenceError(
                f'{path}: joints {missing!r:.300} of the layout are not in '
                f'the table, which has {names!r:.300}'
            )
    if columns.parents is not None:
        if len(columns.parents) != len(wanted):
            raise SequenceError(
                f'{path}: the column map has {len(columns.parents)} parents, '
                f'the table {len(wanted)} joints'
            )
        layout = dict(joint_names=wanted, parents=list(columns.parents))
    return order, layout, wanted


def _spell(name: str) -> Any:
    """Words of a name in any order: LeftHip, left_hip, hip left."""
    words = sorted(word.lower() for word in _WORD.findall(name))
    return tuple(words) or (name,)
