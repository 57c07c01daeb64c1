"""From a folder of `.skeleton` files to pre-training, in two commands."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest

from tests.formats.ntu_text import FIRST_ID, frames_of, ntu_text, standing
from tests.tools.conftest import TINY_PRETRAIN, losses, run, train


def write_folder(root, performers=(1, 3)):
    rng = np.random.default_rng(0)
    root.mkdir()
    for performer in performers:
        for action in range(1, 5):
            T = 40 + 3 * action
            body = standing(rng, T, motion=0.2)
            text = ntu_text(frames_of([(FIRST_ID, 0, body)], T))
            name = f'S001C001P{performer:03}R001A{action:03}.skeleton'
            (root / name).write_text(text)


@pytest.mark.slow
def test_a_folder_of_skeleton_files_pre_trains_in_two_commands(tmp_path):
    write_folder(tmp_path / 'raw')
    ann_file = tmp_path / 'ntu.pkl'

    tool = [sys.executable, 'tools/prepare_data.py', 'ntu']
    done = run([*tool, tmp_path / 'raw', ann_file], '')
    train(
        'configs/custom/pretrain.py',
        tmp_path / 'work',
        [*TINY_PRETRAIN, 'train_cfg.max_epochs=1'],
        ann_file,
        MMSNIP_SPLIT='xsub',
    )

    assert done.returncode == 0, done.output
    assert '8 of 8 recordings converted' in done.stdout
    found = losses(tmp_path / 'work')
    assert len(found) == 2  # 4 training files, 2 visits each, batches of 4
    assert all(math.isfinite(loss) for loss in found.values())
    assert (tmp_path / 'work' / 'epoch_1.pth').exists()
