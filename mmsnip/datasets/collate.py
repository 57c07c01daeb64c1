"""Batching of samples of unequal length and number of persons."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mmsnip.registry import FUNCTIONS


@FUNCTIONS.register_module()
def pad_collate(samples: Sequence[dict]) -> dict[str, Any]:
    """Pad persons and frames to the largest of the batch, by zeros.

    Args:
        samples (Sequence[dict]): What `PackSkeletonInputs` gives: ``inputs``
            (M, T, V, C), ``body_mask`` (M, T) bool, ``num_frames`` (int, T
            where absent) and ``data_samples`` (optional); or lists of the
            first three, one entry per view. M and T may differ between
            samples.

    Returns:
        dict[str, Any]: ``inputs`` (N, M, T, V, C), ``body_mask`` (N, M, T)
        bool, ``num_frames`` (N,) int64, ``data_samples`` list of N; the
        first three are lists, one entry per view, where the samples have
        views.

    Raises:
        ValueError: If V, C or the number of views differ between samples, or
            a mask does not fit its inputs; the video is named.
    """
    views = [_views_of(sample) for sample in samples]
    shapes = [[tuple(x.shape[2:]) for x, _, _ in row] for row in views]
    for sample, row, found in zip(samples, views, shapes):
        fits = all(
            x.ndim == 4 and x.shape[:2] == mask.shape for x, mask, _ in row
        )
        if not fits or found != shapes[0]:
            name = getattr(sample.get('data_samples'), 'frame_dir', 'unknown')
            raise ValueError(
                f'pad_collate: video {name!r} has views of (V, C) = {found} '
                f'and the first of the batch {shapes[0]}; a batch needs one '
                'skeleton, stream and pipeline, inputs (M, T, V, C) and '
                'body_mask (M, T)'
            )
    parts = []
    for view in zip(*views):
        inputs, masks, lengths = zip(*view)
        M, T = (max(x.shape[axis] for x in inputs) for axis in (0, 1))
        padded = _stack(inputs, (M, T, *inputs[0].shape[2:]))
        parts.append((padded, _stack(masks, (M, T)), torch.tensor(lengths)))
    batch = dict(zip(('inputs', 'body_mask', 'num_frames'), zip(*parts)))
    single = isinstance(samples[0]['inputs'], Tensor)
    batch = {k: part[0] if single else list(part) for k, part in batch.items()}
    if all('data_samples' in sample for sample in samples):
        batch['data_samples'] = [s['data_samples'] for s in samples]
    return batch


def _views_of(sample: dict) -> list[tuple[Tensor, Tensor, int]]:
    """Inputs, mask and length of each view; a plain sample is one view."""
    inputs, mask = sample['inputs'], sample['body_mask']
    length = sample.get('num_frames')
    if isinstance(inputs, Tensor):
        inputs, mask, length = [inputs], [mask], length and [length]
    return list(zip(inputs, mask, length or [x.shape[1] for x in inputs]))


def _stack(tensors: Sequence[Tensor], shape: tuple[int, ...]) -> Tensor:
    """One tensor of all, each filled up with zeros behind its (M, T)."""
    size = (len(tensors), *shape)
    out = None
    if torch.utils.data.get_worker_info() is not None:
        # In the memory that the main process reads: no copy on the way.
        entries = math.prod(size) * tensors[0].element_size()
        storage = torch.UntypedStorage._new_shared(entries)
        out = tensors[0].new_empty(0).set_(storage, 0, size)
    if all(tensor.shape == shape for tensor in tensors):
        return torch.stack(tuple(tensors), out=out)
    if out is None:
        out = tensors[0].new_empty(size)
    out.zero_()
    for row, tensor in zip(out, tensors):
        row[: tensor.shape[0], : tensor.shape[1]] = tensor
    return out
