"""A loader that gives each labelled video once, in order."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.dataset import DefaultSampler
from mmengine.runner import Runner
from torch import Tensor
from torch.utils.data import DataLoader

from mmsnip.models.labelled_snippets import frame_labels


def build_loader(name: str, cfg: dict) -> DataLoader:
    """Build a loader of the probe and look at its first video.

    Args:
        name (str): For messages.
        cfg (dict): Config of the loader.

    Returns:
        DataLoader: Gives each video once, in the order of the data set.

    Raises:
        ValueError: If it would not, or if the first sample is of no use.
    """
    if not isinstance(cfg, DataLoader):
        cfg = dict(cfg)
        cfg.setdefault(
            'sampler', dict(type='mmsnip.VisitSampler', shuffle=False)
        )
        cfg.setdefault('collate_fn', dict(type='mmsnip.pad_collate'))
        # What torch refuses without workers, or warns about without a GPU.
        if not cfg.get('num_workers'):
            cfg['persistent_workers'] = False
        if not torch.cuda.is_available():
            cfg['pin_memory'] = False
    # One seed: the probe sees the same data whatever the run's seed is.
    loader = Runner.build_dataloader(cfg, seed=0)
    ordered = isinstance(loader.sampler, DefaultSampler)
    if not ordered or loader.sampler.shuffle or loader.drop_last:
        raise ValueError(
            f'SnippetProbeHook: {name} must give each video once and in '
            "order; set sampler=dict(type='VisitSampler', shuffle=False) "
            'and leave out drop_last'
        )
    sample = loader.dataset[0]
    if not isinstance(sample['inputs'], Tensor):
        raise ValueError(
            f'SnippetProbeHook: the pipeline of {name} gives '
            f'{len(sample["inputs"])} views of a video, the probe takes one; '
            'leave MultiView and its augmentation out'
        )
    frame_labels(sample['data_samples'], 1)
    return loader


def classes_of(loader: DataLoader) -> list[str] | None:
    """Classes of a loader's data set; None where it names none."""
    metainfo: Any = getattr(loader.dataset, 'metainfo', None) or {}
    classes = metainfo.get('classes')
    return None if classes is None else list(classes)
