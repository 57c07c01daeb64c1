#!/usr/bin/env python
"""Pre-training throughput of one process and of several.

``python -m benchmarks.scaling [--processes 2] [--device cuda]``: the full
snippet step (two views, CTR-GCN, queues of 32,768) in DDP, the same batch a
process, one thread a process on the CPU (gloo), one GPU a process otherwise
(nccl). Prints samples a second and the efficiency, throughput over that of
one process times their number; on the CPU also one process with a thread
for each of them, which is what two processes on one host compete with.
"""

from __future__ import annotations

import argparse
import json
import logging
import socket
import statistics
import tempfile
import time
from pathlib import Path

import torch
from mmengine.logging import MMLogger
from mmengine.model import MMDistributedDataParallel
from mmengine.optim import OptimWrapper
from torch import distributed, multiprocessing, nn

from benchmarks.pretrain_step import SIZES, M, V, make_views, ours
from benchmarks.rows import machine, synchronize

ENCODER = 'ctrgcn'


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(('127.0.0.1', 0))
        return int(listener.getsockname()[1])


def batch(N: int, T: int, rank: int, device: str) -> dict:
    """What the loader hands to a step, everybody there."""
    views = [view + rank for view in make_views(2, N, T, device)]
    return dict(
        inputs=views,
        body_mask=[
            torch.ones(N, M, T, dtype=torch.bool, device=device) for _ in views
        ],
        num_frames=[torch.full((N,), T, device=device) for _ in views],
        data_samples=[None] * N,
    )


def worker(
    rank: int,
    processes: int,
    port: int,
    threads: int,
    args: argparse.Namespace,
    folder: str,
) -> None:
    """Join, train, and write the seconds of each step."""
    MMLogger.get_current_instance().setLevel(logging.WARNING)
    device = 'cpu' if args.device == 'cpu' else f'cuda:{rank}'
    torch.set_num_threads(threads)
    if device != 'cpu':
        torch.cuda.set_device(rank)
    distributed.init_process_group(
        'gloo' if device == 'cpu' else 'nccl',
        init_method=f'tcp://127.0.0.1:{port}',
        rank=rank,
        world_size=processes,
    )
    torch.manual_seed(0)
    model: nn.Module = ours(ENCODER, 2, args.queue).to(device)
    if processes > 1:
        model = MMDistributedDataParallel(
            model,
            device_ids=None if device == 'cpu' else [rank],
            broadcast_buffers=False,
        )
    optimizer = OptimWrapper(
        torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)
    )
    data = batch(args.batch, SIZES[ENCODER][0], rank, device)
    times = []
    for step in range(args.steps + 1):
        distributed.barrier()
        synchronize(device)
        start = time.perf_counter()
        model.train_step(data, optimizer)
        distributed.barrier()
        synchronize(device)
        if step:  # the first one warms up
            times.append(time.perf_counter() - start)
    if rank == 0:
        (Path(folder) / 'times.json').write_text(json.dumps(times))
    distributed.destroy_process_group()


def measure(
    processes: int, threads: int, args: argparse.Namespace
) -> dict[str, float]:
    """Throughput of some processes."""
    with tempfile.TemporaryDirectory() as folder:
        multiprocessing.spawn(
            worker,
            (processes, free_port(), threads, args, folder),
            nprocs=processes,
        )
        times = json.loads((Path(folder) / 'times.json').read_text())
    rates = sorted(processes * args.batch / value for value in times)
    low, _, high = statistics.quantiles(rates, n=4, method='inclusive')
    return dict(
        processes=processes,
        threads=threads,
        samples_per_s=statistics.median(rates),
        low=low,
        high=high,
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--device', default='cpu', choices=['cpu', 'cuda'])
    parser.add_argument('--processes', type=int, default=2)
    parser.add_argument('--batch', type=int, default=4, help='of a process')
    parser.add_argument('--steps', type=int, default=8)
    parser.add_argument('--queue', type=int, default=32768)
    parser.add_argument('--json', type=Path)
    args = parser.parse_args()
    if args.steps < 2:
        parser.error('--steps: two or more, for quartiles')
    if args.device == 'cuda':
        args.processes = min(args.processes, torch.cuda.device_count())
    cases = [(1, 1), (args.processes, 1)]
    if args.device == 'cpu' and args.processes > 1:
        cases.append((1, args.processes))
    print(
        f'samples of two views of {SIZES[ENCODER][0]} frames, {M} persons, '
        f'{V} joints; batch {args.batch} a process\n'
        '| processes | threads each | samples/s (quartiles) | efficiency |\n'
        '|---|---|---|---|'
    )
    found = []
    for processes, threads in cases:
        row = measure(processes, threads, args)
        found.append(row)
        share = row['samples_per_s'] / found[0]['samples_per_s']
        row['efficiency'] = share / max(processes, threads)
        print(
            f'| {processes} | {threads} | {row["samples_per_s"]:.3g} '
            f'({row["low"]:.3g} .. {row["high"]:.3g}) | '
            f'{100 * row["efficiency"]:.0f} % |',
            flush=True,
        )
    if args.json:
        content = dict(machine=machine(args.device), rows=found)
        args.json.write_text(json.dumps(content, indent=1) + '\n')


if __name__ == '__main__':
    main()
