"""Nested U-shaped fusion of three encoder stages."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmsnip.models.time import frame_mask, resample_frames
from mmsnip.registry import MODELS


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


@MODELS.register_module()
class UShapeFusionNeck(BaseModule):
    """Nested U-Net over time: three stages in, full frame rate out.

    With x0, x1, x2 from fine to coarse (64, 128 and 256 channels in the
    paper), ``up`` the nearest interpolation to the partner's length and
    commas concatenation::

        x01 = unit(x0, up(x1))            192 channels
        x11 = unit(x1, up(x2))            384 channels
        x02 = unit(x0, x01, up(x11))      640 channels
        out = conv1x1(x0, x01, x02)       896 -> out_channels

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
        super().__init__(init_cfg=init_cfg)
        if len(in_channels) != 3:
            raise ValueError(
                f'in_channels={tuple(in_channels)} names {len(in_channels)} '
                'stages, the nested U-shape fuses 3; set three out_indices '
                'in the backbone'
            )
        c0, c1, c2 = in_channels
        self.in_channels = (c0, c1, c2)
        self.out_channels = out_channels
        self.unit01 = FusionUnit(c0 + c1)
        self.unit11 = FusionUnit(c1 + c2)
        self.unit02 = FusionUnit(c0 + (c0 + c1) + (c1 + c2))
        self.fuse = nn.Conv1d(
            c0 + (c0 + c1) + (c0 + (c0 + c1) + (c1 + c2)), out_channels, 1
        )

    def forward(
        self,
        stages: Sequence[Tensor],
        lengths: Sequence[Tensor] | None = None,
    ) -> Tensor:
        """Fuse the stages.

        Args:
            stages (Sequence[Tensor]): x0, x1, x2, each (N, C_i, T_i).
            lengths (Sequence[Tensor], optional): Valid frames of each stage,
                (N,) int64 each.

        Returns:
            Tensor: (N, out_channels, T_0).

        Raises:
            ValueError: If the number of stages or their channels disagree
                with ``in_channels``.
        """
        found = tuple(stage.shape[1] for stage in stages)
        if found != self.in_channels:
            raise ValueError(
                f'the stages have {found} channels, the neck was built for '
                f'in_channels={self.in_channels}'
            )
        x0, x1, x2 = stages
        n0, n1, n2 = (None, None, None) if lengths is None else lengths
        m0 = m1 = None
        if lengths is not None:
            m0 = frame_mask(n0, x0.shape[2]).unsqueeze(1)
            m1 = frame_mask(n1, x1.shape[2]).unsqueeze(1)

        x01 = self.unit01(
            torch.cat([x0, resample_frames(x1, x0.shape[2], n1, n0)], 1), m0
        )
        x11 = self.unit11(
            torch.cat([x1, resample_frames(x2, x1.shape[2], n2, n1)], 1), m1
        )
        up11 = resample_frames(x11, x0.shape[2], n1, n0)
        x02 = self.unit02(torch.cat([x0, x01, up11], 1), m0)
        return self.fuse(torch.cat([x0, x01, x02], 1))
