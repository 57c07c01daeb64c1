"""Folders of the JSON of pose estimators, persons, and other layouts."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmsnip.conversion.folder import FolderSource
from mmsnip.conversion.job import convert
from mmsnip.conversion.persons import keep_movers, motion_of
from mmsnip.conversion.remap import lost_joints
from mmsnip.conversion.tables import PoseJSONSource
from mmsnip.io.annotation import check_annotation, load_annotation
from mmsnip.io.formats import group_frames
from mmsnip.io.formats.pose_json import holds_frames
from mmsnip.skeleton import get_layout
from mmsnip.skeleton.mapping import joint_mapping


def openpose(bodies, score=0.9):
    """A frame of bodies (P, V, 2)."""
    people = []
    for x in bodies:
        flat = np.concatenate([x, np.full((len(x), 1), score)], axis=1)
        flat = np.where((x == 0).all(1)[:, None], 0, flat)
        people.append(dict(pose_keypoints_2d=flat.ravel().tolist()))
    return dict(version=1.3, people=people)


def poses(T, seed=0):
    x = np.random.default_rng(seed).uniform(10, 40, (T, 25, 2)).round(3)
    return x + 5 * np.arange(25)[:, None]


def write(path, document):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))
    return path


def write_frames(folder, x, ending='_keypoints.json', start=0):
    for t, frame in enumerate(x, start):
        write(folder / f'clip_{t:012d}{ending}', openpose([frame]))
    return x


def run(source, output, **options):
    report = convert(source, output, progress=False, **options)
    data = load_annotation(output)
    assert check_annotation(data) == []
    return report, data


def names(source):
    return [item.name for item in source.items()]


@pytest.mark.parametrize('ending', ['_keypoints.json', '.json'])
def test_a_folder_of_frames_is_a_recording(tmp_path, ending):
    root = tmp_path / 'in'
    x = write_frames(root / 'walk' / 'clip.1', poses(7), ending)
    write_frames(root / 'walk' / 'clip.2', poses(5, 1), ending)

    source = PoseJSONSource(root, classes_from_folders=True)
    report, data = run(source, tmp_path / 'out.pkl')

    videos = data['annotations']
    assert [v['frame_dir'] for v in videos] == ['walk/clip.1', 'walk/clip.2']
    np.testing.assert_allclose(videos[0]['keypoint'][0], x, atol=1e-4)
    assert videos[1]['keypoint_score'].shape == (1, 5, 25)
    assert data['metainfo']['classes'] == ['walk']
    assert report.skipped == []


def test_numbered_files_of_whole_recordings_stay_recordings(tmp_path):
    for n in range(4):
        video = [openpose([frame]) for frame in poses(3, n)]
        write(tmp_path / f'take_{n:02d}.json', video)

    assert names(PoseJSONSource(tmp_path)) == [
        *('take_00', 'take_01', 'take_02', 'take_03'),
    ]


def test_the_user_may_say_what_a_folder_is(tmp_path):
    write_frames(tmp_path / 'clip', poses(7))
    write(tmp_path / 'takes' / 'a.json', [openpose(poses(1))] * 3)

    apart = PoseJSONSource(tmp_path, frames_in_folders=False)
    whole = PoseJSONSource(tmp_path, frames_in_folders=True)

    assert len(apart.items()) == 8
    assert names(whole) == ['clip', 'takes']


def test_the_folder_itself_may_be_the_recording(tmp_path):
    write_frames(tmp_path / 'clip', poses(3))

    assert names(PoseJSONSource(tmp_path / 'clip')) == ['clip']


def test_frames_stand_for_their_folder_among_other_files(tmp_path):
    frames = [tmp_path / 'b' / f'{n}_keypoints.json' for n in range(3)]
    others = [tmp_path / name for name in ('b/x.npy', 'a.json', 'c.csv')]

    assert group_frames([*frames, *others], None) == [
        *(tmp_path / 'a.json', tmp_path / 'b', tmp_path / 'b' / 'x.npy'),
        tmp_path / 'c.csv',
    ]


@pytest.mark.parametrize(
    ('files', 'expected'),
    [
        ({}, False),
        ({'a_1.json': [], 'a_2.json': {'people': []}}, True),
        ({'a_1.json': [], 'b_1.json': []}, False),
        ({'a_1.json': [], 'a_2.json': [], 'b.json': [], 'c.json': []}, False),
        ({'a_1.json': {'no': 'pose'}, 'a_2.json': 7}, False),
        ({'a_1.json': {'no': 'pose'}, 'a_2.json': []}, True),
        ({'one_keypoints.json': []}, True),
    ],
)
def test_frames_are_told_by_names_and_content(tmp_path, files, expected):
    paths = [write(tmp_path / name, text) for name, text in files.items()]

    assert holds_frames(paths) is expected


def test_large_files_are_no_frames_and_are_not_read(tmp_path):
    paths = [tmp_path / f'{n}.json' for n in range(2)]
    for path in paths:
        with path.open('wb') as file:
            file.truncate(2**22 + 1)

    assert not holds_frames(paths)


@given(st.lists(st.binary(max_size=60), min_size=2, max_size=4))
@settings(max_examples=60, deadline=None)
def test_any_bytes_are_frames_or_not(contents):
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, f'{n}.json') for n in range(len(contents))]
        for path, content in zip(paths, contents):
            path.write_bytes(content)

        assert holds_frames(paths) in (True, False)


def test_a_changed_frame_changes_the_recording(tmp_path):
    write_frames(tmp_path / 'clip', poses(4))
    (before,) = PoseJSONSource(tmp_path).items()
    frame = min((tmp_path / 'clip').iterdir())
    os.utime(frame, ns=(1, frame.stat().st_mtime_ns + 10**9))
    (after,) = PoseJSONSource(tmp_path).items()

    assert before.fields != after.fields


def test_mixed_frames_in_a_folder_are_refused_as_one(tmp_path):
    write_frames(tmp_path / 'in' / 'mix', poses(3))
    write(tmp_path / 'in' / 'mix' / 'b_0_keypoints.json', openpose(poses(1)))
    write_frames(tmp_path / 'in' / 'good', poses(3))

    report, data = run(PoseJSONSource(tmp_path / 'in'), tmp_path / 'o.pkl')

    assert [v['frame_dir'] for v in data['annotations']] == ['good']
    assert 'frames of several recordings' in report.skipped[0].reason


def test_a_dry_run_counts_folders_of_frames(tmp_path):
    write_frames(tmp_path / 'in' / 'clip', poses(3))

    report = convert(
        PoseJSONSource(tmp_path / 'in'),
        tmp_path / 'out.pkl',
        dry_run=True,
        progress=False,
    )

    assert report.listed == ['clip']


def three_persons(T=11, V=5, C=2):
    """One stands, one walks, one jumps and is seen in the first frames."""
    rng = np.random.default_rng(1)
    still = np.tile(rng.uniform(1, 2, (1, V, C)), (T, 1, 1))
    walk = still + np.arange(T)[:, None, None]
    jump = still + 5 * (np.arange(T)[:, None, None] % 2)
    jump[2:] = 0
    return np.stack([still, jump, walk])


def test_motion_is_the_variance_of_each_joint_over_time():
    x = three_persons()
    slow = []
    for person in x:
        there = person.any(axis=(1, 2))
        joints = [
            person[there, v].var(axis=0).sum() for v in range(x.shape[2])
        ]
        slow.append(np.mean(joints) * there.mean())

    np.testing.assert_allclose(motion_of(x), slow, rtol=1e-12)


def test_the_persons_that_move_most_are_kept():
    x = three_persons()
    found = dict(
        keypoint_score=np.arange(3.0)[:, None, None] + np.zeros((3, 11, 5)),
        track_ids=['still', 'jump', 'walk'],
    )
    kept, facts, notes = keep_movers(x, found, 2)

    np.testing.assert_array_equal(kept, x[[2, 1]])
    assert facts['track_ids'] == ['walk', 'jump']
    assert facts['keypoint_score'][:, 0, 0].tolist() == [2, 1]
    assert '1 of 3 persons were left out' in notes[0]
    assert found['track_ids'] == ['still', 'jump', 'walk']


def test_fewer_persons_stay_as_they_are(tmp_path):
    np.save(tmp_path / 'a.npy', three_persons(V=17))
    source = FolderSource(tmp_path, persons=3, layout='coco')
    recording = source.read(source.items()[0])

    np.testing.assert_allclose(
        recording.annotation['keypoint'], three_persons(V=17), rtol=1e-6
    )
    assert recording.mended == ()


def test_joints_and_scores_are_brought_to_another_layout(tmp_path):
    x = poses(7)
    x[3, 12] = 0  # the left hip is not found
    write_frames(tmp_path / 'in' / 'clip', x)
    source = PoseJSONSource(tmp_path / 'in', map_layout='nturgb+d')

    report, data = run(source, tmp_path / 'out.pkl')

    (video,) = data['annotations']
    target = get_layout('nturgb+d')
    mapping = joint_mapping(get_layout('openpose-25'), target)
    seen = [t for t in range(7) if t != 3]
    slow = np.einsum('wv,tvc->twc', mapping.matrix, x[seen])
    assert data['metainfo']['joint_names'] == list(target.joint_names)
    np.testing.assert_allclose(video['keypoint'][0, seen], slow, atol=1e-3)
    made = mapping.matrix[:, 12] != 0
    score = video['keypoint_score'][0, 3]
    assert (score[made] == 0).all()
    np.testing.assert_allclose(score[~made], 0.9, rtol=1e-6)
    assert any('joints are there' in what for _, what in report.mended)


def test_a_joint_that_is_zero_throughout_is_lost_only_by_its_score():
    x = np.ones((1, 3, 4, 2))
    x[0, :, 0] = 0
    x[0, 1, 2] = 0
    x[0, 2] = 0

    assert np.argwhere(lost_joints(x, None)).tolist() == [[0, 1, 2]]
    assert np.argwhere(lost_joints(x, np.zeros((1, 3, 4)))).tolist() == [
        *([0, 0, 0], [0, 1, 0], [0, 1, 2]),
    ]


def test_joints_that_cannot_be_brought_there_are_refused(tmp_path):
    np.save(tmp_path / 'a.npy', np.ones((13, 7, 3), np.float32))
    layout = dict(joint_names=list('abcdefg'), parents=[-1, 0, 1, 2, 3, 4, 5])
    source = FolderSource(tmp_path, layout=layout, map_layout='coco')
    (item,) = source.items()

    with pytest.raises(ValueError, match="brought to 'coco'"):
        source.read(item)
