"""Which runs are left, and running them, several at once."""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from experiments.children import Children, StoppedError
from experiments.declaration import Declaration, Run
from experiments.execute import Task, Tools, last_checkpoint, make_row
from experiments.identity import family_of, identity_of
from experiments.rows import append_row, newest_rows, read_rows
from experiments.sources import DataFolder

__all__ = ['Outcome', 'Runner']

GRACE_S = 20.0


@dataclass
class Outcome:
    """What became of the runs.

    Attributes:
        done (list[str]): Labels of runs that have a row.
        failed (dict[str, str]): Why others have none.
        left (dict[str, str]): Why others were not run.
    """

    done: list = field(default_factory=list)
    failed: dict = field(default_factory=dict)
    left: dict = field(default_factory=dict)


@dataclass
class Runner:
    """Runs declared runs; each result is a row at once.

    Attributes:
        declared (Declaration): All runs.
        data (DataFolder): Their data sets.
        rows_file (Path): Where rows are added.
        work (Path): Holds a work folder for each identity.
        tools (Tools): How they are run.
        say (Callable[[str], None]): Takes a line of progress.
        children (Children): Their processes.
    """

    declared: Declaration
    data: DataFolder
    rows_file: Path
    work: Path
    tools: Tools = field(default_factory=Tools)
    say: Callable[[str], None] = print
    children: Children = field(default_factory=Children)

    def identity(self, run: Run) -> str:
        """Its hash, see `identity_of`."""
        return identity_of(run, self.declared.runs, self.data.digest)

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
        """Run what has no row yet.

        Args:
            wanted (Iterable[Run]): Declared runs.
            jobs (int): At once. Defaults to 2.

        Returns:
            Outcome: Of these runs and the starts that they need.
        """
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
                family_of(run, self.declared.runs, self.data.digest),
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
        ended, _ = wait_for(
            running, GRACE_S if late else 1.0, FIRST_COMPLETED
        )
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
