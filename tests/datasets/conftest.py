"""Small annotation files."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

M, V, C = 2, 5, 3
CLASSES = ['wave', 'jump', 'sit']


def chain_metainfo(classes=CLASSES):
    return dict(
        dataset='toy',
        classes=list(classes),
        joint_names=['hip', 'chest', 'neck', 'head', 'hand'],
        parents=[-1, 0, 1, 2, 1],
        fps=25.0,
    )


def video(name, T, rows=None, label=None, dtype='float32'):
    """A video; rows of start, end, label make it untrimmed."""
    rng = np.random.default_rng(T)
    keypoint = rng.normal(size=(M, T, V, C)).astype(dtype)
    made = dict(frame_dir=name, total_frames=T, keypoint=keypoint)
    if rows is not None:
        rows = np.array(rows, np.int64).reshape(-1, 3)
        made.update(segments=rows[:, :2], segment_labels=rows[:, 2])
    if label is not None:
        made['label'] = label
    return made


@pytest.fixture
def make_video():
    """Maker of one entry of ``annotations``."""
    return video


@pytest.fixture
def write(tmp_path):
    """Write an annotation file and return its path."""

    def write_file(annotations, classes=CLASSES, split=None, name='toy.pkl'):
        data = dict(
            metainfo=chain_metainfo(classes) if classes is not None else {},
            split=split or {},
            annotations=annotations,
        )
        if classes is None:
            data['metainfo'] = chain_metainfo(())
            del data['metainfo']['classes']
        path = tmp_path / name
        path.write_bytes(pickle.dumps(data))
        return str(path)

    return write_file


@pytest.fixture
def untrimmed_file(write) -> str:
    """Four videos; v3 is all background."""
    return write(
        [
            video('v0', 13, [[1, 4, 0], [6, 13, 2]]),
            video('v1', 7, [[0, 7, 1]], dtype='float16'),
            video('v2', 11, [[2, 5, 2]]),
            video('v3', 9, []),
        ],
        split=dict(train=['v0', 'v1', 'v3'], val=['v2']),
    )


@pytest.fixture
def trimmed_file(write) -> str:
    """Twelve clips, four of each class."""
    return write(
        [video(f'c{i:02}', 5 + i, label=i % 3) for i in range(12)],
        split=dict(train=[f'c{i:02}' for i in range(12)]),
    )
