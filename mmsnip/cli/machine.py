"""Cores, memory, disk, programs and settings of this machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from mmsnip.cli.findings import NOTE, OK, PROBLEM, Finding

__all__ = ['cores', 'machine_findings']

MIB, GIB = 2**20, 2**30
SHARED = Path('/dev/shm')  # where workers hand over batches
LEAST_SHARED, ENOUGH_SHARED = 32 * MIB, 512 * MIB
LEAST_DISK, ENOUGH_DISK = 200 * MIB, 2 * GIB
PROGRAMS = {
    'ffmpeg': 'only pictures that move need it',
    'chromium': 'only the tests of the report page need it',
}
NAMES = {'chromium': ('chromium', 'chromium-browser', 'google-chrome')}
# Variables that name a file.
FILES = ('MMSNIP_ANN_FILE', 'MMSNIP_INIT')


def machine_findings() -> list[Finding]:
    """What can be told with the standard library alone.

    Returns:
        list[Finding]: Never fails: what cannot be read is left out.
    """
    found = [_cores(), *_memory(), *_shared_memory(), *_disk()]
    found += [_program(name) for name in PROGRAMS]
    return found + list(_variables())


def cores() -> int:
    """Cores that this process may use: affinity and container considered.

    Returns:
        int: At least 1.
    """
    if hasattr(os, 'sched_getaffinity'):
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count() or 1
    try:
        quota, period = _read('/sys/fs/cgroup/cpu.max').split()
        count = min(count, round(int(quota) / int(period)))
    except ValueError:
        pass  # no limit
    return max(count, 1)


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding='utf-8')
    except (OSError, UnicodeError):
        return ''


def _size(count: float) -> str:
    if count < GIB:
        return f'{count / MIB:.0f} MiB'
    return f'{count / GIB:.1f} GiB'


def _cores() -> Finding:
    usable, there = cores(), os.cpu_count() or 1
    text = f'{usable} usable'
    if usable != there:
        text += f' of {there}'
    wish = os.environ.get('OMP_NUM_THREADS', '')
    if wish.isdigit() and int(wish) > usable:
        return Finding(
            'cores',
            NOTE,
            f'{text}, but OMP_NUM_THREADS={wish} asks for more',
            f'export OMP_NUM_THREADS={usable}',
        )
    return Finding('cores', OK, text)


def _memory() -> Iterator[Finding]:
    rows = (line.split() for line in _read('/proc/meminfo').splitlines())
    facts = {r[0]: int(r[1]) * 1024 for r in rows if r[1:2] and r[1].isdigit()}
    total = facts.get('MemTotal:')
    if total is None:
        return
    limit = _read('/sys/fs/cgroup/memory.max').strip()
    if limit.isdigit():
        total = min(total, int(limit))
    text = f'{_size(total)} in all'
    if total < 2 * GIB:
        yield Finding(
            'memory',
            NOTE,
            text,
            'make batches small: --cfg-options train_dataloader.batch_size=4',
        )
    else:
        yield Finding('memory', OK, text)


def _shared_memory() -> Iterator[Finding]:
    """Workers hand their batches over in shared memory (Linux)."""
    try:
        usage = shutil.disk_usage(SHARED)
    except OSError:
        return
    text = f'{_size(usage.free)} of {_size(usage.total)} free in /dev/shm'
    state, remedy = OK, ''
    if usage.free < ENOUGH_SHARED:
        state = PROBLEM if usage.free < LEAST_SHARED else NOTE
        text += ', little for the workers of the loaders'
        remedy = (
            'start the container with --shm-size=2g, or load without '
            'workers: --cfg-options train_dataloader.num_workers=0'
        )
    yield Finding('shared memory', state, text, remedy)


def _disk() -> Iterator[Finding]:
    try:
        free = shutil.disk_usage(Path.cwd()).free
    except OSError:
        return
    state = OK if free >= ENOUGH_DISK else NOTE
    if free < LEAST_DISK:
        state = PROBLEM
    remedy = '' if state == OK else 'make room, or name another --work-dir'
    text = f'{_size(free)} free in the working directory'
    yield Finding('disk', state, text, remedy)


def _program(name: str) -> Finding:
    if any(map(shutil.which, NAMES.get(name, (name,)))):
        return Finding(name, OK, 'found')
    return Finding(name, NOTE, f'not found; {PROGRAMS[name]}')


def _variables() -> Iterator[Finding]:
    """Settings of the configs that cannot work."""
    for name in FILES:
        value = os.environ.get(name)
        if value and not Path(value).exists():
            yield Finding(
                name,
                NOTE,
                'is set, but names nothing that exists here',
                f'unset {name}, or let it name a file by its absolute path',
            )
