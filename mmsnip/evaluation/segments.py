"""Intervals of frames: overlap, runs, smoothing, Viterbi, suppression.

All intervals are half-open ``[start, end)`` in frames.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mmsnip.structures import DataError, show

# divides an empty intersection by an empty length
TINY = np.finfo(np.float64).tiny
# Nats; chosen on held-out videos of two data sets, docs/evidence.md.
SWITCH_COST = 10.0
FLOOR = 1e-6


CONVENTIONS = ('official', 'clean')


def check_scores(scores: np.ndarray, source: str = 'scores') -> np.ndarray:
    """Frame scores as a float array, (T, num_classes + 1)."""
    array = np.asarray(scores)
    if array.dtype not in (np.float32, np.float64):
        array = array.astype(np.float64)
    found = show(array) if array.ndim != 2 or array.shape[1] < 2 else None
    if found is None and not np.isfinite(array).all():
        place = np.argwhere(~np.isfinite(array))[0].tolist()
        found = f'{array[tuple(place)]} at {place}'
    if found is not None:
        raise DataError(
            f'{source}: found {found}; expected finite numbers, '
            '(T, num_classes + 1) with the background last'
        )
    return array


def check_convention(convention: str) -> None:
    """Refuse an unknown convention."""
    if convention not in CONVENTIONS:
        raise ValueError(
            f'convention={convention!r} is unknown; use one of {CONVENTIONS}'
        )


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
    a, b = _intervals('a', a), _intervals('b', b)
    start = np.maximum(a[:, None, 0], b[None, :, 0])
    end = np.minimum(a[:, None, 1], b[None, :, 1])
    inter = np.maximum(end - start, 0.0)
    length_a = (a[:, 1] - a[:, 0])[:, None]
    union = length_a + (b[:, 1] - b[:, 0]) - inter
    return np.divide(inter, union, out=np.zeros_like(inter), where=union > 0)


def _intervals(name: str, intervals: np.ndarray) -> np.ndarray:
    array = np.asarray(intervals, dtype=np.float64)
    array = array if array.size else np.zeros((0, 2))
    good = array.ndim == 2 and array.shape[1] == 2
    if not (good and (np.diff(array) >= 0).all() and np.isfinite(array).all()):
        raise DataError(
            f'{name}: found {show(array)}; expected finite frames, (n, 2), '
            'start <= end'
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
    array = np.asarray(labels)
    if array.ndim != 1 or (array.size and array.dtype.kind not in 'iu'):
        raise DataError(
            f'labels: found {show(array)}; expected an integer a frame, (T,)'
        )
    if array.size == 0:
        return np.zeros((0, 3), dtype=np.int64)
    inner = (array[1:] != array[:-1]).nonzero()[0] + 1
    runs = np.empty((len(inner) + 1, 3), dtype=np.int64)
    runs[0, 1], runs[1:, 1] = 0, inner
    runs[:-1, 2], runs[-1, 2] = inner, array.size
    runs[:, 0] = array[runs[:, 1]]
    return runs if background is None else runs[runs[:, 0] != background]


def mask_runs(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Runs of True in each row."""
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
        >>> run_detections([[0.75, 0.25], [0.5, 0.5], [0.25, 0.75]]).tolist()
        [[0.0, 0.0, 2.0, 0.625]]
    """
    scores = check_scores(scores)
    return label_detections(scores, scores.argmax(axis=1), min_length)


def label_detections(
    scores: np.ndarray, labels: np.ndarray, min_length: int = 1
) -> np.ndarray:
    """Runs of labels with the mean probability of each."""
    if not len(scores):
        return np.zeros((0, 4))
    runs = segments_from_frames(labels, background=None)
    chosen = scores[np.arange(len(scores)), labels]
    means = np.add.reduceat(chosen, runs[:, 1], dtype=np.float64)
    lengths = runs[:, 2] - runs[:, 1]
    found = np.column_stack([runs, means / lengths])
    kept = (runs[:, 0] != scores.shape[1] - 1) & (lengths >= min_length)
    return found[kept]


def smooth_scores(
    scores: np.ndarray, half_width: int = 10, convention: str = 'official'
) -> np.ndarray:
    """Mean filter over time, as PKU-MMD's protocol has it.

    'official' averages frames ``[i - k, i + k)``, cut at the start of the
    video; where i + k reaches its end the window stops before the last
    frame, which therefore never counts. float32 scores are summed in
    float32. 'clean' averages ``[i - k, i + k]``, cut at both ends, in
    float64. A video of one frame, whose official window is empty, is
    returned as it is.

    Args:
        scores (np.ndarray): Frame scores, (T, C).
        half_width (int): k, frames; 0 smooths nothing.
        convention (str): 'official' or 'clean'.

    Returns:
        np.ndarray: Smoothed scores, (T, C) float64.

    Raises:
        ValueError: If ``half_width`` is negative, or the convention unknown.

    Source:
        Smoothing of PKU-MMD frame scores in Simple-Skeleton-Detection.
    """
    check_convention(convention)
    if half_width < 0:
        raise ValueError(f'half_width={half_width} must not be negative')
    values = np.asarray(scores)
    if values.dtype != np.float32:
        values = values.astype(np.float64)
    T = len(values)
    if half_width == 0 or T < 2:
        return values.astype(np.float64)
    frame = np.arange(T)
    start = np.maximum(frame - half_width, 0)
    if convention == 'official':
        end = frame + half_width
        end[end >= T] = T - 1
        # sums in the precision of the scores, in order of time
        sums = np.zeros_like(values)
        for offset in range(-half_width, half_width):
            low, high = max(-offset, 0), min(T - 1 - offset, T)
            if low < high:
                sums[low:high] += values[low + offset : high + offset]
        lengths = (end - start).astype(values.dtype)
        return (sums / lengths[:, None]).astype(np.float64)
    end = np.minimum(frame + half_width + 1, T)
    totals = np.zeros((T + 1, values.shape[1]))
    np.cumsum(values, axis=0, dtype=np.float64, out=totals[1:])
    return (totals[end] - totals[start]) / (end - start)[:, None]


def check_window(size: Any, name: str = 'size') -> int:
    """Refuse a window that has no middle."""
    if not isinstance(size, int) or size < 1 or size % 2 == 0:
        raise ValueError(
            f'{name}={size!r} must be an odd number of frames, such as 31: '
            'the window is centred on its frame; 1 smooths nothing'
        )
    return size


def smooth_frames(scores: np.ndarray, size: int) -> np.ndarray:
    """Mean of the frames around each frame.

    What ``test_cfg=dict(smooth_frames=size)`` does, for scores of an exported
    model, say. It is the clean convention of `smooth_scores`.

    Args:
        scores (np.ndarray): Frame scores of one video, (T, num_classes + 1).
        size (int): Frames of the window, odd; 1 smooths nothing.

    Returns:
        np.ndarray: The same shape, float64.

    Raises:
        ValueError: If ``size`` is not odd and positive.

    Examples:
        >>> smooth_frames(np.array([[0.0], [3.0], [6.0], [9.0]]), 3).ravel()
        array([1.5, 3. , 6. , 7.5])
    """
    return smooth_scores(scores, check_window(size) // 2, 'clean')


def viterbi_labels(
    scores: np.ndarray, switch_cost: float = SWITCH_COST
) -> np.ndarray:
    """Labels of least cost.

    The cost of labels is the sum over frames of ``-log(probability)``, at
    least 1e-6 each, and ``switch_cost`` for every change: the Potts model,
    solved exactly. A run remains if its frames together speak for it by
    more than two changes cost.
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
        np.ndarray: As `run_detections`.

    Raises:
        ValueError: As there.
    """
    labels = viterbi_labels(scores, switch_cost)
    return label_detections(np.asarray(scores), labels, min_length)


def suppress(
    segments: np.ndarray,
    scores: np.ndarray,
    threshold: float,
) -> np.ndarray:
    """Greedy suppression of segments that a better one overlaps.

    Overlap is the intersection over the length of the segment that would
    go. Of equal scores the later row ranks first (an ascending stable sort,
    read backwards).

    Args:
        segments (np.ndarray): ``[start, end)`` frames, (K, 2).
        scores (np.ndarray): Score of each segment, (K,).
        threshold (float): A segment goes where its overlap with a better,
            kept one is larger than this.

    Returns:
        np.ndarray: Indices of the kept segments, best first, (num_kept,)
        int64.

    Examples:
        >>> suppress([[0, 10], [2, 4], [8, 20]], [0.9, 0.8, 0.7], 0.2)
        array([0, 2])
    """
    starts, ends = _intervals('segments', segments).T
    return keep_best(starts, ends, np.asarray(scores), threshold)


def keep_best(
    starts: np.ndarray,
    ends: np.ndarray,
    scores: np.ndarray,
    threshold: float,
) -> np.ndarray:
    """``suppress`` on checked columns."""
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
    size = (ends - starts)[worse]
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
