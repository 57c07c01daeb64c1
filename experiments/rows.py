"""Rows of results: appended line by line, never rewritten; what made them."""

from __future__ import annotations

import fcntl
import json
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mmsnip

ROOT = Path(__file__).resolve().parents[1]
# What a result depends on; a change elsewhere leaves a commit clean.
WATCHED = ('mmsnip', 'configs', 'tools')
PACKAGES = ('torch', 'numpy', 'mmengine', 'mmaction2')


def append_row(path: str | Path, row: Mapping[str, Any]) -> None:
    """Add a line to a file of rows, on the disk when this returns.

    One write, so that a kill leaves the whole line or the beginning of it;
    a line that an earlier kill left torn is closed first, and stays torn
    alone. Other writers wait meanwhile.
    """
    text = json.dumps(row, sort_keys=True, allow_nan=False)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        size = os.fstat(file).st_size
        torn = size > 0 and os.pread(file, 1, size - 1) != b'\n'
        line = (b'\n' if torn else b'') + text.encode() + b'\n'
        if os.write(file, line) != len(line):
            raise OSError(
                f'{path}: the row of {row.get("name")!r} was not written '
                'whole; make room on the disk and run again'
            )
        os.fsync(file)
    finally:
        os.close(file)


def read_rows(path: str | Path) -> list[dict[str, Any]]:
    """Rows of a file in the order they were added."""
    path = Path(path)
    rows = []
    for line in path.read_bytes().split(b'\n') if path.is_file() else ():
        try:
            row = json.loads(line)
        except ValueError:  # torn or empty
            continue
        if isinstance(row, dict) and 'identity' in row:
            rows.append(row)
    return rows


def newest_rows(
    rows: Iterable[Mapping[str, Any]],
) -> dict[tuple[str, str], Any]:
    """The last row of each identity under each of its names."""
    newest: dict[tuple[str, str], Any] = {}
    for row in rows:
        key = row['identity'], row.get('name', '')
        newest.pop(key, None)
        newest[key] = row
    return newest


def versions() -> dict[str, str]:
    """Versions of this project and what it stands on."""
    commit = _git('rev-parse', '--short=12', 'HEAD')
    if commit and _git('status', '--porcelain', '--', *WATCHED):
        commit += '-changed'
    return {
        'mmsnip': mmsnip.__version__,
        'python': platform.python_version(),
        **{name: version(name) for name in PACKAGES},
        'commit': commit or 'unknown',
    }


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
    """The processor, its cores that are ours, and GPUs; no name of a host."""
    import torch  # seconds; only where a row is written

    name = platform.machine()
    info = Path('/proc/cpuinfo')
    for line in info.read_text().splitlines() if info.is_file() else ():
        if line.startswith('model name'):
            name = line.split(':', 1)[1].strip()
            break
    words = f'{name}, {len(os.sched_getaffinity(0))} cores'
    if torch.cuda.is_available():
        count, gpu = torch.cuda.device_count(), torch.cuda.get_device_name()
        words += f', {count} x {gpu}'
    return words
