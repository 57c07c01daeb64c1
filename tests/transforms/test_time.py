"""Frames are chosen and moved, and labels go with them; views."""

from __future__ import annotations

import numpy as np
import pytest

from mmsnip.registry import TRANSFORMS

from .conftest import make_sample

CROP = dict(type='mmsnip.TemporalCrop', padding_ratio=2)
SHEAR = dict(type='mmsnip.RandomShear')


def build(name, **args):
    return TRANSFORMS.build(dict(type=f'mmsnip.{name}', **args))


def views_of(sample, *views):
    return build('MultiView', views=list(views))(sample)['views']


def played(sample):
    return build('RelativeTempo')(build('MultiView', views=[[]] * 3)(sample))


STEPS = (
    ('RandomWindow', dict(size=6)),
    ('RandomWindow', dict(size=17, pad=True)),
    ('ResizeTime', dict(size=29)),
    ('ResizeTime', dict(size=4)),
    ('TemporalCrop', dict(padding_ratio=2)),
    ('RandomTempo', {}),
    ('RandomTempo', dict(low=2, high=2, size=3)),
    ('RandomTemporalFlip', dict(prob=1.0)),
)


@pytest.mark.parametrize(('name', 'args'), STEPS)
def test_labels_follow_the_frames(name, args):
    step, label = build(name, **args), build('FrameLabels')
    for seed in range(20):
        sample = make_sample(seed=seed)
        known = label(dict(sample))['frame_labels']
        late = label(step(dict(sample)))
        early = step(label(make_sample(seed=seed)))
        np.testing.assert_array_equal(
            late['frame_labels'], early['frame_labels']
        )
        frames = np.floor(late['frame_index'] + 0.5).astype(int)
        expected = np.where(frames < 0, -100, known[frames])
        np.testing.assert_array_equal(late['frame_labels'], expected)
        assert late['total_frames'] == late['keypoint'].shape[1]
        assert late['body_mask'].shape[1] == late['total_frames']
        assert len(late['segments']) == len(late['segment_labels'])


@pytest.mark.parametrize(('name', 'args'), STEPS)
def test_frame_index_says_which_frames_are_shown(name, args):
    sample = make_sample(M=1)
    sample['keypoint'][:] = np.arange(1, 14)[None, :, None, None]
    out = build(name, **args)(sample)
    shown = out['keypoint'][0, :, 0, 0]
    expected = np.where(out['frame_index'] < 0, 0, out['frame_index'] + 1)
    np.testing.assert_allclose(shown, expected, rtol=1e-5)


def test_training_windows_reach_both_ends():
    rng = np.random.default_rng(0)
    step = build('RandomWindow', size=11)
    starts = {
        int(step(make_sample(rng=rng))['frame_index'][0]) for _ in range(60)
    }
    assert starts == {0, 1, 2}


def test_video_without_segments_is_all_background():
    sample = make_sample(
        segments=np.zeros((0, 2), int), segment_labels=np.zeros(0, int)
    )
    out = build('FrameLabels')(build('TemporalCrop')(sample))
    assert out['frame_labels'].tolist() == [3] * 13


def test_unlabelled_video_gets_no_frame_labels():
    sample = make_sample()
    del sample['segments'], sample['segment_labels']
    assert 'frame_labels' not in build('FrameLabels')(sample)


def test_wrong_labels_are_refused_by_video():
    sample = make_sample(segment_labels=np.array([1, 3]))
    with pytest.raises(ValueError, match=r'toy, row 1: found label 3'):
        build('FrameLabels')(sample)
    sample = make_sample(metainfo={})
    with pytest.raises(ValueError, match='set num_classes'):
        build('FrameLabels')(sample)


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
    step = build('RelativeTempo')

    query, same, other = step(multi(make_sample()))['views']

    # Frame 0 is the first of either tempo.
    np.testing.assert_array_equal(
        same['keypoint'][:, 0], other['keypoint'][:, 0]
    )
    assert not np.array_equal(query['keypoint'], same['keypoint'])


def test_missing_and_too_short_views_are_refused():
    step = build('RelativeTempo')
    with pytest.raises(ValueError, match=r'toy has 0 views.*put MultiView'):
        step(make_sample())
    with pytest.raises(ValueError, match=r'view of toy has 1 frames'):
        played(make_sample(T=1, M=1))


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


def test_a_stream_after_the_views_turns_each_of_them():
    joints = views_of(make_sample(), [], [])[1]['keypoint']
    sample = build('MultiView', views=[[], []])(make_sample())

    turned = build('SkeletonStream', stream='motion')(sample)['views']

    assert [view['stream'] for view in turned] == [('motion',)] * 2
    there = turned[1]['body_mask'][:, :-1] & turned[1]['body_mask'][:, 1:]
    np.testing.assert_allclose(
        turned[1]['keypoint'][:, :-1][there],
        np.diff(joints, axis=1)[there],
        atol=1e-6,
    )
