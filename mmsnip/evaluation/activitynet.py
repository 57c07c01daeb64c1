"""ActivityNet-style protocol on half-open intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mmsnip.evaluation.average_precision import (
    check_thresholds,
    class_average_precision,
    match_detections,
    summarize,
)
from mmsnip.evaluation.records import collect

# 0.5, 0.55, .., 0.95, each the nearest double
IOU_THRESHOLDS = tuple(percent / 100 for percent in range(50, 100, 5))


def evaluate_activitynet(
    detections: Mapping[str, np.ndarray],
    ground_truth: Mapping[str, np.ndarray],
    num_classes: int,
    iou_thresholds: Sequence[float] = IOU_THRESHOLDS,
    classes: Sequence[str] | None = None,
) -> dict[str, float]:
    """Segment mAP as ActivityNet counts it.

    In descending score each detection takes the free ground truth of
    highest IoU that reaches the threshold; AP is interpolated at all points.
    A class without ground truth has AP NaN and is left out of the mean;
    without detections AP is 0; without any ground truth the mean is NaN.
    Detections of a video that ``ground_truth`` does not name are false
    positives.

    Args:
        detections (Mapping[str, np.ndarray]): Per video label, start, end,
            score, (num_detections, 4).
        ground_truth (Mapping[str, np.ndarray]): Per video label, start,
            end, (num_segments, 3).
        num_classes (int): Classes without the background.
        iou_thresholds (Sequence[float]): IoU thresholds.
        classes (Sequence[str], optional): Names for the keys.

    Returns:
        dict[str, float]: ``mAP@<iou>``, ``mAP`` (mean over thresholds),
        ``AP@<iou>/<class>``; all in 0..1.

    Raises:
        ValueError: If an array is malformed; the video is named.

    Source:
        ActivityNet's detection task, average mAP over IoU 0.5:0.05:0.95.

    Examples:
        >>> found = {'a': np.array([[0, 2, 9, 0.9]])}
        >>> truth = {'a': np.array([[0, 2, 9]])}
        >>> evaluate_activitynet(found, truth, 1)['mAP']
        1.0
    """
    found, truth = collect(detections, ground_truth, num_classes)
    levels = check_thresholds(iou_thresholds)
    taken = match_detections(found, truth, levels, rule='best_free')
    ap = class_average_precision(found, truth, num_classes, taken >= 0)
    return summarize(ap, levels, classes)
