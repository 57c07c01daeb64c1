"""Frame numbers and times of a table."""

from __future__ import annotations

from typing import Any

import numpy as np

from mmsnip.io.csv_clock import lost_frames, usual_step
from mmsnip.io.csv_columns import TIME_UNITS
from mmsnip.io.csv_header import Columns
from mmsnip.io.csv_text import Table
from mmsnip.io.reading import SequenceError
from mmsnip.io.recording import nice_rate

__all__ = ['frame_numbers', 'frame_rate']


def frame_numbers(
    table: Table, found: Columns, metadata: dict[str, Any], mended: list[str]
) -> tuple[np.ndarray, int]:
    """Frame of each row.

    A time column of no known unit that counts by 1 is the frame number, or
    nothing beside one.

    Args:
        table (Table): The table.
        found (Columns): Its columns; changed where time is a count.
        metadata (dict[str, Any]): Takes ``first_frame`` and ``frame_step``
            where frames are numbered, else ``row_frames`` where times leave
            some out.
        mended (list[str]): Takes what is odd.

    Returns:
        tuple[np.ndarray, int]: (R,) int64 from 0, and T.

    Raises:
        SequenceError: If frames are not told, not whole or far too sparse.
    """
    if found.time is not None and _counts_frames(table, found):
        there = found.frame is None
        mended.append(
            f'column {table.name(found.time)} says no unit and counts by 1: '
            f'it was {"taken for the frame number" if there else "left out"};'
            ' tell time_unit in a column map if it is a time'
        )
        found.frame = found.time if there else found.frame
        found.time = None
    if found.frame is None:
        return _by_time(table, found, metadata, mended)
    numbers = table.numbers(found.frame)
    wrong = np.isnan(numbers) | (numbers != np.rint(numbers))
    wrong |= np.abs(numbers) > 2**53
    if wrong.any():
        row = int(wrong.argmax())
        raise SequenceError(
            f'{table.path}, line {table.lines[row]}: frame number '
            f'{numbers[row]:g} is not whole'
        )
    frames = numbers.astype(np.int64)
    if (np.diff(frames) < 0).any():
        row = int((np.diff(frames) < 0).argmax()) + 1
        mended.append(
            f'rows were sorted by frame (line {table.lines[row]} goes back)'
        )
    there = np.unique(frames)
    step = max(int(np.gcd.reduce(np.diff(there))) if len(there) > 1 else 1, 1)
    metadata['first_frame'] = int(there[0])
    metadata['frame_step'] = step
    frames = (frames - there[0]) // step
    T = int(frames.max()) + 1
    if step > 1:
        mended.append(
            f'frame numbers go up in steps of {step}; they were counted in '
            'steps'
        )
    if 20 * len(there) + 1000 < T:
        raise SequenceError(
            f'{table.path}: frame numbers run from {there[0]} to {there[-1]}, '
            f'but only {len(there)} of them are there; is column '
            f'{table.name(found.frame)} the frame number?'
        )
    if len(there) < T:
        gap = int((np.diff(there) > step).argmax())
        mended.append(
            f'{T - len(there)} frame numbers are missing, first '
            f'{there[gap] + step}; these frames are zeros'
        )
    return frames, T


def _by_time(
    table: Table, found: Columns, metadata: dict[str, Any], mended: list[str]
) -> tuple[np.ndarray, int]:
    """Frames of a table that does not number them, see `frame_numbers`."""
    R = table.num_rows
    wide = found.joint is None and found.person is None
    if found.time is None and not wide:
        raise SequenceError(
            f'{table.path}: its rows are single joints or persons, but no '
            'column tells the frame; call one frame or time, or name it in a '
            'column map'
        )
    try:
        times = None if found.time is None else table.numbers(found.time)
    except SequenceError:
        if not wide:
            raise
        times = None  # `frame_rate` says so, where a rate is wanted
    if times is None:
        return np.arange(R), R
    if wide:
        rows = frames = np.arange(R)
    else:
        if np.isnan(times).any():
            line = table.lines[int(np.isnan(times).argmax())]
            raise SequenceError(
                f'{table.path}, line {line}: the time is empty'
            )
        times, rows, frames = np.unique(
            times, return_index=True, return_inverse=True
        )
        frames = frames.reshape(-1).astype(np.int64)
    places = _with_gaps(table, found, times, rows, mended)
    if places[-1] >= len(places):
        metadata['row_frames'] = places
    return places[frames], int(places[-1]) + 1


def _with_gaps(
    table: Table,
    found: Columns,
    times: np.ndarray,
    rows: np.ndarray,
    mended: list[str],
) -> np.ndarray:
    """Frames with room for those that the clock leaves out.

    Args:
        table (Table): The table.
        found (Columns): Its columns.
        times (np.ndarray): Time of each frame that is there, (F,).
        rows (np.ndarray): Row of each, (F,) int64.
        mended (list[str]): Takes how many are left out.

    Returns:
        np.ndarray: (F,) int64 from 0, rising.

    Raises:
        SequenceError: If far more are left out than are there.
    """
    F = len(times)
    places = np.arange(F)
    known = np.flatnonzero(~np.isnan(times))
    times = times[known]
    if len(known) < 2:
        return places
    step, odd = usual_step(times, known)
    if not step > 0 or (times[1:] < times[:-1]).any():
        return places
    unit = _unit(found, step)
    rate = None if unit is None else nice_rate(step * TIME_UNITS[unit])
    if unit is not None and rate is not None:
        step = 1 / (rate * TIME_UNITS[unit])
    with np.errstate(over='ignore'):
        steps = np.diff(times)
        span = (times[-1] - times[0]) / step
    if span > 20 * F + 1000:
        gap = int(steps.argmax())
        raise SequenceError(
            f'{table.path}, line {table.lines[rows[known[gap + 1]]]}: column '
            f'{table.name(found.time)} goes on by '
            f'{steps[gap]:g}, where {step:g} is usual, but only {F} frames '
            'are there; part the table here, or mend its times'
        )
    lost = lost_frames(times, known, step, odd)
    if not lost.any():
        return places
    moved = np.zeros(F, np.int64)
    moved[known[1:]] = lost
    first = int((lost > 0).argmax())
    mended.append(
        f'the times leave out {lost.sum():.0f} frames, first '
        f'in a step of {steps[first]:g} at line '
        f'{table.lines[rows[known[first + 1]]]}, where {step:g} is usual; '
        'these frames are zeros'
    )
    return places + np.cumsum(moved)


def _counts_frames(table: Table, found: Columns) -> bool:
    """Whether the time column, of no known unit, is whole and steps by 1."""
    if found.time_unit is not None:
        return False
    try:
        numbers = table.numbers(found.time)
    except SequenceError:  # see `_by_time`
        return False
    if np.isnan(numbers).any() or (numbers != np.rint(numbers)).any():
        return False
    if found.joint is None and found.person is None:
        numbers = np.sort(numbers)
    else:
        numbers = np.unique(numbers)
    with np.errstate(over='ignore'):
        steps = np.sort(np.diff(numbers))
    return len(steps) > 0 and float(steps[(len(steps) - 1) // 2]) == 1


def frame_rate(
    table: Table,
    found: Columns,
    frames: np.ndarray,
    metadata: dict[str, Any],
    mended: list[str],
) -> float | None:
    """Frames a second by the usual step of the time column.

    Args:
        table (Table): The table.
        found (Columns): Its columns.
        frames (np.ndarray): Frame of each row, (R,).
        metadata (dict[str, Any]): Of `frame_numbers`.
        mended (list[str]): Takes what is odd.

    Returns:
        float | None: The rate, None where nothing tells it.
    """
    if found.time is None:
        return None
    times = table.numbers(found.time)
    frames, rows = np.unique(frames, return_index=True)
    known = ~np.isnan(times[rows])
    frames, rows = frames[known], rows[known]
    if len(rows) < 2:
        return None
    gaps = metadata.get('row_frames')
    if gaps is not None:  # found by the same steps, which decide the rate
        known = np.searchsorted(gaps, frames)
        step, odd = usual_step(times[rows], known)
        odd &= np.diff(frames) == np.diff(known)
    else:
        step, odd = usual_step(times[rows], frames)
    unit = _unit(found, step)
    if found.time_unit is None and unit is not None:
        mended.append(
            f'column {table.name(found.time)} says no unit; its steps of '
            f'{step:g} were taken for {unit}'
        )
    rate = None if unit is None else nice_rate(step * TIME_UNITS[unit])
    if rate is None:
        mended.append(
            f'column {table.name(found.time)} gives no frame rate, its usual '
            f'step is {step:g}; tell time_unit or fps in a column map'
        )
        return None
    if odd.any():
        line = table.lines[rows[int(odd.argmax()) + 1]]
        mended.append(
            f'{int(odd.sum())} of {len(odd)} time steps differ by more than '
            f'half from the usual {step:g} {unit} (first at line {line}); '
            'frames were not moved'
        )
    return rate


def _unit(found: Columns, step: float) -> str | None:
    """Unit of the time column, told or guessed by the usual step."""
    if found.time_unit is not None:
        return found.time_unit
    return 's' if step < 1 else 'ms' if step < 1000 else None
