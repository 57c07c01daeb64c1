#!/usr/bin/env python
"""Views of a sequence a second and core, and where a sample's time goes.

``python -m benchmarks.pipeline [--quick] [--json FILE]``, from the root of
the checkout, makes two weak views and a strong one of a 300-frame sequence
by the config of AimCLR on BABEL and by the yardstick, in turns, and prints
their ratio. Then it goes through whole samples of that config and of
RVTCLR's, from the annotation file to the batch, stage by stage.
Set OMP_NUM_THREADS=1: it is about one core.
"""

from __future__ import annotations

import argparse
import json
import pickle
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from benchmarks.plain.pipeline import three_views
from benchmarks.rows import Row, in_turns, machine, row_of, seconds, table
from mmsnip.datasets.collate import pad_collate
from mmsnip.datasets.sampling import Visit
from mmsnip.registry import DATASETS, TRANSFORMS
from mmsnip.skeleton.layout import get_layout

T, V, C = 300, 25, 3
CONFIGS = Path(__file__).resolve().parents[1] / 'configs' / 'snippet'
COMMAND = 'python -m benchmarks.pipeline'
TARGET = 5.0
TRIPLES = 20  # a turn: enough that each coin falls either way
BATCH = 128


def config_of(host: str) -> Config:
    """Pre-training of that host on BABEL."""
    return Config.fromfile(CONFIGS / f'{host}_agcn_1xb128_600e_babel.py')


def our_triples(motion: np.ndarray) -> Callable[[], None]:
    """A turn of triples as AimCLR's config makes them."""
    init_default_scope('mmsnip')
    steps = config_of('aimclr').train_pipeline
    views = TRANSFORMS.build(
        next(step for step in steps if step['type'] == 'MultiView')
    )
    mask = np.ones(motion.shape[:2], dtype=bool)
    frames = np.arange(motion.shape[1])
    layout = get_layout('nturgb+d')
    rng = np.random.default_rng(0)

    def turn() -> None:
        for _ in range(TRIPLES):
            views.transform(
                dict(
                    keypoint=motion,
                    body_mask=mask,
                    frame_index=frames,
                    num_coords=C,
                    layout=layout,
                    rng=rng,
                )
            )

    return turn


def plain_triples(motion: np.ndarray) -> Callable[[], None]:
    """A turn of triples as the yardstick makes them."""
    x = np.ascontiguousarray(motion.transpose(3, 1, 2, 0))
    rng = np.random.default_rng(0)

    def turn() -> None:
        for _ in range(TRIPLES):
            three_views(x, rng)

    return turn


def rows(device: str = 'cpu', quick: bool = False) -> list[Row]:
    """One and two persons."""
    if torch.device(device).type != 'cpu':
        return []
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    found = []
    for M in (1, 2):
        rng = np.random.default_rng(M)
        motion = rng.standard_normal((M, T, V, C), dtype=np.float32)
        tasks = [our_triples(motion), plain_triples(motion)]
        times = in_turns(tasks, 7 if quick else 61)
        each = [[time / TRIPLES for time in turns] for turns in times]
        rates = ' and '.join(
            f'{1 / statistics.median(turns):.0f}' for turns in reversed(each)
        )
        found.append(
            row_of(
                f'one strong and two weak views, M = {M}',
                *each,
                TARGET,
                COMMAND,
                note=f'T = {T}, V = {V}; {rates} triples/s and core',
            )
        )
    torch.set_num_threads(threads)
    return found


def write_annotations(path: Path, count: int) -> None:
    """An annotation file of random motion, one person, three segments."""
    rng = np.random.default_rng(0)
    annotations = [
        dict(
            frame_dir=f'video_{n}',
            total_frames=T,
            keypoint=rng.standard_normal((1, T, V, C), dtype=np.float32),
            segments=np.sort(rng.choice(T, 6, replace=False)).reshape(3, 2),
            segment_labels=rng.integers(0, 4, 3),
        )
        for n in range(count)
    ]
    names = [annotation['frame_dir'] for annotation in annotations]
    data = dict(
        annotations=annotations,
        split=dict(train=names),
        metainfo=dict(layout='nturgb+d', classes=list('abcd'), fps=30.0),
    )
    with path.open('wb') as file:
        pickle.dump(data, file)


def stages(host: str, path: Path, turns: int) -> dict[str, float]:
    """Microseconds a sample that each stage takes."""
    init_default_scope('mmsnip')
    config = config_of(host).train_dataloader.dataset
    config.ann_file = str(path)
    dataset = DATASETS.build(config)
    steps = dataset.pipeline.transforms
    names = ['record', *(type(step).__name__ for step in steps), 'collate']
    taken: dict[str, list[float]] = {name: [] for name in names}
    for epoch in range(turns):
        samples: list[Any] = []

        def read(samples: list = samples, epoch: int = epoch) -> None:
            samples += [
                dataset.get_data_info(Visit(n, epoch, 0))
                for n in range(len(dataset))
            ]

        taken['record'].append(seconds(read))
        for name, step in zip(names[1:], steps):

            def each(step: Callable = step, samples: list = samples) -> None:
                samples[:] = [step(sample) for sample in samples]

            taken[name].append(seconds(each))
        taken['collate'].append(
            seconds(lambda samples=samples: pad_collate(samples))
        )
    found = {
        name: statistics.median(times) / len(dataset) * 1e6
        for name, times in taken.items()
    }
    found['total'] = sum(found.values())
    return found


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--quick', action='store_true')
    parser.add_argument('--json', help='file for the numbers')
    args = parser.parse_args()
    torch.set_num_threads(1)
    found = rows(quick=args.quick)
    print(table(found))
    parts = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / 'motion.pkl'
        write_annotations(path, BATCH)
        for host in ('aimclr', 'rvtclr'):
            parts[host] = stages(host, path, 3 if args.quick else 21)
    print('\n| microseconds a sample | aimclr | rvtclr |\n|---|---|---|')
    for name in {**parts['rvtclr'], **parts['aimclr']}:
        cells = [parts[host].get(name) for host in ('aimclr', 'rvtclr')]
        shown = ['-' if cell is None else f'{cell:.0f}' for cell in cells]
        print(f'| {name} | {" | ".join(shown)} |')
    if args.json:
        numbers = dict(
            machine=machine(),
            rows=[row.as_dict() for row in found],
            stages_us=parts,
        )
        Path(args.json).write_text(json.dumps(numbers, indent=2) + '\n')


if __name__ == '__main__':
    main()
