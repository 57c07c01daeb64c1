"""AGCN: the graph adapts to each sample by the similarity of joints."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from mmsnip.models.backbones.encoder import SkeletonEncoder
from mmsnip.models.backbones.units import (
    TemporalConv,
    block_shortcut,
    graph_shortcut,
    init_conv,
    mask_frames,
    strided,
)
from mmsnip.registry import MODELS


class GraphUnit(nn.Module):
    """Graph convolution with fixed, learned and sample-wise links.

    ``S[v, w] = softmax_v(sum_ct a[c, t, v] * b[c, t, w] / (inter * T))`` of
    two projections a, b; ``z[c, t, w] = sum_v x[c, t, v] * (A + PA + S)[v,
    w]``, projected and summed over the subsets; ``unit_gcn`` of 2s-AGCN.
    """

    def __init__(self, in_channels: int, out_channels: int, A: Tensor) -> None:
        super().__init__()
        inter = out_channels // 4
        if inter < 1:
            raise ValueError(
                f'out_channels={out_channels} must be at least 4, since the '
                'similarity of joints uses a quarter of them; raise '
                'base_channels'
            )
        K = len(A)
        self.PA = nn.Parameter(torch.full_like(A, 1e-6))
        self.register_buffer('A', A.clone())

        def convs(channels: int, fan: int) -> nn.ModuleList:
            made = [nn.Conv2d(in_channels, channels, 1) for _ in A]
            for conv in made:
                init_conv(conv, fan)
            return nn.ModuleList(made)

        self.conv_a = convs(inter, inter)
        self.conv_b = convs(inter, inter)
        self.conv_d = convs(out_channels, out_channels * in_channels * K)
        self.bn = nn.BatchNorm2d(out_channels)
        nn.init.constant_(self.bn.weight, 1e-6)
        self.down = graph_shortcut(in_channels, out_channels)

    def similarity(
        self, x: Tensor, k: int, num_frames: Tensor | None
    ) -> Tensor:
        """How alike two joints move, (N·M, V, V); columns sum to one."""
        B, _, T, V = x.shape
        a = mask_frames(self.conv_a[k](x), num_frames)
        b = mask_frames(self.conv_b[k](x), num_frames)
        # Roots before the sum, which overflows in half precision.
        root = math.sqrt(a.shape[1])
        if num_frames is None:
            root = root * math.sqrt(T)
        else:
            count = num_frames.clamp(min=1).view(-1, 1, 1, 1)
            root = root * count.to(a.dtype).sqrt()
        a = (a / root).permute(0, 3, 1, 2).reshape(B, V, -1)
        b = (b / root).reshape(B, -1, V)
        return torch.softmax(torch.matmul(a, b), dim=-2)

    def forward(self, x: Tensor, num_frames: Tensor | None = None) -> Tensor:
        """(N·M, C, T, V), zero beyond its frames, to (N·M, C_out, T, V)."""
        B, C, T, V = x.shape
        y = 0
        for k, fixed in enumerate(self.A + self.PA):
            links = fixed + self.similarity(x, k, num_frames)
            z = torch.matmul(x.reshape(B, C * T, V), links.to(x.dtype))
            y = y + self.conv_d[k](z.view(B, C, T, V))
        return relu(self.bn(y) + self.down(x), inplace=True)


class AGCNBlock(nn.Module):
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
        self.stride = stride
        self.out_channels = out_channels
        self.gcn1 = GraphUnit(in_channels, out_channels, A)
        self.tcn1 = TemporalConv(out_channels, out_channels, 9, stride)
        self.residual = block_shortcut(
            in_channels, out_channels, stride, residual
        )

    def forward(self, x: Tensor, num_frames: Tensor | None = None) -> Tensor:
        """(N·M, C, T, V) to (N·M, C_out, ceil(T / stride), V)."""
        y = self.tcn1(mask_frames(self.gcn1(x, num_frames), num_frames))
        if self.residual is not None:
            y = y + self.residual(x)
        y = relu(y, inplace=True)
        return mask_frames(y, strided(num_frames, self.stride))


@MODELS.register_module()
class AGCN(SkeletonEncoder):
    """Adaptive graph convolutional network, one stream of 2s-AGCN.

    The defaults are the encoder of the snippet paper's BABEL runs: strides
    in blocks 2, 5 and 8, stages 64 at T, 128 at T/4 and 256 at T/8, no
    input batch norm. The original 2s-AGCN has
    ``temporal_strides=(1,1,1,1,2,1,1,2,1,1)`` and ``data_bn_type='MVC'``.

    Args:
        graph_cfg (dict): ``dict(layout=..., mode='spatial')``; it and the
            other keywords that all encoders share are `SkeletonEncoder`'s.
        in_channels (int): C of the input. Defaults to 3.
        base_channels (int): Channels of the first stage. Defaults to 64.
        data_bn_type (str | None): Defaults to None.
        ch_ratio (int): Factor of the channels at each of `inflate_stages`.
            Defaults to 2.
        num_person (int): M that ``'MVC'`` tells apart. Defaults to 2.
        inflate_stages (Sequence[int]): 1-based blocks that widen. Defaults
            to ``(5, 8)``.
        temporal_strides (Sequence[int]): Stride of each block over time;
            its length is the number of blocks. Defaults to
            ``(1, 2, 1, 1, 2, 1, 1, 2, 1, 1)``.
        out_indices (Sequence[int]): 0-based blocks that are returned.
            Defaults to ``(0, 6, 9)``.
        pretrained (str | None): Defaults to None.
        init_cfg (dict | list | None): Defaults to None.
        with_cp (bool): Defaults to False.

    Raises:
        ValueError: If an argument is malformed.

    Source:
        arXiv 1805.07694; ``model/agcn.py`` of
        github.com/line/Skeleton-Temporal-Action-Localization.
    """

    def __init__(
        self,
        graph_cfg: dict[str, Any],
        in_channels: int = 3,
        base_channels: int = 64,
        data_bn_type: str | None = None,
        ch_ratio: int = 2,
        num_person: int = 2,
        inflate_stages: Sequence[int] = (5, 8),
        temporal_strides: Sequence[int] = (1, 2, 1, 1, 2, 1, 1, 2, 1, 1),
        out_indices: Sequence[int] = (0, 6, 9),
        pretrained: str | None = None,
        init_cfg: Any = None,
        with_cp: bool = False,
    ) -> None:
        super().__init__(
            graph_cfg,
            in_channels,
            data_bn_type,
            num_person,
            pretrained,
            init_cfg,
            with_cp,
        )
        self.build_blocks(
            AGCNBlock,
            base_channels,
            ch_ratio,
            inflate_stages,
            temporal_strides,
            len(temporal_strides),
            out_indices,
        )
