"""Seeds of a run, and checkpoints that are complete and that fit."""

from __future__ import annotations

import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.config import Config
from torch import nn

from mmsnip.hooks import (
    EpochHook,
    SeedHook,
    SkeletonCheckpointHook,
    streams_of,
)
from mmsnip.models.checkpoint import CheckpointError


def runner(seed=3, epoch=0, iteration=0, joints=5, model=None):
    """The parts of a runner that the hooks read."""
    metainfo = dict(
        parents=[-1] + [0] * (joints - 1), dataset='ours', classes=['a']
    )
    dataset = SimpleNamespace(metainfo=metainfo)
    loop = SimpleNamespace(
        dataloader=SimpleNamespace(
            dataset=dataset, sampler=SimpleNamespace(seed=0)
        )
    )
    return SimpleNamespace(
        seed=seed,
        epoch=epoch,
        iter=iteration,
        train_loop=loop,
        _train_loop=loop,
        _val_loop=None,
        _test_loop=None,
        _load_from='theirs.pth',
        _resume=False,
        model=model or nn.Linear(2, 3),
        cfg=Config(dict(model=dict(type='X', pretrained=None))),
    )


def draws():
    return (
        random.random(),
        float(np.random.rand()),  # noqa: NPY002
        float(torch.rand(())),
    )


def test_the_same_place_of_a_run_draws_the_same():
    hook = SeedHook()
    hook.before_train_iter(runner(iteration=7), 0)
    first = draws()
    draws()

    hook.before_train_iter(runner(iteration=7), 0)

    assert draws() == first


@pytest.mark.parametrize('other', [dict(iteration=8), dict(seed=4)])
def test_another_place_or_seed_draws_differently(other):
    hook = SeedHook()
    hook.before_train_iter(runner(iteration=7), 0)
    first = draws()

    hook.before_train_iter(runner(**{'iteration': 7, **other}), 0)

    assert not set(draws()) & set(first)


def test_epochs_draw_differently():
    hook = SeedHook()
    hook.before_train_epoch(runner(epoch=0))
    first = draws()

    hook.before_train_epoch(runner(epoch=1))

    assert not set(draws()) & set(first)


def test_the_seed_of_a_resumed_run_reaches_the_sampler():
    resumed = runner(seed=11)

    SeedHook().before_train_epoch(resumed)

    assert resumed.train_loop.dataloader.sampler.seed == 11


def test_a_model_that_counts_epochs_is_told_the_epoch():
    class Counting(nn.Module):
        def set_epoch(self, epoch):
            self.epoch = epoch

    model = Counting()

    EpochHook().before_train_epoch(runner(epoch=150, model=model))
    EpochHook().before_train_epoch(runner(epoch=150))  # one that does not

    assert model.epoch == 150


def checkpoint(model, joints=5):
    parents = [-1] + [0] * (joints - 1)
    return dict(
        state_dict=model.state_dict(),
        meta=dict(dataset_meta=dict(parents=parents, dataset='theirs')),
    )


def test_a_checkpoint_that_fits_passes():
    ours = runner()

    SkeletonCheckpointHook(strict=True).after_load_checkpoint(
        ours, checkpoint(ours.model)
    )


def test_a_checkpoint_of_other_joints_is_refused_with_both_named():
    ours = runner()

    with pytest.raises(
        CheckpointError,
        match=r'theirs.pth: .* 25 joints \(theirs\).* has 5 \(ours\)',
    ):
        SkeletonCheckpointHook().after_load_checkpoint(
            ours, checkpoint(ours.model, joints=25)
        )


def test_a_checkpoint_of_another_width_is_refused_with_both_named():
    with pytest.raises(
        CheckpointError,
        match=r'weight: \(3, 4\) in the checkpoint, \(3, 2\) in the model',
    ):
        SkeletonCheckpointHook().after_load_checkpoint(
            runner(), checkpoint(nn.Linear(4, 3))
        )


def test_testing_weights_that_are_missing_is_refused():
    incomplete = checkpoint(nn.Linear(2, 3))
    del incomplete['state_dict']['bias']

    SkeletonCheckpointHook().after_load_checkpoint(runner(), incomplete)
    with pytest.raises(CheckpointError, match=r'bias among them.*MMSNIP_INIT'):
        SkeletonCheckpointHook(strict=True).after_load_checkpoint(
            runner(), incomplete
        )


def test_testing_other_classes_is_refused_with_the_first_named():
    other = checkpoint(nn.Linear(2, 3))
    other['meta']['dataset_meta']['classes'] = ['b']

    SkeletonCheckpointHook().after_load_checkpoint(runner(), other)
    with pytest.raises(
        CheckpointError, match="class 0: 'b' in the checkpoint, 'a' in"
    ):
        SkeletonCheckpointHook(strict=True).after_load_checkpoint(
            runner(), other
        )


def views_in(stream):
    """A pipeline whose stream stands inside its views."""
    step = dict(type='mmsnip.SkeletonStream', stream=stream)
    return [dict(type='MultiView', views=[[step], [step]])]


@pytest.mark.parametrize('how', ['resume', 'test'])
def test_another_stream_is_refused_where_a_run_resumes_or_tests(how):
    joint = checkpoint(nn.Linear(2, 3))
    joint['meta']['mmsnip'] = dict(pipeline=views_in('joint'))
    ours = runner()
    ours._resume = how == 'resume'
    ours.cfg.train_dataloader = dict(dataset=dict(pipeline=views_in('bone')))

    with pytest.raises(CheckpointError, match=r'joint, the config shows bone'):
        SkeletonCheckpointHook(strict=how == 'test').after_load_checkpoint(
            ours, joint
        )


@pytest.mark.parametrize('how', ['resume', 'test'])
def test_other_strides_are_refused_where_a_run_resumes_or_tests(how):
    slow = checkpoint(nn.Linear(2, 3))
    slow['meta']['mmsnip'] = dict(
        model=dict(backbone=dict(temporal_strides=[2, 2, 1]))
    )
    ours = runner()
    ours._resume = how == 'resume'
    hook = SkeletonCheckpointHook(strict=how == 'test')

    hook.after_load_checkpoint(ours, slow)  # a config that says none
    ours.cfg.model.backbone = dict(temporal_strides=(2, 2, 1))
    hook.after_load_checkpoint(ours, slow)
    ours.cfg.model.backbone = dict(temporal_strides=(1, 2, 1))
    with pytest.raises(
        CheckpointError,
        match=r'with temporal_strides=2, 2, 1, the config has 1, 2, 1.*'
        r'model.backbone.temporal_strides=2,2,1$',
    ):
        hook.after_load_checkpoint(ours, slow)


def test_weights_of_a_distributed_run_are_compared_without_their_prefix():
    wrapped = checkpoint(nn.Linear(2, 3))
    wrapped['state_dict'] = {
        f'module.{key}': value for key, value in wrapped['state_dict'].items()
    }

    SkeletonCheckpointHook(strict=True).after_load_checkpoint(
        runner(), wrapped
    )


def test_a_saved_checkpoint_names_data_model_and_version():
    saved = dict(meta={})

    SkeletonCheckpointHook().before_save_checkpoint(runner(), saved)

    kept = saved['meta']['mmsnip']
    assert kept['dataset_meta']['classes'] == ['a']
    assert kept['model'] == dict(type='X', pretrained=None)
    assert kept['version']


def test_the_streams_of_a_pipeline_are_found_inside_of_views():
    step = dict(type='mmsnip.SkeletonStream', stream='joint')
    mixed = [
        dict(type='MultiView', views=[[step], [dict(type='RandomNoise')]]),
        dict(step, stream=['bone', 'motion']),
    ]

    assert streams_of(mixed) == {('joint',), ('bone', 'motion')}
