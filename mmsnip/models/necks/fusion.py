"""What the fusion necks share: the stages' time axes, unit, checks."""

from __future__ import annotations

from collections.abc import Sequence

from mmengine.model import BaseModule
from torch import Tensor, nn

from mmsnip.models.time import frame_mask, resample_frames


class FusionUnit(nn.Module):
    """Convolution over three frames, batch norm, ReLU.

    Args:
        channels (int): Channels in and out.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(channels, channels, 3, padding=1)
        self.norm = nn.BatchNorm1d(channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Transform features; padded frames do not reach valid ones.

        Args:
            x (Tensor): (N, C, T).
            mask (Tensor, optional): Valid frames, (N, 1, T) bool.

        Returns:
            Tensor: (N, C, T).
        """
        if mask is not None:
            x = x * mask
        return self.relu(self.norm(self.conv(x)))


class StageAxes:
    """Time axes of the stages of one batch: their masks, ways between them.

    Args:
        stages (Sequence[Tensor]): (N, C_i, T_i) each.
        lengths (Sequence[Tensor], optional): Valid frames of each stage,
            (N,) int64 each. None: all of them.

    Raises:
        ValueError: If there are not as many lengths as stages.
    """

    def __init__(
        self,
        stages: Sequence[Tensor],
        lengths: Sequence[Tensor] | None = None,
    ) -> None:
        if lengths is not None and len(lengths) != len(stages):
            raise ValueError(
                f'lengths has {len(lengths)} entries for {len(stages)} '
                'stages; give one (N,) tensor a stage, or None where '
                'nothing is padded'
            )
        self.sizes = tuple(stage.shape[2] for stage in stages)
        self.lengths = lengths or (None,) * len(stages)

    def mask(self, index: int) -> Tensor | None:
        """Valid frames of a stage.

        Args:
            index (int): Which stage, 0 is the finest.

        Returns:
            Tensor | None: (N, 1, T_index) bool; None where nothing is padded.
        """
        lengths = self.lengths[index]
        if lengths is None:
            return None
        return frame_mask(lengths, self.sizes[index]).unsqueeze(1)

    def up(self, x: Tensor, source: int, target: int) -> Tensor:
        """Nearest interpolation from one stage's frames to another's.

        Args:
            x (Tensor): Features at stage ``source``, (N, C, T_source).
            source (int): Stage whose frames ``x`` has.
            target (int): Stage whose frames the result has.

        Returns:
            Tensor: (N, C, T_target).
        """
        return resample_frames(
            x, self.sizes[target], self.lengths[source], self.lengths[target]
        )


class FusionNeck(BaseModule):
    """Base of the necks that bring stages back to the full frame rate.

    A subclass ends its constructor with ``self.fuse``, the convolution to
    ``out_channels``, and gives in ``decode`` what ``fuse`` reads.

    Args:
        in_channels (Sequence[int]): Channels of each stage, finest first.
        out_channels (int): Defaults to 512.
        init_cfg (dict or list[dict], optional): Initialisation.

    Raises:
        ValueError: If there are fewer than two stages.
    """

    fuse: nn.Module

    def __init__(
        self,
        in_channels: Sequence[int],
        out_channels: int = 512,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        if len(in_channels) < 2:
            raise ValueError(
                f'in_channels={tuple(in_channels)} names {len(in_channels)} '
                'stages, a fusion neck needs two or more; set as many '
                'out_indices in the backbone, or neck=None to read its last '
                'stage'
            )
        self.in_channels = tuple(in_channels)
        self.out_channels = out_channels

    def decode(self, stages: Sequence[Tensor], axes: StageAxes) -> Tensor:
        """Features at full T that ``fuse`` reads.

        Args:
            stages (Sequence[Tensor]): (N, C_i, T_i) each, checked.
            axes (StageAxes): Their time axes.

        Returns:
            Tensor: (N, C, T_0).
        """
        raise NotImplementedError(
            f'{type(self).__name__} says in decode() how it merges stages'
        )

    def forward(
        self,
        stages: Sequence[Tensor],
        lengths: Sequence[Tensor] | None = None,
    ) -> Tensor:
        """Fuse the stages.

        Args:
            stages (Sequence[Tensor]): x0, x1, .. from fine to coarse, each
                (N, C_i, T_i).
            lengths (Sequence[Tensor], optional): Valid frames of each stage,
                (N,) int64 each. A padded sample gets at its valid frames
                what it would get alone (batch norm in eval mode).

        Returns:
            Tensor: (N, out_channels, T_0).

        Raises:
            ValueError: If the number of stages or their channels disagree
                with ``in_channels``, or there are not as many lengths as
                stages.
        """
        found = tuple(stage.shape[1] for stage in stages)
        if found != self.in_channels:
            raise ValueError(
                f'the stages have {found} channels, the neck was built for '
                f'in_channels={self.in_channels}'
            )
        axes = StageAxes(stages, lengths)
        return self.fuse(self.decode(stages, axes))
