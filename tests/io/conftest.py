"""A small sound annotation that the tests of the readers break."""

from __future__ import annotations

import numpy as np
import pytest

CHAIN = [-1, 0, 1, 2, 1]  # V = 5


@pytest.fixture
def untrimmed() -> dict:
    """Two untrimmed videos, one of them all background."""
    rng = np.random.default_rng(0)
    M, V, C = 2, 5, 3
    videos = []
    for name, T, rows in (('v0', 13, [[1, 4, 0], [6, 13, 2]]), ('v1', 7, [])):
        rows = np.array(rows, np.int64).reshape(-1, 3)
        videos.append(
            dict(
                frame_dir=name,
                total_frames=T,
                keypoint=rng.normal(size=(M, T, V, C)).astype('float32'),
                segments=rows[:, :2],
                segment_labels=rows[:, 2],
            )
        )
    return dict(
        metainfo=dict(
            classes=['wave', 'jump', 'sit'],
            joint_names=['hip', 'chest', 'neck', 'head', 'hand'],
            parents=list(CHAIN),
            fps=30.0,
        ),
        split=dict(train=['v0'], val=['v1']),
        annotations=videos,
    )
