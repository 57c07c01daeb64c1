"""Intervals of frames: overlap, runs, suppression.

All intervals are half-open ``[start, end)`` in frames.
"""

from __future__ import annotations

import numpy as np

from mmsnip.evaluation.records import check_scores

# divides an empty intersection by an empty length
TINY = np.finfo(np.float64).tiny


def segment_iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Temporal intersection over union of every pair.

    Two empty intervals have no union; their IoU is 0.

    Args:
        a (np.ndarray): ``[start, end)`` frames, (A, 2).
        b (np.ndarray): ``[start, end)`` frames, (B, 2).

    Returns:
        np.ndarray: IoU, (A, B) float64.

    Raises:
        ValueError: If an array is not (n, 2), not finite, or holds a
            segment with start > end.

    Examples:
        >>> segment_iou([[0, 10]], [[5, 15], [10, 20], [0, 10]]).round(3)
        array([[0.333, 0.   , 1.   ]])
    """
    a = _check_intervals('a', a)
    b = _check_intervals('b', b)
    start = np.maximum(a[:, None, 0], b[None, :, 0])
    end = np.minimum(a[:, None, 1], b[None, :, 1])
    inter = np.maximum(end - start, 0.0)
    length_a = (a[:, 1] - a[:, 0])[:, None]
    length_b = (b[:, 1] - b[:, 0])[None, :]
    union = length_a + length_b - inter
    return np.divide(inter, union, out=np.zeros_like(inter), where=union > 0)


def _check_intervals(name: str, intervals: np.ndarray) -> np.ndarray:
    array = np.asarray(intervals, dtype=np.float64)
    if array.size == 0:
        return np.zeros((0, 2))
    if array.ndim != 2 or array.shape[1] != 2:
        raise ValueError(
            f'{name} has shape {array.shape}; expected (n, 2) with columns '
            'start, end'
        )
    wrong = ~(np.isfinite(array).all(axis=1) & (array[:, 0] <= array[:, 1]))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(
            f'{name} row {row} is {array[row].tolist()}; expected finite '
            'frames with start <= end'
        )
    return array


def segments_from_frames(
    labels: np.ndarray, background: int | None
) -> np.ndarray:
    """Runs of equal labels.

    Args:
        labels (np.ndarray): Label of each frame, (T,) integers.
        background (int, optional): Label whose runs are left out; None
            keeps all runs.

    Returns:
        np.ndarray: label, start, end in order of time, (num_segments, 3)
        int64.

    Raises:
        ValueError: If ``labels`` is not one-dimensional or not integer.

    Examples:
        >>> segments_from_frames([4, 1, 1, 4, 0], background=4).tolist()
        [[1, 1, 3], [0, 4, 5]]
    """
    array = check_labels(labels)
    if array.size == 0:
        return np.zeros((0, 3), dtype=np.int64)
    inner = (array[1:] != array[:-1]).nonzero()[0] + 1
    runs = np.empty((len(inner) + 1, 3), dtype=np.int64)
    runs[0, 1], runs[1:, 1] = 0, inner
    runs[:-1, 2], runs[-1, 2] = inner, array.size
    runs[:, 0] = array[runs[:, 1]]
    return runs if background is None else runs[runs[:, 0] != background]


def check_labels(labels: np.ndarray) -> np.ndarray:
    """Frame labels as an integer array, (T,).

    Args:
        labels (np.ndarray): Label of each frame.

    Returns:
        np.ndarray: The same labels, (T,) integers.

    Raises:
        ValueError: If ``labels`` is not one-dimensional or not integer.
    """
    array = np.asarray(labels)
    if array.ndim != 1 or (array.size and array.dtype.kind not in 'iu'):
        raise ValueError(
            f'labels is a {array.dtype} array of shape {array.shape}; '
            'expected one integer per frame, (T,)'
        )
    return array if array.size else array.astype(np.int64)


def mask_runs(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Runs of True in each row.

    Args:
        mask (np.ndarray): Boolean, (R, T).

    Returns:
        tuple[np.ndarray, np.ndarray, np.ndarray]: Row, start and end of
        every run, ordered by row, then start; each (num_runs,) int64.

    Examples:
        >>> rows, starts, ends = mask_runs(np.array([[1, 1, 0, 1]], bool))
        >>> starts.tolist(), ends.tolist()
        ([0, 3], [2, 4])
    """
    R, T = mask.shape
    padded = np.zeros((R, T + 2), dtype=bool)
    padded[:, 1:-1] = mask
    # every row has an even number of flips: start, end, start, end ..
    flips = (padded[:, 1:] != padded[:, :-1]).ravel().nonzero()[0]
    rows = flips[::2] // (T + 1)
    base = rows * (T + 1)
    return rows, flips[::2] - base, flips[1::2] - base


def run_detections(scores: np.ndarray, min_length: int = 1) -> np.ndarray:
    """Runs of the arg-max class; flicker is not forgiven.

    Args:
        scores (np.ndarray): Frame probabilities, (T, num_classes + 1),
            background last.
        min_length (int): Shorter runs, in frames, are left out.

    Returns:
        np.ndarray: label, start, end, score in order of time,
        (num_detections, 4) float64. The score is the mean probability of
        the class inside the run.

    Raises:
        ValueError: If ``scores`` is not (T, num_classes + 1) or not finite.

    Examples:
        >>> scores = [[0.75, 0.25], [0.5, 0.5], [0.25, 0.75]]
        >>> run_detections(scores).tolist()
        [[0.0, 0.0, 2.0, 0.625]]
    """
    scores = check_scores(scores)
    return label_detections(scores, scores.argmax(axis=1), min_length)


def label_detections(
    scores: np.ndarray, labels: np.ndarray, min_length: int = 1
) -> np.ndarray:
    """Runs of labels with the mean probability of each.

    Args:
        scores (np.ndarray): Frame probabilities, (T, num_classes + 1),
            background last.
        labels (np.ndarray): Label of each frame, (T,).
        min_length (int): Shorter runs, in frames, are left out.

    Returns:
        np.ndarray: label, start, end, score of each run that is not
        background, in order of time, (num_detections, 4) float64.

    Examples:
        >>> scores = np.array([[0.75, 0.25], [0.25, 0.75], [0.0, 1.0]])
        >>> label_detections(scores, np.array([0, 0, 1])).tolist()
        [[0.0, 0.0, 2.0, 0.5]]
    """
    if not len(scores):
        return np.zeros((0, 4))
    runs = segments_from_frames(labels, background=None)
    chosen = scores[np.arange(len(scores)), labels]
    means = np.add.reduceat(chosen, runs[:, 1], dtype=np.float64)
    lengths = runs[:, 2] - runs[:, 1]
    found = np.column_stack([runs, means / lengths])
    kept = (runs[:, 0] != scores.shape[1] - 1) & (lengths >= min_length)
    return found[kept]


def suppress(
    segments: np.ndarray,
    scores: np.ndarray,
    threshold: float,
    labels: np.ndarray | None = None,
    overlap: str = 'candidate',
) -> np.ndarray:
    """Greedy suppression of segments that a better one overlaps.

    Of equal scores the later row ranks first (an ascending stable sort,
    read backwards).

    Args:
        segments (np.ndarray): ``[start, end)`` frames, (K, 2).
        scores (np.ndarray): Score of each segment, (K,).
        threshold (float): A segment goes where its overlap with a better,
            kept one is larger than this.
        labels (np.ndarray, optional): Integers, (K,); segments of different
            labels do not compete.
        overlap (str): What the intersection is divided by: 'candidate',
            the length of the segment that would go, or 'union'.

    Returns:
        np.ndarray: Indices of the kept segments, best first, (num_kept,)
        int64.

    Raises:
        ValueError: If ``overlap`` is unknown.

    Examples:
        >>> suppress([[0, 10], [2, 4], [8, 20]], [0.9, 0.8, 0.7], 0.2)
        array([0, 2])
    """
    if overlap not in ('candidate', 'union'):
        raise ValueError(
            f"overlap={overlap!r} is unknown; use 'candidate' or 'union'"
        )
    starts, ends = _check_intervals('segments', segments).T
    if labels is not None:
        starts, ends = apart(starts, ends, np.asarray(labels))
    return keep_best(starts, ends, np.asarray(scores), threshold, overlap)


def apart(
    starts: np.ndarray, ends: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Move each label to a stretch of the axis that is its own.

    Args:
        starts (np.ndarray): First frames, (K,).
        ends (np.ndarray): Frames after the last, (K,).
        labels (np.ndarray): Integers, (K,).

    Returns:
        tuple[np.ndarray, np.ndarray]: Starts and ends that overlap only
        within a label, each (K,).
    """
    shift = labels * (ends.max(initial=0) - starts.min(initial=0) + 1)
    return starts + shift, ends + shift


def keep_best(
    starts: np.ndarray,
    ends: np.ndarray,
    scores: np.ndarray,
    threshold: float,
    overlap: str,
) -> np.ndarray:
    """``suppress`` on checked columns of one label.

    Args:
        starts (np.ndarray): First frames, (K,).
        ends (np.ndarray): Frames after the last, (K,).
        scores (np.ndarray): Scores, (K,).
        threshold (float): As in ``suppress``.
        overlap (str): As in ``suppress``.

    Returns:
        np.ndarray: Indices of the kept segments, best first, (num_kept,)
        int64.
    """
    num = len(starts)
    best_first = scores.argsort(kind='stable')[::-1]
    first, second = _overlapping_pairs(starts, ends)
    if not len(first):
        return best_first
    inter = np.minimum(ends[first], ends[second]) - starts[second]
    rank = np.empty(num, dtype=np.int64)
    rank[best_first] = np.arange(num)
    first_wins = rank[first] < rank[second]
    better = np.where(first_wins, first, second)
    worse = np.where(first_wins, second, first)
    lengths = ends - starts
    size = lengths[worse]
    if overlap == 'union':
        size = size + lengths[better] - inter
    hit = inter / np.maximum(size, TINY) > threshold
    better, worse = better[hit], worse[hit]
    # A segment stays if no kept better one hits it. Each sweep settles at
    # least the next rank, so the fixed point is the greedy answer.
    kept = np.ones(num, dtype=bool)
    while True:
        settled = np.ones(num, dtype=bool)
        settled[worse[kept[better]]] = False
        if (settled == kept).all():
            return best_first[kept[best_first]]
        kept = settled


def _overlapping_pairs(
    starts: np.ndarray, ends: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Index pairs of segments that share frames, the earlier start first."""
    order = starts.argsort(kind='stable')
    after = np.arange(1, len(order) + 1)
    stops = starts[order].searchsorted(ends[order])
    counts = np.maximum(stops - after, 0)
    tails = counts.cumsum()
    first = order.repeat(counts)
    second = np.arange(len(first)) + (after - tails + counts).repeat(counts)
    return first, order[second]
