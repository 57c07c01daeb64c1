"""Rows of the table: ours against the yardstick, in turns."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from experiments.rows import machine_words


@dataclass
class Row:
    """One comparison."""

    name: str
    ours: float
    plain: float
    ratio: float
    low: float
    high: float
    target: float
    unit: str = 's'
    note: str = ''


def row_of(
    name: str,
    ours: Sequence[float],
    plain: Sequence[float],
    target: float,
    unit: str = 's',
    note: str = '',
) -> Row:
    """Row of paired measurements; the target is the ratio asked for, or 0."""
    ratios = sorted(b / a for a, b in zip(ours, plain))
    if len(ratios) == 1:
        ratios = 2 * ratios
    low, ratio, high = statistics.quantiles(ratios, n=4, method='inclusive')
    medians = statistics.median(ours), statistics.median(plain)
    return Row(name, *medians, ratio, low, high, target, unit, note)


# What `seconds` reads. On a machine that other work shares,
# ``time.process_time`` with one thread counts only what is our own.
CLOCKS = {'wall': time.perf_counter, 'cpu': time.process_time}
_clock = ['wall']


def use_clock(name: str) -> None:
    """Choose what `seconds` reads."""
    _clock[0] = name
    if name == 'cpu':
        torch.set_num_threads(1)


def seconds(task: Callable[[], Any], device: str = 'cpu') -> float:
    """Time of one call, the device's work included."""
    read = CLOCKS[_clock[0]]
    wait = torch.cuda.synchronize if device == 'cuda' else lambda: None
    wait()
    start = read()
    task()
    wait()
    return read() - start


def in_turns(
    tasks: Sequence[Callable[[], Any]],
    turns: int,
    device: str = 'cpu',
    warmup: int = 1,
) -> list[list[float]]:
    """Times of several tasks, each turn all of them.

    Every second turn goes through them backwards, so that none is always
    the one after another's garbage.
    """
    for task in tasks:
        for _ in range(warmup):
            seconds(task, device)
    times: list[list[float]] = [[] for _ in tasks]
    order = list(range(len(tasks)))
    for turn in range(turns):
        for i in order if turn % 2 == 0 else reversed(order):
            times[i].append(seconds(tasks[i], device))
    return times


def machine(clock: str) -> dict[str, Any]:
    """What the numbers were measured on; no names of hosts or folders."""
    pages = os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES')
    return dict(
        processor=machine_words(),
        threads=1 if clock == 'cpu' else torch.get_num_threads(),
        clock=clock,
        memory_GiB=round(pages / 2**30),
        python=platform.python_version(),
        torch=torch.__version__,
    )


def table(rows: Sequence[Row]) -> str:
    """Markdown table of rows."""
    lines = [
        '| what | plain | ours | ratio (quartiles) | target | met |',
        '|---|---|---|---|---|---|',
    ]
    for row in rows:
        note = f' ({row.note})' if row.note else ''
        met = 'yes' if row.ratio >= row.target else 'no'
        target = f'{row.target:.3g}' if row.target else ''
        lines.append(
            f'| {row.name}{note} | {amount(row.plain, row.unit)} | '
            f'{amount(row.ours, row.unit)} | {row.ratio:.3g} '
            f'({row.low:.3g} .. {row.high:.3g}) | {target} | '
            f'{met if target else ""} |'
        )
    return '\n'.join(lines)


def amount(value: float, unit: str) -> str:
    """A measurement to three digits."""
    if unit == 's' and value < 1:
        return f'{value * 1e3:.3g} ms'
    return f'{value:.3g} {unit}'
