"""Units that the backbones share: initialisation, masks, temporal units.

Blocks map (N·M, C, ...); ``time_dim`` says which of the axes 2 and 3 is time.
Inside they compute on rows of channels, (C, N·M, V, T); see `rows`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmsnip.models.backbones.norms import norm_rows
from mmsnip.models.backbones.row_operations import (
    conv_rows,
    convolve_time,
    mask_rows,
    max_of_three,
)
from mmsnip.models.backbones.rows import from_rows, product, to_rows
from mmsnip.models.time import frame_mask, strided_length


def init_conv(weight: Tensor, bias: Tensor | None, fan: int) -> None:
    """Draw a weight from N(0, 2 / fan) and set its bias to zero.

    Args:
        weight (Tensor): Any shape, changed in place.
        bias (Tensor | None): Any shape, changed in place.
        fan (int): Fan-out of one published convolution; several that are
            stored as one keep the scale they have apart.
    """
    nn.init.normal_(weight, 0.0, math.sqrt(2.0 / fan))
    if bias is not None:
        nn.init.zeros_(bias)


def along_time(size: int, time_dim: int) -> tuple[int, int]:
    """A size over time with the neutral one over joints.

    Args:
        size (int): Kernel, stride or dilation over time.
        time_dim (int): 2 or 3.

    Returns:
        tuple[int, int]: ``(size, 1)`` or ``(1, size)``.
    """
    return (size, 1) if time_dim == 2 else (1, size)


def temporal_conv(
    in_channels: int,
    out_channels: int,
    kernel_size: int,
    stride: int,
    dilation: int,
    time_dim: int,
) -> nn.Conv2d:
    """Convolution over time that maps T frames to ``ceil(T / stride)``.

    Args:
        in_channels (int): Input channels.
        out_channels (int): Output channels.
        kernel_size (int): Odd.
        stride (int): Stride over time.
        dilation (int): Frames between the kernel's taps.
        time_dim (int): 2 or 3.

    Returns:
        nn.Conv2d: The convolution, initialised.

    Raises:
        ValueError: If the kernel is even.
    """
    if kernel_size % 2 == 0:
        raise ValueError(
            f'kernel_size={kernel_size} must be odd, so that frame t of the '
            'output is centred on frame t * stride of the input'
        )
    reach = dilation * (kernel_size - 1) // 2
    first, second = along_time(reach, time_dim)
    conv = nn.Conv2d(
        in_channels,
        out_channels,
        along_time(kernel_size, time_dim),
        stride=along_time(stride, time_dim),
        dilation=along_time(dilation, time_dim),
        padding=(first, 0) if time_dim == 2 else (0, second),
    )
    init_conv(conv.weight, conv.bias, out_channels * kernel_size)
    return conv


def mask_frames(x: Tensor, num_frames: Tensor | None, time_dim: int) -> Tensor:
    """Set the frames beyond each row's length to zero.

    Args:
        x (Tensor): (N·M, C, T, V) or (N·M, C, V, T).
        num_frames (Tensor | None): Valid frames, (N·M,) int64; None leaves
            ``x`` as it is.
        time_dim (int): 2 or 3.

    Returns:
        Tensor: The same shape.
    """
    if num_frames is None:
        return x
    padded = ~frame_mask(num_frames, x.shape[time_dim])
    padded = (
        padded[:, None, :, None] if time_dim == 2 else padded[:, None, None]
    )
    return x.masked_fill(padded, 0.0)


def strided(num_frames: Tensor | None, stride: int) -> Tensor | None:
    """Valid frames after a stride; None stays None.

    Args:
        num_frames (Tensor | None): Valid frames, (N·M,) int64.
        stride (int): Stride over time.

    Returns:
        Tensor | None: (N·M,) int64.
    """
    if num_frames is None or stride == 1:
        return num_frames
    return strided_length(num_frames, stride)


def pointwise(in_channels: int, out_channels: int) -> nn.Sequential:
    """1x1 convolution and batch norm, the ``down`` of graph units.

    Args:
        in_channels (int): Input channels.
        out_channels (int): Output channels.

    Returns:
        nn.Sequential: Both, initialised.
    """
    conv = nn.Conv2d(in_channels, out_channels, 1)
    init_conv(conv.weight, conv.bias, out_channels)
    return nn.Sequential(conv, nn.BatchNorm2d(out_channels))


class TemporalConv(nn.Module):
    """Temporal convolution and batch norm, without activation.

    Args:
        in_channels (int): Input channels.
        out_channels (int): Output channels.
        kernel_size (int): Odd. Defaults to 9.
        stride (int): Stride over time. Defaults to 1.
        time_dim (int): Axis of time, 2 or 3. Defaults to 2.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 9,
        stride: int = 1,
        time_dim: int = 2,
    ) -> None:
        super().__init__()
        self.time_dim = time_dim
        self.conv = temporal_conv(
            in_channels, out_channels, kernel_size, stride, 1, time_dim
        )
        self.bn = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor, num_frames: Tensor | None = None) -> Tensor:
        """Convolve over time.

        Args:
            x (Tensor): (N·M, C, T, V) or (N·M, C, V, T).
            num_frames (Tensor, optional): Valid frames, (N·M,) int64.

        Returns:
            Tensor: The same axes with ``ceil(T / stride)`` frames.
        """
        rows = to_rows(x, self.time_dim)
        return from_rows(self.on_rows(rows, num_frames), self.time_dim)

    def on_rows(
        self,
        x: Tensor,
        num_frames: Tensor | None = None,
        added: Tensor | None = None,
        relu: bool = False,
    ) -> Tensor:
        """The same on rows of channels, then residual and ReLU.

        Args:
            x (Tensor): (C, N·M, V, T).
            num_frames (Tensor, optional): Valid frames, (N·M,) int64.
            added (Tensor, optional): Residual, shape of the result.
            relu (bool): End in a ReLU. Defaults to False.

        Returns:
            Tensor: (C_out, N·M, V, ceil(T / stride)).
        """
        if self.conv.kernel_size != (1, 1):
            x = mask_rows(x, num_frames)
        x = convolve_time(x, self.conv)
        return norm_rows(self.bn, x, self.conv.bias, added, relu)


class MultiScaleTemporalConv(nn.Module):
    """Dilated convolutions, a max pool and a 1x1 convolution side by side.

    The 1x1 convolutions that open the branches are one convolution here,
    their batch norms one batch norm, and so are those that close them.
    Branches have ``out_channels // num_branches`` channels, the last one
    takes what remains.

    Args:
        in_channels (int): Input channels.
        out_channels (int): Output channels.
        kernel_size (int): Odd. Defaults to 5.
        dilations (Sequence[int]): One convolution branch each. Defaults to
            ``(1, 2)``.
        stride (int): Stride over time. Defaults to 1.
        relu (bool): End in a ReLU, as pyskl's unit does. Defaults to False.
        time_dim (int): Axis of time, 2 or 3. Defaults to 3.

    Raises:
        ValueError: If a branch would have no channel.

    Source:
        ``MultiScale_TemporalConv`` of CTR-GCN.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 5,
        dilations: Sequence[int] = (1, 2),
        stride: int = 1,
        relu: bool = False,
        time_dim: int = 3,
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
        self.width = width
        self.num_wide = width * (num_branches - 1)
        self.stride = stride
        self.relu = relu
        self.time_dim = time_dim
        self.squeeze = nn.Conv2d(in_channels, out_channels, 1)
        for first in range(0, self.num_wide, width):
            init_conv(
                self.squeeze.weight.data[first : first + width], None, width
            )
        init_conv(
            self.squeeze.weight.data[self.num_wide :], self.squeeze.bias, rest
        )
        self.squeeze_bn = nn.BatchNorm2d(self.num_wide)
        self.convs = nn.ModuleList(
            temporal_conv(width, width, kernel_size, stride, d, time_dim)
            for d in dilations
        )
        self.bn = nn.BatchNorm2d(out_channels)
        for bn in (self.squeeze_bn, self.bn):
            nn.init.normal_(bn.weight, 1.0, 0.02)

    def forward(self, x: Tensor, num_frames: Tensor | None = None) -> Tensor:
        """Run the branches and put their channels side by side.

        Args:
            x (Tensor): (N·M, C, T, V) or (N·M, C, V, T).
            num_frames (Tensor, optional): Valid frames, (N·M,) int64.

        Returns:
            Tensor: The same axes with ``ceil(T / stride)`` frames.
        """
        rows = to_rows(x, self.time_dim)
        return from_rows(self.on_rows(rows, num_frames), self.time_dim)

    def on_rows(
        self,
        x: Tensor,
        num_frames: Tensor | None = None,
        added: Tensor | None = None,
        relu: bool = False,
    ) -> Tensor:
        """The same on rows of channels, then residual and ReLU.

        Args:
            x (Tensor): (C, N·M, V, T).
            num_frames (Tensor, optional): Valid frames, (N·M,) int64.
            added (Tensor, optional): Residual, shape of the result.
            relu (bool): End in a ReLU. Defaults to False.

        Returns:
            Tensor: (C_out, N·M, V, ceil(T / stride)).
        """
        n, width, bias = self.num_wide, self.width, self.squeeze.bias
        wide, narrow = self._open_branches(x)
        wide = norm_rows(self.squeeze_bn, wide, bias[:n], relu=True)
        # After a ReLU a zero never wins a maximum that a frame would win.
        parts = mask_rows(wide, num_frames).split(width)
        outs = [convolve_time(p, conv) for p, conv in zip(parts, self.convs)]
        outs.append(max_of_three(parts[-1], self.stride))
        outs.append(narrow)
        biases = [conv.bias for conv in self.convs]
        biases += [bias.new_zeros(width), bias[n:]]
        x, bias = torch.cat(outs), torch.cat(biases)
        if not self.relu:
            return norm_rows(self.bn, x, bias, added, relu)
        x = norm_rows(self.bn, x, bias, relu=True)
        x = x if added is None else x + added
        return functional.relu(x) if relu else x

    def _open_branches(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Channels of the branches with a second stage, and of the last."""
        n = self.num_wide
        weight = self.squeeze.weight.flatten(1)
        if self.stride == 1:
            both = product(weight, x.flatten(1)).view(-1, *x.shape[1:])
            wide, narrow = both.split([n, weight.shape[0] - n])
            return wide, narrow
        fewer = x[..., :: self.stride].contiguous()
        wide = product(weight[:n], x.flatten(1))
        narrow = product(weight[n:], fewer.flatten(1))
        return wide.view(-1, *x.shape[1:]), narrow.view(-1, *fewer.shape[1:])


def shortcut_rows(x: Tensor, residual: nn.Module | None) -> Tensor | None:
    """Residual path on rows of channels.

    Args:
        x (Tensor): (C, N·M, V, T).
        residual (nn.Module | None): From `shortcut` or `pointwise`.

    Returns:
        Tensor | None: (C_out, N·M, V, ceil(T / stride)); None without one.
    """
    if residual is None:
        return None
    if isinstance(residual, nn.Identity):
        return x
    if isinstance(residual, TemporalConv):
        return residual.on_rows(x)
    conv, bn = residual
    return norm_rows(bn, conv_rows(x, conv), conv.bias)


def shortcut(
    in_channels: int,
    out_channels: int,
    stride: int,
    residual: bool,
    time_dim: int,
) -> nn.Module | None:
    """Residual path of a block.

    Args:
        in_channels (int): Input channels.
        out_channels (int): Output channels.
        stride (int): Stride over time.
        residual (bool): False for a block without one.
        time_dim (int): Axis of time, 2 or 3.

    Returns:
        nn.Module | None: Identity where shapes agree, else a 1x1
        convolution with batch norm; None without a residual.
    """
    if not residual:
        return None
    if in_channels == out_channels and stride == 1:
        return nn.Identity()
    return TemporalConv(in_channels, out_channels, 1, stride, time_dim)
