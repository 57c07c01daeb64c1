"""Why detections are false, and what each kind of error costs.

One taxonomy, DETAD's, for `diagnose_errors` and for the segments that a
report shows one by one (`judge_segments`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mmsnip.evaluation.average_precision import (
    Table,
    average_precision,
    check_thresholds,
    collect,
    match_detections,
    mean_of_defined,
)
from mmsnip.evaluation.segments import segment_iou

KINDS = (
    'true positive',
    'double detection',
    'wrong label',
    'localization',
    'confusion',
    'background',
)
TRUE, DOUBLE, WRONG_LABEL, LOCALIZATION, CONFUSION, BACKGROUND = range(6)
# What a report calls the kinds; it tells a third of localization, 'split'.
SHORT_KINDS = (
    'correct', 'double', 'wrong_class', 'boundary', 'wrong_class',
    'false_alarm',
)  # fmt: skip
ERRORS = (
    'missed', 'wrong_class', 'boundary', 'split', 'false_alarm', 'double',
)  # fmt: skip
GOOD_IOU, NEAR_IOU, HALF = 0.5, 0.1, 0.5


@dataclass(frozen=True)
class ErrorReport:
    """Kinds of detections and the price of each kind of error.

    Attributes:
        iou_thresholds (np.ndarray): (num_thresholds,).
        counts (np.ndarray): Detections of each kind of `KINDS`, mean over
            thresholds, (num_groups, 6). With G true segments in a class, its
            group g holds its detections of rank g * G to (g + 1) * G.
        mean_ap (float): Mean AP_N of all groups' detections, over classes
            and thresholds.
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
    num_groups: int = 10,
) -> ErrorReport:
    """False positives by kind, and mean AP_N without each kind.

    Matching is ActivityNet's, an error below IoU 0.1 is background. Of a
    class with G true segments the best ``num_groups * G`` detections are
    looked at; detections of a class without any are not.

    Args:
        detections (Mapping[str, np.ndarray]): (num_detections, 4) a video.
        ground_truth (Mapping[str, np.ndarray]): (num_segments, 3) a video.
        num_classes (int): Classes without the background.
        iou_thresholds (Sequence[float]): In (0, 1]; the source takes 0.5 to
            0.95 on ActivityNet and 0.5 alone on THUMOS14.
        num_groups (int): Groups of G detections.

    Returns:
        ErrorReport: The report. Without ground truth the numbers are NaN.

    Raises:
        ValueError: If an array is malformed, the video is named; if a
            number is out of range.

    Source:
        Alwassel et al., DETAD, ECCV 2018, arXiv 1807.10706, section 4.
    """
    found, truth = collect(detections, ground_truth, num_classes)
    levels = check_thresholds(iou_thresholds)
    positives = np.bincount(truth.label, minlength=num_classes)
    order = np.argsort(found.label, kind='stable')
    heads = np.searchsorted(found.label[order], found.label[order])
    group = np.empty(len(found), dtype=np.int64)  # by rank in the class
    group[order] = np.arange(len(found)) - heads
    group //= np.maximum(positives[found.label], 1)
    kept = (group < num_groups) & (positives[found.label] > 0)
    found, group = found.take(kept), group[kept]
    kinds, _ = detection_kinds(found, truth, levels)
    counts = np.zeros((num_groups, len(KINDS)))
    for row in kinds:
        np.add.at(counts, (group, row), 1 / len(levels))
    present = np.flatnonzero(positives)
    normal = positives[present].mean() if len(present) else None

    def mean_ap(removed: int | None = None) -> float:
        """AP_N: as if each class had the mean number of true segments."""
        values = [
            average_precision(
                (row[use] == TRUE)[None], positives[label], normal
            )
            for label in present
            for row in kinds
            for use in [(found.label == label) & (row != removed)]
        ]
        return mean_of_defined(np.array(values))

    base = mean_ap()
    gains = [mean_ap(kind) - base for kind in range(1, len(KINDS))]
    return ErrorReport(levels, counts, base, np.array(gains))


def detection_kinds(
    detections: Table,
    ground_truth: Table,
    iou_thresholds: Sequence[float],
    inside: float = np.inf,
) -> tuple[np.ndarray, np.ndarray]:
    """Kind of each detection at every threshold, and what it is about.

    The true segment of highest IoU decides, of equal ones one of the same
    class. It is near where that IoU reaches the threshold, out of reach
    below 0.1 unless the share ``inside`` of the detection lies in it.
    """
    levels = check_thresholds(iou_thresholds)[:, None]
    best, share = np.zeros((2, len(detections)))
    own = np.zeros(len(detections), dtype=bool)
    about = np.full(len(detections), -1)
    for video in np.unique(ground_truth.video):
        rows = np.flatnonzero(detections.video == video)
        truth = np.flatnonzero(ground_truth.video == video)
        found = np.stack([detections.start[rows], detections.end[rows]], 1)
        true = np.stack([ground_truth.start[truth], ground_truth.end[truth]])
        iou = segment_iou(found, true.T)
        best[rows] = iou.max(axis=1)
        same = detections.label[rows, None] == ground_truth.label[truth]
        tied = iou == best[rows, None]
        pick = np.where(tied, 1 + same, 0).argmax(axis=1)
        own[rows], about[rows] = (same & tied).any(axis=1), truth[pick]
        common = np.minimum(found[:, 1], true[1, pick])
        common = common - np.maximum(found[:, 0], true[0, pick])
        share[rows] = common / np.diff(found)[:, 0]
    near = np.where(own, DOUBLE, WRONG_LABEL)
    touching = np.where(own, LOCALIZATION, CONFUSION)
    kinds = np.where(best >= levels, near, touching)
    far = (best < np.minimum(NEAR_IOU, levels)) & (share < inside)
    far |= best <= 0
    kinds[far] = BACKGROUND
    taken = match_detections(detections, ground_truth, levels[:, 0])
    kinds[taken >= 0] = TRUE
    about = np.where(taken >= 0, taken, np.where(far, -1, about))
    return kinds, about


class Verdict(NamedTuple):
    """What is wrong with the segments of a video, in one word each."""

    found: list[str]
    truth: list[str]
    about: np.ndarray


def judge_segments(found: np.ndarray, truth: np.ndarray) -> Verdict:
    """Say of each prediction and each true segment what is wrong with it.

    Predictions have the kind of `detection_kinds` at IoU 0.5, where half of
    a prediction inside a true segment is within reach, too. One of the right
    class is a ``double`` where it shares frames with a better one about the
    same true segment, ``split`` where another about it lies apart (one
    action fell to pieces), else ``boundary``.

    A true segment is ``found`` where a prediction is correct about it, else
    has the first of ``split``, ``boundary`` and ``wrong_class`` that one
    about it has. Where none is, it is ``boundary`` if predictions of its
    class cover half of it, ``wrong_class`` if others do, else ``missed``.

    Args:
        found (np.ndarray): label, start, end, score, (num_detections, 4).
        truth (np.ndarray): label, start, end, (num_segments, 3).

    Returns:
        Verdict: Kinds, in the order given.
    """
    found = np.asarray(found, dtype=np.float64).reshape(-1, 4)
    truth = np.asarray(truth, dtype=np.float64).reshape(-1, 3)
    order = np.argsort(-found[:, 3], kind='stable')
    labels = np.concatenate([found[:, 0], truth[:, 0], [0]])
    tables = collect({'': found}, {'': truth}, int(labels.max()) + 1)
    kinds, about = (
        rows[0] for rows in detection_kinds(*tables, [GOOD_IOU], HALF)
    )
    right = np.isin(kinds, (TRUE, DOUBLE, LOCALIZATION))
    start, end = tables[0].start, tables[0].end
    words = [SHORT_KINDS[kind] for kind in kinds]
    for row in np.flatnonzero(right & (kinds != TRUE)).tolist():
        rivals = right & (about == about[row])
        rivals[row] = False
        meets = (start < end[row]) & (end > start[row])
        if (rivals & meets)[:row].any():
            words[row] = 'double'
        else:
            apart = (rivals & ~meets).any()
            words[row] = 'split' if apart else 'boundary'
    said = []
    for g, (label, *span) in enumerate(truth.tolist()):
        there = {words[row] for row in np.flatnonzero(about == g)}
        own = found[:, 0] == label
        if 'correct' in there:
            said.append('found')
            continue
        rest = [k for k in ('split', 'boundary', 'wrong_class') if k in there]
        if _covered(span, found[own, 1:3]) >= HALF:
            rest.append('boundary')
        if _covered(span, found[~own, 1:3]) >= HALF:
            rest.append('wrong_class')
        said.append([*rest, 'missed'][0])
    rank = np.argsort(order)
    return Verdict([words[row] for row in rank], said, about[rank])


def _covered(interval: Sequence[float], others: np.ndarray) -> float:
    """Part of an interval that the union of others covers."""
    start, end = interval
    total, reached = 0.0, start
    for low, high in sorted(others.tolist()):
        low, high = max(low, reached), min(high, end)
        if high > low:
            total, reached = total + high - low, high
    return total / (end - start) if end > start else 0.0


class PrecisionRecall(NamedTuple):
    """Curve of one class, a point after each detection."""

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
    """Curve of every class, matched as ActivityNet does."""
    found, truth = collect(detections, ground_truth, num_classes)
    hits = match_detections(found, truth, [iou_threshold])[0] >= 0
    positives = np.bincount(truth.label, minlength=num_classes)
    curves = []
    for label, num_truth in enumerate(positives.tolist()):
        own = np.flatnonzero(found.label == label)
        right = np.cumsum(hits[own])
        precision = right / np.arange(1, len(own) + 1)
        envelope = np.maximum.accumulate(precision[::-1])[::-1]
        ap = float(average_precision(hits[None, own], num_truth)[0])
        recall, score = right / (num_truth or np.nan), found.score[own]
        points = score, recall, precision, envelope
        curves.append(PrecisionRecall(*points, ap, num_truth))
    return curves


def mean_curve(
    curves: list[PrecisionRecall], recall: np.ndarray
) -> np.ndarray:
    """Mean over classes of the highest precision at a recall or more."""
    rows = []
    for curve in curves:
        if curve.num_truth:
            place = np.searchsorted(curve.recall, recall, side='left')
            rows.append(np.append(curve.envelope, 0.0)[place])
    return np.mean(rows or [np.full(len(recall), np.nan)], axis=0)
