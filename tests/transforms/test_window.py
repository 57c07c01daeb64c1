from __future__ import annotations

import numpy as np
import pytest

from mmsnip.registry import TRANSFORMS

from .conftest import make_sample


def build(name, **args):
    return TRANSFORMS.build(dict(type=f'mmsnip.{name}', **args))


STEPS = (
    ('RandomWindow', dict(size=6)),
    ('RandomWindow', dict(size=17, pad=True)),
    ('RandomWindow', dict(size=5, test_mode=True)),
    ('ResizeTime', dict(size=29)),
    ('ResizeTime', dict(size=4)),
    ('TemporalCrop', dict(padding_ratio=2)),
    ('TemporalCropResize', dict(size=8)),
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


def test_test_window_is_the_middle():
    out = build('RandomWindow', size=5, test_mode=True)(make_sample())
    assert out['frame_index'].tolist() == [4, 5, 6, 7, 8]
    assert out['segments'].tolist() == [[0, 1], [3, 5]]
    assert out['segment_labels'].tolist() == [2, 0]


def test_training_windows_reach_both_ends():
    rng = np.random.default_rng(0)
    step = build('RandomWindow', size=11)
    starts = {
        int(step(make_sample(rng=rng))['frame_index'][0]) for _ in range(60)
    }
    assert starts == {0, 1, 2}


def test_a_segment_outside_the_window_disappears():
    segments = np.array([[0, 2], [6, 7]])
    out = build('RandomWindow', size=3, test_mode=True)(
        make_sample(segments=segments)
    )
    assert out['segments'].tolist() == [[1, 2]]
    assert out['segment_labels'].tolist() == [0]


def test_tempi_of_rvtclr_have_half_the_frames():
    slow = build('RandomTempo', low=1, high=1, size=6)(make_sample())
    fast = build('RandomTempo', low=2, high=2, size=6)(make_sample())
    assert slow['frame_index'].tolist() == [0, 1, 2, 3, 4, 5]
    assert fast['frame_index'].tolist() == [0, 2, 4, 6, 8, 10]
    assert fast['tempo'] == 2


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


@pytest.mark.parametrize(
    ('name', 'args', 'message'),
    [
        ('RandomWindow', dict(size=0), 'size=0'),
        ('ResizeTime', dict(size=0), 'size=0'),
        ('TemporalCrop', dict(padding_ratio=0), 'padding_ratio=0'),
        ('TemporalCropResize', dict(min_ratio=0), 'min_ratio=0'),
        ('RandomTempo', dict(low=3), 'low=3'),
        ('FrameLabels', dict(num_classes=0), 'num_classes=0'),
    ],
)
def test_arguments_out_of_range_are_refused(name, args, message):
    with pytest.raises(ValueError, match=message):
        build(name, **args)
