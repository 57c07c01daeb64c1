from __future__ import annotations

import numpy as np
import pytest

from mmsnip.registry import TRANSFORMS

from .conftest import make_sample

NAMES = (
    *('RandomShear', 'RandomRotate', 'RandomHeading', 'RandomScale'),
    *('RandomNoise', 'RandomTemporalBlur', 'RandomAxisMask'),
    *('RandomJointMask', 'RandomSpatialFlip', 'RandomTemporalFlip'),
    *('TemporalCrop', 'TemporalCropResize', 'RandomTempo'),
)


def build(name, **args):
    return TRANSFORMS.build(dict(type=f'mmsnip.{name}', **args))


@pytest.mark.parametrize('name', NAMES)
@pytest.mark.parametrize(
    ('T', 'M', 'C', 'num_coords'),
    [(13, 2, 3, 3), (1, 1, 2, 2), (2, 3, 3, 2), (4, 1, 6, 3)],
)
def test_every_transform_takes_every_shape(name, T, M, C, num_coords):
    sample = make_sample(T, M, C, num_coords=num_coords, segments=None)
    before = sample['keypoint'].copy()
    out = build(name, prob=1.0)(dict(sample))
    assert out['keypoint'].dtype == np.float32
    assert out['keypoint'].shape[0] == M
    assert out['keypoint'].shape[2:] == (5, C)
    assert out['body_mask'].shape == out['keypoint'].shape[:2]
    assert len(out['frame_index']) == out['total_frames']
    assert np.isfinite(out['keypoint']).all()
    assert not out['keypoint'][~out['body_mask']].any()
    np.testing.assert_array_equal(sample['keypoint'], before)


@pytest.mark.parametrize('name', NAMES)
def test_every_transform_is_usable_alone_and_never_acts_at_prob_zero(name):
    sample = make_sample()
    if name == 'RandomSpatialFlip':
        bare = {k: sample[k] for k in ('keypoint', 'layout')}
    else:
        bare = dict(keypoint=sample['keypoint'])
    build(name, prob=1.0)(dict(bare))
    off = build(name, prob=0.0)(dict(bare))
    np.testing.assert_array_equal(off['keypoint'], sample['keypoint'])


def test_heading_turns_distances_into_themselves():
    sample = make_sample()
    out = build('RandomHeading', axis=1)(dict(sample))['keypoint']
    np.testing.assert_allclose(
        out[..., 1], sample['keypoint'][..., 1], atol=1e-6
    )
    np.testing.assert_allclose(
        np.linalg.norm(out, axis=-1),
        np.linalg.norm(sample['keypoint'], axis=-1),
        rtol=1e-5,
    )


def test_uniform_scale_keeps_proportions():
    sample = make_sample()
    out = build('RandomScale', low=2.0, high=3.0)(dict(sample))['keypoint']
    ratio = out[0] / sample['keypoint'][0]
    assert 2 <= ratio.min() <= ratio.max() <= 3
    assert np.ptp(ratio) < 1e-5


def test_published_blur_is_an_option():
    still = make_sample()
    still['keypoint'][:] = 1.0
    args = dict(min_sigma=2.0, max_sigma=2.0, prob=1.0)
    ours = build('RandomTemporalBlur', **args)(dict(still))
    theirs = build('RandomTemporalBlur', normalize=False, **args)(dict(still))
    np.testing.assert_allclose(ours['keypoint'], 1.0, rtol=1e-6)
    assert theirs['keypoint'][0, 6, 0, 0] > 4


def test_flip_needs_mirror_pairs():
    layout = dict(parents=[-1, 0, 0, 0, 0])
    sample = build('FormatSkeleton', layout=layout)(make_sample())
    with pytest.raises(ValueError, match='no mirror pairs'):
        build('RandomSpatialFlip', prob=1.0)(sample)


@pytest.mark.parametrize(
    ('name', 'args', 'message'),
    [
        ('RandomShear', dict(amplitude=-1), 'amplitude=-1'),
        ('RandomHeading', dict(axis=3), 'axis=3'),
        ('RandomScale', dict(low=0), 'low=0'),
        ('RandomTemporalBlur', dict(min_sigma=3), 'min_sigma=3'),
        ('RandomJointMask', dict(mode='hide'), "mode='hide'"),
        ('RandomJointMask', dict(ratio=2), 'ratio=2'),
        ('RandomSpatialFlip', dict(mirror_axis=5), 'mirror_axis=5'),
    ],
)
def test_arguments_out_of_range_are_refused(name, args, message):
    with pytest.raises(ValueError, match=message):
        build(name, **args)
