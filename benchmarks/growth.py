#!/usr/bin/env python
"""How time and memory grow with each size, as numbers and as a picture.

``python -m benchmarks.growth [--width 16] [--quick]`` varies one size at a
time, the others as in ``BASE``: frames in testing (the localizer, whole
video at once, and in chunks) and in training (the full pre-training step
with CTR-GCN), persons, joints, batch and queue in training. A straight line
through the logarithms of the larger half gives the exponent; 1 is linear.
Each point has a process of its own. Writes ``docs/images/growth.png`` and
``benchmarks/results/growth.json``.
"""

from __future__ import annotations

import argparse
import json
import logging
import statistics
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope

from benchmarks.process_memory import in_child
from benchmarks.rows import CLOCKS, machine, seconds, use_clock
from mmsnip.apis.memory import keep_freed_memory
from mmsnip.registry import MODELS

ROOT = Path(__file__).resolve().parents[1]
BASE = dict(N=2, M=2, T=64, V=25, K=4096)
CHUNK = 1024
WARM = dict(N=1, M=1, T=16, V=17, K=256)
SWEEPS: dict[str, tuple[str, str, list[int]]] = {
    'frames, testing': ('test', 'T', [64, 256, 1024, 4096, 9000, 18000]),
    'frames, in chunks': ('chunks', 'T', [64, 256, 1024, 4096, 9000, 18000]),
    'frames, training': ('train', 'T', [64, 128, 256, 512, 1024, 2048]),
    'persons': ('train', 'M', [1, 2, 3, 4]),
    'joints': ('train', 'V', [17, 25, 49, 67, 96, 133]),
    'batch': ('train', 'N', [1, 2, 4, 8, 16, 32]),
    'queue': ('train', 'K', [1024, 4096, 16384, 65536, 131072, 262144]),
}


def backbone(width: int, V: int, out_indices: Sequence[int]) -> dict:
    """CTR-GCN on a chain of V joints."""
    return dict(
        type='CTRGCN',
        graph_cfg=dict(layout=dict(parents=[-1, *range(V - 1)])),
        data_bn_type=None,
        base_channels=width,
        out_indices=out_indices,
    )


def score_video(
    sizes: dict, width: int, device: str, chunk_size: int | None = None
) -> Callable[[], Any]:
    """One video, scored whole or in overlapping chunks."""
    from mmaction.structures import ActionDataSample

    model = MODELS.build(
        dict(
            type='SkeletonLocalizer',
            backbone=backbone(width, sizes['V'], (3, 6, 9)),
            neck=dict(type='UShapeFusionNeck'),
            head=dict(type='FrameLocalizationHead', num_classes=51),
            test_cfg=dict(chunk_size=chunk_size),
        )
    )
    model = model.to(device).eval()
    x = torch.randn(
        1, sizes['M'], sizes['T'], sizes['V'], 3, device=device
    )

    def task() -> None:
        with torch.inference_mode():
            model(x, [ActionDataSample()], mode='predict')

    return task


def train_step(sizes: dict, width: int, device: str) -> Callable[[], Any]:
    """A step of pre-training with two views."""
    head = dict(queue_size=sizes['K'])
    model = MODELS.build(
        dict(
            type='SkeletonCLR',
            backbone=backbone(width, sizes['V'], (9,)),
            global_head=dict(type='GlobalContrastHead', **head),
            snippet_head=dict(
                type='SnippetContrastHead',
                num_snippets=sizes['T'] // 4,
                **head,
            ),
        )
    )
    model = model.to(device).train()
    optimizer = torch.optim.SGD(model.backbone.parameters(), lr=1e-3)
    shape = [sizes[key] for key in 'NMTV']
    views = [torch.randn(*shape, 3, device=device) for _ in range(2)]

    def task() -> None:
        optimizer.zero_grad()
        losses = model(views, mode='loss')
        (losses['loss_global'] + losses['loss_snippet']).backward()
        optimizer.step()

    return task


MAKERS = {
    'test': score_video,
    'chunks': partial(score_video, chunk_size=CHUNK),
    'train': train_step,
}


def resident(key: str) -> float:
    """Memory of this process, MiB."""
    lines = Path('/proc/self/status').read_text().splitlines()
    return next(int(row.split()[1]) / 1024 for row in lines if key in row)


def point(kind: str, sizes: dict, args: argparse.Namespace) -> list[float]:
    """Seconds, and MiB that model, queues, input and a call take."""
    MMLogger.get_current_instance().setLevel(logging.WARNING)
    init_default_scope('mmsnip')
    use_clock(args.clock)
    torch.manual_seed(0)
    make = MAKERS[kind]
    device = args.device
    make(WARM, args.width, device)()  # loads code, holds little
    on_gpu = torch.device(device).type == 'cuda'
    if on_gpu:
        torch.cuda.reset_peak_memory_stats()
    before = (
        torch.cuda.memory_allocated() / 2**20 if on_gpu else resident('VmRSS')
    )
    task = make(sizes, args.width, device)
    task()
    times = [seconds(task, device) for _ in range(args.repeats)]
    peak = (
        torch.cuda.max_memory_allocated() / 2**20
        if on_gpu
        else resident('VmHWM')
    )
    return [statistics.median(times), peak - before]


def exponent(sizes: Sequence[float], values: Sequence[float]) -> float:
    """Slope of the logarithms over the larger half."""
    kept = len(sizes) // 2
    x, y = np.log(sizes[kept - 1 :]), np.log(values[kept - 1 :])
    return float(np.polyfit(x, y, 1)[0])


def sweep(name: str, args: argparse.Namespace) -> dict[str, Any]:
    """All points of a size, and the exponents."""
    kind, key, values = SWEEPS[name]
    if args.quick:
        values = values[:3]
    found = []
    for value in values:
        sizes = {**BASE, key: value}
        if args.device == 'cpu':
            found.append(in_child(lambda s=sizes: point(kind, s, args)))
        else:  # a GPU's context does not survive a fork
            found.append(point(kind, sizes, args))
        print(
            f'{name:18} {key} = {value:6}: {found[-1][0]:8.3g} s, '
            f'{found[-1][1]:7.0f} MiB',
            flush=True,
        )
    times, memory = ([row[i] for row in found] for i in (0, 1))
    return dict(
        letter=key,
        sizes=values,
        seconds=times,
        mib=memory,
        time_exponent=exponent(values, times),
        memory_exponent=exponent(values, [max(m, 0.1) for m in memory]),
    )


def draw(found: dict[str, dict], path: Path) -> None:
    """Time and memory of each size, logarithmic."""
    import matplotlib

    matplotlib.use('Agg')
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(
        2, len(found), figsize=(3 * len(found), 6), squeeze=False
    )
    kinds = (('seconds', 's', 'time'), ('mib', 'MiB', 'memory'))
    for column, (name, data) in enumerate(found.items()):
        x = np.array(data['sizes'], float)
        for row, (key, unit, kind) in enumerate(kinds):
            ax, y = axes[row, column], np.array(data[key], float)
            slope = data[f'{kind}_exponent']
            ax.loglog(x, y, 'o-', color='C0', label=f'size^{slope:.2f}')
            last = y[-1] * x / x[-1]
            ax.loglog(x, last, ':', color='0.5', label='linear')
            ax.legend(frameon=False, fontsize=9)
            ax.grid(True, which='major', alpha=0.3)
            ax.set_xticks(x, [f'{int(v):,}' for v in x], fontsize=8)
            ax.tick_params(axis='x', rotation=45)
            ax.xaxis.set_minor_locator(pyplot.NullLocator())
            if row == 0:
                ax.set_title(name)
            if row == 1:
                ax.set_xlabel(data['letter'])
            if column == 0:
                ax.set_ylabel(f'{kind}, {unit}')
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def main() -> None:
    """Measure, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--device', default='cpu', choices=['cpu', 'cuda'])
    parser.add_argument('--width', type=int, default=16)
    parser.add_argument('--repeats', type=int, default=5)
    parser.add_argument('--quick', action='store_true')
    parser.add_argument('--clock', default='wall', choices=list(CLOCKS))
    parser.add_argument(
        '--only',
        nargs='+',
        default=list(SWEEPS),
        choices=list(SWEEPS),
        help='measure these, keep the others as they were',
    )
    parser.add_argument(
        '--picture', type=Path, default=ROOT / 'docs/images/growth.png'
    )
    parser.add_argument(
        '--json', type=Path, default=ROOT / 'benchmarks/results/growth.json'
    )
    args = parser.parse_args()
    keep_freed_memory()  # as the tools do
    found = {}
    if len(args.only) < len(SWEEPS) and args.json.exists():
        before = json.loads(args.json.read_text())['sweeps']
        found = {name: before[name] for name in SWEEPS if name in before}
    found.update((name, sweep(name, args)) for name in args.only)
    found = {name: found[name] for name in SWEEPS if name in found}
    for name, data in found.items():
        print(
            f'{name:18} time ~ {data["letter"]}^{data["time_exponent"]:.2f}, '
            f'memory ~ {data["letter"]}^{data["memory_exponent"]:.2f}'
        )
    use_clock(args.clock)
    content = dict(
        machine=machine(args.device),
        width=args.width,
        base=BASE,
        sweeps=found,
    )
    args.json.parent.mkdir(parents=True, exist_ok=True)
    args.json.write_text(json.dumps(content, indent=1) + '\n')
    draw(found, args.picture)


if __name__ == '__main__':
    main()
