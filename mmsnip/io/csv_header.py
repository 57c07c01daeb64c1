"""Which column of a table is which: by a map, by name, or by their number."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np

from mmsnip.io.csv_columns import ColumnMap
from mmsnip.io.csv_text import Table
from mmsnip.io.reading import SequenceError

__all__ = ['Columns', 'find_columns']

_FRAME = {
    *('frame', 'frames', 'frameid', 'frameindex', 'frameidx', 'frameno'),
    *('framenum', 'framenumber', 'framenr', 'fnum'),
}
_PERSON = {
    *('person', 'personid', 'body', 'bodyid', 'track', 'trackid', 'subject'),
    *('subjectid', 'skeleton', 'skeletonid', 'user', 'userid', 'player'),
}
_JOINT = {
    *('joint', 'jointname', 'jointid', 'jointindex', 'keypoint'),
    *('keypointid', 'keypointname', 'landmark', 'landmarkid', 'marker'),
    *('name', 'part', 'bodypart'),
}
_TIME = {
    **dict.fromkeys(('t', 'time', 'timestamp'), None),
    **dict.fromkeys(('times', 'timestamps', 'seconds', 'sec'), 's'),
    **dict.fromkeys(('timems', 'timestampms', 'ms', 'milliseconds'), 'ms'),
    **dict.fromkeys(('timeus', 'timestampus', 'microseconds'), 'us'),
    **dict.fromkeys(('timens', 'timestampns', 'nanoseconds'), 'ns'),
}
_SCORE = ('score', 'confidence', 'conf', 'likelihood', 'visibility', 'c')
_AXIS = '|'.join(('x', 'y', 'z', *_SCORE))
_WIDE = (
    rf'(?P<name>.*\w)[\s_.:/-]+(?P<axis>{_AXIS})',  # hip_x, 0_x
    rf'(?P<axis>{_AXIS})[\s_.:/-]+(?P<name>\w.*)',  # x_hip
    r'(?P<axis>[xyzc])(?P<name>\d+)',  # x0
    r'(?P<name>\d+)(?P<axis>[xyzc])',  # 0x
)
_CAMEL = re.compile(r'(?P<name>.*[a-z0-9])(?P<axis>[XYZ])')  # hipX
_UNIT = re.compile(r'(?P<rest>.*\S)\s*[\[(](?P<unit>m|mm|cm|px|pixels?)[\])]')
_POSITION = re.compile(r'[\s_.:/-]+(pos|position|coord|loc)$', re.IGNORECASE)
_OTHER = re.compile(
    r'(?i)(^|[\s_.:/-])(rot|rotation|quat|orientation|angle|vel|velocity|acc)$'
)
MAX_NAME = 200  # letters; the patterns above take their square in time
# The published UTKinect-Action text: frame number and 20 Kinect v1 joints.
_UTKINECT_WIDTH = 61


@dataclass
class Columns:
    """Where everything stands; indices from 0.

    Args:
        names (list[str] | None): V joints of a wide table; None where the
            rows name them.
        places (np.ndarray): Coordinates: (V, C) of a wide table, (1, C) of a
            long one.
        scores (np.ndarray | None): (V,) or (1,), likewise.
        frame (int | None): Frame number.
        person (int | None): Person.
        time (int | None): Time.
        time_unit (str | None): Its unit, if a name or the map says it.
        joint (int | None): Joint of a long table.
        unit (str | None): Unit in brackets behind the names.
        layout (str | None): Built-in layout, if the file fixes it.
        notes (list[str]): What was assumed or left out.
    """

    names: list[str] | None
    places: np.ndarray
    scores: np.ndarray | None = None
    frame: int | None = None
    person: int | None = None
    time: int | None = None
    time_unit: str | None = None
    joint: int | None = None
    unit: str | None = None
    layout: str | None = None
    notes: list[str] = field(default_factory=list)


def find_columns(table: Table, columns: ColumnMap, num_joints: int) -> Columns:
    """Resolve a map, and guess what it leaves open.

    Names are compared without case and signs. ``frame``, ``person``,
    ``joint``, ``time`` and words like them have their meaning. Coordinates
    of a wide table are ``hip_x``, ``x_hip``, ``hipX``, ``0_x``, ``x0`` or
    ``0x``, of a long one ``x``, ``y``, ``z`` beside a ``joint`` column;
    ``score``, ``conf`` and such words give confidences. Other columns are
    left out and reported. Without a header 1 + 3 V columns whose first is
    whole and never falls are a frame number and V joints, 3 V columns V
    joints, then the same with 2; 3 goes before 2.

    Args:
        table (Table): The table.
        columns (ColumnMap): What is known of it.
        num_joints (int): V, if the layout is known, else 0.

    Returns:
        Columns: All columns.

    Raises:
        SequenceError: If a column of the map is not there, or no joints can
            be found.
    """
    found = Columns(None, np.zeros((0, 0), np.int64))
    keys = [
        re.sub('[^a-z0-9]', '', name.lower()) for name in table.header or ()
    ]
    for role, words in (
        ('frame', _FRAME),
        ('person', _PERSON),
        ('time', _TIME),
        ('joint', _JOINT),
    ):
        wanted = getattr(columns, role)
        if wanted is not None:
            setattr(found, role, _index(table, wanted, role))
        elif columns.joints is None or role != 'joint':
            matches = [n for n, key in enumerate(keys) if key in words]
            setattr(found, role, matches[0] if matches else None)
    if found.time is not None and keys:
        found.time_unit = _TIME.get(keys[found.time])
    found.time_unit = columns.time_unit or found.time_unit
    joints = columns.joints
    if joints is not None:
        found.names = list(joints)
        _place(found, table, joints)
    elif columns.coordinates is not None or columns.joint is not None:
        given = columns.coordinates or _long(table, keys)
        if columns.joint is None or not {'x', 'y'} <= set(given):
            raise SequenceError(
                f"{table.path}: a row a joint needs both 'joint' and "
                "'coordinates' in the column map"
            )
        _place(found, table, {'coordinates': given})
    elif table.header is None:
        _by_width(found, table, num_joints)
    else:
        bare = _long(table, keys)
        if found.joint is None or not {'x', 'y'} <= set(bare):
            found.joint = None
            _by_name(found, table)
        else:
            _place(found, table, {'coordinates': bare})
    return found


def _index(table: Table, column: str | int, role: str) -> int:
    """Index of a column of the map."""
    if isinstance(column, int):
        if column < table.num_columns:
            return column
    elif table.header is not None:
        for fold in (str, str.casefold):
            names = [fold(name) for name in table.header]
            if fold(column.strip()) in names:
                return names.index(fold(column.strip()))
    there = 'no header' if table.header is None else f'{table.header!r:.300}'
    raise SequenceError(
        f'{table.path}: the column map wants {column!r:.60} for {role}, but '
        f'the table has {table.num_columns} columns and {there}'
    )


def _place(
    found: Columns, table: Table, joints: dict[str, dict[str, str | int]]
) -> None:
    """Take coordinate columns that are known by role."""
    roles = [
        role for role in ('x', 'y', 'z') if role in next(iter(joints.values()))
    ]
    scored = all('score' in given for given in joints.values())
    places, scores = [], []
    for name, given in joints.items():
        if [role for role in ('x', 'y', 'z') if role in given] != roles:
            raise SequenceError(
                f'{table.path}: joint {name!r:.60} has the coordinates '
                f'{sorted(given)}, the first one {roles}; all joints need '
                'the same, so name them in a column map'
            )
        places.append([_index(table, given[role], name) for role in roles])
        if scored:
            scores.append(_index(table, given['score'], name))
    found.places = np.array(places, np.int64)
    found.scores = np.array(scores, np.int64) if scored else None


def _long(table: Table, keys: list[str]) -> dict[str, str | int]:
    """Columns called x, y, z and score."""
    given: dict[str, str | int] = {
        axis: keys.index(axis) for axis in ('x', 'y', 'z') if axis in keys
    }
    scores = [n for n, key in enumerate(keys) if key in _SCORE]
    if scores:
        given['score'] = scores[0]
    return given


def _by_name(found: Columns, table: Table) -> None:
    """Coordinate columns of a wide table by their names."""
    joints: dict[str, dict[str, str | int]] = {}
    units, unused = set(), []
    known = {found.frame, found.person, found.time}
    for n, cell in enumerate(table.header or ()):
        if n in known:
            continue
        match = _UNIT.fullmatch(cell[: MAX_NAME + 1])
        name, axis = _split(match.group('rest') if match else cell)
        if name is None or axis in joints.get(name, {}):
            unused.append(cell)
            continue
        if match:
            units.add(match.group('unit'))
        joints.setdefault(name, {})[axis] = n
    lone = [name for name in joints if not {'x', 'y'} <= set(joints[name])]
    for name in lone:
        unused += [(table.header or [])[n] for n in joints.pop(name).values()]
    if not joints:
        raise SequenceError(
            f'{table.path}: no coordinates are found in the header '
            f'{table.header!r:.300}; expected names like hip_x, hip_y, hip_z, '
            'or a column map that tells them (header: false where the first '
            'row is data)'
        )
    if all(name.isdecimal() for name in joints):
        joints = dict(sorted(joints.items(), key=lambda item: int(item[0])))
    found.names = list(joints)
    found.unit = units.pop() if len(units) == 1 else None
    unused = [cell for cell in unused if cell.strip()]
    if unused:
        found.notes.append(
            f'{len(unused)} columns were left out: '
            f'{[cell[:40] for cell in unused[:10]]}'
        )
    _place(found, table, joints)


def _split(cell: str) -> tuple[str | None, str]:
    """Joint and axis that the name of a column tells."""
    if len(cell) > MAX_NAME:
        return None, ''
    for pattern in _WIDE:
        match = re.fullmatch(pattern, cell, re.IGNORECASE)
        if match:
            break
    else:
        match = _CAMEL.fullmatch(cell)
    if match is None or _OTHER.search(match.group('name')):
        return None, ''
    axis = match.group('axis').lower()
    axis = axis if axis in ('x', 'y', 'z') else 'score'
    name = _POSITION.sub('', match.group('name')).strip()
    return name or None, axis


def _by_width(found: Columns, table: Table, num_joints: int) -> None:
    """Coordinates of a table without a header, by the number of columns."""
    taken = {found.frame, found.person, found.time} - {None}
    free = [n for n in range(table.num_columns) if n not in taken]
    options = [(len(free), False)]
    if found.frame is None and free and _counts(table.numbers(free[0])):
        options.insert(0, (len(free) - 1, True))
    # A known number of joints decides first, then three coordinates.
    for C in (3, 2):
        for width, counted in options:
            fits = width == C * num_joints if num_joints else width % C == 0
            if not width or not fits:
                continue
            if counted:
                found.frame = free.pop(0)
            found.places = np.array(free, np.int64).reshape(-1, C)
            found.names = [str(v) for v in range(len(found.places))]
            found.notes.append(
                f'without a header {table.num_columns} columns were read as '
                f'{"a frame number and " if counted else ""}{width // C} '
                f'joints of {C} coordinates'
            )
            utkinect = counted and table.delimiter is None
            if utkinect and table.num_columns == _UTKINECT_WIDTH:
                found.layout = 'kinect-v1'
                found.notes[-1] += ', as in UTKinect the 20 of Kinect v1'
            return
    wanted = f'{num_joints} joints of ' if num_joints else ''
    raise SequenceError(
        f'{table.path}: {table.num_columns} columns without a header are not '
        f'{wanted}2 or 3 coordinates a joint, with or without a frame number '
        'before them; tell the columns in a column map'
    )


def _counts(numbers: np.ndarray) -> bool:
    """Whether a column can be a frame number."""
    if np.isnan(numbers).any() or (numbers != np.rint(numbers)).any():
        return False
    steps = np.diff(numbers)
    return bool((steps >= 0).all() and (numbers >= 0).all() and steps.any())
