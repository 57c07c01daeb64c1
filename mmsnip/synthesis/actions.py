"""The labelled actions, as motion programs of a right-handed performer.

A program draws its own tempo, size and repetitions. Angles in degrees.
Left-handed performances are mirrored by the sequence.
"""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from mmsnip.synthesis.body import (
    FPS,
    Body,
    Maker,
    Program,
    Style,
    ease,
    frames_of,
    keyed,
    plateau,
    reach,
)


def strides(
    phase: np.ndarray, swing: float, lift: float, arms: float
) -> dict[str, np.ndarray]:
    """Curves of a gait."""
    curves = {'twist': -0.2 * arms * np.sin(phase)}
    for side, shift in (('left', 0.0), ('right', np.pi)):
        p = phase + shift
        forward, swinging = np.sin(p), np.clip(np.cos(p + 0.45), 0, 1)
        knee = 7 + lift * swinging**1.5
        leg = 3 + swing * forward + 0.28 * lift * swinging**1.5
        curves[f'{side}_leg'] = leg
        curves[f'{side}_knee'] = knee
        curves[f'{side}_toe'] = swing * (
            1.1 * np.clip(np.cos(p - 3.9), 0, 1) ** 2
            - 0.5 * np.clip(np.sin(p + 0.1), 0, 1) ** 3
        )
        curves[f'{side}_arm'] = 2 - arms * forward
        curves[f'{side}_elbow'] = 20 + 0.4 * arms * (1 - forward)
    return curves


def walk(rng: Generator, style: Style, body: Body) -> Program:
    """Several steps ahead on a curved path."""
    T = frames_of(rng.uniform(2.0, 4.2), style)
    hertz = rng.uniform(0.8, 1.05) * style.speed * np.sqrt(1.7 / body.height)
    phase = 2 * np.pi * (np.arange(T) / FPS * hertz) + rng.uniform(0, 6.3)
    swing = rng.uniform(20, 27) * style.energy
    curves = strides(
        phase, swing, rng.uniform(42, 58), rng.uniform(8, 28) * style.energy
    )
    turn = rng.uniform(-70, 70)
    yaw = turn * ease(np.linspace(-0.1, 1.1, T))
    offsets = {'bend': np.full(T, rng.uniform(0, 5)) * plateau(T, 9, 9)}
    return Program(curves, plateau(T, 10, 10), offsets, yaw)


def turn(rng: Generator, style: Style, body: Body) -> Program:
    """Turn on the spot by stepping round."""
    degrees = rng.choice((-1, 1)) * rng.uniform(80, 190)
    T = frames_of(0.7 + abs(degrees) / 110 * rng.uniform(0.8, 1.1), style)
    steps = max(2, round(abs(degrees) / 45))
    phase = np.linspace(0, np.pi * steps, T) + (degrees > 0) * np.pi
    curves = strides(phase, 2.0, rng.uniform(22, 38), 5 * style.energy)
    lead = keyed(T, (0, 0.3, 0.75, 1), (0, 1, 1, 0)) * np.sign(degrees)
    offsets = {'look': 22 * lead}
    curves['twist'] = 9 * lead
    yaw = degrees * ease(np.linspace(-0.05, 1.05, T))
    return Program(curves, plateau(T, 7, 7), offsets, yaw)


def _crouch(
    depth: np.ndarray, thigh: float, knee: float
) -> dict[str, np.ndarray]:
    """Both legs bent by a share ``depth`` (T,) of thigh and knee angles."""
    curves = {'pitch': 0.42 * thigh * depth, 'nod': -0.25 * thigh * depth}
    for side in ('left', 'right'):
        curves[f'{side}_leg'] = 2 + thigh * depth
        curves[f'{side}_knee'] = 4 + knee * depth
        curves[f'{side}_toe'] = 0 * depth
    return curves


def _repeat(parts: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Join curves of the same parameters end to end."""
    return {
        name: np.concatenate([part[name] for part in parts])
        for name in parts[0]
    }


def jump(rng: Generator, style: Style, body: Body) -> Program:
    """Jump once to three times with both feet."""
    parts = []
    thigh = rng.uniform(36, 52) * style.energy
    reach = rng.uniform(20, 150) * style.energy
    ahead = rng.choice((0.0, rng.uniform(0.5, 1.4)))
    for _ in range(rng.integers(1, 4)):
        height = rng.uniform(0.1, 0.24) * style.energy * body.height
        air = max(6, round(FPS * np.sqrt(8 * height / 9.81)))
        down, land = frames_of(0.45, style), frames_of(0.5, style)
        push = 4
        T = down + push + air + land
        a, b, c = down / T, (down + push) / T, (down + push + air) / T
        depth = keyed(
            T,
            (0, a, b, (b + c) / 2, c, c + 0.45 * (1 - c), 1),
            (0, 1, 0, 0.25 * rng.random(), 0, 0.75, 0),
        )
        x = np.clip((np.arange(T) - down - push) / air, 0, 1)
        curves = _crouch(depth, thigh, 1.75 * thigh)
        flight = plateau(air + 4, 4, 4)
        toes = np.zeros(T)
        toes[down + push - 2 : down + push + air + 2] = flight * 40
        curves['left_toe'] = curves['right_toe'] = toes
        curves['hop'] = 4 * height / body.height * x * (1 - x)
        curves['surge'] = ahead * ((x > 0) & (x < 1))
        arm = keyed(T, (0, a, b + 0.05, c, 1), (5, -35, reach, 0.4 * reach, 5))
        for side in ('left', 'right'):
            curves[f'{side}_arm'] = arm
            curves[f'{side}_elbow'] = 20 + 20 * depth
        parts.append(curves)
    curves = _repeat(parts)
    return Program(curves, plateau(len(curves['hop']), 6, 6))


def squat(rng: Generator, style: Style, body: Body) -> Program:
    """Bend the knees and rise, one to three times."""
    parts = []
    thigh = rng.uniform(58, 84) * min(style.energy, 1.05)
    arm, elbow = rng.uniform(5, 90), rng.uniform(10, 60)
    for _ in range(rng.integers(1, 4)):
        T = frames_of(rng.uniform(1.3, 2.2), style)
        depth = keyed(T, (0, 0.4, rng.uniform(0.5, 0.65), 1), (0, 1, 1, 0))
        curves = _crouch(depth, thigh, 1.36 * thigh)
        for side in ('left', 'right'):
            curves[f'{side}_arm'] = 5 + arm * depth
            curves[f'{side}_elbow'] = 15 + elbow * depth
        parts.append(curves)
    curves = _repeat(parts)
    return Program(curves, plateau(len(curves['pitch']), 6, 6))


def _change_seat(rng: Generator, style: Style, seated: bool) -> Program:
    """Between standing and sitting; the trunk leans ahead on the way."""
    T = frames_of(rng.uniform(1.2, 2.0), style)
    progress = ease(np.linspace(-0.02, 1.02, T))
    if seated:
        lean = keyed(T, (0, 0.5, 0.7, 1), (0, 1, 0.8, 0))
    else:
        lean = keyed(T, (0, 0.3, 0.5, 1), (0, 0.8, 1, 0))
    size = rng.uniform(22, 40) * style.energy
    offsets = {'pitch': size * lean, 'nod': -0.4 * size * lean}
    support = rng.uniform(0, 35)
    for side in ('left', 'right'):
        offsets[f'{side}_knee'] = 22 * lean
        offsets[f'{side}_arm'] = support * lean
    weight = plateau(T, 5, 5)
    return Program({}, weight, offsets, progress=progress, seated=seated)


def sit_down(rng: Generator, style: Style, body: Body) -> Program:
    """From standing onto a seat."""
    return _change_seat(rng, style, True)


def stand_up(rng: Generator, style: Style, body: Body) -> Program:
    """From a seat to standing."""
    return _change_seat(rng, style, False)


def kick(rng: Generator, style: Style, body: Body) -> Program:
    """Kick ahead once or twice with the right leg."""
    parts = []
    high = rng.uniform(42, 88) * style.energy
    spread = rng.uniform(-6, 22)
    for _ in range(rng.integers(1, 3)):
        T = frames_of(rng.uniform(1.1, 1.5), style)
        times = (0, 0.33, 0.52, 0.62, 0.82, 1)
        leg = keyed(T, times, (2, -26, high, 0.9 * high, 20, 2))
        raised = keyed(T, times, (0, 0.4, 1, 1, 0.4, 0))
        parts.append(
            {
                'right_leg': leg,
                'right_knee': keyed(T, times, (5, 75, 6, 14, 45, 5)),
                'right_spread': 3 + spread * raised,
                'right_toe': keyed(T, times, (0, 35, -40, -40, 5, 0)),
                'left_leg': 2 - 7 * raised,
                'left_knee': 5 + 9 * raised,
                'left_toe': 0 * raised,
                'pitch': -12 * raised,
                'left_arm': keyed(T, times, (5, -5, 45, 35, 15, 5)),
                'right_arm': keyed(T, times, (5, 25, -25, -15, 0, 5)),
                'left_abduct': 12 + 25 * raised,
                'right_abduct': 12 + 25 * raised,
            }
        )
    curves = _repeat(parts)
    return Program(curves, plateau(len(curves['pitch']), 6, 6))


def wave(rng: Generator, style: Style, body: Body) -> Program:
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


def clap(rng: Generator, style: Style, body: Body) -> Program:
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


def drink(rng: Generator, style: Style, body: Body) -> Program:
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


def punch(rng: Generator, style: Style, body: Body) -> Program:
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


def throw(rng: Generator, style: Style, body: Body) -> Program:
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


ACTIONS: dict[str, Maker] = {
    'walk': walk,
    'turn': turn,
    'jump': jump,
    'squat': squat,
    'sit down': sit_down,
    'stand up': stand_up,
    'kick': kick,
    'punch': punch,
    'throw': throw,
    'wave': wave,
    'clap': clap,
    'drink': drink,
}
CLASSES = tuple(ACTIONS)
