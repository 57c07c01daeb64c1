"""Nested U-shaped fusion of three encoder stages."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmsnip.models.necks.fusion import FusionNeck, FusionUnit, StageAxes
from mmsnip.registry import MODELS


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
        """Run the nested U.

        Args:
            stages (Sequence[Tensor]): x0, x1, x2, each (N, C_i, T_i).
            axes (StageAxes): Their time axes.

        Returns:
            Tensor: x0, x01, x02, (N, 4 c0 + 3 c1 + c2, T_0).
        """
        x0, x1, x2 = stages
        m0, m1 = axes.mask(0), axes.mask(1)
        x01 = self.unit01(torch.cat([x0, axes.up(x1, 1, 0)], 1), m0)
        x11 = self.unit11(torch.cat([x1, axes.up(x2, 2, 1)], 1), m1)
        x02 = self.unit02(torch.cat([x0, x01, axes.up(x11, 1, 0)], 1), m0)
        return torch.cat([x0, x01, x02], 1)
