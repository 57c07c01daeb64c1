"""BABEL protocol: threshold sweep, suppression, segment mAP.

Intervals are half-open ``[start, end)`` frames everywhere, and what is
evaluated is the interval as it stands. The official code works on other
frames than the runs that it finds:

===================  ====================  ============================
run                  official interval     difference
===================  ====================  ============================
truth [a, e)         [a, e - 1)            the last frame is missing
detection [s, e)     [s, e + 1)            one frame too many
===================  ====================  ============================

`babel_detections` and `babel_ground_truth` give the official intervals
unless asked for the clean ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mmsnip.evaluation.average_precision import (
    check_thresholds,
    class_average_precision,
    match_detections,
    summarize,
)
from mmsnip.evaluation.records import (
    check_convention,
    check_scores,
    collect,
)
from mmsnip.evaluation.sweep import similar_lengths, sweep_runs

# the values of the official sweep to the last bit: 0.03, 0.035, .., 0.05
SWEEP = tuple(np.arange(0.03, 0.055, 0.005).tolist())


def babel_detections(
    scores: np.ndarray,
    thresholds: Sequence[float] = SWEEP,
    min_length: int = 3,
    margin_ratio: float = 0.25,
    margin_weight: float = 0.6,
    nms_threshold: float = 0.2,
    convention: str = 'official',
) -> np.ndarray:
    """Runs above each threshold, scored against their margins.

    For every class and threshold the runs of frames with score > threshold
    are candidates. Score of a run = mean inside - ``margin_weight`` x mean
    of its margins; then candidates of all thresholds compete within their
    class, overlap being intersection over the length of the candidate that
    would go.

    'official' returns [s, e + 1) for a run [s, e), even beyond T; it reads
    these frames inside, the margins ``[s - ratio * len, s)`` and
    ``[e + 1, e + ratio * len + 1)`` without the last frame of the video, and
    suppresses on [s, e + 2). 'clean' returns, reads and suppresses on
    [s, e), with the margins on both sides of it. The official gate by a
    video-level score is left to the caller.

    Args:
        scores (np.ndarray): Frame probabilities, (T, num_classes + 1),
            background last.
        thresholds (Sequence[float]): Thresholds of the sweep.
        min_length (int): Shorter runs, in frames, are left out.
        margin_ratio (float): Length of a margin over that of the run.
        margin_weight (float): Weight of the margins' mean.
        nms_threshold (float): Overlap above which a candidate goes.
        convention (str): 'official' or 'clean'.

    Returns:
        np.ndarray: label, start, end, score, class by class in descending
        score, (num_detections, 4) float64. Of equal scores the candidate of
        the higher threshold comes first.

    Raises:
        ValueError: If ``scores`` is not (T, num_classes + 1) or not finite,
            or the convention is unknown.

    Source:
        Segment proposals of the BABEL benchmark of Skeleton-Temporal-
        Action-Localization; METHOD 3.

    Examples:
        >>> scores = np.full((9, 2), [0.0, 1.0])
        >>> scores[2:6] = [0.5, 0.5]
        >>> babel_detections(scores, convention='clean').tolist()
        [[0.0, 2.0, 6.0, 0.5]]
    """
    check_convention(convention)
    return sweep_runs(
        [check_scores(scores)],
        np.asarray(thresholds, dtype=np.float64),
        min_length,
        margin_ratio,
        margin_weight,
        nms_threshold,
        convention == 'official',
    )[0]


def babel_detections_by_video(
    scores: Mapping[str, np.ndarray],
    thresholds: Sequence[float] = SWEEP,
    min_length: int = 3,
    margin_ratio: float = 0.25,
    margin_weight: float = 0.6,
    nms_threshold: float = 0.2,
    convention: str = 'official',
) -> dict[str, np.ndarray]:
    """`babel_detections` of many videos, in few calls of numpy.

    Videos of similar length are swept together, a bounded number of frames
    at a time; each gets the numbers, to the last bit, that it gets alone.

    Args:
        scores (Mapping[str, np.ndarray]): Per video frame probabilities,
            (T, num_classes + 1), background last.
        thresholds (Sequence[float]): As in ``babel_detections``, and so
            are the others.
        min_length (int): The same.
        margin_ratio (float): The same.
        margin_weight (float): The same.
        nms_threshold (float): The same.
        convention (str): The same.

    Returns:
        dict[str, np.ndarray]: Per video label, start, end, score,
        (num_detections, 4) float64.

    Raises:
        ValueError: If an array is malformed, the video is named; or the
            convention is unknown.

    Examples:
        >>> scores = np.full((9, 2), [0.0, 1.0])
        >>> scores[2:6] = [0.5, 0.5]
        >>> found = babel_detections_by_video({'a': scores, 'b': scores[3:]})
        >>> {video: rows[:, 1:3].tolist() for video, rows in found.items()}
        {'a': [[2.0, 7.0]], 'b': [[0.0, 4.0]]}
    """
    check_convention(convention)
    checked = {}
    for video, array in scores.items():
        try:
            checked[video] = check_scores(array)
        except ValueError as error:
            raise ValueError(f'video {video!r}: {error}') from None
    levels = np.asarray(thresholds, dtype=np.float64)
    found: dict[str, np.ndarray] = {}
    for videos in similar_lengths(checked):
        swept = sweep_runs(
            [checked[video] for video in videos],
            levels,
            min_length,
            margin_ratio,
            margin_weight,
            nms_threshold,
            convention == 'official',
        )
        found.update(zip(videos, swept))
    return {video: found[video] for video in scores}


def babel_ground_truth(
    segments: np.ndarray, convention: str = 'official'
) -> np.ndarray:
    """Intervals that the official evaluation makes of true segments.

    'official' takes the last frame off each segment. One of a single frame
    becomes empty: it counts as a positive that nothing can match.

    Args:
        segments (np.ndarray): label, start, end, (num_segments, 3).
        convention (str): 'official' or 'clean' (as they are).

    Returns:
        np.ndarray: label, start, end, (num_segments, 3) int64.

    Raises:
        ValueError: If the convention is unknown.

    Examples:
        >>> babel_ground_truth(np.array([[3, 10, 20]])).tolist()
        [[3, 10, 19]]
    """
    check_convention(convention)
    official = np.array(segments, dtype=np.int64).reshape(-1, 3)
    if convention == 'official':
        official[:, 2] -= 1
    return official


def evaluate_babel(
    detections: Mapping[str, np.ndarray],
    ground_truth: Mapping[str, np.ndarray],
    num_classes: int,
    iou_thresholds: Sequence[float] = (0.1, 0.2, 0.3, 0.4, 0.5),
    classes: Sequence[str] | None = None,
) -> dict[str, float]:
    """Segment mAP of BABEL, on the intervals as they stand.

    For the official number, the detections are those of `babel_detections`
    and the truth that of `babel_ground_truth`.

    In descending score each detection takes the free ground truth of highest
    IoU that reaches the threshold; AP is interpolated at all points. A class
    without ground truth has AP NaN and is left out of the mean, as
    officially; without detections AP is 0; without any ground truth the mean
    is NaN. Detections of a video that ``ground_truth`` does not name are
    false positives.

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
        Segment mAP of the BABEL benchmark of Skeleton-Temporal-Action-
        Localization; METHOD 3.

    Examples:
        >>> found = {'a': np.array([[0, 2, 9, 0.9]])}
        >>> truth = {'a': np.array([[0, 2, 9]])}
        >>> evaluate_babel(found, truth, 1, [0.5])['mAP@0.50']
        1.0
    """
    found, truth = collect(detections, ground_truth, num_classes)
    levels = check_thresholds(iou_thresholds)
    taken = match_detections(found, truth, levels, rule='best_free')
    ap = class_average_precision(found, truth, num_classes, taken >= 0)
    return summarize(ap, levels, classes)
