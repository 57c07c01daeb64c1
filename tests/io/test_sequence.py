from __future__ import annotations

import pickle

import numpy as np
import pytest

from mmsnip.io.formats import load_sequence
from mmsnip.io.reading import SequenceError, as_sequence


def poses(M=2, T=13, V=5, C=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(M, T, V, C))


class Trap:
    """Unpickling it writes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), 'w')


@pytest.mark.parametrize('kind', [np.float16, np.float32, np.float64])
def test_npy_comes_back_as_float32(tmp_path, kind):
    expected = poses().astype(kind)
    np.save(tmp_path / 'walk.npy', expected)

    keypoint, metadata = load_sequence(tmp_path / 'walk.npy')

    assert keypoint.dtype == np.float32
    np.testing.assert_array_equal(keypoint, expected.astype(np.float32))
    assert metadata == {'frame_dir': 'walk'}


def test_one_person_without_an_axis_gets_one(tmp_path):
    np.save(tmp_path / 'walk.npy', poses()[0])

    keypoint, _ = load_sequence(str(tmp_path / 'walk.npy'))

    assert keypoint.shape == (1, 13, 5, 3)


@pytest.mark.parametrize('key', ['keypoint', 'arr_0'])
def test_npz_gives_its_array_and_frame_rate(tmp_path, key):
    np.savez_compressed(tmp_path / 'a.b.NPZ', **{key: poses()}, fps=120)
    path = next(tmp_path.iterdir())

    keypoint, metadata = load_sequence(path)

    assert keypoint.shape == (2, 13, 5, 3)
    assert metadata['fps'] == 120.0
    assert isinstance(metadata['fps'], float)


def test_npz_prefers_the_array_called_keypoint(tmp_path):
    np.savez(tmp_path / 'a.npz', score=np.ones(3), keypoint=poses())

    keypoint, metadata = load_sequence(tmp_path / 'a.npz')

    assert keypoint.shape == (2, 13, 5, 3)
    assert 'fps' not in metadata


def test_npz_with_several_unnamed_arrays_is_refused(tmp_path):
    np.savez(tmp_path / 'a.npz', one=poses(), two=poses())

    with pytest.raises(SequenceError, match=r"'one', 'two'.*'keypoint'"):
        load_sequence(tmp_path / 'a.npz')


@pytest.mark.parametrize('fps', [0, -30.0, np.nan, [30, 25], 'fast'])
def test_npz_with_a_bad_frame_rate_is_refused(tmp_path, fps):
    np.savez(tmp_path / 'a.npz', keypoint=poses(), fps=fps)

    with pytest.raises(SequenceError, match=r"a\.npz, array 'fps'"):
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


@pytest.mark.parametrize('persons', [(), (2,)])
def test_npz_may_have_scores(tmp_path, persons):
    score = np.random.default_rng(0).random((*persons, 13, 5))
    keypoint = np.ones((*persons, 13, 5, 2))
    np.savez(tmp_path / 'a.npz', keypoint=keypoint, keypoint_score=score)

    _, found = load_sequence(tmp_path / 'a.npz')

    assert found['keypoint_score'].dtype == np.float32
    np.testing.assert_array_equal(
        found['keypoint_score'], score.reshape(-1, 13, 5).astype('f4')
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

    with pytest.raises(SequenceError, match=rf"array '{next(iter(facts))}'"):
        load_sequence(tmp_path / 'a.npz')


@pytest.mark.parametrize('suffix', ['.npy', '.npz'])
def test_pickled_objects_are_refused_and_not_executed(tmp_path, suffix):
    path, trap = tmp_path / f'a{suffix}', tmp_path / 'executed'
    array = np.array([Trap(trap), None], dtype=object)
    if suffix == '.npy':
        np.save(path, array, allow_pickle=True)
    else:
        np.savez(path, keypoint=array)

    with pytest.raises(SequenceError, match='ickled objects are refused'):
        load_sequence(path)

    assert not trap.exists()


@pytest.mark.parametrize('suffix', ['.npy', '.npz'])
@pytest.mark.parametrize(
    'content', [b'', b'\x93NUMPY', b'PK\x03\x04 cut', pickle.dumps([1])]
)
def test_broken_files_are_refused_by_name(tmp_path, suffix, content):
    path = tmp_path / f'broken{suffix}'
    path.write_bytes(content)

    with pytest.raises(SequenceError, match=rf'broken\{suffix} cannot be'):
        load_sequence(path)


def test_a_cut_npz_is_refused_by_name(tmp_path):
    path = tmp_path / 'cut.npz'
    np.savez(path, keypoint=poses())
    path.write_bytes(path.read_bytes()[:900])

    with pytest.raises(SequenceError, match=r'cut\.npz cannot be read'):
        load_sequence(path)


def test_an_unknown_ending_names_those_that_are_read(tmp_path):
    path = tmp_path / 'walk.c3d'
    path.write_bytes(b'data')

    with pytest.raises(SequenceError, match=r"'.c3d'.*'.npy', '.npz'"):
        load_sequence(path)


def test_missing_files_and_folders_are_told_apart(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'gone\.npy'):
        load_sequence(tmp_path / 'gone.npy')
    with pytest.raises(SequenceError, match='is a folder'):
        load_sequence(tmp_path)


@pytest.mark.parametrize(
    ('keypoint', 'message'),
    [
        (np.zeros((13, 5)), r'shape \(13, 5\); expected \(T, V, C\)'),
        (np.zeros((2, 0, 5, 3)), r'empty, its shape is \(2, 0, 5, 3\)'),
        (np.zeros((13, 5, 3), complex), 'complex128'),
        (np.array([['a']]), 'expected numbers'),
        (np.array([None]), 'object'),
        ([[1, 2], [3]], 'no array'),
        (np.full((13, 5, 3), 1e300), 'infinity in 195 values'),
    ],
)
def test_what_is_no_sequence_is_refused(keypoint, message):
    with pytest.raises(SequenceError, match=f'clip.*{message}'):
        as_sequence(keypoint, 'clip')


def test_the_first_nan_is_named():
    keypoint = poses()
    keypoint[1, 7, 4, 2] = np.nan

    with pytest.raises(
        SequenceError, match='person 1, frame 7, joint 4, channel 2'
    ):
        as_sequence(keypoint, 'clip')
