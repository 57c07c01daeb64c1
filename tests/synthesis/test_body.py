from __future__ import annotations

import numpy as np
import pytest

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
)


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


def test_kinematic_tree_has_the_bones_of_the_layout():
    def bones(parents):
        return {frozenset(b) for b in enumerate(parents) if b[1] >= 0}

    assert bones(PARENTS) == bones(LAYOUT.parents)


def test_zero_pose_stands_upright_on_the_floor():
    body = sample_body(np.random.default_rng(2))
    joints = forward_kinematics(body, np.zeros((3, len(PARAMETERS))))[0]
    height = dict(zip(JOINT_NAMES, joints[:, 1]))
    assert height['head'] > height['neck'] > height['spine_base']
    assert height['left_knee'] > height['left_ankle']
    assert height['left_ankle'] == pytest.approx(body.ankle_clearance)
    assert height['right_foot'] == pytest.approx(body.foot_clearance)
    assert 0.9 < height['head'] / body.height < 1.0


def test_bent_knee_brings_the_heel_back_and_bent_elbow_the_hand_ahead():
    pose = np.zeros((2, len(PARAMETERS)))
    pose[:, COLUMN['left_knee']] = pose[:, COLUMN['left_elbow']] = 60
    joints = forward_kinematics(sample_body(np.random.default_rng(3)), pose)
    assert joints[0, 14, 2] < joints[0, 13, 2] - 0.1
    assert joints[0, 7, 2] > joints[0, 5, 2] + 0.1


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
