"""The most probable labels where each change of label has a price."""

from __future__ import annotations

import numpy as np

from mmsnip.evaluation.segments import check_scores, label_detections

# Nats; chosen on held-out videos of two data sets, docs/evidence.md.
SWITCH_COST = 10.0
FLOOR = 1e-6


def viterbi_labels(
    scores: np.ndarray, switch_cost: float = SWITCH_COST
) -> np.ndarray:
    """Labels of least cost.

    The cost of labels is the sum over frames of ``-log(probability)``, at
    least 1e-6 each, and ``switch_cost`` for every change: the Potts model,
    solved exactly. A run remains if its frames together speak for it by
    more than two changes cost.

    Args:
        scores (np.ndarray): Frame probabilities, (T, num_classes + 1),
            background last.
        switch_cost (float): Nats, finite and not negative; 0 is the
            arg-max.

    Returns:
        np.ndarray: Label of each frame, (T,) int64.

    Raises:
        ValueError: If ``scores`` is not (T, num_classes + 1) or not finite,
            or ``switch_cost`` is out of range.

    Source:
        Viterbi, IEEE Trans. Inf. Theory 13, 1967; Potts, 1952.

    Examples:
        >>> flicker = np.array([[0.8, 0.2], [0.4, 0.6], [0.8, 0.2]])
        >>> viterbi_labels(flicker, 0.0).tolist()
        [0, 1, 0]
        >>> viterbi_labels(flicker, 1.0).tolist()
        [0, 0, 0]
    """
    scores = check_scores(scores)
    if not (np.isfinite(switch_cost) and switch_cost >= 0):
        raise ValueError(
            f'switch_cost={switch_cost!r} must be finite and 0 or more'
        )
    costs = -np.log(np.maximum(scores, FLOOR, dtype=np.float64))
    T, K = costs.shape
    # Where the best way to label k at frame t came from.
    origin = np.empty((T, K), dtype=np.int64)
    stay, total = np.arange(K), np.zeros(K)
    for t, cost in enumerate(costs):
        best = total.argmin()
        change = total[best] + (switch_cost if t else 0.0)
        origin[t] = np.where(total <= change, stay, best)
        total = np.minimum(total, change) + cost
    labels = np.empty(T, dtype=np.int64)
    label = total.argmin() if T else 0
    for t in range(T - 1, -1, -1):
        labels[t] = label
        label = origin[t, label]
    return labels


def viterbi_detections(
    scores: np.ndarray, switch_cost: float = SWITCH_COST, min_length: int = 1
) -> np.ndarray:
    """Runs of `viterbi_labels`: of the arg-max without its flicker.

    Args:
        scores (np.ndarray): Frame probabilities, (T, num_classes + 1),
            background last.
        switch_cost (float): As there.
        min_length (int): Shorter runs, in frames, are left out.

    Returns:
        np.ndarray: label, start, end, score in order of time,
        (num_detections, 4) float64. The score is the mean probability of
        the class inside the run.

    Raises:
        ValueError: As there.

    Examples:
        >>> flicker = [[0.75, 0.25], [0.5, 0.5], [0.25, 0.75], [0.75, 0.25]]
        >>> viterbi_detections(flicker, 2.0).tolist()
        [[0.0, 0.0, 4.0, 0.5625]]
    """
    labels = viterbi_labels(scores, switch_cost)
    return label_detections(np.asarray(scores), labels, min_length)
