"""Small videos that the tests of the store write."""

from __future__ import annotations

import numpy as np

V, C = 5, 3
METAINFO = dict(
    classes=['wave', 'jump', 'sit'],
    joint_names=['hip', 'chest', 'neck', 'head', 'hand'],
    parents=[-1, 0, 1, 2, 1],
    fps=30.0,
)


def video(name, T, M=2, rows=None, **fields):
    rng = np.random.default_rng(T)
    made = dict(
        frame_dir=name,
        total_frames=T,
        keypoint=rng.normal(size=(M, T, V, C)).astype(np.float32),
        **fields,
    )
    if rows is not None:
        rows = np.array(rows, np.int64).reshape(-1, 3)
        made.update(segments=rows[:, :2], segment_labels=rows[:, 2])
    return made


def four_videos():
    return [
        video('v2', 13, 2, [[1, 4, 0], [6, 13, 2]], fps=25.0),
        video('é/v10', 7, 1, [], img_shape=(340, 512), subject='P 1'),
        video('v1', 11, 3, [[2, 5, 1]], label=2, note=None),
        video('a', 1, 1, [[0, 1, 0]], views={1: [2, 3.5]}),
    ]
