"""Averaged weights: closed form, and through a run of mmengine's hook."""

from __future__ import annotations

import sys

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from torch import nn

from mmsnip.apis import SkeletonLocalizationInferencer
from mmsnip.cli.launch import fit_loaders
from mmsnip.models import WarmEMA
from mmsnip.models.checkpoint import load_encoder, read_checkpoint
from mmsnip.registry import MODELS
from tests.tools.conftest import (  # noqa: F401  (a fixture)
    ROOT,
    TINY_LOCALIZE,
    ann_file,
    run,
)

EMA = dict(type='EMAHook', ema_type='mmsnip.WarmEMA', decay=0.99)


class Scale(nn.Module):
    """One weight and one count."""

    def __init__(self, weight=5.0):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([weight]))
        self.register_buffer('seen', torch.tensor(0))

    def set(self, weight):
        self.weight.data.fill_(weight)
        self.seen += 1


def averages(ema, model, weights):
    found = []
    for weight in weights:
        model.set(weight)
        ema.update_parameters(model)
        found.append(ema.module.weight.item())
    return found


def test_three_updates_average_as_written_down():
    model = Scale()
    ema = WarmEMA(model)

    found = averages(ema, model, [1.0, 2.0, 4.0])

    second = 2 / 11 * 1.0 + 9 / 11 * 2.0
    third = 3 / 12 * second + 9 / 12 * 4.0
    assert found == pytest.approx([1.0, second, third], rel=1e-6)


def test_the_share_that_is_kept_rises_to_the_decay():
    model = Scale()
    ema, kept = WarmEMA(model, decay=0.5), []
    for _ in range(12):
        ema.update_parameters(model)
        kept.append(ema.keep)

    expected = [(i + 1) / (i + 10) for i in range(8)] + [0.5] * 4
    assert kept == pytest.approx(expected)


def test_an_interval_counts_updates_and_not_calls():
    model = Scale()
    ema = WarmEMA(model, interval=2)

    found = averages(ema, model, [1.0, 7.0, 2.0])

    second = 2 / 11 * 1.0 + 9 / 11 * 2.0
    assert found == pytest.approx([1.0, 1.0, second], rel=1e-6)


def test_buffers_are_copied():
    model = Scale()
    ema = WarmEMA(model)

    averages(ema, model, [1.0, 2.0, 4.0])

    assert ema.module.seen.item() == 3


@pytest.mark.parametrize('decay', [1.0, -0.1])
def test_a_decay_that_is_no_share_is_refused(decay):
    with pytest.raises(ValueError, match=rf'decay={decay} must lie in'):
        MODELS.build(dict(type='mmsnip.WarmEMA', model=Scale(), decay=decay))


def config(work_dir, epochs, name, **changes):
    cfg = Config.fromfile(ROOT / 'configs/custom/localize.py')
    options = dict(option.split('=') for option in TINY_LOCALIZE)
    cfg.merge_from_dict({k: int(v) for k, v in options.items()})
    cfg.merge_from_dict(
        {
            'work_dir': str(work_dir),
            'experiment_name': name,
            'train_cfg.max_epochs': epochs,
            'model.test_cfg': dict(smooth_frames=5),
            'model.head': dict(
                _delete_=True,
                type='mmsnip.DilatedLocalizationHead',
                num_classes=2,
                num_layers=3,
            ),
            **changes,
        }
    )
    others = [h for h in cfg.custom_hooks if h['type'] != 'EMAHook']
    cfg.custom_hooks = [*others, EMA]
    fit_loaders(cfg)
    return cfg


@pytest.fixture(scope='module')
def trained(tmp_path_factory, ann_file):  # noqa: F811
    """Folder of two epochs; metrics of the validation."""
    folder = tmp_path_factory.mktemp('averaged')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('MMSNIP_ANN_FILE', str(ann_file))
        runner = Runner.from_cfg(config(folder / 'whole', 2, 'whole'))
        model = runner.train()
        weights = {k: v.clone() for k, v in model.state_dict().items()}
        yield folder, weights


def differing(found, expected):
    return [k for k in expected if not torch.equal(found[k], expected[k])]


@pytest.mark.slow
def test_a_checkpoint_shows_the_average_and_keeps_the_weights(trained):
    folder, weights = trained

    saved = read_checkpoint(folder / 'whole' / 'epoch_2.pth')

    kept = {
        key[len('module.') :]: value
        for key, value in saved['ema_state_dict'].items()
        if key.startswith('module.')
    }
    assert not differing(kept, weights)
    changed = differing(saved['state_dict'], weights)
    assert 'head.layers.0.conv.weight' in changed
    assert 'backbone.blocks.0.gcn1.PA' in changed
    assert not [key for key in changed if 'running' in key]
    assert saved['ema_state_dict']['steps'] == 2 * len_of_epoch(saved)


def len_of_epoch(saved):
    return saved['meta']['iter'] // saved['meta']['epoch']


@pytest.mark.slow
def test_a_resumed_run_averages_as_the_uninterrupted_one(trained):
    folder, _ = trained
    first = folder / 'whole' / 'epoch_1.pth'
    cfg = config(folder / 'resumed', 2, 'resumed')
    cfg.load_from, cfg.resume = str(first), True

    Runner.from_cfg(cfg).train()

    expected = read_checkpoint(folder / 'whole' / 'epoch_2.pth')
    found = read_checkpoint(folder / 'resumed' / 'epoch_2.pth')
    for part in ('state_dict', 'ema_state_dict'):
        assert not differing(found[part], expected[part])


@pytest.mark.slow
@pytest.mark.parametrize('with_hook', [True, False])
def test_a_test_of_the_checkpoint_scores_the_average(trained, with_hook):
    folder, _ = trained
    name = f'test_{with_hook}'
    cfg = config(folder / name, 2, name)
    if not with_hook:
        cfg.custom_hooks.pop()
    cfg.load_from = str(folder / 'whole' / 'epoch_2.pth')
    runner = Runner.from_cfg(cfg)
    seen = {}

    def look(module, arguments):
        seen.update({k: v.clone() for k, v in module.state_dict().items()})

    runner.model.register_forward_pre_hook(look)
    runner.test()

    assert not differing(seen, read_checkpoint(cfg.load_from)['state_dict'])


@pytest.mark.slow
def test_inference_and_the_next_run_take_the_average(trained):
    folder, _ = trained
    path = folder / 'whole' / 'epoch_2.pth'
    expected = read_checkpoint(path)['state_dict']

    infer = SkeletonLocalizationInferencer(str(folder / 'whole'))

    assert not differing(infer.model.state_dict(), expected)
    assert infer.model.smooth_frames == 5
    assert len(infer.model.head.layers) == 3
    backbone = MODELS.build(config(folder, 1, 'next').model).backbone
    load_encoder(backbone, path)
    found = {f'backbone.{k}': v for k, v in backbone.state_dict().items()}
    names = [key for key in expected if key.startswith('backbone.')]
    assert not differing(found, {key: expected[key] for key in names})


@pytest.mark.slow
def test_a_run_that_starts_from_the_average_averages_its_own(trained):
    """The hook copies the model before the encoder is loaded."""
    folder, _ = trained
    path = str(folder / 'whole' / 'epoch_2.pth')
    cfg = config(
        folder / 'next',
        1,
        'next',
        **{'model.pretrained': path, 'model.frozen_stages': 9},
    )

    Runner.from_cfg(cfg).train()

    expected = read_checkpoint(path)['state_dict']
    found = read_checkpoint(folder / 'next' / 'epoch_1.pth')['state_dict']
    names = [key for key in expected if key.startswith('backbone.')]
    assert not differing(found, {key: expected[key] for key in names})


@pytest.mark.slow
def test_the_test_command_takes_a_checkpoint_of_averages(trained, ann_file):  # noqa: F811
    folder, _ = trained
    leaf = folder / 'leaf.py'
    config(folder / 'tested', 2, 'tested').dump(leaf)

    done = run(
        [sys.executable, 'tools/test.py', leaf]
        + [folder / 'whole' / 'epoch_2.pth', '--work-dir', folder / 'tested'],
        ann_file,
    )

    assert done.returncode == 0, done.output[-3000:]
    assert 'mAP' in done.output
