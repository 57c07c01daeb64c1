"""From a folder of PKU-MMD's layout to metrics, in three commands."""

from __future__ import annotations

import json
import sys

import pytest

from mmsnip.io.annotation import load_annotation
from mmsnip.synthesis.pkummd_folder import write_pkummd_folder
from tests.tools.conftest import TINY_LOCALIZE, run, train


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Five training and two validation videos, two views of each."""
    root = tmp_path_factory.mktemp('pku') / 'raw'
    write_pkummd_folder(
        root, 5, 2, frames=(160, 190), views=('L', 'M'), swapped=0.3
    )
    return root


def prepare(*arguments):
    return run(
        [sys.executable, 'tools/prepare_data.py', 'pkummd', *arguments], ''
    )


@pytest.mark.slow
def test_a_pkummd_folder_gives_metrics_in_three_commands(folder, tmp_path):
    ann_file, work = tmp_path / 'pku.pkl', tmp_path / 'work'
    dump = tmp_path / 'detections.json'

    prepared = prepare(folder, ann_file)
    train(
        'configs/custom/localize.py',
        work,
        [*TINY_LOCALIZE, 'train_cfg.max_epochs=1'],
        ann_file,
        MMSNIP_SPLIT='xview',
    )
    tested = run(
        [sys.executable, 'tools/test.py', 'configs/custom/localize.py']
        + [work / 'epoch_1.pth', '--work-dir', work / 'test', '--dump', dump]
        + ['--cfg-options', *TINY_LOCALIZE],
        ann_file,
        MMSNIP_SPLIT='xview',
    )

    assert prepared.returncode == 0, prepared.output
    assert 'start and end are swapped' in prepared.stdout
    assert tested.returncode == 0, tested.output[-3000:]
    found = json.loads(dump.read_text())
    assert 0 <= found['metrics']['sweep/mAP'] <= 1
    split = load_annotation(ann_file)['split']
    assert set(found['results']) <= set(split['xview_val'])
    assert split['xview_val'] == [f'000{n}-L' for n in range(1, 8)]


def test_a_file_of_two_protocols_asks_which(folder, tmp_path):
    prepare(folder, tmp_path / 'pku.pkl')

    done = run(
        [sys.executable, 'tools/train.py', 'configs/custom/localize.py']
        + ['--work-dir', tmp_path],
        tmp_path / 'pku.pkl',
    )

    assert done.returncode == 2
    assert "['xsub', 'xview']" in done.stderr
    assert 'MMSNIP_SPLIT=xsub' in done.stderr
    assert 'Traceback' not in done.stderr


def test_places_of_the_folder_can_be_named(folder, tmp_path):
    done = prepare(
        folder / 'Split',
        tmp_path / 'pku.pkl',
        *('--skeletons', folder / 'PKU_Skeleton_Renew'),
        *('--labels', folder / 'Train_Label_PKU_final'),
        *('--cross-subject', folder / 'Split' / 'cross-subject.txt'),
    )

    assert done.returncode == 0, done.output
    split = load_annotation(tmp_path / 'pku.pkl')['split']
    assert len(split['xsub_train']) == 10
