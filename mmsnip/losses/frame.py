"""Losses of a frame classifier on padded sequences."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

IGNORE = -100


def frame_cross_entropy(
    logits: Tensor,
    labels: Tensor,
    class_weight: Tensor | None = None,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Cross-entropy of frames; padded frames do not count.

    Args:
        logits (Tensor): Frame logits, (N, T, num_classes + 1).
        labels (Tensor): Class of each frame, ``IGNORE`` (-100) where padded,
            (N, T) int64.
        class_weight (Tensor, optional): Weight of each class, background
            last, (num_classes + 1,). The loss is the weighted mean.
        label_smoothing (float): Share of the target that is spread over all
            classes, in [0, 1). Defaults to 0.

    Returns:
        Tensor: Mean over the frames that count, 0 where none does; a scalar
        in float32 or wider.

    Raises:
        ValueError: If shapes disagree.

    Source:
        Localization head of arXiv 2512.16504; METHOD.md section 2.
    """
    _check_frames(logits, labels)
    if logits.dtype in (torch.float16, torch.bfloat16):
        logits = logits.float()
    if class_weight is not None:
        class_weight = class_weight.to(logits)
    total = functional.cross_entropy(
        logits.flatten(0, 1),
        labels.flatten(),
        weight=class_weight,
        ignore_index=IGNORE,
        label_smoothing=label_smoothing,
        reduction='sum',
    )
    counted = labels != IGNORE
    if class_weight is None:
        share = counted.sum().to(total)
    else:
        share = class_weight[labels[counted]].sum()
    return total / share.clamp(min=torch.finfo(total.dtype).tiny)


def soft_cross_entropy(
    logits: Tensor, targets: Tensor, counted: Tensor
) -> Tensor:
    """Cross-entropy of frames with probabilities in place of labels.

    Args:
        logits (Tensor): Frame logits, (N, T, num_classes + 1).
        targets (Tensor): Probabilities of each frame, of the same shape.
        counted (Tensor): Frames that count, (N, T) bool.

    Returns:
        Tensor: Mean over the frames that count, 0 where none does; a scalar
        in float32 or wider.

    Raises:
        ValueError: If shapes disagree.
    """
    _check_frames(logits, counted)
    if targets.shape != logits.shape:
        raise ValueError(
            f'targets have shape {tuple(targets.shape)} and logits '
            f'{tuple(logits.shape)}, expected the same'
        )
    if logits.dtype in (torch.float16, torch.bfloat16):
        logits = logits.float()
    each = -(targets * functional.log_softmax(logits, dim=2)).sum(dim=2)
    return (each * counted).sum() / counted.sum().clamp(min=1)


def frame_smoothing(
    logits: Tensor, labels: Tensor, truncation: float = 4.0
) -> Tensor:
    """Truncated squared change of log-probabilities between frames.

    Args:
        logits (Tensor): Frame logits, (N, T, num_classes + 1).
        labels (Tensor): Class of each frame, ``IGNORE`` (-100) where padded,
            (N, T) int64. A pair with a padded frame does not count.
        truncation (float): Largest change that is punished, in nats.
            Defaults to 4.

    Returns:
        Tensor: Mean over pairs of neighbouring frames and classes, 0 where
        there is no pair; a scalar in float32 or wider.

    Raises:
        ValueError: If shapes disagree.

    Source:
        T-MSE of MS-TCN, arXiv 1903.01945, equation 7 (gradients stop at the
        earlier frame).
    """
    _check_frames(logits, labels)
    if logits.dtype in (torch.float16, torch.bfloat16):
        logits = logits.float()
    log_prob = functional.log_softmax(logits, dim=2)
    change = log_prob[:, 1:] - log_prob[:, :-1].detach()
    change = change.abs().clamp(max=truncation).square().mean(dim=2)
    pair = (labels[:, 1:] != IGNORE) & (labels[:, :-1] != IGNORE)
    return (change * pair).sum() / pair.sum().clamp(min=1)


def _check_frames(logits: Tensor, labels: Tensor) -> None:
    if logits.ndim != 3 or logits.shape[:2] != labels.shape:
        raise ValueError(
            f'logits have shape {tuple(logits.shape)} and labels '
            f'{tuple(labels.shape)}, expected (N, T, num_classes + 1) and '
            '(N, T)'
        )
