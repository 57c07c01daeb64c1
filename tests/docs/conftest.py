"""The files that every page finds in its folder, and a reader's shell.

They are small and synthetic, made once a session. Who writes pages sets
MMSNIP_DOCS_PREPARED to a folder, new at first; it is made once and serves
later sessions too.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mmsnip.io.annotation import save_annotation
from mmsnip.synthesis import CLASSES, synthesize_untrimmed, synthesize_video
from tests.docs.page import ROOT
from tests.docs.warm_shell import warm_commands
from tests.warm import can_fork, run

COPIED = ('tools', 'configs', 'examples')
# Enough steps for a few segments to be found.
BRIEFLY = [
    'train_cfg.max_epochs=12',
    'train_cfg.val_interval=12',
    'train_dataloader.num_workers=0',
    'train_dataloader.dataset.min_samples=8',
    'val_dataloader.num_workers=0',
    'test_dataloader.num_workers=0',
    'default_hooks.checkpoint.interval=12',
]
# Of walk.bvh: name, parent, offset in centimetres.
BODY = [
    ('Hips', None, (0, 90, 0)),
    ('Spine', 'Hips', (0, 25, 0)),
    ('Head', 'Spine', (0, 35, 0)),
    ('LeftArm', 'Spine', (18, 22, 0)),
    ('LeftHand', 'LeftArm', (12, -48, 0)),
    ('RightArm', 'Spine', (-18, 22, 0)),
    ('RightHand', 'RightArm', (-12, -48, 0)),
    ('LeftLeg', 'Hips', (10, -42, 0)),
    ('LeftFoot', 'LeftLeg', (0, -42, 4)),
    ('RightLeg', 'Hips', (-10, -42, 0)),
    ('RightFoot', 'RightLeg', (0, -42, 4)),
]


def bvh_text(frames: int = 90) -> str:
    """A body of eleven joints that swings its limbs, at 30 frames a second."""
    order = []

    def node(name: str, pad: str) -> list[str]:
        parent, offset = next((p, o) for n, p, o in BODY if n == name)
        order.append(name)
        channels = '3 Zrotation Xrotation Yrotation'
        if parent is None:
            channels = f'6 Xposition Yposition Zposition {channels[2:]}'
        inside = [
            f'{pad}\tOFFSET {" ".join(map(str, offset))}',
            f'{pad}\tCHANNELS {channels}',
        ]
        below = [n for n, p, _ in BODY if p == name]
        for child in below:
            inside += node(child, f'{pad}\t')
        if not below:
            end = f'{pad}\tEnd Site', f'{pad}\t{{', f'{pad}\t\tOFFSET 0 5 0'
            inside += [*end, f'{pad}\t}}']
        kind = 'ROOT' if parent is None else 'JOINT'
        return [f'{pad}{kind} {name}', f'{pad}{{', *inside, f'{pad}}}']

    head = ['HIERARCHY', *node('Hips', '')]
    swing = 30 * np.sin(np.arange(frames) / 5)
    angles = np.zeros((frames, len(order), 3))
    for index, name in enumerate(order):
        if name.endswith(('Arm', 'Leg')):
            side = 1 if name in ('LeftArm', 'RightLeg') else -1
            angles[:, index, 1] = side * swing
    travel = np.zeros((frames, 3))
    travel[:, 1], travel[:, 2] = 90, 4 * np.arange(frames)
    rows = np.concatenate([travel, angles.reshape(frames, -1)], axis=1)
    motion = ['MOTION', f'Frames: {frames}', 'Frame Time: 0.033333']
    motion += [' '.join(f'{value:.4f}' for value in row) for row in rows]
    return '\n'.join(head + motion) + '\n'


def write_recordings(folder: Path) -> None:
    """Three arrays (T, 25, 3) and a table of their segments, in seconds.

    All three begin with the same class, so that one of them is drawn for val.
    """
    folder.mkdir()
    rows = ['video,label,start_s,end_s']
    for number in (1, 2, 3):
        name = f'recording_{number}'
        video = synthesize_video(1, 'train', number * len(CLASSES), (150, 210))
        np.save(folder / f'{name}.npy', video['keypoint'][0])
        pairs = zip(video['segments'].tolist(), video['segment_labels'])
        rows += [
            f'{name},{CLASSES[label]},{start / 30:.3f},{end / 30:.3f}'
            for (start, end), label in pairs
        ]
    (folder / 'labels.csv').write_text('\n'.join(rows) + '\n')


def run_tool(folder: Path, *arguments: str) -> None:
    """Run a command of ``tools``, quietly."""
    done = run(
        [ROOT / 'tools' / arguments[0], *arguments[1:]],
        folder,
        {
            **os.environ,
            'MMSNIP_ANN_FILE': 'poses.pkl',
            'OMP_NUM_THREADS': '1',
            'PYTHONWARNINGS': 'ignore',
        },
        timeout=600,
    )
    if done.returncode:
        raise RuntimeError((done.stdout + done.stderr)[-3000:])


def prepare(folder: Path) -> None:
    """Write all of it into an empty folder."""
    data = synthesize_untrimmed(num_train=8, num_val=3, frames=(150, 210))
    for video in data['annotations'][1:]:  # two persons only in the first
        video['keypoint'] = video['keypoint'][:1]
    save_annotation(folder / 'poses.pkl', data)
    write_recordings(folder / 'recordings')
    np.save(folder / 'clip.npy', data['annotations'][-1]['keypoint'][0])
    (folder / 'walk.bvh').write_text(bvh_text())
    config = str(ROOT / 'configs' / 'custom' / 'localize.py')
    run_tool(
        *(folder, 'train.py', config, '--work-dir', 'run'),
        *('--no-validate', '--cfg-options', *BRIEFLY),
    )
    (folder / 'run' / 'epoch_12.pth').rename(folder / 'localizer.pth')
    run_tool(
        *(folder, 'test.py', config, 'localizer.pth', '--work-dir', 'run'),
        *('--dump', 'results.json', '--dump-scores', 'scores.npz'),
    )


@pytest.fixture(scope='session')
def prepared(tmp_path_factory) -> Path:
    """Folder of the prepared files; the processes of xdist share it."""
    base = tmp_path_factory.getbasetemp()
    if 'PYTEST_XDIST_WORKER' in os.environ:
        base = base.parent
    kept = os.environ.get('MMSNIP_DOCS_PREPARED')
    folder = Path(kept).absolute() if kept else base / 'docs-prepared'
    with open(f'{folder}.lock', 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            draft = Path(f'{folder}-{os.getpid()}')
            draft.mkdir(parents=True)
            prepare(draft)
            shutil.rmtree(draft / 'run')
            draft.rename(folder)
    return folder


@pytest.fixture
def page_folder(prepared, tmp_path) -> Path:
    """What the blocks of a page see as their working directory."""
    folder = tmp_path / 'page'
    shutil.copytree(prepared, folder)
    for name in COPIED:
        shutil.copytree(
            ROOT / name,
            folder / name,
            ignore=shutil.ignore_patterns('__pycache__'),
        )
    return folder


@pytest.fixture(scope='session')
def warm_folder() -> Iterator[Path | None]:
    """Where ``python`` and ``mmsnip`` start warm, None where none can."""
    if not can_fork():
        yield None
        return
    with warm_commands() as folder:
        yield folder


@pytest.fixture
def page_environment(tmp_path, warm_folder) -> dict[str, str]:
    """Variables of a reader's shell; trainings are short in it."""
    short = tmp_path / 'short'
    short.mkdir()
    (short / 'sitecustomize.py').write_text(
        'from tests.docs.shortening import install\n\ninstall()\n'
    )
    inherited = {
        name: text
        for name, text in os.environ.items()
        if not name.startswith(('MMSNIP_', 'PYTEST_'))
    }
    search = [str(Path(sys.executable).parent), os.environ.get('PATH', '')]
    if warm_folder:
        search.insert(0, str(warm_folder))
    return {
        **inherited,
        'PATH': os.pathsep.join(search),
        'PYTHONPATH': os.pathsep.join([str(short), str(ROOT)]),
        'PYTHON': sys.executable,
        'PYTHONWARNINGS': 'ignore',
        'OMP_NUM_THREADS': '1',
        'MPLBACKEND': 'Agg',
    }
