from __future__ import annotations

import numpy as np
import pytest

from mmsnip.skeleton.geometry import (
    axis_rotation,
    body_rotations,
    body_size,
    bones,
    center,
    draw_rotation,
    euler_rotation,
    fill_absent,
    heading_rotation,
    lead_person,
    motion,
    plane_rotation,
    pre_normalize,
    present_frames,
    rotate,
    rotation_between,
)

M, T, V, C = 2, 13, 5, 3
PARENTS = np.array([0, 0, 1, 1, 2])


@pytest.fixture
def keypoint():
    x = np.random.default_rng(0).normal(size=(M, T, V, C))
    x[1, 8:] = 0
    return x.astype(np.float32)


def test_present_frames_are_those_with_any_nonzero_joint(keypoint):
    mask = present_frames(keypoint)
    assert mask[0].all()
    assert mask[1].tolist() == [True] * 8 + [False] * 5


def test_hold_repeats_the_last_pose_and_the_first_backwards(keypoint):
    mask = np.zeros((M, T), bool)
    mask[0, [2, 5]] = True
    filled = fill_absent(keypoint, mask)
    source = [2, 2, 2, 2, 2, 5, 5, 5, 5, 5, 5, 5, 5]
    np.testing.assert_array_equal(filled[0], keypoint[0, source])
    np.testing.assert_array_equal(filled[1], keypoint[1])


def test_linear_fill_restores_a_straight_movement():
    line = np.arange(T, dtype=np.float32)[None, :, None, None] + np.zeros(
        (1, 1, V, C), np.float32
    )
    mask = np.ones((1, T), bool)
    mask[0, 4:9] = False
    broken = line * mask[..., None, None]
    np.testing.assert_allclose(
        fill_absent(broken, mask, 'linear'), line, rtol=1e-6
    )


def test_frame_centre_puts_the_lead_at_zero_and_keeps_distances(keypoint):
    mask = present_frames(keypoint)
    moved = center(keypoint, mask, [2])
    np.testing.assert_allclose(moved[0, :, 2], 0, atol=1e-7)
    gap = keypoint[1, :8, 3] - keypoint[0, :8, 3]
    np.testing.assert_allclose(
        moved[1, :8, 3] - moved[0, :8, 3], gap, atol=1e-6
    )
    assert not moved[1, 8:].any()


def test_first_centre_keeps_the_trajectory(keypoint):
    mask = present_frames(keypoint)
    moved = center(keypoint, mask, [1, 2], mode='first')
    np.testing.assert_allclose(moved[0, 0, 1:3].mean(0), 0, atol=1e-7)
    np.testing.assert_allclose(
        np.diff(moved[0], axis=0), np.diff(keypoint[0], axis=0), atol=1e-6
    )


def test_centre_holds_its_origin_where_the_lead_is_absent(keypoint):
    keypoint[0, 3] = 0
    mask = present_frames(keypoint)
    moved = center(keypoint, mask, [2])
    expected = keypoint[1, 3] - keypoint[0, 2, 2]
    np.testing.assert_allclose(moved[1, 3], expected, atol=1e-6)
    assert not moved[0, 3].any()


def test_lead_is_the_first_person_ever_present():
    mask = np.zeros((3, T), bool)
    assert lead_person(mask) is None
    mask[1, 4:] = True
    mask[2] = True
    assert lead_person(mask) == (1, 4)


def test_absent_joints_neither_move_nor_count(keypoint):
    flat = keypoint[:1, :, :, :2].copy()
    flat[0, 3, 1] = 0
    there = (flat != 0).any(-1)
    mask = present_frames(flat)
    moved = center(flat, mask, [1, 2], num_coords=2, joint_mask=there)
    assert not moved[0, 3, 1].any()
    np.testing.assert_allclose(moved[0, 3, 2], 0, atol=1e-7)


def test_bones_add_up_to_the_joints(keypoint):
    bone = bones(keypoint, PARENTS)
    assert not bone[:, :, 0].any()
    tip = bone[:, :, 4] + bone[:, :, 2] + bone[:, :, 1] + keypoint[:, :, 0]
    np.testing.assert_allclose(tip, keypoint[:, :, 4], atol=1e-5)


def test_motion_adds_up_to_the_way_and_ends_in_zero(keypoint):
    moved = motion(keypoint, present_frames(keypoint))
    assert moved.shape == keypoint.shape
    assert not moved[:, -1].any()
    assert not moved[1, 7:].any()
    np.testing.assert_allclose(
        moved[0].sum(0), keypoint[0, -1] - keypoint[0, 0], atol=1e-5
    )


def test_motion_of_one_frame_is_zero(keypoint):
    assert not motion(keypoint[:, :1]).any()


def test_scores_are_averaged_not_subtracted():
    x = np.random.default_rng(0).random((1, T, V, 3))
    bone = bones(x, PARENTS, num_coords=2)
    expected = (x[..., 4, 2] + x[..., 2, 2]) / 2
    np.testing.assert_allclose(bone[:, :, 4, 2], expected)
    moved = motion(x, num_coords=2)
    np.testing.assert_allclose(
        moved[:, :-1, :, 2], (x[:, 1:, :, 2] + x[:, :-1, :, 2]) / 2
    )


def test_body_size_follows_the_scale(keypoint):
    mask = present_frames(keypoint)
    size = body_size(keypoint, mask, PARENTS)
    assert body_size(3 * keypoint, mask, PARENTS) == pytest.approx(3 * size)
    nobody = np.zeros_like(mask)
    assert body_size(keypoint, nobody, PARENTS) == 1.0


def test_unknown_modes_are_refused(keypoint):
    mask = present_frames(keypoint)
    with pytest.raises(ValueError, match="fill='cubic'"):
        fill_absent(keypoint, mask, 'cubic')
    with pytest.raises(ValueError, match="center='joint'"):
        center(keypoint, mask, [0], 'joint')


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


@pytest.mark.parametrize(
    'shape', [(2, 13, 5), (1, 1, 1), (1, 3, 7), (1, 2, 2)]
)
@pytest.mark.parametrize(('C', 'D'), [(3, 3), (4, 3), (3, 2), (2, 2)])
def test_a_linear_map_is_applied_joint_by_joint(shape, C, D):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(*shape, C))
    matrix = rng.normal(size=(D, D))
    expected = x.copy()
    for at in np.ndindex(*shape):
        expected[at][:D] = matrix @ x[at][:D]
    mapped = rotate(x, matrix)
    np.testing.assert_allclose(mapped, expected, atol=1e-14)
    mapped = rotate(x[:, ::-1], matrix)
    np.testing.assert_allclose(mapped, expected[:, ::-1], atol=1e-14)


def test_euler_rotation_is_the_product_of_three():
    angles = [20.0, -31.0, 47.0]
    x, y, z = (axis_rotation(i, -angle) for i, angle in enumerate(angles))
    np.testing.assert_allclose(euler_rotation(angles), z @ y @ x, atol=1e-15)


def test_angles_are_drawn_in_the_order_x_y_z():
    expected = np.random.default_rng(4)
    limits = np.full(3, 1.0)
    limits[expected.integers(3)] = 30.0
    found = draw_rotation(np.random.default_rng(4))
    np.testing.assert_array_equal(found, expected.uniform(0.0, limits))


CASES = (
    *('ntu_A001', 'ntu_A002', 'ntu_A003', 'front_mid_tail_null'),
    *('mid_tail_null', 'two_persons', 'long_tail', 'two_mixed', 'empty'),
)


@pytest.mark.parity
@pytest.mark.parametrize('case', CASES)
def test_pre_normalize_equals_the_published_numbers(
    reference_dir, parity, case
):
    golden = np.load(reference_dir / 'prenorm_s0.npz')

    result = pre_normalize(golden[f'{case}/joints'])

    names = {'keypoint': 'normalized'}
    missing = not golden[f'{case}/joints'].any()
    parity.close(case, missing, golden[f'{case}/missing'], 0.0, 'missing')
    if not missing:
        names.update(matrix_z='matrix_z', matrix_x='matrix_x')
    for ours, theirs in names.items():
        found, expected = getattr(result, ours), golden[f'{case}/{theirs}']
        parity.close(case, found, expected, 1e-12, theirs)


def test_source_frames_say_where_frames_went():
    x = np.random.default_rng(0).normal(size=(2, 6, 9, 3))
    x[0, [0, 2, 5]] = 0
    x[1, [4, 5]] = 0
    result = pre_normalize(x)
    assert result.source_frame[0].tolist() == [1, 3, 4, 1, 3, 4]
    assert result.source_frame[1].tolist() == [0, 1, 2, 3, 0, 1]
