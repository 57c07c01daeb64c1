"""Tables of joint positions: a row a frame, or a row a joint."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mmsnip.io.csv_columns import (
    ColumnMap,
    load_column_map,
    parse_column_map,
)
from mmsnip.io.csv_frames import frame_numbers, frame_rate
from mmsnip.io.csv_gaps import fill_missing
from mmsnip.io.csv_header import Columns, find_columns
from mmsnip.io.csv_joints import arrange_joints, known_joints
from mmsnip.io.csv_text import Table, read_table
from mmsnip.io.reading import (
    MAX_BYTES,
    MAX_PERSONS,
    SequenceError,
    as_sequence,
)
from mmsnip.io.recording import check_scale, turn_y_up

__all__ = ['read_csv']


def read_csv(
    path: str | os.PathLike[str],
    columns: ColumnMap
    | Mapping[str, Any]
    | str
    | os.PathLike[str]
    | None = None,
) -> tuple[np.ndarray, dict[str, Any]]:
    """Joint positions of a table of numbers.

    A wide table has a row a frame (or a row a frame and person), a long one
    a row a frame and joint (and person). How delimiter, header and columns
    are guessed where `columns` does not tell them: `read_table`,
    `find_columns`.

    - Frames are sorted; of rows for one frame, person and joint the last
      counts. Frame numbers are counted in their common step; numbers that
      are missing become frames of zeros. So do those that a time column
      leaves out, where nothing numbers the frames: see `lost_frames`.
    - A joint that is empty in a frame (a coordinate empty, NaN or infinite)
      while another one of that person is there is interpolated linearly
      between its neighbours, held at the ends; without any joint the person
      is absent, zeros.
    - A time column gives the rate, by `usual_step`; frames are not moved to
      even times. A unit that nothing says is s for a step below 1, ms below
      1000, and noted; from there on none is assumed. Whole times of no known
      unit that go up by 1 are frame numbers and give no rate.

    Args:
        path (str | os.PathLike[str]): Text table.
        columns (ColumnMap | Mapping | str | os.PathLike[str], optional):
            Meaning of the columns, or the YAML file that tells it; see
            `ColumnMap`.

    Returns:
        tuple[np.ndarray, dict[str, Any]]: Keypoints (M, T, V, 2 or 3)
            float32; and, where known, ``fps``, ``layout`` (a built-in name,
            or a dict of ``joint_names`` and ``parents``), ``joint_names``
            (list[str], always), ``unit``, ``up``, ``keypoint_score`` (M, T,
            V) float32 (0 where filled), ``track_ids`` where a person column
            is there, ``first_frame`` and ``frame_step`` (int) where a frame
            column is, ``row_frames`` (int64, the frame of each frame of the
            file) where the times leave some out, ``mended`` (list[str]).

    Raises:
        FileNotFoundError: If there is no such file.
        SequenceError: If the table cannot be read, or the map does not fit;
            line, key or column is named.
    """
    path = Path(path)
    columns = _column_map(columns, path)
    table = read_table(path, columns.delimiter, columns.header)
    found = find_columns(table, columns, len(known_joints(columns, path)))
    mended = list(found.notes)
    metadata: dict[str, Any] = {}
    frames, T = frame_numbers(table, found, metadata, mended)
    persons, track_ids = _persons(table, found)
    joints, names = _joints(table, found)
    M, V, C = len(track_ids), len(names), found.places.shape[1]
    cells = M * T * V * C * 8
    if cells > min(MAX_BYTES, max(2**26, 2000 * path.stat().st_size)):
        raise SequenceError(
            f'{path}: {M} persons, {T:,} frames and {V} joints are far more '
            f'than its {table.num_rows:,} rows hold; are frame, person and '
            'joint the right columns?'
        )
    # An entry a row and joint: (R, V, C), in a long table (R, 1, C).
    values = _grid(table, found.places)
    keys = (persons * T + frames)[:, None] * V + joints  # (R, V')
    last = _last(keys[:, 0])
    repeated = len(keys) - len(last)
    if repeated:
        line = _repeated_line(table, keys[:, 0])
        mended.append(
            f'{repeated} rows repeat an earlier one (first at line {line}); '
            'the last one counts'
        )
        if found.joint is None and table.header is None:
            _check_wide(table, frames)
    keypoint = np.full((M * T * V, C), np.nan)
    keypoint[keys[last].ravel()] = values[last].reshape(-1, C)
    keypoint = keypoint.reshape(M, T, V, C)
    score = None
    if found.scores is not None:
        score = np.zeros(M * T * V)
        given = _grid(table, found.scores)
        score[keys[last].ravel()] = np.nan_to_num(given[last]).ravel()
        score = score.reshape(M, T, V)
    keypoint, filled, notes = fill_missing(keypoint, names, track_ids)
    mended += notes
    keypoint = _measure(keypoint, columns, found, metadata, path)
    if score is not None:
        score = np.where(filled, 0.0, score)
    order, layout, names = arrange_joints(names, columns, found, path)
    if layout is not None:
        metadata['layout'] = layout
    metadata['joint_names'] = names
    if score is not None:
        metadata['keypoint_score'] = score[:, :, order].astype(np.float32)
    if found.person is not None:
        metadata['track_ids'] = track_ids
    fps = columns.fps or frame_rate(table, found, frames, metadata, mended)
    if fps is not None:
        metadata['fps'] = fps
    metadata['mended'] = mended
    return as_sequence(keypoint[:, :, order], str(path)), metadata


def _column_map(columns: Any, path: Path) -> ColumnMap:
    if columns is None:
        return ColumnMap()
    if isinstance(columns, ColumnMap):
        return columns
    if isinstance(columns, Mapping):
        return parse_column_map(columns, f'column map for {path}')
    return load_column_map(columns)


def _persons(table: Table, found: Columns) -> tuple[np.ndarray, list[str]]:
    """Person of each row, (R,) int64, and their names."""
    if found.person is None:
        return np.zeros(table.num_rows, np.int64), ['0']
    words = table.words(found.person)
    place = {word: n for n, word in enumerate(dict.fromkeys(words))}
    if len(place) > MAX_PERSONS:
        raise SequenceError(
            f'{table.path}: column {table.name(found.person)} tells '
            f'{len(place)} persons, more than {MAX_PERSONS}; is it the '
            'right one?'
        )
    return np.array([place[word] for word in words], np.int64), list(place)


def _joints(table: Table, found: Columns) -> tuple[np.ndarray, list[str]]:
    """Joints of a row: (1, V) of a wide table, (R, 1) of a long one."""
    if found.joint is None:
        names = found.names or []
        return np.arange(len(names))[None], names
    words = table.words(found.joint)
    names = list(dict.fromkeys(words))
    if all(name.isdecimal() for name in names):
        names.sort(key=lambda name: (len(name), name))
    place = {name: v for v, name in enumerate(names)}
    return np.array([[place[word]] for word in words], np.int64), names


def _grid(table: Table, places: np.ndarray) -> np.ndarray:
    """Several columns at once, (R, *places.shape), NaN where empty."""
    if table.values is not None:
        grid = table.values[:, places]
        return np.where(np.isfinite(grid), grid, np.nan)
    grid = np.stack([table.numbers(n) for n in places.ravel()], axis=1)
    return grid.reshape(table.num_rows, *places.shape)


def _last(keys: np.ndarray) -> np.ndarray:
    """Rows that no later row replaces."""
    rows = np.unique(keys[::-1], return_index=True)[1]
    return np.sort(len(keys) - 1 - rows)


def _repeated_line(table: Table, keys: np.ndarray) -> int:
    first = np.zeros(len(keys), bool)
    first[np.unique(keys, return_index=True)[1]] = True
    return table.lines[int(np.argmin(first))]


def _check_wide(table: Table, frames: np.ndarray) -> None:
    """Refuse a long table without a header, taken for a wide one."""
    counts = np.unique(frames, return_counts=True)[1]
    if counts.max() >= 3 and counts.mean() >= 2:
        raise SequenceError(
            f'{table.path}: the first column repeats a value up to '
            f'{counts.max()} times; if a row is a single joint, tell the '
            'columns in a column map'
        )


def _measure(
    keypoint: np.ndarray,
    columns: ColumnMap,
    found: Columns,
    metadata: dict[str, Any],
    path: Path,
) -> np.ndarray:
    """Scale, unit and upright axis."""
    scale = check_scale(columns.scale, str(path))
    unit = columns.unit or ('m' if scale != 1.0 else None)
    if unit is None and found.unit is not None:
        scale = 0.01 if found.unit == 'cm' else 1.0
        unit = {'cm': 'm', 'm': 'm', 'mm': 'mm'}.get(found.unit, 'pixel')
    if unit is not None:
        metadata['unit'] = unit
    with np.errstate(over='ignore'):
        keypoint = scale * keypoint
    if columns.up is not None:
        keypoint = turn_y_up(keypoint, columns.up, str(path))
        metadata['up'] = 'y'
    return keypoint
