from __future__ import annotations

import numpy as np
import pytest

from mmsnip.structures import DataError
from tests.formats.readers import load_sequence


def poses(M=2, T=13, V=5, C=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(M, T, V, C))


class Trap:
    """Unpickling it writes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), 'w')


def test_npz_with_several_unnamed_arrays_is_refused(tmp_path):
    np.savez(tmp_path / 'a.npz', one=poses(), two=poses())

    with pytest.raises(DataError, match=r"'one', 'two'.*'keypoint'"):
        load_sequence(tmp_path / 'a.npz')


def test_npz_says_what_it_knows_of_joints_and_persons(tmp_path):
    np.savez(
        tmp_path / 'a.npz',
        keypoint=np.ones((2, 13, 5, 3)),
        joint_names=list('abcde'),
        parents=[-1, 0, 1, 1, 0],
        track_ids=[7, 9],
        unit='cm',
        up='z',
    )

    _, metadata = load_sequence(tmp_path / 'a.npz')

    assert metadata == dict(
        frame_dir='a',
        layout=dict(joint_names=list('abcde'), parents=[-1, 0, 1, 1, 0]),
        joint_names=list('abcde'),
        track_ids=['7', '9'],
        unit='cm',
        up='z',
    )


@pytest.mark.parametrize(
    'facts',
    [
        dict(joint_names=list('abcd')),
        dict(joint_names=np.ones(5)),
        dict(parents=[-1, 0]),
        dict(parents=list('abcde')),
        dict(track_ids=['a', 'b']),
        dict(unit=['m', 'cm']),
        dict(up=1.0),
        dict(keypoint_score=np.ones((13, 5))),
    ],
)
def test_npz_with_facts_that_do_not_fit_is_refused(tmp_path, facts):
    np.savez(tmp_path / 'a.npz', keypoint=np.ones((1, 13, 5, 3)), **facts)

    with pytest.raises(DataError, match=rf"array '{next(iter(facts))}'"):
        load_sequence(tmp_path / 'a.npz')


@pytest.mark.parametrize('suffix', ['.npy', '.npz'])
def test_pickled_objects_are_refused_and_not_executed(tmp_path, suffix):
    path, trap = tmp_path / f'a{suffix}', tmp_path / 'executed'
    array = np.array([Trap(trap), None], dtype=object)
    if suffix == '.npy':
        np.save(path, array, allow_pickle=True)
    else:
        np.savez(path, keypoint=array)

    with pytest.raises(DataError, match='ickled objects are refused'):
        load_sequence(path)

    assert not trap.exists()


def test_an_unknown_ending_names_those_that_are_read(tmp_path):
    path = tmp_path / 'walk.c3d'
    path.write_bytes(b'data')

    with pytest.raises(DataError, match=r"'.c3d'.*'.npy', '.npz'"):
        load_sequence(path)


def test_missing_files_and_folders_are_told_apart(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'gone\.npy'):
        load_sequence(tmp_path / 'gone.npy')
    with pytest.raises(DataError, match='is a folder'):
        load_sequence(tmp_path)
