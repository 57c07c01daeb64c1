"""Frames and rate of what carries time stamps; numbers in file names.

The one rule for tables and for the JSON of pose estimators: where frames
are numbered the numbers place them, else the times do, and what they leave
out becomes absent frames. A rate that nothing tells stays None.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mmsnip.structures import DataError

__all__ = [
    'TIME_UNITS',
    'TIME_WORDS',
    'Clock',
    'name_numbers',
    'nice_rate',
    'number_frames',
    'read_clock',
]

TIME_UNITS = {'s': 1.0, 'ms': 1e-3, 'us': 1e-6, 'ns': 1e-9}
# Names of a time, without case and signs, and the unit that each says.
TIME_WORDS = {
    **dict.fromkeys(('t', 'time', 'timestamp', 'ts'), None),
    **dict.fromkeys(('times', 'timestamps', 'seconds', 'sec'), 's'),
    **dict.fromkeys(('timeseconds', 'timesec', 'timestampsec'), 's'),
    **dict.fromkeys(('timems', 'timestampms', 'ms', 'milliseconds'), 'ms'),
    **dict.fromkeys(('timemsec', 'timestampmsec', 'tms'), 'ms'),
    **dict.fromkeys(('timeus', 'timestampus', 'microseconds'), 'us'),
    **dict.fromkeys(('timens', 'timestampns', 'nanoseconds'), 'ns'),
}
MAX_DIGITS = 12  # a frame number has fewer digits than a time stamp
_BROADCAST = (24, 30, 60, 120)  # also recorded at 1000/1001 of it
_DIGITS = re.compile('[0-9]+')
_ODD = 0.5  # share of the usual step by which a step may differ
_FEW = 0.1  # share of long steps up to which they are gaps, not rounding
_HEAP = 16  # steps that are looked at together
_MOST = 0.8  # share of them that come evenly where rounding is to blame
_MEANT = 8  # times on each side of a gap that tell its length
_TINY = 1e-6

Notes = list[tuple[str, int]]  # sentences, and how many frames each is about


@dataclass
class Clock:
    """What times say."""

    frames: np.ndarray  # of each entry, (F,) int64, from 0
    fps: float | None = None
    gaps: int = 0  # frames that the times leave out
    starts_s: float = 0.0  # first time, 0 where no rate is known
    notes: Notes = field(default_factory=list)


def nice_rate(step_s: float) -> float | None:
    """Frame rate of a frame time that was printed with few digits."""
    if not 1e-6 < step_s < 1e6:
        return None
    rate = 1.0 / step_s
    options = [*(n / 1.001 for n in _BROADCAST), float(round(rate))]
    best = min(options, key=lambda option: abs(option - rate))
    return rate if abs(best - rate) > 0.0015 * rate else round(best, 3)


def read_clock(
    times: np.ndarray,
    unit: str | None,
    source: str,
    frames: np.ndarray | None = None,
    what: str = 'the time stamp',
    where: Callable[[int], str] = 'entry {}'.format,
) -> Clock:
    """Frames and rate by time stamps; frames that are numbered stay."""
    F = len(times)
    clock = Clock(np.arange(F) if frames is None else frames)
    known = np.flatnonzero(np.isfinite(times))
    if len(known) < 2:
        return clock
    times, numbers = times[known], clock.frames[known]
    step, odd = _usual_step(times, numbers)
    if unit is None:
        unit = 's' if step < 1 else 'ms' if step < 1000 else None
        if unit is not None:
            note = f'its steps of {step:g} were taken for {unit}'
            clock.notes.append((f'{what} says no unit; {note}', 0))
    rate = None if unit is None else nice_rate(step * TIME_UNITS[unit])
    if rate is None:
        note = (
            f'{what} gives no frame rate, its usual step is {step:g}; '
            'tell its unit (time_unit in a column map), or fps'
        )
        clock.notes.append((note, 0))
    else:
        clock.fps = rate
        clock.starts_s = max(float(times[0]) * TIME_UNITS[unit], 0.0)
    with np.errstate(over='ignore'):
        steps = np.diff(times)
        exact = step if rate is None else 1 / (rate * TIME_UNITS[unit])
        length = (times[-1] - times[0]) / exact
    if frames is None and step > 0 and (steps >= 0).all():
        if length > 20 * F + 1000:
            gap = int(steps.argmax())
            raise DataError(
                f'{source}, {where(int(known[gap + 1]))}: {what} goes on by '
                f'{steps[gap]:g}, where {exact:g} is usual, but only {F} '
                'frames are there; part the recording here, or mend its times'
            )
        lost = _lost(times / exact - known, odd)
        if lost.any():
            moved = np.zeros(F, np.int64)
            moved[known[1:]] = lost
            clock.frames = clock.frames + np.cumsum(moved)
            clock.gaps = int(lost.sum())
            first = int((lost > 0).argmax())
            note = (
                f'the times leave out {clock.gaps} frames, first in a '
                f'step of {steps[first]:g} at {where(int(known[first + 1]))}, '
                f'where {exact:g} is usual; nobody is there in these frames'
            )
            clock.notes.insert(0, (note, clock.gaps))
            odd = odd & (lost == 0)
    if rate is not None and odd.any():
        place = where(int(known[int(odd.argmax()) + 1]))
        note = (
            f'{int(odd.sum())} of {len(odd)} time steps differ by more '
            f'than half from the usual {step:g} {unit} (first at {place}); '
            'frames were not moved'
        )
        clock.notes.append((note, int(odd.sum())))
    return clock


def _usual_step(
    times: np.ndarray, frames: np.ndarray
) -> tuple[float, np.ndarray]:
    """Step of the clock by the steps that are at most half off their median.

    Where the last digit of the clock is half a step or more (100 times a
    second and above, printed with two decimals), steps of 0 and of a digit
    more are regular, too: only all of them together are right.

    Returns the time from a frame to the next, NaN where the clock does not
    tell it; and which steps do not count, (R - 1,) bool.
    """
    with np.errstate(over='ignore', invalid='ignore'):
        steps = np.diff(times) / np.diff(frames)
        step = float(np.sort(steps)[(len(steps) - 1) // 2])
        step = step or float(steps.mean())
        odd = np.zeros(len(steps), bool)
        for _ in range(2):  # from the median, then from the mean
            if odd.all() or not 1e-99 < step < 1e99:
                return math.nan, odd
            grain = _last_digit(times - times[0], step)
            coarse = grain >= _ODD * step * (1 - _TINY)
            long = steps > (1 + _ODD) * step * (1 + _TINY)
            rounded = bool((steps == 0).any())
            if long.sum() > 2 + _FEW * len(long) and len(times) >= 2 * _HEAP:
                # Rounding makes long steps as evenly as nothing else does.
                lead = times - step * frames
                sums = lead[_HEAP:] - lead[:-_HEAP]
                near = np.abs(sums - np.median(sums)) < grain * 1.001
                rounded |= bool(near.mean() > _MOST)
            if coarse and rounded:
                long = steps > (step + grain) * (1 + _TINY)
            least = 0.0 if coarse else _ODD * step * (1 - _TINY)
            odd = long | (steps < least)
            step = float(steps[~odd].mean()) if not odd.all() else math.nan
        if odd.all():
            return math.nan, odd
        # Parallel lines through all times, a new one behind each odd step:
        # the last digit of each counts less than that of the ends.
        part = np.append(0, np.cumsum(odd))
        x, y = frames - frames[0] * 1.0, times - times[0]
        x, y = (
            v - (np.bincount(part, v) / np.bincount(part))[part]
            for v in (x, y)
        )
        return float((x * y).sum() / (x * x).sum()), odd


def _last_digit(times: np.ndarray, step: float) -> float:
    """Largest power of ten that divides all times; 0 below half a step."""
    lowest = math.ceil(math.log10(_ODD * step * (1 - _TINY)))
    for power in range(lowest + 3, lowest - 1, -1):
        ticks = times / 10.0**power
        if (np.abs(ticks - np.rint(ticks)) < 1e-3).all():
            return 10.0**power
    return 0.0


def _lost(lead: np.ndarray, odd: np.ndarray) -> np.ndarray:
    """Frames that a clock leaves out in each of its steps, (R - 1,) int64.

    `lead` says how many frames a clock is ahead of the rows, (R,). A long
    step is a gap as far as the clock stays ahead: a row that was written
    late lost nothing. Shorter steps leave nothing out, however they jitter.
    """
    lost = np.zeros(len(odd), np.int64)
    gaps = np.flatnonzero(odd & (np.diff(lead) >= _ODD))
    borders = np.concatenate([[0], gaps + 1, [len(lead)]])
    total = 0.0
    for n, gap in enumerate(gaps):
        low, middle, high = borders[n : n + 3]
        if middle - low > _MEANT:  # what is left of gaps far away
            total = 0.0
        before = lead[max(low, middle - _MEANT) : middle].mean()
        behind = lead[middle : min(high, middle + _MEANT)].mean()
        total += behind - before
        lost[gap] = max(round(total), 0)
        total -= lost[gap]
    return lost


def number_frames(
    numbers: np.ndarray, source: str, what: str
) -> tuple[np.ndarray, int, int, Notes]:
    """Frames from 0, of numbers that may begin and step anyhow."""
    there = np.unique(numbers)
    step = max(int(np.gcd.reduce(np.diff(there))) if len(there) > 1 else 1, 1)
    frames = (numbers - there[0]) // step
    T = int(frames.max()) + 1
    notes: Notes = []
    if step > 1:
        note = f'{what} goes up in steps of {step}; it was counted in steps'
        notes.append((note, 0))
    if 20 * len(there) + 1000 < T:
        raise DataError(
            f'{source}: {what} runs from {there[0]} to {there[-1]}, but only '
            f'{len(there)} of the numbers are there; is it the frame number?'
        )
    if len(there) < T:
        gaps = np.flatnonzero(np.diff(there) > step)
        spans = [(there[g] + step, there[g + 1] - step) for g in gaps[:10]]
        listed = [f'{a}' if a == b else f'{a}..{b}' for a, b in spans]
        note = (
            f'{T - len(there)} frame numbers are missing; nobody is there '
            f'in these frames: {", ".join(listed)}'
            f'{", .." if len(gaps) > 10 else ""}'
        )
        notes.append((note, T - len(there)))
    return frames, int(there[0]), step, notes


def name_numbers(names: Sequence[Any]) -> tuple[list[int | None], Notes]:
    """Frame numbers in the names of images or files.

    The number that changes most from name to name; where the names are of
    different kinds, the last one. Numbers that leave out most frames only
    order the images.
    """
    if all(isinstance(name, int) for name in names):
        return [n if abs(n) < 10**MAX_DIGITS else None for n in names], []
    runs = [
        [int(run[-40:]) for run in _DIGITS.findall(str(name))]
        for name in names
    ]
    if not all(runs):
        return [None] * len(names), []
    found = [run[-1] for run in runs]
    if len(set(map(len, runs))) == 1:
        columns = enumerate(zip(*runs))
        found = list(
            max(
                columns,
                key=lambda c: (len(set(c[1])), min(c[1]) - max(c[1]), c[0]),
            )[1]
        )
    there = sorted(set(found))
    steps = np.diff(np.array(there, float))
    if not len(steps):
        huge = there[0] >= 10**MAX_DIGITS
        return [None if huge else n for n in found], []
    least = float(steps.min())
    least = least if (np.mod(steps, least) == 0).all() else 1.0
    sparse = np.median(steps) > least
    sparse &= steps.sum() > 4 * (len(steps) + 1) * least
    if not sparse and there[-1] < 10**MAX_DIGITS:
        return found, []
    rank = {n: k for k, n in enumerate(there)}
    note = (
        'the numbers in the names leave out most frames '
        f'({there[0]} to {there[-1]} for {len(rank)} images); the images '
        'were counted in order',
        len(rank),
    )
    return [rank[n] for n in found], [note]
