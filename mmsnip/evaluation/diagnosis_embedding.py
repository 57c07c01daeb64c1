"""How well a feature space parts its labels, in numbers and on a plane."""

from __future__ import annotations

import numpy as np

from mmsnip.evaluation.neighbors import knn_accuracy, knn_predict


def principal_plane(
    features: np.ndarray, num_axes: int = 2
) -> tuple[np.ndarray, np.ndarray]:
    """Features on the axes along which they spread most.

    The largest loading of each axis is positive, so that the picture does
    not flip from one machine to another.

    Args:
        features (np.ndarray): (num_snippets, C), finite.
        num_axes (int): Axes, at least 1.

    Returns:
        tuple[np.ndarray, np.ndarray]: Positions (num_snippets, num_axes),
        zeros on axes that do not exist; share of the variance on each,
        (num_axes,).

    Raises:
        ValueError: If features are no finite matrix.

    Examples:
        >>> plane, share = principal_plane([[0, 0], [2, 0], [4, 0]])
        >>> plane[:, 0].tolist(), share.tolist()
        ([-2.0, 0.0, 2.0], [1.0, 0.0])
    """
    features = _matrix(features)
    if num_axes < 1:
        raise ValueError(f'num_axes={num_axes} must be at least 1')
    centred = features - features.mean(axis=0)
    _, sizes, axes = np.linalg.svd(centred, full_matrices=False)
    axes = axes[:num_axes]
    largest = np.abs(axes).argmax(axis=1)
    sign = np.where(axes[np.arange(len(axes)), largest] < 0, -1.0, 1.0)
    plane = np.zeros((len(features), num_axes))
    plane[:, : len(axes)] = centred @ (axes * sign[:, None]).T
    power = sizes**2
    share = np.zeros(num_axes)
    if power.sum() > 0:
        share[: len(axes)] = power[:num_axes] / power.sum()
    return plane, share


def silhouette(
    features: np.ndarray,
    labels: np.ndarray,
    max_snippets: int = 2000,
    seed: int = 0,
) -> float:
    """Mean silhouette over snippets, by cosine distance.

    With a the mean distance to the snippets of the own label and b the least
    mean distance to those of another, a snippet has (b - a) / max(a, b): 1
    where labels lie apart, 0 where they mix. A label of one snippet gives 0.

    Args:
        features (np.ndarray): (num_snippets, C), finite.
        labels (np.ndarray): (num_snippets,) integers.
        max_snippets (int): Of more than this a random part is taken.
        seed (int): Of that choice.

    Returns:
        float: In -1..1; NaN with fewer than two labels.

    Raises:
        ValueError: If shapes disagree or a feature is not finite.

    Source:
        Rousseeuw, J. Comput. Appl. Math. 20, 1987.
    """
    features, labels = _matrix(features), _labels(features, labels)
    if len(features) > max_snippets:
        rng = np.random.default_rng(seed)
        rows = rng.choice(len(features), max_snippets, replace=False)
        features, labels = features[rows], labels[rows]
    _, codes, sizes = np.unique(
        labels, return_inverse=True, return_counts=True
    )
    if len(sizes) < 2:
        return float('nan')
    length = np.linalg.norm(features, axis=1, keepdims=True)
    unit = features / np.where(length > 0, length, 1)
    distance = 1 - unit @ unit.T
    np.fill_diagonal(distance, 0)
    member = np.eye(len(sizes))[codes]
    sums = distance @ member  # (num_snippets, num_labels)
    rows = np.arange(len(codes))
    own = sums[rows, codes] / np.maximum(sizes[codes] - 1, 1)
    other = sums / sizes
    other[rows, codes] = np.inf
    other = other.min(axis=1)
    widest = np.maximum(own, other)
    value = np.divide(
        other - own, widest, out=np.zeros(len(rows)), where=widest > 0
    )
    return float(np.where(sizes[codes] > 1, value, 0.0).mean())


def cross_knn_accuracy(
    features: np.ndarray,
    labels: np.ndarray,
    videos: np.ndarray,
    num_neighbors: int = 20,
    num_folds: int = 5,
) -> float:
    """k-NN accuracy where no snippet votes within its own video.

    Videos are dealt into folds; the snippets of a fold are labelled by those
    of the others, see `knn_predict`. Mean over labels, so that the background
    does not decide it.

    Args:
        features (np.ndarray): (num_snippets, C), finite.
        labels (np.ndarray): (num_snippets,) integers.
        videos (np.ndarray): Video of each snippet, (num_snippets,).
        num_neighbors (int): Voters.
        num_folds (int): At least 2; at most as many as videos are made.

    Returns:
        float: Balanced accuracy in 0..1; NaN with a single video.

    Raises:
        ValueError: If shapes disagree or a number is out of range.
    """
    features, labels = _matrix(features), _labels(features, labels)
    if num_folds < 2:
        raise ValueError(f'num_folds={num_folds} must be at least 2')
    names, codes = np.unique(np.asarray(videos), return_inverse=True)
    if codes.shape != labels.shape:
        raise ValueError(
            f'videos has shape {np.shape(videos)}; expected {labels.shape}, '
            'the video of each snippet'
        )
    if len(names) < 2:
        return float('nan')
    fold = codes % num_folds
    predicted = np.empty_like(labels)
    for part in np.unique(fold):
        inside = fold == part
        predicted[inside] = knn_predict(
            features[~inside], labels[~inside], features[inside], num_neighbors
        )
    return knn_accuracy(predicted, labels)['balanced_accuracy']


def _matrix(features: np.ndarray) -> np.ndarray:
    array = np.asarray(features, dtype=np.float64)
    if array.ndim != 2 or not array.size:
        raise ValueError(
            f'features has shape {array.shape}; expected (num_snippets, C), '
            'at least one of each'
        )
    if not np.isfinite(array).all():
        raise ValueError(
            'features holds numbers that are not finite; the encoder that '
            'made them has diverged'
        )
    return array


def _labels(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    labels = np.asarray(labels)
    if labels.shape != (len(features),):
        raise ValueError(
            f'labels has shape {labels.shape}; expected ({len(features)},), '
            'one a snippet'
        )
    return labels.astype(np.int64)
