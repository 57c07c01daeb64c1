"""What is run, what is skipped, what survives signals and kills."""

from __future__ import annotations

import copy
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from experiments.data import DataFolder
from experiments.rows import read_rows
from experiments.run import Runner, main
from tests.experiments.conftest import (
    BASE,
    calls,
    kill_training,
    only,
    run_all,
)
from tests.tools.conftest import TINY_LOCALIZE, TINY_PRETRAIN, ann_file

__all__ = ['ann_file']  # the fixture
ROOT = Path(__file__).resolve().parents[2]


def labels(runner):
    return [f'{r["name"]}@{r["seed"]}' for r in read_rows(runner.rows_file)]


def test_every_run_leaves_a_row_that_can_be_read_alone(bench):
    runner = bench(BASE)

    outcome = run_all(runner)

    rows = {(r['name'], r['seed']): r for r in read_rows(runner.rows_file)}
    row = rows['fine', 1]
    assert outcome.failed == outcome.left == {}
    assert set(rows) == {(n, s) for n in ('pre', 'fine') for s in (0, 1)}
    assert (row['group'], row['budget'], row['split']) == (
        'toys', 'tiny', 'val',
    )  # fmt: skip
    assert (row['width'], row['epochs'], row['fraction']) == (8, 4, 0.5)
    assert row['init'] == 'pre@1'
    assert row['init_identity'] == rows['pre', 1]['identity']
    assert row['overrides'] == [
        'model.backbone.base_channels=8',
        'train_cfg.max_epochs=4',
        'train_dataloader.dataset.fraction=0.5',
        'train_dataloader.dataset.seed=1',
    ]
    assert row['metrics']['runs/mAP'] == 1
    assert row['metrics']['frame_accuracy'] == 1
    assert row['seconds'] > 0
    assert {'mmsnip', 'torch', 'commit'} <= set(row['versions'])
    text = runner.rows_file.read_text()
    for private in (runner.work, runner.data.folder, ROOT):
        assert str(private) not in text
    assert os.uname().nodename not in text


def test_the_training_is_told_seed_data_start_and_threads(bench, monkeypatch):
    monkeypatch.setenv('MMSNIP_SPLIT', 'of the caller')
    runner = bench(BASE)
    run_all(runner)

    pre, fine = (
        [c for c in calls(runner) if c['seed'] == 1 and c['no_validate'] is v]
        for v in (False, True)
    )

    env = fine[0]['env']
    assert Path(env['MMSNIP_INIT']).name == 'epoch_2.pth'
    assert Path(env['MMSNIP_INIT']).parent.name == pre[0]['work_dir']
    assert Path(env['MMSNIP_ANN_FILE']).name == 'toy.pkl'
    assert 'MMSNIP_SPLIT' not in env
    assert 'MMSNIP_INIT' not in pre[0]['env']
    assert env['OMP_NUM_THREADS'] == '1'


def test_only_what_changed_runs_again_and_a_new_name_takes_the_row(bench):
    run_all(bench(BASE))
    content = copy.deepcopy(BASE)
    content['groups'][0]['name'] = 'others'
    content['groups'][0]['runs'][1]['name'] = 'renamed'

    same, renamed = bench(BASE), bench(content)
    assert len(run_all(same).done) == len(run_all(renamed).done) == 4
    assert len(calls(same)) == 4
    rows = {(r['name'], r['group']) for r in read_rows(same.rows_file)}
    assert {('renamed', 'others'), ('fine', 'toys')} <= rows

    content['groups'][0]['runs'][1]['epochs'] = 6
    run_all(bench(content))
    assert len(calls(same)) == 4 + 2
    assert labels(same).count('renamed@0') == 2


def test_one_run_under_two_names_is_run_once(bench):
    runner = bench(only(dict(name='a'), dict(name='b')))

    outcome = run_all(runner, jobs=2)

    assert len(calls(runner)) == 1
    assert sorted(outcome.done) == ['a@0', 'b@0'] == sorted(labels(runner))


def test_a_failing_run_says_why_and_stops_no_other(bench):
    said = []
    content = only(
        dict(name='bad', config='crash.py'),
        dict(name='pre-bad', stage='pretrain', config='crash.py'),
        dict(name='after-bad', init='pre-bad'),
        dict(name='good'),
    )
    runner = bench(content, said)

    outcome = run_all(runner, jobs=1)

    assert labels(runner) == ['good@0']
    assert set(outcome.failed) == {'bad@0', 'pre-bad@0'}
    assert outcome.left == {
        'after-bad@0': 'its start pre-bad@0 has no checkpoint'
    }
    assert any('the toy training fell over' in line for line in said)


def test_a_start_whose_checkpoint_is_gone_is_trained_again(bench):
    run_all(bench(BASE))
    content = copy.deepcopy(BASE)
    content['groups'][0]['runs'].append(dict(name='new', init='pre'))
    runner = bench(content)
    pre = runner.declared.runs['pre', 1]
    shutil.rmtree(runner.work / runner.identity(pre))

    outcome = run_all(runner)

    assert outcome.failed == outcome.left == {}
    again = [c for c in calls(runner)[4:] if not c['no_validate']]
    assert [c['seed'] for c in again] == [1]


def test_small_seeds_come_first_inside_a_group(bench):
    runner = bench(BASE)

    order = [run.label for run in runner.plan(runner.declared.runs.values())]

    assert order == ['pre@0', 'fine@0', 'pre@1', 'fine@1']


def test_a_row_on_held_out_videos_says_so(bench):
    content = only(dict(name='a', data='toy/holdout'))
    content['data'] = dict(toy=dict(group='^set_([a-z])_', hold=['b']))
    runner = bench(content)

    run_all(runner)

    (row,) = read_rows(runner.rows_file)
    assert (row['split'], row['data']) == ('holdout', 'toy/holdout')
    (call,) = calls(runner)
    assert 'toy-holdout-' in call['env']['MMSNIP_ANN_FILE']


def command(runner, *words):
    return [
        sys.executable, ROOT / 'experiments' / 'run.py',
        '--runs', runner.rows_file.parents[1] / 'runs.yaml',
        '--out', runner.rows_file.parent, '--work-dir', runner.work,
        '--data-dir', runner.data.folder, '--tools', runner.tools,
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


@pytest.mark.slow
def test_a_killed_training_resumes_and_its_scores_become_a_row(
    tmp_path, declare, ann_file
):
    """The runner around the project's own training and testing."""

    def options(texts):
        pairs = (text.split('=') for text in texts)
        return {name: int(value) for name, value in pairs}

    content = only(
        dict(
            name='pre',
            stage='pretrain',
            epochs=1,
            options=options(TINY_PRETRAIN),
        ),
        dict(
            name='fine',
            init='pre',
            fraction=0.5,
            epochs=3,
            options=options(TINY_LOCALIZE),
        ),
    )
    content['groups'][0]['defaults']['data'] = 'swings'
    runner = Runner(
        declare(content),
        DataFolder(ann_file.parent, tmp_path / 'work' / 'data'),
        tmp_path / 'rows.jsonl',
        tmp_path / 'work',
    )
    fine = runner.declared.runs['fine', 0]
    folder = runner.work / runner.identity(fine)

    def kill_after_an_epoch():
        deadline = time.monotonic() + 200
        while time.monotonic() < deadline:
            if (folder / 'last_checkpoint').exists():
                return kill_training(runner)
            time.sleep(0.01)
        return None

    watcher = threading.Thread(target=kill_after_an_epoch)
    watcher.start()
    first = run_all(runner, jobs=1)
    watcher.join()
    second = run_all(runner, jobs=1)

    assert first.done == ['pre@0']
    assert 'ended with signal 9' in first.failed['fine@0']
    assert second.failed == second.left == {}
    assert 'resumed epoch: ' in (folder / 'train.log').read_text()
    pre, row = read_rows(runner.rows_file)
    assert any(key.startswith('knn/') for key in pre['metrics'])
    assert {'runs/mAP', 'sweep/mAP', 'F1@50', 'edit'} <= set(row['metrics'])
    assert row['init_identity'] == pre['identity']
