#!/usr/bin/env python
"""A whole untrimmed video at once, against one window a frame.

``python benchmarks/long_video.py`` prints how often faster our localizer
scores a video of 9,000 frames and 2 persons than a 64-frame window around
each frame does.
``--json FILE`` writes the rows. The windows are a few, spread evenly over
the video, and their time is scaled to all; encoder weights are random, which
changes no time. Each measurement has a process of its own.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.plain.agcn import PlainAGCN
from benchmarks.plain.ctrgcn import PlainCTRGCN
from benchmarks.plain.sliding_window import WindowClassifier, slide
from benchmarks.process_memory import in_child

M, V, C, CLASSES, WINDOW = 2, 25, 3, 51, 64
ENCODERS = {
    'AGCN': dict(type='mmsnip.AGCN', out_indices=(0, 6, 9)),
    'CTRGCN': dict(
        type='mmsnip.CTRGCN', out_indices=(3, 6, 9), data_bn_type=None
    ),
    'STGCN': dict(
        type='mmsnip.STGCN', out_indices=(3, 6, 9), data_bn_type=None
    ),
}
PLAIN = {'AGCN': PlainAGCN, 'CTRGCN': PlainCTRGCN}


def localizer(encoder: str, width: int, chunk_size: int | None) -> Any:
    """Our localizer with the U-shape, in eval mode."""
    from mmsnip.registry import MODELS

    torch.manual_seed(0)
    return MODELS.build(
        dict(
            type='mmsnip.SkeletonLocalizer',
            backbone=dict(
                graph_cfg=dict(layout='nturgb+d-official'),
                base_channels=width,
                **ENCODERS[encoder],
            ),
            neck=dict(type='mmsnip.UShapeFusionNeck'),
            head=dict(
                type='mmsnip.FrameLocalizationHead', num_classes=CLASSES
            ),
            test_cfg=dict(chunk_size=chunk_size),
        )
    ).eval()


def predict(model: Any, x: torch.Tensor) -> torch.Tensor:
    """Scores of one video (M, T, V, C), as testing finds them."""
    from mmaction.structures import ActionDataSample

    (sample,) = model(x[None], [ActionDataSample()], mode='predict')
    return sample.pred_frame_scores.cpu()


def seconds(task: Callable[[], Any], device: str) -> float:
    """Wall-clock time of a task and all that it has started."""
    if device == 'cuda':
        torch.cuda.synchronize()
    start = time.perf_counter()
    task()
    if device == 'cuda':
        torch.cuda.synchronize()
    return time.perf_counter() - start


def video(frames: int, device: str) -> torch.Tensor:
    """Noise, (M, T, V, C)."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(M, frames, V, C, generator=generator)
    return x.to(device)


@torch.inference_mode()
def compare(encoder: str, width: int, args: argparse.Namespace) -> list[dict]:
    """One video by every way, in turns."""
    device = args.device
    x = video(args.frames, device)
    size = 16 if device == 'cpu' else 256
    count = min(args.windows, args.frames)
    centres = np.linspace(0, args.frames - 1, count).astype(int).tolist()
    tasks: dict[str, tuple[Callable[[], Any], float]] = {}
    for chunk in (None, *args.chunks):
        model = localizer(encoder, width, chunk).to(device)
        way = 'one pass' if chunk is None else f'chunks of {chunk}'
        tasks[way] = (lambda m=model: predict(m, x)), 1.0
    networks = {'our encoder': model.backbone}
    if width == 64 and encoder in PLAIN:
        A = model.backbone.adjacency()
        networks['plain encoder'] = PLAIN[encoder](A).to(device).eval()
    for name, network in networks.items():
        channels = model.backbone.out_channels[-1]
        whole = WindowClassifier(network, channels, CLASSES + 1).to(device)
        tasks[f'window a frame, {name}'] = (
            (lambda w=whole: slide(w, x, centres, WINDOW, size)),
            args.frames / count,
        )
    predict(model, x[:, :WINDOW])
    found: dict[str, list[float]] = {way: [] for way in tasks}
    for turn in range(args.repeats + (device == 'cuda')):
        for way, (task, scale) in tasks.items():
            spent = seconds(task, device) * scale
            if turn >= (device == 'cuda'):  # its first turn plans kernels
                found[way].append(spent)
    return [
        dict(
            what='whole video',
            encoder=encoder,
            base_channels=width,
            frames=args.frames,
            persons=M,
            device=device,
            way=way,
            measured_windows=count if 'window' in way else None,
            seconds=statistics.median(times),
            lowest=min(times),
            highest=max(times),
        )
        for way, times in found.items()
    ]


def print_comparison(rows: list[dict]) -> None:
    """Time of each way, and how often faster than windows it is."""
    windows = [row for row in rows if 'window' in row['way']]
    for row in rows:
        line = (
            f'| {row["encoder"]} | {row["base_channels"]} | {row["way"]} | '
            f'{row["seconds"]:.2f} ({row["lowest"]:.2f} to '
            f'{row["highest"]:.2f}) |'
        )
        if row not in windows:
            ratios = [
                f'{other["seconds"] / row["seconds"]:.0f}' for other in windows
            ]
            line += f' {" / ".join(ratios)} |'
        print(line, flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--device', choices=('cpu', 'cuda'), default='cpu')
    parser.add_argument('--encoders', nargs='+', default=['AGCN', 'CTRGCN'])
    parser.add_argument('--widths', nargs='+', type=int, default=[16, 64])
    parser.add_argument('--frames', type=int, default=9000)
    parser.add_argument('--windows', type=int, default=128)
    parser.add_argument('--chunks', nargs='*', type=int, default=[512, 2048])
    parser.add_argument('--repeats', type=int, default=3)
    parser.add_argument('--quick', action='store_true', help='one turn')
    parser.add_argument('--json', type=Path)
    args = parser.parse_args()
    if args.quick:
        args.repeats, args.windows, args.chunks = 1, 32, args.chunks[-1:]
    rows = []
    print(
        f'{args.frames} frames, {M} persons, {args.device}; windows: '
        f'{args.windows} measured, scaled to {args.frames}\n'
        '| encoder | width | way | s (lowest to highest) | times faster than '
        'windows: our / plain encoder |\n|---|---|---|---|---|'
    )
    for encoder in args.encoders:
        for width in args.widths:
            found = in_child(lambda e=encoder, w=width: compare(e, w, args))
            print_comparison(found)
            rows += found
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1) + '\n')


if __name__ == '__main__':
    main()
