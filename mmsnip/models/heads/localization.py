"""Class or background, at every frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from mmsnip.losses.frame import IGNORE, frame_cross_entropy, frame_smoothing
from mmsnip.models.time import frame_mask, resample_frames
from mmsnip.registry import MODELS


@MODELS.register_module()
class FrameLocalizationHead(BaseModule):
    """Linear frame classifier; the last class is background.

    Args:
        num_classes (int): Classes without background.
        in_channels (int): C of the features that it reads.
        dropout (float): Share of the features dropped in training. Defaults
            to 0.
        class_weight (Sequence[float], optional): Weight of each class,
            background last, ``num_classes + 1`` numbers.
        label_smoothing (float): Share of the target spread over all classes.
            Defaults to 0.
        smoothing_weight (float): Weight of the truncated smoothing loss
            between neighbouring frames, 0.15 in MS-TCN. Defaults to 0: off.
        loss_weight (float): Defaults to 1.0.
        init_cfg (dict or list[dict], optional): Initialisation.

    Raises:
        ValueError: If ``num_classes`` is not positive or ``class_weight`` has
            another length than ``num_classes + 1``.

    Source:
        Localization head of arXiv 2512.16504; METHOD.md section 2. Without a
        neck it is the paper's baseline: linear on the last stage, its logits
        interpolated linearly to T.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int,
        dropout: float = 0.0,
        class_weight: Sequence[float] | None = None,
        label_smoothing: float = 0.0,
        smoothing_weight: float = 0.0,
        loss_weight: float = 1.0,
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(init_cfg=init_cfg)
        if num_classes < 1:
            raise ValueError(f'num_classes={num_classes} must be positive')
        if not 0 <= label_smoothing < 1:
            raise ValueError(
                f'label_smoothing={label_smoothing} must lie in [0, 1)'
            )
        self.num_classes = num_classes
        self.label_smoothing = label_smoothing
        self.smoothing_weight = smoothing_weight
        self.loss_weight = loss_weight
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Conv1d(in_channels, num_classes + 1, 1)
        if class_weight is not None:
            if len(class_weight) != num_classes + 1:
                raise ValueError(
                    f'class_weight has {len(class_weight)} numbers, expected '
                    f'num_classes + 1 = {num_classes + 1}, background last'
                )
            class_weight = torch.as_tensor(class_weight, dtype=torch.float32)
        self.register_buffer('class_weight', class_weight, persistent=False)

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
            source (Tensor, optional): Valid frames of ``features``, (N,).
            target (Tensor, optional): Valid frames of the input, (N,).

        Returns:
            Tensor: Logits, (N, T, num_classes + 1).
        """
        logits = self.classifier(self.dropout(features))
        if logits.shape[2] != size:
            logits = resample_frames(logits, size, source, target, 'linear')
        return logits.transpose(1, 2)

    def labels(self, data_samples: Sequence, size: int) -> Tensor:
        """Stack the frame labels of a batch."""
        rows = []
        for sample in data_samples:
            name = sample.get('frame_dir', 'a video without frame_dir')
            if 'gt_frame_labels' not in sample:
                raise ValueError(
                    f'{name} has no frame labels; its annotation needs '
                    "'segments' and 'segment_labels', and the pipeline "
                    'FrameLabels before PackSkeletonInputs'
                )
            found = sample.get('num_classes')
            if found is not None and int(found) != self.num_classes:
                raise ValueError(
                    f'{name} is of data with {int(found)} classes, '
                    f'model.head.num_classes is {self.num_classes}; set it to '
                    f'{int(found)}'
                )
            row = sample.gt_frame_labels
            if len(row) > size:
                raise ValueError(
                    f'{name} has {len(row)} frame labels for {size} frames'
                )
            rows.append(row)
        labels = pad_sequence(rows, batch_first=True, padding_value=IGNORE)
        padding = size - labels.shape[1]
        return nn.functional.pad(labels, (0, padding), value=IGNORE)

    def loss(self, logits: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Losses of a batch."""
        losses = dict(
            loss_frame=self.loss_weight
            * frame_cross_entropy(
                logits, labels, self.class_weight, self.label_smoothing
            )
        )
        if self.smoothing_weight:
            losses['loss_smoothing'] = self.smoothing_weight * frame_smoothing(
                logits, labels
            )
        counted = labels != IGNORE
        correct = (logits.detach().argmax(dim=2) == labels) & counted
        losses['frame_accuracy'] = correct.sum() / counted.sum().clamp(min=1)
        return losses


class DilatedLayer(nn.Module):
    """Residual of a dilated convolution over three frames."""

    def __init__(self, channels: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.conv = nn.Conv1d(
            channels, channels, 3, padding=dilation, dilation=dilation
        )
        self.relu = nn.ReLU(inplace=True)
        self.out = nn.Conv1d(channels, channels, 1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Add the residual; padded frames do not reach valid ones."""
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
        """Score every frame."""
        mask = None
        if source is not None:
            mask = frame_mask(source, features.shape[2]).unsqueeze(1)
        x = self.entry(self.feature_dropout(features))
        for layer in self.layers:
            x = layer(x, mask)
        return super().forward(x, size, source, target)
