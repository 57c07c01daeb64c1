from __future__ import annotations

import pickle
import sys

import numpy as np
import pytest

from mmsnip.io.formats.amass import (
    NTU_FROM_SMPLH,
    SMPLH_JOINTS_OF_NTU,
    find_motion,
    frames_at_30_fps,
    load_smplh,
    ntu_joints,
    read_amass,
    read_amass_joints,
)
from mmsnip.skeleton.layout import from_graph_cfg
from mmsnip.structures import DataError
from tests.formats.babel_files import smplh_arrays, stand_in_body, write_motion


def published_frames(T, fps):
    """The two rules of METHOD.md in slow loops."""
    if int(fps) % 30 == 0:
        return [t for t in range(T) if t % (int(fps) // 30) == 0]
    kept, second = [], 0
    while second * int(fps) < T:
        for i in range(30):
            frame = second * int(fps) + int(np.floor(fps / 30 * i))
            if frame < T:
                kept.append(frame)
        second += 1
    return kept


@pytest.mark.parametrize('fps', [30, 60, 120, 150, 240, 59.94, 100, 250, 25])
@pytest.mark.parametrize('T', [1, 13, 100, 307])
def test_frames_at_30_fps_follow_the_published_rule(T, fps):
    assert frames_at_30_fps(T, float(fps)).tolist() == published_frames(T, fps)


def test_joints_in_ntu_order_are_those_of_the_method():
    assert list(NTU_FROM_SMPLH) == [
        *(0, 3, 12, 15, 16, 18, 20, 22, 17, 19, 21, 37, 1, 4, 7, 10, 2, 5),
        *(8, 11, 9, 63, 64, 68, 69),
    ]


def test_left_and_right_of_the_body_model_are_those_of_ntu():
    ntu = from_graph_cfg('nturgb+d-official').joint_names

    for (name, _), to in zip(SMPLH_JOINTS_OF_NTU, ntu):
        for side in ('left', 'right'):
            assert (side in name) == (side in to), (name, to)


def test_vertex_joints_that_are_missing_are_replaced_and_reported():
    joints = np.arange(52.0)[None, :, None] * np.ones((2, 1, 3))

    found, mended = ntu_joints(joints, 'a.npy')

    # left_thumb3, left_index3, right_thumb3, right_index3 of the tree
    assert found[0, 21:, 0].tolist() == [36, 24, 51, 39]
    assert found[1, :21, 2].tolist() == list(NTU_FROM_SMPLH[:21])
    assert 'stands for its tip' in mended


def test_a_motion_is_moved_in_the_chosen_frames_only(tmp_path):
    path = write_motion(tmp_path / 'a_poses.npz', T=13, fps=120.0)
    seen = []

    def body(poses):
        seen.append(len(poses))
        return stand_in_body(poses)

    found = read_amass(path, body)
    keypoint = found.keypoint

    with np.load(path) as arrays:
        poses = arrays['poses'].reshape(13, 52, 3)[[0, 4, 8, 12]]
    assert seen == [4]
    assert keypoint.shape == (1, 4, 25, 3)
    assert keypoint.dtype == np.float32
    np.testing.assert_array_equal(
        keypoint[0, :, :21], poses[:, NTU_FROM_SMPLH[:21]].astype(np.float32)
    )
    assert (found.fps, found.unit, found.up) == (30.0, 'm', 'z')
    assert found.layout.name == 'nturgb+d-official'


@pytest.mark.parametrize(
    ('changed', 'message'),
    [
        (dict(poses=None), "'poses': found nothing"),
        (dict(poses=np.zeros((13, 165))), 'not those of SMPL-X'),
        (dict(poses=np.zeros((0, 156))), r'of shape \(0, 156\)'),
        (dict(poses=np.full((13, 156), np.nan)), "'poses': found NaN"),
        (dict(poses=np.full((13, 156), 'a')), "'poses': found <U1 array"),
        (dict(poses=np.zeros((13, 52, 3))), "'poses': found"),
        (dict(mocap_framerate=None), "'mocap_framerate': found None"),
        (dict(mocap_framerate=np.array(0.0)), "'mocap_framerate': found 0.0"),
        (dict(mocap_framerate=np.array(np.nan)), 'found nan'),
        (dict(mocap_framerate=np.zeros(2)), 'expected frames a second'),
        (dict(betas=np.array([{}])), 'pickled objects are refused'),
    ],
)
def test_a_malformed_motion_is_refused_by_key(tmp_path, changed, message):
    path = write_motion(tmp_path / 'a_poses.npz', **changed)

    with pytest.raises(DataError, match=message) as raised:
        read_amass(path, stand_in_body)

    assert str(path) in str(raised.value)


@pytest.mark.parametrize('flat', [True, False])
@pytest.mark.parametrize('ending', ['.npy', '.npz'])
def test_extracted_joints_are_read_in_both_shapes(tmp_path, flat, ending):
    joints = np.random.default_rng(0).normal(size=(13, 73, 3))
    path = tmp_path / f'a_poses{ending}'
    stored = joints.reshape(13, -1) if flat else joints
    if ending == '.npy':
        np.save(path, stored)
    else:
        np.savez(path, joint_pos=stored, allow_pickle=True)

    found = read_amass_joints(path, fps=60.0)
    keypoint = found.keypoint

    expected = joints[::2][:, NTU_FROM_SMPLH].astype(np.float32)
    np.testing.assert_array_equal(keypoint, expected[None])


def test_the_rate_of_joints_follows_from_the_duration(tmp_path):
    np.save(tmp_path / 'a.npy', np.ones((301, 25, 3)))

    found = read_amass_joints(tmp_path / 'a.npy', None, 2.51)
    keypoint = found.keypoint

    assert keypoint.shape == (1, 76, 25, 3)
    assert 'the rate is in no file; 120 frames/s' in str(found.notes[0])


@pytest.mark.parametrize(
    ('shape', 'message'),
    [
        ((13, 24, 3), 'has 24 joints; expected 73'),
        ((13, 73), r'found joints of shape \(13, 73\)'),
        ((13, 73, 2), r'found joints of shape \(13, 73, 2\)'),
        ((0, 73, 3), r'found joints of shape \(0, 73, 3\)'),
    ],
)
def test_joints_of_another_shape_are_refused(tmp_path, shape, message):
    np.save(tmp_path / 'a.npy', np.ones(shape))

    with pytest.raises(DataError, match=message):
        read_amass_joints(tmp_path / 'a.npy', fps=30.0)


@pytest.mark.parametrize(
    ('feat_p', 'place'),
    [
        ('KIT/KIT/4/a_poses.npz', 'KIT/4/a_poses.npz'),
        ('KIT/KIT/4/a_poses.npz', 'KIT/KIT/4/a_poses.npz'),
        ('BMLrub/BioMotionLab_NTroje/r/a.npz', 'BMLrub/r/a.npz'),
        ('BMLrub/BioMotionLab_NTroje/r/a.npz', 'BioMotionLab_NTroje/r/a.npz'),
        ('DFaust67/DFaust_67/50002/a.npz', 'DFaust/DFaust_67/50002/a.npz'),
        ('DFaust67/DFaust_67/50002/a.npz', 'DFaust/50002/a.npz'),
        ('MPILimits/MPI_Limits/3/a.npz', 'PosePrior/3/a.npz'),
        ('MPILimits/MPI_Limits/3/a.npz', 'PosePrior/MPI_Limits/3/a.npz'),
        ('SSMsynced/SSM_synced/s/a.npz', 'SSM/s/a.npz'),
        ('ACCAD/ACCAD/s/D7 - walk.to bow.npz', 'ACCAD/s/D7 - walk.to bow.npz'),
    ],
)
def test_a_motion_is_found_under_old_and_new_names(tmp_path, feat_p, place):
    path = tmp_path / place
    path.parent.mkdir(parents=True)
    path.touch()

    assert find_motion(tmp_path, feat_p) == path
    path.unlink()
    assert find_motion(tmp_path, feat_p) is None


def test_no_name_of_a_motion_leaves_the_folder(tmp_path):
    with pytest.raises(DataError, match='cannot name a recording'):
        find_motion(tmp_path / 'amass', 'KIT/../../secret.npz')

    assert find_motion(tmp_path, 'a') is None
    assert find_motion(tmp_path, '.') is None
    assert find_motion(tmp_path, 'a/' + 'b' * 999) is None


def test_without_smplx_the_error_says_what_to_install(tmp_path, monkeypatch):
    path = tmp_path / 'SMPLH_MALE.npz'
    path.touch()
    monkeypatch.setitem(sys.modules, 'smplx', None)

    with pytest.raises(ImportError, match='pip install smplx') as raised:
        load_smplh(tmp_path)

    assert str(path) in str(raised.value)


def test_a_folder_without_a_model_says_what_is_expected(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'SMPLH_MALE\.npz.*male/mod'):
        load_smplh(tmp_path)


@pytest.fixture(scope='module')
def model():
    pytest.importorskip('smplx')
    return smplh_arrays()


@pytest.mark.slow
def test_slim_model_moves_joints_as_the_whole_one(tmp_path, model):
    """Against the package's own model, a frame at a time as published."""
    import torch
    from smplx import SMPLH
    from smplx.utils import Struct

    np.savez(tmp_path / 'SMPLH_MALE.npz', **model)
    rng = np.random.default_rng(1)
    poses = rng.normal(scale=0.4, size=(3, 156)).astype(np.float32)

    joints = load_smplh(tmp_path)(poses)

    whole = SMPLH(
        '',
        data_struct=Struct(**model),
        gender='male',
        use_pca=False,
        flat_hand_mean=False,
    )
    for frame in range(3):
        pose = torch.from_numpy(poses[frame : frame + 1])
        expected = whole(
            betas=torch.zeros(1, 10),
            global_orient=pose[:, :3],
            body_pose=pose[:, 3:66],
            left_hand_pose=pose[:, 66:111],
            right_hand_pose=pose[:, 111:],
        ).joints[0]
        assert expected.shape == (73, 3)
        np.testing.assert_allclose(
            joints[frame], expected.detach().numpy(), atol=2e-5
        )


@pytest.mark.slow
def test_a_pickled_model_is_read_without_running_it(tmp_path, model):
    path = tmp_path / 'SMPLH_male.pkl'
    path.write_bytes(pickle.dumps(model, protocol=2))
    poses = np.zeros((2, 156), np.float32)

    assert load_smplh(path)(poses).shape == (2, 73, 3)
    path.write_bytes(b'cos\nsystem\n(S"true"\ntR.')
    with pytest.raises(DataError, match='nothing was executed'):
        load_smplh.__wrapped__(path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(weights=None), 'weights has the shape'),
        (dict(hands_meanl=None), 'merge it with the hands of MANO'),
        (dict(J_regressor=np.zeros((24, 6890))), r'expected \(52, 6890\)'),
        (dict(v_template=np.zeros((778, 3))), 'no model of SMPL-H'),
        (dict(posedirs=np.zeros((6890, 3, 9))), r'expected \(6890, 3, 459\)'),
        (
            dict(shapedirs=np.full((6890, 3, 9), np.nan)),
            'expected finite numbers',
        ),
        (dict(kintree_table=np.full((2, 52), 'a')), 'expected finite numbers'),
        (dict(hands_meanr=np.zeros(12)), 'hands_meanr has the shape'),
    ],
)
def test_what_is_no_smplh_is_refused(tmp_path, model, change, message):
    arrays = {**model, **change}
    path = tmp_path / 'model.npz'
    np.savez(path, **{k: v for k, v in arrays.items() if v is not None})

    with pytest.raises(DataError, match=message):
        load_smplh(path)
