"""AGCN, one stream of 2s-AGCN, one published formula a line.

Source:
    arXiv 1805.07694; strides of the snippet paper's BABEL runs.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from benchmarks.plain.ctrgcn import PlainTemporalConv

# width and stride over time of each block
STAGES = (
    *[(64, 1), (64, 2), (64, 1), (64, 1)],
    *[(128, 2), (128, 1), (128, 1)],
    *[(256, 2), (256, 1), (256, 1)],
)


class PlainAdaptiveUnit(nn.Module):
    """Three subsets in a loop, batch norm, residual, ReLU."""

    def __init__(self, in_channels: int, out_channels: int, A: Tensor) -> None:
        super().__init__()
        inter = out_channels // 4
        self.PA = nn.Parameter(torch.full_like(A, 1e-6))
        self.register_buffer('A', A.clone(), persistent=False)
        self.conv_a = nn.ModuleList(
            nn.Conv2d(in_channels, inter, 1) for _ in A
        )
        self.conv_b = nn.ModuleList(
            nn.Conv2d(in_channels, inter, 1) for _ in A
        )
        self.conv_d = nn.ModuleList(
            nn.Conv2d(in_channels, out_channels, 1) for _ in A
        )
        self.bn = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU()
        if in_channels != out_channels:
            self.down = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1),
                nn.BatchNorm2d(out_channels),
            )

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, T, V) to (N, C_out, T, V)."""
        N, C, T, V = x.shape
        fixed = self.A + self.PA
        y = None
        for k, conv_d in enumerate(self.conv_d):
            a = self.conv_a[k](x).permute(0, 3, 1, 2).contiguous()
            a = a.view(N, V, -1)
            b = self.conv_b[k](x).view(N, -1, V)
            S = torch.softmax(torch.matmul(a, b) / a.shape[-1], dim=-2)
            z = torch.matmul(x.view(N, C * T, V), S + fixed[k])
            z = conv_d(z.view(N, C, T, V))
            y = z if y is None else y + z
        down = self.down(x) if hasattr(self, 'down') else x
        return self.relu(self.bn(y) + down)


class PlainAGCNBlock(nn.Module):
    """Graph unit, temporal convolution, residual, ReLU."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        A: Tensor,
        stride: int = 1,
        residual: bool = True,
    ) -> None:
        super().__init__()
        self.gcn1 = PlainAdaptiveUnit(in_channels, out_channels, A)
        self.tcn1 = PlainTemporalConv(out_channels, out_channels, 9, stride)
        self.relu = nn.ReLU()
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


class PlainAGCN(nn.Module):
    """The encoder (N, M, T, V, C) to (N, M, 256, T / 8, V)."""

    def __init__(self, A: Tensor) -> None:
        super().__init__()
        self.blocks = nn.ModuleList()
        channels = 3
        for i, (width, stride) in enumerate(STAGES):
            self.blocks.append(
                PlainAGCNBlock(channels, width, A, stride, i > 0)
            )
            channels = width

    def forward(self, x: Tensor) -> Tensor:
        """Encode a batch."""
        N, M, T, V, C = x.shape
        x = x.permute(0, 1, 4, 2, 3).contiguous().view(N * M, C, T, V)
        for block in self.blocks:
            x = block(x)
        return x.view(N, M, *x.shape[1:])
