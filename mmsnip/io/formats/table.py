"""Numbers in text, tables of any delimiter, and what their columns are."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mmsnip.io.formats.clock import TIME_WORDS
from mmsnip.structures import DataError
from mmsnip.structures.files import read_text

__all__ = [
    'DELIMITERS',
    'Columns',
    'Table',
    'find_columns',
    'read_numbers',
    'read_table',
]

DELIMITERS = {'tab': '\t', 'space': None, 'comma': ',', 'semicolon': ';'}
_MISSING = frozenset(('', '-', 'na', 'n/a', 'nan', 'null', 'none'))
_NA = [f(word) for word in _MISSING for f in (str, str.upper, str.title)]
_CELL = '\x1f'  # between cells that were parted here
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
class Table:
    """Rows of one width."""

    path: str
    header: list[str] | None
    lines: list[int]  # of the file, of each row
    by_space: bool
    frame: Any  # pandas.DataFrame (R, K), NaN where a cell is empty

    @property
    def num_rows(self) -> int:
        """R."""
        return len(self.lines)

    @property
    def num_columns(self) -> int:
        """K."""
        return self.frame.shape[1]

    def name(self, column: int) -> str:
        """Text that tells a column, for messages."""
        if self.header is None:
            return str(column)
        return repr(self.header[column][:40])

    def numbers(self, column: int) -> np.ndarray:
        """A column as (R,) float64; what is not finite is NaN."""
        cells = self.frame[column]
        if cells.dtype.kind not in 'iuf':
            words = ['' if c != c else str(c).strip() for c in cells]
            kept = [w if w.lower() not in _MISSING else 'nan' for w in words]
            try:
                cells = np.array(kept, np.float64)
            except ValueError:
                row = next(n for n, w in enumerate(kept) if not is_number(w))
                raise DataError(
                    f'{self.path}, line {self.lines[row]}: column '
                    f'{self.name(column)} holds {kept[row][:40]!r}, which is '
                    'no number'
                ) from None
        numbers = np.array(cells, np.float64)
        numbers[~np.isfinite(numbers)] = np.nan
        return numbers

    def words(self, column: int) -> list[str]:
        """A column as text; whole numbers without decimals, '' for none."""
        cells = self.frame[column]
        if cells.dtype.kind in 'iuf':
            return ['' if c != c else f'{c:.17g}' for c in cells.tolist()]
        words = ('' if c != c else str(c).strip() for c in cells)
        return [re.sub(r'\.0{1,20}$', '', word) for word in words]


def read_table(
    path: Path,
    delimiter: str | None = None,
    header: bool | None = None,
    header_rows: Sequence[int] = (),
    last_line: int | None = None,
) -> Table:
    """Read a table; blank lines and lines that begin with # are left out.

    A delimiter that is not given is the first of semicolon, tab and comma
    that stands in most of the first 20 rows, else white space. Where it is
    semicolon or tab a comma between digits is a decimal comma. The first row
    is the header where at least half of its cells are no numbers.
    """
    text = read_text(path)
    if _CELL in text:
        raise DataError(f'{path} holds control characters; is it a table?')
    quoted = '"' in text
    last = max(header_rows, default=0)
    above: dict[int, str] = {}
    rows, lines = [], []
    found = re.split(r'\r\n?|\n', text)[:last_line]
    for number, line in enumerate(found, 1):
        if number in header_rows:
            above[number] = line
        elif number > last and line.strip() and line.lstrip()[0] != '#':
            rows.append(line)
            lines.append(number)
    if not rows:
        what = 'a header only, no rows' if above else 'comments only, no table'
        raise DataError(f'{path} holds {what}')
    if delimiter is None:
        parting = next(
            (
                sign
                for sign in (';', '\t', ',')
                if 2 * sum(sign in row for row in rows[:20]) > len(rows[:20])
            ),
            None,
        )
    else:
        parting = DELIMITERS.get(delimiter, delimiter)
    parting = None if parting == ' ' else parting

    def cells(line: str, number: int) -> list[str]:
        if parting is None:
            return line.replace('"', '').split()
        if not quoted:
            return line.split(parting)
        try:
            return next(csv.reader([line], delimiter=parting))
        except (csv.Error, StopIteration, TypeError, ValueError) as error:
            raise DataError(
                f'{path}, line {number}: the quotes cannot be read ({error})'
            ) from None

    first = cells(rows[0], lines[0])
    names = None
    if header_rows:
        heads = [cells(above.get(n, ''), n) for n in sorted(header_rows)]
        names = _joined(heads, len(first))
    else:
        words = [word.strip() for word in first if word.strip()]
        if header is None:
            header = 2 * sum(_is_cell(w, parting) for w in words) <= len(words)
        if header:
            names = [word.strip() for word in first]
            rows, lines = rows[1:], lines[1:]
            if not rows:
                raise DataError(f'{path} holds a header only, no rows')
    if parting in (';', '\t') and re.search(r'\d,\d', text):
        rows = [re.sub(r'(?<=\d),(?=\d)', '.', row) for row in rows]
    sign = parting
    if sign is None or quoted:
        rows = [_CELL.join(cells(r, n)) for r, n in zip(rows, lines)]
        sign = _CELL
    for row, number in zip(rows, lines):
        if row.count(sign) + 1 != len(first):
            raise DataError(
                f'{path}, line {number}: found {row.count(sign) + 1} cells, '
                f'expected {len(first)} as in the first row; is the file cut '
                'off, its delimiter another, or are its first lines a header '
                'of several rows (header_rows in a column map)?'
            )
    content = '\n'.join(rows).encode()
    del text, rows, found  # an hour of poses is large
    import pandas as pd

    frame = pd.read_csv(
        io.BytesIO(content),
        sep=sign,
        header=None,
        names=list(range(len(first))),
        index_col=False,
        quoting=csv.QUOTE_NONE,
        na_values=_NA,
        keep_default_na=False,
        skipinitialspace=True,
        skip_blank_lines=False,
        low_memory=False,
    )
    # A delimiter at the end of every row is no column.
    unnamed = frame.shape[1] > 1 and not (names and names[-1])
    if unnamed and frame.iloc[:, -1].isna().all():
        frame = frame.iloc[:, :-1]
        names = None if names is None else names[:-1]
    return Table(str(path), names, lines, parting is None, frame)


def _joined(rows: list[list[str]], width: int) -> list[str]:
    """Names of the columns of a header of several rows."""
    parts: list[list[str]] = [[] for _ in range(width)]
    for n, row in enumerate(rows):
        left = ''
        for k in range(width):
            cell = row[k].strip() if k < len(row) else ''
            # A name stands over the first of its columns only.
            left = cell or (left if n + 1 < len(rows) else '')
            if left and left not in parts[k]:
                parts[k].append(left)
    return ['_'.join(words) for words in parts]


def read_numbers(
    lines: Sequence[str],
    path: Path,
    numbers: Sequence[int],
    columns: int | None = None,
) -> np.ndarray:
    """Rows of finite numbers between white space, (R, columns) float64."""
    columns = columns or len(lines[0].split())
    try:
        values = np.loadtxt(lines, np.float64, comments=None, ndmin=2)
        if values.shape == (len(lines), columns) and np.isfinite(values).all():
            return values
    except ValueError:
        pass
    for line, number in zip(lines, numbers):
        words = line.split()
        if len(words) != columns:
            raise DataError(
                f'{path}, line {number}: found {len(words)} values, expected '
                f'{columns}; is the file cut off, or its delimiter another?'
            )
        for n, word in enumerate(words):
            if not is_number(word) or not np.isfinite(float(word)):
                raise DataError(
                    f'{path}, line {number}: value {n} is {word[:40]!r}, '
                    'which is no finite number'
                )
    return np.array([line.split() for line in lines], np.float64)


def is_number(word: str) -> bool:
    """Whether a word is a number, NaN and infinity among them."""
    try:
        float(word)
    except ValueError:
        return False
    return True


def _is_cell(word: str, parting: str | None) -> bool:
    if parting in (';', '\t'):
        word = word.replace(',', '.')
    return is_number(word) or word.lower() in _MISSING


@dataclass
class Columns:
    """Where everything stands; indices from 0."""

    names: list[str] | None  # V joints; None where the rows name them
    places: np.ndarray  # (V, C), of a long table (1, C)
    scores: np.ndarray | None = None  # (V,) or (1,)
    frame: int | None = None
    person: int | None = None
    time: int | None = None
    joint: int | None = None
    time_unit: str | None = None
    unit: str | None = None
    layout: str | None = None
    notes: list[str] = field(default_factory=list)


def find_columns(table: Table, columns: Any) -> Columns:
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
    found = Columns(None, np.zeros((0, 0), np.int64))
    header = [name[:LONGEST] for name in table.header or ()]
    keys = [re.sub('[^a-z0-9]', '', name.lower()) for name in header]
    index: dict[Any, int] = {}
    for fold in (str, str.casefold):
        for n, name in enumerate(table.header or ()):
            index.setdefault(fold(name), n)
    for role, words in _WORDS.items():
        wanted = getattr(columns, role)
        if wanted is not None:
            setattr(found, role, _index(table, index, wanted, role))
        elif columns.joints is None or role != 'joint':
            matches = [n for n, key in enumerate(keys) if key in words]
            setattr(found, role, matches[0] if matches else None)
    if found.time is not None and keys:
        found.time_unit = TIME_WORDS.get(keys[found.time])
    found.time_unit = columns.time_unit or found.time_unit
    bare: dict[str, str | int] = {
        axis: keys.index(axis) for axis in 'xyz' if axis in keys
    }
    scores = [n for n, key in enumerate(keys) if key in _SCORE]
    if scores:
        bare['score'] = scores[0]
    if columns.joints is not None:
        found.names = list(columns.joints)
        _place(found, table, index, columns.joints)
    elif columns.coordinates is not None or columns.joint is not None:
        given = columns.coordinates or bare
        if columns.joint is None or not {'x', 'y'} <= set(given):
            raise DataError(
                f"{table.path}: a row a joint needs both 'joint' and "
                "'coordinates' in the column map"
            )
        _place(found, table, index, {'coordinates': given})
    elif table.header is None:
        _by_width(found, table, len(columns.known_joints))
    elif found.joint is None or not {'x', 'y'} <= set(bare):
        found.joint = None
        _by_name(found, table, index, header)
    else:
        _place(found, table, index, {'coordinates': bare})
    return found


def _index(table: Table, index: dict, column: str | int, role: str) -> int:
    """Index of a column of the map."""
    if isinstance(column, int):
        if column < table.num_columns:
            return column
    else:
        for name in (column.strip(), column.strip().casefold()):
            if name in index:
                return index[name]
    there = 'no header' if table.header is None else f'{table.header!r:.300}'
    raise DataError(
        f'{table.path}: the column map wants {column!r:.60} for {role}, but '
        f'the table has {table.num_columns} columns and {there}'
    )


def _place(found: Columns, table: Table, index: dict, joints: dict) -> None:
    """Take coordinate columns that are known by role."""
    roles = [role for role in 'xyz' if role in next(iter(joints.values()))]
    scored = all('score' in given for given in joints.values())
    places, scores = [], []
    for name, given in joints.items():
        if [role for role in 'xyz' if role in given] != roles:
            raise DataError(
                f'{table.path}: joint {name!r:.60} has the coordinates '
                f'{sorted(given)}, the first one {roles}; all joints need '
                'the same, so name them in a column map'
            )
        places.append([_index(table, index, given[r], name) for r in roles])
        if scored:
            scores.append(_index(table, index, given['score'], name))
    found.places = np.array(places, np.int64)
    found.scores = np.array(scores, np.int64) if scored else None


def _by_name(
    found: Columns, table: Table, index: dict, header: list[str]
) -> None:
    """Coordinate columns of a wide table by their names."""
    joints: dict[str, dict[str, str | int]] = {}
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
    lone = [name for name in joints if not {'x', 'y'} <= set(joints[name])]
    for name in lone:
        unused += [header[int(n)] for n in joints.pop(name).values()]
    if not joints:
        raise DataError(
            f'{table.path}: no coordinates are found in the header '
            f'{header!r:.300}; expected names like hip_x, hip_y, hip_z, '
            'or a column map that tells them (header: false where the first '
            'row is data, header_rows where several rows are the header)'
        )
    if all(name.isdecimal() for name in joints):
        joints = dict(sorted(joints.items(), key=lambda item: int(item[0])))
    found.names = list(joints)
    found.unit = units.pop() if len(units) == 1 else None
    unused = [cell[:40] for cell in unused if cell.strip()]
    if unused:
        found.notes.append(
            f'{len(unused)} columns were left out: {unused[:10]}'
        )
    _place(found, table, index, joints)


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
    taken = {found.frame, found.person, found.time} - {None}
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
            found.places = np.array(free, np.int64).reshape(-1, C)
            found.names = [str(v) for v in range(len(found.places))]
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
