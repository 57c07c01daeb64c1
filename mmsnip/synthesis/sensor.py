"""A depth sensor: viewpoint, noise, lost joints, lost frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from mmsnip.synthesis.body import rotation
from mmsnip.synthesis.curves import FPS, smooth_noise

# Joints that a sensor loses together: hands, arms and lower legs.
_LOST_TOGETHER = (
    (6, 7, 21, 22), (10, 11, 23, 24), (7, 21, 22), (11, 23, 24),
    (14, 15), (18, 19), (5, 6, 7, 21, 22), (9, 10, 11, 23, 24),
)  # fmt: skip
# Jitter grows from the trunk to the tips, relative to the usual.
_SHAKE = np.array(
    [
        0.6, 0.6, 0.7, 0.8, 0.8, 1.0, 1.2, 1.4, 0.8, 1.0, 1.2, 1.4, 0.7,
        0.9, 1.2, 1.5, 0.7, 0.9, 1.2, 1.5, 0.6, 1.8, 1.8, 1.8, 1.8,
    ]
)  # fmt: skip


@dataclass(frozen=True)
class Camera:
    """Placement of a sensor that looks at the performance."""

    azimuth: float
    pitch: float
    roll: float
    height: float
    margin: float


def sample_camera(rng: Generator, split: str = 'train') -> Camera:
    """Draw a viewpoint; ``val`` looks from sides that train never does."""
    if split == 'train':
        azimuth, pitch = rng.uniform(-50, 50), rng.uniform(-3, 12)
        margin = rng.uniform(1.8, 3.0)
    else:
        azimuth = rng.choice((-1, 1)) * rng.uniform(50, 85)
        pitch, margin = rng.uniform(12, 22), rng.uniform(2.6, 3.6)
    return Camera(
        azimuth, pitch, rng.uniform(-2, 2), rng.uniform(0.7, 1.8), margin
    )


def to_sensor(joints: np.ndarray, camera: Camera) -> np.ndarray:
    """World positions in coordinates of the sensor."""
    path = joints[:, 0, [0, 2]]
    middle = 0.5 * (path.min(0) + path.max(0))
    distance = camera.margin + np.linalg.norm(path - middle, axis=1).max()
    turn = np.deg2rad(camera.azimuth)
    eye = np.array(
        [
            middle[0] + distance * np.sin(turn),
            camera.height,
            middle[1] + distance * np.cos(turn),
        ]
    )
    # The sensor's z axis points back to the scene; negative pitch of the
    # scene is a downward look.
    yaw = rotation(np.array([0.0, np.pi - turn, 0.0]))
    pitch = rotation(np.array([-np.deg2rad(camera.pitch), 0.0, 0.0]))
    roll = rotation(np.array([0.0, 0.0, np.deg2rad(camera.roll)]))
    return (joints - eye) @ (roll @ pitch @ yaw).T


def add_noise(
    rng: Generator, joints: np.ndarray, strength: float = 1.0
) -> np.ndarray:
    """Jitter, lost joints that drift, and outliers."""
    T, V, C = joints.shape
    slow = smooth_noise(rng, T, V * C, 0.3, 5.0).reshape(T, V, C)
    white = rng.normal(0, 1, (T, V, C))
    noisy = joints + strength * _SHAKE[:, None] * (
        0.007 * slow + 0.004 * white
    )
    for _ in range(rng.poisson(strength * T / FPS / 6)):
        lost = list(_LOST_TOGETHER[rng.integers(len(_LOST_TOGETHER))])
        start = int(rng.integers(0, T))
        length = min(int(rng.integers(8, 45)), T - start)
        bump = np.sin(np.linspace(0, np.pi, length))[:, None, None]
        drift = rng.normal(0, 0.06, 3)
        noisy[start : start + length, lost] += bump * drift
    for _ in range(rng.poisson(strength * T / FPS / 8)):
        frame, joint = rng.integers(0, T), rng.integers(0, V)
        noisy[frame, joint] += rng.normal(0, 0.15, 3)
    return noisy


def lost_frames(
    rng: Generator, num_frames: int, strength: float = 1.0
) -> np.ndarray:
    """Short stretches in which the sensor sees nobody."""
    lost = np.zeros(num_frames, bool)
    for _ in range(rng.poisson(strength * num_frames / FPS / 10)):
        start = int(rng.integers(1, max(2, num_frames)))
        lost[start : start + int(rng.integers(1, 5))] = True
    return lost
