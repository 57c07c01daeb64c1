"""Snippets on a plane, of several encoders side by side."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

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
    class_style,
    dress,
    fit_text,
    new_figure,
    put_legend,
)

METHODS = {'pca': None, 'tsne': 'sklearn', 'umap': 'umap'}
MARKERS = ('o', '^', 's', 'D', 'v', 'P')


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
