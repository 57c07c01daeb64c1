"""What is packed comes back, but for a rounding that is known."""

from __future__ import annotations

import base64
import zlib

import numpy as np
import pytest

from mmsnip.report.compression import (
    LEVELS,
    pack_poses,
    pack_scores,
    unpack_poses,
)


def poses(M=2, T=13, V=5, seed=0):
    """Joints with gaps, and where a person is."""
    rng = np.random.default_rng(seed)
    mask = rng.random((M, T)) < 0.7
    joints = rng.normal(3, 2, (M, T, V, 3)) * mask[..., None, None]
    return joints.astype(np.float32), mask


@pytest.mark.parametrize('stride', [1, 3])
def test_present_joints_come_back_within_half_a_step(stride):
    joints, mask = poses()

    packed = pack_poses(joints, mask, stride)
    found, there = unpack_poses(packed)

    kept = joints[:, ::stride]
    assert (there == mask[:, ::stride]).all()
    error = np.abs(found - kept)[there].max()
    assert error <= packed['step'] / 2 + 1e-5
    spread = np.ptp(kept[there], axis=(0, 1)).max()
    assert packed['step'] == pytest.approx(spread / (LEVELS - 1))


def test_absent_persons_hold_their_last_pose():
    joints, mask = poses()
    mask[0] = [True] * 4 + [False] * 9

    found, there = unpack_poses(pack_poses(joints, mask))

    assert not there[0, 4:].any()
    assert (found[0, 4:] == found[0, 3]).all()


def test_nobody_packs_too():
    joints, mask = np.zeros((2, 13, 5, 3)), np.zeros((2, 13), bool)

    found, there = unpack_poses(pack_poses(joints, mask))

    assert found.shape == (2, 13, 5, 3)
    assert not there.any()


def test_smooth_motion_takes_under_a_byte_a_coordinate():
    time = np.linspace(0, 9, 400)[None, :, None, None]
    shift = np.random.default_rng(0).normal(size=(1, 1, 25, 3))
    joints = np.sin(time + shift) + shift

    packed = pack_poses(joints, np.ones((1, 400), bool))

    assert len(packed['data']) < joints.size


def test_scores_come_back_as_bytes():
    scores = np.random.default_rng(0).random((13, 6))

    packed = pack_scores(scores, np.array([4, 1]), stride=2)
    raw = zlib.decompress(base64.b64decode(packed['data']), -15)
    steps = np.frombuffer(raw, np.uint8).reshape(2, packed['length'])

    levels = steps.cumsum(axis=1) % 256
    expected = np.rint(255 * scores[::2, [4, 1]]).T
    assert packed['columns'] == [4, 1]
    assert (levels == expected).all()
