"""Unlabelled movements: they borrow the poses of actions, not the motion."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from mmsnip.synthesis.actions import strides
from mmsnip.synthesis.body import (
    Body,
    Maker,
    Program,
    Style,
    ease,
    frames_of,
    keyed,
    plateau,
    reach,
    smooth_noise,
)

SIDES = ('left', 'right')


def _arm(
    side: str, arm: float, abduct: float, rotate: float, elbow: float
) -> dict[str, float]:
    names = ('arm', 'abduct', 'rotate', 'elbow')
    return {
        f'{side}_{name}': angle
        for name, angle in zip(names, (arm, abduct, rotate, elbow))
    }


def _held(
    rng: Generator,
    style: Style,
    angles: dict[str, float],
    seconds: tuple[float, float] = (1.2, 3.2),
    tremble: float = 3.0,
) -> Program:
    """Go to a pose, hold it with slow drift, and come back."""
    T = frames_of(rng.uniform(*seconds), style)
    noise = tremble * smooth_noise(rng, T, len(angles), 0.2, 0.7)
    curves = {
        name: angle + noise[:, column]
        for column, (name, angle) in enumerate(angles.items())
    }
    rise, fall = (frames_of(rng.uniform(0.4, 0.8), style) for _ in range(2))
    return Program(curves, plateau(T, min(rise, T // 2), min(fall, T // 2)))


def look_around(rng: Generator, style: Style, body: Body) -> Program:
    """Turn the head to one or two sides."""
    T = frames_of(rng.uniform(1.2, 2.6), style)
    first, second = rng.uniform(-55, 55, 2)
    look = keyed(T, (0, 0.3, 0.45, 0.7, 1), (0, first, first, second, 0))
    return Program({}, plateau(T, 4, 4), {'look': look, 'twist': 0.25 * look})


def shift_weight(rng: Generator, style: Style, body: Body) -> Program:
    """Lean onto one leg."""
    T = frames_of(rng.uniform(1.5, 3.5), style)
    side = rng.choice((-1, 1)) * rng.uniform(3, 7) * plateau(T, T // 3, T // 3)
    return Program(
        {},
        plateau(T, 4, 4),
        {
            'left_spread': -side,
            'right_spread': side,
            'lean': 0.7 * side,
            'right_knee': np.clip(2.4 * side, 0, None),
            'right_leg': np.clip(1.2 * side, 0, None),
            'left_knee': np.clip(-2.4 * side, 0, None),
            'left_leg': np.clip(-1.2 * side, 0, None),
        },
    )


def shuffle(rng: Generator, style: Style, body: Body) -> Program:
    """Two or three small steps in place."""
    T = frames_of(rng.uniform(1.0, 1.9), style)
    phase = np.linspace(0, np.pi * rng.integers(2, 4), T) + rng.choice(
        (0, np.pi)
    )
    curves = strides(
        phase, rng.uniform(2, 6), rng.uniform(20, 38), rng.uniform(2, 8)
    )
    yaw = rng.uniform(-25, 25) * ease(np.linspace(0, 1, T))
    return Program(curves, plateau(T, 7, 7), yaw=yaw)


def raise_hand(rng: Generator, style: Style, body: Body) -> Program:
    """Hold a hand up as for a wave, or a signal, and keep it still."""
    angles = rng.uniform((5, 45, 60, 30), (60, 105, 95, 100))
    return _held(rng, style, _arm('right', *angles))


def point(rng: Generator, style: Style, body: Body) -> Program:
    """Stretch the arm out slowly and hold it, as a punch would end."""
    angles = rng.uniform((60, -10, -50, 5), (100, 45, 0, 25))
    return _held(rng, style, _arm('right', *angles))


def touch_head(rng: Generator, style: Style, body: Body) -> Program:
    """Hold a hand at the chin, the ear or the brow."""
    at = ((0.01, -0.03, 0.075), (0.06, 0.0, 0.02), (0.02, 0.045, 0.07))
    angles = reach(
        body, 'right', 3, at[rng.integers(3)],
        dict(arm=45, abduct=30, rotate=-30, elbow=120),
    )  # fmt: skip
    angles['nod'] = rng.uniform(-8, 18)
    return _held(rng, style, angles)


def join_hands(rng: Generator, style: Style, body: Body) -> Program:
    """Hold both hands together before the trunk."""
    up, ahead = rng.uniform(-0.2, 0.03), rng.uniform(0.12, 0.2)
    angles: dict[str, float] = {}
    for side in SIDES:
        angles |= reach(
            body, side, 20, (rng.uniform(0.0, 0.05), up, ahead),
            dict(arm=30, abduct=8, rotate=-35, elbow=80),
        )  # fmt: skip
    return _held(rng, style, angles)


def hands_on_hips(rng: Generator, style: Style, body: Body) -> Program:
    """Rest both hands on the hips."""
    angles: dict[str, float] = {}
    for side in SIDES:
        angles |= reach(
            body, side, 0, (0.095, 0.045, 0.02),
            dict(arm=-15, abduct=40, rotate=-60, elbow=85),
        )  # fmt: skip
    return _held(rng, style, angles)


def guard(rng: Generator, style: Style, body: Body) -> Program:
    """Raise both fists and hold them."""
    angles: dict[str, float] = {}
    for side in SIDES:
        drawn = rng.uniform((10, 5, -30, 95), (40, 20, -10, 135))
        angles |= _arm(side, *drawn)
    return _held(rng, style, angles, tremble=5.0)


def stretch(rng: Generator, style: Style, body: Body) -> Program:
    """Stretch both arms over the head."""
    angles = {'bend': rng.uniform(-10, -3)}
    for side in SIDES:
        angles[f'{side}_arm'] = rng.uniform(120, 165)
        angles[f'{side}_abduct'] = rng.uniform(0, 30)
        angles[f'{side}_elbow'] = rng.uniform(5, 50)
    return _held(rng, style, angles, (1.5, 3.0))


def lift_leg(rng: Generator, style: Style, body: Body) -> Program:
    """Raise a knee slowly and hold it."""
    angles = {
        'right_leg': rng.uniform(30, 75),
        'right_knee': rng.uniform(40, 95),
        'right_toe': rng.uniform(-10, 30),
        'left_leg': 0.0,
        'left_knee': 5.0,
        'left_arm': rng.uniform(5, 30),
    }
    return _held(rng, style, angles, (1.3, 2.6), tremble=2.0)


def stoop(rng: Generator, style: Style, body: Body) -> Program:
    """Lean forward with the hands toward the knees, and come up again."""
    knee = rng.uniform(10, 45)
    angles = {'pitch': rng.uniform(15, 45), 'bend': rng.uniform(5, 35)}
    for side in SIDES:
        angles[f'{side}_leg'] = 0.62 * knee
        angles[f'{side}_knee'] = knee
        angles[f'{side}_arm'] = rng.uniform(25, 60)
        angles[f'{side}_elbow'] = rng.uniform(5, 25)
    return _held(rng, style, angles, (1.5, 3.0), tremble=2.0)


SEATED_GESTURES: tuple[Maker, ...] = (
    look_around, raise_hand, point, touch_head, join_hands,
)  # fmt: skip
STANDING_GESTURES: tuple[Maker, ...] = (
    *SEATED_GESTURES, shift_weight, shuffle, hands_on_hips, guard, stretch,
    lift_leg, stoop,
)  # fmt: skip
