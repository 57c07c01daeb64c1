"""Toy declarations, and tools that train in no time."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import yaml

from experiments.data import DataFolder
from experiments.declare import load_runs
from experiments.run import Runner
from mmsnip.io.annotation import save_annotation

TRAIN = """
import argparse, json, os, signal, sys, time
from pathlib import Path
parser = argparse.ArgumentParser()
parser.add_argument('config')
parser.add_argument('--work-dir', type=Path)
parser.add_argument('--seed', type=int)
parser.add_argument('--resume', action='store_true')
parser.add_argument('--no-validate', action='store_true')
parser.add_argument('--cfg-options', nargs='+', default=[])
args = parser.parse_args()
call = dict(vars(args), work_dir=args.work_dir.name,
            env={k: v for k, v in os.environ.items() if 'MMSNIP' in k
                 or k == 'OMP_NUM_THREADS'})
with (args.work_dir.parent / 'calls.jsonl').open('a') as log:
    log.write(json.dumps(call) + '\\n')
def save(epoch):
    path = args.work_dir / f'epoch_{epoch}.pth'
    path.write_text('weights')
    (args.work_dir / 'last_checkpoint').write_text(str(path))
if 'crash' in args.config:
    sys.exit('the toy training fell over')
if not args.resume:
    save(1)
    if 'killed' in args.config:
        os.kill(os.getpid(), signal.SIGKILL)
    if 'slow' in args.config:
        time.sleep(60)
save(2)
"""
TEST = """
import sys
import numpy as np
from mmsnip.io.scores import save_scores
# classes left, right and background; seed 1 finds half of the segment
truth = {'v': np.array([[0, 2, 6]])}
labels = np.full(9, 2)
labels[2:6] = 0
save_scores(sys.argv[sys.argv.index('--dump-scores') + 1],
            {'v': np.eye(3)[labels] * 0.5 + 0.1}, ['left', 'right'], truth)
"""
BASE = dict(
    groups=[
        dict(
            name='toys',
            budget='tiny',
            defaults=dict(data='toy', width=8),
            matrix=dict(seed=[0, 1]),
            runs=[
                dict(name='pre', stage='pretrain', epochs=2),
                dict(name='fine', init='pre', fraction=0.5, epochs=4),
            ],
        )
    ]
)


def toy_annotation():
    """Four training videos of two groups and one to validate on."""
    names = ['set_a_0', 'set_a_1', 'set_b_0', 'set_b_1', 'set_c_0']
    rng = np.random.default_rng(0)
    return dict(
        metainfo=dict(
            classes=['left', 'right'],
            joint_names=['root', 'left', 'right'],
            parents=[-1, 0, 0],
            fps=30.0,
        ),
        split=dict(train=names[:4], val=names[4:]),
        annotations=[
            dict(
                frame_dir=name,
                total_frames=9,
                keypoint=rng.normal(size=(1, 9, 3, 3)).astype(np.float32),
                segments=np.array([[2, 6]]),
                segment_labels=np.array([0]),
            )
            for name in names
        ],
    )


@pytest.fixture
def declare(tmp_path):
    """Write a declaration and load it."""

    def write(content):
        path = tmp_path / 'runs.yaml'
        path.write_text(yaml.safe_dump(content, sort_keys=False))
        return load_runs(path)

    return write


@pytest.fixture
def bench(tmp_path, declare):
    """A runner with toy tools; ``bench(declaration)``."""
    tools = tmp_path / 'tools'
    tools.mkdir(exist_ok=True)
    (tools / 'train.py').write_text(TRAIN)
    (tools / 'test.py').write_text(TEST)
    data = tmp_path / 'data'
    save_annotation(data / 'toy.pkl', toy_annotation())

    def build(content, said=None):
        declared = declare(content)
        said = [] if said is None else said
        return Runner(
            declared,
            DataFolder(data, tmp_path / 'work' / 'data', declared.data),
            tmp_path / 'results' / 'rows.jsonl',
            tmp_path / 'work',
            tools,
            say=said.append,
        )

    return build


def calls(runner):
    """Every call of the toy training, in order."""
    path = runner.work / 'calls.jsonl'
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines()]


def only(*runs, **group):
    """A declaration of these runs, one seed."""
    return dict(
        groups=[
            dict(
                name='toys',
                budget='tiny',
                defaults=dict(data='toy'),
                runs=list(runs),
                **group,
            )
        ]
    )


def run_all(runner, **options):
    return runner.run(list(runner.declared.runs.values()), **options)


def kill_training(runner):
    """Kill the training in this runner's folder, known by that folder."""
    folder = str(runner.work)
    for entry in Path('/proc').glob('[0-9]*/cmdline'):
        try:
            words = entry.read_bytes().decode().split('\0')
        except OSError:
            continue
        if len(words) < 3 or not words[1].endswith('tools/train.py'):
            continue
        if any(word.startswith(folder) for word in words):
            os.kill(int(entry.parent.name), signal.SIGKILL)
            while is_alive(entry):
                time.sleep(0.02)


def is_alive(entry):
    """Whether the process still holds its files; its words go before them."""
    try:
        state = (entry.parent / 'stat').read_text().rpartition(')')[2].split()
    except OSError:
        return False
    return state[0] not in 'ZX'


def toy_row(name, seed, metrics, **more):
    """A row as the runner writes it, of one family a name."""
    return {
        'name': name, 'seed': seed, 'metrics': metrics, 'split': 'val',
        'identity': f'{name}-{seed}', 'family': name, 'group': 'toys',
        'budget': 'tiny', 'config': 'configs/custom/localize.py',
        'overrides': [], 'data': 'toy', 'width': 8, 'epochs': 4,
        'fraction': 1.0, 'versions': {'mmsnip': '0.1.0', 'torch': '2.0'},
        **more,
    }  # fmt: skip
