"""Time axes of padded batches: masks, resampling, smoothing."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def strided_length(num_frames: Tensor, stride: int) -> Tensor:
    """Valid frames after temporal strides: ``ceil(num_frames / stride)``."""
    return torch.div(num_frames + stride - 1, stride, rounding_mode='floor')


def frame_mask(num_frames: Tensor, size: int) -> Tensor:
    """True at the valid frames of each sample, (N, T) bool."""
    frames = torch.arange(size, device=num_frames.device)
    return frames < num_frames.unsqueeze(1)


def resample_frames(
    x: Tensor,
    size: int,
    source: Tensor | None = None,
    target: Tensor | None = None,
    mode: str = 'nearest',
) -> Tensor:
    """Bring features (N, C, T) to (N, C, size), each by its own lengths.

    Without lengths this is ``torch.nn.functional.interpolate``. With them a
    padded sample gets the values that it would get alone: padding neither
    shifts the grid nor leaks in. Modes: ``'nearest'`` and ``'linear'``
    (``align_corners=False``); frames beyond repeat the last valid one.

    Source:
        ``up`` of the U-shaped module and the baseline head, METHOD.md 2.
    """
    if mode not in ('nearest', 'linear'):
        raise ValueError(f"mode={mode!r}; use 'nearest' or 'linear'")
    if (source is None) != (target is None):
        raise ValueError('source and target lengths are given together')
    if source is None:
        if x.shape[2] == size:
            return x
        if mode == 'nearest':
            return functional.interpolate(x, size=size)
        return functional.interpolate(
            x, size=size, mode=mode, align_corners=False
        )
    C = x.shape[1]
    frames = torch.arange(size, device=x.device)  # (T,)
    last = (source - 1).clamp(min=0).unsqueeze(1)  # (N, 1)
    if mode == 'nearest':
        # interpolate's own rule, in its float32: where rounding moves a
        # frame across a border it does so here, too.
        scale = source.float() / target.clamp(min=1).float()
        index = (frames * scale.unsqueeze(1)).floor().long()
        index = torch.minimum(index, last)
        return x.gather(2, index.unsqueeze(1).expand(-1, C, -1))
    # Half precision has no room for the number of a frame.
    exact = torch.promote_types(x.dtype, torch.float32)
    scale = source.to(exact) / target.clamp(min=1).to(exact)
    place = (frames + 0.5) * scale.unsqueeze(1) - 0.5
    place = place.clamp(min=0).minimum(last.to(exact))
    left = place.floor().long()
    right = torch.minimum(left + 1, last)
    share = (place - left).unsqueeze(1).to(x.dtype)
    left = left.unsqueeze(1).expand(-1, C, -1)
    right = right.unsqueeze(1).expand(-1, C, -1)
    return x.gather(2, left) * (1 - share) + x.gather(2, right) * share


def smooth_frames(scores: Tensor, size: int) -> Tensor:
    """Mean of the frames around each frame.

    The same as `mmsnip.evaluation.smooth_frames`, to 1e-6.
    """
    if size == 1 or len(scores) < 2:
        return scores
    rows = functional.avg_pool1d(
        scores.t().unsqueeze(0),
        size,
        stride=1,
        padding=size // 2,
        count_include_pad=False,
    )
    return rows.squeeze(0).t().contiguous()
