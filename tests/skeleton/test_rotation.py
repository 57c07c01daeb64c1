from __future__ import annotations

import numpy as np
import pytest

from mmsnip.skeleton.geometry import (
    axis_rotation,
    body_rotations,
    heading_rotation,
    plane_rotation,
    rotate,
    rotation_between,
)


def test_rotation_between_takes_one_direction_to_the_other():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 3))
    R = rotation_between(a, b)
    np.testing.assert_allclose(R @ R.T, np.eye(3), atol=1e-14)
    np.testing.assert_allclose(
        R @ a / np.linalg.norm(a), b / np.linalg.norm(b), atol=1e-14
    )


@pytest.mark.parametrize('source', [[0, 0, 2.0], [0, 0, -2.0], [0, 0, 0]])
def test_rotation_between_is_the_identity_where_the_axis_is_unknown(source):
    R = rotation_between(np.array(source), np.array([0, 0, 1.0]))
    np.testing.assert_array_equal(R, np.eye(3))


@pytest.mark.parametrize('up_axis', [0, 1, 2])
def test_heading_rotation_keeps_heights_and_faces_one_way(up_axis):
    pose = np.random.default_rng(1).normal(size=(5, 3))
    R = heading_rotation(pose, (3, 1), up_axis)
    turned = pose @ R.T
    np.testing.assert_allclose(
        turned[:, up_axis], pose[:, up_axis], atol=1e-14
    )
    lateral = turned[3] - turned[1]
    ahead = 1 if up_axis == 0 else 0
    rest = ({0, 1, 2} - {ahead, up_axis}).pop()
    assert abs(lateral[rest]) < 1e-14
    assert lateral[ahead] > 0
    assert np.linalg.det(R) == pytest.approx(1)


def test_body_rotations_leave_a_missing_line_out():
    pose = np.random.default_rng(1).normal(size=(5, 3))
    first, second = body_rotations(pose, None, (3, 1))
    np.testing.assert_array_equal(first, np.eye(3))
    lateral = second @ (pose[3] - pose[1])
    np.testing.assert_allclose(lateral[1:], 0, atol=1e-14)


def test_rotations_are_right_handed():
    np.testing.assert_allclose(
        axis_rotation(2, 90) @ [1, 0, 0], [0, 1, 0], atol=1e-15
    )
    np.testing.assert_allclose(
        axis_rotation(1, 90) @ [0, 0, 1], [1, 0, 0], atol=1e-15
    )
    np.testing.assert_allclose(plane_rotation(90) @ [1, 0], [0, 1], atol=1e-15)


def test_rotate_leaves_further_channels_and_absent_frames():
    x = np.random.default_rng(0).normal(size=(2, 3, 5, 4)).astype(np.float32)
    x[1] = 0
    turned = rotate(x, axis_rotation(0, 30))
    assert turned.dtype == np.float32
    np.testing.assert_array_equal(turned[..., 3], x[..., 3])
    assert not turned[1].any()
