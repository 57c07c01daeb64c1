"""The usual step of a clock that was printed, and the steps beside it."""

from __future__ import annotations

import math

import numpy as np

__all__ = ['lost_frames', 'usual_step']

_ODD = 0.5  # share of the usual step by which a step may differ
_FEW = 0.1  # share of long steps up to which they are gaps, not grain
_HEAP = 16  # steps that are looked at together
_MOST = 0.8  # share of them that come evenly where the digits are to blame
_TINY = 1e-6
_NEAR = 2  # steps around a long one that may make up for it
_MEANT = 8  # times on each side of a gap that tell its length


def usual_step(
    times: np.ndarray, frames: np.ndarray
) -> tuple[float, np.ndarray]:
    """Step of the clock by the steps that are at most half off their median.

    Where the last digit of the clock is half a step or more (100 times a
    second and above, printed with two decimals), steps of 0 and of a digit
    more are regular, too: only all of them together are right.

    Args:
        times (np.ndarray): Times, (R,) finite, R at least 2.
        frames (np.ndarray): Their frames, (R,) int64, rising.

    Returns:
        tuple[float, np.ndarray]: Time from a frame to the next, NaN where
            the clock does not tell it; and which steps do not count,
            (R - 1,) bool.

    Examples:
        >>> times = np.array([0, 0.01, 0.02, 0.02, 0.03, 0.04, 0.04, 1.04])
        >>> step, odd = usual_step(times, np.arange(8))
        >>> round(step, 5), odd.nonzero()[0].tolist()
        (0.00679, [6])
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
    """Whether long steps come as evenly as rounding makes them.

    Frames that are lost by chance come in heaps.
    """
    if len(lead) < 2 * _HEAP:
        return False
    sums = lead[_HEAP:] - lead[:-_HEAP]
    near = np.abs(sums - np.median(sums)) < grain * (1 + 1e-3)
    return bool(near.mean() > _MOST)


def lost_frames(
    times: np.ndarray, frames: np.ndarray, step: float, odd: np.ndarray
) -> np.ndarray:
    """Frames that a clock leaves out in each of its steps.

    A step of one and a half or more is a gap, unless the steps beside it
    make up for it: a row that was written late lost nothing. Shorter steps
    leave nothing out, however they jitter.

    Args:
        times (np.ndarray): Times, (R,), never falling.
        frames (np.ndarray): Their frames without gaps, (R,) int64, rising.
        step (float): Time from a frame to the next.
        odd (np.ndarray): Of `usual_step`, (R - 1,) bool.

    Returns:
        np.ndarray: (R - 1,) float64, whole and not negative.

    Examples:
        >>> times = np.array([0, 1, 2, 5.1, 6, 7.8, 8, 9, 10, 11.9])
        >>> odd = np.diff(times) > 1.5
        >>> lost_frames(times, np.arange(10), 1.0, odd).tolist()
        [0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]
    """
    counts = np.diff(frames)
    excess = np.diff(times) / step - counts
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


def _grain(times: np.ndarray, step: float) -> float:
    """Largest power of ten that divides all times; 0 below half a step."""
    lowest = math.ceil(math.log10(_ODD * step * (1 - _TINY)))
    for power in range(lowest + 3, lowest - 1, -1):
        ticks = times / 10.0**power
        if (np.abs(ticks - np.rint(ticks)) < 1e-3).all():
            return 10.0**power
    return 0.0
