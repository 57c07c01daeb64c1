from __future__ import annotations

import itertools

import numpy as np
import pytest

from mmsnip.io.annotation import load_annotation
from mmsnip.skeleton.layout import from_metainfo, get_layout, layout_names
from mmsnip.skeleton.mapping import (
    joint_mapping,
    map_joints,
    map_scores,
)
from mmsnip.skeleton.naming import joint_parts

NTU = get_layout('nturgb+d')
# SMPL-H joint of each NTU joint that BABEL's preparation takes from the body.
BABEL = {0: 0, 1: 3, 2: 12, 3: 15, 4: 16, 5: 18, 6: 20, 8: 17, 9: 19, 10: 21}
BABEL.update({12: 1, 13: 4, 14: 7, 15: 10, 16: 2, 17: 5, 18: 8, 19: 11})
BABEL[20] = 9


def poses(V, M=2, T=13, C=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(M, T, V, C)).astype(np.float32)


@pytest.mark.parametrize('name', layout_names())
def test_layout_maps_to_itself_by_the_identity(name):
    layout = get_layout(name)
    mapping = joint_mapping(layout, layout)
    np.testing.assert_array_equal(mapping.matrix, np.eye(layout.num_joints))
    assert len(mapping.matched) == layout.num_joints
    x = poses(layout.num_joints)
    np.testing.assert_array_equal(map_joints(x, mapping), x)


@pytest.mark.parametrize(
    ('a', 'b'), list(itertools.permutations(layout_names(), 2))
)
def test_rows_sum_to_one_and_commute_with_the_mirror(a, b):
    source, target = get_layout(a), get_layout(b)
    mapping = joint_mapping(source, target)
    W = mapping.matrix
    np.testing.assert_allclose(W.sum(axis=1), 1, atol=1e-12)
    assert len(mapping.matched) >= 12
    mirrored = W[target.mirror_order][:, source.mirror_order]
    np.testing.assert_allclose(mirrored, W, atol=1e-12)
    found = mapping.matched + mapping.interpolated + mapping.absent
    assert sorted(n for n, _ in found) == sorted(target.joint_names)


@pytest.mark.parametrize('other', ['coco', 'kinect-v1', 'smpl-22', 'h36m'])
def test_round_trip_is_exact_on_the_shared_joints(other):
    there = joint_mapping(NTU, get_layout(other))
    back = joint_mapping(get_layout(other), NTU)
    x = poses(25)
    again = map_joints(map_joints(x, there), back)
    shared = [NTU.joint_names.index(name) for name, _ in back.matched]
    assert len(shared) >= 12
    np.testing.assert_array_equal(again[:, :, shared], x[:, :, shared])


@pytest.mark.parametrize('name', ['smpl-22', 'smpl-24'])
def test_smpl_gives_the_ntu_joints_that_babel_takes(name):
    matrix = joint_mapping(get_layout(name), NTU).matrix
    for joint, source in BABEL.items():
        np.testing.assert_array_equal(
            matrix[joint], np.eye(len(matrix[0]))[source]
        )


def test_absent_joints_lie_where_the_recipes_say():
    coco = get_layout('coco')
    x = poses(17)
    at = dict(zip(coco.joint_names, np.moveaxis(x, 2, 0)))
    out = map_joints(x, joint_mapping(coco, NTU))
    y = dict(zip(NTU.joint_names, np.moveaxis(out, 2, 0)))
    hips = (at['left_hip'] + at['right_hip']) / 2
    shoulders = (at['left_shoulder'] + at['right_shoulder']) / 2
    ears = (at['left_ear'] + at['right_ear']) / 2
    close = dict(atol=1e-5)
    np.testing.assert_allclose(y['spine_base'], hips, **close)
    np.testing.assert_allclose(y['spine_shoulder'], shoulders, **close)
    np.testing.assert_allclose(y['spine_mid'], (hips + shoulders) / 2, **close)
    np.testing.assert_allclose(y['head'], ears, **close)
    np.testing.assert_allclose(
        y['neck'], 0.65 * shoulders + 0.35 * ears, **close
    )
    forearm = at['left_wrist'] - at['left_elbow']
    np.testing.assert_allclose(
        y['left_hand'], at['left_wrist'] + 0.3 * forearm, **close
    )
    np.testing.assert_array_equal(y['left_foot'], at['left_ankle'])


@pytest.mark.parametrize(
    ('names', 'parts'),
    [
        (
            'mixamorig:Hips mixamorig:Spine mixamorig:Spine1 '
            'mixamorig:Spine2 mixamorig:LeftShoulder mixamorig:LeftArm '
            'mixamorig:LeftForeArm mixamorig:LeftHand mixamorig:LeftUpLeg '
            'mixamorig:LeftLeg mixamorig:LeftFoot mixamorig:LeftToeBase',
            'pelvis spine_mid - chest collar shoulder elbow wrist hip knee '
            'ankle foot',
        ),
        ('lhand lwrist rhand rwrist', 'hand wrist hand wrist'),
        (
            'root right_foot left_foot thorax neck_base',
            'pelvis ankle ankle thorax neck',
        ),
        ('nose left_eye right_eye neck', 'nose eye eye thorax'),
        (
            'Spine1 Spine3 LeftFoot LeftAnkle LeftToe',
            'spine_mid thorax foot ankle big_toe',
        ),
        ('hip Hips left_hip', 'pelvis - hip'),
    ],
)
def test_context_decides_what_a_word_means(names, parts):
    found = joint_parts(names.split())
    assert ' '.join('-' if p is None else p[1] for p in found) == parts


def test_absent_persons_stay_zero_and_the_type_stays():
    x = poses(17)
    x[1, 4:] = 0
    out = map_joints(x, joint_mapping(get_layout('coco'), NTU))
    assert out.shape == (2, 13, 25, 3)
    assert out.dtype == np.float32
    assert not out[1, 4:].any()


def test_lost_joint_takes_along_what_is_made_of_it():
    coco = get_layout('coco')
    mapping = joint_mapping(coco, NTU)
    lost = np.zeros((2, 13, 17), bool)
    lost[0, 5, coco.joint_names.index('left_hip')] = True
    out = map_joints(poses(17), mapping, lost)
    gone = {NTU.joint_names[v] for v in np.flatnonzero(~out[0, 5].any(-1))}
    assert gone == {'left_hip', 'spine_base', 'spine_mid'}


def test_score_is_the_least_of_those_used():
    coco = get_layout('coco')
    score = np.random.default_rng(0).random((2, 13, 17))
    out = map_scores(score, joint_mapping(coco, NTU))
    assert out.shape == (2, 13, 25)
    np.testing.assert_array_equal(out[..., 0], score[..., 11:13].min(-1))
    np.testing.assert_array_equal(out[..., 5], score[..., 7])


def test_unknown_names_take_the_nearest_ancestor_and_equal_names_match():
    source = from_metainfo(
        dict(
            parents=[-1, 0, 1, 0],
            joint_names=['Hips', 'Spine', 'Head', 'tail'],
        )
    )
    target = from_metainfo(
        dict(
            parents=[-1, 0, 1, 2, 1],
            joint_names=['prop', 'root', 'tail', 'tail_end', 'Head'],
        )
    )
    mapping = joint_mapping(source, target)
    np.testing.assert_array_equal(
        mapping.matrix.argmax(axis=1), [0, 0, 3, 3, 2]
    )
    assert mapping.absent == (('prop', ('Hips',)), ('tail_end', ('tail',)))
    assert '3 of 5 joints are there' in mapping.summary()


def test_layouts_without_a_common_name_are_refused():
    nameless = from_metainfo(dict(parents=[-1, 0, 1]))
    with pytest.raises(ValueError, match='share no joint name'):
        joint_mapping(nameless, NTU)


def test_another_number_of_joints_is_refused():
    mapping = joint_mapping(get_layout('coco'), NTU)
    with pytest.raises(ValueError, match=r"18 joints.*'coco' with 17"):
        map_joints(poses(18), mapping)


# Length of each bone of an adult in metres, wide enough for every build.
BONES = {
    'spine_mid': (0.10, 0.45),
    'spine_base': (0.10, 0.45),
    'neck': (0.03, 0.20),
    'head': (0.05, 0.25),
    'shoulder': (0.08, 0.30),
    'elbow': (0.18, 0.40),
    'wrist': (0.18, 0.40),
    'hand': (0.03, 0.14),
    'hip': (0.04, 0.25),
    'knee': (0.28, 0.60),
    'ankle': (0.28, 0.60),
    'foot': (0.05, 0.25),
    'hand_tip': (0.01, 0.12),
    'thumb': (0.0, 0.12),
}


@pytest.mark.data
@pytest.mark.parametrize('file', ['msr_action3d.pkl', 'bandai_stitched.pkl'])
def test_real_bodies_become_ntu_bodies_of_human_size(data_dir, file):
    annotation = load_annotation(data_dir / file)
    source = from_metainfo(annotation['metainfo'])
    mapping = joint_mapping(source, NTU)
    x = np.concatenate(
        [v['keypoint'][0, ::10] for v in annotation['annotations'][:60]]
    ).astype(np.float64)
    out = map_joints(x[None], mapping)[0]  # (T, V, C)
    lengths = np.linalg.norm(out - out[:, NTU.bone_parents], axis=-1)
    for name, length in zip(NTU.joint_names, np.median(lengths, axis=0)):
        part = name.replace('left_', '').replace('right_', '')
        if part == 'spine_shoulder':  # the root of the tree or a link of it
            continue
        low, high = BONES[part]
        assert low <= length <= high, f'{name}: {length:.3f} m'


@pytest.mark.data
@pytest.mark.parametrize('file', ['msr_action3d.pkl', 'bandai_stitched.pkl'])
def test_real_ntu_joints_lie_near_independent_landmarks(data_dir, file):
    annotation = load_annotation(data_dir / file)
    names = annotation['metainfo']['joint_names']
    mapping = joint_mapping(from_metainfo(annotation['metainfo']), NTU)
    x = np.concatenate(
        [v['keypoint'][0, ::10] for v in annotation['annotations'][:60]]
    ).astype(np.float64)
    at = dict(zip(names, np.moveaxis(x, 1, 0)))
    y = dict(
        zip(NTU.joint_names, map_joints(x[None], mapping)[0].swapaxes(0, 1))
    )
    bandai = 'Hips' in at
    hips = (
        ['UpperLeg_L', 'UpperLeg_R'] if bandai else ['hip_left', 'hip_right']
    )
    arms = (
        ['UpperArm_L', 'UpperArm_R']
        if bandai
        else ['shoulder_left', 'shoulder_right']
    )
    low = (at[hips[0]] + at[hips[1]]) / 2
    high = (at[arms[0]] + at[arms[1]]) / 2
    wanted = {
        'spine_base': low,
        'spine_mid': (low + high) / 2,
        'spine_shoulder': high,
        'neck': at['Neck' if bandai else 'shoulder_center'],
        'head': at['Head' if bandai else 'head'],
        'left_hand': at['Hand_L' if bandai else 'wrist_left'],
        'right_hand_tip': at['Hand_R' if bandai else 'hand_right'],
        'left_foot': at['Foot_L' if bandai else 'foot_left'],
    }
    for name, place in wanted.items():
        away = np.median(np.linalg.norm(y[name] - place, axis=-1))
        assert away < 0.15, f'{name}: {away:.3f} m'


RIGS = {  # pelvis, left shoulder, elbow, wrist, hip, knee, ankle, foot; more
    'Bandai': 'Hips UpperArm_L LowerArm_L Hand_L UpperLeg_L LowerLeg_L Foot_L '
    'Toes_L Shoulder_L Spine Chest Neck Head',
    'Poser, DAZ': 'hip lShldr lForeArm lHand lThigh lShin lFoot lToe '
    'abdomen chest neck head lCollar rCollar rShldr',
    'CMU .asf': 'root lhumerus lradius lhand lfemur ltibia lfoot ltoes '
    'lowerback thorax lowerneck head lclavicle rfemur rtibia rhumerus '
    'rradius rhand rfoot rtoes rclavicle',
    'CMU .bvh': 'Hips LeftArm LeftForeArm LeftHand LeftUpLeg LeftLeg '
    'LeftFoot LeftToeBase LHipJoint LowerBack Spine Spine1 Neck Neck1',
    '3ds Max': 'Bip01_Pelvis Bip01_L_UpperArm Bip01_L_Forearm Bip01_L_Hand '
    'Bip01_L_Thigh Bip01_L_Calf Bip01_L_Foot Bip01_L_Toe0 Bip01 '
    'Bip01_L_Clavicle Bip01_Footsteps',
    'DeepMotion': 'hips_JNT l_arm_JNT l_forearm_JNT l_hand_JNT l_upleg_JNT '
    'l_leg_JNT l_foot_JNT l_toebase_JNT l_shoulder_JNT spine_JNT root',
    'VRM': 'J_Bip_C_Hips J_Bip_L_UpperArm J_Bip_L_LowerArm J_Bip_L_Hand '
    'J_Bip_L_UpperLeg J_Bip_L_LowerLeg J_Bip_L_Foot J_Bip_L_ToeBase Root '
    'J_Bip_L_Shoulder J_Sec_Hair1_01',
    'Unreal': 'pelvis upperarm_l lowerarm_l hand_l thigh_l calf_l foot_l '
    'ball_l clavicle_l spine_01 root',
    'End Sites': 'Hips LeftArm LeftForeArm LeftHand LeftUpLeg LeftLeg '
    'LeftFoot LeftFoot_end LeftShoulder LeftHand_end',
}


@pytest.mark.parametrize('rig', RIGS)
def test_joints_are_found_by_the_names_of_many_tools(rig):
    names = RIGS[rig].split()
    wanted = ('shoulder', 'elbow', 'wrist', 'hip', 'knee', 'ankle', 'foot')

    parts = joint_parts(names)

    assert parts[0] == (-1, 'pelvis')
    assert parts[1:8] == tuple((0, part) for part in wanted)
    assert not {(0, part) for part in wanted} & set(parts[8:])
    assert (-1, 'pelvis') not in parts[8:]
