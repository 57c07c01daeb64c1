from __future__ import annotations

import numpy as np
import pytest

from mmsnip.synthesis.actions import CLASSES
from mmsnip.synthesis.body import sample_body
from mmsnip.synthesis.curves import sample_style
from mmsnip.synthesis.sequence import compose_clip, compose_take


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


def test_idle_take_has_no_segments():
    _, take = take_of(4, active=False)
    assert take.segments.shape == (0, 2)
    assert take.labels.shape == (0,)


def test_clip_holds_its_action_whole():
    rng = np.random.default_rng(6)
    take = compose_clip(rng, sample_style(rng), sample_body(rng), 'punch')
    start, end = take.segments[0]
    assert 0 <= start < end <= len(take.joints)
    assert len(take.joints) >= 48
