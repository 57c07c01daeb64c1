"""Freed memory is kept where that is ours to decide."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from mmsnip.apis.memory import keep_freed_memory

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
