#!/usr/bin/env python
"""What is meant to be fast, ours against a plain yardstick, in a table.

``python benchmarks/run.py [--device cuda] [--quick] [--only NAME ..]`` runs
each part in turns with its yardstick and prints medians, and quartiles of the
ratios. ``--write`` keeps them in ``benchmarks/results`` and puts the table on
``docs/speed.md``. ``--clock cpu`` counts processor time of one thread, for
machines that other work shares.
"""

from __future__ import annotations

import argparse
import importlib
import json
import logging
import re
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path

from mmengine.logging import MMLogger

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.rows import (  # noqa: E402
    CLOCKS,
    Row,
    machine,
    table,
    use_clock,
)

PAGE = ROOT / 'docs' / 'speed.md'
RESULTS = ROOT / 'benchmarks' / 'results'
PARTS = ['encoders', 'pretrain_step', 'pipeline', 'evaluation', 'long_video']


def measure(name: str, device: str, quick: bool, clock: str) -> list[Row]:
    """Rows of a part, in a process of its own."""
    MMLogger.get_current_instance().setLevel(logging.WARNING)
    use_clock(clock)
    module = importlib.import_module(f'benchmarks.{name}')
    return module.rows(device, quick)


def text_of(facts: dict, rows: list[Row]) -> str:
    """Machine and table, in Markdown."""
    pairs = (f'{key.replace("_", " ")} {facts[key]}' for key in facts)
    return f'{", ".join(pairs)}\n\n{table(rows)}'


def put_on_page(text: str, device: str, page: Path = PAGE) -> None:
    """Replace a device's table between its marks."""
    begin, end = f'<!-- {device}: begin -->', f'<!-- {device}: end -->'
    new, count = re.subn(
        f'{re.escape(begin)}.*?{re.escape(end)}',
        lambda _: f'{begin}\n{text}\n{end}',
        page.read_text(encoding='utf-8'),
        flags=re.DOTALL,
    )
    if count != 1:
        raise ValueError(f'{page}: needs {begin!r} and {end!r} once')
    page.write_text(new, encoding='utf-8')


def main(words: list[str] | None = None) -> list[Row]:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--device', default='cpu', choices=['cpu', 'cuda'])
    parser.add_argument('--quick', action='store_true', help='small sizes')
    parser.add_argument('--only', nargs='+', default=PARTS, choices=PARTS)
    parser.add_argument('--clock', default='wall', choices=list(CLOCKS))
    parser.add_argument(
        '--write', action='store_true', help='keep them, show them on the page'
    )
    args = parser.parse_args(words)
    rows: list[Row] = []
    for name in args.only:
        print(f'{name} ..', file=sys.stderr, flush=True)
        with ProcessPoolExecutor(1, get_context('spawn')) as one:
            rows += one.submit(
                measure, name, args.device, args.quick, args.clock
            ).result()
    facts = machine(args.clock)
    print(text_of(facts, rows))
    if args.write:
        put_on_page(text_of(facts, rows), args.device)
        content = dict(
            machine=facts, quick=args.quick, rows=[asdict(r) for r in rows]
        )
        path = RESULTS / f'{args.device}.json'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, indent=1) + '\n')
    return rows


if __name__ == '__main__':
    main()
