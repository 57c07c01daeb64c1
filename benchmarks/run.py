#!/usr/bin/env python
"""Everything that is meant to be fast, against the yardsticks, in a table.

``python benchmarks/run.py [--device cuda] [--quick] [--only NAME ..]`` runs
each part in turns with its yardstick and prints medians and quartiles of the
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
from multiprocessing import get_context
from pathlib import Path
from types import SimpleNamespace

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
VIDEO_TARGET = 40.0


def long_video_rows(device: str, quick: bool) -> list[Row]:
    """A whole video at once against one window a frame."""
    from benchmarks.long_video import compare
    from benchmarks.process_memory import in_child
    from mmsnip.apis.memory import keep_freed_memory

    keep_freed_memory()  # as the tools do; both sides have it
    asked = SimpleNamespace(
        device=device,
        frames=1000 if quick else 9000,
        windows=16 if quick else 64,
        chunks=[] if quick else [2048],
        repeats=1 if quick else 3,
    )
    rows = []
    for encoder in ['AGCN'] if quick else ['AGCN', 'CTRGCN']:
        # A GPU's context does not survive a fork.
        work = lambda name=encoder: compare(name, 64, asked)  # noqa: E731
        found = in_child(work) if device == 'cpu' else work()
        (ours,) = (row for row in found if row['way'] == 'one pass')
        windows = [row for row in found if 'window' in row['way']]
        plain = next(
            (row for row in windows if 'plain' in row['way']), windows[0]
        )
        rows.append(
            Row(
                f'whole video against a window a frame, {encoder}',
                ours['seconds'],
                plain['seconds'],
                plain['seconds'] / ours['seconds'],
                plain['lowest'] / ours['highest'],
                plain['highest'] / ours['lowest'],
                VIDEO_TARGET,
                'python -m benchmarks.long_video',
                note=f'{asked.frames:,} frames, 2 persons, {plain["way"]}; '
                'extremes instead of quartiles',
            )
        )
    return rows


OWN = {'long_video': long_video_rows}
PARTS = ['encoders', 'pretrain_step', 'pipeline', 'evaluation', 'long_video']


def measure(name: str, device: str, quick: bool, clock: str) -> list[Row]:
    """Rows of a part; the others have none of this process."""
    MMLogger.get_current_instance().setLevel(logging.WARNING)
    use_clock(clock)
    if name in OWN:
        return OWN[name](device, quick)
    module = importlib.import_module(f'benchmarks.{name}')
    return module.rows(device, quick)


def run(
    names: list[str], device: str, quick: bool, clock: str = 'wall'
) -> tuple[list[Row], dict[str, str]]:
    """Measure some parts."""
    rows, missing = [], {}
    for name in names:
        print(f'{name} ..', file=sys.stderr, flush=True)
        try:
            with ProcessPoolExecutor(1, get_context('spawn')) as one:
                found = one.submit(
                    measure, name, device, quick, clock
                ).result()
        except (ImportError, AttributeError) as error:
            missing[name] = str(error)
            continue
        if not found:
            missing[name] = f'nothing to measure on {device}'
        rows += found
    return rows, missing


def text_of(content: dict) -> str:
    """Machine, table and what is missing, in Markdown."""
    facts = ', '.join(
        f'{key.replace("_", " ")} {value}'
        for key, value in content['machine'].items()
    )
    lines = [facts, '', table([Row(**row) for row in content['rows']])]
    for name, reason in content['missing'].items():
        lines.append(f'\nNo rows of {name}: {reason}.')
    return '\n'.join(lines)


def put_on_page(text: str, device: str, page: Path = PAGE) -> None:
    """Replace a device's table between its marks."""
    begin, end = f'<!-- {device}: begin -->', f'<!-- {device}: end -->'
    found = page.read_text(encoding='utf-8')
    pattern = re.escape(begin) + '.*?' + re.escape(end)
    new, count = re.subn(
        pattern,
        lambda _: f'{begin}\n{text}\n{end}',
        found,
        flags=re.DOTALL,
    )
    if count != 1:
        raise ValueError(f'{page}: needs {begin!r} and {end!r} once')
    page.write_text(new, encoding='utf-8')


def main(arguments: list[str] | None = None) -> list[Row]:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--device', default='cpu', choices=['cpu', 'cuda'])
    parser.add_argument('--quick', action='store_true', help='small sizes')
    parser.add_argument('--only', nargs='+', default=PARTS, choices=PARTS)
    parser.add_argument('--clock', default='wall', choices=list(CLOCKS))
    parser.add_argument('--json', type=Path, help='write the numbers here')
    parser.add_argument(
        '--write', action='store_true', help='keep them, show them on the page'
    )
    args = parser.parse_args(arguments)
    use_clock(args.clock)  # for what is said about the machine
    rows, missing = run(args.only, args.device, args.quick, args.clock)
    content = dict(
        machine=machine(args.device),
        quick=args.quick,
        rows=[row.as_dict() for row in rows],
        missing=missing,
    )
    print(text_of(content))
    paths = [args.json] if args.json else []
    if args.write:
        paths.append(RESULTS / f'{args.device}.json')
        put_on_page(text_of(content), args.device)
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, indent=1) + '\n')
    return rows


if __name__ == '__main__':
    main()
