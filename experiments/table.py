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
import math
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

# Run as a file, it would see its own folder alone.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from experiments.declare import (
    Declaration,
    DeclarationError,
    cells,
    fill,
    load_runs,
)
from experiments.plots import (
    draw_plot,
    plot_digest,
    plot_numbers,
    read_digest,
)
from experiments.results import (
    PLAIN,
    Difference,
    Results,
    expand_lines,
    mean_and_spread,
    paired,
    rows_as_declared,
    title_of,
)
from experiments.rows import read_rows
from mmsnip.structures.files import draft_of

KEYS = {
    'name', 'page', 'lines', 'metrics', 'differences', 'baseline', 'columns',
    'headings', 'first', 'split', 'note',
}  # fmt: skip
NOTHING = '–'  # noqa: RUF001  (a cell without a number)


def render_table(table: Mapping[str, Any], results: Results) -> str:
    """A declared table as Markdown, with what its numbers rest on below."""
    unknown = sorted(set(table) - KEYS)
    missing = [k for k in ('name', 'lines', 'metrics') if not table.get(k)]
    if unknown or missing:
        raise ValueError(
            f'table {table.get("name")!r}: unknown keys {unknown}, missing '
            f'keys {missing}; it takes {sorted(KEYS)}'
        )
    columns = _columns(table)
    lines = expand_lines(table['lines'])
    split = table.get('split', 'val')
    head = [table.get('first', 'run')]
    head += [column['heading'] for column in columns]
    body, used = [], []
    for line in lines:
        counts: set[int] = set()
        row = [line['label']]
        for column in columns:
            run = fill(line['run'], column['words'])
            used += results.rows(run, split).values()
            row.append(_cell(table, results, run, column, split, counts))
        found = '/'.join(map(str, sorted(counts - {0}))) or '0'
        body.append([*row, found])
    grid = [[*head, 'seeds'], ['---'] * (len(head) + 1), *body]
    text = '\n'.join(f'| {" | ".join(row)} |' for row in grid)
    return f'{text}\n\n{_basis(table, used, split)}'


def _columns(table: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Heading, words of the axis, metric and kind of each column."""
    headings = table.get('headings') or {}
    baseline = table.get('baseline')
    found = []
    for words in cells(table.get('columns') or {}):
        said = ''
        for axis in table.get('columns') or {}:
            value = words[axis]
            default = f'{axis} {value}'
            if axis == 'fraction':
                default = f'{words["percent"]} % of labels'
            said = f'{headings.get(value, default)}: '
        for metric in table['metrics']:
            found.append(dict(
                heading=f'{said}{title_of(metric)}', words=words,
                metric=metric, baseline=None,
            ))  # fmt: skip
        for metric in table.get('differences') or []:
            if baseline is None:
                raise ValueError(
                    f'table {table["name"]!r}: differences need a baseline, '
                    'the name of a run'
                )
            found.append(dict(
                heading=f'{said}{title_of(metric)}, difference',
                words=words, metric=metric,
                baseline=fill(baseline, words),
            ))  # fmt: skip
    return found


def _cell(
    table: Mapping[str, Any],
    results: Results,
    run: str,
    column: Mapping[str, Any],
    split: str,
    counts: set[int],
) -> str:
    metric, baseline = column['metric'], column['baseline']
    values = results.values(run, metric, split)
    if baseline is None:
        counts.add(len(values))
        return mean_cell(list(values.values()), metric)
    if run == baseline:
        return 'baseline'
    gap = paired(values, results.values(baseline, metric, split))
    return difference_cell(gap, metric)


def scale_of(metric: str) -> tuple[int, int]:
    """What a metric is multiplied with to be shown, and its decimals."""
    return (1, 2) if metric in PLAIN else (100, 1)


def mean_cell(values: Sequence[float], metric: str) -> str:
    """Mean and spread as a table shows them."""
    scale, digits = scale_of(metric)
    mean, spread = mean_and_spread([scale * value for value in values])
    if math.isnan(mean):
        return NOTHING
    if math.isnan(spread):
        return f'{mean:.{digits}f}'
    return f'{mean:.{digits}f} ± {spread:.{digits}f}'


def difference_cell(gap: Difference, metric: str) -> str:
    """A paired difference as a table shows it."""
    if not gap.pairs:
        return NOTHING
    scale, digits = scale_of(metric)
    said = _signed(scale * gap.mean, digits)
    if gap.interval is None:
        few = 'pair is' if gap.pairs == 1 else 'pairs are'
        return f'{said} ({gap.pairs} {few} too few for an interval)'
    low, high = (_signed(scale * end, digits) for end in gap.interval)
    return f'{said} [{low}, {high}]'


def _signed(value: float, digits: int) -> str:
    return f'{round(value, digits) + 0.0:+.{digits}f}'  # never -0.0


def _basis(
    table: Mapping[str, Any], used: Sequence[Mapping[str, Any]], split: str
) -> str:
    """What the numbers rest on, read out of the rows."""
    if not used:
        return '*No run of this table has been made yet.*'
    where = {'val': 'val', 'holdout': 'a held-out part of train'}[split]
    percent = [m for m in table['metrics'] if m not in PLAIN]
    said = [
        f'Budget: {_all(used, "budget")}',
        f'{_all(used, "data")}, evaluated on {where}',
    ]
    for key, words in (('width', 'width {}'), ('epochs', '{} epochs')):
        found = _all(used, key)
        said += [words.format(found)] if found else []
    many = 'mean ± standard deviation over seeds'
    said.append(f'{many}, in percent' if percent else many)
    if table.get('differences'):
        said.append(
            'differences are paired by seed, in brackets the 95 % bootstrap '
            'interval of their mean (of three, their range)'
        )
    versions = {
        f'mmsnip {row["versions"]["mmsnip"]}, '
        f'torch {row["versions"].get("torch", "?")}'
        for row in used
    }
    said.append(' and '.join(sorted(versions)))
    text = f'*{"; ".join(said)}.*'
    return f'{text} {table["note"]}' if table.get('note') else text


def _all(used: Sequence[Mapping[str, Any]], key: str) -> str:
    """Every value that a key has in the rows."""
    found = {row.get(key) for row in used} - {None}
    return ' / '.join(str(value) for value in sorted(found))


TARGET_KEYS = {'name', 'page', 'lines'}
LINE = {'said', 'run', 'metric', 'over', 'least', 'most'}


def render_targets(targets: Mapping[str, Any], results: Results) -> str:
    """Declared targets as a Markdown table, each met or missed."""
    unknown = sorted(set(targets) - TARGET_KEYS)
    if unknown or not targets.get('name') or not targets.get('lines'):
        raise ValueError(
            f'targets {targets.get("name")!r}: unknown keys {unknown}; they '
            f'take {sorted(TARGET_KEYS)} and need a name and lines'
        )
    head = ['target', 'metric', 'asked', 'measured', 'seeds', 'outcome']
    grid = [head, ['---'] * len(head)]
    grid += [_row(line, targets['name'], results) for line in targets['lines']]
    return '\n'.join(f'| {" | ".join(row)} |' for row in grid)


def _row(line: Mapping[str, Any], name: str, results: Results) -> list[str]:
    unknown = sorted(set(line) - LINE)
    missing = [key for key in ('said', 'run', 'metric') if key not in line]
    if unknown or missing or ('least' in line) == ('most' in line):
        raise ValueError(
            f'targets {name!r}, line {line.get("said")!r}: unknown keys '
            f'{unknown}, missing keys {missing}; it takes {sorted(LINE)}, '
            "'least' or 'most', not both"
        )
    metric = line['metric']
    scale, _ = scale_of(metric)
    values = results.values(line['run'], metric)
    if 'over' in line:
        gap = paired(values, results.values(line['over'], metric))
        count, mean, sign = gap.pairs, gap.mean, '+'
        measured = difference_cell(gap, metric)
        ends = gap.interval or (mean, mean)
    else:
        count, sign = len(values), ''
        mean = mean_and_spread(list(values.values()))[0]
        measured = mean_cell(list(values.values()), metric)
        ends = mean, mean
    if 'least' in line:
        asked = f'at least {sign}{line["least"]:g}'
        met, sure = (scale * x >= line['least'] for x in (mean, ends[0]))
    else:
        asked = f'at most {sign}{line["most"]:g}'
        met, sure = (scale * x <= line['most'] for x in (mean, ends[1]))
    if math.isnan(mean):
        said = 'not run'
    elif met:
        said = 'met' if sure else 'met by the mean alone'
    else:
        said = '**missed**'
    return [
        line['said'], title_of(metric), asked, measured, str(count), said,
    ]  # fmt: skip


class PageError(ValueError):
    """A page without the place, or with a broken one."""


def _marks(name: str) -> tuple[str, str]:
    return (
        f'<!-- experiments: {name} begin -->',
        f'<!-- experiments: {name} end -->',
    )


def place_text(page: str, name: str, where: str) -> str:
    """What a page has between the marks of a place."""
    first, last = _span(page, name, where)
    return page[first:last].strip('\n')


def fill_place(page: str, name: str, text: str, where: str) -> str:
    """Put a text between the marks of a place."""
    first, last = _span(page, name, where)
    return f'{page[:first]}\n{text}\n{page[last:]}'


def _span(page: str, name: str, where: str) -> tuple[int, int]:
    begin, end = _marks(name)
    counts = page.count(begin), page.count(end)
    if counts != (1, 1) or page.index(end) < page.index(begin):
        raise PageError(
            f'{where}: the place {name!r} begins {counts[0]} times and ends '
            f'{counts[1]} times; put {begin} and, below it, {end} there once'
        )
    return page.index(begin) + len(begin), page.index(end)


def places_in(page: str) -> list[str]:
    """Names of the places that a page begins."""
    return re.findall(r'<!-- experiments: (.+?) begin -->', page)


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
    """Page, name and text of every place."""
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
    """Every place and picture that is not what the rows say."""
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
    """Fill every place and draw every picture."""
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
