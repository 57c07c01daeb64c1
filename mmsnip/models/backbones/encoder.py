"""What CTR-GCN and AGCN have in common: graph, input norm, stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmsnip.models.backbones.blocks import strided
from mmsnip.models.backbones.inputs import (
    check_input,
    input_norm,
    mask_input,
    normalize_input,
)
from mmsnip.models.backbones.rerun import run_again
from mmsnip.models.backbones.row_operations import mask_rows
from mmsnip.models.backbones.rows import from_rows, is_compiling
from mmsnip.skeleton import (
    SkeletonLayout,
    from_graph_cfg,
    spatial_graph,
    stgcn_graph,
)
from mmsnip.skeleton.graph import adjacency

MODES = ('spatial', 'stgcn_spatial', 'binary_adj')
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
    """Layout, mode and reach of a ``graph_cfg``.

    Args:
        graph_cfg (Mapping[str, Any]): ``layout`` (a built-in name,
            mmaction2's dict of num_node, inward and center, or a dict of
            parents and joint_names) or these keys themselves; ``mode``,
            ``'spatial'`` where absent; ``max_hop``, 1 where absent.

    Returns:
        tuple[SkeletonLayout, str, int]: The layout, the mode and max_hop.

    Raises:
        ValueError: If a key or the mode is unknown, or the layout malformed.
    """
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
    """Adjacency subsets of a layout.

    Args:
        layout (SkeletonLayout): V joints.
        mode (str): ``'spatial'``, ``'stgcn_spatial'`` or ``'binary_adj'``,
            with mmaction2's meaning.
        max_hop (int): Reach of ``'stgcn_spatial'``, in links.

    Returns:
        Tensor: (num_subsets, V, V) float32.
    """
    if mode == 'stgcn_spatial':
        A = stgcn_graph(layout, max_hop)
    elif mode == 'binary_adj':
        A = adjacency(layout.edges, layout.num_joints)
        A = ((A + A.T) > 0)[None]
    else:
        A = spatial_graph(layout)
    return torch.as_tensor(A, dtype=torch.float32)


def check_out_indices(
    out_indices: Sequence[int], num_blocks: int
) -> tuple[int, ...]:
    """Refuse stages that the network does not have.

    Args:
        out_indices (Sequence[int]): 0-based blocks.
        num_blocks (int): Blocks of the network.

    Returns:
        tuple[int, ...]: The indices.

    Raises:
        ValueError: If there is none, or one is not in 0..num_blocks-1.
    """
    indices = tuple(out_indices)
    if not indices or any(
        not isinstance(i, int) or not 0 <= i < num_blocks for i in indices
    ):
        raise ValueError(
            f'out_indices={out_indices!r} must name blocks in '
            f'0..{num_blocks - 1}, of which this backbone has {num_blocks}'
        )
    return indices


def halving_strides(
    num_blocks: int, down_stages: Sequence[int]
) -> tuple[int, ...]:
    """Strides over time where some blocks halve the frames.

    Args:
        num_blocks (int): Blocks of the network.
        down_stages (Sequence[int]): 1-based blocks; the first never does,
            as in mmaction2.

    Returns:
        tuple[int, ...]: 1 or 2 of each block.

    Examples:
        >>> halving_strides(4, (1, 3))
        (1, 1, 2, 1)
    """
    return tuple(
        2 if stage > 1 and stage in down_stages else 1
        for stage in range(1, num_blocks + 1)
    )


def check_strides(temporal_strides: Sequence[int], num_blocks: int) -> None:
    """Refuse strides that are not one a block.

    Args:
        temporal_strides (Sequence[int]): Of each block over time.
        num_blocks (int): Blocks of the network.

    Raises:
        ValueError: If their number differs, or one is not 1 or more.
    """
    strides = list(temporal_strides)
    if len(strides) != num_blocks or any(
        not isinstance(n, int) or n < 1 for n in strides
    ):
        raise ValueError(
            f'temporal_strides={strides} must have a number of 1 or more for '
            f'each of the {num_blocks} blocks'
        )


class SkeletonEncoder(BaseModule):
    """Input norm and a chain of blocks, of which some are returned.

    Subclasses fill `blocks`; each is called as ``block(x, num_frames)`` and
    has ``stride`` and ``out_channels``.

    Args:
        graph_cfg (dict): See `read_graph_cfg`.
        in_channels (int): C.
        data_bn_type (str | None): ``'VC'``, ``'MVC'`` or None.
        num_person (int): Persons of ``'MVC'``.
        pretrained (str | None): Checkpoint whose encoder `init_weights`
            loads.
        init_cfg (dict | list | None): mmengine's initialisation config.
        with_cp (bool): Keep only the input of each block and run it again
            in the backward pass: less memory, more time. Numbers, running
            statistics too, stay the same. Without effect under
            ``torch.compile``, which chooses by itself. Defaults to False.

    Raises:
        ValueError: If an argument is malformed.
    """

    time_dim = 2

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
        layout, mode, max_hop = read_graph_cfg(graph_cfg)
        self.layout = layout
        self.graph_mode = mode
        self.max_hop = max_hop
        self.num_joints = layout.num_joints
        self.in_channels = in_channels
        self.data_bn_type = data_bn_type
        self.num_person = num_person
        self.pretrained = pretrained
        self.with_cp = with_cp
        self.data_bn = input_norm(
            data_bn_type, num_person, self.num_joints, in_channels
        )

    def adjacency(self) -> Tensor:
        """Subsets of the graph that the network was built on.

        Returns:
            Tensor: (num_subsets, V, V) float32.
        """
        return graph_subsets(self.layout, self.graph_mode, self.max_hop)

    def _set_blocks(
        self, blocks: Sequence[nn.Module], out_indices: Sequence[int]
    ) -> None:
        """Take the blocks and note what the returned ones look like."""
        self.blocks = nn.ModuleList(blocks)
        self.out_indices = check_out_indices(out_indices, len(blocks))
        strides, total = [], 1
        for block in blocks:
            total *= block.stride
            strides.append(total)
        self.out_channels = tuple(
            blocks[i].out_channels for i in self.out_indices
        )
        self.temporal_strides_out = tuple(strides[i] for i in self.out_indices)

    def init_weights(self) -> None:
        """Initialise by ``init_cfg``, then load ``pretrained``.

        Raises:
            ValueError: If the checkpoint does not fit.
        """
        super().init_weights()
        if self.pretrained is not None:
            from mmsnip.models.checkpoint import load_encoder

            load_encoder(self, self.pretrained)

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
        N, M = x.shape[:2]
        if num_frames is not None:
            x, num_frames = mask_input(x, num_frames)
        x = normalize_input(x, self.data_bn)  # (N·M, V, C, T)
        x = x.permute(2, 0, 1, 3).contiguous()  # (C, N·M, V, T)
        x = from_rows(mask_rows(x, num_frames), self.time_dim)
        last = max(self.out_indices)
        kept: dict[int, Tensor] = {}
        for i, block in enumerate(self.blocks[: last + 1]):
            x = self._run(block, x, num_frames)
            num_frames = strided(num_frames, block.stride)
            if i in self.out_indices:
                stage = x if self.time_dim == 2 else x.transpose(2, 3)
                kept[i] = stage.unflatten(0, (N, M))
        return tuple(kept[i] for i in self.out_indices)

    def _run(
        self, block: nn.Module, x: Tensor, num_frames: Tensor | None
    ) -> Tensor:
        """A block, checkpointed where that is asked for and of use."""
        if self.with_cp and torch.is_grad_enabled() and not is_compiling():
            return run_again(block, x, num_frames, self.time_dim)
        return block(x, num_frames)
