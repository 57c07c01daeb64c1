"""What was asked for beside what was measured, out of rows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from experiments.selection import Results
from experiments.spread import mean_and_spread, paired
from experiments.tables import (
    difference_cell,
    mean_cell,
    scale_of,
    title_of,
)

__all__ = ['render_targets']

KEYS = {'name', 'page', 'lines'}
LINE = {'said', 'run', 'metric', 'over', 'least', 'most'}


def render_targets(targets: Mapping[str, Any], results: Results) -> str:
    """Declared targets as a Markdown table, each met or missed.

    Args:
        targets (Mapping[str, Any]): ``name`` and ``lines``. A line has
            ``said``, words; ``run`` and ``metric``; ``least`` or ``most``,
            as the tables show the metric, in percent or plain; ``over``, a
            run, where the paired difference to it is asked for.
        results (Results): The rows.

    Returns:
        str: Without a newline at the end. A target is met by the mean of
        the seeds; a difference of which the interval goes beyond it is met
        by the mean alone.

    Raises:
        ValueError: If a key is unknown or missing.

    Examples:
        >>> line = dict(said='found', run='a', metric='runs/mAP', least=50)
        >>> print(render_targets(dict(name='t', lines=[line]), Results([])))
        | target | metric | asked | measured | seeds | outcome |
        | --- | --- | --- | --- | --- | --- |
        | found | runs mAP | at least 50 | – | 0 | not run |
    """  # noqa: RUF002
    unknown = sorted(set(targets) - KEYS)
    if unknown or not targets.get('name') or not targets.get('lines'):
        raise ValueError(
            f'targets {targets.get("name")!r}: unknown keys {unknown}; they '
            f'take {sorted(KEYS)} and need a name and lines'
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
