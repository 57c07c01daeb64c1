"""What the encoders have in common: graph, input, stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn import functional

from mmsnip.models.backbones.published import take_earlier_names
from mmsnip.models.backbones.units import mask_frames, run_again, strided
from mmsnip.models.time import frame_mask
from mmsnip.skeleton import (
    SkeletonLayout,
    from_graph_cfg,
    spatial_graph,
    stgcn_graph,
)
from mmsnip.skeleton.layout import adjacency

MODES = ('spatial', 'stgcn_spatial', 'binary_adj')
DATA_BN_TYPES = ('VC', 'MVC', None)
FLAT_KEYS = {
    'parents',
    'joint_names',
    'pairs',
    'num_node',
    'inward',
    'center',
    'dataset',
    'name',
    'origin',
    'spine',
    'shoulders',
    'normalization',
}


def read_graph_cfg(
    graph_cfg: Mapping[str, Any],
) -> tuple[SkeletonLayout, str, int]:
    """Layout, mode and max_hop of a ``graph_cfg``."""
    if not isinstance(graph_cfg, Mapping):
        raise ValueError(
            f'graph_cfg={graph_cfg!r} must be a dict, for example '
            "dict(layout='nturgb+d', mode='spatial')"
        )
    rest = dict(graph_cfg)
    mode = rest.pop('mode', 'spatial')
    max_hop = rest.pop('max_hop', 1)
    if mode not in MODES:
        raise ValueError(f'graph_cfg: mode={mode!r} must be one of {MODES}')
    known = {'layout'} if 'layout' in rest else FLAT_KEYS
    unknown = sorted(set(rest) - known)
    if unknown or not rest:
        raise ValueError(
            f'graph_cfg: keys {sorted(graph_cfg)} are not understood'
            f'{f", unknown: {unknown}" if unknown else ""}; give layout (and '
            'mode, max_hop), or parents and joint_names'
        )
    return from_graph_cfg(rest.get('layout', rest)), mode, max_hop


def graph_subsets(
    layout: SkeletonLayout, mode: str = 'spatial', max_hop: int = 1
) -> Tensor:
    """Adjacency subsets, (num_subsets, V, V), with mmaction2's modes."""
    if mode == 'stgcn_spatial':
        A = stgcn_graph(layout, max_hop)
    elif mode == 'binary_adj':
        A = adjacency(layout.edges, layout.num_joints)
        A = ((A + A.T) > 0)[None]
    else:
        A = spatial_graph(layout)
    return torch.as_tensor(A, dtype=torch.float32)


def check_stages(
    temporal_strides: Sequence[int],
    out_indices: Sequence[int],
    num_blocks: int,
) -> None:
    """Refuse strides that are not one a block, and stages that are none."""
    strides = list(temporal_strides)
    if len(strides) != num_blocks or any(
        not isinstance(n, int) or n < 1 for n in strides
    ):
        raise ValueError(
            f'temporal_strides={strides} must have a number of 1 or more for '
            f'each of the {num_blocks} blocks'
        )
    if not out_indices or any(
        not isinstance(i, int) or not 0 <= i < num_blocks for i in out_indices
    ):
        raise ValueError(
            f'out_indices={out_indices!r} must name blocks in '
            f'0..{num_blocks - 1}, of which this backbone has {num_blocks}'
        )


def halving_strides(
    num_blocks: int, down_stages: Sequence[int]
) -> tuple[int, ...]:
    """2 at the ``down_stages``, never at the first, as in mmaction2."""
    return tuple(
        2 if stage > 1 and stage in down_stages else 1
        for stage in range(1, num_blocks + 1)
    )


def input_norm(
    data_bn_type: str | None, num_person: int, num_joints: int, channels: int
) -> nn.Module:
    """Batch norm of the raw coordinates, or an identity."""
    if data_bn_type not in DATA_BN_TYPES:
        raise ValueError(
            f'data_bn_type={data_bn_type!r} must be one of {DATA_BN_TYPES}'
        )
    if data_bn_type is None:
        return nn.Identity()
    persons = num_person if data_bn_type == 'MVC' else 1
    return nn.BatchNorm1d(persons * num_joints * channels)


def check_input(
    x: Tensor, num_joints: int, in_channels: int, name: str
) -> None:
    """Refuse an input that the network was not built for."""
    if x.dim() != 5:
        raise ValueError(
            f'{name}: the input has shape {tuple(x.shape)}; it must be '
            '(N, M, T, V, C)'
        )
    if x.shape[3] != num_joints:
        raise ValueError(
            f'{name}: the input has {x.shape[3]} joints, the backbone was '
            f'built for {num_joints}; give graph_cfg the layout of the data '
            '(or the data the joints of the graph)'
        )
    if x.shape[4] != in_channels:
        raise ValueError(
            f'{name}: the input has {x.shape[4]} channels a joint, the '
            f'backbone was built for {in_channels}; set '
            f'in_channels={x.shape[4]} or change the pipeline'
        )
    if x.shape[2] < 1:
        raise ValueError(f'{name}: the input has no frame, shape {x.shape}')


def normalize_input(x: Tensor, bn: nn.Module) -> Tensor:
    """(N, M, T, V, C) to (N·M, C, T, V), through the norm of `input_norm`.

    Features are numbered person, joint, channel: ``(m * V + v) * C + c``.
    With fewer persons than the norm has, the first persons' features are
    used; with more, persons are normalised in groups of that many.
    """
    N, M, T, V, C = x.shape
    if isinstance(bn, nn.BatchNorm1d):
        persons = bn.num_features // (V * C)
        if persons == 1:
            rows = bn(x.permute(0, 1, 3, 4, 2).reshape(N * M, V * C, T))
            x = rows.view(N, M, V, C, T).permute(0, 1, 4, 2, 3)
        else:
            groups = [_norm_group(bn, g) for g in x.split(persons, dim=1)]
            x = torch.cat(groups, dim=1)
    return x.permute(0, 1, 4, 2, 3).reshape(N * M, C, T, V)


def _norm_group(bn: nn.BatchNorm1d, x: Tensor) -> Tensor:
    """Batch norm of persons with the first of its features."""
    N, M, T, V, C = x.shape
    F = M * V * C
    rows = x.permute(0, 1, 3, 4, 2).reshape(N, F, T)
    if bn.num_features == F:
        rows = bn(rows)
    else:
        if bn.training:
            bn.num_batches_tracked.add_(1)
        rows = functional.batch_norm(
            rows,
            bn.running_mean[:F],
            bn.running_var[:F],
            bn.weight[:F],
            bn.bias[:F],
            bn.training,
            bn.momentum,
            bn.eps,
        )
    return rows.view(N, M, V, C, T).permute(0, 1, 4, 2, 3)


def prepare_input(
    x: Tensor, num_frames: Tensor | None, bn: nn.Module
) -> tuple[Tensor, Tensor | None]:
    """What the first block gets: input, and lengths of each person."""
    if num_frames is None:
        return normalize_input(x, bn), None
    if num_frames.shape != x.shape[:1]:
        raise ValueError(
            f'num_frames has shape {tuple(num_frames.shape)}, the input '
            f'{x.shape[0]} samples; give one length a sample'
        )
    num_frames = num_frames.to(x.device)
    # Before the norm, too: its statistics see zeros, not what padding holds.
    padded = ~frame_mask(num_frames, x.shape[2])
    x = x.masked_fill(padded[:, None, :, None, None], 0.0)
    num_frames = num_frames.repeat_interleave(x.shape[1])
    return mask_frames(normalize_input(x, bn), num_frames), num_frames


class SkeletonEncoder(BaseModule):
    """Input norm and a chain of blocks, of which some are returned.

    Subclasses call `build_blocks`; a block is called as ``block(x,
    num_frames)`` and has ``stride`` and ``out_channels``. Checkpoints of
    earlier versions, which stored the subsets' convolutions as one, load.

    Args:
        graph_cfg (dict): ``dict(layout=..., mode='spatial')``; layout is a
            name (``'nturgb+d'``, ``'nturgb+d-official'``, ``'coco'``, ..),
            mmaction2's dict (num_node, inward, center) or a dict of parents
            and joint_names. ``dict(parents=.., joint_names=..)`` works too.
            ``mode`` is mmaction2's: ``'spatial'``, ``'stgcn_spatial'`` (with
            ``max_hop``) or ``'binary_adj'``.
        in_channels (int): C.
        data_bn_type (str | None): Batch norm of the input over the features
            of a joint (``'VC'``), of a joint and person (``'MVC'``), or
            none.
        num_person (int): M that ``'MVC'`` tells apart.
        pretrained (str | None): Checkpoint whose encoder is loaded by
            `init_weights`.
        init_cfg (dict | list | None): mmengine's initialisation config;
            None: initialised as published.
        with_cp (bool): Keep only the input of each block and run it again
            in the backward pass: less memory, more time. Numbers, running
            statistics too, stay the same. Without effect under
            ``torch.compile``, which chooses by itself. Defaults to False.

    Raises:
        ValueError: If an argument is malformed.
    """

    def __init__(
        self,
        graph_cfg: Mapping[str, Any],
        in_channels: int,
        data_bn_type: str | None,
        num_person: int,
        pretrained: str | None,
        init_cfg: Any,
        with_cp: bool = False,
    ) -> None:
        if pretrained is not None and init_cfg is not None:
            raise ValueError(
                f'pretrained={pretrained!r} and init_cfg are both given; '
                'keep one of them'
            )
        super().__init__(init_cfg=init_cfg)
        self.layout, self.graph_mode, self.max_hop = read_graph_cfg(graph_cfg)
        self.num_joints = self.layout.num_joints
        self.in_channels = in_channels
        self.data_bn_type = data_bn_type
        self.num_person = num_person
        self.pretrained = pretrained
        self.with_cp = with_cp
        self.data_bn = input_norm(
            data_bn_type, num_person, self.num_joints, in_channels
        )

    def adjacency(self) -> Tensor:
        """Subsets of the graph, (num_subsets, V, V) float32."""
        return graph_subsets(self.layout, self.graph_mode, self.max_hop)

    def build_blocks(
        self,
        block: type[nn.Module],
        base_channels: int,
        ch_ratio: int,
        inflate_stages: Sequence[int],
        temporal_strides: Sequence[int],
        num_blocks: int,
        out_indices: Sequence[int],
        **options: Any,
    ) -> None:
        """Make the blocks and note what the returned ones look like."""
        check_stages(temporal_strides, out_indices, num_blocks)
        self.base_channels = base_channels
        self.blocks = nn.ModuleList()
        A = self.adjacency()
        width, channels = base_channels, self.in_channels
        steps, total = [], 1
        for stage, stride in enumerate(temporal_strides, start=1):
            if stage > 1 and stage in inflate_stages:
                width *= ch_ratio
            self.blocks.append(
                block(channels, width, A, stride, stage > 1, **options)
            )
            channels = width
            total *= stride
            steps.append(total)
        self.out_indices = tuple(out_indices)
        self.out_channels = tuple(
            self.blocks[i].out_channels for i in self.out_indices
        )
        self.temporal_strides_out = tuple(steps[i] for i in self.out_indices)

    def init_weights(self) -> None:
        """Initialise by ``init_cfg``, then load ``pretrained``."""
        super().init_weights()
        if self.pretrained is not None:
            from mmsnip.models.checkpoint import load_encoder

            load_encoder(self, self.pretrained)

    def _load_from_state_dict(
        self, state_dict: dict, prefix: str, *args: Any
    ) -> None:
        take_earlier_names(state_dict, prefix)
        super()._load_from_state_dict(state_dict, prefix, *args)

    def forward(
        self, x: Tensor, num_frames: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        """Encode a batch.

        Args:
            x (Tensor): (N, M, T, V, C).
            num_frames (Tensor, optional): Valid frames of each sample, (N,)
                int64. In eval mode the valid frames then get what they get
                without padding, and padded frames are zero; in train mode
                batch statistics still include them.

        Returns:
            tuple[Tensor, ...]: (N, M, C_i, T_i, V) of each of
            ``out_indices``, ``T_i = ceil(T / stride_i)``.

        Raises:
            ValueError: If joints or channels are not those built for.
        """
        check_input(x, self.num_joints, self.in_channels, type(self).__name__)
        shape = x.shape[:2]
        x, num_frames = prepare_input(x, num_frames, self.data_bn)
        rerun = self.with_cp and torch.is_grad_enabled()
        rerun = rerun and not torch.compiler.is_compiling()
        kept: dict[int, Tensor] = {}
        for i, block in enumerate(self.blocks[: max(self.out_indices) + 1]):
            if rerun:
                x = run_again(block, x, num_frames)
            else:
                x = block(x, num_frames)
            num_frames = strided(num_frames, block.stride)
            if i in self.out_indices:
                kept[i] = x.unflatten(0, shape)
        return tuple(kept[i] for i in self.out_indices)
