"""Pictures of rows; each carries a hash of the numbers it shows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use('Agg')
from matplotlib import pyplot as plt
from PIL import Image

from experiments.declare import check_keys, fill
from experiments.results import (
    PLAIN,
    Results,
    expand_lines,
    mean_and_spread,
    title_of,
)
from mmsnip.visualization.canvas import class_style

NEEDED = ('name', 'metric', 'lines')
KEYS = {*NEEDED, 'page', 'title', 'baseline'}
TEXT_KEY = 'Description'
STYLE = 1  # raise it with the look, so that pictures are drawn anew


def plot_numbers(
    plot: Mapping[str, Any], results: Results
) -> list[dict[str, Any]]:
    """What a declared plot shows: a line a run, a dot a seed."""
    check_keys(plot, KEYS, f'plot {plot.get("name")!r}', NEEDED)
    scale = 1 if plot['metric'] in PLAIN else 100
    found = []
    for line in expand_lines(plot['lines']):
        run = fill(line['run'], line['words'])
        values = results.values(run, plot['metric']).values()
        shown = [[scale * value for value in values]]
        found.append(dict(label=line['label'], x=[0], values=shown))
    return found


def plot_digest(plot: Mapping[str, Any], numbers: list) -> str:
    """Hash of all that a picture shows, to six decimals."""
    rounded = [
        dict(n, values=[[round(v, 6) for v in some] for some in n['values']])
        for n in numbers
    ]
    text = json.dumps(
        [STYLE, dict(plot, kind='dots'), rounded], sort_keys=True
    )
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def read_digest(path: str | Path) -> str | None:
    """Hash that a drawn picture carries."""
    if not Path(path).is_file():
        return None
    with Image.open(path) as picture:
        return getattr(picture, 'text', {}).get(TEXT_KEY)


def draw_plot(plot: Mapping[str, Any], numbers: list, path: Path) -> None:
    """Draw the numbers of a declared plot."""
    tall = 1.2 + 0.36 * len(numbers)
    figure, axes = plt.subplots(figsize=(6.4, tall), layout='constrained')
    color = class_style(0).color
    for place, line in enumerate(numbers):
        values = line['values'][0]
        if not values:
            continue
        mean, _ = mean_and_spread(values)
        rows = [place] * len(values)
        axes.plot(values, rows, 'o', color=color, alpha=0.45, markersize=5)
        axes.plot(
            [mean], [place], '|', color='black', markersize=15,
            markeredgewidth=2,
        )  # fmt: skip
        if line['label'] == plot.get('baseline'):
            axes.axvline(mean, color='black', linewidth=0.8, linestyle=':')
    axes.set_yticks(range(len(numbers)), [line['label'] for line in numbers])
    axes.set_ylim(len(numbers) - 0.5, -0.5)
    axes.grid(axis='x', alpha=0.3)
    unit = '' if plot['metric'] in PLAIN else ', %'
    axes.set_xlabel(f'{title_of(plot["metric"])}{unit}')
    axes.set_title(plot.get('title', ''), fontsize=10, loc='left')
    axes.spines[['top', 'right']].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    carried = {TEXT_KEY: plot_digest(plot, numbers), 'Software': None}
    figure.savefig(path, dpi=150, metadata=carried)
    plt.close(figure)
