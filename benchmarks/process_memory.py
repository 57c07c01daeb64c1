"""Memory of forked processes, as Linux counts it."""

from __future__ import annotations

import ctypes
import gc
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


def drop_from_cache(path: Path) -> None:
    """Ask the system to forget the pages of a file or folder."""
    files = [path] if path.is_file() else list(path.iterdir())
    for file in files:
        fd = os.open(file, os.O_RDONLY)
        os.fsync(fd)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(fd)


def memory_of(pid: int) -> np.ndarray:
    """PSS, its anonymous part, and private memory of a process, MiB."""
    found = {}
    for line in Path(f'/proc/{pid}/smaps_rollup').read_text().splitlines()[1:]:
        key, value = line.split(':')
        found[key] = int(value.split()[0]) / 1024
    private = found['Private_Clean'] + found['Private_Dirty']
    return np.array([found['Pss'], found['Pss_Anon'], private])


def in_child(task: Callable[[], Any]) -> Any:
    """Result of a task in a forked process, which leaves nothing behind."""
    receive, send = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.close(receive)
            with os.fdopen(send, 'wb') as file:
                pickle.dump(task(), file)
            code = 0
        finally:
            os._exit(code)
    os.close(send)
    with os.fdopen(receive, 'rb') as file:
        content = file.read()
    if os.waitpid(pid, 0)[1]:
        raise RuntimeError('a measuring process failed; see above')
    return pickle.loads(content)  # noqa: S301  (our own)


def fork_reader(task: Callable[[], None]) -> tuple[int, int, int]:
    """A process that does a task, says so, and stays until it is told."""
    done_r, done_w = os.pipe()
    leave_r, leave_w = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(leave_w)
            task()
            os.write(done_w, b'1')
            os.read(leave_r, 1)
        finally:
            os._exit(0)
    os.close(done_w)
    os.close(leave_r)
    return pid, done_r, leave_w


def children_of(pid: int) -> list[int]:
    """Processes that a process has forked."""
    path = Path(f'/proc/{pid}/task/{pid}/children')
    return [int(word) for word in path.read_text().split()]


def memory_of_ranks(
    open_data: Callable[[], Any],
    read: Callable[[Any, int], None],
    ranks: int,
    workers: int,
    trim: bool = True,
) -> np.ndarray:
    """Memory of processes that open, each with workers that read."""
    held = []

    def rank() -> None:
        data = open_data()
        gc.collect()
        if trim:
            ctypes.CDLL(None).malloc_trim(0)
        readers = [
            fork_reader(lambda n=n: read(data, n)) for n in range(workers)
        ]
        held.append((data, readers))
        for _, done, _ in readers:
            os.read(done, 1)

    readers = [fork_reader(rank) for _ in range(ranks)]
    for _, done, _ in readers:
        os.read(done, 1)
    pids = [pid for pid, _, _ in readers]
    pids += [child for pid in pids for child in children_of(pid)]
    found = np.sum([memory_of(pid) for pid in pids], axis=0)
    for pid, _, leave in readers:  # workers leave with their rank
        os.write(leave, b'1')
        os.waitpid(pid, 0)
    return found


def resident(field: str) -> float:
    """MiB of this process, ``VmRSS`` now or ``VmHWM`` at most (Linux)."""
    for line in Path('/proc/self/status').read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f'/proc/self/status has no {field}')


def peak_while_opening(open_data: Callable[[], Any]) -> float:
    """Growth of the largest resident size by opening, MiB."""
    before = resident('VmRSS')
    open_data()
    return resident('VmHWM') - before
