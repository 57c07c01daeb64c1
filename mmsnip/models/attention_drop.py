"""What stands out of a person's features, and the features without it."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

# The attention averages to less than this over any set of features, so that
# a higher threshold always keeps something of everybody.
LOWEST_THRESHOLD = 1 / (1 + math.exp(-0.75))


def _check(threshold: float, epsilon: float) -> None:
    if not LOWEST_THRESHOLD < threshold < 1:
        raise ValueError(
            f'attention_drop: threshold={threshold} must lie between '
            f'{LOWEST_THRESHOLD:.4f}, from where on every person keeps a '
            'joint, and 1, which no attention reaches; published: 0.7'
        )
    if not epsilon > 0:
        raise ValueError(
            f'attention_drop: epsilon={epsilon} must be positive; published: '
            '1e-4'
        )


def energy_attention(
    features: Tensor, valid: Tensor | None = None, epsilon: float = 1e-4
) -> Tensor:
    """How far each feature stands out of its channel, per person.

    sigmoid(d^2 / (4 (s^2 + epsilon)) + 1/2), d its distance to the mean of
    the channel over frames and joints and s^2 the variance (unbiased).

    Args:
        features (Tensor): Features of each person, (P, C, T', V).
        valid (Tensor, optional): Frames that count, (P, T') bool. None: all.
        epsilon (float): Added to the variance. Defaults to 1e-4.

    Returns:
        Tensor: (P, C, T', V), float32 or wider, in [0.6225, 1) at the frames
        that count and 0 elsewhere; without gradient.

    Source:
        The inverse energy of SimAM (Yang et al., ICML 2021) as AimCLR
        (arXiv 2112.03590) uses it; Levigty/AimCLR d12da71
        ``net/att_drop.py``.

    Examples:
        >>> attention = energy_attention(torch.ones(1, 1, 1, 2))
        >>> [round(value, 4) for value in attention.flatten().tolist()]
        [0.6225, 0.6225]
    """
    with torch.no_grad():
        if features.dtype in (torch.float16, torch.bfloat16):
            features = features.float()
        P, _, T, V = features.shape
        if valid is None:
            valid = features.new_ones(P, T, dtype=torch.bool)
        weight = valid[:, None, :, None].to(features)  # (P, 1, T', 1)
        count = V * weight.sum(dim=2, keepdim=True)
        total = (features * weight).sum(dim=(2, 3), keepdim=True)
        square = (features - total / count.clamp(min=1)).square() * weight
        variance = square.sum(dim=(2, 3), keepdim=True)
        variance = variance / (count - 1).clamp(min=1)
        energy = square / (4 * (variance + epsilon)) + 0.5
        return torch.sigmoid(energy) * weight


def attention_drop(
    features: Tensor,
    valid: Tensor | None = None,
    threshold: float = 0.7,
    epsilon: float = 1e-4,
) -> Tensor:
    """Zero what stands out, and scale up what stays.

    Dropped are the joints whose attention, averaged over channels and
    frames, reaches the threshold, and besides, in each channel, the single
    frames of single joints that reach it. What stays is multiplied by all
    over kept, once for the joints and once for the single features, both
    counted over the whole batch. No gradient passes through the choice.
    Nothing is drawn: equal features give equal results.

    Args:
        features (Tensor): Features of each person, (P, C, T', V).
        valid (Tensor, optional): Frames that count, (P, T') bool; the others
            are neither counted nor changed. None: all.
        threshold (float): Attention from which on features are dropped,
            above 0.6792 (below it a person could lose everything) and below
            1. Of normally distributed features 0.7 drops 24 in 100. The
            published code calls it ``keep_prob``. Defaults to 0.7.
        epsilon (float): Added to the variances. Defaults to 1e-4.

    Returns:
        Tensor: (P, C, T', V).

    Raises:
        ValueError: If threshold or epsilon is out of range.

    Source:
        Energy-based Attention-guided Drop Module of AimCLR (arXiv
        2112.03590); Levigty/AimCLR d12da71 ``net/att_drop.py``.
    """
    _check(threshold, epsilon)
    with torch.no_grad():
        attention = energy_attention(features, valid, epsilon)
        P, C, T, V = attention.shape
        if valid is None:
            valid = features.new_ones(P, T, dtype=torch.bool)
        frames = valid.sum(dim=1).clamp(min=1)  # (P,)
        mean = attention.sum(dim=(1, 2)) / (C * frames).unsqueeze(1)  # (P, V)
        joint = mean < threshold
        single = attention < threshold
        inside = valid[:, None, :, None]  # (P, 1, T', 1)
        scale = joint.numel() / joint.sum().clamp(min=1)
        kept = (single & inside).sum().clamp(min=1)
        scale = scale * (valid.sum().clamp(min=1) * C * V / kept)
        factor = (joint[:, None, None] & single) * scale
        factor = torch.where(inside, factor, torch.ones_like(factor))
    return features * factor.to(features.dtype)


class AttentionDrop(nn.Module):
    """Module of `attention_drop`; it has no weights.

    It drops in training and evaluation alike: whoever compares features with
    and without it decides when.

    Args:
        threshold (float): See `attention_drop`. Defaults to 0.7.
        epsilon (float): See `attention_drop`. Defaults to 1e-4.

    Raises:
        ValueError: If threshold or epsilon is out of range.
    """

    def __init__(self, threshold: float = 0.7, epsilon: float = 1e-4) -> None:
        super().__init__()
        _check(threshold, epsilon)
        self.threshold = threshold
        self.epsilon = epsilon

    def extra_repr(self) -> str:
        """Name the numbers in ``repr``."""
        return f'threshold={self.threshold}, epsilon={self.epsilon}'

    def forward(self, features: Tensor, valid: Tensor | None = None) -> Tensor:
        """Drop; shapes as in `attention_drop`."""
        return attention_drop(features, valid, self.threshold, self.epsilon)
