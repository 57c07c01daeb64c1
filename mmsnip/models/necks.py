"""Necks: from the stages of an encoder back to its full frame rate."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmsnip.models.time import frame_mask, resample_frames
from mmsnip.registry import MODELS


class FusionUnit(nn.Module):
    """Convolution over three frames, batch norm, ReLU."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(channels, channels, 3, padding=1)
        self.norm = nn.BatchNorm1d(channels)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Transform features; padded frames do not reach valid ones."""
        if mask is not None:
            x = x * mask
        return self.relu(self.norm(self.conv(x)))


class StageAxes:
    """Time axes of the stages of one batch: their masks, ways between them."""

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
        """Valid frames of a stage."""
        lengths = self.lengths[index]
        if lengths is None:
            return None
        return frame_mask(lengths, self.sizes[index]).unsqueeze(1)

    def up(self, x: Tensor, source: int, target: int) -> Tensor:
        """Nearest interpolation from one stage's frames to another's."""
        return resample_frames(
            x, self.sizes[target], self.lengths[source], self.lengths[target]
        )


class FusionNeck(BaseModule):
    """Base of the necks that bring stages back to the full frame rate.

    A subclass ends its constructor with ``self.fuse``, the convolution to
    ``out_channels``, and gives in ``decode`` what ``fuse`` reads.
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
        """Features at full T that ``fuse`` reads."""
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


@MODELS.register_module()
class UShapeFusionNeck(FusionNeck):
    """Nested U-Net over time: three stages in, full frame rate out.

    With x0, x1, x2 from fine to coarse, ``up`` the nearest interpolation to
    the partner's length and commas concatenation::

        x01 = unit(x0, up(x1))            c0 + c1
        x11 = unit(x1, up(x2))            c1 + c2
        x02 = unit(x0, x01, up(x11))      2 c0 + 2 c1 + c2
        out = conv1x1(x0, x01, x02)       4 c0 + 3 c1 + c2 -> out_channels

    The widths on the right are derived from ``in_channels`` (c0, c1, c2), so
    any three will do. The paper's 64, 128 and 256 give its 192, 384, 640 and
    896.

    Args:
        in_channels (Sequence[int]): Channels of x0, x1, x2.
        out_channels (int): Defaults to 512.
        init_cfg (dict or list[dict], optional): Initialisation.

    Raises:
        ValueError: If there are not three stages.

    Source:
        U-shaped module of arXiv 2512.16504; METHOD.md section 2. The nested
        form is UNet++'s, arXiv 1807.10165.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        out_channels: int = 512,
        init_cfg: dict | list | None = None,
    ) -> None:
        if len(in_channels) != 3:
            raise ValueError(
                f'in_channels={tuple(in_channels)} names {len(in_channels)} '
                'stages, the nested U-shape fuses 3; set three out_indices '
                'in the backbone, or take UNetFusionNeck or '
                'PyramidFusionNeck, which fuse any two or more'
            )
        super().__init__(in_channels, out_channels, init_cfg)
        c0, c1, c2 = self.in_channels
        c01, c11 = c0 + c1, c1 + c2
        c02 = c0 + c01 + c11
        self.unit01 = FusionUnit(c01)
        self.unit11 = FusionUnit(c11)
        self.unit02 = FusionUnit(c02)
        self.fuse = nn.Conv1d(c0 + c01 + c02, out_channels, 1)

    def decode(self, stages: Sequence[Tensor], axes: StageAxes) -> Tensor:
        """Run the nested U."""
        x0, x1, x2 = stages
        m0, m1 = axes.mask(0), axes.mask(1)
        x01 = self.unit01(torch.cat([x0, axes.up(x1, 1, 0)], 1), m0)
        x11 = self.unit11(torch.cat([x1, axes.up(x2, 2, 1)], 1), m1)
        x02 = self.unit02(torch.cat([x0, x01, axes.up(x11, 1, 0)], 1), m0)
        return torch.cat([x0, x01, x02], 1)


@MODELS.register_module()
class UNetFusionNeck(FusionNeck):
    """U-Net over time, not nested: one path from the coarsest stage up.

    With n stages x0 .. x(n-1) from fine to coarse, ``up`` the nearest
    interpolation to the partner's length and commas concatenation::

        d(n-1) = x(n-1)                   c(n-1)
        d(i) = unit(x(i), up(d(i+1)))     c(i) + c(i+1) + .. + c(n-1)
        out = conv1x1(d(0))               c(0) + .. + c(n-1) -> out_channels

    The widths on the right are derived from ``in_channels``. It is the
    nested U-shape without its inner node and skips: the ablation that tells
    what the nesting adds.

    Args:
        in_channels (Sequence[int]): Channels of each stage, two or more,
            finest first.
        out_channels (int): Defaults to 512.
        init_cfg (dict or list[dict], optional): Initialisation.

    Raises:
        ValueError: If there are fewer than two stages.

    Source:
        Decoder of U-Net, arXiv 1505.04597, in one dimension. Departs from
        it to be comparable with the U-shape of METHOD.md section 2: one
        convolution a level instead of two, as wide as the concatenation,
        padded and batch-normed; nearest interpolation instead of the
        transposed convolution.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        out_channels: int = 512,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(in_channels, out_channels, init_cfg)
        widths = list(accumulate(reversed(self.in_channels)))[::-1]
        # units[i] makes d(i); the coarsest stage needs none.
        self.units = nn.ModuleList(FusionUnit(C) for C in widths[:-1])
        self.fuse = nn.Conv1d(widths[0], out_channels, 1)

    def decode(self, stages: Sequence[Tensor], axes: StageAxes) -> Tensor:
        """Run the decoder."""
        x = stages[-1]
        for i in reversed(range(len(self.units))):
            x = torch.cat([stages[i], axes.up(x, i + 1, i)], 1)
            x = self.units[i](x, axes.mask(i))
        return x


@MODELS.register_module()
class PyramidFusionNeck(FusionNeck):
    """Top-down feature pyramid over time, its levels summed at full T.

    With n stages x0 .. x(n-1) from fine to coarse and ``up`` the nearest
    interpolation to the partner's length; everything before ``out`` has
    ``pyramid_channels``::

        p(n-1) = lateral(x(n-1))
        p(i) = lateral(x(i)) + up(p(i+1))
        out = conv1x1(sum over i of up(unit(p(i))))

    Each level has its own lateral (a convolution over one frame) and its own
    unit (over three, smoothing what ``up`` left). It merges by sums of equal
    widths where the U-shapes concatenate.

    Args:
        in_channels (Sequence[int]): Channels of each stage, two or more,
            finest first.
        out_channels (int): Defaults to 512.
        pyramid_channels (int): Channels of every level. Defaults to 256.
        init_cfg (dict or list[dict], optional): Initialisation.

    Raises:
        ValueError: If there are fewer than two stages or
            ``pyramid_channels`` is not positive.

    Source:
        Laterals and top-down path: FPN, arXiv 1612.03144. Sum of the levels
        at the finest resolution: the semantic branch of Panoptic FPN, arXiv
        1901.02446. FPN's smoothing convolution is linear; followed by sum,
        1x1 convolution and a linear head it would leave no non-linearity
        behind the encoder. So it is one with the semantic branch's
        convolution, norm and ReLU: the unit of the U-shape (batch norm where
        that paper has group norm), one a level whatever its stride, and
        ``up`` is nearest there too, where that paper's is bilinear.
    """

    def __init__(
        self,
        in_channels: Sequence[int],
        out_channels: int = 512,
        pyramid_channels: int = 256,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(in_channels, out_channels, init_cfg)
        if pyramid_channels < 1:
            raise ValueError(
                f'pyramid_channels={pyramid_channels} must be positive; it '
                'is the width of every level, 256 in the paper'
            )
        self.laterals = nn.ModuleList(
            nn.Conv1d(C, pyramid_channels, 1) for C in self.in_channels
        )
        self.units = nn.ModuleList(
            FusionUnit(pyramid_channels) for _ in self.in_channels
        )
        self.fuse = nn.Conv1d(pyramid_channels, out_channels, 1)

    def decode(self, stages: Sequence[Tensor], axes: StageAxes) -> Tensor:
        """Build the pyramid and sum its levels."""
        last = len(stages) - 1
        level = self.laterals[last](stages[last])
        total = axes.up(self.units[last](level, axes.mask(last)), last, 0)
        for i in reversed(range(last)):
            level = self.laterals[i](stages[i]) + axes.up(level, i + 1, i)
            total = total + axes.up(self.units[i](level, axes.mask(i)), i, 0)
        return total
