"""Poses are augmented, normalised and turned into streams."""

from __future__ import annotations

import numpy as np
import pytest

from mmsnip.registry import TRANSFORMS
from mmsnip.skeleton.augment import change_posture, draw_posture
from mmsnip.skeleton.geometry import axis_rotation, pre_normalize
from mmsnip.skeleton.layout import from_metainfo, get_layout
from tests.skeleton.test_egocentric import LAYOUT, V, walk

from .conftest import make_sample


def build(name, **args):
    return TRANSFORMS.build(dict(type=f'mmsnip.{name}', **args))


def normalize(sample, **args):
    return build('NormalizeSkeleton', **args)(sample)


def stream(sample, name):
    return build('SkeletonStream', stream=name)(sample)


NAMES = (
    *('RandomShear', 'RandomRotate', 'RandomNoise', 'RandomTemporalBlur'),
    *('RandomAxisMask', 'RandomSpatialFlip', 'RandomTemporalFlip'),
    *('TemporalCrop', 'RandomTempo'),
)


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
        ('RandomTemporalBlur', dict(min_sigma=3), "'min_sigma': 3"),
        ('RandomShear', dict(prob=1.5), 'prob=1.5'),
        ('RandomWindow', dict(size=0), 'size=0'),
        ('RandomTempo', dict(low=3), "'low': 3"),
        ('NormalizeSkeleton', dict(align='up'), "align='up'"),
        ('SkeletonStream', dict(stream='joints'), "stream='joints'"),
    ],
)
def test_arguments_out_of_range_are_refused(name, args, message):
    with pytest.raises(ValueError, match=message):
        build(name, **args)


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


def bone_lengths(coords):
    bone = coords - coords[:, :, LAYOUT.bone_parents]
    return np.linalg.norm(bone, axis=-1)


def drawn(sigma=0.4):
    rng = np.random.default_rng(3)
    rotations = draw_posture(V, sigma, 3, rng)
    rotations[LAYOUT.root] = np.eye(3)
    return rotations


@pytest.mark.parametrize('up', ['y', 'z', '-x'])
def test_lengths_of_bones_and_the_way_of_the_root_stay(up):
    coords, mask = walk(up)

    moved = change_posture(coords, mask, drawn(), LAYOUT, up)

    np.testing.assert_allclose(bone_lengths(moved), bone_lengths(coords))
    np.testing.assert_array_equal(moved[:, :, 0], coords[:, :, 0])
    assert np.abs(moved - coords).max() > 0.1


def test_a_rotation_is_handed_down_to_the_bones_behind():
    coords, mask = walk()
    rotations = np.stack([np.eye(3)] * V)
    rotations[1] = axis_rotation(0, 40.0)  # the trunk bends

    moved = change_posture(coords, mask, rotations, LAYOUT)

    # shoulders hang on the chest: they keep their place in its frame
    before = coords[:, :, 2] - coords[:, :, 1]
    after = moved[:, :, 2] - moved[:, :, 1]
    assert np.abs(after - before).max() > 0.02
    np.testing.assert_allclose(moved[:, :, 4], coords[:, :, 4])


def test_the_change_turns_with_the_body():
    coords, mask = walk()
    matrix = axis_rotation(1, 75.0).T

    found = change_posture(coords @ matrix, mask, drawn(), LAYOUT)

    expected = change_posture(coords, mask, drawn(), LAYOUT) @ matrix
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_absent_frames_and_scores_stay_as_they_were():
    coords, mask = walk()
    mask[1, 4:] = False
    coords[1, 4:] = 0
    scores = np.random.default_rng(5).random((*coords.shape[:3], 1))
    given = np.concatenate([coords, scores], axis=-1)

    found = build('RandomPosture')(
        dict(
            keypoint=given.copy(), body_mask=mask, layout=LAYOUT, num_coords=3
        )
    )['keypoint']

    assert not found[1, 4:, :, :3].any()
    np.testing.assert_array_equal(found[..., 3:], scores)


def test_2d_bones_turn_in_their_plane():
    coords, mask = walk()
    flat = coords[..., :2]

    found = build('RandomPosture', sigma=0.5)(
        dict(keypoint=flat.copy(), body_mask=mask, layout=LAYOUT)
    )['keypoint']

    np.testing.assert_allclose(bone_lengths(found), bone_lengths(flat))
    assert np.abs(found - flat).max() > 0.05
