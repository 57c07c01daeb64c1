"""Multi-scale ST-GCN (ST-GCN++), built on mmaction2's."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmaction.models.backbones import stgcn as mmaction_stgcn
from mmaction.models.utils import mstcn
from torch import Tensor, nn

from mmsnip.models.backbones.encoder import (
    check_input,
    check_stages,
    input_norm,
    prepare_input,
    read_graph_cfg,
)
from mmsnip.models.backbones.units import mask_frames, strided
from mmsnip.registry import MODELS


class NoResidual(nn.Module):
    """Residual path of a block without one."""

    def forward(self, x: Tensor) -> int:
        """Return 0."""
        return 0


@MODELS.register_module()
class STGCN(mmaction_stgcn.STGCN):
    """mmaction2's ST-GCN, multi-scale by default, returning its stages.

    Keywords and parameter names are mmaction2's, so its checkpoints load;
    what it sorts out of ``**kwargs`` has a name here. A list of
    ``num_stages`` entries sets a ``gcn_*`` or ``tcn_*`` keyword stage by
    stage, as there.

    Args:
        graph_cfg (dict): ``dict(layout=..., mode='spatial')``, as of
            `SkeletonEncoder`.
        in_channels (int): C of the input. Defaults to 3.
        base_channels (int): Channels of the first stage. Defaults to 64.
        data_bn_type (str | None): Batch norm of the input over the features
            of a joint (``'VC'``), of a joint and person (``'MVC'``), or
            none. Defaults to ``'VC'``.
        ch_ratio (int): Factor of the channels at each of `inflate_stages`.
            Defaults to 2.
        num_person (int): M that ``'MVC'`` tells apart. Defaults to 2.
        num_stages (int): Number of stages; one block less where
            ``in_channels`` equals ``base_channels``. Defaults to 10.
        inflate_stages (Sequence[int]): 1-based blocks that widen. Defaults
            to ``(5, 8)``.
        down_stages (Sequence[int]): 1-based blocks that halve T. Defaults
            to ``(5, 8)``.
        out_indices (Sequence[int] | None): 0-based blocks that are
            returned. Defaults to None: the last one.
        gcn_adaptive (str | None): ``'init'``, ``'offset'``,
            ``'importance'`` or None. Defaults to ``'init'``.
        gcn_conv_pos (str): ``'pre'`` or ``'post'``. Defaults to ``'pre'``.
        gcn_with_res (bool): Residual in graph units. Defaults to True.
        tcn_type (str): ``'mstcn'`` or ``'unit_tcn'``. Defaults to
            ``'mstcn'``.
        tcn_dropout (float): Dropout of the temporal units, but the first.
            Defaults to 0.
        tcn_ms_cfg (Sequence | None): Branches of ``'mstcn'``. Defaults to
            None: mmaction2's six.
        pretrained (str | None): Checkpoint whose encoder is loaded by
            `init_weights`. Defaults to None.
        init_cfg (dict | list | None): mmengine's initialisation config.
            Defaults to None.
        temporal_strides (Sequence[int], optional): Stride of each block over
            time, in place of ``down_stages``. In blocks 1, 5 and 8 the
            weights do not depend on it. Defaults to None.

    Raises:
        ValueError: If an argument is malformed.

    Source:
        ST-GCN++, arXiv 2205.09443; mmaction2's ``STGCN``.
    """

    def __init__(
        self,
        graph_cfg: dict[str, Any],
        in_channels: int = 3,
        base_channels: int = 64,
        data_bn_type: str | None = 'VC',
        ch_ratio: int = 2,
        num_person: int = 2,
        num_stages: int = 10,
        inflate_stages: Sequence[int] = (5, 8),
        down_stages: Sequence[int] = (5, 8),
        out_indices: Sequence[int] | None = None,
        gcn_adaptive: str | None = 'init',
        gcn_conv_pos: str = 'pre',
        gcn_with_res: bool = True,
        tcn_type: str = 'mstcn',
        tcn_dropout: float = 0.0,
        tcn_ms_cfg: Sequence[Any] | None = None,
        pretrained: str | None = None,
        init_cfg: Any = None,
        temporal_strides: Sequence[int] | None = None,
    ) -> None:
        if pretrained is not None and init_cfg is not None:
            raise ValueError(
                f'pretrained={pretrained!r} and init_cfg are both given; '
                'keep one of them'
            )
        layout, mode, max_hop = read_graph_cfg(graph_cfg)
        units: dict[str, Any] = dict(
            gcn_adaptive=gcn_adaptive,
            gcn_conv_pos=gcn_conv_pos,
            gcn_with_res=gcn_with_res,
            tcn_type=tcn_type,
            tcn_dropout=tcn_dropout,
        )
        if tcn_ms_cfg is not None:
            units['tcn_ms_cfg'] = [
                tuple(c) if isinstance(c, (list, tuple)) else c
                for c in tcn_ms_cfg
            ]
        super().__init__(
            graph_cfg=dict(
                layout=dict(
                    num_node=layout.num_joints,
                    inward=list(layout.edges),
                    center=layout.center,
                ),
                mode=mode,
                max_hop=max_hop,
            ),
            in_channels=in_channels,
            base_channels=base_channels,
            data_bn_type=None,
            ch_ratio=ch_ratio,
            num_person=num_person,
            num_stages=num_stages,
            inflate_stages=list(inflate_stages),
            down_stages=list(down_stages),
            init_cfg=init_cfg,
            **units,
        )
        self.layout = layout
        self.graph_mode = mode
        self.num_joints = layout.num_joints
        self.num_person = num_person
        self.pretrained = pretrained
        self.data_bn_type = data_bn_type
        self.data_bn = input_norm(
            data_bn_type, num_person, self.num_joints, in_channels
        )
        if temporal_strides is None:
            temporal_strides = [self._stride(block) for block in self.gcn]
        if out_indices is None:
            out_indices = (len(self.gcn) - 1,)
        check_stages(temporal_strides, out_indices, len(self.gcn))
        self._set_strides(temporal_strides, num_stages, units)
        self.out_indices = tuple(out_indices)
        self.out_channels = tuple(
            self.gcn[i].tcn.out_channels for i in self.out_indices
        )
        self.temporal_strides_out = tuple(
            math.prod(temporal_strides[: i + 1]) for i in self.out_indices
        )

    @property
    def blocks(self) -> nn.ModuleList:
        """The chain of blocks, under the name that our encoders share."""
        return self.gcn

    def _set_strides(
        self,
        temporal_strides: Sequence[int],
        num_stages: int,
        units: Mapping[str, Any],
    ) -> None:
        """Build the blocks again of which the stride is another."""
        first = num_stages - len(self.gcn)  # stage of the first block
        for i, stride in enumerate(temporal_strides):
            block = self.gcn[i]
            if stride == self._stride(block):
                continue
            own = {
                key: value[first + i]
                if isinstance(value, (list, tuple))
                and len(value) == num_stages
                else value
                for key, value in units.items()
            }
            if first + i == 0:
                own.pop('tcn_dropout')
            self.gcn[i] = mmaction_stgcn.STGCNBlock(
                block.gcn.in_channels,
                block.tcn.out_channels,
                torch.tensor(self.graph.A, dtype=torch.float32),
                stride,
                residual=isinstance(block.residual, nn.Module)
                or block.residual(1) != 0,
                **own,
            )
        # Modules where mmaction2 has lambdas, which cannot be pickled.
        for block in self.gcn:
            if not isinstance(block.residual, nn.Module):
                is_zero = block.residual(1) == 0
                block.residual = NoResidual() if is_zero else nn.Identity()
            down = getattr(block.gcn, 'down', None)
            if down is not None and not isinstance(down, nn.Module):
                block.gcn.down = nn.Identity()

    @staticmethod
    def _stride(block: nn.Module) -> int:
        """Stride of a block over time, read off its temporal unit."""
        for layer in block.tcn.modules():
            if isinstance(layer, (nn.Conv2d, nn.MaxPool2d)):
                step = layer.stride
                step = step[0] if isinstance(step, tuple) else step
                if step > 1:
                    return step
        return 1

    def init_weights(self) -> None:
        """Initialise by ``init_cfg``, then load ``pretrained``."""
        super().init_weights()
        if self.pretrained is not None:
            from mmsnip.models.checkpoint import load_encoder

            load_encoder(self, self.pretrained)

    def forward(
        self, x: Tensor, num_frames: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        """As `SkeletonEncoder.forward`."""
        check_input(x, self.num_joints, self.in_channels, type(self).__name__)
        N, M = x.shape[:2]
        x, num_frames = prepare_input(x, num_frames, self.data_bn)
        kept: dict[int, Tensor] = {}
        for i in range(max(self.out_indices) + 1):
            block = self.gcn[i]
            if num_frames is None:
                x = block(x)
            else:
                x, num_frames = self._masked_block(block, x, num_frames)
            if i in self.out_indices:
                kept[i] = x.unflatten(0, (N, M))
        return tuple(kept[i] for i in self.out_indices)

    def _masked_block(
        self, block: nn.Module, x: Tensor, num_frames: Tensor
    ) -> tuple[Tensor, Tensor]:
        """A block that sees zeros where a sample has ended."""
        residual = block.residual(x)
        y = block.gcn(x)
        if isinstance(block.tcn, mstcn):
            y = _masked_mstcn(block.tcn, y, num_frames)
        else:
            y = block.tcn(mask_frames(y, num_frames))
        num_frames = strided(num_frames, self._stride(block))
        y = block.relu(y + residual)
        return mask_frames(y, num_frames), num_frames


def _masked_mstcn(tcn: nn.Module, x: Tensor, num_frames: Tensor) -> Tensor:
    """mmaction2's ``mstcn``, padding set to zero where frames meet."""
    outs = []
    for branch in tcn.branches:
        y = x
        layers = branch if isinstance(branch, nn.Sequential) else [branch]
        for i, layer in enumerate(layers):
            # Only the last layer of a branch looks at neighbouring frames;
            # a ReLU precedes it, so a zero also leaves a maximum alone.
            if i == 3:
                y = mask_frames(y, num_frames)
            y = layer(y)
        outs.append(y)
    y = tcn.transform(torch.cat(outs, dim=1))
    return tcn.drop(tcn.bn(y))
