"""Units, the vertical, scores of joints and persons of foreign files."""

from __future__ import annotations

import numpy as np
import pytest

from mmsnip.apis import SkeletonLocalizationInferencer
from mmsnip.apis.clips import (
    Expected,
    expected_input,
    fit_clip,
    open_source,
)
from mmsnip.conversion.folder import FolderSource
from mmsnip.conversion.hygiene import Hygiene, fill_gaps
from mmsnip.conversion.job import convert
from mmsnip.io.annotation import load_annotation
from mmsnip.io.sequence import SequenceError
from tests.apis.stand_in import (
    LAYOUT,
    NAMES,
    STANDING,
    StandIn,
    localize,
    raising,
)
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


def with_lost_joints():
    """A moving person whose hand is lost for 4 frames, later for 9."""
    keypoint = raising(40) + np.arange(40, dtype='f4')[:, None, None] / 50
    keypoint[:, 10:14, 3] = keypoint[:, 20:29, 3] = 0
    return keypoint


@pytest.mark.parametrize(
    ('max_gap', 'told'),
    [
        (10, ['13 positions of lost joints were interpolated']),
        (4, ['4 positions of lost', '9 positions of lost joints stay 0']),
        (0, ['13 positions of lost joints stay 0']),
    ],
)
def test_gaps_are_filled_as_in_the_data_of_the_model(max_gap, told):
    keypoint = with_lost_joints()

    clip = fit(keypoint, expect(max_gap=max_gap))

    filled = fill_gaps(keypoint, max_gap)[0]
    np.testing.assert_array_equal(clip.keypoint, filled)
    assert len(clip.notes) == len(told)
    assert all(part in note for part, note in zip(told, clip.notes))
    again = fit(clip.keypoint, expect(max_gap=max_gap))
    np.testing.assert_array_equal(again.keypoint, clip.keypoint)


def test_the_score_of_a_lost_joint_stays_what_it_is():
    keypoint = with_lost_joints()[..., :2]
    score = (keypoint != 0).any(-1).astype('f4')
    expected = expect(num_channels=3, with_score=True, num_coords=2)

    clip = fit(keypoint, expected, dict(keypoint_score=score))

    np.testing.assert_array_equal(clip.keypoint[..., 2], score)
    assert clip.keypoint[0, 10:14, 3, :2].all()


def test_those_who_move_most_are_kept_as_in_the_data_of_the_model():
    crowd = np.concatenate([raising(9)] * 4)
    crowd[1:3] += np.arange(9, dtype='f4')[:, None, None]
    crowd[1] /= 2
    found = dict(track_ids=['a', 'b', 'c', 'd'])

    clip = fit(crowd, expect(persons=2), found)

    np.testing.assert_array_equal(clip.keypoint, crowd[[2, 1]])
    assert clip.tracks == ('c', 'b')
    assert clip.notes[0].startswith('2 of 4 persons were left out')
    assert fit(crowd, BODY, found).tracks == ('a', 'b', 'c', 'd')


def test_a_file_is_prepared_as_conversion_prepares_it(tmp_path):
    rng = np.random.default_rng(0)
    walk = rng.normal(0, 0.05, (4, 60, 5, 3)).cumsum(axis=1).astype('f4')
    walk[1, 20:27, 3] = walk[2, 30:34, 2:4] = walk[2, 50:] = 0
    path = tmp_path / 'in' / 'a.npz'
    path.parent.mkdir()
    np.savez(path, keypoint=walk * 100, fps=30.0, joint_names=NAMES)
    source = FolderSource(
        path.parent,
        layout=dict(joint_names=NAMES, parents=LAYOUT.parents),
        persons=2,
    )
    hygiene = Hygiene(unit='cm', up='z', max_gap=6)
    convert(source, tmp_path / 'o.pkl', progress=False, hygiene=hygiene)
    data = load_annotation(tmp_path / 'o.pkl')
    converted = data['annotations'][0]['keypoint']
    steps = [dict(type='NormalizeSkeleton', align='heading')]
    expected = expected_input(LAYOUT, 3, data['metainfo'], steps)

    for input_, said in (
        (path, dict(unit='cm', up='z')),
        (walk, dict(up='z')),
        (converted, {}),
    ):
        keypoint, found, origin = open_source(input_, 'a')
        clip = fit_clip(keypoint, found, origin, expected, **said)

        np.testing.assert_allclose(clip.keypoint, converted, atol=1e-6)


def test_metainfo_of_no_conversion_fills_short_gaps_and_keeps_all():
    found = expected_input(LAYOUT, 3, dict(fps=30.0), [])
    stated = dict(fps=30.0, max_gap=0, persons=3)

    assert (found.max_gap, found.persons) == (10, None)
    found = expected_input(LAYOUT, 3, stated, [])
    assert (found.max_gap, found.persons) == (0, 3)


def test_each_person_is_localized_whoever_moves_most():
    crowd = np.concatenate([raising(60, (20, 40))] * 3)

    each = localize(StandIn(persons=1), [crowd], persons='each')[0]
    joint = localize(StandIn(persons=1), [crowd])[0]

    assert each['tracks'] == ['0', '1', '2']
    assert '2 of 3 persons were left out' in joint['notes'][0]


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
