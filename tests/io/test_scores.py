from __future__ import annotations

import numpy as np
import pytest

from mmsnip.io.scores import load_scored_videos, load_scores, save_scores

CLASSES = ['walk', 'stand up']
# what a path, a zip member or a shell could stumble over
NAMES = [
    *('a/1', '../../up', '/root', 'Größe/日本', 'file', 'x.npy', 'videos'),
    *('a\\1', 'line\nbreak', '', ' ', '-1', 'C:con'),
]


def make_scores(names=NAMES, seed=0):
    rng = np.random.default_rng(seed)
    return {
        name: rng.random((length, 3), np.float32)
        for length, name in enumerate(names)
    }


def make_truth(scores):
    truth = {name: np.zeros((0, 3), np.int64) for name in scores}
    truth['a\\1'] = np.array([[1, 0, 3], [0, 2, 7]])
    truth['file'] = np.array([[0, 1, 4]])
    return truth


def test_all_that_evaluates_scores_comes_back_under_any_name(tmp_path):
    scores = make_scores()
    truth = make_truth(scores)
    settings = dict(protocol='babel', proposals={'sweep': {'min_length': 5}})
    path = tmp_path / 'made' / 'scores.npz'

    save_scores(path, scores, CLASSES, truth, {'file': 29.97}, settings)

    read = load_scored_videos(path)
    assert list(read.scores) == NAMES
    np.testing.assert_equal(read.scores, scores)
    np.testing.assert_equal(read.truth, truth)
    assert read.scores['file'].dtype == np.float32
    assert (read.classes, read.fps) == (CLASSES, {'file': 29.97})
    assert read.settings == settings
    assert [file.name for file in path.parent.iterdir()] == ['scores.npz']


def test_settings_may_hold_numbers_of_numpy(tmp_path):
    path = tmp_path / 'scores.npz'
    settings = dict(iou_thresholds=np.array([0.25, 0.5]), n=np.int64(3))

    save_scores(path, {}, CLASSES, settings=settings)

    read = load_scored_videos(path)
    assert read.settings == {'iou_thresholds': [0.25, 0.5], 'n': 3}
    assert (read.scores, read.truth) == ({}, None)


def test_a_failed_save_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / 'scores.npz'
    save_scores(path, make_scores(), CLASSES)
    before = path.read_bytes()

    with pytest.raises(TypeError, match='not JSON serializable'):
        save_scores(path, {}, CLASSES, settings={'x': object()})

    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ['scores.npz']


@pytest.mark.parametrize(
    ('scores', 'truth', 'message'),
    [
        ({'v': np.zeros((5, 4))}, None, r"'v' has scores of shape \(5, 4\)"),
        ({'v': np.zeros(5)}, None, r"'v' has scores of shape \(5,\)"),
        ({'v': np.zeros((5, 3))}, {}, "'v' has scores but no ground truth"),
        ({'v\0': np.zeros((5, 3))}, None, 'NUL in its name'),
    ],
)
def test_save_refuses_and_names_the_video(tmp_path, scores, truth, message):
    with pytest.raises(ValueError, match=message):
        save_scores(tmp_path / 'x.npz', scores, CLASSES, truth)


def broken(**changes):
    good = dict(
        classes=np.array(CLASSES),
        videos=np.array(['v', 'w']),
        num_frames=np.array([2, 5]),
        scores=np.zeros((7, 3)),
    )
    return {**good, **changes}


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'num_frames': np.array([2, 4])}, 'counts that sum to 7'),
        ({'num_frames': np.array([9, -2])}, 'counts that sum to 7'),
        ({'num_frames': np.array([7])}, 'num_frames has the shape'),
        ({'videos': np.array(['v', 'v'])}, '1 of them different'),
        ({'scores': np.zeros((7, 4))}, r'shape \(7, 4\), expected 3 columns'),
        ({'fps': np.array([30.0])}, 'does not fit'),
        ({'settings': np.array('{')}, 'does not fit'),
        ({'settings': np.array('[1]')}, 'no JSON object'),
        ({'num_segments': np.array([0, 1])}, 'lacks the array'),
        ({'videos': np.array(['v', None])}, 'plain arrays'),
    ],
)
def test_load_refuses_a_damaged_file_and_names_it(tmp_path, changes, message):
    path = tmp_path / 'odd.npz'
    np.savez(path, **broken(**changes))

    with pytest.raises(ValueError, match=rf'odd\.npz.*{message}'):
        load_scored_videos(path)


@pytest.mark.parametrize(
    'content', [b'', b'not a zip', b'PK\x03\x04', b'\x93NUMPY\x01\x00']
)
def test_load_refuses_what_is_no_archive(tmp_path, content):
    path = tmp_path / 'odd.npz'
    path.write_bytes(content)

    with pytest.raises(ValueError, match=r'odd\.npz (is not|cannot be)'):
        load_scores(path)
