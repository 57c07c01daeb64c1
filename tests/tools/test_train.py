"""The training command, from outside."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest
import torch

import mmsnip.registry  # noqa: F401  (lets torch.load read checkpoints)
from mmsnip.io.annotation import save_annotation
from tests import warm
from tests.tools.conftest import (
    ROOT,
    TINY_LOCALIZE,
    TINY_PRETRAIN,
    annotation,
    environment,
    free_port,
    losses,
    run,
    train,
)

CASES = {
    'pretrain': ('configs/custom/pretrain.py', TINY_PRETRAIN),
    'localize': ('configs/custom/localize.py', TINY_LOCALIZE),
    'taught': (
        'configs/custom/localize.py',
        [*TINY_LOCALIZE, 'train_dataloader.sampler.num_visits=8'],
    ),
}


def kill_after(checkpoint, words, ann_file):
    """Start training and kill it hard once a checkpoint is complete."""
    out = checkpoint.parents[1] / 'said'
    out.mkdir()
    process = warm.start(words, ROOT, environment(ann_file), out)
    pointer = checkpoint.parent / 'last_checkpoint'
    deadline = time.monotonic() + 300
    while process.is_alive() and time.monotonic() < deadline:
        if pointer.exists() and checkpoint.name in pointer.read_text():
            os.killpg(process.pid, signal.SIGKILL)
            process.join()
            return
        time.sleep(0.01)
    process.kill()
    pytest.fail(f'{checkpoint.name} was not written before training ended')


@pytest.fixture(scope='module')
def pretrained(tmp_path_factory, ann_file):
    """Work folder of one epoch."""
    folder = tmp_path_factory.mktemp('pretrained')
    options = [*TINY_PRETRAIN, 'train_cfg.max_epochs=1']
    train('configs/custom/pretrain.py', folder, options, ann_file)
    return folder


@pytest.fixture(scope='module')
def localized(tmp_path_factory, ann_file):
    """Work folder of two epochs."""
    folder = tmp_path_factory.mktemp('localized')
    options = [*TINY_LOCALIZE, 'train_cfg.max_epochs=2']
    train('configs/custom/localize.py', folder, options, ann_file)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ('kind', 'workers'),
    [('pretrain', 2), ('localize', 0), ('localize', 2), ('taught', 2)],
)
def test_a_killed_run_resumes_on_the_same_trajectory(
    tmp_path, ann_file, kind, workers
):
    config, options = CASES[kind]
    if kind == 'taught':
        content = annotation()
        for video in content['annotations'][:5]:
            del video['segments'], video['segment_labels']
        ann_file = tmp_path / 'few.pkl'
        save_annotation(ann_file, content)
    options = [
        *options,
        'train_cfg.max_epochs=4',
        f'train_dataloader.num_workers={workers}',
    ]
    if kind != 'pretrain':
        options += ['model.head.dropout=0.3']
    whole, killed = tmp_path / 'whole', tmp_path / 'killed'
    train(config, whole, options, ann_file)
    kill_after(
        killed / 'epoch_2.pth',
        ['tools/train.py', config, '--work-dir', killed]
        + ['--cfg-options', *options],
        ann_file,
    )
    before = losses(killed)

    # cold: a process in which sets have another order
    done = train(
        config, killed, options, ann_file, '--resume', 'auto', cold=True
    )

    expected, found = losses(whole), losses(killed)
    assert 'resumed epoch' in done.output
    assert len(before) < len(expected)
    assert found == expected


@pytest.mark.slow
def test_a_map_of_the_snippets_is_drawn_before_and_after(pretrained):
    pictures = list(pretrained.glob('*/vis_data/vis_image/*.png'))

    assert [path.name for path in pictures] == ['embedding_1.png']
    assert pictures[0].stat().st_size > 10000


@pytest.mark.slow
def test_pre_training_hands_its_encoder_to_the_localizer(
    tmp_path, ann_file, pretrained
):
    checkpoint = pretrained / 'epoch_1.pth'

    done = train(
        'configs/custom/localize.py',
        tmp_path / 'localize',
        [*TINY_LOCALIZE, 'train_cfg.max_epochs=1', 'model.frozen_stages=9'],
        ann_file,
        MMSNIP_INIT=str(checkpoint),
    )

    saved = torch.load(checkpoint, weights_only=True)['state_dict']
    tuned = torch.load(
        tmp_path / 'localize' / 'epoch_1.pth', weights_only=True
    )['state_dict']
    assert 'loaded' in done.output
    assert 'key_encoder' in done.output  # what was left is named
    # A person reads lines; the config stands in the log file alone.
    log = next((tmp_path / 'localize').glob('*/*.log')).read_text()
    assert len(done.output.splitlines()) < 40
    assert 'Config:' in log
    assert 'Config:' not in done.output
    for key, value in saved.items():
        if key.startswith('backbone.'):
            assert torch.equal(tuned[key], value), key


@pytest.mark.slow
def test_a_checkpoint_carries_all_that_inference_needs(localized):
    meta = torch.load(localized / 'epoch_1.pth', weights_only=True)['meta']

    kept = meta['mmsnip']
    assert kept['dataset_meta']['classes'] == ['left', 'right']
    assert kept['dataset_meta']['parents'] == [-1, 0, 1, 1, 0]
    assert kept['dataset_meta']['fps'] == 30.0
    assert kept['model']['head']['num_classes'] == 2
    assert any(
        step['type'] == 'NormalizeSkeleton' for step in kept['pipeline']
    )


@pytest.mark.slow
def test_a_pre_training_checkpoint_cannot_be_tested_itself(
    tmp_path, ann_file, pretrained
):
    done = run(
        [sys.executable, 'tools/test.py', 'configs/custom/localize.py']
        + [pretrained / 'epoch_1.pth', '--work-dir', tmp_path / 'test']
        + ['--cfg-options', *TINY_LOCALIZE],
        ann_file,
    )

    assert done.returncode == 2
    assert 'are not in the checkpoint' in done.stderr
    assert 'MMSNIP_INIT' in done.stderr
    assert 'Traceback' not in done.stderr


@pytest.mark.slow
def test_two_processes_train_through_the_script(tmp_path, ann_file):
    done = run(
        ['bash', 'tools/dist_train.sh', 'configs/custom/pretrain.py', 2]
        + ['--work-dir', tmp_path, '--cfg-options', *TINY_PRETRAIN]
        + ['train_cfg.max_epochs=2'],
        ann_file,
        PORT=free_port(),
    )

    assert done.returncode == 0, done.output[-3000:]
    assert len(losses(tmp_path)) == 4  # 16 visits, 2 x 4 a step, 2 epochs
    state = torch.load(tmp_path / 'epoch_2.pth', weights_only=True)
    # Keys of both processes: 4 steps of 8 keys in a queue of 24.
    pointer = state['state_dict']['global_head.queue.pointer']
    assert int(pointer) == 32 % 24


@pytest.mark.slow
def test_metrics_are_equal_on_one_and_two_processes(
    tmp_path, ann_file, localized
):
    checkpoint = localized / 'epoch_2.pth'
    command = ['configs/custom/localize.py', checkpoint]
    options = ['--cfg-options', *TINY_LOCALIZE]

    one = run(
        [sys.executable, 'tools/test.py', *command]
        + ['--work-dir', tmp_path / 'one', *options],
        ann_file,
        cold=True,
    )
    two = run(
        ['bash', 'tools/dist_test.sh', *command, 2]
        + ['--work-dir', tmp_path / 'two', *options],
        ann_file,
        PORT=free_port(),
    )

    assert one.returncode == 0, one.output[-3000:]
    assert two.returncode == 0, two.output[-3000:]
    assert metric_rows(one.stdout)
    assert metric_rows(one.stdout) == metric_rows(two.stdout)


def metric_rows(text):
    rows = {}
    for line in text.splitlines():
        parts = line.split()
        if len(parts) == 2 and parts[1].replace('.', '', 1).isdigit():
            rows[parts[0]] = parts[1]
    return rows


@pytest.mark.parametrize('lacking', ['annotation', 'config', 'folder'])
def test_what_cannot_be_used_is_named(lacking, tmp_path, ann_file):
    (tmp_path / 'taken').write_text('a file')
    config = 'configs/custom/localize.py'
    words = {
        'annotation': [config, '--work-dir', tmp_path],
        'config': ['absent.py'],
        'folder': [config, '--work-dir', tmp_path / 'taken'],
    }[lacking]
    file = Path('nowhere/absent.pkl') if lacking == 'annotation' else ann_file
    name = dict(annotation='absent.pkl', config='absent.py', folder='taken')

    done = run([sys.executable, 'tools/train.py', *words], file)

    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith('error: ')
    assert name[lacking] in done.stderr.splitlines()[-1]
    assert 'Traceback' not in done.stderr


def test_amp_without_a_gpu_says_so(tmp_path, ann_file):
    if torch.cuda.is_available():
        pytest.skip('a GPU is visible')
    done = run(
        [sys.executable, 'tools/train.py', 'configs/custom/localize.py']
        + ['--work-dir', tmp_path, '--amp'],
        ann_file,
    )

    assert done.returncode != 0
    assert '--amp needs a GPU' in done.stderr


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        (['foo'], "'foo' is no KEY=VALUE"),
        (['=3'], "'=3' is no KEY=VALUE"),
        (
            ['train_dataloader.dataset.pipeline.99.prob=1'],
            'no such place in configs/custom/localize.py',
        ),
        (['model.backbone.type.deep=1'], 'no such place in'),
    ],
    ids=['no pair', 'no key', 'beyond the list', 'inside of a word'],
)
def test_options_that_fit_nowhere_are_named(options, said, tmp_path, ann_file):
    done = run(
        [sys.executable, 'tools/train.py', 'configs/custom/localize.py']
        + ['--work-dir', tmp_path, '--cfg-options', *options],
        ann_file,
    )

    assert done.returncode != 0
    assert said in done.stderr
    assert options[0].partition('=')[0] in done.stderr
    assert 'Traceback' not in done.stderr
