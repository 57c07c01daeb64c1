"""What a person does who does nothing: resting poses and small movements."""

from __future__ import annotations

import numpy as np

from mmsnip.synthesis.body import COLUMN, PARAMETERS
from mmsnip.synthesis.curves import FPS, Style, smooth_noise


def postures(style: Style, rng: np.random.Generator) -> np.ndarray:
    """Resting pose of a person, standing and seated.

    Args:
        style (Style): Manner of moving.
        rng (np.random.Generator): Source of the small asymmetries.

    Returns:
        np.ndarray: Pose parameters, standing then seated, (2,
            num_parameters).
    """
    pose = np.zeros((2, len(PARAMETERS)))

    def put(name: str, standing: float, seated: float) -> None:
        pose[:, COLUMN[name]] = standing, seated

    put('bend', style.slouch, style.slouch + rng.uniform(0, 10))
    put('pitch', 0, rng.uniform(-10, 4))
    put('nod', rng.uniform(-4, 8), rng.uniform(-4, 8))
    thigh, shin = rng.uniform(80, 92), rng.uniform(-6, 14)
    hands = rng.uniform(12, 38)
    for side in ('left', 'right'):
        little = rng.uniform(-3, 3)
        put(f'{side}_arm', 2 + little, hands + 2 * little)
        put(f'{side}_abduct', style.arms_out + little, 8 + 0.5 * little)
        put(f'{side}_rotate', -18 + 2 * little, -22 + 2 * little)
        put(f'{side}_elbow', style.elbows + 2 * little, 45 + 2 * little)
        put(f'{side}_leg', 2, thigh)
        put(f'{side}_knee', 4, thigh + shin)
        put(f'{side}_spread', style.stance, 5 + little)
        put(f'{side}_turnout', 7 + little, 5 + little)
    return pose


def idle_motion(
    rng: np.random.Generator, num_frames: int, style: Style
) -> np.ndarray:
    """Breathing, sway and small movements on top of a posture.

    Args:
        rng (np.random.Generator): Source of the draw.
        num_frames (int): T.
        style (Style): Manner of moving; ``fidget`` scales the movements.

    Returns:
        np.ndarray: Degrees to add, (T, num_parameters).
    """
    sizes = dict(
        pitch=0.8, roll=0.5, bend=1.2, lean=1.2, twist=2.0, nod=3.0,
        tilt=2.0, look=6.0, arm=2.5, abduct=1.8, rotate=3.0, elbow=4.0,
        wrist=4.0, leg=0.25, spread=0.25, knee=0.4,
    )  # fmt: skip
    size = np.array(
        [
            sizes.get(name.rpartition('_')[2], 0.0) * style.fidget
            for name in PARAMETERS
        ]
    )
    motion = size * smooth_noise(rng, num_frames, len(size), 0.05, 0.6)
    hertz = rng.uniform(0.2, 0.33)
    breath = np.sin(2 * np.pi * hertz * np.arange(num_frames) / FPS)
    motion[:, COLUMN['bend']] -= 0.8 * breath
    for side in ('left', 'right'):
        motion[:, COLUMN[f'{side}_shrug']] = 2.0 * breath
    return motion
