"""One window centred on every frame, as PKU-MMD is evaluated.

A clip classifier sees 64 frames around each frame, and what it says of them
is the frame's score: the encoder reads every frame 64 times.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class WindowClassifier(nn.Module):
    """Encoder, mean over time, joints and persons, linear classifier."""

    def __init__(
        self, encoder: nn.Module, channels: int, num_classes: int
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.classifier = nn.Linear(channels, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """(N, M, T, V, C) to probabilities (N, num_classes)."""
        features = self.encoder(x)
        if isinstance(features, tuple):
            features = features[-1]
        return self.classifier(features.mean((1, 3, 4))).softmax(1)


def cut_windows(x: Tensor, centres: Sequence[int], size: int = 64) -> Tensor:
    """Windows of a video, zeros where it has not begun or has ended."""
    windows = x.new_zeros(len(centres), x.shape[0], size, *x.shape[2:])
    for window, centre in zip(windows, centres):
        start = centre - size // 2
        first, last = max(start, 0), min(start + size, x.shape[1])
        window[:, first - start : last - start] = x[:, first:last]
    return windows


def slide(
    classifier: nn.Module,
    x: Tensor,
    centres: Sequence[int],
    size: int = 64,
    batch_size: int = 16,
) -> Tensor:
    """Scores of frames, each from the window around it."""
    parts = [
        classifier(cut_windows(x, centres[i : i + batch_size], size))
        for i in range(0, len(centres), batch_size)
    ]
    return torch.cat(parts)
