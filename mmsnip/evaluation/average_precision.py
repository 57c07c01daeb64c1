"""Matching of detections with ground truth, and average precision, once.

A protocol is a choice of three things: how far its intervals reach (ends
are shifted before they get here), which ground truth a detection takes, and
which classes enter the mean.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmsnip.evaluation.records import Table

MATCHING = ('best_free', 'best')


def match_detections(
    detections: Table,
    ground_truth: Table,
    iou_thresholds: Sequence[float],
    rule: str = 'best_free',
    ties: str = 'first',
) -> np.ndarray:
    """Ground truth that each detection takes, at every threshold.

    Detection and ground truth meet only within a video and class. The rule
    says what a detection takes:

    - 'best_free': in descending score, the free one of highest IoU among
      those that reach the threshold. Each is taken once.
    - 'best': the one of highest IoU if that reaches the threshold, free or
      not. Several detections may take one; ``first_claims`` tells the first.

    Args:
        detections (Table): In descending score.
        ground_truth (Table): Ground truth.
        iou_thresholds (Sequence[float]): Thresholds in (0, 1].
        rule (str): 'best_free' or 'best'.
        ties (str): Of equal IoU the 'first' or the 'last' row is taken.

    Returns:
        np.ndarray: Row of the ground truth, or -1, (num_thresholds,
        num_detections) int64.

    Raises:
        ValueError: If a threshold, ``rule`` or ``ties`` is unknown.
    """
    if rule not in MATCHING:
        raise ValueError(f'rule={rule!r} is unknown; use one of {MATCHING}')
    if ties not in ('first', 'last'):
        raise ValueError(f"ties={ties!r} is unknown; use 'first' or 'last'")
    levels = check_thresholds(iou_thresholds)
    D, G = len(detections), len(ground_truth)
    taken = np.full((len(levels), D), -1, dtype=np.int64)
    det, gt, iou = _pairs(detections, ground_truth)
    if not len(det):
        return taken
    order = np.lexsort((gt if ties == 'first' else -gt, -iou, det))
    if rule == 'best':
        leads = np.r_[True, det[order][1:] != det[order][:-1]]
        order = order[leads]
    det, gt, iou = det[order], gt[order], iou[order]
    level, pair = np.nonzero(iou >= levels[:, None])
    if rule == 'best':
        taken[level, det[pair]] = gt[pair]
        return taken
    # Detections propose to their wishes in turn, a ground truth keeps the
    # best scored proposer. Every ground truth ranks alike, so the only
    # stable outcome is that of serving the detections by score.
    proposer = level * D + det[pair]
    wish = level * G + gt[pair]
    if not len(proposer):
        return taken
    heads = np.flatnonzero(np.r_[True, proposer[1:] != proposer[:-1]])
    stops = np.r_[heads[1:], len(proposer)]
    cursor = heads.copy()
    active = np.arange(len(heads))
    holder = np.full(len(levels) * G, -1, dtype=np.int64)
    while True:
        target = wish[cursor[active]]
        holder[target[::-1]] = active[::-1]
        lost = active[holder[target] != active]
        if not len(lost):
            break
        cursor[lost] += 1
        active = active[cursor[active] < stops[active]]
    won = cursor[active]
    taken.reshape(-1)[proposer[won]] = wish[won] % G
    return taken


def _pairs(
    detections: Table, ground_truth: Table
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows and IoU of all pairs of a video and class that share frames."""
    width = 1 + max(
        detections.label.max(initial=0), ground_truth.label.max(initial=0)
    )
    det_key = detections.video * width + detections.label
    gt_key = ground_truth.video * width + ground_truth.label
    order = np.argsort(gt_key, kind='stable')
    low = np.searchsorted(gt_key[order], det_key, side='left')
    high = np.searchsorted(gt_key[order], det_key, side='right')
    counts = high - low
    det = np.repeat(np.arange(len(det_key)), counts)
    offset = np.arange(len(det)) - np.repeat(
        np.cumsum(counts) - counts, counts
    )
    gt = order[np.repeat(low, counts) + offset]
    d_start, d_end = detections.start[det], detections.end[det]
    g_start, g_end = ground_truth.start[gt], ground_truth.end[gt]
    inter = np.minimum(d_end, g_end) - np.maximum(d_start, g_start)
    meet = inter > 0
    # where two intervals share frames, their hull is their union
    hull = np.maximum(d_end, g_end) - np.minimum(d_start, g_start)
    return det[meet], gt[meet], inter[meet] / hull[meet]


def first_claims(taken: np.ndarray) -> np.ndarray:
    """Detections that are the best scored one on their ground truth.

    Args:
        taken (np.ndarray): Result of ``match_detections``,
            (num_thresholds, num_detections).

    Returns:
        np.ndarray: Boolean, same shape.

    Examples:
        >>> first_claims(np.array([[2, -1, 2, 0]])).tolist()
        [[True, False, False, True]]
    """
    level, det = np.nonzero(taken >= 0)
    claims = np.zeros(taken.shape, dtype=bool)
    width = taken.max(initial=0) + 1
    _, first = np.unique(level * width + taken[level, det], return_index=True)
    claims[level[first], det[first]] = True
    return claims


def average_precision(
    true_positive: np.ndarray, num_truth: int
) -> np.ndarray:
    """Area under the interpolated precision-recall curve, all points.

    Args:
        true_positive (np.ndarray): Boolean in descending score,
            (num_thresholds, num_detections).
        num_truth (int): Number of ground truths.

    Returns:
        np.ndarray: AP in 0..1, (num_thresholds,); NaN without ground truth,
        0 without detections.

    Examples:
        >>> average_precision(np.array([[True, False, True]]), 2).round(4)
        array([0.8333])
    """
    levels, D = true_positive.shape
    if num_truth == 0:
        return np.full(levels, np.nan)
    if D == 0:
        return np.zeros(levels)
    hits = np.cumsum(true_positive, axis=1)
    precision = hits / np.arange(1, D + 1)
    envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    return (envelope * true_positive).sum(axis=1) / num_truth


def class_average_precision(
    detections: Table,
    ground_truth: Table,
    num_classes: int,
    claims: np.ndarray,
) -> np.ndarray:
    """AP of each class at each threshold.

    Args:
        detections (Table): In descending score.
        ground_truth (Table): Ground truth.
        num_classes (int): Number of classes.
        claims (np.ndarray): Which detections are true positives,
            (num_thresholds, num_detections).

    Returns:
        np.ndarray: AP in 0..1, (num_thresholds, num_classes); NaN for a
        class without ground truth.
    """
    positives = np.bincount(ground_truth.label, minlength=num_classes)
    ap = np.empty((len(claims), num_classes))
    for label in range(num_classes):
        own = np.flatnonzero(detections.label == label)
        ap[:, label] = average_precision(claims[:, own], positives[label])
    return ap


def check_thresholds(iou_thresholds: Sequence[float]) -> np.ndarray:
    """IoU thresholds as an array.

    Args:
        iou_thresholds (Sequence[float]): At least one, each in (0, 1].

    Returns:
        np.ndarray: (num_thresholds,) float64.

    Raises:
        ValueError: If there is none or one lies outside (0, 1].
    """
    levels = np.asarray(iou_thresholds, dtype=np.float64)
    if levels.ndim != 1 or not levels.size:
        raise ValueError(
            f'iou_thresholds={iou_thresholds!r} must be a sequence of numbers'
        )
    if not ((levels > 0) & (levels <= 1)).all():
        raise ValueError(
            f'iou_thresholds={levels.tolist()} must lie in (0, 1]'
        )
    return levels


def summarize(
    ap: np.ndarray,
    iou_thresholds: Sequence[float],
    classes: Sequence[str] | None,
) -> dict[str, float]:
    """The dict of a protocol: means over classes, and each class.

    Args:
        ap (np.ndarray): AP, (num_thresholds, num_classes); a NaN is left
            out of its mean, and a mean over nothing is NaN.
        iou_thresholds (Sequence[float]): (num_thresholds,).
        classes (Sequence[str], optional): Class names; the index where None.

    Returns:
        dict[str, float]: ``mAP@<iou>``, ``mAP`` (mean over thresholds) and
        ``AP@<iou>/<class>``.

    Raises:
        ValueError: If the number of names is not that of the classes.
    """
    names = class_names(classes, ap.shape[1])
    keys = [iou_key(level) for level in iou_thresholds]
    means = [mean_of_defined(row) for row in ap]
    report = {f'mAP@{key}': mean for key, mean in zip(keys, means)}
    report['mAP'] = float(np.mean(means))
    for key, row in zip(keys, ap):
        for name, value in zip(names, row):
            report[f'AP@{key}/{name}'] = float(value)
    return report


def iou_key(threshold: float) -> str:
    """Threshold as it stands in a key: two decimals, more where needed.

    Args:
        threshold (float): IoU threshold.

    Returns:
        str: The text.

    Examples:
        >>> iou_key(0.5), iou_key(0.1 + 0.2), iou_key(0.125)
        ('0.50', '0.30', '0.125')
    """
    short = f'{threshold:.2f}'
    return short if abs(float(short) - threshold) < 1e-9 else f'{threshold:g}'


def class_names(
    classes: Sequence[str] | None, num_classes: int
) -> Sequence[str]:
    """Names of the classes, their index where there are none.

    Args:
        classes (Sequence[str], optional): Class names.
        num_classes (int): Number of classes.

    Returns:
        Sequence[str]: (num_classes,).

    Raises:
        ValueError: If the number of names is not ``num_classes``.
    """
    if classes is None:
        return [str(index) for index in range(num_classes)]
    if len(classes) != num_classes:
        raise ValueError(
            f'classes has {len(classes)} names; expected {num_classes}, one '
            'per class without the background'
        )
    return list(classes)


def mean_of_defined(values: np.ndarray) -> float:
    """Mean without NaNs; NaN where nothing is left.

    Args:
        values (np.ndarray): (n,).

    Returns:
        float: The mean.
    """
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if defined.size else float('nan')
