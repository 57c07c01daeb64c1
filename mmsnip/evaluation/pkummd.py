"""PKU-MMD protocol: smoothing, activity runs, AP over classes and videos.

Labels are 0-based here (the files of the data set count from 1) and the
background is the last column of the scores (officially the first).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mmsnip.evaluation.average_precision import (
    average_precision,
    class_names,
    collect,
    first_claims,
    iou_key,
    match_detections,
    mean_of_defined,
)
from mmsnip.evaluation.segments import (
    check_convention,
    check_scores,
    mask_runs,
    smooth_scores,
)

# as the official script writes them; its float expression decides ties
SWEEP_2DAP = tuple((step + 1) * 0.05 for step in range(20))


def pkummd_detections(
    scores: np.ndarray,
    threshold: float = 0.4,
    half_width: int = 10,
    convention: str = 'official',
) -> np.ndarray:
    """Runs of activity in smoothed scores, each with its best class.

    A frame is active where 1 - p(background) >= ``threshold``; a run of
    active frames is one detection, its class and score those of the best
    mean score inside.

    Args:
        scores (np.ndarray): Frame probabilities, (T, num_classes + 1),
            background last.
        threshold (float): Least activity.
        half_width (int): Half the width of the mean filter, frames; 0
            smooths nothing.
        convention (str): 'official' or 'clean', see ``smooth_scores``.

    Returns:
        np.ndarray: label, start, end, score in order of time,
        (num_detections, 4) float64.

    Raises:
        ValueError: If ``scores`` is not (T, num_classes + 1) or not finite,
            or the convention is unknown.

    Source:
        Segments of PKU-MMD in Simple-Skeleton-Detection; METHOD 3.
    """
    smooth = smooth_scores(check_scores(scores), half_width, convention)
    if not len(smooth):
        return np.zeros((0, 4))
    active = 1 - smooth[:, -1] >= threshold
    _, start, end = mask_runs(active[None])
    totals = np.zeros((len(smooth) + 1, smooth.shape[1] - 1))
    np.cumsum(smooth[:, :-1], axis=0, out=totals[1:])
    means = (totals[end] - totals[start]) / (end - start)[:, None]
    if not len(means):
        return np.zeros((0, 4))
    return np.stack(
        [means.argmax(axis=1), start, end, means.max(axis=1)], axis=1
    )


def evaluate_pkummd(
    detections: Mapping[str, np.ndarray],
    ground_truth: Mapping[str, np.ndarray],
    num_classes: int = 51,
    theta: float = 0.5,
    classes: Sequence[str] | None = None,
    convention: str = 'official',
) -> dict[str, float]:
    """AP, mAP over classes and over videos, 2D-AP and F1 of PKU-MMD.

    Quirks of 'official':

    - A detection matches the ground truth of highest overlap, of equal ones
      the later row, even if another detection has it; several detections
      may match one ground truth, which counts once.
    - Detections are dropped from the worst up, and precision is looked at
      only with all of them and where a matched one has just been dropped:
      precision right before a false positive never counts.
    - mAP over classes divides by all classes; one without ground truth
      counts 0.

    'clean' gives each ground truth to one detection (the free one of
    highest overlap, in descending score), interpolates at all points and
    leaves classes without ground truth out (AP NaN). Both leave videos
    without ground truth out of the mean over videos, count their detections
    as false positives elsewhere, give F1 = 0 where nothing matches, AP = 0
    without detections and NaN without any ground truth.

    Args:
        detections (Mapping[str, np.ndarray]): (num_detections, 4) a video.
        ground_truth (Mapping[str, np.ndarray]): (num_segments, 3) a video.
        num_classes (int): Classes without the background.
        theta (float): Overlap threshold.
        classes (Sequence[str], optional): Names for the keys.
        convention (str): 'official' or 'clean'.

    Returns:
        dict[str, float]: ``mAP_action``, ``mAP_video``, ``AP`` (all classes
        and videos in one list), ``2DAP`` (mean AP over theta 0.05 .. 1),
        ``F1``; ``mAP@<theta>`` and ``mAP``, both equal to ``mAP_action``;
        ``AP@<theta>/<class>``. All in 0..1.

    Raises:
        ValueError: If an array is malformed (the video is named), or the
            convention is unknown.

    Source:
        The evaluation published with PKU-MMD.
    """
    check_convention(convention)
    names = class_names(classes, num_classes)
    found, truth = collect(detections, ground_truth, num_classes)
    official = convention == 'official'
    levels = (theta, *SWEEP_2DAP)
    taken = match_detections(
        found,
        truth,
        levels,
        rule='best' if official else 'best_free',
        ties='last' if official else 'first',
    )
    claims = first_claims(taken)

    def ap_of(rows: np.ndarray, num_truth: int) -> np.ndarray:
        if official:
            matched = taken[:, rows] >= 0
            return _official_ap(matched, claims[:, rows], num_truth)
        return average_precision(claims[:, rows], num_truth)

    def grouped(group_found: np.ndarray, group_truth: np.ndarray, num: int):
        positives = np.bincount(group_truth, minlength=num)
        rows = (group_found == index for index in range(num))
        return np.array([ap_of(r, n)[0] for r, n in zip(rows, positives)])

    by_class = grouped(found.label, truth.label, num_classes)
    num_videos = 1 + max(
        found.video.max(initial=-1), truth.video.max(initial=-1)
    )
    by_video = grouped(found.video, truth.video, num_videos)
    if official and len(truth):
        by_class = np.nan_to_num(by_class, nan=0.0)
    whole = ap_of(np.ones(len(found), bool), len(truth))
    hits, total = int(claims[0].sum()), len(found) + len(truth)
    mean = mean_of_defined(by_class)
    key = iou_key(theta)
    report = {
        f'mAP@{key}': mean,
        'mAP': mean,
        'mAP_action': mean,
        'mAP_video': mean_of_defined(by_video),
        'AP': float(whole[0]),
        '2DAP': float(whole[1:].mean()),
        # 2PR / (P + R) with P = hits / found, R = hits / truth
        'F1': 2 * hits / total if len(truth) else float('nan'),
    }
    for name, value in zip(names, by_class):
        report[f'AP@{key}/{name}'] = float(value)
    return report


def _official_ap(
    matched: np.ndarray, claims: np.ndarray, num_truth: int
) -> np.ndarray:
    """AP as PKU-MMD counts it, by dropping detections from the worst up."""
    levels, D = matched.shape
    if num_truth == 0:
        return np.full(levels, np.nan)
    if D == 0:
        return np.zeros(levels)
    hits = np.cumsum(claims, axis=1)
    precision = hits / np.arange(1, D + 1)
    # precision that remains once the detection at this rank is dropped
    left = np.zeros((levels, D))
    left[:, 1:] = precision[:, :-1]
    seen = np.where(matched, left, 0.0)[:, ::-1]
    envelope = np.maximum.accumulate(seen, axis=1)[:, ::-1]
    envelope = np.maximum(envelope, precision[:, -1:])
    return (envelope * claims).sum(axis=1) / num_truth
