from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from mmsnip.io.formats.pkummd import (
    read_pkummd,
    read_pkummd_labels,
)
from mmsnip.io.splits import read_pkummd_split
from mmsnip.synthesis.actions import CLASSES
from mmsnip.synthesis.dataset import synthesize_video
from mmsnip.synthesis.pkummd_folder import (
    PKUMMD_LABELS,
    write_pkummd_folder,
)

ROOT = Path(__file__).resolve().parents[2]
FRAMES = (160, 190)


def write(root, num_train=3, num_val=2, **options):
    return write_pkummd_folder(
        root, num_train, num_val, seed=7, frames=FRAMES, **options
    )


def skeleton(root, name):
    return root / 'PKU_Skeleton_Renew' / f'{name}.txt'


def labels(root, name):
    return root / 'Train_Label_PKU_final' / f'{name}.txt'


def test_files_hold_the_videos_of_the_generator(tmp_path):
    write(tmp_path)

    for name, split, index in (('0002-M', 'train', 1), ('0004-M', 'val', 0)):
        video = synthesize_video(7, split, index, FRAMES)
        keypoint = read_pkummd(skeleton(tmp_path, name)).keypoint
        M = len(keypoint)
        np.testing.assert_allclose(
            keypoint, video['keypoint'][:M], rtol=0, atol=6e-7
        )
        assert not video['keypoint'][M:].any()
        segments, found, _ = read_pkummd_labels(labels(tmp_path, name))
        assert segments.tolist() == video['segments'].tolist()
        assert found.tolist() == [
            PKUMMD_LABELS[CLASSES[n]] - 1 for n in video['segment_labels']
        ]


def test_lists_are_written_in_the_words_of_the_data_set(tmp_path):
    made = write(tmp_path, views=('L', 'R'))

    path = tmp_path / 'Split' / 'cross-subject.txt'
    train = ['0001-L', '0001-R', '0002-L', '0002-R', '0003-L', '0003-R']
    val = ['0004-L', '0004-R', '0005-L', '0005-R']
    assert path.read_text().splitlines()[2] == 'Validataion videos: '
    assert read_pkummd_split(path) == dict(train=train, val=val)
    assert read_pkummd_split(tmp_path / 'Split' / 'cross-view.txt') == dict(
        train=[f'000{n}-R' for n in range(1, 6)],
        val=[f'000{n}-L' for n in range(1, 6)],
    )
    assert made['videos'] == 10


def test_swapped_rows_are_as_many_as_told_and_mended_to_the_same(tmp_path):
    plain, swapped = tmp_path / 'plain', tmp_path / 'swapped'
    write(plain)
    made = write(swapped, swapped=0.5)

    mended = 0
    for path in sorted((swapped / 'Train_Label_PKU_final').iterdir()):
        segments, _, notes = read_pkummd_labels(path)
        expected, _, _ = read_pkummd_labels(labels(plain, path.stem))
        assert segments.tolist() == expected.tolist()
        mended += len(notes)
    assert 0 < mended < made['segments']
    assert mended == made['swapped']


def test_the_command_line_writes_the_folder(tmp_path):
    done = subprocess.run(
        [sys.executable, 'tools/synthesize.py', str(tmp_path), '--pkummd']
        + ['--videos', '2', '--val', '1', '--frames', '90', '99']
        + ['--views', 'L', 'M', '--swapped', '1'],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert '6 videos of views L M' in done.stdout
    assert len(list((tmp_path / 'PKU_Skeleton_Renew').iterdir())) == 6
    assert not list(tmp_path.glob('*.pkl'))


def test_the_command_line_refuses_a_folder_without_validation(tmp_path):
    done = subprocess.run(
        [sys.executable, 'tools/synthesize.py', str(tmp_path), '--pkummd']
        + ['--videos', '2', '--val', '0'],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert 'error: num_train=2 and num_val=0' in done.stderr
