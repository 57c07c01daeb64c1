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

from mmsnip.io.formats.registry import Notes
from mmsnip.structures import DataError

__all__ = [
    'TIME_UNITS',
    'TIME_WORDS',
    'Clock',
    'name_numbers',
    'nice_rate',
    'number_frames',
    'read_clock',
    'usual_step',
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
_ODD = 0.5  # share of the usual step by which a step may differ
_FEW = 0.1  # share of long steps up to which they are gaps, not grain
_HEAP = 16  # steps that are looked at together
_MOST = 0.8  # share of them that come evenly where the digits are to blame
_TINY = 1e-6
_NEAR = 2  # steps around a long one that may make up for it
_MEANT = 8  # times on each side of a gap that tell its length
_BROADCAST = (24, 30, 60, 120)  # also recorded at 1000/1001 of it
_DIGITS = re.compile('[0-9]+')
MAX_DIGITS = 12  # a frame number has fewer digits than a time stamp


@dataclass
class Clock:
    """What times say."""

    frames: np.ndarray  # of each entry, (F,) int64, from 0
    fps: float | None = None
    gaps: int = 0  # frames that the times leave out
    starts_s: float = 0.0  # first time, 0 where no rate is known
    notes: Notes = field(default_factory=Notes)


def nice_rate(step_s: float) -> float | None:
    """Frame rate of a frame time that was printed with few digits."""
    if not 1e-6 < step_s < 1e6:
        return None
    rate = 1.0 / step_s
    options = [*(n / 1.001 for n in _BROADCAST), float(round(rate))]
    best = min(options, key=lambda option: abs(option - rate))
    if abs(best - rate) > 0.0015 * rate:
        return rate
    return round(best, 3)


def read_clock(
    times: np.ndarray,
    unit: str | None,
    frames: np.ndarray | None = None,
    what: str = 'time',
    where: Callable[[int], str] = 'entry {}'.format,
    source: str = '',
) -> Clock:
    """Frames and rate by time stamps."""
    F = len(times)
    clock = Clock(np.arange(F) if frames is None else frames)
    known = np.flatnonzero(np.isfinite(times))
    if len(known) < 2:
        return clock
    times, numbers = times[known], clock.frames[known]
    step, odd = usual_step(times, numbers)
    told = unit
    if unit is None:
        unit = 's' if step < 1 else 'ms' if step < 1000 else None
    rate = None if unit is None else nice_rate(step * TIME_UNITS[unit])
    if frames is None and step > 0 and (np.diff(times) >= 0).all():
        exact = step if rate is None else 1 / (rate * TIME_UNITS[unit])
        lost = _lost(
            times,
            known,
            exact,
            odd,
            (F, what, lambda n: f'{source}, {where(n)}'),
        )
        if lost.any():
            moved = np.zeros(F, np.int64)
            moved[known[1:]] = lost
            clock.frames = clock.frames + np.cumsum(moved)
            clock.gaps = int(lost.sum())
            first = int((lost > 0).argmax())
            clock.notes.say(
                f'the times leave out {clock.gaps} frames, first in a '
                f'step of {np.diff(times)[first]:g} at '
                f'{where(int(known[first + 1]))}, where {exact:g} is '
                'usual; nobody is there in these frames',
                clock.gaps,
            )
            odd = odd & (lost == 0)
    if told is None and unit is not None:
        clock.notes.say(
            f'{what} says no unit; its steps of {step:g} were taken for {unit}'
        )
    if rate is None:
        clock.notes.say(
            f'{what} gives no frame rate, its usual step is {step:g}; '
            'tell its unit (time_unit in a column map), or fps'
        )
        return clock
    clock.fps = rate
    clock.starts_s = max(float(times[0]) * TIME_UNITS[unit], 0.0)
    if odd.any():
        clock.notes.say(
            f'{int(odd.sum())} of {len(odd)} time steps differ by more '
            f'than half from the usual {step:g} {unit} (first at '
            f'{where(int(known[int(odd.argmax()) + 1]))}); frames were '
            'not moved',
            int(odd.sum()),
        )
    return clock


def usual_step(
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
        if step == 0:
            step = float(steps.mean())
        odd = np.zeros(len(steps), bool)
        for _ in range(2):  # from the median, then from the mean
            if odd.all() or not 1e-99 < step < 1e99:
                return math.nan, odd
            grain = _grain(times - times[0], step)
            coarse = grain >= _ODD * step * (1 - _TINY)
            long = steps > (1 + _ODD) * step * (1 + _TINY)
            many = long.sum() > 2 + _FEW * len(long)
            even = many and _even(times - step * frames, grain)
            if coarse and (even or (steps == 0).any()):
                long = steps > (step + grain) * (1 + _TINY)
            least = 0.0 if coarse else _ODD * step * (1 - _TINY)
            odd = long | (steps < least)
            step = float(steps[~odd].mean()) if not odd.all() else math.nan
        if odd.all():
            return math.nan, odd
        # Parallel lines through all times, a new one behind each odd step:
        # the last digit of each counts less than that of the ends.
        part = np.append(0, np.cumsum(odd))
        x, y = (_centred(values, part) for values in (frames, times))
        step = float((x * y).sum() / (x * x).sum())
    return step, odd


def _centred(values: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Values without the mean of their part, (R,) float64."""
    values = values - values[0]
    means = np.bincount(part, values) / np.bincount(part)
    return values - means[part]


def _even(lead: np.ndarray, grain: float) -> bool:
    """Whether long steps come as evenly as rounding makes them."""
    if len(lead) < 2 * _HEAP:
        return False
    sums = lead[_HEAP:] - lead[:-_HEAP]
    near = np.abs(sums - np.median(sums)) < grain * (1 + 1e-3)
    return bool(near.mean() > _MOST)


def _grain(times: np.ndarray, step: float) -> float:
    """Largest power of ten that divides all times; 0 below half a step."""
    lowest = math.ceil(math.log10(_ODD * step * (1 - _TINY)))
    for power in range(lowest + 3, lowest - 1, -1):
        ticks = times / 10.0**power
        if (np.abs(ticks - np.rint(ticks)) < 1e-3).all():
            return 10.0**power
    return 0.0


def _lost(
    times: np.ndarray,
    frames: np.ndarray,
    step: float,
    odd: np.ndarray,
    source: tuple[int, str, Callable[[int], str]],
) -> np.ndarray:
    """Frames that a clock leaves out in each of its steps, (R - 1,) float64.

    A long step is a gap, unless the steps beside it make up for it: a row
    that was written late lost nothing. Shorter steps leave nothing out,
    however they jitter.
    """
    F, what, where = source
    counts = np.diff(frames)
    with np.errstate(over='ignore'):
        steps = np.diff(times)
        if (times[-1] - times[0]) / step > 20 * F + 1000:
            gap = int(steps.argmax())
            raise DataError(
                f'{where(int(frames[gap + 1]))}: {what} goes on by '
                f'{steps[gap]:g}, where {step:g} is usual, but only {F} '
                'frames are there; part the recording here, or mend its times'
            )
    excess = steps / step - counts
    gaps = odd & (excess >= _ODD * counts)
    lost = np.zeros(len(excess))
    near = np.convolve(gaps, np.ones(2 * _NEAR + 1), 'full')
    near = near[_NEAR : _NEAR + len(gaps)] > 0.5
    edges = np.flatnonzero(np.diff(near, prepend=False, append=False))
    ahead = np.concatenate([[0.0], np.cumsum(excess)])  # of each time, (R,)
    before = np.append(0, edges[1:-1:2])
    behind = np.append(edges[2::2], len(excess))
    for (start, end), low, high in zip(edges.reshape(-1, 2), before, behind):
        left = ahead[max(low, start - _MEANT + 1) : start + 1].mean()
        right = ahead[end : min(high + 1, end + _MEANT)].mean()
        total = max(float(np.rint(right - left)), 0.0)
        places = start + np.flatnonzero(gaps[start:end])
        upto = np.cumsum(excess[places])
        lost[places] = np.diff(np.rint(upto / upto[-1] * total), prepend=0.0)
    return lost


def number_frames(
    numbers: np.ndarray, source: str, what: str
) -> tuple[np.ndarray, int, int, Notes]:
    """Frames from 0, of numbers that may begin and step anyhow."""
    there = np.unique(numbers)
    step = max(int(np.gcd.reduce(np.diff(there))) if len(there) > 1 else 1, 1)
    frames = (numbers - there[0]) // step
    T = int(frames.max()) + 1
    notes = Notes()
    if step > 1:
        notes.say(
            f'{what} goes up in steps of {step}; it was counted in steps'
        )
    if 20 * len(there) + 1000 < T:
        raise DataError(
            f'{source}: {what} runs from {there[0]} to {there[-1]}, but only '
            f'{len(there)} of the numbers are there; is it the frame number?'
        )
    if len(there) < T:
        gaps = np.flatnonzero(np.diff(there) > step)
        spans = [(there[g] + step, there[g + 1] - step) for g in gaps[:10]]
        listed = [f'{a}' if a == b else f'{a}..{b}' for a, b in spans]
        more = f' and {len(gaps) - 10} more' if len(gaps) > 10 else ''
        notes.say(
            f'{T - len(there)} frame numbers are missing; nobody is there '
            f'in these frames: {", ".join(listed)}{more}',
            T - len(there),
        )
    return frames, int(there[0]), step, notes


def name_numbers(
    names: Sequence[Any],
) -> tuple[list[int | None], tuple[str, int] | None]:
    """Frame numbers in the names of images or files."""
    if all(isinstance(name, int) for name in names):
        return [n if abs(n) < 10**MAX_DIGITS else None for n in names], None
    stems = [str(name) for name in names]
    runs = [_DIGITS.findall(stem) for stem in stems]
    widths = {len(run) for run in runs}
    if len(widths) == 1 and widths != {0} and len(set(stems)) > 1:
        columns = [[int(run[k][-40:]) for run in runs] for k in range(*widths)]
        order = sorted(
            range(len(columns)),
            key=lambda k: (
                len(set(columns[k])),
                min(columns[k]) - max(columns[k]),
                k,
            ),
        )
        found = columns[order[-1]]
    else:
        found = [int(run[-1][-40:]) if run else None for run in runs]
    if None in found:
        return [None] * len(found), None
    steps = np.diff(sorted(set(map(float, found))))
    usual = float(np.median(steps)) if len(steps) else 1.0
    even = len(steps) and (np.mod(steps, steps.min()) == 0).all()
    usual /= float(steps.min()) if even else 1.0
    far = len(steps) and steps.sum() > 4 * (len(steps) + 1) * (
        float(steps.min()) if even else 1.0
    )
    huge = max(map(abs, found)) >= 10**MAX_DIGITS
    if huge or (usual > 1 and far):
        if len({*found}) < 2:
            return [None] * len(found), None
        rank = {n: k for k, n in enumerate(sorted(set(found)))}
        note = (
            'the numbers in the names leave out most frames '
            f'({min(found)} to {max(found)} for {len(rank)} images); the '
            'images were counted in order',
            len(rank),
        )
        return [rank[n] for n in found], note
    return found, None
