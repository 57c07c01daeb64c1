"""The runner around the project's own training and testing."""

from __future__ import annotations

import threading
import time

import pytest

from experiments.data import DataFolder
from experiments.rows import read_rows
from experiments.run import Runner, Tools
from tests.experiments.conftest import kill_training, run_all
from tests.tools.conftest import TINY_LOCALIZE, TINY_PRETRAIN, ann_file

__all__ = ['ann_file']  # the fixture


def options(texts):
    """``--cfg-options`` as a declaration has them."""
    pairs = (text.split('=') for text in texts)
    return {name: int(value) for name, value in pairs}


@pytest.fixture
def runner(tmp_path, declare, ann_file):
    declared = declare(
        dict(
            groups=[
                dict(
                    name='swings',
                    budget='toy',
                    defaults=dict(
                        data='swings',
                        pretrain=dict(
                            epochs=1, options=options(TINY_PRETRAIN)
                        ),
                        localize=dict(
                            epochs=3, options=options(TINY_LOCALIZE)
                        ),
                    ),
                    runs=[
                        dict(name='pre', stage='pretrain'),
                        dict(name='fine', init='pre', fraction=0.5),
                    ],
                )
            ]
        )
    )
    return Runner(
        declared,
        DataFolder(ann_file.parent, tmp_path / 'work' / 'data'),
        tmp_path / 'rows.jsonl',
        tmp_path / 'work',
        Tools(),
    )


def kill_after_an_epoch(runner, run):
    """In a thread: kill the training hard once a checkpoint is there."""
    folder = runner.work / runner.identity(run)

    def watch():
        deadline = time.monotonic() + 200
        while time.monotonic() < deadline:
            if (folder / 'last_checkpoint').exists():
                return kill_training(runner)
            time.sleep(0.01)
        return None

    thread = threading.Thread(target=watch)
    thread.start()
    return thread


@pytest.mark.slow
def test_a_killed_training_resumes_and_its_scores_become_a_row(runner):
    fine = runner.declared.runs['fine', 0]
    watcher = kill_after_an_epoch(runner, fine)

    first = run_all(runner, jobs=1)
    watcher.join()
    second = run_all(runner, jobs=1)

    assert first.done == ['pre@0']
    assert 'ended with signal 9' in first.failed['fine@0']
    assert second.failed == second.left == {}
    log = (runner.work / runner.identity(fine) / 'train.log').read_text()
    assert 'resumed epoch: ' in log
    pre, row = read_rows(runner.rows_file)
    assert any(key.startswith('knn/') for key in pre['metrics'])
    assert {'runs/mAP', 'sweep/mAP', 'F1@50', 'edit'} <= set(row['metrics'])
    assert row['init_identity'] == pre['identity']
    assert 'fine' in row['name']
