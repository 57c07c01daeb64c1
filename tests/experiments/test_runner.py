"""What is run, what is skipped, what survives a kill."""

from __future__ import annotations

import copy
import fcntl
import os
import shutil
from pathlib import Path

from experiments.rows import read_rows
from tests.experiments.conftest import BASE, calls, only, run_all

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


def test_no_row_names_a_path_or_the_host(bench):
    runner = bench(BASE)
    run_all(runner)

    text = runner.rows_file.read_text()

    assert str(runner.work) not in text
    assert str(runner.data.folder) not in text
    assert str(ROOT) not in text
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


def test_runs_that_are_done_are_skipped(bench):
    run_all(bench(BASE))
    runner = bench(BASE)

    outcome = run_all(runner)

    assert len(calls(runner)) == 4
    assert len(outcome.done) == 4
    assert len(read_rows(runner.rows_file)) == 4


def test_a_changed_knob_runs_again_and_keeps_the_old_row(bench):
    run_all(bench(BASE))
    content = copy.deepcopy(BASE)
    content['groups'][0]['runs'][1]['epochs'] = 6

    runner = bench(content)
    run_all(runner)

    assert len(calls(runner)) == 4 + 2
    assert labels(runner).count('fine@0') == 2


def test_a_new_name_or_group_takes_the_row_without_running(bench):
    run_all(bench(BASE))
    content = copy.deepcopy(BASE)
    content['groups'][0]['name'] = 'others'
    content['groups'][0]['runs'][1]['name'] = 'renamed'

    runner = bench(content)
    outcome = run_all(runner)

    rows = {(r['name'], r['group']) for r in read_rows(runner.rows_file)}
    assert len(calls(runner)) == 4
    assert len(outcome.done) == 4
    assert {('renamed', 'others'), ('fine', 'toys')} <= rows


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


def test_a_run_killed_hard_goes_on_after_its_checkpoint(bench):
    content = only(dict(name='hit', config='killed.py'), dict(name='good'))
    runner = bench(content)

    first = run_all(runner)
    second = run_all(bench(content))

    assert 'ended with signal 9' in first.failed['hit@0']
    assert second.failed == {}
    resumed = [c['resume'] for c in calls(runner) if 'killed' in c['config']]
    assert resumed == [False, True]
    assert sorted(labels(runner)) == ['good@0', 'hit@0']


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


def test_asking_for_a_run_runs_the_start_that_it_needs(bench):
    runner = bench(BASE)

    outcome = runner.run([runner.declared.runs['fine', 1]])

    assert sorted(outcome.done) == ['fine@1', 'pre@1']


def test_small_seeds_come_first_inside_a_group(bench):
    runner = bench(BASE)

    order = [run.label for run in runner.plan(runner.declared.runs.values())]

    assert order == ['pre@0', 'fine@0', 'pre@1', 'fine@1']


def test_a_run_that_another_process_has_is_left(bench):
    runner = bench(only(dict(name='a'), dict(name='b', width=4)))
    run = runner.declared.runs['a', 0]
    folder = runner.work / runner.identity(run)
    folder.mkdir(parents=True)
    lock = os.open(folder / 'lock', os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)

    outcome = run_all(runner)
    os.close(lock)

    assert outcome.left == {'a@0': 'another process runs it'}
    assert labels(runner) == ['b@0']
    assert run_all(runner).left == {}


def test_a_row_on_held_out_videos_says_so(bench):
    content = only(dict(name='a', data='toy/holdout'))
    content['data'] = dict(toy=dict(group='^set_([a-z])_', hold=['b']))
    runner = bench(content)

    run_all(runner)

    (row,) = read_rows(runner.rows_file)
    assert (row['split'], row['data']) == ('holdout', 'toy/holdout')
    (call,) = calls(runner)
    assert 'toy-holdout-' in call['env']['MMSNIP_ANN_FILE']
