"""Feature pyramid over the encoder's stages, fused at full T."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from mmsnip.models.necks.fusion import FusionNeck, FusionUnit, StageAxes
from mmsnip.registry import MODELS


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
        """Build the pyramid and sum its levels.

        Args:
            stages (Sequence[Tensor]): x0, x1, .. each (N, C_i, T_i).
            axes (StageAxes): Their time axes.

        Returns:
            Tensor: (N, pyramid_channels, T_0).
        """
        last = len(stages) - 1
        level = self.laterals[last](stages[last])
        total = axes.up(self.units[last](level, axes.mask(last)), last, 0)
        for i in reversed(range(last)):
            level = self.laterals[i](stages[i]) + axes.up(level, i + 1, i)
            total = total + axes.up(self.units[i](level, axes.mask(i)), i, 0)
        return total
