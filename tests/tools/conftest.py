"""A small annotation file, and the command lines run as a user would."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mmsnip.cli import command_line
from mmsnip.io.annotation import save_annotation
from tests import warm

ROOT = Path(__file__).resolve().parents[2]
PARENTS = [-1, 0, 1, 1, 0]
TINY = [
    'model.backbone.base_channels=8',
    'train_dataloader.num_workers=0',
    'default_hooks.checkpoint.interval=1',
    'default_hooks.logger.interval=1',
]
TINY_PRETRAIN = [
    *TINY,
    'train_dataloader.batch_size=4',
    'train_dataloader.dataset.samples_per_video=2',
    'model.global_head.queue_size=24',
    'model.snippet_head.queue_size=24',
]
TINY_LOCALIZE = [
    *TINY,
    'train_dataloader.batch_size=4',
    'model.neck.out_channels=16',
    'train_dataloader.dataset.min_samples=0',
    'val_dataloader.num_workers=0',
    'test_dataloader.num_workers=0',
]


def command(name):
    """The function that runs ``mmsnip NAME`` in this process."""
    return lambda words: command_line.main([name, *map(str, words)])


def annotation(num_train=8, num_val=5, seed=0):
    """Videos in which a class is a joint that swings."""
    rng = np.random.default_rng(seed)
    names = [f'train_{n}' for n in range(num_train)]
    names += [f'val_{n}' for n in range(num_val)]
    annotations = []
    for name in names:
        T = int(rng.integers(90, 130))
        keypoint = rng.normal(0, 0.01, (1, T, 5, 3)) + np.array(
            [[0, 0, 0], [0, 0.5, 0], [0.3, 0.5, 0], [-0.3, 0.5, 0], [0, -1, 0]]
        )
        segments, labels, start = [], [], int(rng.integers(5, 15))
        while start + 35 < T:
            end = start + int(rng.integers(20, 30))
            label = int(rng.integers(2))
            swing = 0.3 * np.sin(np.arange(end - start) * 0.7)
            keypoint[0, start:end, 2 + label, 1] += swing
            segments.append([start, end])
            labels.append(label)
            start = end + int(rng.integers(8, 20))
        annotations.append(
            dict(
                frame_dir=name,
                total_frames=T,
                keypoint=keypoint.astype(np.float32),
                segments=np.array(segments),
                segment_labels=np.array(labels),
            )
        )
    return dict(
        metainfo=dict(
            classes=['left', 'right'],
            joint_names=['root', 'neck', 'hand_l', 'hand_r', 'foot'],
            parents=PARENTS,
            fps=30.0,
            dataset='swings',
        ),
        split=dict(train=names[:num_train], val=names[num_train:]),
        annotations=annotations,
    )


@pytest.fixture(scope='session')
def ann_file(tmp_path_factory) -> Path:
    """Eight training and five validation videos."""
    path = tmp_path_factory.mktemp('swings') / 'swings.pkl'
    save_annotation(path, annotation())
    return path


def free_port():
    """A port that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        return str(listener.getsockname()[1])


def environment(ann_file, **more):
    return {
        **os.environ,
        'MMSNIP_ANN_FILE': str(ann_file),
        'OMP_NUM_THREADS': '1',
        'PYTHON': sys.executable,
        'PYTHONWARNINGS': 'ignore',
        **more,
    }


def run(command, ann_file, cold=False, **more):
    """Run a command of the README in the checkout; output on failure.

    A tool is forked from what has imported torch already; ``cold`` starts
    it as a shell does, which takes four seconds longer.
    """
    command = [str(part) for part in command]
    variables = environment(ann_file, **more)
    if not cold and command[0] == sys.executable and warm.can_fork():
        done = warm.run(command[1:], ROOT, variables, timeout=400)
    else:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=400,
        )
    done.output = done.stdout + done.stderr
    return done


def train(config, work_dir, options, ann_file, *arguments, **more):
    """``tools/train.py``; raises with its output where it fails."""
    done = run(
        [sys.executable, 'tools/train.py', config, '--work-dir', work_dir]
        + [*arguments, '--cfg-options', *options],
        ann_file,
        **more,
    )
    assert done.returncode == 0, done.output[-3000:]
    return done


def losses(work_dir):
    """Loss of each logged iteration, the last one that wrote it wins."""
    found = {}
    for path in sorted(Path(work_dir).glob('*/vis_data/scalars.json')):
        for line in path.read_text().splitlines():
            row = json.loads(line)
            if 'loss' in row:
                found[row['step']] = row['loss']
    return found
