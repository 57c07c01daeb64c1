from __future__ import annotations

import numpy as np
import pytest

from mmsnip.io.annotation import load_annotation
from mmsnip.prepare.job import convert
from mmsnip.prepare.published import PKUMMDSource
from mmsnip.structures import DataError
from tests.formats.pkummd_text import label_text, skeleton_text, split_text

NAMES = ['0002-L', '0002-M', '0003-L', '0003-R']
ROWS = [[1, 2, 5], [51, 6, 9]]


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def write_video(root, name, T=11, rows=ROWS, persons=2):
    rng = np.random.default_rng(T)
    keypoint = rng.normal(size=(persons, T, 25, 3)).round(6)
    write(root / 'PKU_Skeleton_Renew' / f'{name}.txt', skeleton_text(keypoint))
    write(root / 'Train_Label_PKU_final' / f'{name}.txt', label_text(rows))
    return keypoint.astype(np.float32)


@pytest.fixture
def folder(tmp_path):
    """Four videos of different lengths, and both lists."""
    root = tmp_path / 'in'
    for n, name in enumerate(NAMES):
        write_video(root, name, 11 + n)
    write(root / 'Split/cross-subject.txt', split_text(NAMES[:2], NAMES[2:]))
    write(root / 'Split/cross-view.txt', split_text(NAMES[1::2], NAMES[::2]))
    return root


def run(source, output):
    report = convert(source, output, progress=False)
    return report, load_annotation(output) if report.usable else None


def reasons(notes):
    return {note.path.split('/')[-1]: note.reason for note in notes}


def test_videos_have_the_joints_and_segments_of_their_files(tmp_path):
    root = tmp_path / 'in'
    keypoint = write_video(root, '0002-L', 13, [[51, 2, 5], [1, 5, 13]])

    _, data = run(PKUMMDSource(root), tmp_path / 'out.pkl')

    (video,) = data['annotations']
    np.testing.assert_array_equal(video['keypoint'], keypoint)
    assert video['segments'].tolist() == [[2, 5], [5, 13]]
    assert video['segment_labels'].tolist() == [50, 0]
    assert video['total_frames'] == 13


def test_both_protocols_follow_the_lists(folder, tmp_path):
    write(folder / 'Split/cross-view.txt', split_text(NAMES[:3], NAMES[3:]))

    _, data = run(PKUMMDSource(folder), tmp_path / 'out.pkl')

    assert data['split'] == dict(
        xsub_train=NAMES[:2],
        xsub_val=NAMES[2:],
        xview_train=NAMES[:3],
        xview_val=NAMES[3:],
    )


def test_without_lists_views_come_from_names_and_subjects_are_told_missing(
    folder, tmp_path
):
    for path in (folder / 'Split').iterdir():
        path.unlink()

    report, data = run(PKUMMDSource(folder), tmp_path / 'out.pkl')

    assert data['split'] == dict(
        xview_train=['0002-M', '0003-R'], xview_val=['0002-L', '0003-L']
    )
    assert 'cross_subject' in reasons(report.skipped)['in']


@pytest.mark.parametrize(
    'places',
    [
        ('Data/skeleton', 'Label', 'lists/cross_subject_v2.txt'),
        ('a/deep/x', 'b', 'xsub.txt'),
    ],
)
def test_folders_are_found_by_their_content(folder, tmp_path, places):
    skeletons, labels, listed = (tmp_path / 'moved' / p for p in places)
    for old, new in (
        ('PKU_Skeleton_Renew', skeletons),
        ('Train_Label_PKU_final', labels),
        ('Split/cross-subject.txt', listed),
    ):
        new.parent.mkdir(parents=True, exist_ok=True)
        (folder / old).rename(new)

    _, data = run(PKUMMDSource(tmp_path / 'moved'), tmp_path / 'out.pkl')

    assert len(data['annotations']) == 4
    assert data['split']['xsub_train'] == NAMES[:2]


def test_two_copies_of_the_skeletons_need_a_choice(folder, tmp_path):
    text = skeleton_text(np.ones((1, 3, 25, 3)))
    copy = write(folder / 'Skeleton' / '0002-L.txt', text).parent

    with pytest.raises(
        DataError, match=r"both of the video '0002-L'.*skeletons=.*Skele"
    ):
        PKUMMDSource(folder).items()
    items = PKUMMDSource(
        folder, skeletons=folder / 'PKU_Skeleton_Renew'
    ).items()
    assert [item.name for item in items] == NAMES
    assert PKUMMDSource(folder, skeletons=copy).items()[0].path == str(
        copy / '0002-L.txt'
    )


def test_named_places_go_before_found_ones(folder, tmp_path):
    labels = write(tmp_path / 'x/0002-L.txt', label_text([[7, 0, 4]])).parent
    listed = write(tmp_path / 'mine.txt', split_text(NAMES[2:], NAMES[:2]))
    source = PKUMMDSource(folder, labels=labels, cross_subject=listed)

    report, data = run(source, tmp_path / 'out.pkl')

    (video,) = data['annotations']
    assert video['segment_labels'].tolist() == [6]
    assert data['split']['xsub_val'] == ['0002-L']
    assert report.missing['xsub_train'] == NAMES[2:]


def test_swapped_cut_and_repeated_rows_are_mended_and_reported(tmp_path):
    root = tmp_path / 'in'
    rows = [[1, 5, 2], [2, 8, 99], [2, 8, 99], [3, 40, 50]]
    write_video(root, '0002-L', 11, rows)

    report, data = run(PKUMMDSource(root), tmp_path / 'out.pkl')

    (video,) = data['annotations']
    assert video['segments'].tolist() == [[2, 5], [8, 11]]
    notes = [what for name, what in report.notes if name == '0002-L']
    assert 'line 1 (label 1, frames 5 to 2): start and end are' in notes[0]
    assert len(notes) == 5


def test_what_cannot_be_used_is_left_out_with_a_reason(folder, tmp_path):
    skeletons = folder / 'PKU_Skeleton_Renew'
    labels = folder / 'Train_Label_PKU_final'
    (labels / '0002-L.txt').unlink()
    (skeletons / '0002-M.txt').unlink()
    write(labels / '0003-L.txt', '77,1,2,1\n')
    write(skeletons / '0003-R.txt', '1 2 3\n')
    write_video(folder, '0009-M')
    write(folder / 'readme.txt', 'hello')
    write(folder / 'Split/list.txt', split_text(NAMES[:1], NAMES[1:2]))
    write(folder / 'Actions.xlsx', 'x')

    report, data = run(PKUMMDSource(folder), tmp_path / 'out.pkl')

    found = reasons(report.skipped)
    assert [video['frame_dir'] for video in data['annotations']] == ['0009-M']
    assert 'no label file' in found['0002-L.txt']
    assert 'no skeleton file' in found['0002-M.txt']
    assert "'77 1 2 1'" in found['0003-L.txt']
    assert 'found 3 values, expected 150' in found['0003-R.txt']
    assert 'neither called as a video' in found['readme.txt']
    assert 'neither subject nor view' in found['list.txt']
    assert found['Actions.xlsx'] == 'is no .txt file'
    assert len(report.skipped) == 7


def test_lists_that_contradict_each_other_are_refused(folder):
    write(folder / 'cross-subject.txt', split_text(NAMES[2:], NAMES[:2]))
    source = PKUMMDSource(folder)
    source.items()

    with pytest.raises(DataError, match=r"'0002-L' in \w+, another list"):
        source.splits(NAMES)


@pytest.mark.parametrize(
    ('gone', 'what'),
    [('PKU_Skeleton_Renew', 'skeletons'), ('Train_Label_PKU_final', 'labels')],
)
def test_a_folder_without_one_kind_is_refused(folder, gone, what):
    for path in (folder / gone).iterdir():
        path.unlink()

    with pytest.raises(DataError, match=f'in holds no {what} of PKU-MMD'):
        PKUMMDSource(folder).items()
