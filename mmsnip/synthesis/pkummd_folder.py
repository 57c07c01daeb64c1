"""Untrimmed videos in the folders and files of PKU-MMD."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import Generator

from mmsnip.synthesis.actions import CLASSES
from mmsnip.synthesis.body import rotation
from mmsnip.synthesis.dataset import check_frames, synthesize_video

# Numbers of PKU-MMD's list of actions. It has no walk, turn and squat: an
# action that looks alike stands for squat (22 pickup) and walk (15 hopping),
# any other one for turn (42 touch back).
PKUMMD_LABELS = {
    'walk': 15, 'turn': 42, 'jump': 17, 'squat': 22, 'sit down': 33,
    'stand up': 34, 'kick': 19, 'punch': 26, 'throw': 41, 'wave': 13,
    'clap': 6, 'drink': 8,
}  # fmt: skip
# Degrees about the upright axis, from the view in the middle.
VIEWS = {'L': -45.0, 'M': 0.0, 'R': 45.0}
SKELETONS, LABELS, SPLIT = (
    'PKU_Skeleton_Renew', 'Train_Label_PKU_final', 'Split'
)  # fmt: skip
CONFIDENCE = 2  # as the data set says 'performed well'
MAX_VIDEOS = 9999  # names have four digits


def write_pkummd_folder(
    root: str | os.PathLike[str],
    num_train: int = 60,
    num_val: int = 20,
    seed: int = 0,
    frames: tuple[int, int] = (600, 1200),
    views: Sequence[str] = ('M',),
    swapped: float = 0.0,
) -> dict[str, Any]:
    """Write procedural videos as PKU-MMD publishes its own."""
    good = views and set(views) <= set(VIEWS) and num_train > 0 < num_val
    if not good or num_train + num_val > MAX_VIDEOS or not 0 <= swapped <= 1:
        raise ValueError(
            f'num_train={num_train} and num_val={num_val} must be at least '
            f'1, and {MAX_VIDEOS} together at most; views={views!r} some of '
            f'{list(VIEWS)}; swapped={swapped} in 0..1'
        )
    check_frames(frames)
    root = Path(root)
    for folder in (SKELETONS, LABELS, SPLIT):
        (root / folder).mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng([seed, num_train, num_val])
    counts = dict(videos=0, frames=0, segments=0, swapped=0)
    names: dict[str, list[str]] = dict(train=[], val=[])
    for split, count in (('train', num_train), ('val', num_val)):
        for index in range(count):
            video = synthesize_video(seed, split, index, frames)
            number = index + 1 + (num_train if split == 'val' else 0)
            text, turned = _label_rows(video, rng, swapped)
            for view in views:
                name = f'{number:04d}-{view}'
                keypoint = seen_from(video['keypoint'], VIEWS[view])
                _write_skeleton(root / SKELETONS / f'{name}.txt', keypoint)
                _write(root / LABELS / f'{name}.txt', text)
                names[split].append(name)
                counts['videos'] += 1
                counts['frames'] += video['total_frames']
                counts['segments'] += len(video['segments'])
                counts['swapped'] += turned
    both = names['train'] + names['val']
    _write(
        root / SPLIT / 'cross-subject.txt',
        _split_text(names['train'], names['val']),
    )
    left = [name for name in both if name.endswith('L')]
    others = [name for name in both if not name.endswith('L')]
    if left and others:
        text = _split_text(others, left)
        _write(root / SPLIT / 'cross-view.txt', text)
    return {**counts, 'labels': dict(PKUMMD_LABELS)}


def seen_from(keypoint: np.ndarray, degrees: float) -> np.ndarray:
    """A recording turned about the upright axis through its middle."""
    keypoint = keypoint.astype(np.float32)
    there = keypoint.any(axis=(2, 3))  # (M, T)
    if not degrees or not there.any():
        return keypoint
    roots = keypoint[:, :, 0][there]
    middle = 0.5 * (roots.min(axis=0) + roots.max(axis=0))
    turn = rotation(np.array([0.0, np.deg2rad(degrees), 0.0]))
    turned = keypoint.copy()
    turned[there] = (keypoint[there] - middle) @ turn.T + middle
    return turned


def _label_rows(
    video: dict[str, Any], rng: Generator, swapped: float
) -> tuple[str, int]:
    """Text of the label file, and how many of its rows are swapped."""
    turned = rng.random(len(video['segments'])) < swapped
    rows = []
    for (start, end), label, swap in zip(
        video['segments'].tolist(), video['segment_labels'].tolist(), turned
    ):
        if swap:
            start, end = end, start
        number = PKUMMD_LABELS[CLASSES[label]]
        rows.append(f'{number},{start},{end},{CONFIDENCE}\n')
    return ''.join(rows), int(turned.sum())


def _write_skeleton(path: Path, keypoint: np.ndarray) -> None:
    """Rows of 150 numbers, person 0 before person 1."""
    rows = keypoint.transpose(1, 0, 2, 3).reshape(keypoint.shape[1], -1)
    form = ' '.join(['%.6f'] * rows.shape[1])
    lines = [form % tuple(row) for row in rows.tolist()]
    _write(path, '\n'.join(lines) + '\n')


def _split_text(train: Sequence[str], val: Sequence[str]) -> str:
    """A list in the data set's own spelling."""
    return (
        f'Training videos: \n{", ".join(train)}, \n'
        f'Validataion videos: \n{", ".join(val)}, \n'
    )


def _write(path: Path, text: str) -> None:
    path.write_bytes(text.encode('utf-8'))
