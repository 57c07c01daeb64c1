"""From a collated batch to tensors on the model's device."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.model import BaseDataPreprocessor

from mmsnip.datasets.collate import pad_collate
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
    """

    def __init__(self, non_blocking: bool = True) -> None:
        super().__init__(non_blocking=non_blocking)

    def forward(self, data: dict, training: bool = False) -> dict:
        """Prepare a batch.

        Args:
            data (dict): ``inputs``, ``data_samples``, ``body_mask`` and
                ``num_frames``, padded or as lists of samples.
            training (bool): Not used. Defaults to False.

        Returns:
            dict: ``inputs`` (N, M, T, V, C) float32, ``body_mask`` (N, M, T)
            bool, ``num_frames`` (N,) int64 or None where nothing is padded,
            ``data_samples``; the first three as lists where a sample has
            several views.
        """
        if not _is_padded(data):
            data = pad_collate(_split(data))
        data = dict(data)
        data['num_frames'] = _drop_full(data['num_frames'], data['inputs'])
        return self.cast_data(data)


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
