from __future__ import annotations

import numpy as np
import pytest

from mmsnip.registry import TRANSFORMS
from mmsnip.skeleton.layout import from_metainfo, get_layout
from mmsnip.skeleton.normalization import pre_normalize

from .conftest import make_sample


def normalize(sample, **args):
    step = TRANSFORMS.build(dict(type='mmsnip.NormalizeSkeleton', **args))
    return step(sample)


def stream(sample, name):
    step = dict(type='mmsnip.SkeletonStream', stream=name)
    return TRANSFORMS.build(step)(sample)


def test_default_is_the_published_rule_where_nobody_is_absent():
    x = np.random.default_rng(0).normal(size=(2, 13, 25, 3))
    out = normalize(dict(keypoint=x.copy(), layout=get_layout('nturgb+d')))
    np.testing.assert_allclose(
        out['keypoint'], pre_normalize(x).keypoint, atol=1e-12
    )


def test_no_frame_moves_and_filled_frames_stay_flagged():
    sample = make_sample()
    sample['keypoint'][0, :3] = 0
    sample['body_mask'][0, :3] = False
    mask = sample['body_mask'].copy()
    out = normalize(dict(sample), align=None, center=None)
    np.testing.assert_array_equal(out['body_mask'], mask)
    kept = out['keypoint'][mask]
    np.testing.assert_array_equal(kept, sample['keypoint'][mask])
    np.testing.assert_array_equal(out['keypoint'][0, 0], out['keypoint'][0, 3])
    np.testing.assert_array_equal(out['segments'], make_sample()['segments'])


def test_absent_person_stays_zero(sample):
    sample['keypoint'][1] = 0
    sample['body_mask'][1] = False
    assert not normalize(sample)['keypoint'][1].any()


@pytest.mark.parametrize('align', ['body', 'heading'])
def test_pose_does_not_depend_on_place_and_heading(align):
    sample = make_sample()
    turned = make_sample()
    angle = np.deg2rad(67)
    c, s = np.cos(angle), np.sin(angle)
    about_y = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    moved = turned['keypoint'] @ about_y.T + np.array([30.0, 0.0, -8.0])
    moved[~turned['body_mask']] = 0
    turned['keypoint'] = moved.astype(np.float32)
    a = normalize(sample, align=align)['keypoint']
    b = normalize(turned, align=align)['keypoint']
    if align == 'heading':
        np.testing.assert_allclose(a, b, atol=1e-4)
    else:
        # Two shortest rotations leave the way round the last one open.
        np.testing.assert_allclose(
            np.linalg.norm(a, axis=-1), np.linalg.norm(b, axis=-1), atol=1e-4
        )


def test_scale_makes_bodies_of_any_size_equal(sample):
    large = dict(sample, keypoint=7 * sample['keypoint'])
    np.testing.assert_allclose(
        normalize(large, scale=True)['keypoint'],
        normalize(sample, scale=True)['keypoint'],
        atol=1e-5,
    )


def test_pixels_are_centred_and_scaled_and_missing_joints_stay_zero():
    sample = make_sample(C=3, num_coords=2)
    sample['keypoint'][..., 2] = 0.9
    sample['keypoint'][0, 4, 3] = 0
    pixels = sample['keypoint'].copy()
    pixels[..., :2] = pixels[..., :2] * 100 + 300
    pixels[0, 4, 3] = 0
    mask = np.ones((2, 13), bool)
    a = normalize(dict(sample, body_mask=mask))['keypoint']
    b = normalize(dict(sample, body_mask=mask, keypoint=pixels))['keypoint']
    np.testing.assert_allclose(a, b, atol=1e-3)
    assert not b[0, 4, 3].any()
    np.testing.assert_array_equal(b[..., 2], sample['keypoint'][..., 2])


def test_padding_is_not_filled(sample):
    window = dict(type='mmsnip.RandomWindow', size=16, pad=True)
    padded = TRANSFORMS.build(window)(sample)
    assert not normalize(padded)['keypoint'][:, 13:].any()


def test_streams_concatenate_on_channels(sample):
    joint = stream(dict(sample), 'joint')['keypoint']
    motion = stream(dict(sample), 'motion')['keypoint']
    both = stream(dict(sample), ['joint', 'motion'])['keypoint']
    np.testing.assert_array_equal(both[..., :3], joint)
    np.testing.assert_array_equal(both[..., 3:], motion)


def test_bone_motion_is_the_bone_of_the_motion(sample):
    sample['body_mask'][:] = True
    other = stream(stream(dict(sample), 'motion'), 'bone')['keypoint']
    np.testing.assert_allclose(
        stream(dict(sample), 'bone_motion')['keypoint'], other, atol=1e-6
    )


@pytest.mark.parametrize(
    'other', [dict(heading_seconds=2.0), dict(heading_line='hips')]
)
def test_the_heading_is_the_one_that_is_said(other):
    names = ['Spine', 'Hip_L', 'Hip_R', 'Arm_L', 'Arm_R']
    body = dict(joint_names=names, parents=[-1, 0, 0, 0, 0], classes=[])
    found = []
    for given in (dict(heading_seconds=0.3, heading_line='shoulders'), other):
        step = dict(type='mmsnip.SkeletonStream', stream='egocentric', **given)
        sample = make_sample(layout=from_metainfo(body))
        found.append(TRANSFORMS.build(step)(sample)['keypoint'])
    sample = make_sample(layout=from_metainfo(body))
    default = stream(sample, 'egocentric')['keypoint']

    np.testing.assert_array_equal(found[0], default)
    assert np.abs(found[1] - default).max() > 0.01
