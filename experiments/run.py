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
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
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

ROOT = Path(__file__).resolve().parents[1]
THREADS = ('OMP_NUM_THREADS', 'MKL_NUM_THREADS', 'OPENBLAS_NUM_THREADS')
GRACE_S = 20.0


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

    def call(self, command: Sequence[str], log: Path, **options: Any) -> int:
        """Run a command to its end; the exit status."""
        with log.open('ab') as output, self._lock:
            if self.stopping:
                raise StoppedError('the runner stops')
            process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **options,
            )
            self._live.add(process)
        status = process.wait()
        with self._lock:
            self._live.discard(process)
            if self.stopping and status:
                raise StoppedError('the runner stops')
        return status

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Signal all of them, kill what is left after a while, start no other.

        Not under the lock, since a signal handler calls it, too.
        """
        self.stopping = True
        for process in list(self._live):
            if process.poll() is None:
                try:
                    os.killpg(process.pid, number)
                except ProcessLookupError:
                    continue
        if number != signal.SIGKILL:
            timer = threading.Timer(GRACE_S, self.stop, [signal.SIGKILL])
            timer.daemon = True
            timer.start()


def last_checkpoint(folder: Path) -> Path | None:
    """Newest complete checkpoint of a work folder."""
    pointer = folder / 'last_checkpoint'
    if not pointer.is_file():
        return None
    name = Path(pointer.read_text(encoding='utf-8').strip()).name
    path = folder / name
    return path if name and path.is_file() else None


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
    tools: Path = ROOT / 'tools'
    threads: int = 1  # of each run
    say: Callable[[str], None] = print
    children: Children = field(default_factory=Children)
    outcome: Outcome = field(default_factory=Outcome)
    _running: dict = field(default_factory=dict)  # runs by identity
    _lock: Any = field(default_factory=threading.Lock)

    def identity(self, run: Run) -> str:
        """Its hash."""
        return self.declared.identity(run, self.data.digest)

    def _rows(self, run: Run) -> dict[str, dict[str, Any]]:
        """Newest rows of its identity, by name."""
        known = newest_rows(read_rows(self.rows_file))
        identity = self.identity(run)
        return {name: row for (i, name), row in known.items() if i == identity}

    def row_of(self, run: Run) -> dict[str, Any] | None:
        """Its row, under this name or, brought up to it, another one's."""
        rows = self._rows(run)
        mine = dict(name=run.name, group=run.group, budget=run.budget)
        row = rows.get(run.name) or next(reversed(rows.values()), None)
        if row is None or mine.items() <= row.items():
            return row
        row = {**row, **mine}
        append_row(self.rows_file, row)
        return row

    def state(self, run: Run) -> str:
        """One word: 'done', 'begun' or 'open'."""
        if self._rows(run):
            return 'done'
        begun = last_checkpoint(self.work / self.identity(run)) is not None
        return 'begun' if begun else 'open'

    def checkpoint(self, run: Run) -> Path | None:
        """Last checkpoint of a finished run."""
        if self.row_of(run) is None:
            return None
        return last_checkpoint(self.work / self.identity(run))

    def plan(self, wanted: Iterable[Run]) -> list[Run]:
        """Runs without a row, and the starts that they need, in order.

        By group, then by seed, so that a list that is stopped has whole
        comparisons of few seeds and not few comparisons of all.
        """
        declared = self.declared.runs.values()
        groups = list(dict.fromkeys(run.group for run in declared))
        planned: dict[tuple, Run] = {}
        for run in sorted(
            wanted, key=lambda r: (groups.index(r.group), r.seed)
        ):
            if self.row_of(run) is not None:
                continue
            start = self.declared.runs.get(run.init)
            if start and self.checkpoint(start) is None:
                planned.setdefault(start.key, start)
            planned.setdefault(run.key, run)
        return list(planned.values())

    def run(self, wanted: Iterable[Run], jobs: int = 2) -> Outcome:
        """Run what has no row yet."""
        wanted = list(wanted)
        waiting = self.plan(wanted)
        self.outcome = Outcome()
        planned = {run.key for run in waiting}
        self.outcome.done += [r.label for r in wanted if r.key not in planned]
        for run in [run for run in waiting if run.past]:
            waiting.remove(run)
            why = 'its config has changed since its rows'
            self.outcome.left[run.label] = why
        self.say(
            f'{len(self.outcome.done)} done before, {len(waiting)} to run'
        )
        with ThreadPoolExecutor(jobs) as pool:
            for worker in [
                pool.submit(self._work, waiting) for _ in range(jobs)
            ]:
                worker.result()
        self.outcome.left |= {run.label: 'stopped' for run in waiting}
        return self.outcome

    def _work(self, waiting: list[Run]) -> None:
        """Take runs that can begin until none is left."""
        while waiting and not self.children.stopping:
            with self._lock:
                run = next(filter(self._can_begin(waiting), waiting), None)
                if run is not None:
                    waiting.remove(run)
                    identity = self.identity(run)
                    self._running[identity] = run
            if run is None:  # what it waits for is running
                time.sleep(0.1)
                continue
            try:
                self._run_locked(run, self.work / identity)
            except StoppedError:
                self.outcome.left[run.label] = 'stopped'
            except Exception as error:  # others go on
                self.outcome.failed[run.label] = str(error)
                self.say(
                    f'{run.label}: FAILED: {type(error).__name__}: {error}'
                )
            finally:
                self._running.pop(identity)

    def _can_begin(self, waiting: list[Run]) -> Callable[[Run], bool]:
        pending = {r.key for r in (*waiting, *self._running.values())}
        return lambda run: (
            # the same under another name: takes its row later
            self.identity(run) not in self._running and run.init not in pending
        )

    def _run_locked(self, run: Run, folder: Path) -> None:
        """Run, unless another process does or did."""
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / 'lock').open('w') as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                self.outcome.left[run.label] = 'another process runs it'
                self.say(f'{run.label}: left, another process runs it')
                return
            start = self.declared.runs.get(run.init)
            needed = self.row_of(run) is None or (
                run.stage == 'pretrain' and self.checkpoint(run) is None
            )
            if needed and start and self.checkpoint(start) is None:
                why = f'its start {start.label} has no checkpoint'
                self.outcome.left[run.label] = why
                return
            if needed:
                self.say(f'{run.label}: starts, {folder.name}')
                row = self._make_row(run, start, folder, lock.fileno())
                append_row(self.rows_file, row)
                self.say(f'{run.label}: done in {row["seconds"]:.0f} s')
            self.outcome.done.append(run.label)

    def _make_row(
        self, run: Run, start: Run | None, folder: Path, lock: int
    ) -> dict[str, Any]:
        """Run to the end."""
        started = time.monotonic()
        made_with = versions()  # the checkout may change while it trains
        try:
            metrics = self._measure(run, start, folder, lock)
        finally:  # time over all attempts; that of a killed runner is lost
            path = folder / 'seconds.txt'
            seconds = float(path.read_text()) if path.is_file() else 0.0
            seconds += time.monotonic() - started
            path.write_text(f'{seconds:.3f}\n')
        return {
            'name': run.name,
            'group': run.group,
            'budget': run.budget,
            'stage': run.stage,
            'split': 'holdout' if HOLDOUT in run.data else 'val',
            'identity': folder.name,
            'family': self.declared.family(run, self.data.digest),
            'config': run.config,
            'overrides': run.overrides,
            'environment': run.environment,
            'seed': run.seed,
            'draw': run.draw,
            'data': run.data,
            'data_sha256': self.data.digest(run.data),
            'init': f'{run.init[0]}@{run.init[1]}' if run.init else None,
            'init_identity': self.identity(start) if start else None,
            **run.facts,
            'metrics': metrics,
            'seconds': round(seconds, 1),
            'threads': self.threads,
            'versions': made_with,
            'machine': machine_words(),
            'finished': datetime.now(timezone.utc).date().isoformat(),
        }

    def _measure(
        self, run: Run, start: Run | None, folder: Path, lock: int
    ) -> dict[str, float]:
        # The caller's variables, without those that would change the run.
        variables = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith('MMSNIP_')
        }
        variables.update(dict.fromkeys(THREADS, str(self.threads)))
        variables['MMSNIP_ANN_FILE'] = str(self.data.file(run.data))
        if start is not None:
            variables['MMSNIP_INIT'] = str(self.checkpoint(start))
        variables.update(run.environment)
        options = ['--cfg-options', *run.overrides] if run.overrides else []

        def call(tool: str, *words: Any) -> None:
            log = folder / f'{tool}.log'
            command = [sys.executable, self.tools / f'{tool}.py', run.config]
            status = self.children.call(
                [str(word) for word in (*command, *words, *options)],
                log,
                cwd=ROOT,
                env=variables,
                pass_fds=[lock],
            )
            if status:
                text = log.read_text(encoding='utf-8', errors='replace')
                tail = '\n'.join(f'    {x}' for x in text.splitlines()[-15:])
                how = f'signal {-status}' if status < 0 else f'status {status}'
                raise RuntimeError(
                    f'{run.label}: {tool}.py ended with {how}; the end of '
                    f'{log}:\n{tail}'
                )

        train = ['--work-dir', folder, '--seed', run.seed]
        if last_checkpoint(folder):
            train.append('--resume')
        if run.stage == 'localize':
            train.append('--no-validate')  # the test comes after the training
        call('train', *train)
        checkpoint = last_checkpoint(folder)
        if checkpoint is None:
            raise RuntimeError(f'{run.label}: the training left no checkpoint')
        if run.stage == 'pretrain':
            return probe_metrics(
                sorted(folder.glob('*/vis_data/scalars.json'))
            )
        scores = folder / 'scores.npz'
        words = ['--work-dir', folder / 'test', '--dump-scores', scores]
        call('test', checkpoint, *words)
        return measure_scores(scores, self.data.source(run.data))


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f'{text}\n')
    sys.stdout.flush()


def choose(runs: Iterable[Run], only: Iterable[str]) -> list[Run]:
    """Runs that the patterns name."""
    runs, chosen = list(runs), set()
    for pattern in only:
        found = {
            run.key
            for run in runs
            for word in (run.group, run.name, run.label)
            if fnmatchcase(word, pattern)
        }
        if not found:
            raise DeclarationError(
                f'--only {pattern}: no group or run has this name; the '
                f'groups are {sorted({run.group for run in runs})}'
            )
        chosen |= found
    return [run for run in runs if run.key in chosen]


def main(words: list[str] | None = None) -> int:
    """Choose, run, report."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add, here = parser.add_argument, ROOT / 'experiments'
    only = 'GROUP|NAME|NAME@SEED'
    add('--only', nargs='+', metavar=only, default=['*'])
    add('--jobs', type=int, default=2, help='runs at once')
    add('--threads', type=int, default=1, help='of each run')
    add('--list', action='store_true', help='only say what')
    add('--runs', default=here / 'runs.yaml', help='declaration, YAML')
    add('--out', default=here / 'results', help='folder of rows.jsonl')
    work = ROOT / 'work_dirs' / 'experiments'
    add('--work-dir', default=work, help='of the trainings')
    add('--data-dir', help='folder of the data sets')
    add('--tools', default=ROOT / 'tools', help=argparse.SUPPRESS)
    args = parser.parse_args(words)
    work = Path(args.work_dir).resolve()
    stops: list[int] = []
    try:
        declared = load_runs(args.runs)
        folder = find_data_dir(args.data_dir)
        runner = Runner(
            declared,
            DataFolder(folder, work / 'data', declared.data),
            Path(args.out) / 'rows.jsonl',
            work,
            Path(args.tools).resolve(),
            args.threads,
            say,
        )
        runs = choose(declared.runs.values(), args.only)
        if args.list:
            for run in runs:
                say(
                    f'{runner.state(run):5}  {runner.identity(run)}  '
                    f'{run.group:16}  {run.label}'
                )
            return 0

        def stop(number: int, _: Any) -> None:
            stops.append(number)
            first = len(stops) == 1
            runner.children.stop(signal.SIGTERM if first else signal.SIGKILL)

        numbers = signal.SIGINT, signal.SIGTERM
        before = {number: signal.signal(number, stop) for number in numbers}
        try:
            outcome = runner.run(runs, args.jobs)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    except (DeclarationError, FileNotFoundError) as error:
        sys.stderr.write(f'error: {error}\n')
        return 2
    for word, told in (('failed', outcome.failed), ('left', outcome.left)):
        for label, why in told.items():
            say(f'{word}: {label}: {why.splitlines()[0]}')
    say(
        f'{len(outcome.done)} done, {len(outcome.failed)} failed, '
        f'{len(outcome.left)} left'
    )
    if stops:
        return 128 + stops[0]
    return 1 if outcome.failed or outcome.left else 0


if __name__ == '__main__':
    sys.exit(main())
