"""Matching of detections with ground truth, and average precision, once.

A protocol is a choice of three things: how far its intervals reach (ends
are shifted before they get here), which ground truth a detection takes, and
which classes enter the mean. Two protocols need no more and stand here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from mmsnip.evaluation.segments import check_convention
from mmsnip.structures import DataError, Segments, show

# 0.5, 0.55, .., 0.95, each the nearest double
IOU_THRESHOLDS = tuple(percent / 100 for percent in range(50, 100, 5))


def check_same_names(
    a: Mapping[str, Any], b: Mapping[str, Any], what: str
) -> None:
    """Refuse two mappings that name different videos."""
    odd = {*a} ^ {*b}
    if odd:
        raise DataError(
            f'video {min(odd, key=str)!r} has no counterpart; {what} must '
            'name the same videos'
        )


@dataclass(frozen=True)
class Table:
    """Intervals of all videos in columns, each (num_rows,)."""

    video: np.ndarray
    label: np.ndarray
    start: np.ndarray
    end: np.ndarray
    score: np.ndarray

    def __len__(self) -> int:
        return len(self.video)

    def take(self, rows: np.ndarray) -> Table:
        """Rows by index or mask, as a new table."""
        return Table(*(getattr(self, f.name)[rows] for f in fields(self)))

    def shift_ends(self, frames: float) -> Table:
        """The same rows with every end moved by ``frames``."""
        return Table(
            self.video, self.label, self.start, self.end + frames, self.score
        )


def collect(
    detections: Mapping[str, np.ndarray],
    ground_truth: Mapping[str, np.ndarray],
    num_classes: int,
) -> tuple[Table, Table]:
    """Detections, best score first, and ground truth as tables."""
    if num_classes < 1:
        raise ValueError(f'num_classes={num_classes} must be at least 1')
    names = sorted({*detections, *ground_truth}, key=str)
    found = _table('detections', detections, names, num_classes, 4)
    truth = _table('ground_truth', ground_truth, names, num_classes, 3)
    return found.take(np.argsort(-found.score, kind='stable')), truth


def _table(
    what: str,
    per_video: Mapping[str, np.ndarray],
    names: Sequence[str],
    num_classes: int,
    width: int,
) -> Table:
    columns = 'label, start, end' + ', score' * (width == 4)
    arrays, owner = [np.zeros((0, width))], [np.zeros(0, np.int64)]
    for index, name in enumerate(names):
        array = np.asarray(per_video.get(name, ()), dtype=np.float64)
        if not array.size:
            continue
        if array.ndim != 2 or array.shape[1] != width:
            raise DataError(
                f'{what} of video {name!r}: found {show(array)}; expected '
                f'(n, {width}) of {columns}'
            )
        arrays.append(array)
        owner.append(np.full(len(array), index))
    rows, video = np.concatenate(arrays), np.concatenate(owner)
    # BABEL's official truth of a single frame is empty, and counts; a
    # detection may begin before its video.
    checked = rows.copy()
    checked[:, 2] += (rows[:, 1] == rows[:, 2]) & (width == 3)
    checked[:, 1:3] -= rows[:, 1].min(initial=0)
    try:
        Segments.of_rows(checked, num_classes=num_classes)
    except DataError:
        for index in np.unique(video):  # names the video
            source = f'{what} of video {names[index]!r}'
            own = checked[video == index]
            Segments.of_rows(own, num_classes=num_classes, source=source)
        raise
    label, start, end = rows.T[:3]
    score = rows[:, 3] if width == 4 else np.zeros(len(rows))
    return Table(video, label.astype(np.int64), start, end, score)


def match_detections(
    detections: Table,
    ground_truth: Table,
    iou_thresholds: Sequence[float],
    rule: str = 'best_free',
    ties: str = 'first',
) -> np.ndarray:
    """Ground truth that each detection takes, at every threshold.

    Detection and ground truth meet only within a video and class. By
    'best_free' a detection takes, in descending score, the free truth of
    highest IoU among those that reach the threshold. By 'best' it takes the
    one of highest IoU if that reaches the threshold, free or not;
    `first_claims` tells the first of several. Of equal IoU the 'first' or
    the 'last' row is taken.
    """
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
    """Detections that are the best scored one on their ground truth."""
    level, det = np.nonzero(taken >= 0)
    claims = np.zeros(taken.shape, dtype=bool)
    width = taken.max(initial=0) + 1
    _, first = np.unique(level * width + taken[level, det], return_index=True)
    claims[level[first], det[first]] = True
    return claims


def precision_after(
    true_positive: np.ndarray, num_truth: int, normal: float | None = None
) -> np.ndarray:
    """Precision after each detection, (num_thresholds, num_detections)."""
    hits = np.cumsum(true_positive, axis=1)
    if normal is not None:
        hits = hits / num_truth * normal
    return hits / (hits + np.cumsum(~true_positive, axis=1))


def average_precision(
    true_positive: np.ndarray, num_truth: int, normal: float | None = None
) -> np.ndarray:
    """Area under the interpolated precision-recall curve, all points."""
    if num_truth == 0:
        return np.full(len(true_positive), np.nan)
    precision = precision_after(true_positive, num_truth, normal)
    envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    return (envelope * true_positive).sum(axis=1) / num_truth


def map_report(
    found: Table,
    truth: Table,
    num_classes: int,
    levels: np.ndarray,
    claims: np.ndarray,
    classes: Sequence[str] | None,
) -> dict[str, float]:
    """The dict of a protocol out of true positives: means, and each class."""
    positives = np.bincount(truth.label, minlength=num_classes)
    ap = np.empty((len(claims), num_classes))
    for label in range(num_classes):
        own = np.flatnonzero(found.label == label)
        ap[:, label] = average_precision(claims[:, own], positives[label])
    names = class_names(classes, num_classes)
    keys = [iou_key(level) for level in levels]
    means = [mean_of_defined(row) for row in ap]
    report = {f'mAP@{key}': mean for key, mean in zip(keys, means)}
    report['mAP'] = float(np.mean(means))
    for key, row in zip(keys, ap):
        for name, value in zip(names, row):
            report[f'AP@{key}/{name}'] = float(value)
    return report


def check_thresholds(iou_thresholds: Sequence[float]) -> np.ndarray:
    """IoU thresholds as an array."""
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


def iou_key(threshold: float) -> str:
    """Threshold as it stands in a key: two decimals, more where needed."""
    short = f'{threshold:.2f}'
    return short if abs(float(short) - threshold) < 1e-9 else f'{threshold:g}'


def class_names(
    classes: Sequence[str] | None, num_classes: int
) -> Sequence[str]:
    """Names of the classes, their index where there are none."""
    if classes is None:
        return [str(index) for index in range(num_classes)]
    if len(classes) != num_classes:
        raise ValueError(
            f'classes has {len(classes)} names; expected {num_classes}, one '
            'per class without the background'
        )
    return list(classes)


def mean_of_defined(values: np.ndarray) -> float:
    """Mean without NaNs; NaN where nothing is left."""
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if defined.size else float('nan')


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
    hits = match_detections(found, truth, levels) >= 0
    return map_report(found, truth, num_classes, levels, hits, classes)


def evaluate_voc(
    detections: Mapping[str, np.ndarray],
    ground_truth: Mapping[str, np.ndarray],
    num_classes: int,
    iou_thresholds: Sequence[float] = (0.5,),
    classes: Sequence[str] | None = None,
    convention: str = 'official',
) -> dict[str, float]:
    """Segment mAP in the manner of Pascal VOC, as reported on PKU-MMD.

    Each detection looks only at the ground truth of highest IoU in its
    video and class; if a better scored one has taken that, it is a false
    positive. Quirk of 'official': the same numbers are read as *inclusive*
    frames, so that every interval is a frame longer; 'clean' reads them
    half-open. Undefined cases are those of `evaluate_activitynet`.

    Args:
        detections (Mapping[str, np.ndarray]): As `evaluate_activitynet`.
        ground_truth (Mapping[str, np.ndarray]): Likewise.
        num_classes (int): Classes without the background.
        iou_thresholds (Sequence[float]): IoU thresholds.
        classes (Sequence[str], optional): Names for the keys.
        convention (str): 'official' or 'clean'.

    Returns:
        dict[str, float]: The keys of `evaluate_activitynet`.

    Raises:
        ValueError: If an array is malformed (the video is named), or the
            convention is unknown.

    Source:
        eval_detect_mAP of the PKU-MMD code in Simple-Skeleton-Detection
        (its precision and recall are float32: equal to about 1e-6).
    """
    check_convention(convention)
    found, truth = collect(detections, ground_truth, num_classes)
    if convention == 'official':
        found, truth = found.shift_ends(1), truth.shift_ends(1)
    levels = check_thresholds(iou_thresholds)
    taken = match_detections(found, truth, levels, rule='best')
    claims = first_claims(taken)
    return map_report(found, truth, num_classes, levels, claims, classes)
