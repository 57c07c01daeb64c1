"""A whole untrimmed video at once, against one window a frame.

The yardstick is how PKU-MMD is evaluated: a clip classifier sees 64 frames
around each frame, and what it says of them is the frame's score, so that the
encoder reads every frame 64 times. The windows are a few, spread evenly over
the video, and their time is scaled to all; weights are random, which changes
no time.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from mmaction.structures import ActionDataSample
from torch import Tensor, nn

from benchmarks.encoders import PlainCTRGCN
from benchmarks.rows import Row, in_turns, row_of
from mmsnip.apis.memory import keep_freed_memory
from mmsnip.registry import MODELS

M, V, C, CLASSES, WINDOW = 2, 25, 3, 51, 64
ENCODERS = {
    'AGCN': dict(type='mmsnip.AGCN', out_indices=(0, 6, 9)),
    'CTRGCN': dict(
        type='mmsnip.CTRGCN', out_indices=(3, 6, 9), data_bn_type=None
    ),
}


class WindowClassifier(nn.Module):
    """Encoder, mean over time, joints and persons, linear classifier."""

    def __init__(self, encoder: nn.Module, channels: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.classifier = nn.Linear(channels, CLASSES + 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, M, T, V, C) to probabilities (N, num_classes + 1)."""
        features = self.encoder(x)
        if isinstance(features, tuple):
            features = features[-1]
        return self.classifier(features.mean((1, 3, 4))).softmax(1)


def slide(
    classifier: nn.Module, x: Tensor, centres: Sequence[int], batch: int
) -> Tensor:
    """Scores of frames, each from the window around it.

    A window has zeros where the video has not begun or has ended.
    """
    x = nn.functional.pad(x, (0, 0, 0, 0, WINDOW // 2, WINDOW // 2))
    parts = [
        classifier(
            torch.stack([x[:, t : t + WINDOW] for t in centres[i : i + batch]])
        )
        for i in range(0, len(centres), batch)
    ]
    return torch.cat(parts)


@torch.inference_mode()
def rows(device: str, quick: bool) -> list[Row]:
    """A video of two persons, by both encoders."""
    keep_freed_memory()  # as the tools do; both sides have it
    frames, windows = (1000, 16) if quick else (9000, 64)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(M, frames, V, C, generator=generator).to(device)
    centres = np.linspace(0, frames - 1, windows).astype(int).tolist()
    found = []
    for name in ['AGCN'] if quick else ENCODERS:
        torch.manual_seed(0)
        model = MODELS.build(
            dict(
                type='mmsnip.SkeletonLocalizer',
                backbone=dict(
                    graph_cfg=dict(layout='nturgb+d-official'),
                    **ENCODERS[name],
                ),
                neck=dict(type='mmsnip.UShapeFusionNeck'),
                head=dict(
                    type='mmsnip.FrameLocalizationHead', num_classes=CLASSES
                ),
            )
        )
        model = model.to(device).eval()
        encoder = model.backbone
        if name == 'CTRGCN':
            encoder = PlainCTRGCN(encoder.adjacency())
        plain = WindowClassifier(encoder, model.backbone.out_channels[-1])
        plain = plain.to(device).eval()
        tasks = [
            lambda m=model: m(x[None], [ActionDataSample()], mode='predict'),
            lambda m=plain: slide(
                m, x, centres, 16 if device == 'cpu' else 256
            ),
        ]
        ours, some = in_turns(tasks, 1 if quick else 3, device)
        found.append(
            row_of(
                f'whole video against a window a frame, {name}',
                ours,
                [time * frames / windows for time in some],
                40.0,
                note=f'{frames:,} frames, {M} persons',
            )
        )
    return found
