"""What a feature space tells apart: neighbours, silhouette, a plane.

scikit-learn is imported where it is needed, so that the room loads numpy
alone.
"""

from __future__ import annotations

import numpy as np

from mmsnip.evaluation.average_precision import mean_of_defined
from mmsnip.structures import DataError, show

_IGNORE = -100  # frame label that nothing counts


def majority_labels(
    frame_labels: np.ndarray, size: int, ignore: int = _IGNORE
) -> np.ndarray:
    """Most frequent label of each window of a sequence."""
    labels = np.asarray(frame_labels, dtype=np.int64)
    num_windows = -(-len(labels) // size)
    windows = np.full(num_windows * size, ignore, dtype=np.int64)
    windows[: len(labels)] = labels
    windows = windows.reshape(num_windows, size)
    values = np.unique(labels[labels != ignore])
    if not len(values):
        return np.full(num_windows, ignore, dtype=np.int64)
    counts = np.stack([(windows == value).sum(axis=1) for value in values])
    return np.where(counts.any(axis=0), values[counts.argmax(axis=0)], ignore)


def knn_predict(
    bank: np.ndarray,
    bank_labels: np.ndarray,
    queries: np.ndarray,
    num_neighbors: int = 20,
    temperature: float | None = 0.07,
) -> np.ndarray:
    """Label of each query by a vote of its nearest neighbours."""
    from sklearn.neighbors import KNeighborsClassifier

    bank, queries = _features('bank', bank), _features('queries', queries)
    bank_labels = _labels(bank, bank_labels)
    if not len(queries):
        return np.zeros(0, np.int64)

    def votes(distance: np.ndarray) -> np.ndarray:
        if temperature is None:
            return np.ones_like(distance)
        # relative to the nearest: the same winner, no underflow
        nearest = distance.min(axis=1, keepdims=True)
        return np.exp((nearest - distance) / temperature)

    voters = KNeighborsClassifier(
        min(num_neighbors, len(bank)), weights=votes, metric='cosine'
    )
    return voters.fit(bank, bank_labels).predict(queries).astype(np.int64)


def knn_accuracy(
    predictions: np.ndarray, labels: np.ndarray, background: int | None = None
) -> dict[str, float]:
    """How many labels are right, counted in three ways."""
    predictions, labels = np.asarray(predictions), np.asarray(labels)
    right = predictions == labels
    shares = [right[labels == value].mean() for value in np.unique(labels)]
    action = slice(None) if background is None else labels != background
    return dict(
        accuracy=mean_of_defined(right),
        balanced_accuracy=mean_of_defined(np.array(shares)),
        action_accuracy=mean_of_defined(right[action]),
    )


def principal_plane(
    features: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Features on the two axes along which they spread most."""
    features = _features('features', features).astype(np.float64)
    centred = features - features.mean(axis=0)
    _, sizes, axes = np.linalg.svd(centred, full_matrices=False)
    axes = axes[:2]
    largest = np.abs(axes).argmax(axis=1)
    sign = np.where(axes[np.arange(len(axes)), largest] < 0, -1.0, 1.0)
    plane = np.zeros((len(features), 2))
    plane[:, : len(axes)] = centred @ (axes * sign[:, None]).T
    power = sizes**2
    share = np.zeros(2)
    if power.sum() > 0:
        share[: len(axes)] = power[:2] / power.sum()
    return plane, share


def silhouette(
    features: np.ndarray,
    labels: np.ndarray,
    max_snippets: int = 2000,
    seed: int = 0,
) -> float:
    """Mean silhouette over snippets, by cosine distance; -1..1."""
    from sklearn.metrics import silhouette_score

    features = _features('features', features)
    labels = _labels(features, labels)
    if len(features) > max_snippets:
        rng = np.random.default_rng(seed)
        rows = rng.choice(len(features), max_snippets, replace=False)
        features, labels = features[rows], labels[rows]
    if not 1 < len(np.unique(labels)) < len(labels):
        return float('nan')
    return float(silhouette_score(features, labels, metric='cosine'))


def cross_knn_accuracy(
    features: np.ndarray,
    labels: np.ndarray,
    videos: np.ndarray,
    num_neighbors: int = 20,
) -> float:
    """k-NN accuracy where no snippet votes within its own video."""
    features = _features('features', features)
    labels = _labels(features, labels)
    names, codes = np.unique(np.asarray(videos), return_inverse=True)
    if len(names) < 2:
        return float('nan')
    fold = codes % 5
    predicted = np.empty_like(labels)
    for part in np.unique(fold):
        inside = fold == part
        predicted[inside] = knn_predict(
            features[~inside], labels[~inside], features[inside], num_neighbors
        )
    return knn_accuracy(predicted, labels)['balanced_accuracy']


def _features(name: str, features: np.ndarray) -> np.ndarray:
    array = np.asarray(features)
    array = array if array.dtype.kind == 'f' else array.astype(np.float64)
    good = array.ndim == 2 and (array.size or name == 'queries')
    if not good or not np.isfinite(array).all():
        raise DataError(
            f'{name}: found {show(array)}; expected finite numbers, one row '
            'of C a snippet, at least one; an encoder that makes others has '
            'diverged'
        )
    return array


def _labels(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    labels = np.asarray(labels)
    if labels.shape != (len(features),):
        raise DataError(
            f'labels: found {show(labels)}; expected ({len(features)},), one '
            'a snippet'
        )
    return labels.astype(np.int64)
