"""The command: signals, kills, lists, refusals."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from experiments.rows import read_rows
from experiments.run import main
from tests.experiments.conftest import (
    BASE,
    calls,
    kill_training,
    only,
    run_all,
)

ROOT = Path(__file__).resolve().parents[2]


def command(runner, *words):
    return [
        sys.executable, ROOT / 'experiments' / 'run.py',
        '--runs', runner.rows_file.parents[1] / 'runs.yaml',
        '--out', runner.rows_file.parent, '--work-dir', runner.work,
        '--data-dir', runner.data.folder, '--tools', runner.tools.folder,
        *words,
    ]  # fmt: skip


def start_slow(runner):
    """The command in the middle of a toy training."""
    process = subprocess.Popen(
        [str(word) for word in command(runner)],
        stdout=subprocess.PIPE,
        text=True,
    )
    (run,) = runner.declared.runs.values()
    pointer = runner.work / runner.identity(run) / 'last_checkpoint'
    deadline = time.monotonic() + 30
    while not pointer.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    return process


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_children_and_a_later_call_resumes(bench, number):
    runner = bench(only(dict(name='a', config='slow.py')))

    process = start_slow(runner)
    process.send_signal(number)
    said, _ = process.communicate(timeout=30)

    assert process.returncode == 128 + number
    assert 'left: a@0: stopped' in said
    assert read_rows(runner.rows_file) == []
    assert run_all(runner).done == ['a@0']
    assert [c['resume'] for c in calls(runner)] == [False, True]


def test_a_runner_killed_hard_leaves_its_training_locked(bench):
    runner = bench(only(dict(name='a', config='slow.py')))
    process = start_slow(runner)

    process.kill()
    process.communicate()
    outcome = run_all(runner)

    assert outcome.left == {'a@0': 'another process runs it'}
    kill_training(runner)
    assert run_all(runner).done == ['a@0']


def test_the_command_lists_runs_skips_and_says_what_failed(bench, capsys):
    runner = bench(only(dict(name='bad', config='crash.py'), dict(name='ok')))
    words = [str(word) for word in command(runner)[2:]]

    status = main([*words, '--jobs', '1'])
    said = capsys.readouterr().out
    listed = main([*words, '--list'])
    lines = capsys.readouterr().out.splitlines()

    assert status == 1
    assert 'failed: bad@0: bad@0: train.py ended with status 1' in said
    assert '1 done, 1 failed, 0 left' in said
    assert listed == 0
    assert [line.split()[0] for line in lines] == ['open', 'done']
    assert main([*words, '--only', 'o*']) == 0
    assert main([*words, '--only', 'bad@0']) == 1


def test_the_command_refuses_names_and_folders_that_are_not_there(
    bench, capsys
):
    runner = bench(BASE)
    words = [str(word) for word in command(runner)[2:]]

    assert main([*words, '--only', 'gone']) == 2
    said = capsys.readouterr().err
    assert "no group or run has this name; the groups are ['toys']" in said
    assert main([*words, '--data-dir', '/nowhere']) == 2
    assert 'name it with --data-dir' in capsys.readouterr().err
    (runner.data.folder / 'toy.pkl').unlink()
    assert main(words) == 2
    assert "it has no data set 'toy'" in capsys.readouterr().err


def test_no_row_is_made_of_a_run_whose_config_has_changed(bench):
    runner = bench(only(dict(name='a'), dict(name='b', past=True)))

    outcome = run_all(runner)

    assert outcome.done == ['a@0']
    assert outcome.left == {'b@0': 'its config has changed since its rows'}
    assert [row['name'] for row in read_rows(runner.rows_file)] == ['a']
