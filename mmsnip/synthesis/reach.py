"""Arm angles that bring a hand to a place on the body."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mmsnip.synthesis.body import (
    COLUMN,
    PARAMETERS,
    Body,
    forward_kinematics,
)

_ARM = ('arm', 'abduct', 'rotate', 'elbow')
_HAND = {'left': 7, 'right': 11}


def reach(
    body: Body,
    side: str,
    joint: int,
    offset: Sequence[float],
    guess: Mapping[str, float],
) -> dict[str, float]:
    """Arm angles near a guess that bring the hand joint to a target.

    Damped least squares on the upright body; a target out of reach gives
    the nearest arm.

    Args:
        body (Body): Proportions.
        side (str): ``'left'`` or ``'right'``.
        joint (int): Joint that the target is measured from.
        offset (Sequence[float]): Target minus that joint, in body heights,
            x to the side of the arm.
        guess (Mapping[str, float]): Degrees of ``arm``, ``abduct``,
            ``rotate`` and ``elbow``.

    Returns:
        dict[str, float]: The same names with the side before them.

    Raises:
        ValueError: If the side is unknown.
    """
    if side not in _HAND:
        raise ValueError(f"side={side!r} is unknown; use 'left' or 'right'")
    columns = [COLUMN[f'{side}_{name}'] for name in _ARM]
    sign = 1 if side == 'left' else -1
    shift = np.asarray(offset, float) * (sign, 1, 1) * body.height
    angles = np.array([guess[name] for name in _ARM], float)
    low, high = (-60, -45, -95, 0), (190, 170, 110, 150)

    probes = np.zeros((5, len(PARAMETERS)))
    for _ in range(12):
        probes[:, columns] = angles
        probes[np.arange(1, 5), columns] += 1
        joints = forward_kinematics(body, probes)
        miss = joints[:, _HAND[side]] - joints[:, joint] - shift  # (5, 3)
        slope = (miss[1:] - miss[0]).T  # (3, 4) metres per degree
        damped = slope @ slope.T + 1e-6 * np.eye(3)
        step = -slope.T @ np.linalg.solve(damped, miss[0])
        angles = np.clip(angles + np.clip(step, -25, 25), low, high)
    return {
        f'{side}_{name}': float(angle) for name, angle in zip(_ARM, angles)
    }
