"""Command lines in processes that need not import everything first.

torch and its neighbours take seconds to import, longer than a toy training
takes. Here they are imported once, by a server that has run nothing else
(multiprocessing's), and each command is a fork of it: a process of its own,
with its own arguments, environment, folder and output. What a fork cannot
show, that a tool imports what it needs and that nothing hangs on the seed of
hashes, is left to the commands that tests start cold.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import runpy
import sys
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from importlib.machinery import PathFinder
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace

PRELOADED = [
    'mmaction.structures',
    'mmengine.runner',
    'mmsnip.cli.launch',
    'mmsnip.datasets',
    'mmsnip.evaluation.metric',
    'mmsnip.hooks',
    'mmsnip.models',
    'setuptools',
    'torch._dynamo',  # torch's optimizers import it
    'tests.warm',
]


def can_fork() -> bool:
    """Whether commands can be forked: not from what may touch a GPU."""
    import torch

    return sys.platform == 'linux' and not torch.cuda.is_available()


def start(
    words: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    out: Path | Sequence[Connection],
):
    """Start a Python program; it starts cold where it cannot be forked.

    Args:
        words: The program's file, or -m and its module; and its arguments.
        folder: To run in.
        environment: All of its variables.
        out: Folder for its ``stdout`` and ``stderr``; or what its standard
            input, output and error are to be.

    Returns:
        multiprocessing.Process: The head of a session of its own.
    """
    context = multiprocessing.get_context('spawn')
    if can_fork():
        context = multiprocessing.get_context('forkserver')
        context.set_forkserver_preload(PRELOADED)
    words = [str(word) for word in words]
    out = str(out) if isinstance(out, (str, Path)) else list(out)
    process = context.Process(
        target=_be, args=(words, str(folder), dict(environment), out)
    )
    process.start()
    return process


def run(
    words: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    timeout: float,
) -> SimpleNamespace:
    """Run a Python program to its end, as ``subprocess.run`` does.

    Args:
        words: As `start` takes them.
        folder: To run in.
        environment: All of its variables.
        timeout: Seconds until it is killed.

    Returns:
        SimpleNamespace: ``returncode``, ``stdout`` and ``stderr``.

    Raises:
        TimeoutError: If it was killed.
    """
    with tempfile.TemporaryDirectory() as out:
        process = start(words, folder, environment, out)
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise TimeoutError(f'{words} ran for more than {timeout} s')
        said = [
            Path(out, name).read_text(encoding='utf-8')
            for name in ('stdout', 'stderr')
        ]
    return SimpleNamespace(
        returncode=process.exitcode, stdout=said[0], stderr=said[1]
    )


def _be(words, folder, environment, out):
    """In the new process: be the program that a shell would have started."""
    import numpy as np
    import torch

    os.setsid()
    if isinstance(out, str):
        for number, name in ((1, 'stdout'), (2, 'stderr')):
            with open(os.path.join(out, name), 'wb') as file:
                os.dup2(file.fileno(), number)
    else:
        for number, stream in enumerate(out):
            with stream:
                os.dup2(stream.fileno(), number)
        sys.stdin = open(0, closefd=False)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    _look_in(environment.get('PYTHONPATH', ''))
    torch.set_num_threads(int(environment.get('OMP_NUM_THREADS') or 1))
    random.seed()
    np.random.seed()  # noqa: NPY002  (each process has its own draws)
    if environment.get('PYTHONWARNINGS') == 'ignore':
        warnings.simplefilter('ignore')
    if words[0] == '-m':
        sys.argv = words[1:]
        runpy.run_module(words[1], run_name='__main__', alter_sys=True)
    else:
        sys.argv = words
        sys.path.insert(0, str(Path(folder, words[0]).parent))
        runpy.run_path(words[0], run_name='__main__')


def _look_in(search: str) -> None:
    """What Python does about PYTHONPATH when it starts."""
    folders = [name for name in search.split(os.pathsep) if name]
    sys.path[:0] = folders
    found = PathFinder.find_spec('sitecustomize', folders)
    if found:
        runpy.run_path(found.origin)
