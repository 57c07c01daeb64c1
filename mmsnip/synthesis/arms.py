"""Labelled actions of the arms, right-handed; seated performers do some."""

from __future__ import annotations

import numpy as np

from mmsnip.synthesis.body import Body
from mmsnip.synthesis.curves import (
    FPS,
    Maker,
    Program,
    Style,
    frames_of,
    keyed,
    plateau,
)
from mmsnip.synthesis.reach import reach


def wave(rng: np.random.Generator, style: Style, body: Body) -> Program:
    """Swing the raised forearm from side to side."""
    T = frames_of(rng.uniform(1.5, 3.2), style)
    hertz = rng.uniform(1.2, 2.2) * style.speed
    swing = np.sin(2 * np.pi * hertz * np.arange(T) / FPS)
    size = rng.uniform(16, 32) * style.energy
    curves = {
        'right_arm': np.full(T, rng.uniform(5, 40)),
        'right_abduct': np.full(T, rng.uniform(45, 105)),
        'right_rotate': np.full(T, rng.uniform(70, 95)),
        'right_elbow': rng.uniform(65, 100) + size * swing,
        'right_wrist': 12 * np.roll(swing, 3),
    }
    rise = frames_of(rng.uniform(0.4, 0.7), style)
    return Program(curves, plateau(T, rise, rise))


def clap(rng: np.random.Generator, style: Style, body: Body) -> Program:
    """Bring both hands together again and again before the chest."""
    T = frames_of(rng.uniform(1.5, 3.2), style)
    hertz = rng.uniform(1.5, 2.8) * style.speed
    beat = 0.5 - 0.5 * np.cos(2 * np.pi * hertz * np.arange(T) / FPS)
    apart = rng.uniform(22, 38) * style.energy
    up, ahead = rng.uniform(-0.12, 0.04), rng.uniform(0.15, 0.21)
    curves = {}
    for side in ('left', 'right'):
        joined = reach(
            body, side, 20, (0.012, up, ahead),
            dict(arm=35, abduct=5, rotate=-30, elbow=75),
        )  # fmt: skip
        for name, angle in joined.items():
            curves[name] = np.full(T, angle)
        curves[f'{side}_rotate'] += apart * beat
        curves[f'{side}_abduct'] += 0.25 * apart * beat
    rise = frames_of(rng.uniform(0.35, 0.6), style)
    return Program(curves, plateau(T, rise, rise))


def drink(rng: np.random.Generator, style: Style, body: Body) -> Program:
    """Lift a cup to the mouth, tip it with the head, lower it."""
    T = frames_of(rng.uniform(2.0, 3.6), style)
    lift = keyed(T, (0, 0.3, rng.uniform(0.6, 0.75), 1), (0, 1, 1, 0))
    tip = keyed(T, (0, 0.28, 0.45, 0.6, 0.75, 1), (0, 0, 1, 1, 0, 0))
    mouth = reach(
        body, 'right', 3, (0.01, -0.025, 0.075),
        dict(arm=45, abduct=20, rotate=-40, elbow=120),
    )  # fmt: skip
    curves = {name: np.full(T, angle) for name, angle in mouth.items()}
    curves['right_abduct'] += rng.uniform(5, 16) * style.energy * tip
    curves['right_arm'] += 8 * tip
    curves['right_wrist'] = 20 * tip
    offsets = {'nod': -rng.uniform(14, 26) * style.energy * tip}
    return Program(curves, lift, offsets)


def punch(rng: np.random.Generator, style: Style, body: Body) -> Program:
    """Punch straight ahead, one to four times, out of a guard."""
    count = int(rng.integers(1, 5))
    both = rng.random() < 0.5
    rise, each = frames_of(0.4, style), frames_of(0.5, style)
    T = 2 * rise + count * each
    out = {'left': np.zeros(T), 'right': np.zeros(T)}
    for hit in range(count):
        side = 'left' if both and hit % 2 else 'right'
        start = rise + hit * each
        out[side][start : start + each] = keyed(
            each, (0, 0.38, 0.5, 1), (0, 1, 1, 0)
        )
    high = rng.uniform(70, 95)
    guard_elbow, guard_arm = rng.uniform(105, 130), rng.uniform(10, 35)
    curves = {}
    for side in ('left', 'right'):
        curves[f'{side}_arm'] = guard_arm + (high - guard_arm) * out[side]
        curves[f'{side}_abduct'] = 14 - 16 * out[side]
        curves[f'{side}_rotate'] = -22 - 25 * out[side]
        curves[f'{side}_elbow'] = guard_elbow * (1 - out[side]) + 8
    thrust = out['right'] - out['left']
    curves['twist'] = rng.uniform(14, 26) * style.energy * thrust
    offsets = {'bend': 5 * (out['right'] + out['left'])}
    return Program(curves, plateau(T, rise, rise), offsets)


def throw(rng: np.random.Generator, style: Style, body: Body) -> Program:
    """Throw overarm: wind up, whip ahead, follow through with a step."""
    T = frames_of(rng.uniform(1.5, 2.1), style)
    times = (0, 0.38, 0.46, 0.6, 0.74, 1)
    size = style.energy
    back = rng.uniform(-25, -5)
    step = keyed(T, (0, 0.25, 0.55, 0.75, 1), (0, 0.1, 1, 0.8, 0))
    wind = rng.uniform(26, 40) * size
    curves = {
        'right_arm': keyed(T, times, (5, back, back, 118, 62, 8)),
        'right_abduct': keyed(T, times, (10, 88, 90, 25, -18, 10)),
        'right_rotate': keyed(T, times, (-15, 95, 100, 10, -40, -15)),
        'right_elbow': keyed(T, times, (15, 100, 95, 12, 25, 15)),
        'twist': keyed(T, times, (0, -wind, -wind, 0.7 * wind, wind, 0)),
        'left_arm': keyed(T, times, (5, 62, 62, 20, -5, 5)),
        'left_elbow': keyed(T, times, (15, 35, 35, 45, 30, 15)),
        'pitch': keyed(T, times, (0, -6, -6, 14, 20, 0)),
        'left_leg': 2 + rng.uniform(18, 28) * size * step,
        'left_knee': 5 + 24 * step,
        'right_leg': 2 - 16 * size * step,
        'right_knee': 5 + 16 * step,
        'right_toe': 30 * step,
        'left_toe': 0 * step,
    }
    return Program(curves, plateau(T, 6, 8))


ARM_ACTIONS: dict[str, Maker] = {
    'punch': punch,
    'throw': throw,
    'wave': wave,
    'clap': clap,
    'drink': drink,
}
