"""CTR-GCN, one published formula a line.

Source:
    arXiv 2107.12213; names and formulas as in the reference numbers'
    description.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

# width and stride over time of each block
STAGES = (
    *4 * [(64, 1)],
    *[(128, 2), (128, 1), (128, 1)],
    *[(256, 2), (256, 1), (256, 1)],
)


class PlainCTRGC(nn.Module):
    """One subset: x (N, C, T, V), its graph A (V, V) and a scalar alpha."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        rel = 8 if in_channels in (3, 9) else in_channels // 8
        self.conv1 = nn.Conv2d(in_channels, rel, 1)
        self.conv2 = nn.Conv2d(in_channels, rel, 1)
        self.conv3 = nn.Conv2d(in_channels, out_channels, 1)
        self.conv4 = nn.Conv2d(rel, out_channels, 1)

    def forward(self, x: Tensor, A: Tensor, alpha: Tensor) -> Tensor:
        """Refine the graph channel by channel and aggregate over it."""
        x1, x2 = self.conv1(x).mean(2), self.conv2(x).mean(2)
        value = self.conv3(x)
        relation = torch.tanh(x1.unsqueeze(-1) - x2.unsqueeze(-2))
        W = self.conv4(relation) * alpha + A
        return torch.einsum('ncuv,nctv->nctu', W, value)


class PlainGraphUnit(nn.Module):
    """Three subsets in a loop, batch norm, residual, ReLU."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        A: Tensor,
        residual: bool = True,
    ) -> None:
        super().__init__()
        self.residual = residual
        self.convs = nn.ModuleList(
            PlainCTRGC(in_channels, out_channels) for _ in A
        )
        self.PA = nn.Parameter(A.clone())
        self.alpha = nn.Parameter(torch.zeros(1))
        self.bn = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU(inplace=True)
        if residual and in_channels != out_channels:
            self.down = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1),
                nn.BatchNorm2d(out_channels),
            )

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, T, V) to (N, C_out, T, V)."""
        y = 0
        for k, conv in enumerate(self.convs):
            y = y + conv(x, self.PA[k], self.alpha)
        y = self.bn(y)
        if self.residual:
            y = y + (self.down(x) if hasattr(self, 'down') else x)
        return self.relu(y)


class PlainTemporalConv(nn.Module):
    """(k, 1) convolution and batch norm."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        dilation: int = 1,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            in_channels,
            out_channels,
            (kernel_size, 1),
            (stride, 1),
            (dilation * (kernel_size - 1) // 2, 0),
            (dilation, 1),
        )
        self.bn = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, T, V) to (N, C_out, ceil(T / stride), V)."""
        return self.bn(self.conv(x))


class PlainMultiScale(nn.Module):
    """Dilated convolutions, a max pool and a 1x1 convolution."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 5,
        stride: int = 1,
        dilations: Sequence[int] = (1, 2),
    ) -> None:
        super().__init__()
        width = out_channels // (len(dilations) + 2)

        def opened(*rest: nn.Module) -> nn.Sequential:
            return nn.Sequential(
                nn.Conv2d(in_channels, width, 1),
                nn.BatchNorm2d(width),
                nn.ReLU(inplace=True),
                *rest,
            )

        self.branches = nn.ModuleList(
            opened(PlainTemporalConv(width, width, kernel_size, stride, d))
            for d in dilations
        )
        pool = nn.MaxPool2d((3, 1), (stride, 1), (1, 0))
        self.branches.append(opened(pool, nn.BatchNorm2d(width)))
        self.branches.append(
            nn.Sequential(
                nn.Conv2d(in_channels, width, 1, (stride, 1)),
                nn.BatchNorm2d(width),
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, T, V) to (N, C_out, ceil(T / stride), V)."""
        return torch.cat([branch(x) for branch in self.branches], dim=1)


class PlainCTRBlock(nn.Module):
    """Graph unit, multi-scale temporal unit, residual, ReLU."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        A: Tensor,
        stride: int = 1,
        residual: bool = True,
    ) -> None:
        super().__init__()
        self.gcn1 = PlainGraphUnit(in_channels, out_channels, A)
        self.tcn1 = PlainMultiScale(out_channels, out_channels, 5, stride)
        self.relu = nn.ReLU(inplace=True)
        if not residual:
            self.residual = None
        elif in_channels == out_channels and stride == 1:
            self.residual = nn.Identity()
        else:
            self.residual = PlainTemporalConv(
                in_channels, out_channels, 1, stride
            )

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, T, V) to (N, C_out, ceil(T / stride), V)."""
        y = self.tcn1(self.gcn1(x))
        return self.relu(y if self.residual is None else y + self.residual(x))


class PlainCTRGCN(nn.Module):
    """The published encoder: (N, M, T, V, C) to (N, M, 256, T / 4, V)."""

    def __init__(self, A: Tensor, num_person: int = 2) -> None:
        super().__init__()
        self.data_bn = nn.BatchNorm1d(num_person * A.shape[1] * 3)
        self.blocks = nn.ModuleList()
        channels = 3
        for i, (width, stride) in enumerate(STAGES):
            block = PlainCTRBlock(channels, width, A, stride, i > 0)
            self.blocks.append(block)
            channels = width

    def forward(self, x: Tensor) -> Tensor:
        """Encode a batch."""
        N, M, T, V, C = x.shape
        x = x.permute(0, 1, 3, 4, 2).contiguous().view(N, M * V * C, T)
        x = self.data_bn(x).view(N, M, V, C, T)
        x = x.permute(0, 1, 3, 4, 2).contiguous().view(N * M, C, T, V)
        for block in self.blocks:
            x = block(x)
        return x.view(N, M, *x.shape[1:])
