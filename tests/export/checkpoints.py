"""Checkpoints of small localizers, never trained."""

from __future__ import annotations

import numpy as np
import torch
from mmengine.registry import DefaultScope

from mmsnip import __version__
from mmsnip.registry import MODELS
from tests.tools.conftest import annotation

BACKBONES = {
    'AGCN': dict(
        temporal_strides=(1, 2, 2), inflate_stages=(2,), out_indices=(0, 1, 2)
    ),
    'CTRGCN': dict(
        num_stages=3,
        inflate_stages=(2,),
        down_stages=(2, 3),
        out_indices=(0, 1, 2),
        data_bn_type='MVC',
    ),
    'STGCN': dict(
        num_stages=4,
        inflate_stages=(3,),
        down_stages=(3, 4),
        out_indices=(1, 2, 3),
    ),
}
NECKS = {
    'ushape': dict(type='UShapeFusionNeck', out_channels=9),
    'unet': dict(type='UNetFusionNeck', out_channels=9),
    'pyramid': dict(
        type='PyramidFusionNeck', out_channels=9, pyramid_channels=7
    ),
    None: None,
}
METAINFO = annotation(num_train=1, num_val=0)['metainfo']
STRIDE = 4


def pipeline(*stream, **normalize):
    return [
        dict(type='FormatSkeleton'),
        dict(type='NormalizeSkeleton', **normalize),
        dict(type='FrameLabels'),
        dict(type='SkeletonStream', stream=list(stream or ('joint',))),
        dict(type='PackSkeletonInputs'),
    ]


def localizer(backbone='AGCN', neck='ushape', channels=3, smooth=1):
    """A network in which every part moves the scores."""
    config = dict(
        type='SkeletonLocalizer',
        backbone=dict(
            type=backbone,
            graph_cfg=dict(layout=dict(parents=METAINFO['parents'])),
            base_channels=8,
            in_channels=channels,
            **BACKBONES[backbone],
        ),
        neck=NECKS[neck],
        head=dict(type='FrameLocalizationHead', num_classes=2),
        test_cfg=dict(smooth_frames=smooth),
    )
    with DefaultScope.overwrite_default_scope('mmsnip'):
        model = MODELS.build(config)
    generator = torch.Generator().manual_seed(1)
    for module in model.modules():  # published inits hide most of the net
        if hasattr(module, 'running_var'):
            module.weight.data.uniform_(0.5, 1.5, generator=generator)
            module.bias.data.uniform_(-0.2, 0.2, generator=generator)
            module.running_mean.uniform_(-0.2, 0.2, generator=generator)
    return model.eval(), config


def write_checkpoint(path, steps=None, **choices):
    """A file that says all of itself, as SkeletonCheckpointHook's do."""
    torch.manual_seed(0)
    model, config = localizer(**choices)
    own = dict(
        version=__version__,
        default_scope='mmsnip',
        dataset_meta=METAINFO,
        model=config,
        pipeline=steps or pipeline(),
    )
    meta = dict(dataset_meta=METAINFO, mmsnip=own)
    torch.save(dict(state_dict=model.state_dict(), meta=meta), path)
    return path


def poses(M=2, T=37, C=3, seed=0):
    """(M, T, 5, C); the second person comes late, and is gone in between."""
    rng = np.random.default_rng(seed)
    walk = rng.normal(0, 0.05, (M, T, 5, C)).cumsum(axis=1)
    walk += rng.normal(0, 1, (M, 1, 5, C))
    walk[1:, : T // 3] = 0
    walk[1:, T // 2] = 0
    return walk.astype(np.float32)
