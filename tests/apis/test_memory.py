"""Freed memory is kept where that is ours to decide; long files are small."""

from __future__ import annotations

import platform
import subprocess
import sys

import numpy as np
import pytest

from mmsnip.apis.memory import keep_freed_memory
from mmsnip.skeleton.layout import get_layout
from tests.apis.streaming_models import RECIPE, checkpoint

FAULTS = """
import resource, sys
import torch
from mmsnip.apis.memory import keep_freed_memory
if sys.argv[1] == 'keep':
    keep_freed_memory({})
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        x = torch.zeros(16, 2**20)  # 64 MiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
faults()
print(faults())
"""


@pytest.mark.parametrize(
    'name', ['LD_PRELOAD', 'MALLOC_MMAP_MAX_', 'GLIBC_TUNABLES']
)
def test_who_has_chosen_an_allocator_keeps_it(name):
    assert not keep_freed_memory({name: '1'})


@pytest.mark.skipif(
    platform.libc_ver()[0] != 'glibc', reason='needs the GNU C library'
)
def test_a_large_buffer_does_not_fault_in_again():
    def faults(how):
        command = [sys.executable, '-c', FAULTS, how]
        return int(subprocess.check_output(command, text=True))

    assert faults('keep') < faults('leave') / 10


LONG = """
import resource, sys
import numpy as np
from mmsnip.apis import SkeletonLocalizationInferencer
infer = SkeletonLocalizationInferencer(
    sys.argv[1], device='cpu', chunk_size=2048
)
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
before = peak()
found = infer(sys.argv[2], fps=120)
print(found['num_frames'], peak() - before)
"""


@pytest.mark.slow
def test_an_hour_takes_little_more_than_its_poses(tmp_path):
    """At 120 frames a second; it was 3.3 GB."""
    layout, T = get_layout('smpl-22'), 120 * 3600
    rng = np.random.default_rng(0)
    body = rng.normal(0, 0.5, (22, 3))
    poses = rng.normal(0, 0.02, (T, 22, 3)) + body
    np.save(tmp_path / 'hour.npy', poses.astype(np.float32))
    path = checkpoint(
        tmp_path / 'model.pth',
        'AGCN',
        normalize=RECIPE,
        stream='egocentric',
        joints=list(layout.joint_names),
        parents=list(layout.parents),
        sample=poses[None, :300],
    )

    done = subprocess.check_output(
        [sys.executable, '-c', LONG, path, tmp_path / 'hour.npy'], text=True
    )

    frames, grown = map(int, done.split()[-2:])
    assert frames == T
    assert grown < 5 * T * 22 * 3 * 4
