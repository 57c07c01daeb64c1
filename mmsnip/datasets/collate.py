"""Batching of samples of unequal length and number of persons."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mmsnip.registry import FUNCTIONS


def _video(sample: dict, position: int) -> str:
    """Name of a sample for messages."""
    data_sample = sample.get('data_samples')
    getter = getattr(data_sample, 'get', None)
    name = getter('frame_dir', None) if getter else None
    return repr(name) if name else f'number {position} of the batch'


def _check_views(samples: Sequence[dict], view: int | None) -> None:
    """Raise where a sample does not fit the first one."""
    first = _field(samples[0], 'inputs', view)
    for position, sample in enumerate(samples):
        inputs = _field(sample, 'inputs', view)
        if inputs.ndim != 4:
            raise ValueError(
                f'pad_collate: inputs of video {_video(sample, position)} '
                f'have shape {tuple(inputs.shape)}, expected (M, T, V, C); '
                "end the pipeline with dict(type='mmsnip.PackSkeletonInputs')"
            )
        for axis, letter in ((2, 'V'), (3, 'C')):
            if inputs.shape[axis] != first.shape[axis]:
                raise ValueError(
                    f'pad_collate: video {_video(sample, position)} has '
                    f'{letter} = {inputs.shape[axis]} but video '
                    f'{_video(samples[0], 0)} has {letter} = '
                    f'{first.shape[axis]}; a batch needs one skeleton and '
                    'one stream, so keep them in different data sets'
                )
        mask = _field(sample, 'body_mask', view)
        if tuple(mask.shape) != tuple(inputs.shape[:2]):
            raise ValueError(
                f'pad_collate: body_mask of video '
                f'{_video(sample, position)} has shape {tuple(mask.shape)}, '
                f'expected (M, T) = {tuple(inputs.shape[:2])} as its inputs'
            )


def _field(sample: dict, key: str, view: int | None) -> Tensor:
    return sample[key] if view is None else sample[key][view]


def _pad(
    samples: Sequence[dict], view: int | None
) -> tuple[Tensor, Tensor, Tensor]:
    """One view of all samples, with its mask and its lengths."""
    _check_views(samples, view)
    inputs = [_field(sample, 'inputs', view) for sample in samples]
    M = max(x.shape[0] for x in inputs)
    T = max(x.shape[1] for x in inputs)
    masks = [_field(sample, 'body_mask', view) for sample in samples]
    lengths = [
        x.shape[1]
        if sample.get('num_frames') is None
        else int(_field(sample, 'num_frames', view))
        for sample, x in zip(samples, inputs)
    ]
    batch = _stack(inputs, (M, T, *inputs[0].shape[2:]))
    return batch, _stack(masks, (M, T)), torch.tensor(lengths)


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


@FUNCTIONS.register_module()
def pad_collate(samples: Sequence[dict]) -> dict[str, Any]:
    """Batch packed samples, padding persons and frames with zeros.

    Args:
        samples (Sequence[dict]): N packed samples, each with ``inputs``
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
            a mask does not fit its inputs; the videos are named.
    """
    if not samples:
        raise ValueError('pad_collate: the batch is empty, expected samples')
    for position, sample in enumerate(samples):
        missing = sorted({'inputs', 'body_mask'} - set(sample))
        if missing:
            raise ValueError(
                f'pad_collate: video {_video(sample, position)} lacks '
                f'{missing}; end the pipeline with '
                "dict(type='mmsnip.PackSkeletonInputs')"
            )
    counts = [
        None if isinstance(s['inputs'], Tensor) else len(s['inputs'])
        for s in samples
    ]
    for position, count in enumerate(counts):
        if count != counts[0]:
            raise ValueError(
                f'pad_collate: video {_video(samples[position], position)} '
                f'has {count or "no"} views but video '
                f'{_video(samples[0], 0)} has {counts[0] or "no"}; use one '
                'pipeline for all samples of a batch'
            )
    keys = ('inputs', 'body_mask', 'num_frames')
    if counts[0] is None:
        batch = dict(zip(keys, _pad(samples, None)))
    else:
        views = [_pad(samples, view) for view in range(counts[0])]
        batch = {key: list(part) for key, part in zip(keys, zip(*views))}
    if all('data_samples' in sample for sample in samples):
        batch['data_samples'] = [s['data_samples'] for s in samples]
    return batch
