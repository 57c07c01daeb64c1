"""RVTCLR's views: one key at two tempi."""

from __future__ import annotations

import numpy as np
import pytest

from mmsnip.registry import TRANSFORMS

from .conftest import make_sample


def played(sample, views=3, **options):
    build = TRANSFORMS.build
    multi = build(dict(type='mmsnip.MultiView', views=[[]] * views))
    return build(dict(type='mmsnip.RelativeTempo', **options))(multi(sample))


def test_query_has_one_tempo_and_the_key_both():
    seen = set()

    for seed in range(8):
        results = played(make_sample(seed=seed))
        query, same, other, whole = results['views']
        frames = dict(slow=[*range(6)], fast=[*range(0, 12, 2)])
        kind = 'fast' if results['tempo'] == 2 else 'slow'
        unlike = 'slow' if kind == 'fast' else 'fast'
        seen.add(kind)
        assert query['frame_index'].tolist() == frames[kind]
        assert same['frame_index'].tolist() == frames[kind]
        assert other['frame_index'].tolist() == frames[unlike]
        assert whole['frame_index'].tolist() == [*range(13)]

    assert seen == {'slow', 'fast'}


def test_about_half_of_the_samples_play_at_each_tempo():
    tempi = [played(make_sample(seed=seed))['tempo'] for seed in range(400)]

    assert 160 <= tempi.count(1.0) <= 240
    assert set(tempi) == {1.0, 2.0}


def test_the_draw_is_the_samples_own():
    first, again = played(make_sample(seed=5)), played(make_sample(seed=5))

    assert first['tempo'] == again['tempo']
    for one, two in zip(first['views'], again['views']):
        np.testing.assert_array_equal(one['keypoint'], two['keypoint'])


def test_poses_masks_and_segments_follow_the_frames():
    sample = make_sample()
    source = sample['keypoint'].copy()

    for view in played(sample)['views']:
        frames = view['frame_index']
        np.testing.assert_array_equal(view['keypoint'], source[:, frames])
        np.testing.assert_array_equal(
            view['body_mask'], np.any(source[:, frames] != 0, axis=(2, 3))
        )
        inside = [f for f in frames if 1 <= f < 5]
        start, end = view['segments'][0]
        assert frames[start:end].tolist() == inside


def test_both_tempi_of_the_key_share_its_draws():
    shear = [dict(type='mmsnip.RandomShear')]
    multi = TRANSFORMS.build(
        dict(type='mmsnip.MultiView', views=[shear, shear])
    )
    step = TRANSFORMS.build(dict(type='mmsnip.RelativeTempo'))

    query, same, other = step(multi(make_sample()))['views']

    # Frame 0 is the first of either tempo.
    np.testing.assert_array_equal(
        same['keypoint'][:, 0], other['keypoint'][:, 0]
    )
    assert not np.array_equal(query['keypoint'], same['keypoint'])


def test_missing_and_too_short_views_are_refused():
    step = TRANSFORMS.build(dict(type='mmsnip.RelativeTempo'))
    with pytest.raises(ValueError, match=r'toy has 0 views.*put MultiView'):
        step(make_sample())
    with pytest.raises(ValueError, match=r'view of toy has 1 frames'):
        played(make_sample(T=1, M=1))
