"""AGCN: the graph adapts to each sample by the similarity of joints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mmsnip.models.backbones.aggregate import spread_rows
from mmsnip.models.backbones.blocks import (
    TemporalConv,
    init_conv,
    pointwise,
    shortcut,
    shortcut_rows,
    strided,
)
from mmsnip.models.backbones.encoder import SkeletonEncoder, check_strides
from mmsnip.models.backbones.norms import norm_rows
from mmsnip.models.backbones.row_operations import conv_rows, mask_rows
from mmsnip.models.backbones.rows import from_rows, to_rows
from mmsnip.registry import MODELS

TIME_DIM = 2


class AdaptiveGC(nn.Module):
    """Graph convolution with fixed, learned and sample-wise links.

    ``S[v, w] = softmax_v(sum_ct a[c, t, v] * b[c, t, w] / (inter * T))`` of
    two projections a, b; ``M = S + A + PA``; ``z[c, t, w] = sum_v x[c, t, v]
    * M[v, w]``, projected and summed over the subsets. The subsets share
    each operation; parameters are stored fused and
    `mmsnip.models.checkpoint` maps the published ones on them. The biases
    of the subsets' last projections are stored as their sum.

    Args:
        in_channels (int): Input channels.
        out_channels (int): Output channels, at least 4.
        A (Tensor): Adjacency subsets, (num_subsets, V, V). Kept as a buffer
            and saved.

    Raises:
        ValueError: If `out_channels` is below 4.

    Source:
        ``unit_gcn`` of 2s-AGCN, arXiv 1805.07694.
    """

    def __init__(self, in_channels: int, out_channels: int, A: Tensor) -> None:
        super().__init__()
        if out_channels < 4:
            raise ValueError(
                f'out_channels={out_channels} must be at least 4, since the '
                'similarity of joints uses a quarter of them; raise '
                'base_channels'
            )
        K = A.shape[0]
        self.num_subsets = K
        self.inter_channels = out_channels // 4
        # rows: a of each subset, then b of each subset
        self.relate = nn.Conv2d(in_channels, 2 * K * self.inter_channels, 1)
        # columns: subset, channel
        self.value = nn.Conv2d(K * in_channels, out_channels, 1)
        self.PA = nn.Parameter(torch.full_like(A, 1e-6))
        self.register_buffer('A', A.clone())
        self.bn = nn.BatchNorm2d(out_channels)
        self.down: nn.Module = nn.Identity()
        if in_channels != out_channels:
            self.down = pointwise(in_channels, out_channels)
        init_conv(self.relate.weight, self.relate.bias, self.inter_channels)
        init_conv(
            self.value.weight,
            self.value.bias,
            out_channels * in_channels * K,
        )
        nn.init.constant_(self.bn.weight, 1e-6)

    def forward(self, x: Tensor, num_frames: Tensor | None = None) -> Tensor:
        """Convolve over the graph, norm, add the input, ReLU.

        Args:
            x (Tensor): (N·M, C, T, V), zero beyond ``num_frames``.
            num_frames (Tensor, optional): Valid frames, (N·M,) int64.

        Returns:
            Tensor: (N·M, C_out, T, V).
        """
        rows = self.on_rows(to_rows(x, TIME_DIM), num_frames)
        return from_rows(rows, TIME_DIM)

    def topology(self, x: Tensor, num_frames: Tensor | None = None) -> Tensor:
        """Fixed, learned and sample-wise links.

        Args:
            x (Tensor): (C, N·M, V, T), zero beyond ``num_frames``.
            num_frames (Tensor, optional): Valid frames, (N·M,) int64.

        Returns:
            Tensor: (num_subsets, N·M, V, V), rows v, columns w.
        """
        _, B, V, T = x.shape
        K, inter = self.num_subsets, self.inter_channels
        ab = conv_rows(x, self.relate)
        half = ab.dtype == torch.float16  # under autocast products are, too
        ab = ab + self.relate.bias.view(-1, 1, 1, 1)
        ab = mask_rows(ab, num_frames).view(2, K, inter, B, V, T)
        a, b = ab.permute(0, 1, 3, 4, 2, 5).flatten(4).unbind(0)
        size = T if num_frames is None else num_frames.clamp(min=1)
        if num_frames is not None:
            size = size.view(-1, 1, 1).to(self.A.dtype)
        if half:
            # The sum of a long window overflows before it is divided.
            root = (inter * size) ** 0.5
            root = root if num_frames is None else root.to(ab.dtype)
            similarity = torch.matmul(a / root, (b / root).transpose(2, 3))
        else:
            similarity = torch.matmul(a, b.transpose(2, 3))  # (K, B, V, V)
            similarity = similarity / (inter * size)
        S = torch.softmax(similarity, dim=-2)
        return S + (self.A + self.PA).unsqueeze(1)

    def on_rows(self, x: Tensor, num_frames: Tensor | None = None) -> Tensor:
        """`forward` on rows of channels.

        Args:
            x (Tensor): (C, N·M, V, T), zero beyond ``num_frames``.
            num_frames (Tensor, optional): Valid frames, (N·M,) int64.

        Returns:
            Tensor: (C_out, N·M, V, T).
        """
        links = self.topology(x, num_frames).transpose(2, 3)  # rows w
        z = spread_rows(x, links.contiguous()).flatten(0, 1)  # (K·C, ...)
        y = conv_rows(z, self.value)
        down = shortcut_rows(x, self.down)
        return norm_rows(self.bn, y, self.value.bias, down, relu=True)


class AGCNBlock(nn.Module):
    """Graph unit, temporal convolution, residual, ReLU.

    Args:
        in_channels (int): Input channels.
        out_channels (int): Output channels.
        A (Tensor): Adjacency subsets, (num_subsets, V, V).
        stride (int): Stride over time. Defaults to 1.
        residual (bool): Add the input. Defaults to True.
    """

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
        self.gcn1 = AdaptiveGC(in_channels, out_channels, A)
        self.tcn1 = TemporalConv(
            out_channels, out_channels, 9, stride, TIME_DIM
        )
        self.residual = shortcut(
            in_channels, out_channels, stride, residual, TIME_DIM
        )

    def forward(self, x: Tensor, num_frames: Tensor | None = None) -> Tensor:
        """Run the block.

        Args:
            x (Tensor): (N·M, C, T, V), zero beyond ``num_frames``.
            num_frames (Tensor, optional): Valid frames, (N·M,) int64.

        Returns:
            Tensor: (N·M, C_out, ceil(T / stride), V), zero beyond the valid
            frames.
        """
        rows = to_rows(x, TIME_DIM)
        y = self.gcn1.on_rows(rows, num_frames)
        residual = shortcut_rows(rows, self.residual)
        y = self.tcn1.on_rows(y, num_frames, residual, relu=True)
        y = mask_rows(y, strided(num_frames, self.stride))
        return from_rows(y, TIME_DIM)


@MODELS.register_module()
class AGCN(SkeletonEncoder):
    """Adaptive graph convolutional network, one stream of 2s-AGCN.

    The defaults are the encoder of the snippet paper's BABEL runs: strides
    in blocks 2, 5 and 8, stages 64 at T, 128 at T/4 and 256 at T/8, no
    input batch norm. The original 2s-AGCN has
    ``temporal_strides=(1,1,1,1,2,1,1,2,1,1)`` and ``data_bn_type='MVC'``.

    Args:
        graph_cfg (dict): ``dict(layout=..., mode='spatial')``; layout is a
            name (``'nturgb+d'``, ``'nturgb+d-official'``, ``'coco'``, ..),
            mmaction2's dict (num_node, inward, center) or a dict of parents
            and joint_names. ``dict(parents=.., joint_names=..)`` works too.
        in_channels (int): C of the input. Defaults to 3.
        base_channels (int): Channels of the first stage. Defaults to 64.
        data_bn_type (str | None): Batch norm of the input over the features
            of a joint (``'VC'``), of a joint and person (``'MVC'``), or
            none. Defaults to None.
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
        pretrained (str | None): Checkpoint whose encoder is loaded by
            `init_weights`. Defaults to None.
        init_cfg (dict | list | None): mmengine's initialisation config.
            Defaults to None: initialised as published.
        with_cp (bool): Keep only the input of each block for the backward
            pass and run the block again there. Defaults to False.

    Raises:
        ValueError: If an argument is malformed.

    Source:
        arXiv 1805.07694; ``model/agcn.py`` of
        github.com/line/Skeleton-Temporal-Action-Localization.

    Examples:
        >>> import torch
        >>> model = AGCN(dict(layout='coco'))
        >>> [tuple(y.shape) for y in model(torch.rand(1, 2, 13, 17, 3))]
        [(1, 2, 64, 13, 17), (1, 2, 128, 4, 17), (1, 2, 256, 2, 17)]
    """

    time_dim = TIME_DIM

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
        self.base_channels = base_channels
        check_strides(temporal_strides, len(temporal_strides))
        A = self.adjacency()
        blocks = []
        width, channels = base_channels, in_channels
        for stage, stride in enumerate(temporal_strides, start=1):
            if stage > 1 and stage in inflate_stages:
                width *= ch_ratio
            blocks.append(AGCNBlock(channels, width, A, stride, stage > 1))
            channels = width
        self._set_blocks(blocks, out_indices)
