"""The prepared files, made once a session, and a copy for each page.

Who writes pages sets MMSNIP_DOCS_PREPARED to a folder, new at first; it is
made once and serves later sessions too.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.blocks import ROOT
from tests.docs.prepared import prepare
from tests.docs.warm_shell import warm_commands
from tests.warm import can_fork

COPIED = ('tools', 'configs', 'examples')


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
