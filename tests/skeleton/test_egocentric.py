"""Bodies in their own heading frame."""

from __future__ import annotations

import numpy as np
import pytest

from mmsnip.skeleton import from_metainfo
from mmsnip.skeleton.egocentric import (
    UP_AXES,
    central_difference,
    egocentric,
    heading,
    heading_joints,
    num_channels,
    turn,
    turning,
    upright,
    vertical_axis,
)
from mmsnip.skeleton.geometry import axis_rotation
from mmsnip.skeleton.layout import get_layout, layout_names

NAMES = ['pelvis', 'chest', 'left_shoulder', 'right_shoulder', 'left_foot']
LAYOUT = from_metainfo(
    dict(joint_names=NAMES, parents=[-1, 0, 1, 1, 0], classes=[])
)
M, T, V = 2, 13, 5


def walk(up='y'):
    """Two persons, shoulders along x, trunk up, one of them walking."""
    rng = np.random.default_rng(0)
    rest = np.array(
        [[0, 1, 0], [0, 1.5, 0], [0.3, 1.4, 0], [-0.3, 1.4, 0], [0.1, 0, 0]]
    )
    coords = rest + 0.02 * rng.normal(size=(M, T, V, 3))
    coords[0, :, :, 2] += 0.05 * np.arange(T)[:, None]
    axes = upright(np.eye(3), up)
    return coords @ axes.T, np.ones((M, T), bool)


@pytest.mark.parametrize('up', UP_AXES)
def test_upright_is_a_rotation_that_lifts_its_axis_to_y(up):
    axes = upright(np.eye(3), up)

    assert np.linalg.det(axes) == pytest.approx(1)
    sign = -1 if up.startswith('-') else 1
    np.testing.assert_array_equal(axes['xyz'.find(up[-1])], [0, sign, 0])


@pytest.mark.parametrize(('D', 'up'), [(3, 'w'), (3, 'yy'), (2, 'z')])
def test_an_axis_that_is_none_is_refused(D, up):
    with pytest.raises(ValueError, match='is no axis of'):
        upright(np.zeros((4, D)), up)


@pytest.mark.parametrize('up', UP_AXES)
def test_the_same_scene_is_seen_alike_whatever_axis_points_up(up):
    expected = egocentric(*walk('y'), LAYOUT)

    found = egocentric(*walk(up), LAYOUT, up=up)

    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize('angle', [37.0, -120.0, 180.0])
def test_nothing_changes_with_place_and_heading_of_the_scene(angle):
    coords, mask = walk()
    moved = coords @ axis_rotation(1, angle).T + [3.0, -0.7, 11.0]

    found = egocentric(moved, mask, LAYOUT)

    np.testing.assert_allclose(
        found, egocentric(coords, mask, LAYOUT), atol=1e-12
    )


def test_going_forward_is_a_velocity_along_the_third_axis():
    coords, mask = walk()

    velocity = egocentric(coords, mask, LAYOUT, fps=20.0)[0, 4:-4, :, 9:12]

    mean = velocity.mean(axis=(0, 1))
    # shoulders from left to right lie on +x, so he walks to -z of his own
    np.testing.assert_allclose(np.abs(mean), [0, 0, 1.0], atol=0.05)


def test_height_is_above_the_ground_and_not_above_the_root():
    coords, mask = walk()

    joints = egocentric(coords, mask, LAYOUT)[..., :3]

    np.testing.assert_allclose(joints[:, :, 4, 1], 0, atol=0.1)
    np.testing.assert_allclose(joints[:, :, 0, 1], 1, atol=0.1)
    np.testing.assert_allclose(joints[:, :, 0, ::2], 0, atol=1e-12)


def test_absent_frames_are_zero_and_touch_nobody():
    coords, mask = walk()
    expected = egocentric(coords, mask, LAYOUT)
    mask[1, 3:] = False
    coords[1, 3:] = 1e3

    found = egocentric(coords, mask, LAYOUT)

    assert not found[1, 3:].any()
    np.testing.assert_array_equal(found[0], expected[0])
    assert np.abs(found[1]).max() < 1e2


def test_2d_bodies_are_not_turned():
    coords, mask = walk()
    image = coords[..., :2] * [1.0, -1.0]  # y points down

    found = egocentric(image, mask, LAYOUT, up='-y')

    assert found.shape == (M, T, V, 8)
    expected = coords[..., 0] - coords[:, :, :1, 0]
    np.testing.assert_allclose(found[..., 0], expected, atol=1e-12)
    np.testing.assert_allclose(found[:, :, 1, 1], 1.5, atol=0.15)


def test_differences_are_those_of_a_loop():
    coords, mask = walk()
    mask[0, 5] = False
    expected = np.zeros_like(coords)
    for m in range(M):
        for t in range(T):
            a, b = max(t - 2, 0), min(t + 2, T - 1)
            if mask[m, a] and mask[m, b]:
                expected[m, t] = (coords[m, b] - coords[m, a]) / (b - a)

    found = central_difference(coords, mask, 2)

    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_the_heading_ignores_absent_frames_and_is_x_where_unknown():
    coords, mask = walk()
    mask[0, 4:7] = False
    coords[0, 4:7] = np.random.default_rng(1).normal(size=(3, V, 3))

    found = heading(coords, mask, LAYOUT.shoulders, 5)

    np.testing.assert_allclose(found[0, :, 0], -1, atol=0.02)
    without = heading(coords, mask, None)
    np.testing.assert_array_equal(without[..., 0], 1)


def test_a_longer_mean_leaves_the_swing_of_a_gesture_in_the_joints():
    angle = 0.4 * np.sin(2 * np.pi * np.arange(120) / 30)  # a second
    rest = walk()[0][:1, :1].repeat(120, axis=1)
    swung = np.stack([np.cos(angle), -np.sin(angle)], axis=-1)[None]
    coords, mask = turn(rest, swung), np.ones((1, 120), bool)
    right = LAYOUT.shoulders[0]

    short, long = (
        egocentric(coords, mask, LAYOUT, heading_seconds=seconds)
        for seconds in (0, 1)
    )

    inner = slice(20, -20)
    assert np.ptp(short[0, inner, right, 2]) < 1e-6
    reach = np.ptp((coords[0, :, right] - coords[0, :, LAYOUT.root])[:, 2])
    assert np.ptp(long[0, inner, right, 2]) == pytest.approx(reach, rel=0.1)
    assert np.ptp(long[0, inner, 0, -2]) < 0.2 * np.ptp(short[0, inner, 0, -2])


def test_arms_that_swing_the_shoulders_leave_the_heading_of_the_hips():
    coords, mask = walk()
    hips = coords[:, :, [2, 3]] + [0.0, -0.5, 0.0]
    coords = np.concatenate([coords, hips], axis=2)
    layout = from_metainfo(
        dict(
            joint_names=[*NAMES, 'left_hip', 'right_hip'],
            parents=[-1, 0, 1, 1, 0, 0, 0],
            classes=[],
        )
    )
    swung = coords.copy()
    swung[:, :, 2, 2] += 0.2
    swung[:, :, 3, 2] -= 0.2

    assert heading_joints(layout) == layout.shoulders
    assert heading_joints(layout, 'hips') == (6, 5)
    for line, same in (('shoulders', False), ('hips', True)):
        found, wanted = (
            heading(c, mask, heading_joints(layout, line))
            for c in (swung, coords)
        )
        assert np.allclose(found, wanted) == same


def test_shoulders_stand_in_for_hips_that_no_name_tells():
    assert heading_joints(LAYOUT, 'hips') == LAYOUT.shoulders


@pytest.mark.parametrize('rate', [0.02, -0.4])
def test_who_turns_steadily_turns_at_that_rate(rate):
    coords, mask = walk()
    for t in range(T):
        angle = np.degrees(rate * t)
        coords[:, t] = walk()[0][:, 0] @ axis_rotation(1, angle).T
    mask[1, 6] = False

    found = egocentric(coords, mask, LAYOUT, fps=10.0)

    # about y, a turn from z to x is positive; x to z is here
    np.testing.assert_allclose(found[0, 4:-4, :, 12], -10 * rate, rtol=0.05)
    facing = heading(coords, mask, LAYOUT.shoulders, 1)
    exact = turning(facing, mask, 2)[..., 0, 0]
    np.testing.assert_allclose(exact[0], -rate, rtol=1e-6)
    assert not exact[1, [4, 8]].any()
    assert found.shape[3] == num_channels(3)


@pytest.mark.parametrize('up', UP_AXES)
def test_the_trunk_tells_which_way_is_up(up):
    coords, mask = walk(up)

    total = vertical_axis(coords, mask, LAYOUT)

    largest = np.abs(total).argmax()
    found = ('-' if total[largest] < 0 else '') + 'xyz'[largest]
    assert found == up


HEIGHTS = dict(  # the first one that a name contains
    spine_base=0.95, spine_shoulder=1.45, shoulder_center=1.45, nose=1.6,
    head=1.7, neck=1.5, thorax=1.45, chest=1.3, shoulder=1.4, spine=1.2,
    hip=0.9, pelvis=0.95, knee=0.5, ankle=0.1, foot=0.0,
)  # fmt: skip


@pytest.mark.parametrize('name', layout_names())
@pytest.mark.parametrize('stated', [True, False])
def test_a_trunk_points_up_whatever_joint_the_tree_begins_at(name, stated):
    layout = get_layout(name)
    if not stated:  # as a file with names and parents only has it
        names, parents = layout.joint_names, layout.parents
        layout = from_metainfo(dict(joint_names=names, parents=parents))
    pose = np.ones((len(layout.joint_names), 3))
    for joint, label in enumerate(layout.joint_names):
        found = [h for part, h in HEIGHTS.items() if part in label]
        pose[joint, 1] = found[0] if found else 1.0
    coords = np.broadcast_to(pose, (M, T, *pose.shape))

    total = vertical_axis(coords, np.ones((M, T), bool), layout)

    assert np.abs(total).argmax() == 1
    assert total[1] > 0


def test_one_frame_and_no_frame_are_sequences_too():
    coords, mask = walk()

    assert egocentric(coords[:, :1], mask[:, :1], LAYOUT).shape[1] == 1
    assert egocentric(coords[:, :0], mask[:, :0], LAYOUT).shape[1] == 0
