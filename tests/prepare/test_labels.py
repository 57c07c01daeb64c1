"""Segment labels of a file of their own, put to the files of a folder."""

from __future__ import annotations

import json

import numpy as np
import pytest

from mmsnip.io.labels import VideoLabels
from mmsnip.io.labels.elan import save_elan
from mmsnip.prepare.folder import FolderSource
from mmsnip.prepare.labels import (
    apply_splits,
    label_fields,
    labelled,
    match_names,
)
from mmsnip.structures import Recording
from tests.prepare.noted import run as make

LAYOUT = dict(joint_names=list('abcde'), parents=[-1, 0, 1, 1, 0])
TABLE = 'video,label,start,end\n'


def save(path, T=40, fps=20.0):
    path.parent.mkdir(parents=True, exist_ok=True)
    keypoint = np.random.default_rng(T).normal(0, 1, (T, 5, 3))
    rate = {} if fps is None else dict(fps=fps)
    np.savez(path, keypoint=keypoint, **rate)


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def run(root, labels, output, fps=None, given=None, **options):
    source = FolderSource(root, labels=labels, **options)
    return make(source, output, dict(layout=LAYOUT, to_fps=fps, fps=given))


def segments(data):
    names = data['metainfo']['classes']
    return {
        video['frame_dir']: [
            (names[label], start, end)
            for (start, end), label in zip(
                video['segments'].tolist(), video['segment_labels'].tolist()
            )
        ]
        for video in data['annotations']
    }


def reasons(report):
    return {skipped.path: skipped.reason for skipped in report.skipped}


@pytest.fixture
def root(tmp_path):
    save(tmp_path / 'in' / 'walk' / 'p01.npz', T=40, fps=20)
    save(tmp_path / 'in' / 'sit' / 'p02.npz', T=33, fps=10)
    return tmp_path / 'in'


def test_seconds_become_frames_by_the_rate_of_each_recording(root, tmp_path):
    labels = TABLE + 'walk/p01,wave,0.5,1.25\np02,bow,0.5,1.0\n'
    path = write(tmp_path / 'labels.csv', labels)

    report, data = run(root, path, tmp_path / 'out.pkl', labels_unit='s')

    assert data['metainfo']['classes'] == ['wave', 'bow']
    assert segments(data) == {
        'sit/p02': [('bow', 5, 10)],
        'walk/p01': [('wave', 10, 25)],
    }
    assert report.skipped == []
    assert report.notes == []


def test_labels_follow_to_another_frame_rate(root, tmp_path):
    path = write(tmp_path / 'l.csv', TABLE + 'p01,wave,10,26\np02,bow,4,8\n')

    _, data = run(
        root,
        path,
        tmp_path / 'out.pkl',
        fps=5,
        labels_unit='frames',
    )

    assert segments(data) == {
        'sit/p02': [('bow', 2, 4)],
        'walk/p01': [('wave', 3, 7)],
    }


@pytest.mark.parametrize(
    ('video', 'name'),
    [
        ('walk/p01', 'walk/p01'),
        ('p01', 'walk/p01'),
        ('p01.mp4', 'walk/p01'),
        ('walk\\p01.npz', 'walk/p01'),
        ('data/raw/walk/p01.AVI', 'walk/p01'),
        ('sit/p01', None),
        ('p01.take', None),
        ('P01', None),
        ('p.02', 'sit/p.02'),
        ('p.02.mov', 'sit/p.02'),
    ],
)
def test_videos_are_found_by_full_or_shorter_names(video, name):
    found, lost = match_names([video], ['walk/p01', 'sit/p.02', 'p'])

    assert found == ({} if name is None else {name: video})
    assert lost == ({video: 'has labels, but no file'} if name is None else {})


def test_names_that_fit_several_recordings_are_reported():
    found, lost = match_names(
        ['p1', 'p2', 'p3.mp4', 'p3.avi', 'b/p4', 'p4'],
        ['a/p1', 'b/p1', 'p2', 'a/p2', 'a/p3', 'b/p4'],
    )

    assert found == {'p2': 'p2', 'b/p4': 'b/p4'}
    assert "'p1' may be of 'a/p1' or 'b/p1'" in lost['p1']
    assert "'p3.mp4' and of 'p3.avi' may both" in lost['p3.mp4']
    assert "'b/p4' has those of 'b/p4'" in lost['p4']
    assert set(lost) == {'p1', 'p3.mp4', 'p3.avi', 'p4'}


def test_recordings_and_labels_without_each_other_are_reported(root, tmp_path):
    path = write(tmp_path / 'l.csv', TABLE + 'p01,wave,0,5\np07,bow,4,8\n')

    report, data = run(root, path, tmp_path / 'out.pkl', labels_unit='frames')

    assert list(segments(data)) == ['walk/p01']
    assert reasons(report) == {
        str(root / 'sit' / 'p02.npz'): 'it has no label',
        'p07': 'has labels, but no file',
    }


def test_accents_written_apart_are_the_same_name():
    apart, whole = 'cafe\u0301/p01', 'caf\xe9/p01'

    assert match_names([f'{whole}.mp4'], [apart]) == (
        {apart: f'{whole}.mp4'},
        {},
    )
    assert match_names([apart], [whole])[0] == {whole: apart}
    assert apply_splits({'val': [whole]}, [apart])[0] == {'val': [apart]}


@pytest.mark.parametrize('parts', ['', ',train'])
def test_recordings_without_labels_may_join_the_training_videos(
    root, tmp_path, parts
):
    head = TABLE.strip() + (',split' if parts else '')
    path = write(tmp_path / 'l.csv', f'{head}\np01,wave,0,5{parts}\n')

    report, data = run(
        *(root, path, tmp_path / 'out.pkl'),
        labels_unit='frames',
        keep_unlabelled=True,
        val_fraction=0.5,
    )

    # No labels are not the same as no action, an empty list.
    (without,) = (v for v in data['annotations'] if 'segments' not in v)
    assert without['frame_dir'] == 'sit/p02'
    assert data['split'] == dict(train=['walk/p01', 'sit/p02'])
    assert report.skipped == []


def test_splits_of_the_label_file_are_those_of_the_recordings(root, tmp_path):
    annotation = dict(segment=[0.1, 0.6], label='wave')
    database = {
        'p01': dict(subset='training', annotations=[annotation]),
        'p02.mp4': dict(subset='Testing'),
        'p09': dict(subset='validation', annotations=[annotation]),
    }
    path = write(tmp_path / 'gt.json', json.dumps(dict(database=database)))

    report, data = run(root, path, tmp_path / 'out.pkl')

    assert data['split'] == dict(train=['walk/p01'], test=['sit/p02'])
    assert segments(data)['sit/p02'] == []
    assert report.missing == dict(val=['p09'])


def test_what_was_mended_is_told_once(root, tmp_path):
    rows = 'p01,wave,1.0,0.5\np01,bow,0.8,9\np02,bow,0.7,0.7\n'
    path = write(tmp_path / 'l.csv', TABLE + rows)

    report, data = run(root, path, tmp_path / 'o.pkl', labels_unit='s')

    told = [what for _, what in report.notes]
    assert segments(data)['walk/p01'] == [('wave', 10, 20), ('bow', 16, 40)]
    assert len(told) == 4
    for part in ('are swapped', 'no length', 'overlaps', 'cut to frames'):
        assert sum(part in what for what in told) == 1
    assert any("'bow' frames 16 to 180" in what for what in told)


def test_labels_may_lie_among_the_recordings(root, tmp_path):
    rows = np.array([[0, 10, 20, 0.9]])
    save_elan(root / 'walk' / 'p01.eaf', rows, ['wave'], 20.0)
    save_elan(root / 'sit' / 'p02.eaf', rows, ['bow'], 20.0)

    report, data = run(root, root, tmp_path / 'o.pkl', labels_kind='elan')

    assert segments(data) == {
        'sit/p02': [('bow', 5, 10)],
        'walk/p01': [('wave', 10, 20)],
    }
    assert report.skipped == []


@pytest.mark.parametrize('place', ['labels.csv', 'labels'])
def test_label_files_are_no_recordings(root, tmp_path, place):
    path = root / place
    if place == 'labels':
        write(path / 'p01.txt', 'background\n' * 30 + 'wave\n' * 10)
        write(path / 'p02.txt', 'bow\n' * 33)
    else:
        write(path, TABLE + 'p01,wave,30,40\np02,bow,0,33\n')
    source = FolderSource(
        root,
        endings=['.npz', '.txt', '.csv'],
        labels=path,
        labels_unit='frames' if place == 'labels.csv' else None,
    )

    assert [item.name for item in source.items()] == ['sit/p02', 'walk/p01']
    assert source.skipped == []


def test_seconds_without_a_rate_are_refused(tmp_path):
    save(tmp_path / 'in' / 'p01.npz', fps=None)
    path = write(tmp_path / 'l.csv', TABLE + 'p01,wave,0.5,1\n')
    arguments = tmp_path / 'in', path, tmp_path / 'o.pkl'

    report, _ = run(*arguments, labels_unit='s')

    assert 'state it with --source-fps' in report.skipped[0].reason
    _, data = run(*arguments, labels_unit='s', given=30)
    assert segments(data) == {'p01': [('wave', 15, 30)]}


def placed(labels, **facts):
    """Segments of labels of class b in 30 frames at 10 a second."""
    keypoint = np.ones((1, 30, 5, 3))
    file = Recording('v', keypoint, fps=10.0, **facts)
    return labelled(file, label_fields(labels, ['a', 'b']))


@pytest.mark.parametrize(
    ('unit', 'num_frames', 'facts', 'expected'),
    [
        ('frames', None, {}, [20, 26]),
        ('frames', None, dict(first_frame=12), [8, 14]),
        ('frames', None, dict(first_frame=12, frame_step=2), [4, 7]),
        ('frames', 30, dict(first_frame=12), [20, 26]),
        ('frames', 42, dict(first_frame=12), [8, 14]),
        ('s', None, dict(first_frame=12, frame_step=2), [20, 26]),
        ('s', None, dict(first_frame=12, of_film=True), [8, 14]),
        ('s', None, dict(first_frame=1, of_film=True), [20, 26]),
    ],
)
def test_labels_follow_the_numbers_of_the_frames(
    unit, num_frames, facts, expected
):
    times = np.array([[20.0, 26.0]]) / (10 if unit == 's' else 1)
    labels = VideoLabels('v', times, ['b'], unit, num_frames=num_frames)

    found = placed(labels, **facts)

    assert found.segments.bounds.tolist() == [expected]
    assert found.segments.label.tolist() == [1]
    assert len(found.notes) == (expected != [20, 26])


@pytest.mark.parametrize(
    ('num_frames', 'segment', 'expected'),
    [
        (None, [8, 10], [8, 10]),
        (None, [8, 12], [8, 17]),
        (None, [10, 12], [15, 17]),
        (None, [12, 99], [17, 30]),
        (25, [10, 12], [15, 17]),
        (30, [10, 12], [10, 12]),
    ],
)
def test_labels_in_frames_count_those_that_a_table_has(
    num_frames, segment, expected
):
    times = np.array([segment], np.float64)
    labels = VideoLabels('v', times, ['b'], 'frames', num_frames=num_frames)

    found = placed(labels, rows=np.r_[:10, 15:30])

    told = ' '.join(map(str, found.notes))
    assert found.segments.bounds.tolist() == [expected]
    assert 'labels of 25 frames' not in told
    assert ('count the 25 frames' in told) == (num_frames != 30)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(classes_from_folders=True), 'not both'),
        (dict(tiers=['x']), 'do not belong to labels'),
        (dict(labels_unit='h'), "unit='h'"),
    ],
)
def test_options_that_cannot_be_are_refused(root, tmp_path, options, message):
    path = write(tmp_path / 'l.csv', 'p01,wave,1,5\n')
    options = {'labels_unit': 'frames', **options}

    with pytest.raises(ValueError, match=message):
        FolderSource(root, labels=path, **options).items()
