#!/usr/bin/env python
"""Write tables and pictures out of the rows: ``python experiments/table.py``.

Every declared table, list of targets and plot has a marked place in its pages,
``<!-- experiments: NAME begin -->`` and ``<!-- experiments: NAME end -->``;
what lies between is written from ``experiments/results/rows.jsonl`` alone.
``--check`` writes nothing and exits with 1 where a page or picture differs
from what the rows say. ``--print`` shows the tables and touches no page.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

# Run as a file, it would see its own folder alone.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from experiments.declaration import Declaration, DeclarationError, load_runs
from experiments.pages import PageError, fill_place, place_text, places_in
from experiments.plots import (
    draw_plot,
    plot_digest,
    plot_numbers,
    read_digest,
)
from experiments.rows import read_rows
from experiments.selection import Results, rows_as_declared
from experiments.tables import render_table, title_of
from experiments.targets import render_targets
from mmsnip.structures.files import draft_of

ROOT = Path(__file__).resolve().parents[1]
RUNS = ROOT / 'experiments' / 'runs.yaml'
ROWS = ROOT / 'experiments' / 'results' / 'rows.jsonl'
IMAGES = Path('docs') / 'images'
PAGES = ('README.md', 'docs/evidence.md')


def say(text: str) -> None:
    """Print a line."""
    sys.stdout.write(f'{text}\n')


def picture_of(plot: Mapping[str, Any]) -> Path:
    """File of a plot, from the root."""
    return IMAGES / f'evidence_{plot["name"]}.png'


def places(
    declared: Declaration, results: Results
) -> Iterator[tuple[str, str, str]]:
    """Page, name and text of every place.

    Args:
        declared (Declaration): Its tables, targets and plots.
        results (Results): The rows.

    Yields:
        tuple[str, str, str]: Path from the root, name, text.
    """
    for table, text in _texts(declared, results):
        for page in _pages(table):
            yield page, table['name'], text
    for plot in declared.plots:
        numbers = plot_numbers(plot, results)
        drawn = any(some for line in numbers for some in line['values'])
        title = plot.get('title') or title_of(plot['metric'])
        for page in _pages(plot):
            link = os.path.relpath(picture_of(plot), Path(page).parent)
            text = f'![{title}]({Path(link).as_posix()})'
            yield (
                page,
                plot['name'],
                text if drawn else '*No run of this picture has been made.*',
            )


def _texts(
    declared: Declaration, results: Results
) -> Iterator[tuple[Mapping[str, Any], str]]:
    """Every table and list of targets, and what it says."""
    for table in declared.tables:
        yield table, render_table(table, results)
    for targets in declared.targets:
        yield targets, render_targets(targets, results)


def _pages(declared: Mapping[str, Any]) -> list[str]:
    page = declared.get('page', 'docs/evidence.md')
    return [page] if isinstance(page, str) else list(page)


def check(declared: Declaration, results: Results, root: Path) -> list[str]:
    """Every place and picture that is not what the rows say.

    Args:
        declared (Declaration): Tables, targets and plots.
        results (Results): The rows.
        root (Path): Folder that the pages are in.

    Returns:
        list[str]: A sentence each; empty where all is well.
    """
    wrong, known = [], set()
    for page, name, text in places(declared, results):
        known.add((page, name))
        path = root / page
        if not path.is_file():
            wrong.append(f'{page}: there is no such page')
            continue
        try:
            found = place_text(path.read_text(encoding='utf-8'), name, page)
        except PageError as error:
            wrong.append(str(error))
            continue
        if found != text:
            line = _first_difference(found, text)
            wrong.append(f'{page}: the place {name!r} differs: {line}')
    for page in {*PAGES, *(page for page, _ in known)}:
        path = root / page
        text = path.read_text(encoding='utf-8') if path.is_file() else ''
        wrong += [
            f'{page}: nothing is declared for the place {name!r}'
            for name in places_in(text)
            if (page, name) not in known
        ]
    for plot in declared.plots:
        numbers = plot_numbers(plot, results)
        if not any(some for line in numbers for some in line['values']):
            continue
        if read_digest(root / picture_of(plot)) != plot_digest(plot, numbers):
            wrong.append(
                f'{picture_of(plot)}: it is missing, or shows other numbers'
            )
    return wrong


def _first_difference(found: str, expected: str) -> str:
    has, wants = found.splitlines(), expected.splitlines()
    for index in range(max(len(has), len(wants))):
        left = has[index] if index < len(has) else 'nothing'
        right = wants[index] if index < len(wants) else 'nothing'
        if left != right:
            return f'found {left!r}, the rows say {right!r}'
    return 'in empty lines'


def write(declared: Declaration, results: Results, root: Path) -> None:
    """Fill every place and draw every picture.

    Args:
        declared (Declaration): Tables, targets and plots.
        results (Results): The rows.
        root (Path): Folder that the pages are in.

    Raises:
        PageError: If a page lacks a place; no page is changed then.
    """
    filled: dict[Path, str] = {}
    for page, name, text in places(declared, results):
        path = root / page
        if not path.is_file():
            raise PageError(f'{page}: there is no such page; write it first')
        before = filled.get(path) or path.read_text(encoding='utf-8')
        filled[path] = fill_place(before, name, text, page)
    for path, text in filled.items():
        if text != path.read_text(encoding='utf-8'):
            with draft_of(path) as draft:
                draft.write_text(text, encoding='utf-8')
            say(f'{path.relative_to(root)}: written')
    for plot in declared.plots:
        path = root / picture_of(plot)
        if read_digest(path) == plot_digest(plot, plot_numbers(plot, results)):
            continue
        if draw_plot(plot, results, path):
            say(f'{picture_of(plot)}: drawn')


def main(words: list[str] | None = None) -> int:
    """Write or check; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--check', action='store_true')
    parser.add_argument('--print', action='store_true', dest='show')
    parser.add_argument('--runs', default=RUNS, help='declaration, YAML')
    parser.add_argument('--rows', default=ROWS, help='file of rows')
    parser.add_argument('--root', default=ROOT, help='folder of the pages')
    args = parser.parse_args(words)
    try:
        declared = load_runs(args.runs)
        rows, left = rows_as_declared(read_rows(args.rows), declared.runs)
        results = Results(rows)
        for label in left:
            sys.stderr.write(f'note: {label}: declared anew, not run yet\n')
        if args.show:
            for table, text in _texts(declared, results):
                say(f'## {table["name"]}\n\n{text}\n')
            return 0
        if args.check:
            wrong = check(declared, results, Path(args.root))
            for sentence in wrong:
                say(sentence)
            if wrong:
                say('mend with: python experiments/table.py')
            return 1 if wrong else 0
        write(declared, results, Path(args.root))
    except (DeclarationError, PageError, ValueError) as error:
        sys.stderr.write(f'error: {error}\n')
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
