"""The usual step of a clock that was printed, and the steps beside it."""

from __future__ import annotations

import math

import numpy as np

__all__ = ['usual_step']

_ODD = 0.5  # share of the usual step by which a step may differ
_FEW = 0.1  # share of long steps up to which they are gaps, not grain
_TINY = 1e-6


def usual_step(
    times: np.ndarray, frames: np.ndarray
) -> tuple[float, np.ndarray]:
    """Mean of the steps that are at most half off their median.

    Where the last digit of the clock is half a step or more (100 times a
    second and above, printed with two decimals), steps of 0 and of a digit
    more are regular, too: only the mean of all of them is right.

    Args:
        times (np.ndarray): Times, (R,) finite, R at least 2.
        frames (np.ndarray): Their frames, (R,) int64, rising.

    Returns:
        tuple[float, np.ndarray]: Time from a frame to the next, NaN where
            the clock stands or goes back; and which steps do not count,
            (R - 1,) bool.

    Examples:
        >>> times = np.array([0, 0.01, 0.02, 0.02, 0.03, 0.04, 0.04, 1.04])
        >>> step, odd = usual_step(times, np.arange(8))
        >>> round(step, 5), odd.nonzero()[0].tolist()
        (0.00667, [6])
    """
    with np.errstate(over='ignore', invalid='ignore'):
        steps = np.diff(times) / np.diff(frames)
        step = float(np.sort(steps)[(len(steps) - 1) // 2])
        # A clock that mostly stands still tells its grain by its ticks.
        grain = 0.0
        if step == 0 and (steps > 0).any():
            step, grain = float(steps.mean()), float(steps[steps > 0].min())
        odd = np.zeros(len(steps), bool)
        for _ in range(2):  # from the median, then from the mean
            if odd.all() or not 1e-99 < step < 1e99:
                return math.nan, odd
            grain = max(grain, _grain(times - times[0], step))
            coarse = grain >= _ODD * step * (1 - _TINY)
            long = steps > (1 + _ODD) * step * (1 + _TINY)
            many = long.sum() > 2 + _FEW * len(long)
            if coarse and (many or (steps == 0).any()):
                long = steps > (step + grain) * (1 + _TINY)
            least = 0.0 if coarse else _ODD * step * (1 - _TINY)
            odd = long | (steps < least)
            step = float(steps[~odd].mean()) if not odd.all() else math.nan
    return step, odd


def _grain(times: np.ndarray, step: float) -> float:
    """Largest power of ten that divides all times; 0 below half a step."""
    lowest = math.ceil(math.log10(_ODD * step * (1 - _TINY)))
    for power in range(lowest + 3, lowest - 1, -1):
        ticks = times / 10.0**power
        if (np.abs(ticks - np.rint(ticks)) < 1e-3).all():
            return 10.0**power
    return 0.0
