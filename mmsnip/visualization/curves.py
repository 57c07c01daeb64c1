"""Loss, learning rate and validation metrics of a training run."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mmsnip.visualization.canvas import (
    INK,
    RULE,
    WIDTH_IN,
    add_axes_in,
    fit_text,
    new_figure,
)
from mmsnip.visualization.palette import class_style

Series = dict[str, tuple[np.ndarray, np.ndarray]]

_BOOKKEEPING = {'step', 'iter', 'epoch', 'time', 'data_time', 'memory', 'eta'}
_PER_CLASS = re.compile(r'(^|/)AP@[\d.]+/')
_MAX_METRICS = 10
_PLOT_IN, _TOP_IN, _SPACE_IN, _FOOT_IN = 2.0, 0.38, 0.5, 0.62
_LEFT_IN, _LEGEND_IN = 0.85, 2.9


def read_scalars(path: str | Path) -> tuple[Series, Series]:
    """Training and validation series of mmengine's log.

    A resumed run writes some iterations again; the last record of each
    stands. A last line cut off by a kill is left out.

    Args:
        path (str | Path): ``vis_data/scalars.json`` or
            ``vis_data/<timestamp>.json``, one JSON object a line.

    Returns:
        tuple[Series, Series]: For training and for validation, name ->
            (iterations, values), both ascending in iterations. Validation
            logged by epoch is placed at that epoch's last iteration.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If a line other than the last is no JSON object, or if
            no record holds a number; file and line are named.
    """
    train: dict[str, dict[float, float]] = {}
    val: dict[str, dict[float, float]] = {}
    epoch_end: dict[int, float] = {}
    records = _read_lines(Path(path))
    for record in records:
        if 'iter' in record and 'epoch' in record:
            epoch_end[int(record['epoch'])] = float(record['iter'])
    for record in records:
        values = {
            name: float(value)
            for name, value in record.items()
            if isinstance(value, (int, float))
            and name.rsplit('/', 1)[-1] not in _BOOKKEEPING
        }
        step = float(record.get('step', record.get('iter', 0)))
        part = train
        if 'iter' in record:
            step = float(record['iter'])
        else:
            part = val
            step = epoch_end.get(int(step), step)
        for name, value in values.items():
            part.setdefault(name, {})[step] = value
    if not train and not val:
        raise ValueError(
            f'{path}: no record holds a number; expected the scalars.json '
            'that mmengine writes into work_dirs/<run>/<time>/vis_data'
        )
    return _as_series(train), _as_series(val)


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
            raise ValueError(
                f'{path}: no validation metric {missing}; it has {sorted(val)}'
            )
    panels: list[tuple[str, str, Series]] = [
        ('loss', 'loss', {n: s for n, s in train.items() if 'loss' in n}),
        ('lr', 'learning rate', {n: s for n, s in train.items() if _is_lr(n)}),
        ('val', 'validation', {n: val[n] for n in names}),
    ]
    panels = [panel for panel in panels if panel[2]]
    if not panels:
        raise ValueError(
            f'{path}: neither a loss, nor a learning rate, nor a validation '
            f'metric; it has {sorted({*train, *val})}'
        )
    top_in = _TOP_IN + (0.3 if title else 0.0)
    step_in = _PLOT_IN + _SPACE_IN
    figure = new_figure(
        WIDTH_IN, top_in + step_in * len(panels) - _SPACE_IN + _FOOT_IN
    )
    end = max(s[0][-1] for _, _, part in panels for s in part.values())
    start = min(s[0][0] for _, _, part in panels for s in part.values())
    for place, (key, name, part) in enumerate(panels):
        ax = add_axes_in(
            figure,
            _LEFT_IN,
            top_in + place * step_in,
            WIDTH_IN - _LEFT_IN - _LEGEND_IN,
            _PLOT_IN,
            key,
        )
        _draw_panel(figure, ax, part)
        ax.set_title(name, loc='left', size=10.5, color=INK, pad=5)
        pad = 0.01 * (end - start) or 0.5
        ax.set_xlim(start - pad, end + pad)
        ax.xaxis.set_major_locator(MaxNLocator(10, integer=True))
        if place == len(panels) - 1:
            ax.set_xlabel('iteration', size=9.5, color=INK)
    if title:
        figure.text(
            _LEFT_IN / WIDTH_IN,
            1 - 0.24 / figure.get_size_inches()[1],
            fit_text(figure, title, 12, WIDTH_IN - _LEFT_IN - 0.2),
            size=12,
            color=INK,
            va='center',
            parse_math=False,
        )
    return figure


def _read_lines(path: Path) -> list[dict]:
    lines = path.read_text(encoding='utf-8').splitlines()
    records = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            if number == len(lines):
                break
            raise ValueError(
                f'{path}, line {number}: not JSON ({error.msg}); expected '
                'one object a line, as mmengine writes scalars.json'
            ) from error
        if not isinstance(record, dict):
            raise ValueError(
                f'{path}, line {number}: found {type(record).__name__}, '
                'expected an object, as mmengine writes scalars.json'
            )
        records.append(record)
    return records


def _is_lr(name: str) -> bool:
    last = name.rsplit('/', 1)[-1]
    return last == 'lr' or last.endswith('_lr')


def _as_series(part: Mapping[str, Mapping[float, float]]) -> Series:
    series = {}
    for name, points in part.items():
        steps = np.array(sorted(points))
        series[name] = steps, np.array([points[s] for s in steps])
    return series


def _draw_panel(figure: Figure, ax: Axes, part: Series) -> None:
    for index, (name, (steps, values)) in enumerate(part.items()):
        style = class_style(index)
        total = name.rsplit('/', 1)[-1] == 'loss' and len(part) > 1
        ax.plot(
            steps,
            values,
            color=INK if total else style.color,
            ls=style.line,
            lw=2.0 if total else 1.4,
            marker='o' if len(steps) < 25 else None,
            ms=3.5,
            gid=name,
        )
    ax.grid(color=RULE, lw=0.5, alpha=0.7)
    ax.set_axisbelow(True)
    for side in ('top', 'right'):
        ax.spines[side].set_visible(False)
    legend = ax.legend(
        ax.lines,
        [fit_text(figure, n, 8.5, _LEGEND_IN - 0.75) for n in part],
        loc='upper left',
        bbox_to_anchor=(1.01, 1.03),
        borderaxespad=0,
        frameon=False,
        fontsize=8.5,
        labelcolor=INK,
        labelspacing=0.35,
    )
    for text in legend.get_texts():
        text.set_parse_math(False)
