"""Class or background, after dilated convolutions over time."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from mmsnip.models.heads.frame_localization import FrameLocalizationHead
from mmsnip.models.time import frame_mask
from mmsnip.registry import MODELS


class DilatedLayer(nn.Module):
    """Residual of a dilated convolution over three frames.

    Args:
        channels (int): Channels in and out.
        dilation (int): Frames between the three.
        dropout (float): Share of the residual dropped in training.
    """

    def __init__(self, channels: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.conv = nn.Conv1d(
            channels, channels, 3, padding=dilation, dilation=dilation
        )
        self.relu = nn.ReLU(inplace=True)
        self.out = nn.Conv1d(channels, channels, 1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Add the residual; padded frames do not reach valid ones.

        Args:
            x (Tensor): (N, C, T).
            mask (Tensor, optional): Valid frames, (N, 1, T) bool.

        Returns:
            Tensor: (N, C, T).
        """
        seen = x if mask is None else x * mask
        return x + self.dropout(self.out(self.relu(self.conv(seen))))


@MODELS.register_module()
class DilatedLocalizationHead(FrameLocalizationHead):
    """Dilated residual layers over time before the frame classifier.

    Layer i looks at frames 2^i apart, so that seven layers see 127 frames of
    the features on either side: what a frame is follows from what happens
    around it. The layers run at the frame rate of the features, that of the
    first stage; the logits are interpolated to T as in the base.

    Args:
        num_classes (int): Classes without background.
        in_channels (int): C of the features that it reads.
        num_layers (int): Dilated layers. Defaults to 7.
        hidden_channels (int, optional): Channels of the layers, behind a 1x1
            convolution. None: ``in_channels``, without that convolution.
        feature_dropout (float): Share of whole channels of the features
            dropped in training. Defaults to 0.2.
        layer_dropout (float): Share of each layer's residual dropped in
            training. Defaults to 0.2.
        **kwargs (Any): Of `FrameLocalizationHead`; its ``dropout`` acts
            before the classifier.

    Raises:
        ValueError: If ``num_layers`` or ``hidden_channels`` is not positive.

    Source:
        Single stage of MS-TCN, Farha and Gall, CVPR 2019, arXiv 1903.01945,
        section 3.1; here on the features of a fusion neck. The dropout of
        whole channels is ours.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        num_layers: int = 7,
        hidden_channels: int | None = None,
        feature_dropout: float = 0.2,
        layer_dropout: float = 0.2,
        **kwargs: Any,
    ) -> None:
        channels = in_channels if hidden_channels is None else hidden_channels
        if num_layers < 1 or channels < 1:
            raise ValueError(
                f'num_layers={num_layers} and hidden_channels={channels} '
                'must be positive; FrameLocalizationHead is the head without '
                'layers'
            )
        super().__init__(num_classes, channels, **kwargs)
        self.feature_dropout = nn.Dropout1d(feature_dropout)
        self.entry: nn.Module = nn.Identity()
        if hidden_channels is not None:
            self.entry = nn.Conv1d(in_channels, channels, 1)
        self.layers = nn.ModuleList(
            DilatedLayer(channels, 2**i, layer_dropout)
            for i in range(num_layers)
        )

    def forward(
        self,
        features: Tensor,
        size: int,
        source: Tensor | None = None,
        target: Tensor | None = None,
    ) -> Tensor:
        """Score every frame.

        Args:
            features (Tensor): Features, (N, C, T').
            size (int): T, frames of the input.
            source (Tensor, optional): Valid frames of ``features``, (N,). A
                padded sample gets at its valid frames what it would get
                alone.
            target (Tensor, optional): Valid frames of the input, (N,).

        Returns:
            Tensor: Logits, (N, T, num_classes + 1).
        """
        mask = None
        if source is not None:
            mask = frame_mask(source, features.shape[2]).unsqueeze(1)
        x = self.entry(self.feature_dropout(features))
        for layer in self.layers:
            x = layer(x, mask)
        return super().forward(x, size, source, target)
