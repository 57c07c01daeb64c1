"""What a recording says beside its joints: rate, upright axis, scale."""

from __future__ import annotations

import math

import numpy as np

from mmsnip.io.reading import SequenceError

__all__ = ['UP_AXES', 'check_scale', 'nice_rate', 'turn_y_up']

# For each axis that may point up, the (source axis, sign) of x, y and z once
# y points up; each is a rotation, so left and right stay what they are.
UP_AXES: dict[str, tuple[tuple[int, int], ...]] = {
    'x': ((1, -1), (0, 1), (2, 1)),
    '-x': ((1, 1), (0, -1), (2, 1)),
    'y': ((0, 1), (1, 1), (2, 1)),
    '-y': ((0, 1), (1, -1), (2, -1)),
    'z': ((0, 1), (2, 1), (1, -1)),
    '-z': ((0, 1), (2, -1), (1, 1)),
}
_BROADCAST = (24, 30, 60, 120)  # also recorded at 1000/1001 of it


def nice_rate(step_s: float) -> float | None:
    """Frame rate of a frame time that was printed with few digits.

    Args:
        step_s (float): Seconds from one frame to the next.

    Returns:
        float | None: Frames a second: the nearest whole rate, or 23.976,
            29.97, 59.94 or 119.88, where it is at most 0.15 % off; None
            where the step is no positive time.

    Examples:
        >>> nice_rate(0.033333), nice_rate(0.0333), nice_rate(0.0333667)
        (30.0, 30.0, 29.97)
        >>> nice_rate(0.0), nice_rate(0.4)
        (None, 2.5)
    """
    if not 1e-6 < step_s < 1e6:
        return None
    rate = 1.0 / step_s
    options = [n / 1.001 for n in _BROADCAST]
    options += [float(round(rate))]
    best = min(options, key=lambda option: abs(option - rate))
    if abs(best - rate) > 0.0015 * rate:
        return rate
    return round(best, 3)


def turn_y_up(keypoint: np.ndarray, up: str, source: str) -> np.ndarray:
    """Rotate so that y points up; the body is never mirrored.

    Args:
        keypoint (np.ndarray): (..., 3).
        up (str): Axis of the file that points up: ``x``, ``y``, ``z`` or
            one of them behind a ``-``.
        source (str): File, for the message.

    Returns:
        np.ndarray: (..., 3), the type of `keypoint`.

    Raises:
        SequenceError: If `up` is no axis, or there are not three
            coordinates.

    Examples:
        >>> turn_y_up(np.array([1.0, 2.0, 3.0]), 'z', 'a.bvh').tolist()
        [1.0, 3.0, -2.0]
    """
    if up not in UP_AXES:
        raise SequenceError(
            f'{source}: up={up!r} is no axis; expected one of '
            f'{sorted(UP_AXES)}'
        )
    if up == 'y':
        return keypoint
    if keypoint.shape[-1] != 3:
        raise SequenceError(
            f'{source}: up={up!r} needs x, y and z, but there are '
            f'{keypoint.shape[-1]} coordinates; leave it out'
        )
    turned = [sign * keypoint[..., axis] for axis, sign in UP_AXES[up]]
    return np.stack(turned, axis=-1) + 0.0  # no -0 where all is 0


def check_scale(scale: float, source: str) -> float:
    """Factor on lengths, if it can be one.

    Args:
        scale (float): Factor.
        source (str): File, for the message.

    Returns:
        float: The same.

    Raises:
        SequenceError: If it is not a positive finite number.
    """
    number = isinstance(scale, (int, float)) and not isinstance(scale, bool)
    if not number or not 0 < scale < math.inf:
        raise SequenceError(
            f'{source}: scale={scale!r} must be a positive number; 0.01 '
            'turns centimetres to metres'
        )
    return float(scale)
