"""Units that AGCN and CTR-GCN share; inside, x is (N·M, C, T, V)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

from mmsnip.models.time import frame_mask, strided_length


def init_conv(conv: nn.Conv2d, fan: int) -> None:
    """Draw the weights from N(0, 2 / fan), set the bias to zero."""
    nn.init.normal_(conv.weight, 0.0, math.sqrt(2.0 / fan))
    nn.init.zeros_(conv.bias)


def pointwise(
    in_channels: int, out_channels: int, stride: int = 1
) -> nn.Conv2d:
    """1x1 convolution, initialised by its fan-out."""
    conv = nn.Conv2d(in_channels, out_channels, 1, stride=(stride, 1))
    init_conv(conv, out_channels)
    return conv


def graph_shortcut(in_channels: int, out_channels: int) -> nn.Module:
    """Residual path of a graph unit, ``down`` as published."""
    if in_channels == out_channels:
        return nn.Identity()
    return nn.Sequential(
        pointwise(in_channels, out_channels), nn.BatchNorm2d(out_channels)
    )


class TemporalConv(nn.Module):
    """Convolution over time, T to ceil(T / stride) frames, and batch norm."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 9,
        stride: int = 1,
        dilation: int = 1,
    ) -> None:
        super().__init__()
        if kernel_size % 2 == 0:
            raise ValueError(
                f'kernel_size={kernel_size} must be odd, so that frame t of '
                'the output is centred on frame t * stride of the input'
            )
        self.conv = nn.Conv2d(
            in_channels,
            out_channels,
            (kernel_size, 1),
            stride=(stride, 1),
            padding=(dilation * (kernel_size - 1) // 2, 0),
            dilation=(dilation, 1),
        )
        init_conv(self.conv, out_channels * kernel_size)
        self.bn = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """(N·M, C, T, V) to (N·M, C_out, ceil(T / stride), V)."""
        return self.bn(self.conv(x))


class MultiScaleTemporalConv(nn.Module):
    """Dilated convolutions, a max pool and a 1x1 convolution side by side.

    Branches have ``out_channels // num_branches`` channels, the last one
    takes what remains; ``MultiScale_TemporalConv`` as published.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 5,
        dilations: Sequence[int] = (1, 2),
        stride: int = 1,
        relu: bool = False,
    ) -> None:
        super().__init__()
        num_branches = len(dilations) + 2
        width = out_channels // num_branches
        if width < 1:
            raise ValueError(
                f'out_channels={out_channels} cannot be shared among the '
                f'{num_branches} branches of dilations={tuple(dilations)}; '
                'raise base_channels or use fewer dilations'
            )
        rest = out_channels - width * (num_branches - 1)
        self.relu = relu

        def branch(*layers: nn.Module) -> nn.Sequential:
            opening = (pointwise(in_channels, width), nn.BatchNorm2d(width))
            return nn.Sequential(*opening, nn.ReLU(inplace=True), *layers)

        self.branches = nn.ModuleList(
            branch(TemporalConv(width, width, kernel_size, stride, d))
            for d in dilations
        )
        pool = nn.MaxPool2d((3, 1), (stride, 1), (1, 0))
        self.branches.append(branch(pool, nn.BatchNorm2d(width)))
        self.branches.append(
            nn.Sequential(
                pointwise(in_channels, rest, stride), nn.BatchNorm2d(rest)
            )
        )
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                nn.init.normal_(module.weight, 1.0, 0.02)

    def forward(self, x: Tensor, num_frames: Tensor | None = None) -> Tensor:
        """(N·M, C, T, V) to (N·M, C_out, ceil(T / stride), V)."""
        outs = []
        for branch in self.branches:
            # After a ReLU a zero never wins a maximum that a frame would win.
            y = mask_frames(branch[:3](x), num_frames)
            outs.append(branch[3:](y))
        y = torch.cat(outs, dim=1)
        return torch.relu(y) if self.relu else y


def block_shortcut(
    in_channels: int, out_channels: int, stride: int, residual: bool
) -> nn.Module | None:
    """Residual path of a block; None for a block without one."""
    if not residual:
        return None
    if in_channels == out_channels and stride == 1:
        return nn.Identity()
    return TemporalConv(in_channels, out_channels, 1, stride)


def mask_frames(x: Tensor, num_frames: Tensor | None) -> Tensor:
    """Set the frames beyond each row's length, (N·M,) int64, to zero."""
    if num_frames is None:
        return x
    padded = ~frame_mask(num_frames, x.shape[2])
    return x.masked_fill(padded[:, None, :, None], 0.0)


def strided(num_frames: Tensor | None, stride: int) -> Tensor | None:
    """Valid frames after a stride; None stays None."""
    if num_frames is None or stride == 1:
        return num_frames
    return strided_length(num_frames, stride)


def run_again(
    block: nn.Module, x: Tensor, num_frames: Tensor | None
) -> Tensor:
    """Run a block, keep its input only, and run it again for gradients."""
    runs = 0

    def run(x: Tensor) -> Tensor:
        nonlocal runs
        runs += 1
        if runs == 1:
            return block(x, num_frames)
        with frozen_statistics(block):
            return block(x, num_frames)

    return checkpoint(run, x, use_reentrant=False)


@contextmanager
def frozen_statistics(module: nn.Module) -> Iterator[None]:
    """Leave running statistics as they are, in train mode too.

    Batch norms move copies: the second pass must save for its gradients as
    many tensors as the first, or PyTorch's checkpoint refuses it.
    """
    kept = [
        (norm, name, buffer)
        for norm in module.modules()
        if isinstance(norm, _BatchNorm)
        for name, buffer in norm.named_buffers(recurse=False)
    ]
    try:
        for norm, name, buffer in kept:
            setattr(norm, name, buffer.clone())
        yield
    finally:
        for norm, name, buffer in kept:
            setattr(norm, name, buffer)
