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

from experiments.declare import Declaration, cells, check_keys, fill, load_runs
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

ROOT = Path(__file__).resolve().parents[1]
RUNS = ROOT / 'experiments' / 'runs.yaml'
ROWS = ROOT / 'experiments' / 'results' / 'rows.jsonl'
PAGES = ('README.md', 'docs/evidence.md', 'configs/custom/README.md')
KEYS = {
    'name', 'page', 'lines', 'metrics', 'differences', 'baseline', 'columns',
    'headings', 'first', 'split',
}  # fmt: skip
NOTHING = '–'  # noqa: RUF001  (a cell without a number)


def say(text: str) -> None:
    """Print a line."""
    sys.stdout.write(f'{text}\n')


def markdown(grid: Sequence[Sequence[str]]) -> str:
    """A table whose first row is its heading."""
    rows = [grid[0], ['---'] * len(grid[0]), *grid[1:]]
    return '\n'.join(f'| {" | ".join(row)} |' for row in rows)


def render_table(table: Mapping[str, Any], results: Results) -> str:
    """A declared table as Markdown, with what its numbers rest on below."""
    where = f'table {table.get("name")!r}'
    needed = ['name', 'lines', 'metrics']
    if table.get('differences'):
        needed.append('baseline')
    check_keys(table, KEYS, where, needed)
    columns = _columns(table)
    split = table.get('split', 'val')
    head = [column['heading'] for column in columns]
    grid, used = [[table.get('first', 'run'), *head, 'seeds']], []
    for line in expand_lines(table['lines']):
        counts: set[int] = set()
        row = [line['label']]
        for column in columns:
            metric, words = column['metric'], column['words']
            run = fill(line['run'], {**line['words'], **words})
            used += results.rows(run, split).values()
            values = results.values(run, metric, split)
            if not column['is_difference']:
                counts.add(len(values))
                row.append(mean_cell(list(values.values()), metric))
                continue
            baseline = fill(table['baseline'], words)
            gap = paired(values, results.values(baseline, metric, split))
            cell = difference_cell(gap, metric)
            row.append('baseline' if run == baseline else cell)
        found = '/'.join(map(str, sorted(counts - {0}))) or '0'
        grid.append([*row, found])
    return f'{markdown(grid)}\n\n{_basis(table, used, split)}'


def _columns(table: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Heading, values of the axes, metric and kind of each column."""
    headings = table.get('headings') or {}
    found = []
    for words in cells(table.get('columns') or {}):
        said = ''
        for axis in table.get('columns') or {}:
            default = f'{axis} {words[axis]}'
            if axis == 'fraction':
                default = f'{words["percent"]} % of labels'
            said = f'{headings.get(words[axis], default)}: '
        for key, ending in (('metrics', ''), ('differences', ', difference')):
            for metric in table.get(key) or []:
                heading = f'{said}{title_of(metric)}{ending}'
                found.append(dict(
                    heading=heading, words=words, metric=metric,
                    is_difference=key == 'differences',
                ))  # fmt: skip
    return found


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
    # + 0.0: never -0.0
    mean, *ends = (
        f'{round(scale * value, digits) + 0.0:+.{digits}f}'
        for value in (gap.mean, *(gap.interval or ()))
    )
    if ends:
        return f'{mean} [{", ".join(ends)}]'
    few = 'pair is' if gap.pairs == 1 else 'pairs are'
    return f'{mean} ({gap.pairs} {few} too few for an interval)'


def _basis(
    table: Mapping[str, Any], used: Sequence[Mapping[str, Any]], split: str
) -> str:
    """What the numbers rest on, read out of the rows."""
    if not used:
        return '*No run of this table has been made yet.*'

    def every(key: str) -> str:
        found = {row.get(key) for row in used} - {None}
        return ' / '.join(str(value) for value in sorted(found))

    where = {'val': 'val', 'holdout': 'a held-out part of train'}[split]
    said = [
        f'Budget: {every("budget")}',
        f'{every("data")}, evaluated on {where}',
    ]
    for key, words in (('width', 'width {}'), ('epochs', '{} epochs')):
        said += [words.format(every(key))] if every(key) else []
    many = 'mean ± standard deviation over seeds'
    percent = any(metric not in PLAIN for metric in table['metrics'])
    said.append(f'{many}, in percent' if percent else many)
    if table.get('differences'):
        said.append(
            'differences are paired by seed, in brackets the 95 % bootstrap '
            'interval of their mean (of three, their range)'
        )
    versions = {
        f'mmsnip {row["versions"]["mmsnip"]}, torch {row["versions"]["torch"]}'
        for row in used
    }
    said.append(' and '.join(sorted(versions)))
    return f'*{"; ".join(said)}.*'


def render_targets(targets: Mapping[str, Any], results: Results) -> str:
    """Declared targets as a Markdown table, each met or missed."""
    known = {'name', 'page', 'lines'}
    where = f'targets {targets.get("name")!r}'
    check_keys(targets, known, where, ('name', 'lines'))
    grid = [['target', 'metric', 'asked', 'measured', 'seeds', 'outcome']]
    for line in targets['lines']:
        known = {'said', 'run', 'metric', 'over', 'least', 'most'}
        here = f'{where}, line {line.get("said")!r}'
        check_keys(line, known, here, ('said', 'run', 'metric'))
        grid.append(_target(line, results))
    return markdown(grid)


def _target(line: Mapping[str, Any], results: Results) -> list[str]:
    """One target: ``least`` or ``most``, of a run or ``over`` another."""
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
    title = title_of(metric)
    return [line['said'], title, asked, measured, str(count), said]


def span_of(page: str, name: str, where: str) -> tuple[int, int]:
    """Where the text between the marks of a place begins and ends."""
    begin, end = (
        f'<!-- experiments: {name} {word} -->' for word in ('begin', 'end')
    )
    counts = page.count(begin), page.count(end)
    if counts != (1, 1) or page.index(end) < page.index(begin):
        raise ValueError(
            f'{where}: the place {name!r} begins {counts[0]} times and ends '
            f'{counts[1]} times; put {begin} and, below it, {end} there once'
        )
    return page.index(begin) + len(begin), page.index(end)


def picture_of(plot: Mapping[str, Any]) -> Path:
    """File of a plot, from the root."""
    return Path('docs', 'images', f'evidence_{plot["name"]}.png')


def places(
    declared: Declaration, results: Results
) -> Iterator[tuple[str, str, str]]:
    """Page, name and text of every place."""
    shown = [(t, render_table(t, results)) for t in declared.tables]
    shown += [(t, render_targets(t, results)) for t in declared.targets]
    shown += [(plot, None) for plot in declared.plots]
    for part, text in shown:
        pages = part.get('page', 'docs/evidence.md')
        for page in [pages] if isinstance(pages, str) else pages:
            link = os.path.relpath(picture_of(part), Path(page).parent)
            title = part.get('title', part['name'])
            yield page, part['name'], text or f'![{title}]({link})'


def check(declared: Declaration, results: Results, root: Path) -> list[str]:
    """Every place and picture that is not what the rows say."""
    wrong, known = [], set()
    for page, name, text in places(declared, results):
        known.add((page, name))
        try:
            content = (root / page).read_text(encoding='utf-8')
            first, last = span_of(content, name, page)
        except (OSError, ValueError) as error:
            wrong.append(str(error))
            continue
        has = content[first:last].strip('\n').splitlines()
        wants = text.splitlines()
        if has != wants:
            lines = [line for line in wants if line not in has] or ['less']
            wrong.append(
                f'{page}: the place {name!r} differs; the rows say {lines[0]}'
            )
    for page in {*PAGES, *(page for page, _ in known)}:
        path = root / page
        text = path.read_text(encoding='utf-8') if path.is_file() else ''
        wrong += [
            f'{page}: nothing is declared for the place {name!r}'
            for name in re.findall('<!-- experiments: (.+?) begin -->', text)
            if (page, name) not in known
        ]
    for plot in declared.plots:
        digest = plot_digest(plot, plot_numbers(plot, results))
        if read_digest(root / picture_of(plot)) != digest:
            wrong.append(
                f'{picture_of(plot)}: it is missing, or shows other numbers'
            )
    return wrong


def write(declared: Declaration, results: Results, root: Path) -> None:
    """Fill every place and draw every picture."""
    filled: dict[Path, str] = {}
    for page, name, text in places(declared, results):
        path = root / page
        before = filled.get(path) or path.read_text(encoding='utf-8')
        first, last = span_of(before, name, page)
        filled[path] = f'{before[:first]}\n{text}\n{before[last:]}'
    for path, text in filled.items():
        if text != path.read_text(encoding='utf-8'):
            with draft_of(path) as draft:
                draft.write_text(text, encoding='utf-8')
            say(f'{path.relative_to(root)}: written')
    for plot in declared.plots:
        path = root / picture_of(plot)
        numbers = plot_numbers(plot, results)
        if read_digest(path) != plot_digest(plot, numbers):
            draw_plot(plot, numbers, path)
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
    root = Path(args.root)
    try:
        declared = load_runs(args.runs)
        rows, left = rows_as_declared(read_rows(args.rows), declared.runs)
        results = Results(rows)
        for label in left:
            sys.stderr.write(f'note: {label}: declared anew, not run yet\n')
        if args.show:
            for _, name, text in places(declared, results):
                say(f'## {name}\n\n{text}\n')
        elif args.check:
            wrong = check(declared, results, root)
            for sentence in wrong:
                say(sentence)
            if wrong:
                say('mend with: python experiments/table.py')
            return 1 if wrong else 0
        else:
            write(declared, results, root)
    except (OSError, ValueError) as error:
        sys.stderr.write(f'error: {error}\n')
        return 1
    return 0


if __name__ == '__main__':
    sys.exit(main())
