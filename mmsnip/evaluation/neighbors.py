"""Nearest neighbours of snippets: what a feature space tells apart."""

from __future__ import annotations

import numpy as np

_IGNORE = -100  # frame label that nothing counts


def majority_labels(
    frame_labels: np.ndarray, size: int, ignore: int = _IGNORE
) -> np.ndarray:
    """Most frequent label of each window of a sequence.

    Windows tile the sequence from its first frame; the last one may be
    shorter. Of equally frequent labels the lowest is taken.

    Args:
        frame_labels (np.ndarray): (T,) integers.
        size (int): Frames of a window.
        ignore (int): Label of frames that do not vote. Defaults to -100.

    Returns:
        np.ndarray: (ceil(T / size),) int64; ``ignore`` where no frame votes.

    Raises:
        ValueError: If ``size`` is below 1 or the labels are not (T,).

    Examples:
        >>> majority_labels([2, 2, 0, 1, 0, -100, 1], 3).tolist()
        [2, 0, 1]
    """
    labels = np.asarray(frame_labels, dtype=np.int64)
    if labels.ndim != 1 or size < 1:
        raise ValueError(
            f'frame_labels have shape {labels.shape} and size={size}; '
            'expected (T,) labels and windows of at least one frame'
        )
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
    chunk_size: int = 256,
) -> np.ndarray:
    """Label of each query by a vote of its nearest neighbours.

    Near is a high cosine similarity; a vector of zeros is at 0 from all. Of
    equally similar entries at the edge of the neighbourhood the earlier ones
    of the bank are taken. A neighbour's vote weighs
    ``exp(similarity / temperature)``, and the label with the largest sum
    wins, the lowest of equal ones.

    Args:
        bank (np.ndarray): Features with known labels, (B, C).
        bank_labels (np.ndarray): (B,) integers.
        queries (np.ndarray): Features to label, (Q, C).
        num_neighbors (int): Voters, all of the bank where it has fewer.
            Defaults to 20.
        temperature (float, optional): None lets all neighbours weigh the
            same. Defaults to 0.07.
        chunk_size (int): Queries that are compared at a time; memory grows
            with ``chunk_size * B``. Defaults to 256.

    Returns:
        np.ndarray: Labels, (Q,) int64.

    Raises:
        ValueError: If shapes disagree, the bank is empty, a feature is not
            finite, or a number is not positive.

    Source:
        Wu et al., instance discrimination, CVPR 2018 (weighted k-NN).

    Examples:
        >>> bank = [[1.0, 0.0], [0.0, 1.0], [0.1, 0.9]]
        >>> knn_predict(bank, [4, 7, 7], [[2.0, 0.1], [0.0, 3.0]], 2)
        array([4, 7])
    """
    bank, queries = _features('bank', bank), _features('queries', queries)
    bank_labels = np.asarray(bank_labels)
    if bank_labels.shape != bank.shape[:1] or not len(bank):
        raise ValueError(
            f'bank has shape {bank.shape} and bank_labels '
            f'{bank_labels.shape}; expected (B, C) and (B,) with B of at '
            'least 1'
        )
    if queries.shape[1] != bank.shape[1]:
        raise ValueError(
            f'queries have {queries.shape[1]} channels and the bank '
            f'{bank.shape[1]}; use one encoder for both'
        )
    if num_neighbors < 1 or chunk_size < 1:
        raise ValueError(
            f'num_neighbors={num_neighbors} and chunk_size={chunk_size} must '
            'be at least 1'
        )
    if temperature is not None and not temperature > 0:
        raise ValueError(
            f'temperature={temperature} must be positive, or None for votes '
            'that weigh the same'
        )
    values, codes = np.unique(bank_labels, return_inverse=True)
    k = min(num_neighbors, len(bank))
    winners = np.empty(len(queries), dtype=np.int64)
    for start in range(0, len(queries), chunk_size):
        similarity = queries[start : start + chunk_size] @ bank.T
        nearest = _nearest(similarity, k)  # (q, k)
        near = np.take_along_axis(similarity, nearest, axis=1)
        near = near.astype(np.float64)
        weight = np.ones_like(near)
        if temperature is not None:
            # Relative to the nearest: the same winner, no overflow.
            best = near.max(axis=1, keepdims=True)
            weight = np.exp((near - best) / temperature)
        q = len(near)
        cells = codes[nearest] + len(values) * np.arange(q)[:, None]
        votes = np.bincount(
            cells.ravel(), weight.ravel(), minlength=q * len(values)
        )
        winners[start : start + q] = votes.reshape(q, -1).argmax(axis=1)
    return values[winners].astype(np.int64)


def knn_accuracy(
    predictions: np.ndarray,
    labels: np.ndarray,
    background: int | None = None,
) -> dict[str, float]:
    """How many labels are right, counted in three ways.

    - ``accuracy``: right predictions over all, background among them.
    - ``balanced_accuracy``: the share of right predictions within each label
      that the truth has, background among them; mean over those labels.
    - ``action_accuracy``: right predictions over those whose true label is
      not the background.

    NaN where nothing is counted.

    Args:
        predictions (np.ndarray): (Q,) integers.
        labels (np.ndarray): True labels, (Q,) integers.
        background (int, optional): The background's label. None: there is
            none. Defaults to None.

    Returns:
        dict[str, float]: The three, in 0..1.

    Raises:
        ValueError: If the two differ in length.

    Examples:
        >>> report = knn_accuracy([0, 2, 2, 2], [0, 1, 2, 2], background=2)
        >>> report['accuracy'], report['action_accuracy']
        (0.75, 0.5)
        >>> round(report['balanced_accuracy'], 3)
        0.667
    """
    predictions, labels = np.asarray(predictions), np.asarray(labels)
    if predictions.shape != labels.shape or labels.ndim != 1:
        raise ValueError(
            f'predictions have shape {predictions.shape} and labels '
            f'{labels.shape}; expected (Q,) of both'
        )
    right = predictions == labels
    shares = [right[labels == value].mean() for value in np.unique(labels)]
    action = np.ones(len(labels), dtype=bool)
    if background is not None:
        action = labels != background
    return dict(
        accuracy=_mean(right),
        balanced_accuracy=_mean(np.array(shares)),
        action_accuracy=_mean(right[action]),
    )


def _features(name: str, features: np.ndarray) -> np.ndarray:
    """Unit length, float32."""
    array = np.asarray(features, dtype=np.float32)
    if array.ndim != 2:
        raise ValueError(
            f'{name} has shape {array.shape}; expected one row of C numbers '
            'per snippet'
        )
    if not np.isfinite(array).all():
        raise ValueError(
            f'{name} holds numbers that are not finite; the encoder that '
            'made them has diverged'
        )
    length = np.linalg.norm(array, axis=1, keepdims=True)
    return array / np.where(length > 0, length, 1)


def _nearest(similarity: np.ndarray, k: int) -> np.ndarray:
    """The k largest of each row, (q, k), the first of equal ones."""
    num_entries = similarity.shape[1]
    if k == num_entries:
        return np.broadcast_to(np.arange(k), similarity.shape)
    nearest = np.argpartition(similarity, num_entries - k, axis=1)[:, -k:]
    edge = np.take_along_axis(similarity, nearest, axis=1).min(axis=1)
    reaching = (similarity >= edge[:, None]).sum(axis=1)
    for row in np.flatnonzero(reaching > k):
        order = np.argsort(-similarity[row], kind='stable')
        nearest[row] = order[:k]
    return nearest


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else float('nan')
