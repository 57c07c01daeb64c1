#!/usr/bin/env python
"""Training step and peak memory of the encoders against the yardsticks.

``python -m benchmarks.encoders [--device cuda] [--quick]``: forward, backward
and SGD. Both sides hold the same weights, which is checked before anything is
timed. Memory is the peak of two steps above what was there before: resident
size of a process of its own on a CPU, PyTorch's count on a GPU. There ours
recomputes blocks (``with_cp``); what that costs in time is a row, too.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from benchmarks.plain import PlainAGCN, PlainCTRGCN
from benchmarks.process_memory import resident
from benchmarks.rows import Row, in_turns, row_of, table, use_clock
from mmsnip.models import AGCN, CTRGCN, load_official_state_dict

ROOT = Path(__file__).resolve().parents[1]
COMMAND = 'python -m benchmarks.encoders'
TARGETS = {
    'cpu': {'ctrgcn': 1.6, 'agcn': 0.0, 'memory': 1 / 0.6},
    'cuda': {'ctrgcn': 3.0, 'agcn': 2.5, 'memory': 2.0, 'compiled': 5.0},
}
NAMES = {'ctrgcn': 'CTR-GCN', 'agcn': 'AGCN'}


class Case(NamedTuple):
    """A network and the size of its input."""

    encoder: str
    N: int
    M: int
    T: int

    @property
    def note(self) -> str:
        """Sizes, for the table."""
        return f'batch {self.N}, M = {self.M}, T = {self.T}'


CASES = [
    Case('ctrgcn', 8, 2, 64),
    Case('ctrgcn', 64, 2, 64),
    Case('agcn', 8, 1, 150),
    Case('agcn', 16, 1, 150),
]
QUICK = [Case('ctrgcn', 2, 2, 32)]


def sides(encoder: str, device: str) -> dict[str, nn.Module]:
    """The yardstick, ours and ours with recomputation, of equal weights."""
    torch.manual_seed(0)
    layout = dict(layout='nturgb+d')
    ours: list[CTRGCN | AGCN]
    if encoder == 'ctrgcn':
        ours = [CTRGCN(layout, with_cp=cp) for cp in (False, True)]
        plain: nn.Module = PlainCTRGCN(ours[0].adjacency())
    else:
        ours = [
            AGCN(layout, out_indices=(9,), with_cp=cp) for cp in (False, True)
        ]
        plain = PlainAGCN(ours[0].adjacency())
    for name, value in plain.named_parameters():
        if name.endswith('alpha'):
            nn.init.constant_(value, 0.5)  # 0 leaves the refinement out
    published = {}
    for name, value in plain.state_dict().items():
        if name.startswith('blocks.'):
            _, index, rest = name.split('.', 2)
            name = f'l{int(index) + 1}.{rest}'
        published[name] = value
    for model in ours:
        load_official_state_dict(model, published, encoder)
    if encoder == 'agcn':
        # Published weights come with the published graph.
        for block in plain.blocks:
            block.gcn1.A.copy_(ours[0].blocks[0].gcn1.A)
    models = dict(plain=plain, ours=ours[0], with_cp=ours[1])
    return {side: model.to(device).train() for side, model in models.items()}


def encode(model: nn.Module, x: Tensor) -> Tensor:
    """The last stage, (N, M, C, T, V)."""
    y = model(x)
    return y[0] if isinstance(y, tuple) else y


def train_step(
    model: nn.Module, x: Tensor, amp: torch.dtype | None = None
) -> Callable[[], None]:
    """A step of SGD on the mean square of the last stage."""
    optimizer = torch.optim.SGD(model.parameters(), 1e-3, momentum=0.9)
    kind = x.device.type

    def step() -> None:
        optimizer.zero_grad()
        with torch.autocast(kind, amp) if amp else nullcontext():
            y = encode(model, x)
        y.float().square().mean().backward()
        optimizer.step()

    return step


def check_equal(models: dict[str, nn.Module], x: Tensor) -> None:
    """Refuse to time networks that compute something else."""
    with torch.no_grad():
        found = {side: encode(model, x) for side, model in models.items()}
    scale = found['plain'].abs().max()
    for side, y in found.items():
        apart = float((y - found['plain']).abs().max() / scale)
        if apart > 1e-4:
            raise RuntimeError(
                f"'{side}' differs from the yardstick by {apart:.1e} of its "
                'largest output; there is nothing to compare'
            )


def time_rows(case: Case, device: str, turns: int) -> list[Row]:
    """Steps in turns: ours, and on a GPU ours compiled in bfloat16."""
    models = sides(case.encoder, device)
    x = torch.randn(case.N, case.M, case.T, 25, 3, device=device)
    check_equal(models, x[:2])
    targets = TARGETS[device]
    steps = {side: train_step(model, x) for side, model in models.items()}
    wanted = {
        'ours': ('training step', targets[case.encoder]),
        'with_cp': ('training step, recomputing blocks', 0.0),
    }
    if device == 'cuda':
        compiled = torch.compile(models['ours'])
        steps['compiled'] = train_step(compiled, x, torch.bfloat16)
        wanted['compiled'] = (
            'training step, ours in bf16 and compiled',
            targets['compiled'] if case.encoder == 'ctrgcn' else 0.0,
        )
    warmup = 1 if device == 'cpu' else 3
    times = in_turns(list(steps.values()), turns, device, warmup)
    of = dict(zip(steps, times))
    return [
        row_of(
            f'{NAMES[case.encoder]}: {name}',
            of[side],
            of['plain'],
            target,
            COMMAND,
            note=case.note,
        )
        for side, (name, target) in wanted.items()
    ]


def peak_memory(case: Case, side: str, device: str) -> float:
    """Peak of two steps above what was there before, MiB."""
    model = sides(case.encoder, device)[side]
    x = torch.randn(case.N, case.M, case.T, 25, 3, device=device)
    step = train_step(model, x)
    if device == 'cuda':
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        step()
        step()
        return (torch.cuda.max_memory_allocated() - before) / 2**20
    before = resident('VmRSS')
    step()
    step()
    return resident('VmHWM') - before


def memory_row(case: Case, device: str, turns: int = 1) -> Row:
    """Peak memory, each side and turn in a process of its own.

    Where a heap has its holes differs from run to run.
    """
    found: dict[str, list[float]] = {'plain': [], 'with_cp': []}
    for _ in range(turns):
        for side, peaks in found.items():
            command = [sys.executable, '-m', 'benchmarks.encoders']
            command += ['--device', device, '--memory-of', side]
            command += [case.encoder, *map(str, case[1:])]
            done = subprocess.run(
                command, capture_output=True, check=True, text=True, cwd=ROOT
            )
            peaks.append(float(done.stdout.split()[-1]))
    return row_of(
        f'{NAMES[case.encoder]}: peak training memory, recomputing blocks',
        found['with_cp'],
        found['plain'],
        TARGETS[device]['memory'],
        COMMAND,
        'MiB',
        case.note,
    )


def rows(device: str = 'cpu', quick: bool = False) -> list[Row]:
    """Times and memory of both encoders."""
    found = []
    for case in QUICK if quick else CASES:
        large = case.N >= 64 and device == 'cpu'
        turns = 2 if quick or large else 7
        found += time_rows(case, device, turns)
        found.append(memory_row(case, device, 1 if quick or large else 5))
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--device', default='cpu', choices=['cpu', 'cuda'])
    parser.add_argument('--quick', action='store_true')
    parser.add_argument('--clock', default='wall', choices=['wall', 'cpu'])
    parser.add_argument('--memory-of', nargs=5, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.memory_of:
        side, encoder, *sizes = args.memory_of
        case = Case(encoder, *map(int, sizes))
        print(peak_memory(case, side, args.device))
        return
    use_clock(args.clock)
    print(table(rows(args.device, args.quick)))


if __name__ == '__main__':
    main()
