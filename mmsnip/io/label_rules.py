"""Named rules for segments that overlap."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import numpy as np

__all__ = [
    'OVERLAPS',
    'find_overlaps',
    'one_label_per_frame',
    'settle_overlaps',
]

OVERLAPS = {
    'keep': 'segments may overlap, as the file has them',
    'one-label': 'a frame inside several segments belongs to the one that '
    'starts last, then to the shortest, then to the lowest label',
}


def one_label_per_frame(
    segments: np.ndarray, labels: np.ndarray, num_frames: int
) -> tuple[np.ndarray, np.ndarray]:
    """Segments without overlap, by a fixed rule.

    A frame inside several segments belongs to the one that starts last; of
    those, to the shortest; of those, to the lowest label. What is left is cut
    into runs of equal labels, so adjacent segments of a class become one.

    Args:
        segments (np.ndarray): Half-open frames, (num_segments, 2) int64.
        labels (np.ndarray): (num_segments,) int64.
        num_frames (int): T.

    Returns:
        tuple[np.ndarray, np.ndarray]: Segments and labels, ascending in time.

    Examples:
        >>> segments, labels = one_label_per_frame(
        ...     np.array([[0, 9], [2, 4]]), np.array([1, 0]), 13)
        >>> segments.tolist(), labels.tolist()
        ([[0, 2], [2, 4], [4, 9]], [1, 0, 1])
    """
    frames = np.full(num_frames, -1, np.int64)
    starts, ends = segments[:, 0], segments[:, 1]
    # The last painter wins: late start, then short, then low label.
    for index in np.lexsort((-labels, starts - ends, starts)):
        frames[starts[index] : ends[index]] = labels[index]
    edges = np.flatnonzero(np.diff(frames)) + 1
    edges = np.concatenate(([0], edges, [num_frames]))
    runs = np.stack((edges[:-1], edges[1:]), axis=1)
    runs = runs[runs[:, 0] < runs[:, 1]]
    labels = frames[runs[:, 0]]
    return runs[labels >= 0], labels[labels >= 0]


def settle_overlaps(
    segments: np.ndarray, names: Sequence[str], classes: Sequence[str]
) -> tuple[np.ndarray, list[str]]:
    """The rule of `one_label_per_frame` on times of any size and unit.

    Only the order of the borders matters, so that memory follows the number
    of segments, not the times.

    Args:
        segments (np.ndarray): Half-open, (num_segments, 2).
        names (Sequence[str]): Class of each.
        classes (Sequence[str]): All classes, lowest label first.

    Returns:
        tuple[np.ndarray, list[str]]: Segments without overlap, ascending in
        time, and the class of each.

    Examples:
        >>> segments, names = settle_overlaps(
        ...     np.array([[0.5, 9.0], [2.25, 4.0]]), ['a', 'b'], ['a', 'b'])
        >>> segments.tolist(), names
        ([[0.5, 2.25], [2.25, 4.0], [4.0, 9.0]], ['a', 'b', 'a'])
    """
    label_of = {name: label for label, name in enumerate(classes)}
    labels = np.array([label_of[name] for name in names], np.int64)
    borders, ranks = np.unique(segments, return_inverse=True)
    runs, labels = one_label_per_frame(
        ranks.reshape(-1, 2), labels, len(borders)
    )
    return borders[runs], [classes[label] for label in labels]


def find_overlaps(segments: np.ndarray) -> list[tuple[int, int, int]]:
    """Segments that begin inside another one.

    Args:
        segments (np.ndarray): Half-open, none empty, (num_segments, 2).

    Returns:
        list[tuple[int, int, int]]: Ascending in start: the segment, the one
        of those it begins in that ends last, and how many it begins in.

    Examples:
        >>> find_overlaps(np.array([[2, 5], [0, 3], [5, 6]]))
        [(0, 1, 1)]
    """
    found = []
    running: list[tuple[float, int]] = []  # by end
    latest = -1
    order = np.lexsort((segments[:, 1], segments[:, 0])).tolist()
    rows = segments.tolist()
    for index in order:
        start, end = rows[index]
        while running and running[0][0] <= start:
            heapq.heappop(running)
        if running:
            found.append((index, latest, len(running)))
        if latest < 0 or end >= rows[latest][1]:
            latest = index
        heapq.heappush(running, (end, index))
    return found
