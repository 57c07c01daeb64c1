"""Why detections are false, and what each kind of error costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mmsnip.evaluation.average_precision import (
    check_thresholds,
    match_detections,
    mean_of_defined,
)
from mmsnip.evaluation.records import Table, collect
from mmsnip.evaluation.segments import segment_iou

KINDS = (
    'true positive',
    'double detection',
    'wrong label',
    'localization',
    'confusion',
    'background',
)


@dataclass(frozen=True)
class ErrorReport:
    """Kinds of detections and the price of each kind of error.

    Attributes:
        iou_thresholds (np.ndarray): (num_thresholds,).
        counts (np.ndarray): Detections of each kind of `KINDS`, mean over
            thresholds, (num_groups, 6). With G true segments in a class, its
            group g holds its detections of rank g * G to (g + 1) * G.
        mean_ap (float): Mean AP of all groups' detections, over classes and
            thresholds.
        gains (np.ndarray): Rise of `mean_ap` once the detections of a kind
            are gone, for the five kinds of error, (5,).
    """

    iou_thresholds: np.ndarray
    counts: np.ndarray
    mean_ap: float
    gains: np.ndarray

    @property
    def shares(self) -> np.ndarray:
        """Share of each kind in its group, NaN where a group is empty."""
        whole = self.counts.sum(axis=1, keepdims=True)
        return self.counts / np.where(whole > 0, whole, np.nan)


def diagnose_errors(
    detections: Mapping[str, np.ndarray],
    ground_truth: Mapping[str, np.ndarray],
    num_classes: int,
    iou_thresholds: Sequence[float] = (0.5,),
    min_iou: float = 0.1,
    num_groups: int = 10,
    normalize: bool = True,
) -> ErrorReport:
    """False positives by kind, and mean AP without each kind.

    Matching is ActivityNet's. Of a class with G true segments the best
    ``num_groups * G`` detections are looked at; detections of a class
    without any are not.

    Args:
        detections (Mapping[str, np.ndarray]): Per video label, start, end,
            score, (num_detections, 4).
        ground_truth (Mapping[str, np.ndarray]): Per video label, start,
            end, (num_segments, 3).
        num_classes (int): Classes without the background.
        iou_thresholds (Sequence[float]): In (0, 1]; the source takes 0.5 to
            0.95 on ActivityNet and 0.5 alone on THUMOS14.
        min_iou (float): Below this overlap an error is background.
        num_groups (int): Groups of G detections, at least 1.
        normalize (bool): AP_N of the source, see
            `normalized_average_precision`; False takes plain AP.

    Returns:
        ErrorReport: The report. Without ground truth the numbers are NaN.

    Raises:
        ValueError: If an array is malformed, the video is named; if a
            number is out of range.

    Source:
        Alwassel et al., DETAD, ECCV 2018, arXiv 1807.10706, section 4.

    Examples:
        >>> found = {'a': np.array([[0, 0, 9, 0.9], [0, 20, 29, 0.8]])}
        >>> truth = {'a': np.array([[0, 0, 9], [0, 40, 49]])}
        >>> report = diagnose_errors(found, truth, 1, num_groups=1)
        >>> report.counts.tolist()
        [[1.0, 0.0, 0.0, 0.0, 0.0, 1.0]]
    """
    if num_groups < 1:
        raise ValueError(f'num_groups={num_groups} must be at least 1')
    found, truth = collect(detections, ground_truth, num_classes)
    levels = check_thresholds(iou_thresholds)
    positives = np.bincount(truth.label, minlength=num_classes)
    group = ranks_in_class(found.label) // np.maximum(
        positives[found.label], 1
    )
    kept = (group < num_groups) & (positives[found.label] > 0)
    found, group = found.take(kept), group[kept]
    kinds = detection_kinds(found, truth, levels, min_iou)
    counts = np.zeros((num_groups, len(KINDS)))
    for row in kinds:
        np.add.at(counts, (group, row), 1 / len(levels))
    base = mean_average_precision(
        found.label, kinds == 0, positives, normalize
    )
    without = [
        mean_average_precision(
            found.label, kinds == 0, positives, normalize, kinds != kind
        )
        for kind in range(1, len(KINDS))
    ]
    return ErrorReport(levels, counts, base, np.array(without) - base)


def detection_kinds(
    detections: Table,
    ground_truth: Table,
    iou_thresholds: Sequence[float],
    min_iou: float = 0.1,
) -> np.ndarray:
    """Kind of each detection at every threshold.

    A detection that takes a true segment is a true positive. Another is
    judged by the true segment, of any class, that it overlaps most: from
    the threshold on it is a 'double detection' of the own class or a 'wrong
    label'; from ``min_iou`` on, 'localization' or 'confusion' in the same
    way; else 'background'. Of segments that it overlaps alike, one of its
    own class counts (the published code takes the first of the file).

    Args:
        detections (Table): In descending score.
        ground_truth (Table): Ground truth.
        iou_thresholds (Sequence[float]): Thresholds in (0, 1].
        min_iou (float): In [0, 1).

    Returns:
        np.ndarray: Places in `KINDS`, (num_thresholds, num_detections).

    Raises:
        ValueError: If a threshold or ``min_iou`` is out of range.
    """
    if not 0 <= min_iou < 1:
        raise ValueError(f'min_iou={min_iou} must lie in [0, 1)')
    levels = check_thresholds(iou_thresholds)
    taken = match_detections(detections, ground_truth, levels)
    best, own = _best_overlap(detections, ground_truth)
    near = np.where(own, KINDS.index('double detection'), 2)
    touching = np.where(own, KINDS.index('localization'), 4)
    kinds = np.where(best >= levels[:, None], near, touching)
    far = (best < np.minimum(min_iou, levels)[:, None]) | (best <= 0)
    kinds[far] = KINDS.index('background')
    kinds[taken >= 0] = 0
    return kinds


def normalized_average_precision(
    true_positive: np.ndarray, num_truth: int, normal: float | None = None
) -> np.ndarray:
    """AP as if every class had the same number of true segments.

    Precision is R N / (R N + F), with recall R and F false positives so
    far. With N = ``num_truth`` that is the usual precision.

    Args:
        true_positive (np.ndarray): Boolean in descending score,
            (num_thresholds, num_detections).
        num_truth (int): True segments of the class.
        normal (float, optional): N; None takes ``num_truth``.

    Returns:
        np.ndarray: AP in 0..1, (num_thresholds,); NaN without ground truth.

    Source:
        Hoiem et al., ECCV 2012, through DETAD, arXiv 1807.10706.

    Examples:
        >>> hits = np.array([[False, True]])
        >>> normalized_average_precision(hits, 1).tolist()
        [0.5]
        >>> normalized_average_precision(hits, 1, normal=3.0).tolist()
        [0.75]
    """
    if num_truth == 0:
        return np.full(len(true_positive), np.nan)
    precision = normalized_precision(true_positive, num_truth, normal)
    envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    return (envelope * true_positive).sum(axis=1) / num_truth


def normalized_precision(
    true_positive: np.ndarray, num_truth: int, normal: float | None = None
) -> np.ndarray:
    """Precision after each detection, of `normalized_average_precision`.

    Args:
        true_positive (np.ndarray): Boolean, (num_thresholds,
            num_detections).
        num_truth (int): True segments of the class, at least 1.
        normal (float, optional): N; None takes ``num_truth``.

    Returns:
        np.ndarray: In 0..1, same shape.
    """
    normal = num_truth if normal is None else normal
    weighted = np.cumsum(true_positive, axis=1) / num_truth * normal
    false = np.cumsum(~true_positive, axis=1)
    return weighted / (weighted + false)


def mean_average_precision(
    labels: np.ndarray,
    true_positive: np.ndarray,
    positives: np.ndarray,
    normalize: bool,
    counted: np.ndarray | None = None,
    normal: float | None = None,
) -> float:
    """Mean AP over classes with ground truth and over thresholds.

    Args:
        labels (np.ndarray): Class of each detection, in descending score,
            (num_detections,).
        true_positive (np.ndarray): (num_thresholds, num_detections) bool.
        positives (np.ndarray): True segments of each class, (num_classes,).
        normalize (bool): Whether every class weighs as if it had N.
        counted (np.ndarray, optional): Detections that exist,
            (num_thresholds, num_detections) bool; None counts all.
        normal (float, optional): N; None takes the mean over the classes
            with ground truth.

    Returns:
        float: In 0..1; NaN without ground truth.
    """
    present = np.flatnonzero(positives)
    if not normalize:
        normal = None
    elif normal is None and len(present):
        normal = positives[present].mean()
    values = []
    for label in present:
        own = labels == label
        for level, row in enumerate(true_positive):
            use = own if counted is None else own & counted[level]
            values.append(
                normalized_average_precision(
                    row[None, use], positives[label], normal
                )[0]
            )
    return mean_of_defined(np.array(values))


def ranks_in_class(labels: np.ndarray) -> np.ndarray:
    """How many detections of the same class come before each.

    Args:
        labels (np.ndarray): (num_detections,) in descending score.

    Returns:
        np.ndarray: (num_detections,) int64.

    Examples:
        >>> ranks_in_class(np.array([4, 1, 4, 4])).tolist()
        [0, 0, 1, 2]
    """
    order = np.argsort(labels, kind='stable')
    heads = np.searchsorted(labels[order], labels[order], side='left')
    ranks = np.empty(len(labels), dtype=np.int64)
    ranks[order] = np.arange(len(labels)) - heads
    return ranks


def _best_overlap(
    detections: Table, ground_truth: Table
) -> tuple[np.ndarray, np.ndarray]:
    """Highest IoU with a true segment, and whether one of it is own."""
    best = np.zeros(len(detections))
    own = np.zeros(len(detections), dtype=bool)
    for video in np.unique(ground_truth.video):
        rows = np.flatnonzero(detections.video == video)
        marks = np.flatnonzero(ground_truth.video == video)
        iou = segment_iou(
            np.stack([detections.start[rows], detections.end[rows]], 1),
            np.stack([ground_truth.start[marks], ground_truth.end[marks]], 1),
        )
        best[rows] = iou.max(axis=1)
        same = detections.label[rows, None] == ground_truth.label[marks]
        own[rows] = (same & (iou == best[rows, None])).any(axis=1)
    return best, own
