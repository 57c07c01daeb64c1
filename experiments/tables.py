"""Markdown tables out of rows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from experiments.grids import cells, fill
from experiments.selection import Results, expand_lines
from experiments.spread import Difference, mean_and_spread, paired

__all__ = [
    'TITLES', 'difference_cell', 'mean_cell', 'render_table', 'scale_of',
    'title_of',
]  # fmt: skip

KEYS = {
    'name', 'page', 'lines', 'metrics', 'differences', 'baseline', 'columns',
    'headings', 'first', 'split', 'note',
}  # fmt: skip
# Metrics that are no share of a whole, and are not shown in percent.
PLAIN = ('runs_per_segment', 'viterbi/runs_per_segment')
TITLES = {
    'runs/mAP': 'runs mAP',
    'runs/mAP@0.50': 'runs mAP@0.5',
    'sweep/mAP': 'sweep mAP',
    'sweep/mAP@0.50': 'sweep mAP@0.5',
    'frame_accuracy': 'frame accuracy',
    'knn/accuracy': 'k-NN accuracy of snippets',
    'knn/action_accuracy': 'k-NN, actions alone',
    'frame_accuracy_action': 'accuracy on action frames',
    'runs_per_segment': 'runs per segment',
    'background_called_action': 'background called action',
    'distractor_called_action': 'distractors called action',
    'transition_called_action': 'transitions called action',
    'viterbi/mAP': 'Viterbi mAP',
    'viterbi/F1@50': 'Viterbi F1@50',
    'viterbi/edit': 'Viterbi edit',
    'viterbi/runs_per_segment': 'Viterbi runs per segment',
    'true_boundaries/runs/mAP': 'boundaries of the truth: runs mAP',
    'true_boundaries/F1@50': 'boundaries of the truth: F1@50',
    'true_classes/runs/mAP': 'classes of the truth: runs mAP',
}
NOTHING = '–'  # noqa: RUF001  (a cell without a number)


def title_of(metric: str) -> str:
    """What a metric is called in tables and pictures.

    Examples:
        >>> title_of('runs/AP@0.50/walk'), title_of('edit')
        ('runs AP@0.5, walk', 'edit')
    """
    if metric in TITLES:
        return TITLES[metric]
    way, _, rest = metric.partition('/AP@0.50/')
    return f'{way} AP@0.5, {rest}' if rest else metric


def render_table(table: Mapping[str, Any], results: Results) -> str:
    """A declared table as Markdown, with what its numbers rest on below.

    Args:
        table (Mapping[str, Any]): ``name``, ``lines`` and ``metrics``;
            ``baseline``, a run, and ``differences``, metrics of which the
            paired difference to it is shown; ``columns``, one axis with its
            values, where a column is a value of it.
        results (Results): The rows.

    Returns:
        str: Without a newline at the end.

    Raises:
        ValueError: If a key is unknown or missing.
    """
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
    """What a metric is multiplied with to be shown, and its decimals.

    Examples:
        >>> scale_of('runs/mAP'), scale_of('runs_per_segment')
        ((100, 1), (1, 2))
    """
    return (1, 2) if metric in PLAIN else (100, 1)


def mean_cell(values: Sequence[float], metric: str) -> str:
    """Mean and spread as a table shows them.

    Args:
        values (Sequence[float]): One a seed.
        metric (str): What they are.

    Returns:
        str: A dash without values, the spread from two values on.

    Examples:
        >>> mean_cell([0.5, 0.6], 'runs/mAP'), mean_cell([0.5], 'runs/mAP')
        ('55.0 ± 7.1', '50.0')
    """
    scale, digits = scale_of(metric)
    mean, spread = mean_and_spread([scale * value for value in values])
    if math.isnan(mean):
        return NOTHING
    if math.isnan(spread):
        return f'{mean:.{digits}f}'
    return f'{mean:.{digits}f} ± {spread:.{digits}f}'


def difference_cell(gap: Difference, metric: str) -> str:
    """A paired difference as a table shows it.

    Args:
        gap (Difference): Of the metric, not multiplied.
        metric (str): Which.

    Returns:
        str: A dash without pairs, an interval from three pairs on.

    Examples:
        >>> difference_cell(Difference(0.03, 3, (0.01, 0.05)), 'runs/mAP')
        '+3.0 [+1.0, +5.0]'
    """
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
