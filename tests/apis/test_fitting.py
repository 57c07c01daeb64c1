"""What a model expects of a recording, and that each input is fitted."""

from __future__ import annotations

import numpy as np
import pytest

from mmsnip.apis import SkeletonLocalizationInferencer
from mmsnip.apis.trained_model import Recipe, expected_input
from mmsnip.prepare.fit import Expected
from mmsnip.prepare.folder import FolderSource
from mmsnip.structures import DataError
from tests.apis.stand_in import LAYOUT, NAMES, StandIn, body, localize, raising
from tests.apis.streaming_models import NORMALIZE, RECIPE, checkpoint, poses
from tests.prepare.noted import run


def expect(pipeline, **metainfo):
    recipe = Recipe('', {}, {}, pipeline, dict(metainfo, fps=30.0), 'mmsnip')
    return expected_input(recipe, LAYOUT, 3)


@pytest.mark.parametrize(
    ('steps', 'facts'),
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
def test_a_recipe_says_what_is_expected(steps, facts):
    assert expect(steps) == Expected(
        **{
            **dict(layout=LAYOUT, fps=30.0, num_channels=3, of_model=True),
            **facts,
        }
    )


def test_metainfo_of_no_conversion_fills_short_gaps_and_keeps_all():
    found, stated = expect([]), expect([], max_gap=0, persons=3, unit='m')

    assert (found.max_gap, found.persons, found.unit) == (10, None, None)
    assert (stated.max_gap, stated.persons, stated.unit) == (0, 3, 'm')


@pytest.mark.parametrize('factor', [100.0, 1000.0])
def test_a_pipeline_that_scales_bodies_takes_any_unit(tmp_path, factor):
    path = checkpoint(
        tmp_path / 'a.pth', normalize=RECIPE, stream='egocentric'
    )
    infer = SkeletonLocalizationInferencer(path, device='cpu')
    keypoint = poses(T=70)

    one, other = (
        infer(keypoint * np.float32(f), return_scores=True)
        for f in (1.0, factor)
    )

    assert infer.expected.scale_free
    np.testing.assert_allclose(one['scores'], other['scores'], atol=1e-4)


def test_a_pipeline_that_does_not_is_told_the_unit(tmp_path):
    path = checkpoint(tmp_path / 'a.pth', normalize=NORMALIZE, unit='m')
    infer, keypoint = SkeletonLocalizationInferencer(path), poses(T=70)
    np.savez(tmp_path / 'a.npz', keypoint=keypoint * 1000, unit='mm')
    metres = infer(keypoint, return_scores=True)['scores']

    stated = infer(tmp_path / 'a.npz', return_scores=True)['scores']
    given = infer(keypoint * 100, unit='cm', return_scores=True)['scores']
    scaled = infer(keypoint * 7, scale=1 / 7, return_scores=True)['scores']

    assert not infer.expected.scale_free
    for scores in (stated, given, scaled):
        np.testing.assert_allclose(scores, metres, atol=1e-4)


def test_what_the_user_says_wins_over_the_file(tmp_path):
    path = tmp_path / 'a.npz'
    np.savez(path, keypoint=raising(60, (30, 60)), fps=60.0, unit='m')

    (own,) = localize(StandIn(unit='m'), [path])
    (said,) = localize(StandIn(unit='m'), [path], fps=15, unit='cm')

    assert own['detections'][0]['segment'] == [0.5, 1.0]
    assert said['fps'] == 15.0
    assert said['detections'] == []  # a hand at 2 cm
    assert own['notes'] == []
    told = [note for note in said['notes'] if 'as stated; its file' in note]
    assert len(told) == 2


def test_a_mirrored_recording_is_told_and_mirrored_back(tmp_path):
    layout, keypoint = body()
    np.savez(
        tmp_path / 'a.npz',
        keypoint=keypoint * [-1, 1, 1],
        fps=30.0,
        joint_names=layout.joint_names,
    )
    seen = []

    class Seeing(StandIn):
        def pipeline(self, sample):
            seen.append(sample['keypoint'])
            return super().pipeline(sample)

    model = Seeing(layout=layout)
    (told,) = localize(model, [tmp_path / 'a.npz'])
    (mended,) = localize(model, [tmp_path / 'a.npz'], mirror=True)

    assert '--mirror' in told['look_at'][0]
    assert told['look_at'][0] in told['notes']
    assert 'look_at' not in mended
    np.testing.assert_allclose(seen[1], keypoint, atol=1e-6)
    with pytest.raises(DataError, match=r'a\.npz.*--mirror.*--strict'):
        localize(model, [tmp_path / 'a.npz'], strict=True)


def test_a_file_is_prepared_as_conversion_prepares_it(tmp_path):
    rng = np.random.default_rng(0)
    walk = rng.normal(0, 0.05, (4, 60, 5, 3)).cumsum(axis=1).astype('f4')
    walk[1, 20:27, 3] = walk[2, 30:34, 2:4] = walk[2, 50:] = 0
    path = tmp_path / 'in' / 'a.npz'
    path.parent.mkdir()
    np.savez(path, keypoint=walk * 100, fps=30.0, joint_names=NAMES)
    facts = dict(
        layout=dict(joint_names=NAMES, parents=LAYOUT.parents),
        **dict(unit='cm', up='z', to_persons=2, to_max_gap=6),
    )
    _, data = run(FolderSource(path.parent), tmp_path / 'o.pkl', facts)
    converted = data['annotations'][0]['keypoint']
    steps = [dict(type='NormalizeSkeleton', align='heading')]
    expected = expect(steps, **data['metainfo'])
    model = StandIn(**expected.__dict__)

    for source, said in (
        (path, dict(unit='cm', up='z')),
        (walk, dict(up='z')),
        (converted, {}),
    ):
        model.seen = []
        model.pack = lambda r: model.seen.append(r) or StandIn.pack(model, r)
        localize(model, [source], **said)
        np.testing.assert_allclose(
            model.seen[1].keypoint, converted, atol=1e-6
        )


def test_each_person_is_localized_whoever_moves_most():
    crowd = np.concatenate([raising(60, (20, 40))] * 3)

    each = localize(StandIn(persons=1), [crowd], persons='each')[0]
    joint = localize(StandIn(persons=1), [crowd])[0]

    assert each['tracks'] == ['0', '1', '2']
    assert '2 of 3 persons were left out' in joint['notes'][0]
