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
NAMES = ('Hips', 'Neck', 'UpperArm_L', 'UpperArm_R', 'Toes_L')
TARGET = SkeletonLayout('target', NAMES, (-1, 0, 1, 1, 0))


def poses(V, D=D):
    rng = np.random.default_rng(V)
    return rng.normal(size=(M, T, V, D)).astype(np.float32)


def fit(keypoint, names=None, given=None, score=None, target=TARGET, **more):
    file = Recording(
        *('a', keypoint, None, score),
        joint_names=None if names is None else tuple(names),
        source='a.bvh',
        **more,
    )
    expected = Expected(target, of_model=True, max_gap=0)
    fitted = fit_recording(file, expected, Given(joint_map=given))
    return fitted, ' '.join(map(str, fitted.notes))


SHUFFLED = [3, 0, 4, 2, 1]
BACK = [1, 4, 3, 0, 2]
FEET = ['Root', 'Hips', 'Neck', 'LeftArm', 'RightArm', 'LeftToeBase']
MEANS = {
    'Hips': 'a',
    'Neck': ['b', 'c'],
    'UpperArm_L': {'d': 1.5, 'e': -0.5},
    'UpperArm_R': 'd',
    'Toes_L': 'e',
}


def smpl(name):
    return get_layout('smpl-24').joint_names.index(name)


@pytest.mark.parametrize(
    ('names', 'given', 'rows', 'told'),
    [
        # equal names in another order, prefixes and case, more joints
        ([NAMES[v] for v in SHUFFLED], None, BACK, ''),
        (['joint_Root', *NAMES, 'tail'], None, [1, 2, 3, 4, 5], ''),
        ([f'mixamorig:{n.upper()}' for n in NAMES], None, range(5), ''),
        # parts of the body: the root lies on the floor; between two hips
        (FEET, None, [1, 2, 3, 4, 5], '5 of 5 are there'),
        (
            ['hip_left', 'hip_right', *NAMES[1:]],
            None,
            [{0: 0.5, 1: 0.5}, 2, 3, 4, 5],
            '1 lie between others (Hips)',
        ),
        # what the user says: weights; over equal names; names of the file
        (
            list('abcde'),
            MEANS,
            [0, {1: 0.5, 2: 0.5}, {3: 1.5, 4: -0.5}, 3, 4],
            'as map_joints says',
        ),
        (NAMES, {'Hips': 'Neck'}, [1, 1, 2, 3, 4], 'as map_joints says'),
        (None, {'layout': NAMES[::-1]}, [4, 3, 2, 1, 0], ''),
        # no names: as many joints are the model's
        (None, None, range(5), ''),
        ([f'joint_{v}' for v in range(5)], None, range(5), ''),
        (list('01234'), None, range(5), ''),
    ],
)
def test_joints_are_found_by_name_part_and_map(names, given, rows, told):
    V = 5 if names is None else len(names)
    keypoint = poses(V)
    weights = np.zeros((5, V))
    for joint, row in enumerate(rows):
        row = row if isinstance(row, dict) else {row: 1.0}
        weights[joint, list(row)] = list(row.values())

    fitted, notes = fit(keypoint, names, given)

    np.testing.assert_allclose(fitted.keypoint, weights @ keypoint, atol=1e-6)
    assert told in notes
    assert bool(notes) is bool(told)


@pytest.mark.parametrize('given', ['smpl-24', {'layout': 'smpl-24'}])
def test_a_layout_names_the_joints_of_a_file_without_names(given):
    keypoint = poses(24)

    fitted, notes = fit(keypoint, given=given)

    toes = keypoint[:, :, smpl('left_foot')]
    np.testing.assert_array_equal(fitted.keypoint[:, :, 4], toes)
    assert '5 of 5 are there' in notes


@pytest.mark.parametrize(
    ('names', 'lacking', 'limb'),
    [
        ((*NAMES[:4], 'LowerLeg_L'), 'Toes_L', 'LowerLeg_L'),
        ((*NAMES[:3], 'tail', 'Toes_L'), 'UpperArm_R', None),
    ],
)
def test_what_is_missing_is_refused_with_a_proposal_of_the_same_limb(
    tmp_path, names, lacking, limb
):
    with pytest.raises(DataError, match=rf'lacks 1 of.*{lacking}; ') as error:
        fit(poses(5), names)

    advice = re.search(r'such as (\{.*?\})', str(error.value)).group(1)
    proposed = json.loads(advice)[lacking]
    assert '--map-joints FILE.json' in str(error.value)
    if limb is None:  # nothing, rather than the root
        assert proposed not in names
        return
    path = tmp_path / 'map.json'
    path.write_text(advice)
    assert proposed == limb
    np.testing.assert_allclose(
        fit(poses(5), names, path)[0].keypoint[:, :, 4],
        poses(5)[:, :, 4],
        atol=1e-6,
    )


def test_a_model_without_names_takes_the_same_tree_only():
    target = SkeletonLayout('custom', tuple('01234'), TARGET.parents)
    bodies = [
        from_graph_cfg(dict(parents=parents, joint_names=list('abcde')))
        for parents in (list(TARGET.parents), [-1, 0, 0, 0, 0])
    ]

    fitted, _ = fit(poses(5), layout=bodies[0], target=target)

    np.testing.assert_array_equal(fitted.keypoint, poses(5))
    with pytest.raises(DataError, match='lacks 5 of the 5'):
        fit(poses(5), layout=bodies[1], target=target)


def test_scores_are_the_least_of_the_joints_and_lost_ones_stay_lost():
    names = ['hip_left', 'hip_right', *NAMES[1:]]
    keypoint, score = poses(6, 2), np.full((M, T, 6), 0.9, np.float32)
    keypoint[0, 3, 1], score[0, 3, 1] = 0, 0
    score[1, 5, 0] = 0.25
    keypoint[1, 9:], score[1, 9:] = 0, 0  # the person leaves

    fitted, _ = fit(keypoint, names, score=score)

    expected = np.full((M, T, 5), 0.9, np.float32)
    expected[0, 3, 0], expected[1, 5, 0], expected[1, 9:] = 0, 0.25, 0
    np.testing.assert_array_equal(fitted.score, expected)
    assert not fitted.keypoint[0, 3, 0].any()
    assert fitted.keypoint[0, 3, 1:].all()
    assert not fitted.keypoint[1, 9:].any()


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
    with pytest.raises(DataError, match=message):
        read_joint_map(given)


@pytest.mark.parametrize(
    ('V', 'names', 'given', 'message'),
    [
        (5, NAMES, {'Tail': 'a'}, r"names the joints \['Tail'\], which the"),
        (5, NAMES, {'Hips': 'tail'}, "key 'Hips': a.bvh has no joint 'tail'"),
        (5, NAMES, 'coco', 'a.bvh has 5 joints, but 17 are stated: nose'),
        (5, 'abcde', None, 'it has a, b, c, d, e'),
        (3, ('wheel', 'door', 'lamp'), None, r'lacks 5 of the 5.*Hips, Neck'),
        (17, None, None, r"17 joints without names.*\['coco', 'h36m'\]"),
    ],
)
def test_joints_that_do_not_fit_are_refused(V, names, given, message):
    with pytest.raises(DataError, match=message):
        fit(poses(V), names, given)


def test_map_files_that_cannot_be_read_are_named(tmp_path):
    (tmp_path / 'bad.json').write_text('{')

    with pytest.raises(DataError, match=r'bad\.json, line 1'):
        read_joint_map(tmp_path / 'bad.json')
    with pytest.raises(FileNotFoundError, match=r'gone\.json'):
        read_joint_map(tmp_path / 'gone.json')
