#!/usr/bin/env python
"""The store against mmengine's serialized pickle and two other layouts.

``python benchmarks/store.py`` writes the same synthetic sequences (100 to 300
frames, one person of 25 joints, float16) in each layout into a temporary
folder, then measures them in turns: time to open, memory of processes that
read random windows, and 64-frame windows a second. Prints a table;
``benchmarks/NOTES.md`` has one with its command.
"""

from __future__ import annotations

import argparse
import pickle
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.dataset import BaseDataset
from mmengine.registry import init_default_scope
from process_memory import (
    drop_from_cache,
    in_child,
    memory_of_ranks,
    peak_while_opening,
)
from safetensors import safe_open
from safetensors.numpy import save_file

from mmsnip.io.store import SkeletonStore
from mmsnip.io.store_writer import write_store
from mmsnip.registry import DATASETS

V, C, WINDOW = 25, 3, 64
MIB = 2**20
NUM_LABELS = 60


def frames_of(count: int) -> np.ndarray:
    """T of each sequence, (count,)."""
    return np.random.default_rng(0).integers(100, 301, count)


def sequences(count: int) -> Any:
    """Entries of an annotation file, one after the other."""
    rng = np.random.default_rng(1)
    for i, T in enumerate(frames_of(count).tolist()):
        keypoint = rng.standard_normal((1, T, V, C), dtype=np.float32)
        yield dict(
            frame_dir=f'S{i:06}',
            total_frames=T,
            label=i % NUM_LABELS,
            keypoint=keypoint.astype(np.float16),
        )


class Serialized(BaseDataset):
    """mmengine's own data set on the pickle, nothing checked."""

    def load_data_list(self) -> list:
        """Entries of the pickle."""
        with open(self.ann_file, 'rb') as file:
            return pickle.load(file)['annotations']  # noqa: S301  (our own)


# Each layout: how it is written, opened, and how a window is read.


def write_pickle(path: Path, count: int) -> None:
    """One pickle, pyskl's layout."""
    annotations = list(sequences(count))
    with path.open('wb') as file:
        pickle.dump(dict(split={}, annotations=annotations), file, 4)


def write_flat(path: Path, count: int) -> None:
    """Our store."""
    classes = [f'class_{i}' for i in range(NUM_LABELS)]
    write_store(path, sequences(count), dict(classes=classes), None, 'float16')


def write_folder(path: Path, count: int) -> None:
    """One .npy a sequence."""
    path.mkdir()
    for i, entry in enumerate(sequences(count)):
        np.save(path / f'{i}.npy', entry['keypoint'])


def write_tensors(path: Path, count: int) -> None:
    """One safetensors file, one tensor a sequence."""
    save_file(
        {f'{i}': e['keypoint'] for i, e in enumerate(sequences(count))}, path
    )


def pickle_window(data: BaseDataset, i: int, start: int) -> np.ndarray:
    """Window of a serialized pickle."""
    return data.get_data_info(i)['keypoint'][:, start : start + WINDOW]


def flat_window(data: SkeletonStore, i: int, start: int) -> np.ndarray:
    """Window of a store."""
    return data.keypoint(i, start, start + WINDOW)


def folder_window(data: str, i: int, start: int) -> np.ndarray:
    """Window of a folder."""
    array = np.load(f'{data}/{i}.npy', mmap_mode='r')
    return array[:, start : start + WINDOW]


def tensors_window(data: Any, i: int, start: int) -> np.ndarray:
    """Window of a file of many tensors."""
    return data.get_slice(f'{i}')[:, start : start + WINDOW]


LAYOUTS: dict[str, tuple[str, Callable, Callable, Callable]] = {
    'mmengine pickle': (
        'toy.pkl',
        write_pickle,
        lambda path: Serialized(ann_file=str(path)),
        pickle_window,
    ),
    'store': ('flat.safetensors', write_flat, SkeletonStore, flat_window),
    '.npy folder': ('npy', write_folder, str, folder_window),
    'tensor a video': (
        'many.safetensors',
        write_tensors,
        lambda path: safe_open(str(path), framework='np'),
        tensors_window,
    ),
}


def read_windows(
    data: Any, window: Callable, frames: np.ndarray, count: int, seed: int
) -> float:
    """Seconds for random windows, each copied to float32."""
    rng = np.random.default_rng(seed)
    videos = rng.integers(len(frames), size=count)
    starts = rng.integers(frames[videos] - WINDOW + 1).tolist()
    begin = time.perf_counter()
    for i, start in zip(videos.tolist(), starts):
        np.array(window(data, i, start), np.float32)
    return time.perf_counter() - begin


def measure(
    path: Path,
    opener: Callable,
    window: Callable,
    frames: np.ndarray,
    count: int,
    seed: int,
) -> dict[str, Any]:
    """One turn of a layout."""

    def speed() -> tuple[float, float]:
        begin = time.perf_counter()
        data = opener(path)
        opened = time.perf_counter() - begin
        read_windows(data, window, frames, count, seed)
        warm = read_windows(data, window, frames, count, seed)
        return opened, count / warm

    def cold() -> float:
        begin = time.perf_counter()
        read_windows(opener(path), window, frames, 1000, seed)
        return time.perf_counter() - begin

    def read(data: Any, worker: int) -> None:
        read_windows(data, window, frames, count, worker)

    def memory(ranks: int, workers: int, trim: bool = True) -> np.ndarray:
        some = (ranks, workers, trim)
        empty = memory_of_ranks(lambda: 0, lambda *_: None, *some)
        return memory_of_ranks(lambda: opener(path), read, *some) - empty

    drop_from_cache(path)
    cold_s = in_child(cold)
    opened, warm = in_child(speed)
    return dict(
        open_ms=1e3 * opened,
        cold_s=cold_s,
        warm=warm,
        peak=in_child(lambda: peak_while_opening(lambda: opener(path))),
        one=memory(1, 1),
        eight=memory(1, 8),
        ranks=memory(2, 4),
        untrimmed=memory(2, 4, trim=False),
    )


def dataset_times(path: Path, count: int) -> tuple[float, float]:
    """Seconds to build our data set on a file, and samples a second."""
    pipeline = [
        dict(type='RandomWindow', size=WINDOW),
        dict(type='FormatSkeleton'),
        dict(type='PackSkeletonInputs'),
    ]
    begin = time.perf_counter()
    dataset = DATASETS.build(
        dict(
            type='SkeletonLocalizationDataset',
            ann_file=str(path),
            pipeline=pipeline,
        )
    )
    built = time.perf_counter() - begin
    order = np.random.default_rng(0).integers(len(dataset), size=count)
    begin = time.perf_counter()
    for i in order.tolist():
        dataset[i]
    return built, count / (time.perf_counter() - begin)


def main() -> None:
    """Write, measure in turns, print medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--sequences', type=int, default=20_000)
    parser.add_argument('--windows', type=int, default=5000)
    parser.add_argument('--repeats', type=int, default=5)
    parser.add_argument('--folder', help='where to write; default: temporary')
    parser.add_argument('--quick', action='store_true', help='1,000, once')
    args = parser.parse_args()
    if args.quick:
        args.sequences, args.windows, args.repeats = 1000, 500, 1
    init_default_scope('mmsnip')
    frames = frames_of(args.sequences)
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        paths = {}
        for name, (file, write, _, _) in LAYOUTS.items():
            paths[name] = Path(folder, file)
            in_child(lambda w=write, p=paths[name]: w(p, args.sequences))
        size = paths['store'].stat().st_size / MIB
        print(
            f'{args.sequences} sequences, {frames.sum()} frames, {size:.0f} '
            f'MiB as a store; medians of {args.repeats} turns'
        )
        turns: dict[str, list] = {name: [] for name in LAYOUTS}
        for seed in range(args.repeats):
            for name, (_, _, opener, window) in LAYOUTS.items():
                turns[name].append(
                    measure(
                        paths[name], opener, window, frames, args.windows, seed
                    )
                )
        print_layouts(turns)
        print('\n| our data set on | built, s | samples/s |\n|---|---|---|')
        for name in ('mmengine pickle', 'store'):
            task = [
                in_child(lambda n=name: dataset_times(paths[n], args.windows))
                for _ in range(args.repeats)
            ]
            built, rate = np.median(task, axis=0)
            print(f'| {paths[name].suffix} | {built:.2f} | {rate:.0f} |')


def print_layouts(turns: dict[str, list]) -> None:
    """The table of the layouts."""
    columns = (
        'layout',
        'open, ms',
        'peak while opening, MiB',
        '1 worker: PSS (anonymous; USS), MiB',
        '8 workers',
        '2 ranks x 4 workers',
        'the same, freed memory kept',
        'windows/s',
        'cold: open + 1,000 windows, s',
    )
    print(f'\n| {" | ".join(columns)} |\n{"|---" * len(columns)}|')
    for name, rows in turns.items():

        def median(key: str, rows: list = rows) -> float:
            return statistics.median(row[key] for row in rows)

        def memory(key: str, rows: list = rows) -> str:
            pss, anonymous, private = np.median([r[key] for r in rows], axis=0)
            return f'{pss:.0f} ({anonymous:.0f}; {private:.0f})'

        print(
            f'| {name} | {median("open_ms"):.2f} | {median("peak"):.0f} | '
            f'{memory("one")} | {memory("eight")} | {memory("ranks")} | '
            f'{memory("untrimmed")} | {median("warm"):.0f} | '
            f'{median("cold_s"):.2f} |'
        )


if __name__ == '__main__':
    main()
