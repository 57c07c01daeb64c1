"""CTR-GCN: a graph of its own for every channel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mmsnip.models.backbones.aggregate import aggregate_rows
from mmsnip.models.backbones.blocks import (
    MultiScaleTemporalConv,
    init_conv,
    pointwise,
    shortcut,
    shortcut_rows,
    strided,
)
from mmsnip.models.backbones.encoder import (
    SkeletonEncoder,
    check_strides,
    halving_strides,
)
from mmsnip.models.backbones.norms import norm_rows
from mmsnip.models.backbones.row_operations import mask_rows
from mmsnip.models.backbones.rows import from_rows, product, to_rows
from mmsnip.registry import MODELS

TIME_DIM = 3


class ChannelTopologyGC(nn.Module):
    """Graph convolution whose topology is refined channel by channel.

    With x1, x2 two projections of the mean of x over time,

    ``W[c, u, v] = PA[u, v] + alpha * lift(tanh(x1[u] - x2[v]))[c]`` and
    ``y[c, t, u] = sum_v W[c, u, v] * value(x)[c, t, v]``,

    summed over the subsets of the graph. All subsets share each operation;
    parameters are stored fused and `mmsnip.models.checkpoint` maps the
    published ones on them.

    Args:
        in_channels (int): Input channels.
        out_channels (int): Output channels.
        A (Tensor): Adjacency subsets, (num_subsets, V, V).
        residual (bool): Add the input, projected where channels differ.
            Defaults to True.

    Source:
        ``unit_gcn`` of CTR-GCN, arXiv 2107.12213.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        A: Tensor,
        residual: bool = True,
    ) -> None:
        super().__init__()
        K = A.shape[0]
        # 3 and 9 as published; too few channels to divide otherwise.
        small = in_channels < 8 or in_channels == 9
        R = 8 if small else in_channels // 8
        self.num_subsets = K
        self.rel_channels = R
        self.out_channels = out_channels
        # rows: x1 of each subset, then x2 of each subset
        self.relate = nn.Conv1d(in_channels, 2 * K * R, 1)
        # rows: channel, subset
        self.value = nn.Conv2d(in_channels, out_channels * K, 1)
        self.lift_weight = nn.Parameter(torch.empty(K, out_channels, R))
        self.lift_bias = nn.Parameter(torch.empty(K, out_channels))
        self.PA = nn.Parameter(A.clone())
        self.alpha = nn.Parameter(torch.zeros(1))
        self.bn = nn.BatchNorm2d(out_channels)
        self.down: nn.Module | None = None
        if residual and in_channels != out_channels:
            self.down = pointwise(in_channels, out_channels)
        elif residual:
            self.down = nn.Identity()
        init_conv(self.relate.weight, self.relate.bias, R)
        init_conv(self.value.weight, self.value.bias, out_channels)
        init_conv(self.lift_weight, self.lift_bias, out_channels)
        nn.init.constant_(self.bn.weight, 1e-6)

    def topology(self, mean: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Parts of the refined graph of every channel.

        Args:
            mean (Tensor): Mean of the input over time, (C, N·M, V).

        Returns:
            tuple[Tensor, Tensor, Tensor]: shared, lift and relation as
            `aggregate_rows` takes them.
        """
        _, B, V = mean.shape
        K, R = self.num_subsets, self.rel_channels
        projected = torch.addmm(
            self.relate.bias.unsqueeze(1),
            self.relate.weight.flatten(1),
            mean.flatten(1),
        )
        x1, x2 = projected.view(2, K, R, B, V).unbind(0)
        relation = torch.tanh(x1.unsqueeze(-1) - x2.unsqueeze(-2))
        shift = (self.lift_bias * self.alpha).view(K, -1, 1, 1, 1)
        shared = self.PA.view(K, 1, 1, V, V) + shift
        return shared, self.lift_weight * self.alpha, relation

    def aggregate(self, x: Tensor, num_frames: Tensor | None = None) -> Tensor:
        """Sum over the subsets, before batch norm and residual.

        Args:
            x (Tensor): (N·M, C, V, T), zero beyond ``num_frames``.
            num_frames (Tensor, optional): Valid frames, (N·M,) int64.

        Returns:
            Tensor: (N·M, C_out, V, T).
        """
        rows = self._aggregate(to_rows(x, TIME_DIM), num_frames)
        return from_rows(rows, TIME_DIM)

    def _aggregate(self, x: Tensor, num_frames: Tensor | None) -> Tensor:
        """`aggregate` on rows of channels."""
        C, B, V, T = x.shape
        K, out = self.num_subsets, self.out_channels
        if num_frames is None:
            mean = x.mean(TIME_DIM)
        else:
            count = num_frames.clamp(min=1).unsqueeze(1)
            mean = x.sum(TIME_DIM) / count.to(x.dtype)
        # rows (channel, subset) -> (subset, channel)
        kernel = self.value.weight.view(out, K, C).transpose(0, 1)
        value = product(kernel.reshape(K * out, C), x.flatten(1))
        bias = self.value.bias.view(out, K).t().reshape(K * out, 1)
        value = value.add_(bias).view(K, out, B, V, T)
        return aggregate_rows(value, *self.topology(mean))

    def forward(self, x: Tensor, num_frames: Tensor | None = None) -> Tensor:
        """Convolve over the graph, norm, add the input, ReLU.

        Args:
            x (Tensor): (N·M, C, V, T), zero beyond ``num_frames``.
            num_frames (Tensor, optional): Valid frames, (N·M,) int64.

        Returns:
            Tensor: (N·M, C_out, V, T).
        """
        rows = self.on_rows(to_rows(x, TIME_DIM), num_frames)
        return from_rows(rows, TIME_DIM)

    def on_rows(self, x: Tensor, num_frames: Tensor | None = None) -> Tensor:
        """The same on rows of channels.

        Args:
            x (Tensor): (C, N·M, V, T), zero beyond ``num_frames``.
            num_frames (Tensor, optional): Valid frames, (N·M,) int64.

        Returns:
            Tensor: (C_out, N·M, V, T).
        """
        y = self._aggregate(x, num_frames)
        down = shortcut_rows(x, self.down)
        return norm_rows(self.bn, y, added=down, relu=True)


class CTRGCNBlock(nn.Module):
    """Graph unit, multi-scale temporal unit, residual, ReLU.

    Args:
        in_channels (int): Input channels.
        out_channels (int): Output channels.
        A (Tensor): Adjacency subsets, (num_subsets, V, V).
        stride (int): Stride over time. Defaults to 1.
        residual (bool): Add the input. Defaults to True.
        kernel_size (int): Of the temporal unit. Defaults to 5.
        dilations (Sequence[int]): Of the temporal unit. Defaults to
            ``(1, 2)``.
        temporal_relu (bool): See `CTRGCN`. Defaults to False.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        A: Tensor,
        stride: int = 1,
        residual: bool = True,
        kernel_size: int = 5,
        dilations: Sequence[int] = (1, 2),
        temporal_relu: bool = False,
    ) -> None:
        super().__init__()
        self.stride = stride
        self.out_channels = out_channels
        self.gcn1 = ChannelTopologyGC(in_channels, out_channels, A)
        self.tcn1 = MultiScaleTemporalConv(
            out_channels,
            out_channels,
            kernel_size,
            dilations,
            stride,
            temporal_relu,
            TIME_DIM,
        )
        self.residual = shortcut(
            in_channels, out_channels, stride, residual, TIME_DIM
        )

    def forward(self, x: Tensor, num_frames: Tensor | None = None) -> Tensor:
        """Run the block.

        Args:
            x (Tensor): (N·M, C, V, T), zero beyond ``num_frames``.
            num_frames (Tensor, optional): Valid frames, (N·M,) int64.

        Returns:
            Tensor: (N·M, C_out, V, ceil(T / stride)), zero beyond the valid
            frames.
        """
        rows = to_rows(x, TIME_DIM)
        y = self.gcn1.on_rows(rows, num_frames)
        residual = shortcut_rows(rows, self.residual)
        y = self.tcn1.on_rows(y, num_frames, residual, relu=True)
        y = mask_rows(y, strided(num_frames, self.stride))
        return from_rows(y, TIME_DIM)


@MODELS.register_module()
class CTRGCN(SkeletonEncoder):
    """Channel-wise topology refinement graph convolution network.

    Keywords that mmaction2's ``STGCN`` has mean what they mean there.

    Args:
        graph_cfg (dict): ``dict(layout=..., mode='spatial')``; layout is a
            name (``'nturgb+d'``, ``'nturgb+d-official'``, ``'coco'``, ..),
            mmaction2's dict (num_node, inward, center) or a dict of parents
            and joint_names. ``dict(parents=.., joint_names=..)`` works too.
        in_channels (int): C of the input. Defaults to 3.
        base_channels (int): Channels of the first stage. Defaults to 64.
        data_bn_type (str | None): Batch norm of the input over the features
            of a joint (``'VC'``), of a joint and person (``'MVC'``), or
            none. Defaults to ``'MVC'``, the published one.
        ch_ratio (int): Factor of the channels at each of `inflate_stages`.
            Defaults to 2.
        num_person (int): M that ``'MVC'`` tells apart. Defaults to 2.
        num_stages (int): Number of blocks. Defaults to 10.
        inflate_stages (Sequence[int]): 1-based blocks that widen. Defaults
            to ``(5, 8)``.
        down_stages (Sequence[int]): 1-based blocks that halve T. Defaults
            to ``(5, 8)``.
        out_indices (Sequence[int]): 0-based blocks that are returned.
            Defaults to ``(9,)``.
        kernel_size (int): Kernel of the dilated branches. Defaults to 5.
        dilations (Sequence[int]): Dilated branches. Defaults to ``(1, 2)``.
        temporal_relu (bool): End each temporal unit in a ReLU before the
            residual is added, as pyskl's and mmaction2's CTR-GCN do and the
            published one does not. Defaults to False.
        pretrained (str | None): Checkpoint whose encoder is loaded by
            `init_weights`. Defaults to None.
        init_cfg (dict | list | None): mmengine's initialisation config.
            Defaults to None: initialised as published.
        with_cp (bool): Keep only the input of each block for the backward
            pass and run the block again there. Defaults to False.
        temporal_strides (Sequence[int], optional): Stride of each block over
            time, in place of ``down_stages``. In blocks 1, 5 and 8 the
            weights do not depend on it. Defaults to None.

    Raises:
        ValueError: If an argument is malformed.

    Source:
        arXiv 2107.12213; github.com/Uason-Chen/CTR-GCN.

    Examples:
        >>> import torch
        >>> model = CTRGCN(dict(layout='coco'), out_indices=(3, 9))
        >>> [tuple(y.shape) for y in model(torch.rand(1, 2, 13, 17, 3))]
        [(1, 2, 64, 13, 17), (1, 2, 256, 4, 17)]
    """

    time_dim = TIME_DIM

    def __init__(
        self,
        graph_cfg: dict[str, Any],
        in_channels: int = 3,
        base_channels: int = 64,
        data_bn_type: str | None = 'MVC',
        ch_ratio: int = 2,
        num_person: int = 2,
        num_stages: int = 10,
        inflate_stages: Sequence[int] = (5, 8),
        down_stages: Sequence[int] = (5, 8),
        out_indices: Sequence[int] = (9,),
        kernel_size: int = 5,
        dilations: Sequence[int] = (1, 2),
        temporal_relu: bool = False,
        pretrained: str | None = None,
        init_cfg: Any = None,
        with_cp: bool = False,
        temporal_strides: Sequence[int] | None = None,
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
        self.temporal_relu = temporal_relu
        if temporal_strides is None:
            temporal_strides = halving_strides(num_stages, down_stages)
        check_strides(temporal_strides, num_stages)
        A = self.adjacency()
        blocks = []
        width, channels = base_channels, in_channels
        for stage, stride in enumerate(temporal_strides, start=1):
            if stage > 1 and stage in inflate_stages:
                width *= ch_ratio
            blocks.append(
                CTRGCNBlock(
                    channels,
                    width,
                    A,
                    stride=stride,
                    residual=stage > 1,
                    kernel_size=kernel_size,
                    dilations=dilations,
                    temporal_relu=temporal_relu,
                )
            )
            channels = width
        self._set_blocks(blocks, out_indices)

    def set_temporal_relu(self, relu: bool) -> None:
        """Switch the ReLU that ends the temporal units.

        Args:
            relu (bool): See ``temporal_relu``.
        """
        self.temporal_relu = relu
        for block in self.blocks:
            block.tcn1.relu = relu
