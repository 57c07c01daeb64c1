"""Why detections are false, what each kind of error costs, and where.

One taxonomy, DETAD's, for `diagnose_errors` and for the segments that a
report shows one by one (`judge_segments`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mmsnip.evaluation.average_precision import (
    average_precision,
    check_thresholds,
    match_detections,
    mean_of_defined,
    precision_after,
)
from mmsnip.evaluation.records import Table, collect
from mmsnip.evaluation.segments import segment_iou
from mmsnip.structures import DataError

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
        detections (Mapping[str, np.ndarray]): (num_detections, 4) a video.
        ground_truth (Mapping[str, np.ndarray]): (num_segments, 3) a video.
        num_classes (int): Classes without the background.
        iou_thresholds (Sequence[float]): In (0, 1]; the source takes 0.5 to
            0.95 on ActivityNet and 0.5 alone on THUMOS14.
        min_iou (float): Below this overlap an error is background.
        num_groups (int): Groups of G detections, at least 1.
        normalize (bool): AP_N of the source, as if each class had the same
            number of true segments; False takes plain AP.

    Returns:
        ErrorReport: The report. Without ground truth the numbers are NaN.

    Raises:
        ValueError: If an array is malformed, the video is named; if a
            number is out of range.

    Source:
        Alwassel et al., DETAD, ECCV 2018, arXiv 1807.10706, section 4.
    """
    if num_groups < 1:
        raise ValueError(f'num_groups={num_groups} must be at least 1')
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
    kinds, _ = detection_kinds(found, truth, levels, min_iou)
    counts = np.zeros((num_groups, len(KINDS)))
    for row in kinds:
        np.add.at(counts, (group, row), 1 / len(levels))
    base = _mean_ap(found.label, kinds == 0, positives, normalize)
    without = [
        _mean_ap(found.label, kinds == 0, positives, normalize, kinds != kind)
        for kind in range(1, len(KINDS))
    ]
    return ErrorReport(levels, counts, base, np.array(without) - base)


def detection_kinds(
    detections: Table,
    ground_truth: Table,
    iou_thresholds: Sequence[float],
    min_iou: float = 0.1,
    inside: float = np.inf,
) -> tuple[np.ndarray, np.ndarray]:
    """Kind of each detection at every threshold, and what it is about.

    The true segment of highest IoU decides, of equal ones one of the same
    class. It is near where that IoU reaches the threshold, out of reach
    below ``min_iou`` unless the share ``inside`` of the detection lies in it.
    """
    if not 0 <= min_iou < 1:
        raise ValueError(f'min_iou={min_iou} must lie in [0, 1)')
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
    far = (best < np.minimum(min_iou, levels)) & (share < inside)
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
        rows[0]
        for rows in detection_kinds(*tables, [GOOD_IOU], NEAR_IOU, HALF)
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


def _mean_ap(
    labels: np.ndarray,
    true_positive: np.ndarray,
    positives: np.ndarray,
    normalize: bool,
    counted: np.ndarray | None = None,
    normal: float | None = None,
) -> float:
    """Mean AP over classes with ground truth and over thresholds.

    Normalized it is AP_N of DETAD: as if each class had the mean number of
    true segments, or ``normal``.
    """
    present = np.flatnonzero(positives)
    if not normalize:
        normal = None
    elif normal is None and len(present):
        normal = positives[present].mean()
    values = []
    for label in present:
        for level, row in enumerate(true_positive):
            use = labels == label
            use = use if counted is None else use & counted[level]
            values += average_precision(
                row[None, use], positives[label], normal
            ).tolist()
    return mean_of_defined(np.array(values))


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
    """Curve of every class, matched as ActivityNet does.

    Args:
        detections (Mapping[str, np.ndarray]): (num_detections, 4) a video.
        ground_truth (Mapping[str, np.ndarray]): (num_segments, 3) a video.
        num_classes (int): Classes without the background.
        iou_threshold (float): In (0, 1].

    Returns:
        list[PrecisionRecall]: (num_classes,). Their `ap` are those of
        `evaluate_activitynet` at this threshold.

    Raises:
        ValueError: If an array is malformed; the video is named.
    """
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


_ENDLESS = float('inf')
# Upper edges belong to their bin, and so does the lowest edge.
PUBLISHED_BINS: dict[str, dict[str, tuple[float, ...]]] = {
    'activitynet': {
        'coverage': (0, 0.2, 0.4, 0.6, 0.8, 1),
        'length': (0, 30, 60, 120, 180, _ENDLESS),
        'instances': (-1, 1, 4, 8, _ENDLESS),
    },
    'thumos14': {
        'coverage': (0, 0.02, 0.04, 0.06, 0.08, 1),
        'length': (0, 3, 6, 12, 18, _ENDLESS),
        'instances': (-1, 1, 40, 80, _ENDLESS),
    },
}


def measure_truth(
    ground_truth: Mapping[str, np.ndarray],
    num_frames: Mapping[str, int],
    fps: Mapping[str, float] | float,
) -> dict[str, np.ndarray]:
    """Characteristics of true segments, as DETAD defines them.

    ``length`` in seconds, ``coverage`` of the video by the segment, and
    ``instances``, the segments of its class in its video.

    Args:
        ground_truth (Mapping[str, np.ndarray]): (num_segments, 3) a video.
        num_frames (Mapping[str, int]): T of each video.
        fps (Mapping[str, float] | float): Frames a second.

    Returns:
        dict[str, np.ndarray]: Each (num_segments of all videos,), videos
        sorted by name as `collect` sorts them.

    Raises:
        ValueError: If a video has no number of frames or no rate.
    """
    columns: dict[str, list[np.ndarray]]
    columns = {'coverage': [], 'length': [], 'instances': []}
    for video in sorted(ground_truth, key=str):
        rows = np.asarray(ground_truth[video], np.float64).reshape(-1, 3)
        T = num_frames.get(video)
        rate = fps.get(video) if isinstance(fps, Mapping) else fps
        if not (T and T > 0 and rate and rate > 0):
            raise DataError(
                f'video {video!r} has num_frames={T!r} and fps={rate!r}; '
                'lengths and coverage need positive numbers'
            )
        frames = rows[:, 2] - rows[:, 1]
        same = rows[:, 0] == rows[:, :1]
        columns['coverage'].append(frames / T)
        columns['length'].append(frames / rate)
        columns['instances'].append(same.sum(axis=1).astype(np.float64))
    none = [np.zeros(0)]
    return {k: np.concatenate(parts or none) for k, parts in columns.items()}


def bin_edges(
    name: str,
    values: np.ndarray,
    bins: str | Mapping[str, Sequence[float]],
    num_bins: int = 4,
) -> tuple[tuple[str, ...], np.ndarray]:
    """Names and edges of the bins of a characteristic."""
    if isinstance(bins, str) and bins == 'quantile':
        if num_bins < 1:
            raise ValueError(f'num_bins={num_bins} must be at least 1')
        there = values[np.isfinite(values)]
        if not len(there):
            return (), np.zeros(1)
        share = np.linspace(0, 1, num_bins + 1)
        edges = np.unique(np.quantile(there, share, method='inverted_cdf'))
        if len(edges) == 1:
            edges = np.repeat(edges, 2)
        return tuple(f'Q{i}' for i in range(1, len(edges))), edges
    table = PUBLISHED_BINS.get(bins) if isinstance(bins, str) else bins
    if table is None:
        raise ValueError(
            f"bins={bins!r} is unknown; use 'quantile', one of "
            f'{sorted(PUBLISHED_BINS)} or edges of each characteristic'
        )
    if name not in table:
        raise ValueError(
            f'bins has no edges of {name!r}, only of {sorted(table)}'
        )
    edges = np.asarray(table[name], dtype=np.float64)
    if edges.ndim != 1 or len(edges) < 2 or not (np.diff(edges) > 0).all():
        raise ValueError(
            f'bins[{name!r}]={list(table[name])} must ascend, two edges or '
            'more'
        )
    sizes = ('XS', 'S', 'M', 'L', 'XL')
    known = sizes[: len(edges) - 1] if len(edges) in (5, 6) else None
    number = range(1, len(edges))
    return known or tuple(f'bin {i}' for i in number), edges


@dataclass(frozen=True)
class BinnedScores:
    """Scores of the true segments in each bin of a characteristic."""

    name: str
    labels: tuple[str, ...]
    edges: np.ndarray
    counts: np.ndarray
    mean_ap: np.ndarray
    recall: np.ndarray


@dataclass(frozen=True)
class SensitivityReport:
    """Scores of all true segments, and of those in each bin.

    Attributes:
        iou_thresholds (np.ndarray): (num_thresholds,).
        mean_ap (float): Mean AP of all.
        recall (float): Share of all true segments found.
        parts (tuple[BinnedScores, ...]): One a characteristic.
    """

    iou_thresholds: np.ndarray
    mean_ap: float
    recall: float
    parts: tuple[BinnedScores, ...]


def analyze_sensitivity(
    detections: Mapping[str, np.ndarray],
    ground_truth: Mapping[str, np.ndarray],
    measured: Mapping[str, np.ndarray],
    num_classes: int,
    iou_thresholds: Sequence[float] = (0.5,),
    bins: str | Mapping[str, Sequence[float]] = 'quantile',
    num_bins: int = 4,
    normalize: bool = True,
    min_precision: float = 0.05,
) -> SensitivityReport:
    """Mean AP and recall of the true segments in each bin.

    In the AP of a bin its own true segments are all there is to find, and a
    detection that takes one outside the bin, at any threshold, is left out;
    other false positives stay. Recall counts what is found while the
    precision of its class, normalized likewise, lies above
    ``min_precision``: 1 - recall is the source's rate of false negatives.

    Args:
        detections (Mapping[str, np.ndarray]): (num_detections, 4) a video.
        ground_truth (Mapping[str, np.ndarray]): (num_segments, 3) a video.
        measured (Mapping[str, np.ndarray]): Of `measure_truth`, or any other
            number of each true segment in the same order; NaN is in no bin.
        num_classes (int): Classes without the background.
        iou_thresholds (Sequence[float]): In (0, 1].
        bins (str | Mapping[str, Sequence[float]]): 'quantile', a key of
            `PUBLISHED_BINS`, or ascending edges of each characteristic.
        num_bins (int): Number of 'quantile' bins, fewer where values repeat.
        normalize (bool): AP_N, as in `diagnose_errors`.
        min_precision (float): In [0, 1).

    Returns:
        SensitivityReport: The report.

    Raises:
        ValueError: If an array is malformed, ``bins`` unknown or without a
            characteristic, or edges do not ascend.

    Source:
        Alwassel et al., DETAD, ECCV 2018, arXiv 1807.10706, sections 5, 6.
    """
    found, truth = collect(detections, ground_truth, num_classes)
    levels = check_thresholds(iou_thresholds)
    taken = match_detections(found, truth, levels)
    positives = np.bincount(truth.label, minlength=num_classes)
    normal = positives[positives > 0].mean() if len(truth) else None
    caught = np.zeros((len(levels), len(truth)), dtype=bool)
    for label in np.flatnonzero(positives):
        own = np.flatnonzero(found.label == label)
        hits = taken[:, own] >= 0
        precision = precision_after(
            hits, positives[label], normal if normalize else None
        )
        level, place = np.nonzero(hits & (precision > min_precision))
        caught[level, taken[level, own[place]]] = True
    parts = []
    for name, values in measured.items():
        values = np.asarray(values, dtype=np.float64)
        if values.shape != (len(truth),):
            raise ValueError(
                f'measured[{name!r}] has shape {values.shape}; expected '
                f'({len(truth)},), one number for each true segment'
            )
        labels, edges = bin_edges(name, values, bins, num_bins)
        place = np.searchsorted(edges, values, side='left') - 1
        place[values == edges[0]] = 0  # edges belong to the bin below them
        ap, recall, counts = [], [], []
        for inside in (place == index for index in range(len(labels))):
            counts.append(int(inside.sum()))
            outside = (taken >= 0) & ~np.append(inside, False)[taken]
            keep = ~outside.any(axis=0)
            ap.append(
                _mean_ap(
                    found.label[keep],
                    taken[:, keep] >= 0,
                    np.bincount(truth.label[inside], minlength=num_classes),
                    normalize,
                    normal=normal,
                )
            )
            recall.append(mean_of_defined(caught[:, inside]))
        numbers = np.array(counts, np.int64), np.array(ap), np.array(recall)
        parts.append(BinnedScores(name, labels, edges, *numbers))
    whole = _mean_ap(found.label, taken >= 0, positives, normalize)
    recall = mean_of_defined(caught)
    return SensitivityReport(levels, whole, recall, tuple(parts))
