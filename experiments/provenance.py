"""What a row says of the program and the machine behind it."""

from __future__ import annotations

import os
import platform
import subprocess
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import mmsnip

__all__ = ['machine_words', 'versions']

ROOT = Path(__file__).resolve().parents[1]
# What a result depends on; a change elsewhere leaves a commit clean.
WATCHED = ('mmsnip', 'configs', 'tools')
PACKAGES = ('torch', 'numpy', 'mmengine', 'mmaction2')


def versions() -> dict[str, str]:
    """Versions of this project and what it stands on.

    Returns:
        dict[str, str]: ``mmsnip``, ``python``, packages, and ``commit`` with
        ``-changed`` behind it where watched folders differ from it.
    """
    found = {'mmsnip': mmsnip.__version__}
    found['python'] = platform.python_version()
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    found['commit'] = _commit()
    return found


def _commit() -> str:
    commit = _git('rev-parse', '--short=12', 'HEAD')
    if not commit:
        return 'unknown'
    changed = _git('status', '--porcelain', '--', *WATCHED)
    return f'{commit}-changed' if changed else commit


def _git(*arguments: str) -> str:
    """What git says, nothing where it cannot; never takes its locks."""
    try:
        done = subprocess.run(
            ['git', '--no-optional-locks', *arguments],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return ''
    return done.stdout.strip()


@lru_cache
def machine_words() -> str:
    """The processor, its cores that are ours, and GPUs; no name of a host.

    Returns:
        str: A few words.
    """
    name = platform.machine()
    info = Path('/proc/cpuinfo')
    if info.is_file():
        for line in info.read_text(encoding='utf-8').splitlines():
            if line.startswith('model name'):
                name = line.split(':', 1)[1].strip()
                break
    cores = (
        len(os.sched_getaffinity(0))
        if hasattr(os, 'sched_getaffinity')
        else os.cpu_count()
    )
    words = f'{name}, {cores} cores'
    gpus = _gpus()
    return f'{words}, {gpus}' if gpus else words


def _gpus() -> str:
    import torch  # seconds; only where a row is written

    if not torch.cuda.is_available():
        return ''
    return f'{torch.cuda.device_count()} x {torch.cuda.get_device_name()}'
