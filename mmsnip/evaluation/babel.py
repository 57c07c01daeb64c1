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

from mmsnip.evaluation.average_precision import evaluate_activitynet
from mmsnip.evaluation.segments import (
    check_convention,
    check_scores,
    keep_best,
    mask_runs,
)

# the values of the official sweep to the last bit: 0.03, 0.035, .., 0.05
SWEEP = tuple(np.arange(0.03, 0.055, 0.005).tolist())
MARGIN_RATIO, MARGIN_WEIGHT, MAX_OVERLAP = 0.25, 0.6, 0.2
BLOCK_FRAMES = 2**13  # swept together, so that temporaries fit the cache


def babel_detections(
    scores: np.ndarray,
    thresholds: Sequence[float] = SWEEP,
    min_length: int = 3,
    convention: str = 'official',
) -> np.ndarray:
    """Runs above each threshold, scored against their margins.

    For every class and threshold the runs of frames with score > threshold
    are candidates. Score of a run = mean inside - 0.6 x mean of its margins,
    each a quarter as long as the run; then candidates of all thresholds
    compete within their class, and one of which more than 0.2 lies in a
    better one goes.

    'official' returns [s, e + 1) for a run [s, e), even beyond T; it reads
    these frames inside, the margins ``[s - len / 4, s)`` and
    ``[e + 1, e + len / 4 + 1)`` without the last frame of the video, and
    suppresses on [s, e + 2). 'clean' returns, reads and suppresses on
    [s, e), with the margins on both sides of it. The official gate by a
    video-level score is left to the caller.

    Args:
        scores (np.ndarray): Frame probabilities, (T, num_classes + 1),
            background last.
        thresholds (Sequence[float]): Thresholds of the sweep.
        min_length (int): Shorter runs, in frames, are left out.
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
    levels = np.asarray(thresholds, dtype=np.float64)
    official = convention == 'official'
    return _sweep([check_scores(scores)], levels, min_length, official)[0]


def babel_detections_by_video(
    scores: Mapping[str, np.ndarray],
    thresholds: Sequence[float] = SWEEP,
    min_length: int = 3,
    convention: str = 'official',
) -> dict[str, np.ndarray]:
    """`babel_detections` of many videos, in few calls of numpy.

    Videos of similar length are swept together, a bounded number of frames
    at a time; each gets the numbers, to the last bit, that it gets alone.
    """
    check_convention(convention)
    arrays = {
        video: check_scores(array, f'video {video!r}')
        for video, array in scores.items()
    }
    levels = np.asarray(thresholds, dtype=np.float64)
    official = convention == 'official'
    found: dict[str, np.ndarray] = {}
    for videos in _similar_lengths(arrays):
        block = [arrays[video] for video in videos]
        found.update(zip(videos, _sweep(block, levels, min_length, official)))
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
    official[:, 2] -= convention == 'official'
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
    and the truth that of `babel_ground_truth`. Matching, interpolation and
    undefined cases are those of `evaluate_activitynet`, as officially.

    Args:
        detections (Mapping[str, np.ndarray]): (num_detections, 4) a video.
        ground_truth (Mapping[str, np.ndarray]): (num_segments, 3) a video.
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
    """
    return evaluate_activitynet(
        detections, ground_truth, num_classes, iou_thresholds, classes
    )


def _similar_lengths(checked: Mapping[str, np.ndarray]) -> list[list[str]]:
    """Videos in blocks that are worth padding to one length."""
    blocks: list[list[str]] = []
    key = {v: (a.shape[1], a.dtype.char, len(a)) for v, a in checked.items()}
    for video in sorted(checked, key=lambda v: key[v]):
        block = blocks[-1] if blocks else []
        # the longest video is the last one, and says how wide the block is
        fits = (len(block) + 1) * key[video][-1] <= BLOCK_FRAMES
        if block and fits and key[block[0]][:2] == key[video][:2]:
            block.append(video)
        else:
            blocks.append([video])
    return blocks


def _sweep(
    scores: Sequence[np.ndarray],
    levels: np.ndarray,
    min_length: int,
    official: bool,
) -> list[np.ndarray]:
    """Scored, suppressed runs; see ``babel_detections`` for the rule."""
    lengths = np.array([len(array) for array in scores])
    N, num_classes, T = len(scores), scores[0].shape[1] - 1, lengths.max()
    # Frames beyond the end of a video are below every threshold.
    action = np.full((N, num_classes, T), -np.inf, dtype=scores[0].dtype)
    for n, array in enumerate(scores):
        action[n, :, : len(array)] = array[:, :-1].T
    action = action.reshape(N * num_classes, T)
    # the official code compares float32 scores with float64 thresholds
    above = action[:, None].astype(np.float64) > levels[:, None]
    row, start, end = mask_runs(above.reshape(len(action) * len(levels), T))
    kept = end - start >= min_length
    kept &= ~_found_again(row, start, end, above.shape)
    if not kept.any():
        return [np.zeros((0, 4))] * N
    row, start, end = row[kept] // len(levels), start[kept], end[kept]
    length = lengths[row // num_classes]
    totals = np.zeros((len(action), T + 1))
    np.cumsum(action, axis=1, dtype=np.float64, out=totals[:, 1:])
    totals = totals.reshape(-1)
    base = row * (T + 1)

    reach = MARGIN_RATIO * (end - start)
    left = np.maximum((start - reach).astype(np.int64), 0)
    if official:
        extra, limit = 1, length - 1
        right = (end + reach + 1).astype(np.int64)
    else:
        extra, limit = 0, length
        right = np.ceil(end + reach).astype(np.int64)
    stop = np.minimum(end + extra, length)
    right = np.maximum(np.minimum(right, limit), stop)
    at_start = totals[base + start]
    at_stop = totals[base + stop]
    inner = (at_stop - at_start) / (stop - start)
    margin = at_start - totals[base + left] + totals[base + right] - at_stop
    outer = margin / np.maximum(start - left + right - stop, 1)
    score = inner - MARGIN_WEIGHT * outer

    # rows do not compete: each has a stretch of the axis that is its own
    shift = row * (T + 4)
    low, high = start + shift, end + 2 * extra + shift
    kept = keep_best(low, high, score, MAX_OVERLAP)
    kept = kept[row[kept].argsort(kind='stable')]
    found = np.empty((len(kept), 4))
    found[:, 0], found[:, 1] = row[kept] % num_classes, start[kept]
    found[:, 2], found[:, 3] = end[kept] + extra, score[kept]
    ends = (row[kept] // num_classes).searchsorted(np.arange(1, N))
    return np.split(found, ends)


def _found_again(
    row: np.ndarray,
    start: np.ndarray,
    end: np.ndarray,
    shape: tuple[int, int, int],
) -> np.ndarray:
    """Runs that the next threshold finds, too: of these it takes the other."""
    R, num_levels, T = shape
    ends = np.zeros((R * num_levels + 1) * T, dtype=np.int64)
    place = row * T + start
    ends[place] = end
    again = ends[place + T] == end
    return again & (row % num_levels != num_levels - 1)
