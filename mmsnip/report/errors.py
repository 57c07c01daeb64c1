"""What is wrong with each segment of a video, in one word each.

Two intervals are *near* where their IoU is at least ``NEAR_IOU`` or at least
half of the prediction lies inside the true segment. Predictions are looked
at in descending score, each gets the first kind that fits:

- ``correct``: its class, IoU at least ``GOOD_IOU`` with a true segment that
  no better prediction has taken; of several the one of highest IoU.
- ``double``: near a true segment of its class, and it shares frames with a
  better prediction of its class that is about the same one.
- ``split``: near a true segment of its class, and another prediction of its
  class, apart from it, is about the same one: one action fell to pieces.
- ``boundary``: near a true segment of its class, alone: badly localised.
- ``wrong_class``: near a true segment of another class, or at least half of
  its frames lie in true segments of other classes.
- ``false_alarm``: anything else, an action where there is none.

A true segment is ``found`` where a prediction is correct about it, else it
has the first of ``split``, ``boundary`` and ``wrong_class`` that a prediction
about it has. If none is about it, it is ``boundary`` where at least half of
its frames lie in predictions of its class, ``wrong_class`` where they lie in
predictions of others, and ``missed`` otherwise.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mmsnip.evaluation.segments import segment_iou

__all__ = [
    'ERRORS',
    'GOOD_IOU',
    'NEAR_IOU',
    'Verdict',
    'covered_share',
    'judge_segments',
]

GOOD_IOU = 0.5
NEAR_IOU = 0.1
HALF = 0.5
CORRECT, FOUND = 'correct', 'found'
ERRORS = (
    'missed',
    'wrong_class',
    'boundary',
    'split',
    'false_alarm',
    'double',
)


class Verdict(NamedTuple):
    """Kinds of the segments of a video.

    Args:
        found (list[str]): Kind of each prediction, ``correct`` or one of
            ``ERRORS``.
        truth (list[str]): Kind of each true segment, ``found`` or one of
            ``ERRORS``.
        about (np.ndarray): True segment that each prediction is about, -1
            for none, (num_detections,) int64.
    """

    found: list[str]
    truth: list[str]
    about: np.ndarray


def judge_segments(found: np.ndarray, truth: np.ndarray) -> Verdict:
    """Say of each prediction and each true segment what is wrong with it.

    Args:
        found (np.ndarray): label, start, end, score, (num_detections, 4).
        truth (np.ndarray): label, start, end, (num_segments, 3).

    Returns:
        Verdict: Kinds, and what each prediction is about.

    Examples:
        >>> verdict = judge_segments(
        ...     np.array([[0, 0, 10, 0.9], [1, 30, 40, 0.8]]),
        ...     np.array([[0, 1, 11], [2, 60, 70]]),
        ... )
        >>> verdict.found, verdict.truth
        (['correct', 'false_alarm'], ['found', 'missed'])
    """
    found = np.asarray(found, dtype=np.float64).reshape(-1, 4)
    truth = np.asarray(truth, dtype=np.float64).reshape(-1, 3)
    order = np.argsort(-found[:, 3], kind='stable')
    iou = segment_iou(found[:, 1:3], truth[:, 1:])
    same = found[:, :1] == truth[None, :, 0]
    near = (iou >= NEAR_IOU) | (_own_share(found, truth) >= HALF)
    about = _claims(iou, same, order)
    correct = about >= 0
    kinds = np.where(correct, CORRECT, '').astype(object)
    for row in np.flatnonzero(~correct):
        about[row] = _nearest(iou[row], same[row] & near[row])
    own = about >= 0
    rank = np.empty(len(found), dtype=np.int64)
    rank[order] = np.arange(len(found))
    for row in np.flatnonzero(own & ~correct):
        kinds[row] = _crowded(row, found, about, own, rank)
    for row in np.flatnonzero(~own):
        other = ~same[row]
        about[row] = _nearest(iou[row], other & near[row])
        share = covered_share(found[row, 1:3], truth[other, 1:])
        if about[row] < 0 and share >= HALF:
            about[row] = _nearest(iou[row], other)
        kinds[row] = 'wrong_class' if about[row] >= 0 else 'false_alarm'
    said = [
        _kind_of_truth(g, kinds, about, found, truth)
        for g in range(len(truth))
    ]
    return Verdict([str(kind) for kind in kinds], said, about)


def covered_share(interval: np.ndarray, others: np.ndarray) -> float:
    """Part of an interval that the union of others covers.

    Args:
        interval (np.ndarray): start, end, (2,).
        others (np.ndarray): start, end, (num, 2), overlapping or not.

    Returns:
        float: In 0..1; 0 for an empty interval.

    Examples:
        >>> covered_share(np.array([0, 10]), np.array([[8, 20], [7, 9]]))
        0.3
    """
    start, end = interval
    total, reached = 0.0, start
    for low, high in sorted(others.tolist()):
        low, high = max(low, reached), min(high, end)
        if high > low:
            total, reached = total + high - low, high
    return float(total / (end - start)) if end > start else 0.0


def _own_share(found: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Part of each prediction inside each true segment."""
    start = np.maximum(found[:, None, 1], truth[None, :, 1])
    end = np.minimum(found[:, None, 2], truth[None, :, 2])
    length = np.maximum(found[:, 2] - found[:, 1], 1e-9)
    return np.maximum(end - start, 0) / length[:, None]


def _claims(
    iou: np.ndarray, same: np.ndarray, order: np.ndarray
) -> np.ndarray:
    """Free true segment that each prediction takes, by score, or -1."""
    taken = np.full(len(order), -1, dtype=np.int64)
    free = np.ones(iou.shape[1], dtype=bool)
    for row in order:
        fits = same[row] & free & (iou[row] >= GOOD_IOU)
        taken[row] = _nearest(iou[row], fits)
        if taken[row] >= 0:
            free[taken[row]] = False
    return taken


def _nearest(iou: np.ndarray, allowed: np.ndarray) -> int:
    """Allowed column of highest IoU, the first of equal ones, or -1."""
    if not allowed.any():
        return -1
    return int(np.where(allowed, iou, -1.0).argmax())


def _crowded(
    row: int,
    found: np.ndarray,
    about: np.ndarray,
    own: np.ndarray,
    rank: np.ndarray,
) -> str:
    """Kind of a prediction of the right class that is not correct."""
    rivals = own & (about == about[row])
    rivals[row] = False
    meets = (found[:, 1] < found[row, 2]) & (found[:, 2] > found[row, 1])
    if (rivals & meets & (rank < rank[row])).any():
        return 'double'
    return 'split' if (rivals & ~meets).any() else 'boundary'


def _kind_of_truth(
    g: int,
    kinds: np.ndarray,
    about: np.ndarray,
    found: np.ndarray,
    truth: np.ndarray,
) -> str:
    """Kind of a true segment."""
    there = set(kinds[about == g].tolist())
    if CORRECT in there:
        return FOUND
    for kind in ('split', 'boundary', 'wrong_class'):
        if kind in there:
            return kind
    own = found[:, 0] == truth[g, 0]
    for kind, rows in (('boundary', own), ('wrong_class', ~own)):
        if covered_share(truth[g, 1:], found[rows, 1:3]) >= HALF:
            return kind
    return 'missed'
