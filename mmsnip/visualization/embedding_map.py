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
from mmsnip.visualization.canvas import (
    INK,
    PRINT_DPI,
    PRINT_IN,
    add_axes_in,
    fit_text,
    new_figure,
)
from mmsnip.visualization.legend import put_key
from mmsnip.visualization.palette import BACKGROUND_COLOR, class_style

__all__ = ['Embedding', 'draw_embeddings', 'flat_positions']

METHODS = {'pca': None, 'tsne': 'sklearn', 'umap': 'umap'}
MARKERS = ('o', '^', 's', 'D', 'v', 'P')
_LEFT_IN, _TOP_IN, _GAP_IN, _SIZE, _ROW_IN = 0.3, 0.5, 0.3, 8.0, 0.2


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
    if not 1 <= len(embeddings) <= 3:
        raise ValueError(
            f'{len(embeddings)} embeddings given; one to three fit in a row'
        )
    num_maps = len(embeddings)
    side_in = (PRINT_IN - _LEFT_IN - 0.1 - _GAP_IN * (num_maps - 1)) / max(
        num_maps, 2
    )
    present = sorted(
        {int(c) for e in embeddings for c in np.unique(np.asarray(e.labels))}
    )
    if present and not 0 <= present[0] <= present[-1] <= len(classes):
        raise ValueError(
            f'labels range from {present[0]} to {present[-1]}; expected '
            f'0..{len(classes)}, {len(classes)} is the background'
        )
    handles = [_sample(index, classes) for index in present]
    probe = new_figure(PRINT_IN, 1.0, PRINT_DPI)
    for handle in handles:
        handle.set_label(fit_text(probe, handle.get_label(), _SIZE, 1.3))
    columns = min(4 if len(handles) > 8 else 5, max(len(handles), 1))
    legend_in = _ROW_IN * -(-len(handles) // columns) + 0.1
    height_in = _TOP_IN + side_in + 0.35 + legend_in
    figure = new_figure(PRINT_IN, height_in, PRINT_DPI)
    rng = np.random.default_rng(seed)
    for place, embedding in enumerate(embeddings):
        ax = add_axes_in(
            figure,
            _LEFT_IN + place * (side_in + _GAP_IN),
            _TOP_IN,
            side_in,
            side_in,
            'map',
        )
        _draw_map(ax, embedding, len(classes), method, max_points, rng, seed)
    put_key(figure, handles, _LEFT_IN, _TOP_IN + side_in + 0.33, columns)
    return figure


def flat_positions(
    features: np.ndarray, method: str = 'pca', seed: int = 0
) -> tuple[np.ndarray, tuple[str, str]]:
    """Features on a plane, and the names of its axes.

    Args:
        features (np.ndarray): (num_snippets, C), finite.
        method (str): 'pca', 'tsne' or 'umap'.
        seed (int): Of 'tsne' and 'umap'.

    Returns:
        tuple[np.ndarray, tuple[str, str]]: (num_snippets, 2), two names.

    Raises:
        ValueError: If the method is unknown or features are malformed.
        ModuleNotFoundError: If the method's package is missing.
    """
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
        model = TSNE(
            perplexity=perplexity,
            init='pca',
            metric='cosine',
            random_state=seed,
        )
        name = 't-SNE'
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
    positions, axes = flat_positions(features, method, seed)
    size = float(np.clip(9000 / max(len(features), 1), 4, 16))
    for index in np.unique(labels)[::-1]:
        own = positions[labels == index]
        known = index < background
        style = class_style(int(index))
        ax.scatter(
            own[:, 0],
            own[:, 1],
            s=size if known else 0.5 * size,
            c=style.color if known else BACKGROUND_COLOR,
            marker=_marker(int(index)) if known else 'o',
            alpha=0.75 if known else 0.3,
            linewidths=0,
            gid=f'class {index}' if known else 'background',
            rasterized=True,
        )
    ax.set_xticks([])
    ax.set_yticks([])
    ax.margins(0.04)
    ax.set_xlabel(axes[0], size=_SIZE, color=INK, labelpad=3)
    ax.set_ylabel(axes[1], size=_SIZE, color=INK, labelpad=3)
    title = dict(
        xycoords='axes fraction', textcoords='offset points', color=INK
    )
    ax.annotate(
        embedding.name, (0, 1), (0, 17), size=9.5, parse_math=False, **title
    )
    ax.annotate(note, (0, 1), (0, 5), size=_SIZE, gid='numbers', **title)


def _numbers(
    embedding: Embedding,
    features: np.ndarray,
    labels: np.ndarray,
    background: int,
) -> str:
    action = labels != background
    parts = []
    if embedding.videos is not None and action.any():
        value = cross_knn_accuracy(
            features[action],
            labels[action],
            np.asarray(embedding.videos)[action],
        )
        if not np.isnan(value):
            parts.append(f'k-NN {100 * value:.1f} %')
    if action.any():
        value = silhouette(features[action], labels[action])
        if not np.isnan(value):
            parts.append(f'silhouette {value:.2f}')
    return ',  '.join(parts) or 'fewer than two classes'


def _marker(index: int) -> str:
    return MARKERS[(index // 12) % len(MARKERS)]


def _sample(index: int, classes: Sequence[str]) -> Line2D:
    known = index < len(classes)
    return Line2D(
        [],
        [],
        ls='none',
        marker=_marker(index) if known else 'o',
        ms=5,
        mew=0,
        color=class_style(index).color if known else BACKGROUND_COLOR,
        label=str(classes[index]) if known else 'background',
    )
