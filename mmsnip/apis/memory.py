"""Memory that a process keeps between the steps of a network."""

from __future__ import annotations

import ctypes
import os
import platform
from collections.abc import Mapping

__all__ = ['keep_freed_memory']

# Parameters of glibc's mallopt(3).
TRIM_THRESHOLD, MMAP_MAX = -1, -4
VARIABLES = (
    'GLIBC_TUNABLES',
    'MALLOC_MMAP_MAX_',
    'MALLOC_MMAP_THRESHOLD_',
    'MALLOC_TRIM_THRESHOLD_',
)


def keep_freed_memory(environ: Mapping[str, str] = os.environ) -> bool:
    """Have the C library keep freed memory for the next allocation.

    By default glibc gives every large buffer back to the system when it is
    freed, and all its pages fault in again at the next operation. On a CPU
    that made the time of long videos grow faster than their length.
    The process stays as large as
    it once was. Who sets one of glibc's own variables or preloads another
    allocator has chosen; then, and without glibc, nothing changes.
    """
    chosen = [*VARIABLES, 'LD_PRELOAD']
    if any(environ.get(name) for name in chosen):
        return False
    if platform.libc_ver()[0] != 'glibc':
        return False
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None)
    if mallopt is None:
        return False
    return bool(mallopt(MMAP_MAX, 0)) and bool(mallopt(TRIM_THRESHOLD, -1))
