"""Takes filmed by a depth sensor, in the layout of the annotation file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator

from mmsnip.synthesis.actions import CLASSES
from mmsnip.synthesis.body import (
    FPS,
    LAYOUT,
    rotation,
    sample_body,
    sample_style,
    smooth_noise,
)
from mmsnip.synthesis.sequence import Take, compose_clip, compose_take

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


_STREAM = {
    ('untrimmed', 'train'): 0,
    ('untrimmed', 'val'): 1,
    ('trimmed', 'train'): 2,
    ('trimmed', 'val'): 3,
}


def _video_rng(seed: int, kind: str, split: str, index: int) -> Generator:
    """Generator of one video, whatever else is made before it."""
    return np.random.default_rng([seed, _STREAM[kind, split], index])


def _film(rng: Generator, take: Take, split: str) -> np.ndarray:
    """Sensor recording of a take, two persons, (2, T, 25, 3) float32."""
    T = len(take.joints)
    camera = sample_camera(rng, split)
    strength = rng.uniform(0.6, 1.2) if split == 'train' else 1.3
    keypoint = np.zeros((2, T, 25, 3), np.float32)
    people = [take.joints]
    present = [np.ones(T, bool)]
    if rng.random() < 1 / 3 and T >= 60:
        other = compose_take(
            rng,
            sample_style(rng, split),
            sample_body(rng, split),
            T,
            active=bool(rng.random() < 0.4),
        ).joints
        other = _beside(rng, take.joints, other)
        length = int(rng.integers(T // 4, T + 1))
        start = int(rng.integers(0, T - length + 1))
        there = np.zeros(T, bool)
        there[start : start + length] = True
        people.append(other)
        present.append(there)
    # Both persons share the sensor, which is placed for the first.
    scene = to_sensor(np.concatenate(people, axis=1), camera)
    for person, there in enumerate(present):
        joints = scene[:, 25 * person : 25 * (person + 1)]
        joints = add_noise(rng, joints, strength)
        seen = there & ~lost_frames(rng, T, strength)
        keypoint[person, seen] = joints[seen]
    return keypoint


def _beside(
    rng: Generator, first: np.ndarray, second: np.ndarray
) -> np.ndarray:
    """Turn the second person and put them beside the first's path."""
    angle = rng.uniform(-np.pi, np.pi)
    c, s = np.cos(angle), np.sin(angle)
    turned = second @ np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]])
    side = rng.choice((-1, 1)) * rng.uniform(0.3, 0.8)
    gap = np.array([side, 0, rng.uniform(-0.6, 0.4)])
    edge = first[:, 0].max(0) if side > 0 else first[:, 0].min(0)
    own = turned[:, 0].min(0) if side > 0 else turned[:, 0].max(0)
    shift = gap + edge - own
    return turned + shift * (1, 0, 1)


def check_frames(frames: tuple[int, int]) -> None:
    """Refuse lengths of videos that hold no action."""
    if not 60 <= frames[0] <= frames[1]:
        raise ValueError(
            f'frames={frames} must be a shortest and a longest length of at '
            'least 60 frames'
        )


def synthesize_video(
    seed: int, split: str, index: int, frames: tuple[int, int] = (600, 1200)
) -> dict[str, Any]:
    """One untrimmed video."""
    rng = _video_rng(seed, 'untrimmed', split, index)
    T = int(rng.integers(frames[0], frames[1] + 1))
    style, body = sample_style(rng, split), sample_body(rng, split)
    first = CLASSES[index % len(CLASSES)]
    take = compose_take(rng, style, body, T, first)
    return {
        'frame_dir': f'synthetic_{split}_{index:05d}',
        'total_frames': T,
        'keypoint': _film(rng, take, split),
        'segments': take.segments,
        'segment_labels': take.labels,
    }


def synthesize_clip(seed: int, split: str, index: int) -> dict[str, Any]:
    """One trimmed video; its class is the index modulo the classes."""
    rng = _video_rng(seed, 'trimmed', split, index)
    style, body = sample_style(rng, split), sample_body(rng, split)
    label = index % len(CLASSES)
    take = compose_clip(rng, style, body, CLASSES[label])
    return {
        'frame_dir': f'synthetic_clip_{split}_{index:05d}',
        'total_frames': len(take.joints),
        'keypoint': _film(rng, take, split),
        'label': label,
    }


def _annotation_file(
    name: str, seed: int, parts: dict[str, list[dict[str, Any]]]
) -> dict[str, Any]:
    return {
        'metainfo': {
            'classes': list(CLASSES),
            'joint_names': list(LAYOUT.joint_names),
            'parents': [int(parent) for parent in LAYOUT.parents],
            'normalization': dict(
                center=list(LAYOUT.origin),
                spine=list(LAYOUT.spine),
                shoulders=list(LAYOUT.shoulders),
            ),
            'fps': FPS,
            'dataset': name,
            'unit': 'm',
            'seed': seed,
            'licence': 'CC0-1.0',
        },
        'split': {
            split: [video['frame_dir'] for video in videos]
            for split, videos in parts.items()
        },
        'annotations': [
            video for videos in parts.values() for video in videos
        ],
    }


def synthesize_untrimmed(
    num_train: int = 60,
    num_val: int = 20,
    seed: int = 0,
    frames: tuple[int, int] = (600, 1200),
) -> dict[str, Any]:
    """Annotation file of untrimmed videos."""
    check_frames(frames)
    parts = {
        split: [
            synthesize_video(seed, split, index, frames)
            for index in range(count)
        ]
        for split, count in (('train', num_train), ('val', num_val))
    }
    return _annotation_file('mmsnip_synthetic_untrimmed', seed, parts)


def synthesize_trimmed(
    num_train: int = 320, num_val: int = 80, seed: int = 0
) -> dict[str, Any]:
    """Annotation file of trimmed videos."""
    parts = {
        split: [synthesize_clip(seed, split, index) for index in range(count)]
        for split, count in (('train', num_train), ('val', num_val))
    }
    return _annotation_file('mmsnip_synthetic_trimmed', seed, parts)
