"""Pictures of rows; each carries a hash of the numbers it shows."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use('Agg')
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from PIL import Image

from experiments.declare import cells, fill
from experiments.results import (
    PLAIN,
    Results,
    expand_lines,
    mean_and_spread,
    title_of,
)
from mmsnip.visualization.canvas import class_style

__all__ = ['draw_plot', 'plot_digest', 'plot_numbers', 'read_digest']

KINDS = ('lines', 'dots')
KEYS = {
    'name', 'page', 'kind', 'metric', 'lines', 'x', 'x_label', 'title',
    'split', 'baseline',
}  # fmt: skip
MARKERS = 'osD^vP*X'
TEXT_KEY = 'Description'
STYLE = 1  # raise it with the look, so that pictures are drawn anew


def plot_numbers(
    plot: Mapping[str, Any], results: Results
) -> list[dict[str, Any]]:
    """What a declared plot shows."""
    name, kind = plot.get('name'), plot.get('kind')
    needed = ['name', 'kind', 'metric', 'lines']
    missing = [key for key in needed if not plot.get(key)]
    unknown = sorted(set(plot) - KEYS)
    if missing or unknown or kind not in KINDS:
        raise ValueError(
            f'plot {name!r}: missing keys {missing}, unknown keys {unknown}, '
            f'kind {kind!r}; it takes {sorted(KEYS)}, kind is one of {KINDS}'
        )
    axis = plot.get('x') or {}
    if len(axis) != (1 if kind == 'lines' else 0):
        raise ValueError(
            f'plot {name!r}: x is {axis!r}; lines need one axis with its '
            'values, dots none'
        )
    scale = 1 if plot['metric'] in PLAIN else 100
    found = []
    for line in expand_lines(plot['lines']):
        shown = dict(label=line['label'], x=[], values=[])
        for words in cells(axis):
            values = results.values(
                fill(line['run'], words),
                plot['metric'],
                plot.get('split', 'val'),
            )
            shown['x'].append(next(iter(words.values()), 0))
            shown['values'].append([scale * v for v in values.values()])
        found.append(shown)
    return found


def plot_digest(plot: Mapping[str, Any], numbers: list) -> str:
    """Hash of all that a picture shows, to six decimals."""
    rounded = [
        dict(n, values=[[round(v, 6) for v in some] for some in n['values']])
        for n in numbers
    ]
    text = json.dumps([STYLE, dict(plot), rounded], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def read_digest(path: str | Path) -> str | None:
    """Hash that a drawn picture carries."""
    path = Path(path)
    if not path.is_file():
        return None
    with Image.open(path) as picture:
        return getattr(picture, 'text', {}).get(TEXT_KEY)


def draw_plot(
    plot: Mapping[str, Any], results: Results, path: str | Path
) -> bool:
    """Draw a declared plot."""
    numbers = plot_numbers(plot, results)
    if not any(some for line in numbers for some in line['values']):
        return False
    tall = 3.6 if plot['kind'] == 'lines' else 1.2 + 0.36 * len(numbers)
    figure, axes = plt.subplots(figsize=(6.4, tall), layout='constrained')
    draw = _draw_lines if plot['kind'] == 'lines' else _draw_dots
    draw(axes, plot, numbers)
    unit = '' if plot['metric'] in PLAIN else ', %'
    said = f'{title_of(plot["metric"])}{unit}'
    if plot['kind'] == 'lines':
        axes.set_ylabel(said)
    else:
        axes.set_xlabel(said)
    if plot.get('title'):
        axes.set_title(plot['title'], fontsize=10, loc='left')
    axes.spines[['top', 'right']].set_visible(False)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    carried = {TEXT_KEY: plot_digest(plot, numbers), 'Software': None}
    figure.savefig(path, dpi=150, metadata=carried)
    plt.close(figure)
    return True


def _draw_lines(axes: Axes, plot: Mapping[str, Any], numbers: list) -> None:
    axis = next(iter(plot['x']))
    places = list(range(len(numbers[0]['x'])))
    for index, line in enumerate(numbers):
        style = class_style(index)
        # Side by side, so that one bar does not hide another.
        shift = 0.05 * (index - (len(numbers) - 1) / 2)
        means, spreads, at = [], [], []
        for place, values in zip(places, line['values']):
            if not values:
                continue
            mean, spread = mean_and_spread(values)
            means.append(mean)
            spreads.append(0 if math.isnan(spread) else spread)
            at.append(place + shift)
        axes.errorbar(
            at, means, spreads,
            color=style.color, linestyle=style.line, capsize=3,
            marker=MARKERS[index % len(MARKERS)], label=line['label'],
        )  # fmt: skip
    ticks = numbers[0]['x']
    if axis == 'fraction':
        ticks = [f'{100 * tick:g} %' for tick in ticks]
    axes.set_xticks(places, ticks)
    axes.set_xlabel(plot.get('x_label', axis))
    axes.grid(axis='y', alpha=0.3)
    axes.legend(frameon=False, fontsize=8)


def _draw_dots(axes: Axes, plot: Mapping[str, Any], numbers: list) -> None:
    for place, line in enumerate(numbers):
        values = line['values'][0]
        if not values:
            continue
        mean, _ = mean_and_spread(values)
        style = class_style(0)
        axes.plot(values, [place] * len(values), 'o', color=style.color,
                  alpha=0.45, markersize=5)  # fmt: skip
        axes.plot([mean], [place], '|', color='black', markersize=15,
                  markeredgewidth=2)  # fmt: skip
        if line['label'] == plot.get('baseline'):
            axes.axvline(mean, color='black', linewidth=0.8, linestyle=':')
    axes.set_yticks(range(len(numbers)), [line['label'] for line in numbers])
    axes.set_ylim(len(numbers) - 0.5, -0.5)
    axes.grid(axis='x', alpha=0.3)
