"""Tables of joint positions: a row a frame, or a row a joint."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mmsnip.io.formats.clock import Clock, Notes, number_frames, read_clock
from mmsnip.io.formats.columns import Columns, find_columns
from mmsnip.io.formats.registry import reader, with_notes
from mmsnip.io.formats.table import Table, read_table
from mmsnip.io.formats.tracks import Body, persons_of
from mmsnip.skeleton.layout import from_graph_cfg, get_layout
from mmsnip.skeleton.layouts import BUILTIN
from mmsnip.structures import DataError, Recording
from mmsnip.structures.files import MAX_BYTES

if TYPE_CHECKING:
    from mmsnip.io.formats.column_map import ColumnMap

__all__ = [
    'column_map',
    'filled',
    'rate_of',
    'read_csv',
    'read_known',
    'table_recording',
]

_WORD = re.compile(r'[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+')
# Share of frames with two rows of an id, or of none, above which these are
# two persons and not one that was written twice.
_REPEATED = {True: 0.05, False: 0.5}


@reader(
    *('.csv', '.tsv', '.txt'),
    title='Table',
    note='a row a frame or a row a joint, any delimiter; the header names the '
    'joints, or a YAML column map says what the columns are',
)
def read_csv(path: Path, columns: Any = None) -> Recording:
    """Joint positions of a table of numbers.

    How delimiter, header and columns are guessed where ``columns`` does not
    tell them: `read_table`, `find_columns`.

    - Frames are sorted, and counted in the common step of their numbers;
      numbers that are missing become frames in which nobody is there. So do
      those that a time column leaves out, where nothing numbers the frames:
      see `mmsnip.io.formats.clock.read_clock`.
    - A joint of which a coordinate is empty, NaN or infinite is absent.
    - Of rows for one frame, person and joint the last counts; but where
      whole bodies repeat in many frames the id is none, and they are
      tracked.

    Args:
        path (Path): Text table.
        columns (ColumnMap | Mapping | str | os.PathLike[str] | None):
            Meaning of the columns, or the YAML file that tells it; see
            `mmsnip.io.formats.column_map.ColumnMap`.

    Returns:
        Recording: (M, T, V, 2 or 3).

    Raises:
        DataError: If the table cannot be read, or the map does not fit;
            line, key or column is named.
    """
    return read_known(path, columns)


def column_map(columns: Any, path: Path) -> ColumnMap:
    """What a user says of the columns: a map, a dict, a YAML file, nothing."""
    from mmsnip.io.formats.column_map import (
        ColumnMap,
        load_column_map,
        parse_column_map,
    )

    if isinstance(columns, ColumnMap):
        return columns
    if columns is None or isinstance(columns, Mapping):
        return parse_column_map(columns or {}, f'column map for {path}')
    return load_column_map(columns)


def read_known(path: Path, columns: Any = None, **known: Any) -> Recording:
    """A table of a format that fixes some keys of the column map."""
    stated = column_map(columns, path)
    if stated.joints or stated.coordinates:
        own = ('joints', 'layout')
        known = {k: v for k, v in known.items() if k not in own}
    columns = stated.over(**known)
    rows = columns.header_rows or ()
    rows = [rows] if isinstance(rows, int) else rows
    table = read_table(path, columns.delimiter, columns.header, rows)
    return table_recording(path, table, columns, find_columns(table, columns))


def table_recording(
    path: Path, table: Table, columns: ColumnMap, found: Columns, **facts: Any
) -> Recording:
    """Recording of a table whose columns are found."""
    clock, numbering, notes = _frames(table, found)
    notes += [(note, 0) for note in found.notes]
    values, scores, persons, names = _grids(table, found)
    P = len(persons)  # of each row
    frames = np.repeat(clock.frames, P)
    ids = persons * table.num_rows
    if found.person is not None:
        ids = table.words(found.person)
    T = int(frames.max()) + 1
    place = {word: m for m, word in enumerate(dict.fromkeys(ids))}
    row_of = np.array([place[word] for word in ids], np.int64)
    if found.joint is not None:
        names = list(dict.fromkeys(table.words(found.joint)))
    if found.joint is not None or found.person is None:
        room = min(MAX_BYTES, max(2**26, 2000 * path.stat().st_size))
        if room < len(place) * T * len(names) * values.shape[-1] * 8:
            raise DataError(
                f'{path}: {len(place)} persons, {T:,} frames and {len(names)} '
                f'joints are far more than its {table.num_rows:,} rows hold; '
                'are frame, person and joint the right columns?'
            )
    keys = frames + T * row_of
    if found.joint is not None:  # a body of all rows of a frame and person
        if all(name.isdecimal() for name in names):
            names.sort(key=lambda name: (len(name), name))
        rank = {name: v for v, name in enumerate(names)}
        words = table.words(found.joint)
        joints = np.array([rank[word] for word in words], np.int64)
        notes += _repeated(table, keys * len(names) + joints, frames)
        keys, first, row = np.unique(
            keys, return_index=True, return_inverse=True
        )
        at = row.reshape(-1), joints
        frames, row_of = frames[first], row_of[first]
        given, scored = values[:, 0], scores
        values = np.full((len(keys), len(names), given.shape[1]), np.nan)
        values[at] = given
        if scored is not None:
            scores = np.full(values.shape[:2], np.nan)
            scores[at] = scored[:, 0]
    repeated = len(keys) - len(np.unique(keys))
    num_frames = len(np.unique(frames))
    named = any(ids)
    if repeated and table.header is None and 2 * num_frames <= len(frames):
        most = np.unique(frames, return_counts=True)[1].max()
        if most >= 3:
            raise DataError(
                f'{path}: the first column repeats a value up to {most} '
                'times; if a row is a single joint, tell the columns in a '
                'column map'
            )
    if 0 < repeated <= _REPEATED[named] * num_frames:
        notes += _repeated(table, keys, frames)
        last = len(keys) - 1 - np.unique(keys[::-1], return_index=True)[1]
        last.sort()
        frames, row_of, values = frames[last], row_of[last], values[last]
        scores = None if scores is None else scores[last]
        repeated = 0
    lost = np.isnan(values).any(axis=-1)  # (R, V)
    certain = (~lost).astype(np.float32)
    if scores is not None:
        certain *= np.nan_to_num(scores)
    words = list(place)
    if repeated or (named and found.person is not None):
        bodies: dict[int, list[Body]] = {}
        points = np.where(lost[..., None], 0, values).astype(np.float32)
        for n in np.argsort(frames, kind='stable').tolist():
            own = bodies.setdefault(int(frames[n]), [])
            if points[n].any():
                track = words[row_of[n]] or None
                own.append(Body(points[n], certain[n], track))
        parts, more = persons_of(list(bodies.items()), str(path))
        notes += more
        parts['present'] = None if scores is not None else parts['score'] > 0
    else:
        M, V, C = len(words), *values.shape[1:]
        keypoint = np.full((M, T, V, C), np.nan)
        keypoint[row_of, frames] = values
        score = np.zeros((M, T, V), np.float32)
        score[row_of, frames] = certain
        parts = dict(keypoint=keypoint, score=score)
        if M > 1:
            parts['tracks'] = tuple(words)
    if scores is None:
        parts['score'] = None
    order, layout, names = _arranged(names, columns, found.layout, path)
    for key in ('keypoint', 'present', 'score'):
        if parts.get(key) is not None:
            parts[key] = parts[key][:, :, order]
    with np.errstate(over='ignore'):
        keypoint = columns.scale * parts.pop('keypoint')
    facts.setdefault('fps', clock.fps)
    facts.setdefault('unit', found.unit)
    for key in ('fps', 'unit', 'up'):
        if getattr(columns, key) is not None:
            facts[key] = getattr(columns, key)
        elif key == 'unit' and columns.scale != 1.0:
            facts[key] = 'm'
    recording = Recording(
        name=path.stem,
        keypoint=keypoint,
        source=str(path),
        layout=None if layout is None else from_graph_cfg(layout),
        joint_names=tuple(names),
        rows=np.unique(clock.frames) if clock.gaps else None,
        **{**numbering, **parts, **facts},
    )
    return with_notes(recording, notes)


def _grids(
    table: Table, found: Columns
) -> tuple[np.ndarray, np.ndarray | None, list[str], list[str]]:
    """Coordinates (R * P, V, C) and scores (R * P, V); P persons, V joints."""
    persons = list(dict.fromkeys(person for person, _ in found.joints))
    names = list(dict.fromkeys(joint for _, joint in found.joints))
    first = next(iter(found.joints.values()), {})
    axes = [axis for axis in 'xyz' if axis in first]
    if not {'x', 'y'} <= set(axes):
        raise DataError(
            f'{table.path}: its header names no joint with x and y'
        )
    scored = all('score' in at for at in found.joints.values())
    shape = table.num_rows, len(persons), len(names)
    values = np.full((*shape, len(axes)), np.nan)
    scores = np.full(shape, np.nan) if scored else None
    for (person, joint), at in found.joints.items():
        if [axis for axis in 'xyz' if axis in at] != axes:
            raise DataError(
                f'{table.path}: joint {joint!r:.60} has the coordinates '
                f'{sorted(at)}, the first one {axes}; all joints need the '
                'same, so name them in a column map'
            )
        m, v = persons.index(person), names.index(joint)
        for c, axis in enumerate(axes):
            values[:, m, v, c] = table.numbers(at[axis])
        if scores is not None:
            scores[:, m, v] = table.numbers(at['score'])
    values = values.reshape(-1, *values.shape[2:])
    scores = None if scores is None else scores.reshape(-1, len(names))
    return values, scores, persons, names


def _repeated(table: Table, keys: np.ndarray, frames: np.ndarray) -> Notes:
    first = np.unique(keys, return_index=True)[1]
    extra = np.setdiff1d(np.arange(len(keys)), first)
    if not len(extra):
        return []
    line = table.lines[extra[0] * table.num_rows // len(keys)]
    note = (
        f'{len(extra)} rows repeat another one (first at line {line}); the '
        'last one counts'
    )
    return [(note, len(np.unique(frames[extra])))]


def _frames(
    table: Table, found: Columns
) -> tuple[Clock, dict[str, int], Notes]:
    """Frame of each row; first number and step, where frames are numbered."""
    notes: Notes = []
    wide = found.joint is None and found.person is None
    times = None
    what = 'the time stamp'
    if found.time is not None:
        what = f'column {table.name(found.time)}'
        try:
            times = table.numbers(found.time)
        except DataError:
            if found.frame is None and not wide:
                raise
            notes.append((f'{what} holds no numbers; it was left out', 0))
    if times is not None and found.time_unit is None:
        there = np.sort(times) if wide else np.unique(times)
        steps = np.sort(np.diff(there))
        whole = len(steps) and (times == np.rint(times)).all()
        if whole and steps[(len(steps) - 1) // 2] == 1:
            known = 'taken for the frame number'
            if found.frame is not None:
                known = 'left out'
            note = (
                f'{what} says no unit and counts by 1: it was {known}; tell '
                'time_unit in a column map if it is a time'
            )
            notes.append((note, 0))
            found.frame = found.time if found.frame is None else found.frame
            times = None
    rows = np.arange(table.num_rows)
    frames, numbering, index = None, {}, rows
    if found.frame is not None:
        numbers = table.numbers(found.frame)
        wrong = ~((numbers == np.rint(numbers)) & (np.abs(numbers) < 2**53))
        if wrong.any():
            row = int(wrong.argmax())
            raise DataError(
                f'{table.path}, line {table.lines[row]}: frame number '
                f'{numbers[row]:g} is not whole'
            )
        back = np.diff(numbers) < 0
        if back.any():
            line = table.lines[int(back.argmax()) + 1]
            notes.append(
                (f'rows were sorted by frame (line {line} goes back)', 0)
            )
        frames, first, step, more = number_frames(
            numbers.astype(np.int64),
            table.path,
            f'column {table.name(found.frame)}',
        )
        notes += more
        numbering = dict(first_frame=first, frame_step=step)
        there, index = np.unique(frames, return_index=True)
    elif not wide:
        if times is None or np.isnan(times).any():
            raise DataError(
                f'{table.path}: its rows are single joints or persons, but '
                'no column tells the frame of each; call one frame or time, '
                'or name it in a column map'
            )
        _, index, rows = np.unique(
            times, return_index=True, return_inverse=True
        )
    if times is None:
        return Clock(rows if frames is None else frames), numbering, notes
    clock = read_clock(
        times[index],
        found.time_unit,
        table.path,
        None if frames is None else there,
        what,
        lambda n: f'line {table.lines[int(index[n])]}',
    )
    clock.frames = clock.frames[rows.reshape(-1)] if frames is None else frames
    return clock, numbering, notes + clock.notes


def _arranged(
    names: list[str], columns: ColumnMap, layout: Any, path: Path
) -> tuple[list[int], Any, list[str]]:
    """Joint that takes each place; layout; names."""
    wanted = columns.known_joints
    if isinstance(layout, str) and not wanted:
        wanted = list(get_layout(layout).joint_names)
    layout = columns.layout or layout
    numbered = all(name.isdecimal() for name in names)
    if not wanted and not numbered and not (layout or columns.parents):
        spelled = sorted(map(_spell, names))
        for builtin in BUILTIN:
            option = list(get_layout(builtin).joint_names)
            if sorted(map(_spell, option)) == spelled:
                layout, wanted = builtin, option
                break
    wanted = wanted or names
    if numbered and len(names) == len(wanted):
        order = list(range(len(names)))
    else:
        place = {_spell(name): v for v, name in enumerate(names)}
        place.update({name: v for v, name in enumerate(names)})
        order = [place.get(n, place.get(_spell(n), -1)) for n in wanted]
        missing = [n for n, v in zip(wanted, order) if v < 0]
        if missing:
            raise DataError(
                f'{path}: joints {missing!r:.300} of the layout are not in '
                f'the table, which has {names!r:.300}'
            )
    parents = columns.parents
    if parents is not None:
        if len(parents) != len(wanted):
            raise DataError(
                f'{path}: the column map has {len(parents)} parents, the '
                f'table {len(wanted)} joints'
            )
        layout = dict(joint_names=wanted, parents=list(parents))
    return order, layout, wanted


def _spell(name: str) -> Any:
    """Words of a name in any order: LeftHip, left_hip, hip left."""
    words = sorted(word.lower() for word in _WORD.findall(name[:200]))
    return tuple(words) or (name,)


def filled(cells: Sequence[str]) -> list[str]:
    """Cells where one that is empty takes that on its left."""
    found, left = [], ''
    for cell in cells:
        left = cell.strip() or left
        found.append(left)
    return found


def rate_of(word: str, where: str) -> float | None:
    """Frame rate of a header, None where it is 0 or missing."""
    try:
        rate = float(word)
    except ValueError:
        raise DataError(
            f'{where}: found {word[:40]!r}, expected frames a second'
        ) from None
    return rate if 0 < rate < 1e6 else None
