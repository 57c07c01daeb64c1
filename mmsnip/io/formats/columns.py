"""What the columns of a table mean, told by a small YAML file or guessed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from mmsnip.io.formats.clock import TIME_WORDS
from mmsnip.io.formats.table import Table
from mmsnip.structures import DataError

if TYPE_CHECKING:
    from mmsnip.io.formats.column_map import Column, ColumnMap

__all__ = ['Columns', 'find_columns']

LONGEST = 200  # letters of a column's name
LEAST = 3  # joints of a body in a table without a header

_WORDS: dict[str, set[str]] = {
    'frame': {
        *('frame', 'frames', 'frameid', 'frameindex', 'frameidx', 'frameno'),
        *('framenum', 'framenumber', 'framenr', 'fnum'),
    },
    'person': {
        *('person', 'personid', 'body', 'bodyid', 'track', 'trackid'),
        *('subject', 'subjectid', 'skeleton', 'skeletonid', 'user', 'userid'),
        'player',
    },
    'time': set(TIME_WORDS),
    'joint': {
        *('joint', 'jointname', 'jointid', 'jointindex', 'keypoint'),
        *('keypointid', 'keypointname', 'landmark', 'landmarkid', 'marker'),
        *('name', 'part', 'bodypart'),
    },
}
_SCORE = ('score', 'confidence', 'conf', 'likelihood', 'visibility', 'c')
_AXES = ('x', 'y', 'z', *_SCORE)
_PARTING = re.compile(r'[\s_.:/-]+')
_SHORT = re.compile(r'([xyzc])(\d+)|(\d+)([xyzc])', re.IGNORECASE)  # x0, 0x
_UNITS = ('m', 'mm', 'cm', 'px', 'pixel', 'pixels')
_NO_POSITION = {
    *('rot', 'rotation', 'quat', 'orientation', 'angle', 'vel', 'velocity'),
    'acc',
}
_POSITION = {'pos', 'position', 'coord', 'loc'}
# The published UTKinect-Action text: frame number and 20 Kinect v1 joints.
_UTKINECT_WIDTH = 61


@dataclass
class Columns:
    """Where everything stands; indices from 0."""

    # Of each person and joint the columns of x, y, z and score; where the
    # rows name persons or joints, these are ''.
    joints: dict[tuple[str, str], dict[str, int]] = field(default_factory=dict)
    frame: int | None = None
    person: int | None = None
    time: int | None = None
    joint: int | None = None
    time_unit: str | None = None
    unit: str | None = None
    layout: Any = None
    notes: list[str] = field(default_factory=list)


def find_columns(table: Table, columns: ColumnMap) -> Columns:
    """Resolve a `ColumnMap`, and guess what it leaves open.

    Names are compared without case and signs. ``frame``, ``person``,
    ``joint``, ``time`` and words like them have their meaning. Coordinates
    of a wide table are ``hip_x``, ``x_hip``, ``hipX``, ``0_x``, ``x0`` or
    ``0x``, of a long one ``x``, ``y``, ``z`` beside a ``joint`` column;
    ``score``, ``conf`` and such words give confidences. Other columns are
    left out and reported. Without a header 1 + 3 V columns whose first is
    whole and never falls are a frame number and V joints, 3 V columns V
    joints, then the same with 2; 3 goes before 2.
    """
    found = Columns()
    header = [name[:LONGEST] for name in table.header or ()]
    keys = [re.sub('[^a-z0-9]', '', name.lower()) for name in header]

    def index(column: Column, role: str) -> int:
        for fold in (str, str.casefold):
            names = [fold(name) for name in table.header or ()]
            if isinstance(column, str) and fold(column.strip()) in names:
                return names.index(fold(column.strip()))
        if isinstance(column, int) and column < table.num_columns:
            return column
        raise DataError(
            f'{table.path}: the column map wants {column!r:.60} for {role}, '
            f'but the table has {table.num_columns} columns and the header '
            f'{table.header!r:.300}'
        )

    for role, words in _WORDS.items():
        wanted = getattr(columns, role)
        if wanted is not None:
            setattr(found, role, index(wanted, role))
        elif columns.joints is None or role != 'joint':
            matches = [n for n, key in enumerate(keys) if key in words]
            setattr(found, role, matches[0] if matches else None)
    if found.time is not None and keys:
        found.time_unit = TIME_WORDS.get(keys[found.time])
    found.time_unit = columns.time_unit or found.time_unit
    bare: dict[str, Column] = {
        'score' if key in _SCORE else key: n
        for n, key in reversed(list(enumerate(keys)))
        if key in _AXES
    }
    given = columns.joints
    if given is None and (columns.coordinates or columns.joint is not None):
        given = {'': columns.coordinates or bare}
        if columns.joint is None or not {'x', 'y'} <= set(given['']):
            raise DataError(
                f"{table.path}: a row a joint needs both 'joint' and "
                "'coordinates' in the column map"
            )
    elif given is None and found.joint is not None:
        if {'x', 'y'} <= set(bare):
            given = {'': bare}
        else:
            found.joint = None
    if given is not None:
        found.joints = {
            ('', name): {role: index(at, name) for role, at in own.items()}
            for name, own in given.items()
        }
    elif table.header is None:
        _by_width(found, table, len(columns.known_joints))
    else:
        _by_name(found, table, header)
    return found


def _by_name(found: Columns, table: Table, header: list[str]) -> None:
    """Coordinate columns of a wide table by their names."""
    joints: dict[str, dict[str, int]] = {}
    units, unused = set(), []
    known = {found.frame, found.person, found.time}
    for n, cell in enumerate(header):
        if n in known:
            continue
        cell, unit = _without_unit(cell)
        name, axis = _split(cell)
        if name is None or axis in joints.get(name, {}):
            unused.append(cell)
            continue
        units |= {unit} if unit else set()
        joints.setdefault(name, {})[axis] = n
    for name in [n for n in joints if not {'x', 'y'} <= set(joints[n])]:
        unused += [header[n] for n in joints.pop(name).values()]
    if not joints:
        raise DataError(
            f'{table.path}: no coordinates are found in the header '
            f'{header!r:.300}; expected names like hip_x, hip_y, hip_z, '
            'or a column map that tells them (header: false where the first '
            'row is data, header_rows where several rows are the header)'
        )
    if all(name.isdecimal() for name in joints):
        joints = dict(sorted(joints.items(), key=lambda item: int(item[0])))
    found.joints = {('', name): at for name, at in joints.items()}
    if len(units) == 1:
        unit = units.pop()
        found.unit = 'pixel' if unit[0] == 'p' else unit
    unused = [cell[:40] for cell in unused if cell.strip()]
    if unused:
        found.notes.append(
            f'{len(unused)} columns were left out: {unused[:10]}'
        )


def _without_unit(cell: str) -> tuple[str, str | None]:
    """``hip_x [mm]`` -> ``hip_x`` and ``mm``."""
    for opening, closing in ('[]', '()'):
        if cell.endswith(closing) and opening in cell:
            rest, _, unit = cell[:-1].rpartition(opening)
            if unit in _UNITS and rest.strip():
                return rest.strip(), unit
    return cell, None


def _split(cell: str) -> tuple[str | None, str]:
    """Joint and axis that the name of a column tells."""
    words = _PARTING.split(cell)
    short = _SHORT.fullmatch(cell)
    name: str | None = None
    axis = ''
    if len(words) > 1 and words[0] and words[-1].lower() in _AXES:
        axis = words[-1]  # hip_x, 0_x
        name = cell[: -len(axis)].rstrip('_.:/- \t')
        words = words[:-1]
    elif len(words) > 1 and words[-1] and words[0].lower() in _AXES:
        axis = words[0]  # x_hip
        name = cell[len(axis) :].lstrip('_.:/- \t')
        words = words[1:]
    elif short:
        axis = short[1] or short[4]
        name = short[2] or short[3]
    elif cell[-1:] in ('X', 'Y', 'Z') and re.match('[a-z0-9]', cell[-2:-1]):
        axis, name = cell[-1], cell[:-1]  # hipX
    if not name or {w.lower() for w in (words[0], words[-1])} & _NO_POSITION:
        return None, ''
    if words[-1].lower() in _POSITION and len(words) > 1:
        name = name[: -len(words[-1])].rstrip('_.:/- \t')
    axis = axis.lower() if axis.lower() in 'xyz' else 'score'
    return name or None, axis


def _by_width(found: Columns, table: Table, num_joints: int) -> None:
    """Coordinates of a table without a header, by the number of columns."""
    taken = {found.frame, found.person, found.time}
    free = [n for n in range(table.num_columns) if n not in taken]
    options = [(len(free), False)]
    if found.frame is None and free and _counts(table.numbers(free[0])):
        options.insert(0, (len(free) - 1, True))
    # A known number of joints decides first, then three coordinates.
    for C in (3, 2):
        for width, counted in options:
            fits = width == C * num_joints if num_joints else width % C == 0
            if not fits or width < LEAST * C:
                continue
            if counted:
                found.frame = free.pop(0)
            found.joints = {
                ('', str(v)): dict(zip('xyz', free[C * v : C * v + C]))
                for v in range(width // C)
            }
            found.notes.append(
                f'without a header {table.num_columns} columns were read as '
                f'{"a frame number and " if counted else ""}{width // C} '
                f'joints of {C} coordinates'
            )
            utkinect = counted and table.by_space
            if utkinect and table.num_columns == _UTKINECT_WIDTH:
                found.layout = 'kinect-v1'
                found.notes[-1] += ', as in UTKinect the 20 of Kinect v1'
            return
    wanted = f'{num_joints} joints of ' if num_joints else ''
    raise DataError(
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
