"""What ``tools/infer.py`` takes for a recording."""

from __future__ import annotations

import json

import numpy as np

from mmsnip.cli.infer import find_inputs


def write_frames(folder, T=3):
    folder.mkdir(parents=True)
    for t in range(T):
        person = dict(pose_keypoints_2d=[1.0] * 75)
        text = json.dumps(dict(version=1.3, people=[person]))
        (folder / f'x_{t:06d}_keypoints.json').write_text(text)
    return folder


def test_a_folder_of_frames_is_one_input(tmp_path):
    frames = write_frames(tmp_path / 'in' / 'walk' / 'clip.1')
    np.save(tmp_path / 'in' / 'a.npy', np.ones((5, 25, 3)))

    assert find_inputs([str(tmp_path / 'in')]) == [
        ('a', tmp_path / 'in' / 'a.npy'),
        ('walk/clip.1', frames),
    ]


def test_the_folder_of_frames_may_be_given_itself(tmp_path):
    frames = write_frames(tmp_path / 'clip')

    assert find_inputs([str(frames), str(frames)]) == [
        ('clip', frames),
        ('clip-2', frames),
    ]


def test_results_within_a_searched_folder_are_no_inputs(tmp_path):
    (tmp_path / 'in' / 'out').mkdir(parents=True)
    np.save(tmp_path / 'in' / 'a.npy', np.ones((5, 25, 3)))
    (tmp_path / 'in' / 'out' / 'a.csv').write_text('video')
    folder = str(tmp_path / 'in')

    own = [('a', tmp_path / 'in' / 'a.npy')]
    assert find_inputs([folder], tmp_path / 'in' / 'out') == own
    assert find_inputs([folder], tmp_path) == find_inputs([folder])
    assert len(find_inputs([folder])) == 2
