"""Tables of joint positions: a row a frame, or a row a joint."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmsnip.io.formats.clock import Clock, number_frames, read_clock
from mmsnip.io.formats.registry import Notes, reader
from mmsnip.io.formats.table import Columns, Table, find_columns, read_table
from mmsnip.io.formats.tracks import MAX_PERSONS, Body, persons_of
from mmsnip.skeleton.layout import from_graph_cfg, get_layout
from mmsnip.skeleton.layouts import BUILTIN
from mmsnip.structures import DataError, Recording
from mmsnip.structures.files import MAX_BYTES

__all__ = [
    'column_map',
    'filled',
    'marker_recording',
    'rate_of',
    'read_csv',
    'read_known',
    'split_lines',
    'whole',
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
            `mmsnip.io.formats.columns.ColumnMap`.

    Returns:
        Recording: (M, T, V, 2 or 3).

    Raises:
        FileNotFoundError: If there is no such file.
        DataError: If the table cannot be read, or the map does not fit;
            line, key or column is named.
    """
    return read_known(path, columns)


def column_map(columns: Any, path: Path) -> Any:
    """`ColumnMap` of what a user says: one, a dict, a YAML file, nothing."""
    from mmsnip.io.formats.columns import load_column_map, parse_column_map

    if columns is None or isinstance(columns, Mapping):
        return parse_column_map(columns or {}, f'column map for {path}')
    if hasattr(columns, 'model_fields_set'):
        return columns
    return load_column_map(columns)


def read_known(path: Path, columns: Any = None, **known: Any) -> Recording:
    """A table of a format that fixes some keys of the column map."""
    stated = column_map(columns, path)
    if 'joints' in stated.model_fields_set or stated.coordinates:
        known = {k: v for k, v in known.items() if k not in _ABOUT_JOINTS}
    columns = stated.over(**known)
    rows = columns.header_rows or ()
    table = read_table(
        path,
        columns.delimiter,
        columns.header,
        [rows] if isinstance(rows, int) else rows,
    )
    return _recording(path, table, columns, find_columns(table, columns))


_ABOUT_JOINTS = ('joints', 'joint', 'coordinates', 'layout', 'joint_names')


def _recording(
    path: Path, table: Table, columns: Any, found: Columns
) -> Recording:
    clock, numbering, notes = _frames(table, found)
    frames, names = clock.frames, found.names or []
    values = _grid(table, found.places)  # (R, V, C), of a long one (R, 1, C)
    scores = None if found.scores is None else _grid(table, found.scores)
    ids = [''] * table.num_rows
    if found.person is not None:
        ids = table.words(found.person)
    T = int(frames.max()) + 1
    place = {word: m for m, word in enumerate(dict.fromkeys(ids))}
    if found.joint is not None or found.person is None:
        V = len(names) or len(set(table.words(int(found.joint or 0))))
        room = min(MAX_BYTES, max(2**26, 2000 * path.stat().st_size))
        if room < len(place) * T * V * values.shape[-1] * 8:
            raise DataError(
                f'{path}: {len(place)} persons, {T:,} frames and {V} joints '
                f'are far more than its {table.num_rows:,} rows hold; are '
                'frame, person and joint the right columns?'
            )
    keys = frames + T * np.array([place[word] for word in ids], np.int64)
    if found.joint is not None:  # a body of all rows of a frame and person
        words = table.words(found.joint)
        names = list(dict.fromkeys(words))
        if all(name.isdecimal() for name in names):
            names.sort(key=lambda name: (len(name), name))
        rank = {name: v for v, name in enumerate(names)}
        joints = np.array([rank[word] for word in words], np.int64)
        _say_repeated(notes, table, keys * len(names) + joints, frames)
        keys, first, row = np.unique(
            keys, return_index=True, return_inverse=True
        )
        row = row.reshape(-1)
        frames, ids = frames[first], [ids[n] for n in first]
        given, scored = values[:, 0], scores
        values = np.full((len(keys), len(names), given.shape[1]), np.nan)
        values[row, joints] = given
        if scored is not None:
            scores = np.full(values.shape[:2], np.nan)
            scores[row, joints] = scored[:, 0]
    repeated = len(keys) - len(np.unique(keys))
    num_frames = len(np.unique(frames))
    if repeated and table.header is None and 2 * num_frames <= len(frames):
        most = np.unique(frames, return_counts=True)[1].max()
        if most >= 3:
            raise DataError(
                f'{path}: the first column repeats a value up to {most} '
                'times; if a row is a single joint, tell the columns in a '
                'column map'
            )
    if 0 < repeated <= _REPEATED[any(ids)] * num_frames:
        _say_repeated(notes, table, keys, frames)
        last = np.sort(
            len(keys) - 1 - np.unique(keys[::-1], return_index=True)[1]
        )
        frames, values = frames[last], values[last]
        ids = [ids[n] for n in last]
        scores = None if scores is None else scores[last]
        repeated = 0
    if any(ids) or repeated:
        persons, more = _by_body(path, frames, ids, values, scores)
        notes += more
    else:
        persons = dict(keypoint=values[None], score=None)
        if scores is not None:
            lost = np.isnan(values).any(axis=-1)
            scores = np.where(lost, 0, np.nan_to_num(scores))
            persons['score'] = scores[None]
        if not np.array_equal(frames, np.arange(T)):
            for key, empty in (('keypoint', np.nan), ('score', 0.0)):
                array = persons[key]
                if array is not None:
                    persons[key] = np.full((1, T, *array.shape[2:]), empty)
                    persons[key][0, frames] = array[0]
    unit = found.unit
    return _described(
        path,
        columns,
        notes,
        names,
        layout=found.layout,
        fps=clock.fps,
        unit='pixel' if unit in ('px', 'pixel', 'pixels') else unit,
        rows=np.unique(clock.frames) if clock.gaps else None,
        **persons,
        **numbering,
    )


def _say_repeated(
    notes: Notes, table: Table, keys: np.ndarray, frames: np.ndarray
) -> None:
    first = np.unique(keys, return_index=True)[1]
    extra = np.setdiff1d(np.arange(len(keys)), first)
    if len(extra):
        notes.say(
            f'{len(extra)} rows repeat another one (first at line '
            f'{table.lines[extra[0]]}); the last one counts',
            len(np.unique(frames[extra])),
        )


def _described(
    path: Path,
    columns: Any,
    notes: Notes,
    names: list[str],
    layout: str | None = None,
    **facts: Any,
) -> Recording:
    """Recording of a table's arrays, as a column map describes them."""
    order, layout, names = _arranged(names, columns, layout, path)
    for key in ('keypoint', 'present', 'score'):
        if facts.get(key) is not None:
            facts[key] = facts[key][:, :, order]
    scale = columns.scale
    with np.errstate(over='ignore'):
        keypoint = facts['keypoint']
        keypoint = keypoint if scale == 1.0 else scale * keypoint
        facts['keypoint'] = np.asarray(keypoint, np.float32)
    stated = dict(unit='m' if scale != 1.0 else None)
    for key in ('fps', 'unit', 'up'):
        said = getattr(columns, key) or stated.get(key)
        facts[key] = said or facts.get(key)
    recording = Recording(
        name=path.stem,
        source=str(path),
        layout=None if layout is None else from_graph_cfg(layout),
        joint_names=tuple(names),
        **facts,
    )
    return notes.on(recording)


def _frames(
    table: Table, found: Columns
) -> tuple[Clock, dict[str, int], Notes]:
    """Frame of each row; first number and step, where frames are numbered."""
    notes = Notes((note, 0) for note in found.notes)
    wide = found.joint is None and found.person is None
    times = None
    if found.time is not None:
        try:
            times = table.numbers(found.time)
        except DataError:
            if found.frame is None and not wide:
                raise
            notes.say(
                f'column {table.name(found.time)} holds no numbers; it '
                'was left out'
            )
    if times is not None and _counts_by_one(times, found, wide):
        there = found.frame is None
        notes.say(
            f'column {table.name(int(found.time or 0))} says no unit and '
            'counts by 1: it was '
            f'{"taken for the frame number" if there else "left out"}; '
            'tell time_unit in a column map if it is a time'
        )
        found.frame = found.time if there else found.frame
        times = None

    def clock_of(index: np.ndarray, numbers: np.ndarray | None) -> Clock:
        assert times is not None
        return read_clock(
            times[index],
            found.time_unit,
            numbers,
            f'column {table.name(int(found.time or 0))}',
            lambda n: f'line {table.lines[int(index[n])]}',
            table.path,
        )

    if found.frame is None:
        if times is None:
            if not wide:
                raise DataError(
                    f'{table.path}: its rows are single joints or persons, '
                    'but no column tells the frame; call one frame or time, '
                    'or name it in a column map'
                )
            return Clock(np.arange(table.num_rows)), {}, notes
        index = inverse = np.arange(table.num_rows)
        if not wide:
            if np.isnan(times).any():
                line = table.lines[int(np.isnan(times).argmax())]
                raise DataError(
                    f'{table.path}, line {line}: the time is empty'
                )
            _, index, inverse = np.unique(
                times, return_index=True, return_inverse=True
            )
        clock = clock_of(index, None)
        clock.frames = clock.frames[inverse.reshape(-1)]
        return clock, {}, Notes(notes + clock.notes)
    numbers = table.numbers(found.frame)
    wrong = np.isnan(numbers) | (numbers != np.rint(numbers))
    wrong |= np.abs(numbers) > 2**53
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(
            f'{table.path}, line {table.lines[row]}: frame number '
            f'{numbers[row]:g} is not whole'
        )
    numbers = numbers.astype(np.int64)
    back = np.diff(numbers) < 0
    if back.any():
        line = table.lines[int(back.argmax()) + 1]
        notes.say(f'rows were sorted by frame (line {line} goes back)')
    what = f'column {table.name(found.frame)}'
    frames, first, step, more = number_frames(numbers, table.path, what)
    clock = Clock(frames)
    if times is not None:
        there, index = np.unique(frames, return_index=True)
        known = clock_of(index, there)
        clock.fps, more = known.fps, more + known.notes
    return clock, dict(first_frame=first, frame_step=step), Notes(notes + more)


def _counts_by_one(times: np.ndarray, found: Columns, wide: bool) -> bool:
    """Whether a time of no known unit is whole and steps by 1."""
    if found.time_unit is not None or not np.isfinite(times).all():
        return False
    if (times != np.rint(times)).any():
        return False
    steps = np.sort(np.diff(np.sort(times) if wide else np.unique(times)))
    return len(steps) > 0 and float(steps[(len(steps) - 1) // 2]) == 1


def _grid(table: Table, places: np.ndarray) -> np.ndarray:
    """Several columns at once, (R, *places.shape), NaN where empty."""
    grid = np.stack([table.numbers(n) for n in places.ravel()], axis=1)
    return grid.reshape(table.num_rows, *places.shape)


def _by_body(
    path: Path,
    frames: np.ndarray,
    ids: list[str],
    values: np.ndarray,
    scores: np.ndarray | None,
) -> tuple[dict[str, Any], list[tuple[str, int]]]:
    """Persons of rows that are a body each."""
    lost = np.isnan(values).any(axis=-1)  # (R, V)
    points = np.where(lost[..., None], 0, values).astype(np.float32)
    given = np.ones(lost.shape) if scores is None else np.nan_to_num(scores)
    given = np.where(lost, 0, given).astype(np.float32)
    bodies: dict[int, list[Body]] = {}
    for n in np.argsort(frames, kind='stable').tolist():
        own = bodies.setdefault(int(frames[n]), [])
        if points[n].any():
            own.append(Body(points[n], given[n], ids[n] or None))
    crowd = max(map(len, bodies.values()))
    if crowd > MAX_PERSONS:
        raise DataError(
            f'{path}: {crowd} persons in a frame, more than {MAX_PERSONS}; '
            'is the person the right column?'
        )
    persons, notes = persons_of(list(bodies.items()), str(path))
    persons['present'] = None
    if scores is None:
        persons['present'] = persons['score'] > 0
        persons['score'] = None
    return persons, notes


def _arranged(
    names: list[str], columns: Any, layout: Any, path: Path
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
    if columns.parents is not None:
        if len(columns.parents) != len(wanted):
            raise DataError(
                f'{path}: the column map has {len(columns.parents)} parents, '
                f'the table {len(wanted)} joints'
            )
        layout = dict(joint_names=wanted, parents=list(columns.parents))
    return order, layout, wanted


def _spell(name: str) -> Any:
    """Words of a name in any order: LeftHip, left_hip, hip left."""
    words = sorted(word.lower() for word in _WORD.findall(name[:200]))
    return tuple(words) or (name,)


MAX_VALUES = 2**28


def split_lines(text: str) -> list[str]:
    """Lines of a text, whatever ends them."""
    return text.replace('\r\n', '\n').replace('\r', '\n').split('\n')


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


def whole(persons: Mapping[str, Mapping[str, Sequence[int]]]) -> dict:
    """Joints with three columns; a name may stand over more or fewer."""
    return {
        person: {j: at for j, at in body.items() if len(at) == 3}
        for person, body in persons.items()
    }


def marker_recording(
    path: Path,
    table: Table,
    columns: Any,
    persons: Mapping[str, Mapping[str, Sequence[int]]],
    frame: int | None = None,
    time: int | None = None,
    scores: Mapping[tuple[str, str], int] | None = None,
    **facts: Any,
) -> Recording:
    """Recording of a table whose columns are known."""
    names = list(dict.fromkeys(j for body in persons.values() for j in body))
    if not names:
        raise DataError(f'{path}: its header names no joint with x and y')
    C = len(next(iter(next(b for b in persons.values() if b).values())))
    told = columns.fps or facts.get('fps')
    found = Columns(None, np.zeros((0, 0), np.int64), time_unit='s')
    found.frame, found.time = frame, None if told else time
    clock, numbering, notes = _frames(table, found)
    frames = clock.frames
    facts.update(numbering, fps=told or clock.fps)
    M, T, V = len(persons), int(frames.max()) + 1, len(names)
    if min(MAX_VALUES, max(2**22, 300 * table.frame.size)) < M * T * V * C:
        raise DataError(
            f'{path}: {M} persons with {V} joints in {T:,} frames are far '
            'more than its rows hold'
        )
    place = {name: v for v, name in enumerate(names)}
    keypoint = np.full((M, T, V, C), np.nan)
    score = np.zeros((M, T, V)) if scores else None
    for m, (person, body) in enumerate(persons.items()):
        for joint, places in body.items():
            v = place[joint]
            for c, column in enumerate(places):
                keypoint[m, frames, v, c] = table.numbers(column)
            if score is not None and scores:
                column = scores[person, joint]
                score[m, frames, v] = np.nan_to_num(table.numbers(column))
    lost = np.isnan(keypoint).any(axis=-1)
    if score is not None:
        score[lost] = 0
    return _described(
        path,
        columns,
        notes,
        names,
        keypoint=keypoint,
        present=~lost,
        score=score,
        tracks=tuple(persons) if M > 1 else (),
        **facts,
    )
