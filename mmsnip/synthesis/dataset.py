"""Trimmed and untrimmed sets in the layout of the annotation file."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator

from mmsnip.synthesis.actions import CLASSES
from mmsnip.synthesis.body import LAYOUT, sample_body
from mmsnip.synthesis.curves import FPS, sample_style
from mmsnip.synthesis.sensor import (
    add_noise,
    lost_frames,
    sample_camera,
    to_sensor,
)
from mmsnip.synthesis.sequence import Take, compose_clip, compose_take

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
