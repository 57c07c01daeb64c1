"""A source that notes what it reads, and may be told to end badly."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from mmsnip.io.annotation import load_annotation
from mmsnip.prepare.fit import Expected, Given
from mmsnip.prepare.folder import FolderSource
from mmsnip.prepare.job import Wanted, convert

PARENTS = [-1, 0, 1, 1, 0]
LAYOUT = dict(
    joint_names=['root', 'neck', 'hand_l', 'hand_r', 'foot'], parents=PARENTS
)


def wanted(layout=LAYOUT, of_one=None, **facts):
    """`Wanted` of facts of `Given`, or of `Expected` after ``to_``."""
    expected = {k[3:]: facts.pop(k) for k in list(facts) if k[:3] == 'to_'}
    expected = {'unit': 'm', 'up': 'y', **expected}
    return Wanted(
        Expected(**expected), Given(layout=layout, **facts), of_one or {}
    )


class NotedSource(FolderSource):
    """Writes the name of each recording that it reads into a file."""

    def __init__(self, root, log, end_at='', how='', **options):
        super().__init__(root, **options)
        self.log, self.end_at, self.how = str(log), end_at, how

    def read(self, item, layout=None):
        if item.name == self.end_at:
            if self.how == 'kill':
                os.kill(os.getpid(), signal.SIGKILL)
            if self.how == 'interrupt':
                raise KeyboardInterrupt
        with Path(self.log).open('a') as file:
            file.write(f'{item.name}\n')
        if self.how == 'sleep':
            time.sleep(60)
        return super().read(item, layout)


def run(source, output, facts=(), **options):
    """`convert` with `wanted` of these facts, and what it wrote."""
    made = wanted(**{'layout': None, **dict(facts)})
    report = convert(source, output, made, progress=False, **options)
    data = load_annotation(output) if output.exists() else None
    return report, data


def write_folder(folder, count=7, classes=('sit', 'walk')):
    """Recordings of 5 joints, M=2, of different lengths, in class folders."""
    rng = np.random.default_rng(0)
    for number in range(count):
        path = folder / classes[number % len(classes)] / f'p{number}.npy'
        path.parent.mkdir(parents=True, exist_ok=True)
        keypoint = rng.normal(0, 1, (2, 11 + number, 5, 3))
        np.save(path, keypoint.astype(np.float32))
    return folder


def read_names(log):
    return Path(log).read_text().split() if Path(log).exists() else []


def convert_apart(folder, output, workers=1, **source):
    """``convert`` in a process of its own, which may be killed."""
    code = (
        'import json, sys\n'
        'from mmsnip.prepare.job import convert\n'
        'from tests.prepare.noted import NotedSource, wanted\n'
        'folder, output, workers, source = sys.argv[1:]\n'
        'source = NotedSource(folder, **json.loads(source))\n'
        'convert(source, output, wanted(), int(workers), progress=False)\n'
    )
    path = os.pathsep.join(p for p in sys.path if p)
    arguments = [str(folder), str(output), str(workers), json.dumps(source)]
    return subprocess.Popen(
        [sys.executable, '-c', code, *arguments],
        env={**os.environ, 'PYTHONPATH': path},
    )
