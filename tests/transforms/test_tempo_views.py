"""RVTCLR's views: one key at two tempi."""

from __future__ import annotations

import numpy as np
import pytest

from mmsnip.datasets.collate import pad_collate
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


def test_tempi_can_be_others():
    results = played(make_sample(), tempi=(1, 3))
    maps = [view['frame_index'].tolist() for view in results['views'][1:3]]

    assert sorted(maps) == [[0, 1, 2, 3], [0, 3, 6, 9]]


def test_views_are_packed_and_batched():
    pack = TRANSFORMS.build(dict(type='mmsnip.PackSkeletonInputs'))
    samples = [pack(played(make_sample(T=T))) for T in (13, 10)]

    inputs = pad_collate(samples)

    shapes = [tuple(x.shape) for x in inputs['inputs']]
    assert shapes == [(2, 2, 6, 5, 3)] * 3 + [(2, 2, 13, 5, 3)]
    assert [n.tolist() for n in inputs['num_frames']] == [[6, 5]] * 3 + [
        [13, 10]
    ]
    assert inputs['data_samples'][0].tempo in (1.0, 2.0)


@pytest.mark.parametrize('tempi', [(1,), (1, 2, 3), (0, 2)])
def test_tempi_that_are_not_two_positive_numbers_are_refused(tempi):
    with pytest.raises(ValueError, match='must be two numbers above 0'):
        TRANSFORMS.build(dict(type='mmsnip.RelativeTempo', tempi=tempi))


def test_missing_and_too_short_views_are_refused():
    step = TRANSFORMS.build(dict(type='mmsnip.RelativeTempo'))
    with pytest.raises(ValueError, match=r'toy has 0 views.*put MultiView'):
        step(make_sample())
    with pytest.raises(ValueError, match=r'view of toy has 1 frames'):
        played(make_sample(T=1, M=1))
