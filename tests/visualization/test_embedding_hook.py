"""Maps of the snippets before and after pre-training."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.logging import MessageHub, MMLogger

from mmsnip.io.annotation import save_annotation
from mmsnip.registry import HOOKS
from tests.models.test_skeleton_clr import pretrainer
from tests.models.test_snippet_probe import loader
from tests.tools.conftest import annotation


class Recorder:
    """Stands for a visualizer and keeps what it is shown."""

    def __init__(self):
        self.shown, self.scalars = {}, {}

    def add_scalars(self, scalars, step=0):
        self.scalars[step] = scalars

    def add_image(self, name, image, step=0):
        self.shown[name] = step


@pytest.fixture
def path(tmp_path):
    path = tmp_path / 'toy.pkl'
    save_annotation(path, annotation())
    return path


def hook_of(path, **changes):
    return HOOKS.build(
        dict(
            type='mmsnip.EmbeddingMapHook',
            train_dataloader=loader(path, 'train'),
            val_dataloader=loader(path, 'val'),
            **changes,
        )
    )


def runner_at(epoch, max_epochs=3):
    return SimpleNamespace(
        model=pretrainer(),
        epoch=epoch,
        max_epochs=max_epochs,
        visualizer=Recorder(),
        message_hub=MessageHub.get_instance('maps'),
        logger=MMLogger.get_current_instance(),
    )


def test_the_two_maps_are_of_the_first_and_the_last_weights(path, tmp_path):
    hook, runner = hook_of(path, show_dir=str(tmp_path / 'maps')), runner_at(0)
    hook.before_train(runner)
    torch.manual_seed(1)
    with torch.no_grad():
        for weights in runner.model.backbone.parameters():
            weights.add_(0.3 * torch.randn_like(weights))
    hook.after_train_epoch(runner)
    assert not runner.visualizer.shown
    runner.epoch = 2
    hook.after_train_epoch(runner)
    before, after = hook.embeddings
    assert [before.name, after.name] == [
        'before pre-training',
        'after 3 epochs',
    ]
    np.testing.assert_array_equal(before.labels, after.labels)
    assert np.abs(before.features - after.features).max() > 1e-3
    assert set(np.unique(before.videos)) == {0, 1}
    assert (tmp_path / 'maps' / 'embedding.png').stat().st_size > 5000
    assert runner.visualizer.shown == {'embedding': 3}
    assert set(runner.visualizer.scalars) == {3}
    assert 'knn/accuracy' in runner.visualizer.scalars[3]


def test_a_map_shows_no_more_points_than_asked_for(path):
    hook, runner = hook_of(path, max_points=5), runner_at(0)
    hook.before_train(runner)
    (before,) = hook.embeddings
    assert np.bincount(before.videos).max() <= 5
    with pytest.raises(ValueError, match='max_points=0'):
        hook_of(path, max_points=0)


def test_a_resumed_run_has_no_map_of_its_beginning(path):
    hook, runner = hook_of(path), runner_at(2)
    hook.before_train(runner)
    hook.after_train_epoch(runner)
    assert [each.name for each in hook.embeddings] == ['after 3 epochs']
