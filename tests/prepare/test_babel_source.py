from __future__ import annotations

import copy

import numpy as np
import pytest

from mmsnip.datasets.benchmarks import SUBSETS, BABELDataset
from mmsnip.io.annotation import load_annotation
from mmsnip.io.formats.amass import NTU_FROM_SMPLH
from mmsnip.prepare.job import convert, entry_of
from mmsnip.prepare.published import BabelSource
from mmsnip.structures import DataError
from tests.formats.babel_files import (
    entry,
    stand_in_body,
    write_json,
    write_motion,
)

RELEASE = 'babel_v1.0_release'


def write_joints(path, T, seed):
    joints = np.random.default_rng(seed).normal(size=(T, 73, 3))
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, joint_pos=joints.reshape(T, -1), allow_pickle=True)
    return joints


@pytest.fixture
def release(tmp_path):
    """Four dense sequences, one of them without a motion, and a sparse one.

    Frames: sid 1 has 2.6 s at 120/s, sid 2 has 3 s at 100/s, sid 3 lies in
    val. Joints lie where the published scripts put them.
    """
    train = [
        entry(
            '1',
            'KIT/KIT/4/walk01_poses.npz',
            2.6,
            [(0, 1.0, ['walk']), (1.0, 2.6, ['turn', 'wave'])],
        ),
        entry(
            '2',
            'BMLrub/BioMotionLab_NTroje/rub001/0000_jump_poses.npz',
            3.0,
            [(0, 3.0, ['jump']), (0.5, 0.9, ['stand', 'sit'])],
        ),
        entry('4', 'MPIHDM05/MPI_HDM05/bd/a_poses.npz', 1, [(0, 1, ['run'])]),
        entry('5', 'KIT/KIT/4/none_poses.npz', 1, [(0, 1, ['kick'])]),
        entry('6', 'KIT/KIT/4/a_poses.npz', 2.6, [(0, 1, ['jog'])], False),
    ]
    val = [
        entry('3', 'ACCAD/ACCAD/s/a b_poses.npz', 1.5, [(0, 1.5, ['walk'])])
    ]
    write_json(tmp_path / RELEASE / 'train.json', *train)
    write_json(tmp_path / RELEASE / 'val.json', *val)
    for feat, T, fps in (
        ('KIT/4/walk01_poses.npz', 312, 120.0),
        ('BMLrub/rub001/0000_jump_poses.npz', 300, 100.0),
        ('ACCAD/s/a b_poses.npz', 91, 60.0),
    ):
        write_motion(tmp_path / 'amass' / feat, T=T, fps=fps)
        write_joints(tmp_path / 'amass' / 'babel_joint_pos' / feat, T, T)
    return tmp_path


def test_classes_are_all_categories_of_dense_sequences_in_order(release):
    source = BabelSource(release)

    source.items()

    assert source.metainfo()['classes'] == [
        *('jump', 'kick', 'run', 'sit', 'stand', 'turn', 'walk', 'wave'),
    ]


def test_what_is_missing_is_listed_and_not_fatal(release):
    source = BabelSource(release)

    names = [item.name for item in source.items()]

    joints = release / 'amass' / 'babel_joint_pos'
    assert names == ['1', '2', '3']
    assert [(s.path, s.reason) for s in source.skipped] == [
        (
            str(release / RELEASE / 'train.json'),
            '1 of 5 sequences are not densely annotated',
        ),
        (
            f'{joints}/MPI_HDM05',
            'the data set is missing; 1 sequences have no motion',
        ),
        (
            f'{joints}/KIT/KIT/4/none_poses.npz',
            'there is no such file, sid 5 needs it',
        ),
    ]


def test_a_sequence_has_its_joints_at_30_fps_and_overlapping_segments(release):
    source = BabelSource(release)
    item = source.items()[1]

    recording = copy.deepcopy(source).read(item)

    found, classes = entry_of(recording), source.metainfo()['classes']
    seconds = [np.floor(100 / 30 * i).astype(int) for i in range(30)]
    frames = np.concatenate([np.array(seconds) + 100 * s for s in range(3)])
    with np.load(item.path) as arrays:
        joints = arrays['joint_pos'].reshape(300, 73, 3)
    expected = joints[frames][:, NTU_FROM_SMPLH].astype(np.float32)
    np.testing.assert_array_equal(found['keypoint'], expected[None])
    assert found['total_frames'] == 90
    assert found['segments'].tolist() == [[0, 90], [15, 27], [15, 27]]
    assert [classes[label] for label in found['segment_labels']] == [
        *('jump', 'stand', 'sit'),
    ]
    assert (recording.up, recording.unit) == (None, 'm')
    assert not recording.notes


def test_a_motion_much_shorter_than_its_labels_is_reported(release):
    path = release / 'amass' / 'babel_joint_pos' / 'ACCAD/s/a b_poses.npz'
    write_joints(path, T=60, seed=0)
    source = BabelSource(release)

    recording = source.read(source.items()[2])

    assert recording.segments.bounds.tolist() == [[0, 30]]
    assert tuple(map(str, recording.notes)) == (
        'the motion has 30 frames at 30 frames/s, its labels 45 (1.5 s); 30 '
        'are kept',
        'segment walk from 0 to 1.5 s: cut to frames 0 to 30',
    )


def test_poses_are_moved_by_the_model_that_is_given(release, monkeypatch):
    asked = []

    def load(path, gender):
        asked.append((path, gender))
        return stand_in_body

    monkeypatch.setattr('mmsnip.prepare.published.load_smplh', load)
    source = BabelSource(release, model=release / 'smplh')

    item = source.items()[0]
    recording = source.read(item)

    assert asked == [(str(release / 'smplh'), 'male')]
    assert item.path == str(release / 'amass/KIT/4/walk01_poses.npz')
    with np.load(item.path) as arrays:
        poses = arrays['poses'].reshape(312, 52, 3)[::4]
    np.testing.assert_array_equal(
        recording.keypoint[0, :, :21],
        poses[:, NTU_FROM_SMPLH[:21]].astype(np.float32),
    )


def test_without_joints_and_model_the_error_says_what_to_give(tmp_path):
    write_json(tmp_path / 'train.json', entry('1', 'KIT/KIT/4/a.npz', 1, []))

    with pytest.raises(DataError, match='folder of extracted joints, or'):
        BabelSource(tmp_path).items()


def test_extra_sequences_come_only_where_they_are_asked_for(release):
    extra = entry('9', 'KIT/KIT/4/walk01_poses.npz', 2.6, [(0, 1, ['hop'])])
    again = entry('3', 'KIT/KIT/4/walk01_poses.npz', 2.6, [(0, 1, ['hop'])])
    write_json(release / RELEASE / 'extra_train.json', extra, again)
    source = BabelSource(release, extra=True)

    names = [item.name for item in source.items()]

    assert names == ['1', '2', '3', '9']
    assert source.splits(names) == dict(
        train=['1', '2'], val=['3'], extra_train=['9']
    )
    reasons = {s.reason for s in source.skipped}
    assert 'sid 3 is in val already' in reasons
    assert len(BabelSource(release).items()) == 3


def test_the_dataset_of_subset_1_loads_what_is_converted(release, tmp_path):
    output = tmp_path / 'out' / 'babel.pkl'

    report = convert(BabelSource(release), output, progress=False)

    data = load_annotation(output)
    assert (report.found, report.converted) == (3, 3)
    assert data['split'] == dict(train=['1', '2'], val=['3'])
    train = BABELDataset(str(output), subset=1, split='train', test_mode=True)
    assert train.metainfo['classes'] == list(SUBSETS[1])
    walk, stand, turn, jump = range(4)
    rows = [
        np.column_stack([v['segments'], v['segment_labels']]).tolist()
        for v in (train.get_data_info(i) for i in range(len(train)))
    ]
    # 'wave' and 'sit' are background; 'stand' starts later than 'jump'.
    assert rows == [
        [[0, 30, walk], [30, 78, turn]],
        [[0, 15, jump], [15, 27, stand], [27, 90, jump]],
    ]
