"""Loss, learning rate and validation metrics of a training run."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mmsnip.structures import DataError
from mmsnip.visualization.canvas import (
    INK,
    WIDTH_IN,
    class_style,
    dress,
    fit_text,
    new_figure,
    put_heading,
    put_legend,
)

Series = dict[str, tuple[np.ndarray, np.ndarray]]
_BOOKKEEPING = {'step', 'iter', 'epoch', 'time', 'data_time', 'memory', 'eta'}
_PER_CLASS = re.compile(r'(^|/)AP@[\d.]+/')
_MAX_METRICS = 10


def read_scalars(path: str | Path) -> tuple[Series, Series]:
    """Training and validation series of mmengine's log.

    An iteration that a resumed run repeats counts as written last; a last
    line that was cut off is left out.
    """
    train: dict[str, dict[float, float]] = {}
    val: dict[str, dict[float, float]] = {}
    epoch_end: dict[int, float] = {}
    lines = Path(path).read_text(encoding='utf-8').splitlines()
    records = []
    for number, line in enumerate(lines, start=1):
        try:
            record = json.loads(line or '{}')
        except json.JSONDecodeError:
            if number == len(lines):
                break
            record = line
        if not isinstance(record, dict):
            raise DataError(
                f'{path}, line {number}: found {line[:40]!r}; expected an '
                'object, as mmengine writes scalars.json'
            )
        records.append(record)
        if 'iter' in record and 'epoch' in record:
            epoch_end[int(record['epoch'])] = float(record['iter'])
    for record in records:
        step = float(record.get('iter', record.get('step', 0)))
        part = train if 'iter' in record else val
        if part is val:
            step = epoch_end.get(int(step), step)
        for name, value in record.items():
            known = name.rsplit('/', 1)[-1] in _BOOKKEEPING
            if isinstance(value, (int, float)) and not known:
                part.setdefault(name, {})[step] = float(value)
    if not train and not val:
        raise DataError(
            f'{path}: no record holds a number; expected the scalars.json '
            'that mmengine writes into work_dirs/<run>/<time>/vis_data'
        )
    return tuple(
        {
            name: tuple(np.array(x) for x in zip(*sorted(points.items())))
            for name, points in part.items()
        }
        for part in (train, val)
    )


def draw_training_curves(
    path: str | Path,
    metrics: Sequence[str] | None = None,
    title: str | None = None,
) -> Figure:
    """Losses, learning rates and validation metrics over iterations.

    Args:
        path (str | Path): mmengine's ``vis_data/scalars.json``.
        metrics (Sequence[str] | None): Validation metrics to draw; None
            takes the first ten that are not of a single class.
        title (str | None): One line above the picture.

    Returns:
        Figure: With axes labelled ``loss``, ``lr`` and ``val``, those for
            which the log has numbers, unknown to pyplot.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is no such log, or lacks a metric asked for.
    """
    train, val = read_scalars(path)
    if metrics is None:
        names = [n for n in val if not _PER_CLASS.search(n)][:_MAX_METRICS]
    else:
        names = list(metrics)
        missing = [n for n in names if n not in val]
        if missing:
            raise DataError(
                f'{path}: no validation metric {missing}; it has {sorted(val)}'
            )
    rates = [n for n in train if re.search(r'(^|/|_)lr$', n)]
    panels = {
        ('loss', 'loss'): {n: s for n, s in train.items() if 'loss' in n},
        ('lr', 'learning rate'): {n: train[n] for n in rates},
        ('val', 'validation'): {n: val[n] for n in names},
    }
    panels = {key: part for key, part in panels.items() if part}
    if not panels:
        raise DataError(
            f'{path}: neither a loss, nor a learning rate, nor a validation '
            f'metric; it has {sorted({*train, *val})}'
        )
    height_in = 2.5 * len(panels) + (0.7 if title else 0.4)
    figure = new_figure(WIDTH_IN, height_in, layout='constrained')
    axes = figure.subplots(len(panels), sharex=True, squeeze=False)[:, 0]
    for ax, ((key, name), part) in zip(axes, panels.items()):
        ax.set_label(key)
        for index, (series, (steps, values)) in enumerate(part.items()):
            style = class_style(index)
            total = series.rsplit('/', 1)[-1] == 'loss' and len(part) > 1
            ax.plot(
                steps,
                values,
                color=INK if total else style.color,
                ls=style.line,
                lw=2.0 if total else 1.4,
                marker='o' if len(steps) < 25 else None,
                ms=3.5,
                gid=series,
                label=fit_text(figure, series, 8.5, 2.2),
            )
        dress(ax, 'both', size=9)
        ax.set_title(name, loc='left', size=10.5, color=INK)
        ax.tick_params(labelbottom=True)
        ax.margins(x=0.01)
        ax.xaxis.set_major_locator(MaxNLocator(10, integer=True))
        place = dict(bbox_to_anchor=(1.01, 1), fontsize=8.5)
        put_legend(ax, ax.lines, 'upper left', **place)
    axes[-1].set_xlabel('iteration', size=9.5, color=INK)
    if title:
        put_heading(figure, title, 12)
    return figure
