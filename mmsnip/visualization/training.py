"""A training run: its curves, and maps of the snippets of its encoder."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from mmsnip.evaluation.neighbors import (
    cross_knn_accuracy,
    principal_plane,
    silhouette,
)
from mmsnip.structures import DataError
from mmsnip.visualization.canvas import (
    BACKGROUND_COLOR,
    COLORS,
    INK,
    PRINT_DPI,
    PRINT_IN,
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
METHODS = {'pca': None, 'tsne': 'sklearn', 'umap': 'umap'}
MARKERS = ('o', '^', 's', 'D', 'v', 'P')


def read_scalars(path: str | Path) -> tuple[Series, Series]:
    """Training and validation series of mmengine's log."""
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


class Embedding(NamedTuple):
    """Labelled snippets of one encoder.

    Attributes:
        name (str): What stands above its map.
        features (np.ndarray): (num_snippets, C).
        labels (np.ndarray): (num_snippets,) classes; ``num_classes`` is the
            background, which is left out of both numbers.
        videos (np.ndarray | None): Video of each snippet, for the k-NN
            accuracy; None leaves that out.
    """

    name: str
    features: np.ndarray
    labels: np.ndarray
    videos: np.ndarray | None = None


def draw_embeddings(
    embeddings: Sequence[Embedding],
    classes: Sequence[str],
    method: str = 'pca',
    max_points: int = 3000,
    seed: int = 0,
) -> Figure:
    """Maps side by side, with k-NN accuracy and silhouette above each.

    The numbers are those of the whole feature space, not of the plane:
    `cross_knn_accuracy` and `silhouette` of snippets of actions.

    Args:
        embeddings (Sequence[Embedding]): One to three, such as before and
            after pre-training.
        classes (Sequence[str]): Names without the background.
        method (str): 'pca'; 'tsne' where scikit-learn is installed; 'umap'
            where umap-learn is.
        max_points (int): Points drawn of each; of more a random part is.
        seed (int): Of that choice, and of the method.

    Returns:
        Figure: Axes labelled ``map``, a collection of points a class with
        gid ``class <index>`` or ``background``, and a legend.

    Raises:
        ValueError: If there are no or too many embeddings, the method is
            unknown, or an array is malformed.
        ModuleNotFoundError: If the method's package is missing.
    """
    num_maps = len(embeddings)
    if not 1 <= num_maps <= 3:
        raise ValueError(
            f'{num_maps} embeddings given; one to three fit in a row'
        )
    labels = np.concatenate([np.asarray(e.labels) for e in embeddings])
    present = np.unique(labels).tolist()
    if present and not 0 <= present[0] <= present[-1] <= len(classes):
        raise DataError(
            f'labels range from {present[0]} to {present[-1]}; expected '
            f'0..{len(classes)}, {len(classes)} is the background'
        )
    columns = min(4 if len(present) > 8 else 5, max(len(present), 1))
    side_in = PRINT_IN / max(num_maps, 2)
    height_in = side_in + 0.4 + 0.2 * -(-len(present) // columns)
    figure = new_figure(PRINT_IN, height_in, PRINT_DPI, layout='constrained')
    axes = figure.subplots(1, max(num_maps, 2), squeeze=False)[0]
    for ax in axes[num_maps:]:
        ax.remove()
    rng = np.random.default_rng(seed)
    for ax, embedding in zip(axes, embeddings):
        ax.set_label('map')
        _draw_map(ax, embedding, len(classes), method, max_points, rng, seed)
    handles = []
    for index in present:
        known = index < len(classes)
        name = str(classes[index]) if known else 'background'
        marker = _marker(index) if known else 'o'
        look = dict(color=_color(index, len(classes)), marker=marker)
        label = fit_text(figure, name, 8.0, 1.3)
        sample = Line2D([], [], ls='none', ms=5, mew=0, label=label, **look)
        handles.append(sample)
    put_legend(figure, handles, 'outside lower left', ncols=columns)
    return figure


def flat_positions(
    features: np.ndarray, method: str = 'pca', seed: int = 0
) -> tuple[np.ndarray, tuple[str, str]]:
    """Features on a plane, and the names of its axes."""
    if method not in METHODS:
        raise ValueError(
            f'method={method!r} is unknown; use one of {sorted(METHODS)}'
        )
    package = METHODS[method]
    if package is not None and find_spec(package) is None:
        raise ModuleNotFoundError(
            f'method={method!r} needs the package {package}; install it, or '
            "use method='pca'"
        )
    if method == 'pca':
        plane, share = principal_plane(features)
        return plane, tuple(
            f'PC {i} ({100 * part:.0f} % of variance)'
            for i, part in enumerate(share, 1)
        )
    if method == 'tsne':
        from sklearn.manifold import TSNE

        perplexity = min(30.0, max((len(features) - 1) / 3, 1.0))
        options = dict(perplexity=perplexity, init='pca', metric='cosine')
        model, name = TSNE(random_state=seed, **options), 't-SNE'
    else:
        from umap import UMAP

        model, name = UMAP(metric='cosine', random_state=seed), 'UMAP'
    plane = model.fit_transform(np.asarray(features, dtype=np.float32))
    return np.asarray(plane), (f'{name} 1', f'{name} 2')


def _draw_map(
    ax: Axes,
    embedding: Embedding,
    background: int,
    method: str,
    max_points: int,
    rng: np.random.Generator,
    seed: int,
) -> None:
    features = np.asarray(embedding.features, dtype=np.float64)
    labels = np.asarray(embedding.labels)
    note = _numbers(embedding, features, labels, background)
    if len(features) > max_points:
        rows = rng.choice(len(features), max_points, replace=False)
        features, labels = features[rows], labels[rows]
    positions, names = flat_positions(features, method, seed)
    size = float(np.clip(9000 / max(len(features), 1), 4, 16))
    for index in np.unique(labels)[::-1].tolist():
        known = index < background
        ax.scatter(
            *positions[labels == index].T,
            s=size if known else 0.5 * size,
            c=_color(index, background),
            marker=_marker(index) if known else 'o',
            alpha=0.75 if known else 0.3,
            linewidths=0,
            gid=f'class {index}' if known else 'background',
            rasterized=True,
        )
    dress(ax, sides=ax.spines, xlabel=names[0], ylabel=names[1])
    ax.set(xticks=[], yticks=[], box_aspect=1)
    ax.margins(0.04)
    look = dict(size=9.5, color=INK, pad=17, parse_math=False)
    ax.set_title(embedding.name, loc='left', **look)
    above = dict(xycoords='axes fraction', textcoords='offset points')
    ax.annotate(
        note, (0, 1), (0, 5), size=8, color=INK, gid='numbers', **above
    )


def _numbers(
    embedding: Embedding,
    features: np.ndarray,
    labels: np.ndarray,
    background: int,
) -> str:
    action = labels != background
    if not action.any():
        return 'fewer than two classes'
    features, labels = features[action], labels[action]
    knn = float('nan')
    if embedding.videos is not None:
        videos = np.asarray(embedding.videos)[action]
        knn = cross_knn_accuracy(features, labels, videos)
    spread = silhouette(features, labels)
    parts = [] if np.isnan(knn) else [f'k-NN {100 * knn:.1f} %']
    parts += [] if np.isnan(spread) else [f'silhouette {spread:.2f}']
    return ',  '.join(parts) or 'fewer than two classes'


def _color(index: int, background: int) -> str:
    known = index < background
    return class_style(index).color if known else BACKGROUND_COLOR


def _marker(index: int) -> str:
    return MARKERS[(index // len(COLORS)) % len(MARKERS)]
