from __future__ import annotations

import numpy as np
import pytest

from mmsnip.registry import TRANSFORMS
from mmsnip.skeleton.layout import get_layout
from mmsnip.skeleton.mapping import joint_mapping, map_joints

COCO, NTU = get_layout('coco'), get_layout('nturgb+d')


def build(**args):
    return TRANSFORMS.build(dict(type='mmsnip.MapJoints', **args))


def make_sample(C=3, **more):
    rng = np.random.default_rng(0)
    keypoint = rng.normal(size=(2, 13, 17, C)).astype(np.float32)
    keypoint[1, 6:] = 0
    return dict(
        frame_dir='toy',
        keypoint=keypoint,
        layout=COCO,
        body_mask=np.any(keypoint != 0, axis=(2, 3)),
        num_coords=min(C, 3),
        **more,
    )


def test_sample_gets_joints_and_layout_of_the_target():
    sample = make_sample()
    expected = map_joints(sample['keypoint'], joint_mapping(COCO, NTU))
    mask = sample['body_mask'].copy()

    out = build(target='nturgb+d')(sample)

    np.testing.assert_array_equal(out['keypoint'], expected)
    assert out['layout'] is NTU
    assert not out['keypoint'][~mask].any()
    np.testing.assert_array_equal(out['body_mask'], mask)


def test_scores_take_the_least_and_lost_joints_stay_zero():
    score = np.random.default_rng(1).uniform(0.1, 1, (2, 13, 17))
    score[0, 3, 11] = 0  # left hip
    out = build()(make_sample(C=2, keypoint_score=score))
    np.testing.assert_array_equal(
        out['keypoint_score'][..., 0], score[..., 11:13].min(-1)
    )
    assert not out['keypoint'][0, 3, 0].any()
    assert out['keypoint'][0, 3, 16].all()
    assert out['keypoint'].shape == (2, 13, 25, 2)


def test_score_channel_behind_2d_points_is_mapped_as_a_score():
    sample = make_sample(C=3)
    sample['num_coords'] = 2
    sample['keypoint'][..., 2] = np.abs(sample['keypoint'][..., 2])
    hips = sample['keypoint'][:, :, 11:13, 2].min(-1)
    out = build()(sample)
    np.testing.assert_array_equal(out['keypoint'][:, :, 0, 2], hips)
    assert out['num_coords'] == 2


def test_2d_point_at_zero_is_lost_where_there_is_no_score():
    sample = make_sample(C=2)
    sample['keypoint'][0, 4, 5] = 0  # left shoulder
    out = build()(sample)
    gone = np.flatnonzero(~out['keypoint'][0, 4].any(-1))
    names = {NTU.joint_names[v] for v in gone}
    assert names == {'left_shoulder', 'spine_shoulder', 'spine_mid', 'neck'}


def test_source_names_the_layout_where_the_sample_has_none():
    sample = make_sample()
    del sample['layout']
    with pytest.raises(ValueError, match='MapJoints: toy has no layout'):
        build()(dict(sample))
    assert build(source='coco')(sample)['keypoint'].shape[2] == 25
