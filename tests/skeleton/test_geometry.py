from __future__ import annotations

import numpy as np
import pytest

from mmsnip.skeleton.geometry import (
    body_size,
    bones,
    center,
    fill_absent,
    lead_person,
    motion,
    present_frames,
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
