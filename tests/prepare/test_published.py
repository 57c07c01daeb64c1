"""Data sets as they are published."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from mmsnip.datasets.benchmarks import SUBSETS, BABELDataset
from mmsnip.io.annotation import load_annotation
from mmsnip.io.formats.amass import NTU_FROM_SMPLH
from mmsnip.io.formats.ntu import NTU_CLASSES
from mmsnip.prepare.job import convert, entry_of
from mmsnip.prepare.published import BabelSource, NTUSource, PKUMMDSource
from mmsnip.structures import DataError
from tests.formats.babel_files import (
    entry,
    stand_in_body,
    write_json,
    write_motion,
)
from tests.formats.ntu_text import FIRST_ID, frames_of, ntu_text, standing
from tests.formats.pkummd_text import label_text, skeleton_text, split_text

# performer 1 trains, 3 validates; camera 2 trains, 1 validates.
NAMES = [
    'S001C001P001R001A001',
    'S001C002P001R001A002',
    'S002C001P003R001A002',
    'S002C002P003R002A060',
]


def write_recording(path, num_frames=13, persons=1, seed=0):
    rng = np.random.default_rng(seed)
    tracks = [
        (FIRST_ID + n, 0, standing(rng, num_frames, x=n, motion=0.1 + n))
        for n in range(persons)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(ntu_text(frames_of(tracks, num_frames)))
    return [joints for _, _, joints in tracks]


@pytest.fixture
def folder(tmp_path):
    """Two folders of recordings of different lengths."""
    for n, name in enumerate(NAMES):
        place = tmp_path / 'in' / ('a', 'b/c')[n % 2]
        write_recording(place / f'{name}.skeleton', 13 + n, seed=n)
    return tmp_path / 'in'


def run(source, output):
    report = convert(source, output, progress=False)
    return report, load_annotation(output) if report.usable else None


def reasons(source):
    return {note.path.split('/')[-1]: note.reason for note in source.skipped}


def test_names_give_label_order_subjects_and_views(folder, tmp_path):
    report, data = run(NTUSource(folder), tmp_path / 'out.pkl')

    videos = data['annotations']
    assert [video['frame_dir'] for video in videos] == NAMES
    assert [video['label'] for video in videos] == [0, 1, 1, 59]
    assert [video['total_frames'] for video in videos] == [13, 14, 15, 16]
    assert report.skipped == []
    assert data['split'] == dict(
        xsub_train=NAMES[:2],
        xsub_val=NAMES[2:],
        xview_train=NAMES[1::2],
        xview_val=NAMES[::2],
    )


def test_an_action_above_60_makes_it_120_classes_and_setups(folder, tmp_path):
    name = 'S018C001P008R001A120'
    write_recording(folder / f'{name}.skeleton')

    _, data = run(NTUSource(folder), tmp_path / 'out.pkl')

    assert data['metainfo']['classes'] == list(NTU_CLASSES)
    assert data['annotations'][-1]['label'] == 119
    assert sorted(data['split']) == [
        'xset_train',
        'xset_val',
        'xsub_train',
        'xsub_val',
    ]
    assert data['split']['xset_train'] == [*NAMES[2:], name]


def test_a_list_and_the_number_of_classes_leave_files_out(folder, tmp_path):
    listed = tmp_path / 'missing.txt'
    listed.write_text(f'Samples with missing skeletons\n\n{NAMES[1]}\n')
    write_recording(folder / 'S018C001P008R001A061.skeleton')
    source = NTUSource(folder, missing=listed, classes=60)

    names = [item.name for item in source.items()]

    assert names == [NAMES[0], *NAMES[2:]]
    assert 'missing.txt' in reasons(source)[f'{NAMES[1]}.skeleton']
    assert 'action 61' in reasons(source)['S018C001P008R001A061.skeleton']


def test_what_is_no_recording_is_left_out_with_a_reason(folder, tmp_path):
    write_recording(folder / 'z' / f'{NAMES[0]}.skeleton')
    write_recording(folder / 'S001C009P001R001A001.skeleton')
    (folder / 'mine.skeleton').write_text('1\n')
    (folder / 'depth.avi').write_bytes(b'x')
    (folder / '.hidden.skeleton').write_text('1\n')
    (folder / 'S001C001P001R001A007.skeleton').write_text('3\n0\n0\n0\n')

    report, data = run(NTUSource(folder), tmp_path / 'out.pkl')

    found = {note.path.split('/')[-1]: note.reason for note in report.skipped}
    assert [video['frame_dir'] for video in data['annotations']] == NAMES
    assert 'has the name of' in found[f'{NAMES[0]}.skeleton']
    assert 'camera 9' in found['S001C009P001R001A001.skeleton']
    assert 'no name of NTU' in found['mine.skeleton']
    assert "'.skeleton'" in found['depth.avi']
    assert 'no body' in found['S001C001P001R001A007.skeleton']
    assert len(found) == 5


@pytest.mark.parametrize(('most', 'kept'), [(2, 2), (1, 1), (None, 3)])
def test_persons_are_as_many_as_wanted_and_never_padded(tmp_path, most, kept):
    root = tmp_path / 'in'
    write_recording(root / f'{NAMES[0]}.skeleton', persons=3)
    write_recording(root / f'{NAMES[1]}.skeleton', persons=1)

    _, data = run(NTUSource(root, max_persons=most), tmp_path / 'out.pkl')

    shapes = [video['keypoint'].shape[0] for video in data['annotations']]
    assert shapes == [kept, 1]


@pytest.mark.data
def test_the_real_samples_are_all_converted(data_dir, tmp_path):
    root = data_dir / 'ntu_samples'

    report, data = run(NTUSource(root), tmp_path / 'out.pkl')

    videos = data['annotations']
    assert [video['label'] for video in videos] == [0, 1, 2, 3, 4]
    assert sum(video['total_frames'] for video in videos) == 518
    assert report.skipped == []
    assert not [note for name, note in report.look_at if name]
    assert sorted(data['split']) == ['xsub_train', 'xview_val']


VIDEOS = ['0002-L', '0002-M', '0003-L', '0003-R']
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
def pkummd(tmp_path):
    """Four videos of different lengths, and both lists."""
    root = tmp_path / 'in'
    for n, name in enumerate(VIDEOS):
        write_video(root, name, 11 + n)
    write(root / 'Split/cross-subject.txt', split_text(VIDEOS[:2], VIDEOS[2:]))
    write(root / 'Split/cross-view.txt', split_text(VIDEOS[1::2], VIDEOS[::2]))
    return root


def reasons_of(notes):
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


def test_both_protocols_follow_the_lists(pkummd, tmp_path):
    write(pkummd / 'Split/cross-view.txt', split_text(VIDEOS[:3], VIDEOS[3:]))

    _, data = run(PKUMMDSource(pkummd), tmp_path / 'out.pkl')

    assert data['split'] == dict(
        xsub_train=VIDEOS[:2],
        xsub_val=VIDEOS[2:],
        xview_train=VIDEOS[:3],
        xview_val=VIDEOS[3:],
    )


def test_without_lists_views_come_from_names_and_subjects_are_told_missing(
    pkummd, tmp_path
):
    for path in (pkummd / 'Split').iterdir():
        path.unlink()

    report, data = run(PKUMMDSource(pkummd), tmp_path / 'out.pkl')

    assert data['split'] == dict(
        xview_train=['0002-M', '0003-R'], xview_val=['0002-L', '0003-L']
    )
    assert 'cross_subject' in reasons_of(report.skipped)['in']


@pytest.mark.parametrize(
    'places',
    [
        ('Data/skeleton', 'Label', 'lists/cross_subject_v2.txt'),
        ('a/deep/x', 'b', 'xsub.txt'),
    ],
)
def test_folders_are_found_by_their_content(pkummd, tmp_path, places):
    skeletons, labels, listed = (tmp_path / 'moved' / p for p in places)
    for old, new in (
        ('PKU_Skeleton_Renew', skeletons),
        ('Train_Label_PKU_final', labels),
        ('Split/cross-subject.txt', listed),
    ):
        new.parent.mkdir(parents=True, exist_ok=True)
        (pkummd / old).rename(new)

    _, data = run(PKUMMDSource(tmp_path / 'moved'), tmp_path / 'out.pkl')

    assert len(data['annotations']) == 4
    assert data['split']['xsub_train'] == VIDEOS[:2]


def test_two_copies_of_the_skeletons_need_a_choice(pkummd, tmp_path):
    text = skeleton_text(np.ones((1, 3, 25, 3)))
    copy = write(pkummd / 'Skeleton' / '0002-L.txt', text).parent

    with pytest.raises(
        DataError, match=r"both of the video '0002-L'.*skeletons=.*Skele"
    ):
        PKUMMDSource(pkummd).items()
    items = PKUMMDSource(
        pkummd, skeletons=pkummd / 'PKU_Skeleton_Renew'
    ).items()
    assert [item.name for item in items] == VIDEOS
    assert PKUMMDSource(pkummd, skeletons=copy).items()[0].path == str(
        copy / '0002-L.txt'
    )


def test_named_places_go_before_found_ones(pkummd, tmp_path):
    labels = write(tmp_path / 'x/0002-L.txt', label_text([[7, 0, 4]])).parent
    listed = write(tmp_path / 'mine.txt', split_text(VIDEOS[2:], VIDEOS[:2]))
    source = PKUMMDSource(pkummd, labels=labels, cross_subject=listed)

    report, data = run(source, tmp_path / 'out.pkl')

    (video,) = data['annotations']
    assert video['segment_labels'].tolist() == [6]
    assert data['split']['xsub_val'] == ['0002-L']
    assert report.missing['xsub_train'] == VIDEOS[2:]


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


def test_what_cannot_be_used_is_left_out_with_a_reason(pkummd, tmp_path):
    skeletons = pkummd / 'PKU_Skeleton_Renew'
    labels = pkummd / 'Train_Label_PKU_final'
    (labels / '0002-L.txt').unlink()
    (skeletons / '0002-M.txt').unlink()
    write(labels / '0003-L.txt', '77,1,2,1\n')
    write(skeletons / '0003-R.txt', '1 2 3\n')
    write_video(pkummd, '0009-M')
    write(pkummd / 'readme.txt', 'hello')
    write(pkummd / 'Split/list.txt', split_text(VIDEOS[:1], VIDEOS[1:2]))
    write(pkummd / 'Actions.xlsx', 'x')

    report, data = run(PKUMMDSource(pkummd), tmp_path / 'out.pkl')

    found = reasons_of(report.skipped)
    assert [video['frame_dir'] for video in data['annotations']] == ['0009-M']
    assert 'no label file' in found['0002-L.txt']
    assert 'no skeleton file' in found['0002-M.txt']
    assert "'77 1 2 1'" in found['0003-L.txt']
    assert 'found 3 values, expected 150' in found['0003-R.txt']
    assert 'neither called as a video' in found['readme.txt']
    assert 'neither subject nor view' in found['list.txt']
    assert found['Actions.xlsx'] == 'is no .txt file'
    assert len(report.skipped) == 7


def test_lists_that_contradict_each_other_are_refused(pkummd):
    write(pkummd / 'cross-subject.txt', split_text(VIDEOS[2:], VIDEOS[:2]))
    source = PKUMMDSource(pkummd)
    source.items()

    with pytest.raises(DataError, match=r"'0002-L' in \w+, another list"):
        source.splits(VIDEOS)


@pytest.mark.parametrize(
    ('gone', 'what'),
    [('PKU_Skeleton_Renew', 'skeletons'), ('Train_Label_PKU_final', 'labels')],
)
def test_a_folder_without_one_kind_is_refused(pkummd, gone, what):
    for path in (pkummd / gone).iterdir():
        path.unlink()

    with pytest.raises(DataError, match=f'in holds no {what} of PKU-MMD'):
        PKUMMDSource(pkummd).items()


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
