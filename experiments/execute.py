"""One run: train, test, measure."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from experiments.children import Children, tail_of
from experiments.declaration import Run
from experiments.identity import override_list
from experiments.provenance import machine_words, versions
from experiments.scoring import measure_scores, probe_metrics
from experiments.sources import split_of

__all__ = ['RunError', 'Task', 'Tools', 'last_checkpoint', 'make_row']

ROOT = Path(__file__).resolve().parents[1]
THREADS = ('OMP_NUM_THREADS', 'MKL_NUM_THREADS', 'OPENBLAS_NUM_THREADS')


class RunError(RuntimeError):
    """A run that ended without a result; the message has its log's end."""


@dataclass(frozen=True)
class Tools:
    """How runs are run.

    Attributes:
        folder (Path): Holds ``train.py`` and ``test.py``.
        root (Path): Folder to run in.
        threads (int): Of each process.
    """

    folder: Path = ROOT / 'tools'
    root: Path = ROOT
    threads: int = 1


@dataclass(frozen=True)
class Task:
    """A run with all that it needs.

    Attributes:
        run (Run): As declared.
        identity (str): Of ``identity_of``.
        family (str): Of ``family_of``.
        folder (Path): Its work folder.
        ann_file (Path): To train and test on.
        source (Path): The data set's own file.
        digest (str): Of the data.
        start (Path, optional): Checkpoint to start from.
        start_identity (str, optional): Of the run that left it.
        lock (int): Open file that its processes hold.
    """

    run: Run
    identity: str
    family: str
    folder: Path
    ann_file: Path
    source: Path
    digest: str
    start: Path | None = None
    start_identity: str | None = None
    lock: int = -1


def last_checkpoint(folder: Path) -> Path | None:
    """Newest complete checkpoint of a work folder.

    Args:
        folder (Path): Of a training.

    Returns:
        Path | None: An existing file; None where there is none.
    """
    pointer = folder / 'last_checkpoint'
    if not pointer.is_file():
        return None
    name = Path(pointer.read_text(encoding='utf-8').strip()).name
    path = folder / name
    return path if name and path.is_file() else None


def make_row(task: Task, children: Children, tools: Tools) -> dict[str, Any]:
    """Run a task to its end.

    Args:
        task (Task): The run.
        children (Children): Where its processes are started.
        tools (Tools): How.

    Returns:
        dict[str, Any]: The row.

    Raises:
        RunError: If a process fails or leaves no checkpoint.
        StoppedError: If the runner stops.
    """
    run = task.run
    task.folder.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    made_with = versions()  # the checkout may change while it trains
    try:
        metrics = _measure(task, children, tools)
    finally:
        seconds = _add_seconds(task.folder, time.monotonic() - started)
    return {
        'name': run.name,
        'group': run.group,
        'budget': run.budget,
        'stage': run.stage,
        'split': split_of(run.data),
        'identity': task.identity,
        'family': task.family,
        'config': run.config,
        'overrides': override_list(run.options),
        'environment': run.environment,
        'seed': run.seed,
        'data': run.data,
        'data_sha256': task.digest,
        'init': f'{run.init[0]}@{run.init[1]}' if run.init else None,
        'init_identity': task.start_identity,
        **run.facts,
        'metrics': metrics,
        'seconds': round(seconds, 1),
        'threads': tools.threads,
        'versions': made_with,
        'machine': machine_words(),
        'finished': datetime.now(timezone.utc).date().isoformat(),
    }


def _measure(
    task: Task, children: Children, tools: Tools
) -> dict[str, float]:
    run = task.run
    options = override_list(run.options)
    options = ['--cfg-options', *options] if options else []
    train = ['--work-dir', task.folder, '--seed', run.seed]
    if last_checkpoint(task.folder):
        train.append('--resume')
    if run.stage == 'localize':
        train.append('--no-validate')  # the test comes after the training
    _call(task, children, tools, 'train', [run.config, *train, *options])
    checkpoint = last_checkpoint(task.folder)
    if checkpoint is None:
        raise RunError(f'{run.label}: the training left no checkpoint')
    if run.stage == 'pretrain':
        logs = task.folder.glob('*/vis_data/scalars.json')
        return probe_metrics(sorted(logs))
    scores = task.folder / 'scores.npz'
    test = ['--work-dir', task.folder / 'test', '--dump-scores', scores]
    _call(
        task, children, tools, 'test',
        [run.config, checkpoint, *test, *options],
    )  # fmt: skip
    return measure_scores(scores, task.source)


def _call(
    task: Task, children: Children, tools: Tools, tool: str, words: list
) -> None:
    log = task.folder / f'{tool}.log'
    status = children.call(
        [sys.executable, str(tools.folder / f'{tool}.py'), *map(str, words)],
        log,
        tools.root,
        _environment(task, tools.threads),
        keep_open=[task.lock] if task.lock >= 0 else [],
    )
    if status:
        how = f'signal {-status}' if status < 0 else f'status {status}'
        raise RunError(
            f'{task.run.label}: {tool}.py ended with {how}; the end of '
            f'{log}:\n{tail_of(log)}'
        )


def _environment(task: Task, threads: int) -> Mapping[str, str]:
    """The caller's variables without those that would change the run."""
    variables = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith('MMSNIP_')
    }
    variables.update({name: str(threads) for name in THREADS})
    variables['MMSNIP_ANN_FILE'] = str(task.ann_file)
    if task.start is not None:
        variables['MMSNIP_INIT'] = str(task.start)
    variables.update(task.run.environment)
    return variables


def _add_seconds(folder: Path, spent: float) -> float:
    """Time of a run over all attempts; that of a killed runner is lost."""
    path = folder / 'seconds.txt'
    before = float(path.read_text() or 0) if path.is_file() else 0.0
    path.write_text(f'{before + spent:.3f}\n')
    return before + spent
