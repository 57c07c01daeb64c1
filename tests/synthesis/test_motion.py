"""Bodies, actions and what strings them together."""

from __future__ import annotations

import numpy as np
import pytest

from mmsnip.synthesis.actions import ACTIONS, CLASSES
from mmsnip.synthesis.body import (
    COLUMN,
    JOINT_NAMES,
    LAYOUT,
    PARAMETERS,
    PARENTS,
    forward_kinematics,
    mirror_pose,
    reach,
    sample_body,
    sample_style,
)
from mmsnip.synthesis.gestures import STANDING_GESTURES
from mmsnip.synthesis.sequence import compose_clip, compose_take

JOINT = {name: joint for joint, name in enumerate(JOINT_NAMES)}


def perform(action: str, seed: int):
    rng = np.random.default_rng([seed, CLASSES.index(action)])
    body, style = sample_body(rng), sample_style(rng)
    take = compose_clip(rng, style, body, action)
    (start, end), joints = take.segments[0], take.joints
    return joints, start, end, body


def hand_apart(joints: np.ndarray) -> np.ndarray:
    return np.linalg.norm(
        joints[:, JOINT['left_hand']] - joints[:, JOINT['right_hand']],
        axis=1,
    )


def test_walk_moves_the_body_over_a_metre():
    joints, start, end, _ = perform('walk', 0)
    steps = np.diff(joints[start:end, 0][:, [0, 2]], axis=0)
    assert np.linalg.norm(steps, axis=1).sum() > 1.0


def test_turn_changes_the_heading_and_stays_in_place():
    joints, start, end, _ = perform('turn', 0)
    across = joints[:, JOINT['left_hip']] - joints[:, JOINT['right_hip']]
    angle = np.unwrap(np.arctan2(across[:, 0], across[:, 2]))
    assert abs(angle[end - 1] - angle[start]) > np.deg2rad(65)
    assert np.linalg.norm(joints[end - 1, 0] - joints[start, 0]) < 0.5


def test_jump_lifts_both_feet_and_squat_does_not():
    for action, leaves in (('jump', True), ('squat', False)):
        joints, _, _, body = perform(action, 0)
        feet = joints[:, [JOINT['left_foot'], JOINT['right_foot']], 1]
        lift = (feet.min(axis=1) - body.foot_clearance).max()
        assert (lift > 0.05) == leaves


def test_stand_up_ends_as_high_as_sit_down_begins():
    for action, sign in (('sit down', -1), ('stand up', 1)):
        joints, start, end, body = perform(action, 0)
        change = joints[end - 1, 0, 1] - joints[start, 0, 1]
        assert 0.15 < sign * change / body.height < 0.35


def test_kick_raises_one_foot_ahead():
    joints, _, _, body = perform('kick', 0)
    left, right = (
        joints[:, JOINT[f'{side}_ankle'], 1] - body.ankle_clearance
        for side in ('left', 'right')
    )
    assert max(left.max(), right.max()) > 0.25
    assert min(left.max(), right.max()) < 0.12


def test_clap_brings_the_hands_together_several_times():
    joints, start, end, _ = perform('clap', 0)
    apart = hand_apart(joints[start:end])
    near = apart < apart.min() + 0.3 * (np.median(apart) - apart.min())
    assert apart.min() < 0.2
    assert np.count_nonzero(np.diff(near.astype(int)) == 1) >= 2


def test_drink_brings_one_hand_to_the_head():
    joints, _, _, _ = perform('drink', 0)
    near = [
        np.linalg.norm(
            joints[:, JOINT[f'{side}_hand']] - joints[:, JOINT['head']],
            axis=1,
        ).min()
        for side in ('left', 'right')
    ]
    assert min(near) < 0.3
    assert max(near) > 0.4


@pytest.mark.parametrize('action', ['punch', 'throw'])
def test_punch_and_throw_stretch_an_arm_that_was_bent(action):
    joints, start, end, _ = perform(action, 0)
    stretch = []
    for side in ('left', 'right'):
        reach = np.linalg.norm(
            joints[start:end, JOINT[f'{side}_wrist']]
            - joints[start:end, JOINT[f'{side}_shoulder']],
            axis=1,
        )
        bent = reach.argmin()
        stretch.append(reach[bent:].max() / reach[bent])
    assert max(stretch) > 1.3


def test_wave_swings_a_raised_hand_from_side_to_side():
    joints, start, end, _ = perform('wave', 0)
    hands = joints[start:end, [JOINT['left_hand'], JOINT['right_hand']]]
    raised = hands[..., 1].max(axis=0).argmax()
    path = hands[:, raised, 0]
    assert hands[..., 1].max() > joints[start, JOINT['spine_mid'], 1]
    turns = np.count_nonzero(np.diff(np.sign(np.diff(path))) != 0)
    assert turns >= 3


@pytest.mark.parametrize(
    'make',
    [*ACTIONS.values(), *STANDING_GESTURES],
    ids=lambda make: make.__name__,
)
def test_program_begins_and_ends_at_the_posture(make):
    rng = np.random.default_rng(7)
    for _ in range(5):
        program = make(rng, sample_style(rng), sample_body(rng))
        T = len(program.weight)
        assert program.weight[0] == program.weight[-1] == 0
        for name, curve in {**program.curves, **program.offsets}.items():
            assert name in COLUMN
            assert curve.shape == (T,)
        for curve in program.offsets.values():
            assert abs(curve[0]) < 1
            assert abs(curve[-1]) < 1


def random_pose(T: int = 13, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    pose = rng.uniform(-80, 80, (T, len(PARAMETERS)))
    for name in ('hop', 'surge', 'slip'):
        pose[:, COLUMN[name]] /= 300
    return pose


def test_bones_keep_their_length_in_any_pose():
    body = sample_body(np.random.default_rng(1))
    joints = forward_kinematics(body, random_pose())
    bones = joints[:, 1:] - joints[:, list(PARENTS[1:])]
    np.testing.assert_allclose(
        np.linalg.norm(bones, axis=-1),
        np.broadcast_to(np.linalg.norm(body.offsets[1:], axis=-1), (13, 24)),
        atol=1e-9,
    )


def test_zero_pose_stands_upright_on_the_floor():
    body = sample_body(np.random.default_rng(2))
    joints = forward_kinematics(body, np.zeros((3, len(PARAMETERS))))[0]
    height = dict(zip(JOINT_NAMES, joints[:, 1]))
    assert height['head'] > height['neck'] > height['spine_base']
    assert height['left_knee'] > height['left_ankle']
    assert height['left_ankle'] == pytest.approx(body.ankle_clearance)
    assert height['right_foot'] == pytest.approx(body.foot_clearance)
    assert 0.9 < height['head'] / body.height < 1.0


def test_mirrored_pose_gives_mirrored_joints():
    body = sample_body(np.random.default_rng(4))
    pose = random_pose(seed=4)
    other = np.arange(25)
    for left, right in LAYOUT.pairs:
        other[[left, right]] = right, left
    expected = forward_kinematics(body, pose)[:, other] * (-1, 1, 1)
    found = forward_kinematics(body, mirror_pose(pose))
    shift = (found - expected)[:, :1] * (1, 0, 1)
    np.testing.assert_allclose(found - shift, expected, atol=1e-9)
    np.testing.assert_allclose(np.diff(shift, axis=0), 0, atol=1e-9)


def test_val_bodies_are_shorter_or_taller_than_every_train_body():
    heights = {
        split: [
            sample_body(np.random.default_rng(seed), split).height
            for seed in range(60)
        ]
        for split in ('train', 'val')
    }
    low, high = min(heights['train']), max(heights['train'])
    assert all(not low <= height <= high for height in heights['val'])


GUESS = dict(arm=45, abduct=20, rotate=-40, elbow=120)


@pytest.mark.parametrize('split', ['train', 'val'])
@pytest.mark.parametrize(('side', 'hand'), [('left', 7), ('right', 11)])
def test_reach_brings_the_hand_to_the_mouth_of_any_body(split, side, hand):
    for seed in range(8):
        body = sample_body(np.random.default_rng(seed), split)
        angles = reach(body, side, 3, (0.01, -0.025, 0.075), GUESS)
        pose = np.zeros((2, len(PARAMETERS)))
        for name, angle in angles.items():
            pose[:, COLUMN[name]] = angle
        joints = forward_kinematics(body, pose)[0]
        sign = 1 if side == 'left' else -1
        mouth = joints[3] + body.height * np.array(
            [0.01 * sign, -0.025, 0.075]
        )
        assert np.linalg.norm(joints[hand] - mouth) < 0.02


def take_of(seed: int, split: str = 'train', T: int = 500, **kwargs):
    rng = np.random.default_rng(seed)
    body, style = sample_body(rng, split), sample_style(rng, split)
    return body, compose_take(rng, style, body, T, **kwargs)


@pytest.mark.parametrize('split', ['train', 'val'])
@pytest.mark.parametrize('seed', range(4))
def test_feet_stay_over_the_floor_and_planted_ones_hardly_slide(split, seed):
    body, take = take_of(seed, split)
    soles = take.joints[:, [14, 18, 15, 19]]
    clearance = np.repeat([body.ankle_clearance, body.foot_clearance], 2)
    depth = soles[..., 1] - clearance
    assert depth.min() > -0.02
    planted = (depth[1:] < 0.005) & (depth[:-1] < 0.005)
    slide = np.linalg.norm(np.diff(soles, axis=0)[..., [0, 2]], axis=-1)
    assert slide[planted].mean() * 30 < 0.08


@pytest.mark.parametrize('split', ['train', 'val'])
@pytest.mark.parametrize('seed', range(4))
def test_head_stays_over_the_pelvis_and_knees_bend_one_way(split, seed):
    _, take = take_of(seed, split)
    joints = take.joints
    assert np.all(joints[:, 3, 1] > joints[:, 0, 1] + 0.2)
    across = joints[:, 12] - joints[:, 16]
    for hip in (12, 16):
        thigh = joints[:, hip + 1] - joints[:, hip]
        shank = joints[:, hip + 2] - joints[:, hip + 1]
        hinge = np.cross(thigh, shank)
        bend = (hinge * across).sum(-1)
        assert bend.min() > -0.01


def test_motion_has_no_jumps_between_frames():
    _, take = take_of(5, 'val', T=900)
    speed = np.linalg.norm(np.diff(take.joints[:, 0], axis=0), axis=-1) * 30
    assert speed.max() < 5


@pytest.mark.parametrize('seed', range(6))
def test_segments_are_ordered_apart_and_inside(seed):
    _, take = take_of(seed)
    flat = take.segments.ravel()
    assert len(take.segments) == len(take.labels) > 0
    assert np.all(np.diff(flat) >= 0)
    assert np.all(take.segments[:, 1] > take.segments[:, 0])
    assert flat[0] >= 0
    assert flat[-1] <= 500


def test_first_action_is_the_first_label():
    for name in CLASSES:
        _, take = take_of(3, T=240, first_action=name)
        assert CLASSES[take.labels[0]] == name


def test_clip_holds_its_action_whole():
    rng = np.random.default_rng(6)
    take = compose_clip(rng, sample_style(rng), sample_body(rng), 'punch')
    start, end = take.segments[0]
    assert 0 <= start < end <= len(take.joints)
    assert len(take.joints) >= 48
