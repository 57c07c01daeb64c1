"""Units, the vertical, scores of joints and persons of foreign files."""

from __future__ import annotations

import numpy as np
import pytest

from mmsnip.apis import SkeletonLocalizationInferencer
from mmsnip.apis.clips import Expected, expected_input, fit_clip
from mmsnip.io.sequence import SequenceError
from tests.apis.stand_in import LAYOUT, STANDING, raising
from tests.apis.streaming_models import NORMALIZE, RECIPE, checkpoint, poses

BODY = Expected(LAYOUT, 3, False, 30.0)


def expect(**changes):
    return Expected(**{**BODY.__dict__, **changes})


def fit(keypoint, expected, found=(), **given):
    found = dict(frame_dir='a', fps=30.0, **dict(found))
    return fit_clip(keypoint, found, 'a.bvh', expected, **given)


@pytest.fixture(scope='module')
def models(tmp_path_factory):
    """Random localizers whose pipelines scale bodies, and do not."""
    folder = tmp_path_factory.mktemp('clips')
    recipes = dict(scaled=(RECIPE, 'egocentric'), plain=(NORMALIZE, 'joint'))
    return {
        name: SkeletonLocalizationInferencer(
            checkpoint(
                folder / f'{name}.pth',
                normalize=normalize,
                stream=stream if stream == 'egocentric' else (stream,),
            ),
            device='cpu',
        )
        for name, (normalize, stream) in recipes.items()
    }


@pytest.mark.parametrize('factor', [100.0, 1000.0])
def test_a_pipeline_that_scales_bodies_takes_any_unit(models, factor):
    keypoint = poses(T=70)

    one, other = (
        models['scaled'](keypoint * np.float32(f), return_scores=True)
        for f in (1.0, factor)
    )

    assert models['scaled'].expected.scale_free
    np.testing.assert_allclose(one['scores'], other['scores'], atol=1e-4)


def test_a_pipeline_that_does_not_is_told_the_unit(models, tmp_path):
    keypoint, infer = poses(T=70), models['plain']
    np.savez(tmp_path / 'a.npz', keypoint=keypoint * 1000, unit='mm')
    metres = infer(keypoint, return_scores=True)['scores']
    infer.expected = Expected(**{**infer.expected.__dict__, 'unit': 'm'})

    stated = infer(tmp_path / 'a.npz', return_scores=True)['scores']
    given = infer(keypoint * 100, unit='cm', return_scores=True)['scores']

    assert not infer.expected.scale_free
    np.testing.assert_allclose(stated, metres, atol=1e-4)
    np.testing.assert_allclose(given, metres, atol=1e-4)


@pytest.mark.parametrize(
    ('model', 'file', 'factor'),
    [('m', 'cm', 0.01), ('mm', 'm', 1000), ('cm', 'cm', 1), ('m', 'yard', 1)],
)
def test_lengths_become_those_of_the_model(model, file, factor):
    clip = fit(raising(9), expect(unit=model), dict(unit=file))

    np.testing.assert_allclose(clip.keypoint[0, 0], STANDING * factor)


def test_a_unit_that_the_file_states_goes_before_what_is_given():
    scaled, same = (
        fit(raising(9), expect(unit='m'), dict(unit=unit), unit='cm')
        for unit in ('m', 'cm')
    )

    np.testing.assert_array_equal(scaled.keypoint, raising(9))
    assert 'unit cm is of files that state none' in scaled.notes[0]
    np.testing.assert_allclose(same.keypoint, raising(9) * 0.01)
    assert not same.notes


@pytest.mark.parametrize(
    ('said', 'given', 'told'),
    [
        ({}, 'cm', 'lengths in cm stay as they are, since the data of the'),
        (dict(unit='mm'), None, 'lengths in mm stay as they are'),
        (dict(unit='m'), None, ''),
        ({}, None, ''),
    ],
)
def test_a_unit_that_a_model_cannot_use_is_told(said, given, told):
    clip = fit(raising(9), BODY, said, unit=given)

    np.testing.assert_array_equal(clip.keypoint, raising(9))
    assert told in ' '.join(clip.notes)
    assert bool(clip.notes) is bool(told)


def test_a_unit_of_image_coordinates_is_told():
    expected = expect(num_channels=2, num_coords=2, unit='m')

    clip = fit(raising(9)[..., :2], expected, unit='cm')

    assert 'unit cm was not applied: it needs x, y and z' in clip.notes[0]


def test_bodies_of_no_unit_that_are_too_large_are_refused():
    giant = raising(9) * 100

    with pytest.raises(SequenceError, match=r'a\.bvh: bodies are too large'):
        fit(giant, expect(unit='m'))

    assert fit(giant, expect(unit='m'), unit='cm').keypoint.max() < 2
    for expected in (BODY, expect(unit='cm'), expect(scale_free=True)):
        np.testing.assert_array_equal(fit(giant, expected).keypoint, giant)


@pytest.mark.parametrize('model', ['y', 'z', 'x', '-y', '-z', '-x'])
@pytest.mark.parametrize('file', ['y', 'z', '-x'])
def test_the_vertical_becomes_that_of_the_model(model, file):
    axes = dict(x=0, y=1, z=2)
    sign = -1 if '-' in file else 1
    keypoint = np.zeros((1, 3, 5, 3), np.float32)
    keypoint[..., axes[file[-1]]] = sign * STANDING[:, 1]

    clip = fit(keypoint, expect(up=model), up=file)

    expected = np.zeros_like(keypoint)
    sign = -1 if '-' in model else 1
    expected[..., axes[model[-1]]] = sign * STANDING[:, 1]
    np.testing.assert_array_equal(clip.keypoint, expected)


def test_turning_never_mirrors():
    rng = np.random.default_rng(0)
    keypoint = rng.normal(size=(1, 3, 5, 3)).astype(np.float32)

    clip = fit(keypoint, expect(up='z'), up='-x')

    before, after = keypoint[0, 0, :3], clip.keypoint[0, 0, :3]
    assert np.linalg.det(after) == pytest.approx(np.linalg.det(before))


def test_trunks_that_lie_are_told():
    with_shoulders = LAYOUT.__class__(
        'five', LAYOUT.joint_names, LAYOUT.parents, shoulders=(3, 2)
    )
    lying = raising(9)[..., [0, 2, 1]] + np.float32([0, 0, 0.01])
    lying[:, :, 2:4, 2] += 0.5
    expected = expect(up='y', layout=with_shoulders)

    told = fit(lying, expected)

    assert 'trunks point along z, but y is up' in told.notes[0]
    assert '--up' in told.notes[0]
    assert not fit(lying, expect(layout=with_shoulders)).notes
    assert not fit(lying, expected, up='z').notes


def test_scores_of_a_file_are_the_channel_that_a_model_wants():
    expected = expect(num_channels=3, with_score=True, num_coords=2)
    flat = raising(9)[..., :2]
    score = np.full((1, 9, 5), 0.5, np.float32)

    beside = fit(flat, expected, dict(keypoint_score=score))
    within = fit(np.concatenate([flat, score[..., None]], -1), expected)

    np.testing.assert_array_equal(beside.keypoint, within.keypoint)
    assert beside.keypoint.shape == (1, 9, 5, 3)
    with pytest.raises(SequenceError, match=r'C = 3 \(x, y, score\)'):
        fit(flat, expected)


def test_scores_that_a_model_does_not_want_are_left_out():
    expected = expect(num_channels=2, num_coords=2)
    flat = raising(9)[..., :2]

    clip = fit(flat, expected, dict(keypoint_score=np.ones((1, 9, 5))))

    np.testing.assert_array_equal(clip.keypoint, flat)


def test_persons_whom_the_model_does_not_read_are_told():
    keypoint = np.concatenate([raising(9)] * 3)

    clip = fit(keypoint, expect(num_person=2), dict(track_ids=['a', 7, 'c']))

    assert clip.tracks == ('a', '7', 'c')
    assert '3 persons, of whom the model reads 2' in clip.notes[0]
    assert fit(keypoint, BODY).tracks == ('0', '1', '2')


def test_tracks_of_one_name_are_told_apart():
    clip = fit(np.concatenate([raising(9)] * 3), BODY, dict(track_ids='aba'))

    assert clip.tracks == ('a', 'b', 'a-2')


def test_what_was_mended_is_told():
    assert fit(raising(9), BODY, dict(mended=['cut'])).notes == ('cut',)


@pytest.mark.parametrize(
    ('steps', 'expected'),
    [
        ([dict(type='NormalizeSkeleton')], dict()),
        (
            [dict(type='mmsnip.NormalizeSkeleton', scale=True)],
            dict(scale_free=True),
        ),
        (
            [
                dict(type='NormalizeSkeleton', align=None),
                dict(type='SkeletonStream', stream='egocentric', up='z'),
            ],
            dict(up='z'),
        ),
        ([dict(type='NormalizeSkeleton', align='heading')], dict(up='y')),
        (
            [
                dict(type='FormatSkeleton', num_person=2, use_score=True),
                dict(type='NormalizeSkeleton'),
                dict(type='SkeletonStream', stream='egocentric', up='-y'),
            ],
            dict(num_person=2, with_score=True, scale_free=True, num_coords=2),
        ),
    ],
)
def test_a_recipe_says_what_is_expected(steps, expected):
    found = expected_input(LAYOUT, 3, dict(fps=30.0), steps)

    assert found == expect(**expected)
