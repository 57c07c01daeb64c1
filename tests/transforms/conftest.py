"""A toy video: two persons, five joints, two segments."""

from __future__ import annotations

import numpy as np
import pytest

from mmsnip.skeleton.layout import from_metainfo

METAINFO = dict(
    classes=['wave', 'sit', 'kick'],
    joint_names=['Hips', 'Spine', 'Arm_L', 'Arm_R', 'Head'],
    parents=[-1, 0, 1, 1, 1],
    fps=25.0,
)


def make_sample(T=13, M=2, C=3, seed=0, **more):
    rng = np.random.default_rng(seed)
    keypoint = rng.normal(size=(M, T, 5, C)).astype(np.float32)
    if M > 1:
        keypoint[1, T // 2 :] = 0
    sample = dict(
        frame_dir='toy',
        total_frames=T,
        keypoint=keypoint,
        segments=np.array([[1, 5], [7, 9]]),
        segment_labels=np.array([2, 0]),
        metainfo=METAINFO,
        layout=from_metainfo(METAINFO),
        body_mask=np.any(keypoint != 0, axis=(2, 3)),
        frame_index=np.arange(T),
        num_coords=min(C, 3),
        rng=np.random.default_rng(seed),
    )
    return {**sample, **more}


@pytest.fixture
def sample():
    return make_sample()
