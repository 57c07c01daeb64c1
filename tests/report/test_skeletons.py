"""Skeletons stand upright, never mirrored; what is packed comes back."""

from __future__ import annotations

import base64
import zlib

import numpy as np
import pytest

from mmsnip.report.videos import LEVELS, Bodies, pack_poses, pack_scores
from mmsnip.skeleton.layout import from_metainfo, get_layout
from tests.report.made import unpack_poses

CHAIN = dict(
    parents=[-1, 0, 1, 1, 1],
    joint_names=['hip', 'spine', 'head', 'left hand', 'right hand'],
    normalization=dict(spine=['hip', 'head']),
)
# head over hip, left hand at +x, looking along +z
UPRIGHT = np.array(
    [[0, 0, 0], [0, 1, 0.5], [0, 2, 0], [1, 1, 0], [-1, 1, 0.0]]
)


def bodies(pose, M=1, T=1):
    """The pose as the page gets it, (V, 3)."""
    keypoint = np.tile(pose.astype(np.float32), (M, T, 1, 1))
    return Bodies.of(keypoint, from_metainfo(CHAIN), 'a')


@pytest.mark.parametrize(
    'turn',
    [
        [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
        [[1, 0, 0], [0, 0, 1], [0, -1, 0]],  # z is up, as in BABEL
        [[1, 0, 0], [0, -1, 0], [0, 0, -1]],  # y is down, as in images
        [[0, 0, 1], [1, 0, 0], [0, 1, 0]],
        [[0, -1, 0], [1, 0, 0], [0, 0, 1]],
    ],
)
def test_the_trunk_points_up_and_left_stays_left(turn):
    turned = UPRIGHT @ np.array(turn, float)

    hip, spine, head, left, right = bodies(turned).joints[0, 0]

    assert np.linalg.det(turn) == pytest.approx(1)
    assert (head - hip)[1] == pytest.approx(2)
    forward = np.cross(left - right, head - hip)
    assert forward @ (spine - hip) > 0


def test_pixels_point_down_and_get_no_depth():
    layout = get_layout('coco')
    keypoint = np.random.default_rng(0).random((2, 13, 17, 2)) + 1

    found = Bodies.of(keypoint, layout, 'a')

    assert found.flat
    assert (found.joints[..., 2] == 0).all()
    np.testing.assert_allclose(found.joints[..., 1], -keypoint[..., 1], 1e-6)


@pytest.mark.parametrize('axis', [0, 2])
@pytest.mark.parametrize('degrees', [-25, 10, 30])
def test_a_tilted_camera_is_levelled(axis, degrees):
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    tilt = np.insert(np.insert([[c, -s], [s, c]], axis, 0, 0), axis, 0, 1)
    tilt[axis, axis] = 1

    found = bodies(UPRIGHT @ tilt.T).joints[0, 0]

    np.testing.assert_allclose(found, UPRIGHT, atol=1e-6)


def test_who_leans_far_is_left_leaning():
    c, s = np.cos(np.deg2rad(40)), np.sin(np.deg2rad(40))
    leaning = UPRIGHT @ np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])

    found = bodies(leaning).joints[0, 0]

    np.testing.assert_allclose(found, leaning, atol=1e-6)


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


def test_scores_come_back_as_bytes():
    scores = np.random.default_rng(0).random((13, 6))

    packed = pack_scores(scores, np.array([4, 1]), stride=2)
    raw = zlib.decompress(base64.b64decode(packed['data']), -15)
    steps = np.frombuffer(raw, np.uint8).reshape(2, packed['length'])

    levels = steps.cumsum(axis=1) % 256
    expected = np.rint(255 * scores[::2, [4, 1]]).T
    assert packed['columns'] == [4, 1]
    assert (levels == expected).all()
