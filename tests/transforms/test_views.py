from __future__ import annotations

import numpy as np

from mmsnip.registry import TRANSFORMS

from .conftest import make_sample

CROP = dict(type='mmsnip.TemporalCrop', padding_ratio=2)
SHEAR = dict(type='mmsnip.RandomShear')


def views_of(sample, *views):
    step = TRANSFORMS.build(dict(type='mmsnip.MultiView', views=list(views)))
    return step(sample)['views']


def test_every_view_has_its_own_draw_and_its_own_map():
    views = views_of(make_sample(), [CROP, SHEAR], [CROP, SHEAR], [])
    assert len(views) == 3
    assert not np.array_equal(views[0]['keypoint'], views[1]['keypoint'])
    np.testing.assert_array_equal(
        views[2]['keypoint'], make_sample()['keypoint']
    )
    for view in views:
        assert view['frame_index'].shape == (13,)


def test_a_view_does_not_depend_on_the_steps_of_another():
    one = views_of(make_sample(), [CROP], [SHEAR])[1]
    other = views_of(make_sample(), [CROP, SHEAR, SHEAR], [SHEAR])[1]
    np.testing.assert_array_equal(one['keypoint'], other['keypoint'])


def test_the_sample_itself_stays():
    sample = make_sample()
    before = sample['keypoint'].copy()
    views_of(sample, [CROP, SHEAR])
    np.testing.assert_array_equal(sample['keypoint'], before)
    assert sample['total_frames'] == 13


def test_a_stream_after_the_views_turns_each_of_them():
    joints = views_of(make_sample(), [], [])[1]['keypoint']
    sample = TRANSFORMS.build(dict(type='mmsnip.MultiView', views=[[], []]))(
        make_sample()
    )

    turned = TRANSFORMS.build(
        dict(type='mmsnip.SkeletonStream', stream='motion')
    )(sample)['views']

    assert [view['stream'] for view in turned] == [('motion',)] * 2
    there = turned[1]['body_mask'][:, :-1] & turned[1]['body_mask'][:, 1:]
    np.testing.assert_allclose(
        turned[1]['keypoint'][:, :-1][there],
        np.diff(joints, axis=1)[there],
        atol=1e-6,
    )
