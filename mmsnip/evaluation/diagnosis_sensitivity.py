"""How well segments of each length, coverage and number are found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mmsnip.evaluation.average_precision import (
    check_thresholds,
    match_detections,
)
from mmsnip.evaluation.diagnosis import (
    mean_average_precision,
    normalized_precision,
)
from mmsnip.evaluation.diagnosis_bins import assign_bins, bin_edges
from mmsnip.evaluation.records import collect


@dataclass(frozen=True)
class BinnedScores:
    """Scores of the true segments in each bin of a characteristic.

    Attributes:
        name (str): Characteristic.
        labels (tuple[str, ...]): Name of each bin.
        edges (np.ndarray): (num_bins + 1,).
        counts (np.ndarray): True segments, (num_bins,).
        mean_ap (np.ndarray): Mean AP, (num_bins,); NaN for an empty bin.
        recall (np.ndarray): Share found, (num_bins,); NaN likewise.
    """

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
        detections (Mapping[str, np.ndarray]): Per video label, start, end,
            score, (num_detections, 4).
        ground_truth (Mapping[str, np.ndarray]): Per video label, start,
            end, (num_segments, 3).
        measured (Mapping[str, np.ndarray]): Of `measure_truth`, or any other
            number of each true segment in the same order; NaN is in no bin.
        num_classes (int): Classes without the background.
        iou_thresholds (Sequence[float]): In (0, 1].
        bins (str | Mapping[str, Sequence[float]]): 'quantile', a key of
            `PUBLISHED_BINS`, or ascending edges of each characteristic.
        num_bins (int): Number of 'quantile' bins, fewer where values repeat.
        normalize (bool): AP_N, see `normalized_average_precision`.
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
        precision = normalized_precision(
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
        place = assign_bins(values, edges)
        ap, recall, counts = [], [], []
        for inside in (place == index for index in range(len(labels))):
            counts.append(int(inside.sum()))
            outside = (taken >= 0) & ~_look_up(inside, taken)
            keep = ~outside.any(axis=0)
            ap.append(
                mean_average_precision(
                    found.label[keep],
                    taken[:, keep] >= 0,
                    np.bincount(truth.label[inside], minlength=num_classes),
                    normalize,
                    normal=normal,
                )
            )
            recall.append(_mean(caught[:, inside]))
        parts.append(
            BinnedScores(
                name,
                labels,
                edges,
                np.array(counts, dtype=np.int64),
                np.array(ap),
                np.array(recall),
            )
        )
    whole = mean_average_precision(
        found.label, taken >= 0, positives, normalize
    )
    return SensitivityReport(levels, whole, _mean(caught), tuple(parts))


def _look_up(inside: np.ndarray, taken: np.ndarray) -> np.ndarray:
    """``inside`` of the true segment taken; False where none is."""
    return np.append(inside, False)[taken]


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else float('nan')
