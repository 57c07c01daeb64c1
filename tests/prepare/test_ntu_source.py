from __future__ import annotations

import numpy as np
import pytest

from mmsnip.io.annotation import load_annotation
from mmsnip.io.formats.ntu import NTU_CLASSES
from mmsnip.prepare.job import convert
from mmsnip.prepare.published import NTUSource
from tests.formats.ntu_text import FIRST_ID, frames_of, ntu_text, standing

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
