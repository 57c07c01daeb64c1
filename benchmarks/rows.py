"""Rows of the table: ours against the yardstick, in turns."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch


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
    command: str
    unit: str = 's'
    note: str = ''

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


def row_of(
    name: str,
    ours: Sequence[float],
    plain: Sequence[float],
    target: float,
    command: str,
    unit: str = 's',
    note: str = '',
) -> Row:
    """Row of paired measurements."""
    ratios = sorted(b / a for a, b in zip(ours, plain))
    if len(ratios) == 1:
        ratios = 2 * ratios
    low, ratio, high = statistics.quantiles(ratios, n=4, method='inclusive')
    return Row(
        name,
        statistics.median(ours),
        statistics.median(plain),
        ratio,
        low,
        high,
        target,
        command,
        unit,
        note,
    )


def synchronize(device: str) -> None:
    """Wait until the device is done; CPU calls are done when they return."""
    if torch.device(device).type == 'cuda':
        torch.cuda.synchronize()


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
    synchronize(device)
    start = read()
    task()
    synchronize(device)
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


def machine(device: str = 'cpu') -> dict[str, Any]:
    """What the numbers were measured on; no names of hosts or folders."""
    found: dict[str, Any] = dict(
        cpu=platform.machine(),
        cores=len(os.sched_getaffinity(0)),
        threads=torch.get_num_threads(),
        clock=_clock[0],
        memory_GiB=round(
            os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30
        ),
        system=platform.system(),
        python=platform.python_version(),
        torch=torch.__version__,
    )
    cpuinfo = Path('/proc/cpuinfo')
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith('model name'):
                found['cpu'] = line.split(':', 1)[1].strip()
                break
    if torch.device(device).type == 'cuda':
        found['gpu'] = torch.cuda.get_device_name()
        found['cuda'] = torch.version.cuda
    return found


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
