"""From an annotation file to segments: the model learns what it is shown."""

from __future__ import annotations

import sys

import pytest

from mmsnip.io.annotation import save_annotation
from mmsnip.io.detections import load_detections
from mmsnip.synthesis import synthesize_untrimmed
from tests.tools.conftest import run, train


@pytest.mark.slow
def test_overfitting_eight_untrimmed_sequences_finds_their_segments(tmp_path):
    ann_file = tmp_path / 'eight.pkl'
    data = synthesize_untrimmed(num_train=8, num_val=1, frames=(200, 260))
    data['split']['val'] = data['split']['train']
    data['annotations'] = [
        video
        for video in data['annotations']
        if video['frame_dir'] in data['split']['train']
    ]
    save_annotation(ann_file, data)
    options = [
        'model.backbone.base_channels=8',
        'model.neck.out_channels=32',
        'train_cfg.max_epochs=4',
        'train_cfg.val_interval=4',
        'train_dataloader.dataset.pipeline.5.prob=0',  # no other postures
    ]
    train('configs/custom/localize.py', tmp_path, options, ann_file)

    done = run(
        [sys.executable, 'tools/test.py', 'configs/custom/localize.py']
        + [tmp_path / 'epoch_4.pth', '--dump', tmp_path / 'found.json']
        + ['--work-dir', tmp_path / 'test']
        + ['--show-dir', tmp_path / 'pictures', '--cfg-options', *options],
        ann_file,
    )

    assert done.returncode == 0, done.output[-3000:]
    detections, metrics = load_detections(tmp_path / 'found.json')
    # one class in three may have a run in two pieces, by the seed
    assert metrics['runs/mAP@0.50'] > 0.85, metrics
    assert metrics['sweep/mAP@0.50'] > 0.9, metrics
    assert set(detections) == set(data['split']['val'])
    assert len(list((tmp_path / 'pictures').glob('*.png'))) == 8
