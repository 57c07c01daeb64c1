"""VOC-style mAP, as the skeleton literature reports it on PKU-MMD."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mmsnip.evaluation.average_precision import (
    class_average_precision,
    first_claims,
    match_detections,
    summarize,
)
from mmsnip.evaluation.records import check_convention, collect


def evaluate_voc(
    detections: Mapping[str, np.ndarray],
    ground_truth: Mapping[str, np.ndarray],
    num_classes: int,
    iou_thresholds: Sequence[float] = (0.5,),
    classes: Sequence[str] | None = None,
    convention: str = 'official',
) -> dict[str, float]:
    """Segment mAP in the manner of Pascal VOC.

    Each detection looks only at the ground truth of highest IoU in its
    video and class; if a better scored one has taken that, it is a false
    positive. Quirk of 'official': the same numbers are read as *inclusive*
    frames, so that every interval is a frame longer; 'clean' reads them
    half-open. A class without ground truth has AP NaN and is left out of the
    mean; without detections AP is 0; without any ground truth the mean is
    NaN.

    Args:
        detections (Mapping[str, np.ndarray]): Per video label, start, end,
            score, (num_detections, 4).
        ground_truth (Mapping[str, np.ndarray]): Per video label, start,
            end, (num_segments, 3).
        num_classes (int): Classes without the background.
        iou_thresholds (Sequence[float]): IoU thresholds.
        classes (Sequence[str], optional): Names for the keys.
        convention (str): 'official' or 'clean'.

    Returns:
        dict[str, float]: ``mAP@<iou>``, ``mAP`` (mean over thresholds),
        ``AP@<iou>/<class>``; all in 0..1.

    Raises:
        ValueError: If an array is malformed (the video is named), or the
            convention is unknown.

    Source:
        eval_detect_mAP of the PKU-MMD code in Simple-Skeleton-Detection
        (its precision and recall are float32: equal to about 1e-6).

    Examples:
        >>> found = {'a': np.array([[0, 2, 9, 0.9]])}
        >>> truth = {'a': np.array([[0, 2, 9]])}
        >>> evaluate_voc(found, truth, 1)['mAP@0.50']
        1.0
    """
    check_convention(convention)
    found, truth = collect(detections, ground_truth, num_classes)
    if convention == 'official':
        found, truth = found.shift_ends(1), truth.shift_ends(1)
    taken = match_detections(found, truth, iou_thresholds, rule='best')
    ap = class_average_precision(
        found, truth, num_classes, first_claims(taken)
    )
    return summarize(ap, iou_thresholds, classes)
