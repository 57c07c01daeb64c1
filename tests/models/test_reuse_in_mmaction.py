"""Our encoder inside a stock mmaction2 config."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys

import numpy as np
import pytest

CONFIG = """
default_scope = 'mmaction'
custom_imports = dict(imports=['mmsnip'])
model = dict(
    type='RecognizerGCN',
    backbone=dict(
        type='mmsnip.CTRGCN',
        base_channels=16,
        graph_cfg=dict(layout='nturgb+d', mode='spatial')),
    cls_head=dict(type='GCNHead', num_classes=4, in_channels=64))
train_pipeline = [
    dict(type='PreNormalize3D'),
    dict(type='GenSkeFeat', dataset='nturgb+d', feats=['j']),
    dict(type='UniformSampleFrames', clip_len=16),
    dict(type='PoseDecode'),
    dict(type='FormatGCNInput', num_person=2),
    dict(type='PackActionInputs')]
train_dataloader = dict(
    batch_size=4,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='PoseDataset', ann_file='ANN_FILE', pipeline=train_pipeline,
        split='xsub_train'))
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=1)
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.01))
default_hooks = dict(logger=dict(type='LoggerHook', interval=1))
work_dir = 'WORK_DIR'
"""

PROGRAM = """
import sys
import torch
from mmengine.config import Config
from mmengine.runner import Runner
torch.set_num_threads(1)
runner = Runner.from_cfg(Config.fromfile(sys.argv[1]))
before = runner.model.backbone.blocks[0].state_dict()
before = {k: v.clone() for k, v in before.items()}
runner.train()
after = runner.model.backbone.blocks[0].state_dict()
assert any(not torch.equal(before[k], after[k]) for k in before)
print('iterations', runner.iter)
"""


@pytest.mark.slow
def test_stock_recognizer_trains_an_iteration_with_our_encoder(tmp_path):
    rng = np.random.default_rng(0)
    names = [f'video_{n}' for n in range(4)]
    pose = dict(
        split=dict(xsub_train=names),
        annotations=[
            dict(
                frame_dir=name,
                total_frames=20,
                label=n,
                keypoint=rng.normal(size=(1 + n % 2, 20, 25, 3)).astype(
                    np.float16
                ),
            )
            for n, name in enumerate(names)
        ],
    )
    ann_file = tmp_path / 'pose.pkl'
    ann_file.write_bytes(pickle.dumps(pose))
    config = tmp_path / 'config.py'
    text = CONFIG.replace('ANN_FILE', str(ann_file))
    config.write_text(text.replace('WORK_DIR', str(tmp_path / 'work')))

    done = subprocess.run(
        [sys.executable, '-W', 'ignore', '-c', PROGRAM, str(config)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, 'OMP_NUM_THREADS': '1'},
        cwd=tmp_path,
    )

    assert done.returncode == 0, done.stderr[-3000:]
    assert 'iterations 1' in done.stdout
