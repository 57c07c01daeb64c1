#!/usr/bin/env python
"""Run the declared runs: ``python experiments/run.py [--only NAME ..]``.

What has a row is skipped, what was interrupted goes on after its last
checkpoint, and each result is added to ``OUT/rows.jsonl`` the moment it is
measured. ``--only`` takes groups, names and ``NAME@SEED``, with ``*``; the
pre-training that a run starts from is run where its checkpoint is missing.
Exit status 0 if every run that was asked for has its row.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import dataclass, field
from datetime import datetime, timezone
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

# Run as a file, it would see its own folder alone.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from experiments.data import HOLDOUT, DataFolder, find_data_dir
from experiments.declare import Declaration, DeclarationError, Run, load_runs
from experiments.measure import measure_scores, probe_metrics
from experiments.rows import (
    append_row,
    machine_words,
    newest_rows,
    read_rows,
    versions,
)


class StoppedError(RuntimeError):
    """The runner was told to stop; nothing is wrong with the run."""


class Children:
    """Live processes, each the head of a group of its own.

    A group, so that the workers of a loader end with their process, and so
    that Ctrl-C reaches the runner alone.
    """

    def __init__(self) -> None:
        self.stopping = False
        self._live: set[subprocess.Popen] = set()
        self._lock = threading.Lock()

    def call(
        self,
        command: Sequence[str],
        log: Path,
        cwd: Path,
        environment: Mapping[str, str],
        keep_open: Sequence[int] = (),
    ) -> int:
        """Run a command to its end."""
        with log.open('ab') as output:
            with self._lock:
                if self.stopping:
                    raise StoppedError('the runner stops')
                process = subprocess.Popen(
                    list(command),
                    cwd=cwd,
                    env=dict(environment),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    pass_fds=tuple(keep_open),
                )
                self._live.add(process)
            status = process.wait()
        with self._lock:
            self._live.discard(process)
            if self.stopping and status:
                raise StoppedError('the runner stops')
        return status

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Signal all of them, and start no other.

        Not under the lock, since a signal handler calls it, too.
        """
        self.stopping = True
        for process in list(self._live):
            if process.poll() is None:
                try:
                    os.killpg(process.pid, number)
                except ProcessLookupError:
                    continue


ROOT = Path(__file__).resolve().parents[1]
THREADS = ('OMP_NUM_THREADS', 'MKL_NUM_THREADS', 'OPENBLAS_NUM_THREADS')


class RunError(RuntimeError):
    """A run that ended without a result; the message has its log's end."""


@dataclass(frozen=True)
class Tools:
    """How runs are run."""

    folder: Path = ROOT / 'tools'
    root: Path = ROOT
    threads: int = 1


@dataclass(frozen=True)
class Task:
    """A run with all that it needs."""

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
    """Newest complete checkpoint of a work folder."""
    pointer = folder / 'last_checkpoint'
    if not pointer.is_file():
        return None
    name = Path(pointer.read_text(encoding='utf-8').strip()).name
    path = folder / name
    return path if name and path.is_file() else None


def make_row(task: Task, children: Children, tools: Tools) -> dict[str, Any]:
    """Run a task to its end."""
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
        'split': 'holdout' if HOLDOUT in run.data else 'val',
        'identity': task.identity,
        'family': task.family,
        'config': run.config,
        'overrides': run.overrides,
        'environment': run.environment,
        'seed': run.seed,
        'draw': run.draw,
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


def _measure(task: Task, children: Children, tools: Tools) -> dict[str, float]:
    run = task.run
    options = run.overrides
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
        text = log.read_text(encoding='utf-8', errors='replace').splitlines()
        tail = '\n'.join(f'    {line}' for line in text[-15:])
        raise RunError(
            f'{task.run.label}: {tool}.py ended with {how}; the end of '
            f'{log}:\n{tail}'
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


GRACE_S = 20.0


@dataclass
class Outcome:
    """What became of the runs."""

    done: list = field(default_factory=list)
    failed: dict = field(default_factory=dict)
    left: dict = field(default_factory=dict)


@dataclass
class Runner:
    """Runs declared runs; each result is a row at once."""

    declared: Declaration
    data: DataFolder
    rows_file: Path
    work: Path
    tools: Tools = field(default_factory=Tools)
    say: Callable[[str], None] = print
    children: Children = field(default_factory=Children)

    def identity(self, run: Run) -> str:
        """Its hash."""
        return self.declared.identity(run, self.data.digest)

    def row_of(self, run: Run) -> dict[str, Any] | None:
        """Its row, under this name or, brought up to it, another one's."""
        identity = self.identity(run)
        known = newest_rows(read_rows(self.rows_file))
        mine = dict(name=run.name, group=run.group, budget=run.budget)
        row = known.get((identity, run.name))
        if row is None:
            same = [row for key, row in known.items() if key[0] == identity]
            row = same[-1] if same else None
        if row is None or mine.items() <= row.items():
            return row
        row = {**row, **mine}
        append_row(self.rows_file, row)
        return row

    def state(self, run: Run) -> str:
        """One word: 'done', 'begun' or 'open'."""
        identity = self.identity(run)
        known = newest_rows(read_rows(self.rows_file))
        if any(key[0] == identity for key in known):
            return 'done'
        begun = last_checkpoint(self.work / identity) is not None
        return 'begun' if begun else 'open'

    def plan(self, wanted: Iterable[Run]) -> list[Run]:
        """Runs without a row, and the starts that they need, in order.

        By group, then by seed, so that a list that is stopped has whole
        comparisons of few seeds and not few comparisons of all.
        """
        groups = {run.group: None for run in self.declared.runs.values()}
        rank = {group: n for n, group in enumerate(groups)}
        ordered = sorted(wanted, key=lambda r: (rank[r.group], r.seed))
        planned: dict[tuple, Run] = {}
        for run in ordered:
            if self.row_of(run) is not None:
                continue
            if run.init is not None:
                start = self.declared.runs[run.init]
                if self._checkpoint(start) is None:
                    planned.setdefault(start.key, start)
            planned.setdefault(run.key, run)
        return list(planned.values())

    def run(self, wanted: Iterable[Run], jobs: int = 2) -> Outcome:
        """Run what has no row yet."""
        wanted = list(wanted)
        waiting = self.plan(wanted)
        outcome = Outcome()
        planned = {run.key for run in waiting}
        outcome.done += [r.label for r in wanted if r.key not in planned]
        for run in [run for run in waiting if run.past]:
            waiting.remove(run)
            outcome.left[run.label] = 'its config has changed since its rows'
        self.say(f'{len(outcome.done)} done before, {len(waiting)} to run')
        running: dict[Future, Task] = {}
        with ThreadPoolExecutor(jobs) as pool:
            while waiting or running:
                free = jobs - len(running)
                if not self.children.stopping and free > 0:
                    for task in self._begin(waiting, running, outcome, free):
                        running[pool.submit(
                            make_row, task, self.children, self.tools
                        )] = task  # fmt: skip
                if self.children.stopping:
                    outcome.left.update(
                        {run.label: 'stopped' for run in waiting}
                    )
                    waiting.clear()
                if running:
                    self._collect(running, outcome)
        return outcome

    def _begin(
        self,
        waiting: list[Run],
        running: dict[Future, Task],
        outcome: Outcome,
        free: int,
    ) -> list[Task]:
        """Tasks to start now; takes them, and what cannot be, out."""
        begun: list[Task] = []
        for run in list(waiting):
            if len(begun) == free:
                break
            identity = self.identity(run)
            active = [*running.values(), *begun]
            if identity in {task.identity for task in active}:
                continue  # the same under another name: takes its row later
            start = self.declared.runs[run.init] if run.init else None
            if start is not None:
                blocked = {**outcome.failed, **outcome.left}
                if start.label in blocked:
                    waiting.remove(run)
                    outcome.left[run.label] = (
                        f'its start {start.label} has no checkpoint'
                    )
                    continue
                pending = {r.key for r in waiting}
                pending |= {task.run.key for task in active}
                if start.key in pending:
                    continue
            waiting.remove(run)
            task = self._take(run, identity, outcome)
            if task is not None:
                begun.append(task)
        return begun

    def _take(self, run: Run, identity: str, outcome: Outcome) -> Task | None:
        folder = self.work / identity
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / 'lock', os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            outcome.left[run.label] = 'another process runs it'
            self.say(f'{run.label}: left, another process runs it')
            return None
        try:
            has_row = self.row_of(run) is not None
            if has_row and (
                run.stage == 'localize' or self._checkpoint(run) is not None
            ):
                outcome.done.append(run.label)
                os.close(lock)
                return None
            start = self.declared.runs[run.init] if run.init else None
            checkpoint = self._checkpoint(start) if start else None
            if start is not None and checkpoint is None:
                outcome.left[run.label] = (
                    f'its start {start.label} has no checkpoint'
                )
                os.close(lock)
                return None
            task = Task(
                run,
                identity,
                self.declared.family(run, self.data.digest),
                folder,
                self.data.file(run.data),
                self.data.source(run.data),
                self.data.digest(run.data),
                checkpoint,
                self.identity(start) if start else None,
                lock,
            )
        except BaseException:
            os.close(lock)
            raise
        self.say(f'{run.label}: starts, {identity}')
        return task

    def _checkpoint(self, run: Run) -> Path | None:
        """Last checkpoint of a finished pre-training run."""
        if self.row_of(run) is None:
            return None
        return last_checkpoint(self.work / self.identity(run))

    def _collect(self, running: dict[Future, Task], outcome: Outcome) -> None:
        """Wait for an end; rows are written here, in one thread."""
        late = self.children.stopping
        ended, _ = wait_for(running, GRACE_S if late else 1.0, FIRST_COMPLETED)
        if late and not ended:
            self.children.stop(signal.SIGKILL)
        for future in ended:
            task = running.pop(future)
            label = task.run.label
            try:
                row = future.result()
                append_row(self.rows_file, row)
            except StoppedError:
                outcome.left[label] = 'stopped'
            except Exception as error:  # others go on
                outcome.failed[label] = str(error)
                self.say(f'{label}: FAILED: {type(error).__name__}: {error}')
            else:
                outcome.done.append(label)
                self.say(f'{label}: done in {row["seconds"]:.0f} s')
            finally:
                os.close(task.lock)


RUNS = ROOT / 'experiments' / 'runs.yaml'
OUT = ROOT / 'experiments' / 'results'
WORK = ROOT / 'work_dirs' / 'experiments'


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f'{text}\n')
    sys.stdout.flush()


def choose(runs: Mapping[tuple, Run], only: Iterable[str] | None) -> list[Run]:
    """Runs that the patterns name."""
    if only is None:
        return list(runs.values())
    chosen = {}
    for pattern in only:
        found = [
            run
            for run in runs.values()
            if any(
                fnmatchcase(word, pattern)
                for word in (run.group, run.name, run.label)
            )
        ]
        if not found:
            groups = sorted({run.group for run in runs.values()})
            raise DeclarationError(
                f'--only {pattern}: no group or run has this name; the '
                f'groups are {groups}'
            )
        chosen.update({run.key: run for run in found})
    return [run for key, run in runs.items() if key in chosen]


def parse_args(words: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--only', nargs='+', metavar='GROUP|NAME|NAME@SEED')
    parser.add_argument('--jobs', type=int, default=2, help='runs at once')
    parser.add_argument('--threads', type=int, default=1, help='of each run')
    parser.add_argument('--list', action='store_true', help='only say what')
    parser.add_argument('--runs', default=RUNS, help='declaration, YAML')
    parser.add_argument('--out', default=OUT, help='folder of rows.jsonl')
    parser.add_argument('--work-dir', default=WORK, help='of the trainings')
    parser.add_argument('--data-dir', help='folder of the data sets')
    parser.add_argument(
        '--tools', default=Tools.folder, help=argparse.SUPPRESS
    )
    args = parser.parse_args(words)
    if args.jobs < 1 or args.threads < 1:
        parser.error('--jobs and --threads must be 1 or more')
    return args


def listing(runner: Runner, runs: Iterable[Run]) -> None:
    """A line for each run: its state, group, identity."""
    for run in runs:
        say(
            f'{runner.state(run):5}  {runner.identity(run)}  '
            f'{run.group:16}  {run.label}'
        )


def report(outcome: Outcome) -> int:
    """Say what became of the runs; the exit status."""
    for word, runs in (('failed', outcome.failed), ('left', outcome.left)):
        for label, why in runs.items():
            say(f'{word}: {label}: {why.splitlines()[0]}')
    say(
        f'{len(outcome.done)} done, {len(outcome.failed)} failed, '
        f'{len(outcome.left)} left'
    )
    return 1 if outcome.failed or outcome.left else 0


def main(words: list[str] | None = None) -> int:
    """Choose, run, report."""
    args = parse_args(words)
    work = Path(args.work_dir).resolve()
    try:
        declared = load_runs(args.runs)
        runner = Runner(
            declared,
            DataFolder(
                find_data_dir(args.data_dir), work / 'data', declared.data
            ),
            Path(args.out) / 'rows.jsonl',
            work,
            Tools(Path(args.tools).resolve(), ROOT, args.threads),
            say,
        )
        runs = choose(declared.runs, args.only)
        if args.list:
            listing(runner, runs)
            return 0
        got: list[Any] = []

        def stop(number: int, _: Any) -> None:
            got.append(number)
            runner.children.stop(
                signal.SIGTERM if len(got) == 1 else signal.SIGKILL
            )

        before = {
            number: signal.signal(number, stop)
            for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            outcome = runner.run(runs, args.jobs)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    except (DeclarationError, FileNotFoundError) as error:
        sys.stderr.write(f'error: {error}\n')
        return 2
    status = report(outcome)
    return 128 + got[0] if got else status


if __name__ == '__main__':
    sys.exit(main())
