"""What a run needs around its iterations: seeds, and checked checkpoints."""

from __future__ import annotations

import random
from collections.abc import Mapping
from itertools import zip_longest
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dist import get_rank
from mmengine.hooks import EMAHook, Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from torch import nn

from mmsnip import __version__
from mmsnip.models.checkpoint import (
    CheckpointError,
    first_few,
    tensor_entries,
)
from mmsnip.models.recipe import registered
from mmsnip.models.snippet_probe import SnippetProbeHook
from mmsnip.registry import HOOKS
from mmsnip.structures.plain import to_plain
from mmsnip.visualization.hooks import (
    DiagnosisHook,
    EmbeddingMapHook,
    TimelineHook,
)

__all__ = [
    'DiagnosisHook',
    'EmbeddingMapHook',
    'EpochHook',
    'MeanTeacherHook',
    'SeedHook',
    'SkeletonCheckpointHook',
    'SnippetProbeHook',
    'TimelineHook',
]


@HOOKS.register_module()
class SeedHook(Hook):
    """Seed every generator by run seed, rank and place in the run.

    Done as an epoch starts, before the loader's workers take their seeds,
    and before each iteration, after the loader has drawn whatever it draws.
    A run that resumes then draws what the uninterrupted run draws there, and
    no epoch repeats another. The seed of a resumed checkpoint also reaches
    the sampler, which mmengine builds before it reads the checkpoint.
    """

    priority = 'VERY_HIGH'

    def before_train_epoch(self, runner: Runner) -> None:
        """Seed for the epoch."""
        sampler = runner.train_loop.dataloader.sampler
        if getattr(sampler, 'seed', None) is not None:
            sampler.seed = runner.seed
        _seed_all(runner.seed, get_rank(), runner.epoch)

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None
    ) -> None:
        """Seed for the iteration."""
        _seed_all(runner.seed, get_rank(), runner.iter, 1)


@HOOKS.register_module()
class EpochHook(Hook):
    """Tell the model where the run stands, where it wants to know.

    AimCLR and RVTCLR begin to mine neighbours at an epoch; every pre-training
    model moves its key encoder once an optimizer step, which gradient
    accumulation spreads over several iterations. Both follow from the
    runner's own counts, so that a resumed run needs no saved state.
    """

    def before_train_epoch(self, runner: Runner) -> None:
        """Call the model's ``set_epoch``."""
        model = _bare(runner.model)
        if hasattr(model, 'set_epoch'):
            model.set_epoch(runner.epoch)

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None
    ) -> None:
        """Call the model's ``begin_pass``."""
        model = _bare(runner.model)
        if hasattr(model, 'begin_pass'):
            model.begin_pass(runner.optim_wrapper.should_update())


@HOOKS.register_module()
class MeanTeacherHook(Hook):
    """Let the running mean of the weights teach a `MeanTeacherLocalizer`.

    The mean is that of mmengine's ``EMAHook``, which saves and resumes it.
    How much it counts follows from the iteration, so that a resumed run
    needs no saved state.

    Args:
        begin (float): Share of the training that labels alone do, in [0, 1).
        rise (float): Share of the training in which its weight then rises.
        weight (float): Weight of its loss afterwards.

    Raises:
        ValueError: If the run has no ``EMAHook``, or ``begin`` is not in
            [0, 1).
    """

    def __init__(
        self, begin: float = 0.3, rise: float = 0.1, weight: float = 1.0
    ) -> None:
        if not 0 <= begin < 1:
            raise ValueError(f'begin={begin} must lie in [0, 1)')
        self.begin, self.rise, self.weight = begin, rise, weight

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None
    ) -> None:
        """Name the teacher and its weight."""
        means = [hook for hook in runner.hooks if isinstance(hook, EMAHook)]
        if not means:
            raise ValueError(
                'MeanTeacherHook: the run has no running mean of the weights; '
                "add dict(type='EMAHook', ema_type='mmsnip.WarmEMA') to "
                'custom_hooks'
            )
        past = (runner.iter + 1) / runner.max_iters - self.begin
        share = min(max(past / max(self.rise, 1e-9), 0.0), 1.0)
        teacher = means[0].ema_model.module
        _bare(runner.model).set_teacher(teacher, self.weight * share)


def _seed_all(*key: int) -> None:
    """Seed python, numpy and torch by a key of non-negative numbers."""
    state = np.random.SeedSequence(key).generate_state(3)
    random.seed(int(state[0]))
    np.random.seed(int(state[1]))  # noqa: NPY002  (third-party code draws)
    torch.manual_seed(int(state[2]))


def _bare(model: nn.Module) -> nn.Module:
    return model.module if is_model_wrapper(model) else model


@HOOKS.register_module()
class SkeletonCheckpointHook(Hook):
    """Make checkpoints self-contained, and refuse those that do not fit.

    Written: ``meta['mmsnip']`` with the version, the data's metainfo
    (classes, joints, frame rate), the model's config and the test pipeline
    with its normalisation, so that inference needs no second file.

    Refused before any weight is copied: another number of joints, another
    shape of any weight; where the run tests or resumes, other classes,
    another stream (joint, bone, motion) or other strides of the encoder,
    which fit in shape and mean something else; and, where ``strict``,
    weights that are missing (mmengine only logs shapes and names and goes
    on).

    Args:
        strict (bool): The run tests: also refuse a checkpoint that lacks
            weights of the model. Defaults to False.

    Raises:
        CheckpointError: Naming both sides and what to do.
    """

    def __init__(self, strict: bool = False) -> None:
        self.strict = strict

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Add what inference needs."""
        cfg = runner.cfg
        dataset = runner.train_loop.dataloader.dataset
        checkpoint['meta']['mmsnip'] = to_plain(
            dict(
                version=__version__,
                default_scope=cfg.get('default_scope'),
                dataset_meta=getattr(dataset, 'metainfo', {}),
                model=cfg.get('model', {}),
                pipeline=_pipeline(cfg),
            )
        )

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Refuse a checkpoint that does not fit model or data."""
        name = getattr(runner, '_load_from', None) or 'the checkpoint'
        own = checkpoint.get('meta', {}).get('mmsnip')
        registered(own, None, f"{name}, meta['mmsnip']")
        metainfo = _metainfo(runner)
        _check_joints(name, checkpoint, metainfo)
        if self.strict or runner._resume:
            _check_classes(name, checkpoint, metainfo)
            _check_stream(name, checkpoint, _pipeline(runner.cfg))
            _check_strides(name, checkpoint, runner.cfg)
        _check_weights(name, checkpoint, _bare(runner.model), self.strict)


def _pipeline(cfg: Config) -> list:
    """Transforms of the test data, of a pre-training run those of train."""
    loader = cfg.get('test_dataloader') or cfg.get('train_dataloader')
    return (loader or {}).get('dataset', {}).get('pipeline', [])


def _metainfo(runner: Runner) -> dict:
    """Metainfo of the data of whichever loop has been built."""
    for loop in (runner._train_loop, runner._test_loop, runner._val_loop):
        loader = getattr(loop, 'dataloader', None)
        metainfo = getattr(getattr(loader, 'dataset', None), 'metainfo', None)
        if metainfo:
            return metainfo
    return {}


def _check_joints(name: str, checkpoint: dict, metainfo: dict) -> None:
    saved = checkpoint.get('meta', {}).get('dataset_meta') or {}
    ours, theirs = metainfo.get('parents'), saved.get('parents')
    if ours is None or theirs is None:
        return
    if len(ours) != len(theirs):
        raise CheckpointError(
            f'{name}: the checkpoint was trained on {len(theirs)} joints '
            f'({saved.get("dataset", "no data set named")}), the data has '
            f'{len(ours)} ({metainfo.get("dataset", "no data set named")}); '
            'use a checkpoint of the same joints, or train anew'
        )


def _check_classes(name: str, checkpoint: dict, metainfo: dict) -> None:
    saved = checkpoint.get('meta', {}).get('dataset_meta') or {}
    ours, theirs = metainfo.get('classes'), saved.get('classes')
    if not ours or not theirs or list(ours) == list(theirs):
        return
    longest = zip_longest(theirs, ours, fillvalue='absent')
    differ = [
        f'class {n}: {trained!r} in the checkpoint, {found!r} in the data'
        for n, (trained, found) in enumerate(longest)
        if trained != found
    ]
    raise CheckpointError(
        f'{name}: the checkpoint was trained on other classes; use the config '
        'that it was trained with. A run that only starts from it names it in '
        'model.pretrained\n' + first_few(differ)
    )


def _check_stream(name: str, checkpoint: dict, pipeline: list) -> None:
    saved = checkpoint.get('meta', {}).get('mmsnip') or {}
    ours, theirs = streams_of(pipeline), streams_of(saved.get('pipeline'))
    if ours != theirs and ours and theirs:
        raise CheckpointError(
            f'{name}: the checkpoint was trained on the stream '
            f'{_joined(theirs)}, the config shows {_joined(ours)}; use the '
            'config of its stream'
        )


def _check_strides(name: str, checkpoint: dict, cfg: Config) -> None:
    saved = checkpoint.get('meta', {}).get('mmsnip') or {}
    ours, theirs = (_strides(about.get('model')) for about in (cfg, saved))
    if ours != theirs and ours and theirs:
        raise CheckpointError(
            f'{name}: the encoder of the checkpoint was trained with '
            f'temporal_strides={theirs}, the config has {ours}, which '
            'configs/custom choose by how long the segments of the data are; '
            "keep the checkpoint's: --cfg-options "
            f'model.backbone.temporal_strides={theirs.replace(" ", "")}'
        )


def _strides(model: Any) -> str:
    """Strides of a model's encoder as its config says them, or ''."""
    strides = ((model or {}).get('backbone') or {}).get('temporal_strides')
    return ', '.join(map(str, strides or ()))


def _joined(streams: set[tuple[str, ...]]) -> str:
    return ' and '.join(sorted('+'.join(stream) for stream in streams))


def _check_weights(
    name: str, checkpoint: dict, model: nn.Module, strict: bool
) -> None:
    expected, found = model.state_dict(), tensor_entries(checkpoint, name)
    differ = [
        f'{key}: {tuple(found[key].shape)} in the checkpoint, '
        f'{tuple(value.shape)} in the model'
        for key, value in expected.items()
        if key in found and found[key].shape != value.shape
    ]
    if differ:
        raise CheckpointError(
            f'{name}: {len(differ)} weights have another shape than the '
            'model: joints, channels, classes or width disagree; use the '
            'config that the checkpoint was trained with\n' + first_few(differ)
        )
    missing = [key for key in expected if key not in found]
    if strict and missing:
        raise CheckpointError(
            f'{name}: {len(missing)} weights of the model are not in the '
            f'checkpoint, {missing[0]} among them; a pre-training checkpoint '
            'initialises a localizer through model.pretrained (or '
            'MMSNIP_INIT), it cannot be tested itself'
        )


def streams_of(pipeline: Any) -> set[tuple[str, ...]]:
    """Streams of every `SkeletonStream`, those inside of views among them."""
    if isinstance(pipeline, Mapping):
        if str(pipeline.get('type')).endswith('SkeletonStream'):
            stream = pipeline.get('stream', 'joint')
            return {(stream,) if isinstance(stream, str) else tuple(stream)}
        pipeline = list(pipeline.values())
    if not isinstance(pipeline, (list, tuple)):
        return set()
    return {stream for step in pipeline for stream in streams_of(step)}
