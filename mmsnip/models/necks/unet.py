"""Plain U-Net decoder over the encoder's stages."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import torch
from torch import Tensor, nn

from mmsnip.models.necks.fusion import FusionNeck, FusionUnit, StageAxes
from mmsnip.registry import MODELS


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
        """Run the decoder.

        Args:
            stages (Sequence[Tensor]): x0, x1, .. each (N, C_i, T_i).
            axes (StageAxes): Their time axes.

        Returns:
            Tensor: d(0), (N, sum of ``in_channels``, T_0).
        """
        x = stages[-1]
        for i in reversed(range(len(self.units))):
            x = torch.cat([stages[i], axes.up(x, i + 1, i)], 1)
            x = self.units[i](x, axes.mask(i))
        return x
