"""Preparation in numpy against the registered transforms."""

from __future__ import annotations

import numpy as np
import pytest
from mmengine.dataset import Compose
from mmengine.registry import DefaultScope

from mmsnip.export.metadata import describe
from mmsnip.export.preparation import foreign_steps, model_inputs
from mmsnip.skeleton import from_metainfo
from mmsnip.skeleton.geometry import present_frames
from tests.export.checkpoints import METAINFO, pipeline, poses

LAYOUT = from_metainfo(METAINFO)


def about(steps, C=3, by_place=True, least=1, layout=LAYOUT, **expected):
    return describe(
        METAINFO,
        layout,
        steps,
        num_channels=C,
        expected=dict(max_gap=0, **expected),
        persons_by_place=by_place,
        frames=dict(min=least, max=None),
    )


def packed(keypoint, steps, score=False, layout=LAYOUT):
    """What the test pipeline makes of the same poses."""
    sample = dict(
        frame_dir='walk',
        keypoint=keypoint[..., :-1] if score else keypoint,
        body_mask=present_frames(keypoint),
        layout=layout,
        metainfo=METAINFO,
    )
    if score:
        sample['keypoint_score'] = keypoint[..., -1]
    with DefaultScope.overwrite_default_scope('mmsnip'):
        return Compose(steps)(sample)


def assert_same(found, wanted):
    assert np.array_equal(found['keypoint'][0], wanted['inputs'].numpy())
    assert np.array_equal(found['body_mask'][0], wanted['body_mask'].numpy())
    assert found['num_frames'].tolist() == [wanted['num_frames']]
    assert found['keypoint'].dtype == np.float32


@pytest.mark.parametrize(
    'steps',
    [
        pipeline(),
        pipeline('joint', 'bone_motion'),
        pipeline('bone', align='heading', fill='linear', center='first'),
        pipeline('motion', align=None, scale=True, fill=None, up_axis=2),
        pipeline(center=None),
        [
            dict(type='NormalizeSkeleton', center='first', align=None),
            dict(
                type='SkeletonStream',
                stream='egocentric',
                fps=15.0,
                up='z',
            ),
        ],
        [dict(type='mmsnip.FormatSkeleton', num_person=1)],
        [dict(type='FormatSkeleton', num_person=3), *pipeline()[1:]],
        [],
    ],
)
def test_poses_are_prepared_as_the_pipeline_prepares_them(steps):
    steps = list(steps)
    if not any('Format' in str(step['type']) for step in steps):
        steps = [dict(type='FormatSkeleton'), *steps]
    if not any('Pack' in str(step['type']) for step in steps):
        steps.append(dict(type='PackSkeletonInputs'))
    keypoint = poses()

    found = model_inputs(keypoint, about(steps))

    assert_same(found, packed(keypoint, steps))


@pytest.mark.parametrize(
    'other', [dict(heading_seconds=0.8), dict(heading_line='hips')]
)
def test_bodies_are_turned_by_the_heading_of_the_pipeline(other):
    names = ['spine', 'hip_l', 'hip_r', 'arm_l', 'arm_r']
    layout = from_metainfo(dict(METAINFO, joint_names=names))
    keypoint, inputs = poses(), []
    for given in (dict(), other):
        steps = pipeline('egocentric')
        steps[3].update(given)
        found = model_inputs(keypoint, about(steps, layout=layout))
        assert_same(found, packed(keypoint, steps, layout=layout))
        inputs.append(found['keypoint'])

    assert np.abs(inputs[1] - inputs[0]).max() > 0.01


@pytest.mark.parametrize('score', [True, False])
def test_points_of_a_picture_are_scaled_and_keep_their_score(score):
    steps = pipeline('joint', 'bone')
    steps[0]['use_score'] = score
    keypoint = poses(C=2 + score)
    if score:
        keypoint[..., 2] = np.abs(keypoint[..., 2])
    keypoint[0, 3:9, 2] = 0  # a joint that was not found

    found = model_inputs(keypoint, about(steps, C=2 + score, with_score=score))

    assert_same(found, packed(keypoint, steps, score))


def test_persons_who_are_never_there_are_left_out_unless_places_count():
    one = model_inputs(poses(M=1)[0], about(pipeline()))
    axis = model_inputs(poses(M=1), about(pipeline()))
    assert all(np.array_equal(one[key], axis[key]) for key in one)
    keypoint = np.pad(poses(), ((1, 1), (0, 0), (0, 0), (0, 0)))

    free = model_inputs(keypoint, about(pipeline(), by_place=False))
    placed = model_inputs(keypoint, about(pipeline(), by_place=True))

    assert free['keypoint'].shape[1] == 2
    assert np.array_equal(free['keypoint'], placed['keypoint'][:, 1:3])


def test_poses_come_to_the_models_frame_rate():
    T = 21
    line = np.zeros((1, T, 5, 3), np.float32) + np.arange(5)[:, None]
    line[..., 0] += 1 + np.arange(T)[:, None]  # a unit a frame, 15 a second

    found = model_inputs(line, about(pipeline(center=None, align=None)), 15)

    assert found['num_frames'].tolist() == [41]
    assert found['keypoint'][0, 0, :40, 0, 0] == pytest.approx(
        1 + np.arange(40) / 2
    )


def test_short_videos_are_padded_to_what_a_format_takes():
    found = model_inputs(poses(T=4), about(pipeline(), least=9))

    assert found['keypoint'].shape[2] == found['body_mask'].shape[2] == 9
    assert found['num_frames'].tolist() == [4]
    assert not found['body_mask'][0, :, 4:].any()


@pytest.mark.parametrize(
    ('bad', 'fps', 'message'),
    [
        (np.ones((7, 4, 3)), None, r'4 joints.*expects 5.*: root'),
        (np.ones((7, 5, 2)), None, 'expects C = 3'),
        (np.full((7, 5, 3), np.inf), None, 'infinity'),
        (np.ones((7, 5, 3)), 0, 'fps=0 must be'),
    ],
)
def test_poses_of_another_kind_are_refused(bad, fps, message):
    with pytest.raises(ValueError, match=message):
        model_inputs(bad, about(pipeline()), fps)


def test_a_step_of_another_project_is_refused_by_name():
    steps = [*pipeline(), dict(type='theirs.Twist')]

    assert foreign_steps(steps) == ['theirs.Twist']
    with pytest.raises(ValueError, match=r"behind \['theirs.Twist'\]"):
        model_inputs(poses(), about(steps))


def test_short_gaps_are_filled_as_in_the_data_of_the_model():
    keypoint = poses()
    keypoint[0, 5:8, 2] = 0
    filled = keypoint.copy()
    share = np.linspace(0, 1, 5, dtype='f4')[1:-1, None]
    filled[0, 5:8, 2] = (
        keypoint[0, 4, 2] * (1 - share) + keypoint[0, 8, 2] * share
    )
    facts = about(pipeline())

    facts['expected']['max_gap'] = 3
    found = model_inputs(keypoint, facts)
    facts['expected']['max_gap'] = 0
    whole = model_inputs(filled, facts)

    np.testing.assert_allclose(found['keypoint'], whole['keypoint'], atol=1e-6)
    del facts['expected']  # a file of before
    again = model_inputs(filled, facts)
    assert np.array_equal(again['keypoint'], whole['keypoint'])
