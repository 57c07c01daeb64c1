"""What the columns of a table mean, told by a small YAML file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from mmsnip.io.csv_text import DELIMITERS
from mmsnip.io.reading import SequenceError, read_text
from mmsnip.io.recording import UP_AXES, check_scale
from mmsnip.structures.errors import is_int, is_rate, show

__all__ = ['TIME_UNITS', 'ColumnMap', 'load_column_map', 'parse_column_map']

Column = str | int  # a name of the header, or an index from 0
Joint = dict[str, Column]  # x, y and, where they are there, z and score

TIME_UNITS = {'s': 1.0, 'ms': 1e-3, 'us': 1e-6, 'ns': 1e-9}
_UNITS = ('m', 'mm', 'pixel', 'normalized')
_ROLES = ('x', 'y', 'z', 'score')
_LIMIT = 2**20  # bytes of a map


@dataclass(frozen=True)
class ColumnMap:
    """Meaning of a table's columns; what is None is guessed.

    A column is a name of the header or an index from 0. `joints` belongs to
    wide tables, a row a frame; `joint` and `coordinates` to long ones, a row
    a joint.

    Args:
        delimiter (str | None): A character, or ``tab``, ``space``,
            ``comma``, ``semicolon``.
        header (bool | None): Whether the first row names the columns.
        frame (Column | None): Column of the frame number.
        person (Column | None): Column of the person.
        time (Column | None): Column of the time.
        time_unit (str | None): Its unit: ``s``, ``ms``, ``us`` or ``ns``.
        scale (float): Factor on coordinates.
        unit (str | None): Their unit after it: ``m``, ``mm``, ``pixel`` or
            ``normalized``; None says ``m`` where `scale` is not 1.
        up (str | None): Axis of the file that points up; the result is
            turned so that y does.
        fps (float | None): Frames a second, instead of what `time` says.
        layout (str | None): Name of a built-in layout; joints are brought
            to its order.
        joint_names (list[str] | None): V names, in the order wanted.
        parents (list[int] | None): Parent of each, -1 for the root.
        joints (dict | None): For each joint its columns, ``[x, y]``, ``[x,
            y, z]``, ``[x, y, z, score]`` or a dict of x, y, z, score.
        joint (Column | None): Column of the joint's name or number.
        coordinates (dict | None): Columns of x, y, z, score, given as in
            `joints`.
    """

    delimiter: str | None = None
    header: bool | None = None
    frame: Column | None = None
    person: Column | None = None
    time: Column | None = None
    time_unit: str | None = None
    scale: float = 1.0
    unit: str | None = None
    up: str | None = None
    fps: float | None = None
    layout: str | None = None
    joint_names: list[str] | None = None
    parents: list[int] | None = None
    joints: dict[str, dict[str, Column]] | None = None
    joint: Column | None = None
    coordinates: dict[str, Column] | None = field(default=None)


def load_column_map(path: str | os.PathLike[str]) -> ColumnMap:
    """Read a column map; YAML of plain values only.

    Args:
        path (str | os.PathLike[str]): YAML file, see `ColumnMap` for keys.

    Returns:
        ColumnMap: The map.

    Raises:
        FileNotFoundError: If there is no such file.
        SequenceError: If it is no YAML, or a key or a value is wrong; it is
            named.

    Examples:
        >>> import pathlib, tempfile
        >>> text = '''
        ... delimiter: ;
        ... frame: frame_no
        ... time: t
        ... time_unit: ms
        ... scale: 0.001        # millimetres to metres
        ... up: z
        ... joints:
        ...   hip: [hip_x, hip_y, hip_z]
        ...   head: {x: 7, y: 8, z: 9, score: head_conf}
        ... parents: [-1, 0]
        ... '''
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, 'lab.yaml')
        ...     _ = path.write_text(text)
        ...     columns = load_column_map(path)
        >>> columns.joints['hip']
        {'x': 'hip_x', 'y': 'hip_y', 'z': 'hip_z'}
        >>> columns.delimiter, columns.time_unit, columns.up, columns.scale
        (';', 'ms', 'z', 0.001)
    """
    import yaml

    text = read_text(path, _LIMIT)
    try:
        values = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = ' '.join(str(error).split())[:200]
        raise SequenceError(
            f'{path} cannot be read as YAML ({reason}); expected a key and '
            'a value on each line'
        ) from None
    return parse_column_map(values, str(path))


def parse_column_map(values: Any, source: str) -> ColumnMap:
    """Check a column map given as a dict.

    Args:
        values (Any): Keys and values as in a YAML file.
        source (str): Where they come from, for messages.

    Returns:
        ColumnMap: The map.

    Raises:
        SequenceError: If a key is unknown or a value is wrong.
    """
    if not isinstance(values, Mapping):
        raise SequenceError(
            f'{source}: found {show(values)}, expected keys and values'
        )
    known = [f.name for f in fields(ColumnMap)]
    unknown = [show(key) for key in values if key not in known]
    if unknown:
        raise SequenceError(
            f'{source}: unknown keys {unknown}; the keys are {known}'
        )
    values = {key: value for key, value in values.items() if value is not None}
    for key, value in values.items():
        problem = _problem(key, value)
        if problem:
            raise SequenceError(
                f'{source}, key {key!r}: found {show(value)}, expected '
                f'{problem}'
            )
    if 'scale' in values:
        values['scale'] = check_scale(values['scale'], source)
    if 'fps' in values:
        values['fps'] = float(values['fps'])
    if 'joints' in values:
        values['joints'] = {
            str(name): _joint(columns, f'{source}, joint {str(name)[:40]!r}')
            for name, columns in values['joints'].items()
        }
    if 'coordinates' in values:
        where = f"{source}, key 'coordinates'"
        values['coordinates'] = _joint(values['coordinates'], where)
    if 'joints' in values and {'joint', 'coordinates'} & set(values):
        raise SequenceError(
            f"{source}: 'joints' is for a row a frame, 'joint' and "
            "'coordinates' for a row a joint; give one of them"
        )
    if 'layout' in values and {'joint_names', 'parents'} & set(values):
        raise SequenceError(
            f"{source}: give 'layout', or 'joint_names' and 'parents', not "
            'both'
        )
    if 'joint_names' in values:
        values['joint_names'] = [str(name) for name in values['joint_names']]
    return ColumnMap(**values)


def _problem(key: str, value: Any) -> str | None:
    """What was expected, None if the value can be used."""
    is_column = isinstance(value, str) or (is_int(value) and value >= 0)
    if key in ('frame', 'person', 'time', 'joint') and not is_column:
        return 'a column: its name, in quotes if need be, or an index from 0'
    if key == 'delimiter':
        if value not in list(DELIMITERS) and not (
            isinstance(value, str) and len(value) == 1 and value.isprintable()
        ):
            return f'one character, or one of {list(DELIMITERS)}'
    elif key == 'header' and not isinstance(value, bool):
        return 'true or false'
    elif key == 'time_unit' and value not in list(TIME_UNITS):
        return f'one of {list(TIME_UNITS)}'
    elif key == 'unit' and value not in _UNITS:
        return f"one of {list(_UNITS)}; for others use 'scale', 0.01 for cm"
    elif key == 'up' and value not in list(UP_AXES):
        return f'one of {sorted(UP_AXES)}'
    elif key == 'fps' and not is_rate(value):
        return 'a positive number'
    elif key == 'layout' and not isinstance(value, str):
        return "a name; use 'joint_names' and 'parents' for your own"
    elif key in ('joint_names', 'parents'):
        kind = is_int if key == 'parents' else _is_name
        if not isinstance(value, list) or not all(map(kind, value)):
            return 'a list of joints'
        if key == 'joint_names' and len(set(map(str, value))) < len(value):
            return 'a list in which no name comes twice'
    elif key == 'joints' and (
        not isinstance(value, Mapping)
        or not value
        or not all(map(_is_name, value))
    ):
        return 'a name and a list of columns for each joint'
    return None


def _is_name(value: Any) -> bool:
    return isinstance(value, str) or is_int(value)


def _joint(columns: Any, where: str) -> dict[str, Column]:
    """Columns of one joint by role."""
    if isinstance(columns, list) and 2 <= len(columns) <= 4:
        columns = dict(zip(_ROLES, columns))
    sound = isinstance(columns, Mapping) and {'x', 'y'} <= set(columns)
    if not sound or not set(columns) <= set(_ROLES):
        raise SequenceError(
            f'{where}: found {show(columns)}, expected [x, y], [x, y, z], '
            '[x, y, z, score] or a dict of these keys'
        )
    for role, column in columns.items():
        if _problem('frame', column):
            raise SequenceError(
                f'{where}, {role}: found {show(column)}, expected '
                f'{_problem("frame", column)}'
            )
    return dict(columns)
