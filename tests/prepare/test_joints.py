"""Joints of foreign files by their names, and what is refused."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from mmsnip.prepare.fit import Expected, Given
from mmsnip.prepare.fit import fit as fit_recording
from mmsnip.prepare.joints import read_joint_map
from mmsnip.skeleton import get_layout
from mmsnip.skeleton.layout import SkeletonLayout, from_graph_cfg
from mmsnip.structures import DataError, Recording

M, T, D = 2, 13, 3
TARGET = SkeletonLayout(
    'target',
    ('Hips', 'Neck', 'UpperArm_L', 'UpperArm_R', 'Toes_L'),
    (-1, 0, 1, 1, 0),
)


def poses(V, D=D):
    rng = np.random.default_rng(V)
    return rng.normal(size=(M, T, V, D)).astype(np.float32)


def named(names):
    return dict(joint_names=list(names))


def fit(keypoint, found, given=None, score=None, target=TARGET):
    found = dict(found)
    if 'layout' in found:
        found['layout'] = from_graph_cfg(found['layout'])
    file = Recording('a', keypoint, score=score, source='a.bvh', **found)
    expected = Expected(target, of_model=True, max_gap=0)
    fitted = fit_recording(file, expected, Given(joint_map=given))
    return fitted.keypoint, fitted.score, [str(n) for n in fitted.notes]


def test_the_same_joints_in_another_order_are_put_in_order():
    keypoint = poses(5)
    order = [3, 0, 4, 2, 1]
    shuffled = keypoint[:, :, order]

    fitted, _, notes = fit(
        shuffled, named(TARGET.joint_names[v] for v in order)
    )

    np.testing.assert_array_equal(fitted, keypoint)
    assert notes == []


@pytest.mark.parametrize('spelling', ['mixamorig:{}', '{}'])
@pytest.mark.parametrize('change', [str, str.lower, str.upper])
def test_prefix_and_case_do_not_matter_and_more_joints_are_left_out(
    spelling, change
):
    keypoint = poses(7)
    names = [spelling.format(change(name)) for name in TARGET.joint_names]

    fitted, _, notes = fit(keypoint, named(['joint_Root', *names, 'tail']))

    np.testing.assert_array_equal(fitted, keypoint[:, :, 1:6])
    assert notes == []


def test_names_win_over_a_root_on_the_floor():
    names = ['Root', 'Hips', 'Neck', 'LeftArm', 'RightArm', 'LeftToeBase']
    keypoint = poses(6)

    fitted, _, notes = fit(keypoint, named(names))

    np.testing.assert_allclose(fitted, keypoint[:, :, 1:], atol=1e-6)
    assert '5 of 5 are there' in notes[0]


def test_joints_between_others_are_made_and_told():
    names = ['hip_left', 'hip_right', *TARGET.joint_names[1:]]
    keypoint = poses(6)

    fitted, _, notes = fit(keypoint, named(names))

    middle = keypoint[:, :, :2].mean(axis=2)
    np.testing.assert_allclose(fitted[:, :, 0], middle, atol=1e-6)
    np.testing.assert_allclose(fitted[:, :, 1:], keypoint[:, :, 2:], atol=1e-6)
    assert '1 lie between others (Hips)' in notes[0]


def test_what_is_missing_is_refused_with_a_map_that_mends_it(tmp_path):
    names = ['Hips', 'Neck', 'UpperArm_L', 'UpperArm_R', 'Foot_L']
    names[4] = 'LowerLeg_L'
    keypoint = poses(5)

    with pytest.raises(
        DataError, match=r'a\.bvh lacks 1 of.*Toes_L; it'
    ) as error:
        fit(keypoint, named(names))

    advice = re.search(r'such as (\{.*?\})', str(error.value)).group(1)
    path = tmp_path / 'map.json'
    path.write_text(advice)
    assert '--map-joints FILE.json' in str(error.value)
    fitted, _, _ = fit(keypoint, named(names), path)
    np.testing.assert_allclose(fitted[:, :, :4], keypoint[:, :, :4], atol=1e-6)
    assert json.loads(advice)['Toes_L'] in names


def test_as_many_joints_with_other_names_are_never_taken_as_they_are():
    with pytest.raises(DataError, match='it has a, b, c, d, e'):
        fit(poses(5), named('abcde'))


def test_a_map_says_one_joint_a_mean_or_weights():
    keypoint = poses(5)
    given = {
        'Hips': 'a',
        'Neck': ['b', 'c'],
        'UpperArm_L': {'d': 1.5, 'e': -0.5},
        'UpperArm_R': 'd',
        'Toes_L': 'e',
    }

    fitted, _, _ = fit(keypoint, named('abcde'), given)

    a, b, c, d, e = np.moveaxis(keypoint, 2, 0)
    expected = np.stack([a, (b + c) / 2, 1.5 * d - 0.5 * e, d, e], axis=2)
    np.testing.assert_allclose(fitted, expected, atol=1e-6)


def test_a_map_overrules_equal_names():
    keypoint = poses(5)

    fitted, _, _ = fit(keypoint, named(TARGET.joint_names), {'Hips': 'Neck'})

    np.testing.assert_array_equal(fitted[:, :, 0], keypoint[:, :, 1])
    np.testing.assert_array_equal(fitted[:, :, 1:], keypoint[:, :, 1:])


@pytest.mark.parametrize('given', ['smpl-24', {'layout': 'smpl-24'}])
def test_a_layout_names_the_joints_of_a_file_without_names(given):
    keypoint = poses(24)
    source = get_layout('smpl-24')

    fitted, _, notes = fit(keypoint, {}, given)

    place = source.joint_names.index('left_foot')
    np.testing.assert_array_equal(fitted[:, :, 4], keypoint[:, :, place])
    assert '5 of 5 are there' in notes[0]


def test_a_list_names_the_joints_of_a_file_without_names():
    order = [4, 3, 2, 1, 0]
    given = {'layout': [TARGET.joint_names[v] for v in order]}

    fitted, _, _ = fit(poses(5), {}, given)

    np.testing.assert_array_equal(fitted, poses(5)[:, :, order])


@pytest.mark.parametrize(
    'found',
    [{}, named(f'joint_{v}' for v in range(5)), named('01234')],
)
def test_as_many_joints_without_names_are_the_models(found):
    keypoint = poses(5)

    fitted, _, notes = fit(keypoint, found)

    np.testing.assert_array_equal(fitted, keypoint)
    assert notes == []


def test_other_counts_without_names_are_refused_with_layouts_that_fit():
    with pytest.raises(
        DataError, match=r"17 joints without names.*\['coco', 'h36m'\]"
    ):
        fit(poses(17), {})


def test_a_model_without_names_takes_the_same_tree_only():
    target = SkeletonLayout('custom', tuple('01234'), TARGET.parents)
    same = dict(parents=list(TARGET.parents), joint_names=list('abcde'))
    other = dict(parents=[-1, 0, 0, 0, 0], joint_names=list('abcde'))

    fitted, _, _ = fit(poses(5), dict(layout=same), target=target)

    np.testing.assert_array_equal(fitted, poses(5))
    with pytest.raises(DataError, match='lacks 5 of the 5'):
        fit(poses(5), dict(layout=other), target=target)


def test_scores_are_the_least_of_the_joints_and_lost_ones_stay_lost():
    names = ['hip_left', 'hip_right', *TARGET.joint_names[1:]]
    keypoint, score = poses(6, 2), np.full((M, T, 6), 0.9, np.float32)
    keypoint[0, 3, 1], score[0, 3, 1] = 0, 0
    score[1, 5, 0] = 0.25

    fitted, least, _ = fit(keypoint, named(names), score=score)

    expected = np.full((M, T, 5), 0.9, np.float32)
    expected[0, 3, 0], expected[1, 5, 0] = 0, 0.25
    np.testing.assert_array_equal(least, expected)
    assert not fitted[0, 3, 0].any()
    assert fitted[0, 3, 1:].all()


@pytest.mark.parametrize(
    ('given', 'message'),
    [
        ('nobody', "map_joints='nobody' is neither a layout, one of"),
        ('map.txt', 'nor a .json file'),
        ([1], 'expected an object of joints'),
        ({'Hips': 3}, "key 'Hips': found 3; expected a joint"),
        ({'Hips': []}, "key 'Hips'"),
        ({'Hips': {'a': 0.5}}, 'whose sum is 1'),
        ({'layout': 'nobody'}, "key 'layout': found nobody"),
        ({'layout': ['a', 'a']}, 'a name stands twice'),
        ({'layout': 3}, "key 'layout': found 3"),
    ],
)
def test_a_malformed_map_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        read_joint_map(given)


@pytest.mark.parametrize(
    ('given', 'message'),
    [
        ({'Tail': 'a'}, r"names the joints \['Tail'\], which the model does"),
        ({'Hips': 'tail'}, "key 'Hips': a.bvh has no joint 'tail'; it has"),
        ('coco', 'a.bvh has 5 joints, but 17 are stated: nose'),
    ],
)
def test_a_map_that_does_not_fit_is_refused(given, message):
    with pytest.raises(DataError, match=message):
        fit(poses(5), named(TARGET.joint_names), given)


def test_map_files_that_cannot_be_read_are_named(tmp_path):
    (tmp_path / 'bad.json').write_text('{')

    with pytest.raises(ValueError, match=r'bad\.json, line 1'):
        read_joint_map(tmp_path / 'bad.json')
    with pytest.raises(FileNotFoundError, match=r'gone\.json'):
        read_joint_map(str(tmp_path / 'gone.json'))
