"""From a collated batch to tensors on the model's device."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.logging import MessageHub
from mmengine.model import BaseDataPreprocessor

from mmsnip.datasets.collate import pad_collate
from mmsnip.models.batch_augment import BatchAugment
from mmsnip.registry import MODELS


def _drop_full(num_frames: Any, inputs: Any) -> Any:
    """None where no sample is padded: the models then skip all masking."""
    if isinstance(inputs, (list, tuple)):
        return [_drop_full(n, x) for n, x in zip(num_frames, inputs)]
    if num_frames is None or bool((num_frames == inputs.shape[2]).all()):
        return None
    return num_frames


@MODELS.register_module()
class SkeletonPreprocessor(BaseDataPreprocessor):
    """Move a batch to the device; pad it if the loader did not.

    Takes what ``mmsnip.pad_collate`` makes, and also the lists of single
    samples that mmengine's ``pseudo_collate`` makes.

    Args:
        non_blocking (bool): Copy to the device without waiting. Defaults to
            True.
        augment (Mapping | Sequence, optional): Arguments of `BatchAugment`,
            which then changes training batches on the device, instead of
            transforms of the workers; a list has one entry, or None, a
            view. Defaults to None.
        seed (int): Keys its draws, together with the rank, the iteration of
            the run and the view, so that a resumed run goes on as it would
            have. Defaults to 0.
    """

    def __init__(
        self,
        non_blocking: bool = True,
        augment: Mapping | Sequence[Mapping | None] | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(non_blocking=non_blocking)
        single = augment is None or isinstance(augment, Mapping)
        self.augments = [
            None if options is None else BatchAugment(**options)
            for options in ([augment] if single else augment)
        ]
        self.seed = seed

    def forward(self, data: dict, training: bool = False) -> dict:
        """Prepare a batch.

        Args:
            data (dict): ``inputs``, ``data_samples``, ``body_mask`` and
                ``num_frames``, padded or as lists of samples.
            training (bool): Whether `augment` acts. Defaults to False.

        Returns:
            dict: ``inputs`` (N, M, T, V, C) float32, ``body_mask`` (N, M, T)
            bool, ``num_frames`` (N,) int64 or None where nothing is padded,
            ``data_samples``; the first three as lists where a sample has
            several views.

        Raises:
            ValueError: If `augment` lists another number of views.
        """
        if not _is_padded(data):
            data = pad_collate(_split(data))
        data = dict(data)
        data['num_frames'] = _drop_full(data['num_frames'], data['inputs'])
        data = self.cast_data(data)
        if training and any(self.augments):
            data['inputs'] = self._augment(data['inputs'], data['body_mask'])
        return data

    def _augment(self, inputs: Any, body_mask: Any) -> Any:
        """Changed batch, or its changed views."""
        if isinstance(inputs, torch.Tensor):
            return self._augment([inputs], [body_mask])[0]
        if len(self.augments) != len(inputs):
            raise ValueError(
                f'SkeletonPreprocessor: augment is for {len(self.augments)} '
                f'views, but a batch has {len(inputs)}; list one entry, or '
                'None, for each'
            )
        hub = MessageHub.get_current_instance()
        key = (self.seed, get_rank(), int(hub.get_info('iter', 0)))
        return [
            x
            if augment is None
            else augment(x, mask, np.random.default_rng([*key, view]))
            for view, (augment, x, mask) in enumerate(
                zip(self.augments, inputs, body_mask)
            )
        ]


def _is_padded(data: dict) -> bool:
    inputs = data['inputs']
    if isinstance(inputs, torch.Tensor):
        return True
    return isinstance(inputs[0], torch.Tensor) and inputs[0].ndim == 5


def _split(data: dict) -> list[dict]:
    """Undo mmengine's ``pseudo_collate``: lists of fields to samples."""
    inputs = data['inputs']
    multi_view = isinstance(inputs[0], (list, tuple))
    count = len(inputs[0]) if multi_view else len(inputs)
    samples = []
    for n in range(count):
        sample = {}
        for key, value in data.items():
            if multi_view and key != 'data_samples':
                sample[key] = [view[n] for view in value]
            else:
                sample[key] = value[n]
        samples.append(sample)
    return samples
