"""Class or background, at every frame."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from mmsnip.losses.frame import IGNORE, frame_cross_entropy, frame_smoothing
from mmsnip.models.time import resample_frames
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
        """Stack the frame labels of a batch.

        Args:
            data_samples (Sequence[ActionDataSample]): With
                ``gt_frame_labels``, (T_n,) int64 each.
            size (int): T, padded length.

        Returns:
            Tensor: (N, T) int64, -100 where padded.

        Raises:
            ValueError: If a video has no frame labels, more labels than
                frames, or is of data with another number of classes.
        """
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
        """Losses of a batch.

        Args:
            logits (Tensor): (N, T, num_classes + 1).
            labels (Tensor): (N, T) int64, -100 where padded.

        Returns:
            dict[str, Tensor]: ``loss_frame``, ``loss_smoothing`` if it is
            on, and, for the log only, ``frame_accuracy``.
        """
        losses = dict(
            loss_frame=self.loss_weight
            * frame_cross_entropy(
                logits, labels, self.class_weight, self.label_smoothing
            )
        )
        if self.smoothing_weight:
            losses['loss_smoothing'] = (
                self.smoothing_weight * frame_smoothing(logits, labels)
            )
        counted = labels != IGNORE
        correct = (logits.detach().argmax(dim=2) == labels) & counted
        losses['frame_accuracy'] = correct.sum() / counted.sum().clamp(min=1)
        return losses
