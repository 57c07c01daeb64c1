from __future__ import annotations

import numpy as np
import pytest

from mmsnip.synthesis.actions import ACTIONS, CLASSES
from mmsnip.synthesis.body import COLUMN, JOINT_NAMES, sample_body
from mmsnip.synthesis.curves import sample_style
from mmsnip.synthesis.gestures import STANDING_GESTURES
from mmsnip.synthesis.sequence import compose_clip

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


@pytest.mark.parametrize('seed', range(2))
def test_walk_moves_the_body_over_a_metre(seed):
    joints, start, end, _ = perform('walk', seed)
    steps = np.diff(joints[start:end, 0][:, [0, 2]], axis=0)
    assert np.linalg.norm(steps, axis=1).sum() > 1.0


@pytest.mark.parametrize('seed', range(2))
def test_turn_changes_the_heading_and_stays_in_place(seed):
    joints, start, end, _ = perform('turn', seed)
    across = joints[:, JOINT['left_hip']] - joints[:, JOINT['right_hip']]
    angle = np.unwrap(np.arctan2(across[:, 0], across[:, 2]))
    assert abs(angle[end - 1] - angle[start]) > np.deg2rad(65)
    assert np.linalg.norm(joints[end - 1, 0] - joints[start, 0]) < 0.5


@pytest.mark.parametrize('seed', range(2))
def test_jump_lifts_both_feet_and_squat_does_not(seed):
    for action, leaves in (('jump', True), ('squat', False)):
        joints, _, _, body = perform(action, seed)
        feet = joints[:, [JOINT['left_foot'], JOINT['right_foot']], 1]
        lift = (feet.min(axis=1) - body.foot_clearance).max()
        assert (lift > 0.05) == leaves


@pytest.mark.parametrize('seed', range(2))
def test_stand_up_ends_as_high_as_sit_down_begins(seed):
    for action, sign in (('sit down', -1), ('stand up', 1)):
        joints, start, end, body = perform(action, seed)
        change = joints[end - 1, 0, 1] - joints[start, 0, 1]
        assert 0.15 < sign * change / body.height < 0.35


@pytest.mark.parametrize('seed', range(2))
def test_kick_raises_one_foot_ahead(seed):
    joints, _, _, body = perform('kick', seed)
    left, right = (
        joints[:, JOINT[f'{side}_ankle'], 1] - body.ankle_clearance
        for side in ('left', 'right')
    )
    assert max(left.max(), right.max()) > 0.25
    assert min(left.max(), right.max()) < 0.12


@pytest.mark.parametrize('seed', range(2))
def test_clap_brings_the_hands_together_several_times(seed):
    joints, start, end, _ = perform('clap', seed)
    apart = hand_apart(joints[start:end])
    near = apart < apart.min() + 0.3 * (np.median(apart) - apart.min())
    assert apart.min() < 0.2
    assert np.count_nonzero(np.diff(near.astype(int)) == 1) >= 2


@pytest.mark.parametrize('seed', range(2))
def test_drink_brings_one_hand_to_the_head(seed):
    joints, _, _, _ = perform('drink', seed)
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
@pytest.mark.parametrize('seed', range(2))
def test_punch_and_throw_stretch_an_arm_that_was_bent(action, seed):
    joints, start, end, _ = perform(action, seed)
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


@pytest.mark.parametrize('seed', range(2))
def test_wave_swings_a_raised_hand_from_side_to_side(seed):
    joints, start, end, _ = perform('wave', seed)
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
