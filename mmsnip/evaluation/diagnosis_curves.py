"""Precision over recall of each class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from mmsnip.evaluation.average_precision import (
    average_precision,
    match_detections,
)
from mmsnip.evaluation.records import collect


class PrecisionRecall(NamedTuple):
    """Curve of one class, a point after each detection.

    Attributes:
        score (np.ndarray): Of the detections, descending, (D,).
        recall (np.ndarray): (D,); NaN without ground truth.
        precision (np.ndarray): (D,).
        envelope (np.ndarray): Highest precision from here on, (D,).
        ap (float): Area under the envelope, in 0..1; NaN without ground
            truth.
        num_truth (int): True segments.
    """

    score: np.ndarray
    recall: np.ndarray
    precision: np.ndarray
    envelope: np.ndarray
    ap: float
    num_truth: int


def precision_recall_curves(
    detections: Mapping[str, np.ndarray],
    ground_truth: Mapping[str, np.ndarray],
    num_classes: int,
    iou_threshold: float = 0.5,
) -> list[PrecisionRecall]:
    """Curve of every class, matched as ActivityNet does.

    Args:
        detections (Mapping[str, np.ndarray]): Per video label, start, end,
            score, (num_detections, 4).
        ground_truth (Mapping[str, np.ndarray]): Per video label, start,
            end, (num_segments, 3).
        num_classes (int): Classes without the background.
        iou_threshold (float): In (0, 1].

    Returns:
        list[PrecisionRecall]: (num_classes,). Their `ap` are those of
        `evaluate_activitynet` at this threshold.

    Raises:
        ValueError: If an array is malformed; the video is named.

    Examples:
        >>> found = {'a': np.array([[0, 0, 9, 0.9], [0, 20, 29, 0.8]])}
        >>> truth = {'a': np.array([[0, 0, 9], [0, 40, 49]])}
        >>> curve = precision_recall_curves(found, truth, 1)[0]
        >>> curve.recall.tolist(), curve.precision.tolist(), curve.ap
        ([0.5, 0.5], [1.0, 0.5], 0.5)
    """
    found, truth = collect(detections, ground_truth, num_classes)
    hits = match_detections(found, truth, [iou_threshold])[0] >= 0
    positives = np.bincount(truth.label, minlength=num_classes)
    curves = []
    for label, num_truth in enumerate(positives.tolist()):
        own = np.flatnonzero(found.label == label)
        right = np.cumsum(hits[own])
        precision = right / np.arange(1, len(own) + 1)
        curves.append(
            PrecisionRecall(
                found.score[own],
                right / (num_truth or np.nan),
                precision,
                np.maximum.accumulate(precision[::-1])[::-1],
                float(average_precision(hits[None, own], num_truth)[0]),
                num_truth,
            )
        )
    return curves


def mean_curve(
    curves: list[PrecisionRecall], recall: np.ndarray
) -> np.ndarray:
    """Mean over classes of the highest precision at a recall or more.

    Args:
        curves (list[PrecisionRecall]): Of `precision_recall_curves`.
        recall (np.ndarray): Where to read them, (R,) in 0..1.

    Returns:
        np.ndarray: (R,); 0 counts where a class never gets so far, classes
        without ground truth do not; NaN where all are such.
    """
    rows = []
    for curve in curves:
        if not curve.num_truth:
            continue
        place = np.searchsorted(curve.recall, recall, side='left')
        rows.append(np.append(curve.envelope, 0.0)[place])
    if not rows:
        return np.full(len(recall), np.nan)
    return np.mean(rows, axis=0)
