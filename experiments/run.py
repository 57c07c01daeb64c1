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
import signal
import sys
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

# Run as a file, it would see its own folder alone.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from experiments.declaration import DeclarationError, Run, load_runs
from experiments.execute import Tools
from experiments.scheduling import Outcome, Runner
from experiments.sources import DataFolder, find_data_dir

ROOT = Path(__file__).resolve().parents[1]
RUNS = ROOT / 'experiments' / 'runs.yaml'
OUT = ROOT / 'experiments' / 'results'
WORK = ROOT / 'work_dirs' / 'experiments'


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f'{text}\n')
    sys.stdout.flush()


def choose(
    runs: Mapping[tuple, Run], only: Iterable[str] | None
) -> list[Run]:
    """Runs that the patterns name.

    Args:
        runs (Mapping[tuple, Run]): All of them.
        only (Iterable[str], optional): Groups, names or ``NAME@SEED``, with
            wildcards; None takes all.

    Returns:
        list[Run]: In the order of the declaration.

    Raises:
        DeclarationError: If a pattern names nothing.
    """
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
