"""Frame by frame: accuracy, segmental F1, edit score, confusion."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from mmsnip.evaluation.average_precision import check_same_names
from mmsnip.evaluation.segments import segment_iou, segments_from_frames
from mmsnip.structures import DataError, show

OVERLAPS = (0.1, 0.25, 0.5)  # of F1
TOLERANCES = (0.1, 0.25)  # of boundaries, seconds
LENGTHS = (1.0, 2.0, 4.0)  # at which true segments part into groups


def evaluate_frames(
    predictions: Mapping[str, np.ndarray],
    ground_truth: Mapping[str, np.ndarray],
    num_classes: int,
    overlaps: Sequence[float] = OVERLAPS,
) -> dict[str, float]:
    """Scores of one label per frame.

    - ``frame_accuracy``: right frames of all videos over all frames.
    - ``frame_accuracy_action``: the same over frames whose true label is an
      action.
    - ``F1@10``, ``F1@25``, ``F1@50``: a predicted run looks at the true
      segment of its class with the highest IoU; it is a true positive if that
      reaches the overlap and no earlier run has it. Counts are pooled over
      videos.
    - ``edit``: 1 - Levenshtein distance of the sequences of labels over the
      longer length, mean over videos; 1 where both are empty.
    - ``runs_per_segment``: predicted action runs over true action segments
      of all videos. 1 is right; more is flicker.

    Segments are runs of equal labels, half-open. MS-TCN's first code drops
    the last frame of a segment that reaches the end of its video; this does
    not. NaN where nothing is defined: accuracy without (action) frames, F1
    without runs and segments, ``runs_per_segment`` without segments.

    Args:
        predictions (Mapping[str, np.ndarray]): Per video labels, (T,)
            integers in ``0..num_classes``.
        ground_truth (Mapping[str, np.ndarray]): The same, of the truth.
        num_classes (int): Classes; the label ``num_classes`` is background.
        overlaps (Sequence[float]): IoU thresholds of F1.

    Returns:
        dict[str, float]: The scores above, in 0..1 but for the last.

    Raises:
        ValueError: If a video is in one mapping only, has two lengths, or a
            label out of range; the video is named.

    Source:
        Farha and Gall, MS-TCN, CVPR 2019 (F1@k, edit score).

    Examples:
        >>> report = evaluate_frames(
        ...     {'a': [0, 0, 2, 0, 2]}, {'a': [0, 0, 0, 0, 2]}, num_classes=2
        ... )
        >>> report['frame_accuracy'], round(report['F1@50'], 3)
        (0.8, 0.667)
        >>> report['runs_per_segment']
        2.0
    """
    right = frames = action_right = action_frames = 0
    runs = segments = 0
    hits = np.zeros(len(overlaps), dtype=np.int64)
    edits = []
    for found, truth in _pairs(predictions, ground_truth, num_classes):
        equal = found == truth
        action = truth != num_classes
        right += int(equal.sum())
        frames += len(truth)
        action_right += int((equal & action).sum())
        action_frames += int(action.sum())
        found_runs = segments_from_frames(found, num_classes)
        truth_runs = segments_from_frames(truth, num_classes)
        hits += segment_hits(found_runs, truth_runs, overlaps)
        runs += len(found_runs)
        segments += len(truth_runs)
        edits.append(edit_score(found_runs[:, 0], truth_runs[:, 0]))
    report = {
        'frame_accuracy': _ratio(right, frames),
        'frame_accuracy_action': _ratio(action_right, action_frames),
    }
    for overlap, hit in zip(overlaps, hits):
        # 2PR / (P + R) with P = hit / found, R = hit / truth
        report[f'F1@{round(100 * overlap)}'] = _ratio(
            2 * int(hit), runs + segments
        )
    report['edit'] = float(np.mean(edits)) if edits else float('nan')
    report['runs_per_segment'] = _ratio(runs, segments)
    return report


def evaluate_boundaries(
    predictions: Mapping[str, np.ndarray],
    ground_truth: Mapping[str, np.ndarray],
    num_classes: int,
    fps: float | Mapping[str, float],
) -> dict[str, float]:
    """How far the boundaries of segments are off, in seconds.

    Each true segment looks at the predicted run of its class that overlaps
    it with the highest IoU; both its boundaries are compared. A segment that
    no run of its class overlaps has no error, and is not within a tolerance.
    Mean IoU hides these errors where segments are long: 8 frames of 189
    leave an IoU of 0.92.

    Args:
        predictions (Mapping[str, np.ndarray]): Per video labels, (T,)
            integers in ``0..num_classes``, the last is the background.
        ground_truth (Mapping[str, np.ndarray]): The same, of the truth.
        num_classes (int): Classes without the background.
        fps (float | Mapping[str, float]): Frames a second, of all videos or
            by video.

    Returns:
        dict[str, float]: ``boundary/median_s``, ``boundary/within_0.1s`` ..
        (share of all true boundaries), and the same of each group of
        lengths, ``boundary<1s/..``, ``boundary1-2s/..``, ``boundary>4s/..``;
        NaN where nothing is defined.

    Raises:
        ValueError: As `evaluate_frames`.

    Examples:
        >>> found = {'a': np.array([1, 0, 0, 0, 1, 1])}
        >>> truth = {'a': np.array([1, 1, 0, 0, 1, 1])}
        >>> evaluate_boundaries(found, truth, 1, 10.0)['boundary/median_s']
        0.05
    """
    errors, seconds = [], []  # (num_segments, 2), inf where missed; lengths
    names = sorted(ground_truth, key=str)
    pairs = _pairs(predictions, ground_truth, num_classes)
    for name, (found, truth) in zip(names, pairs):
        rate = fps[name] if isinstance(fps, Mapping) else fps
        found_runs = segments_from_frames(found, num_classes)
        truth_runs = segments_from_frames(truth, num_classes)
        error = np.full((len(truth_runs), 2), np.inf)
        if len(found_runs) and len(truth_runs):
            iou = segment_iou(truth_runs[:, 1:], found_runs[:, 1:])
            iou *= truth_runs[:, :1] == found_runs[:, 0]
            best = found_runs[iou.argmax(axis=1), 1:]
            hit = iou.max(axis=1) > 0
            error[hit] = np.abs(best - truth_runs[:, 1:])[hit] / rate
        errors.append(error)
        seconds.append((truth_runs[:, 2] - truth_runs[:, 1]) / rate)
    error = np.concatenate(errors) if errors else np.zeros((0, 2))
    length = np.concatenate(seconds) if seconds else np.zeros(0)
    edges = [0.0, *LENGTHS, np.inf]
    groups = {'boundary': length >= 0}
    for low, high in itertools.pairwise(edges):
        name = f'{low:g}-{high:g}s'
        name = f'<{high:g}s' if low == 0 else name
        name = f'>{low:g}s' if high == np.inf else name
        groups[f'boundary{name}'] = (length >= low) & (length < high)
    report = {}
    for name, chosen in groups.items():
        own = error[chosen].ravel()
        seen = own[np.isfinite(own)]
        median = float(np.median(seen)) if len(seen) else float('nan')
        report[f'{name}/median_s'] = median
        for tolerance in TOLERANCES:
            inside = int((own <= tolerance + 1e-9).sum())
            report[f'{name}/within_{tolerance:g}s'] = _ratio(inside, len(own))
    return report


def segment_hits(
    found: np.ndarray, truth: np.ndarray, overlaps: Sequence[float]
) -> np.ndarray:
    """Number of true segments that some predicted run hits."""
    if not len(found) or not len(truth):
        return np.zeros(len(overlaps), dtype=np.int64)
    iou = segment_iou(found[:, 1:], truth[:, 1:])
    iou *= found[:, :1] == truth[:, 0]
    best = iou.argmax(axis=1)
    top = iou[np.arange(len(found)), best]
    return np.array(
        [np.unique(best[top >= overlap]).size for overlap in overlaps]
    )


def edit_score(found: np.ndarray, truth: np.ndarray) -> float:
    """1 - Levenshtein distance over the longer length."""
    longest = max(len(found), len(truth))
    if not longest:
        return 1.0
    column = np.arange(len(truth) + 1)
    row = column.copy()
    unlike = found[:, None] != truth
    for index in range(len(found)):
        step = np.minimum(row[:-1] + unlike[index], row[1:] + 1)
        row[0], row[1:] = index + 1, step
        # insertions run along the row: min over k <= j of row[k] + (j - k)
        row = np.minimum.accumulate(row - column) + column
    return 1.0 - float(row[-1]) / longest


def _pairs(
    predictions: Mapping[str, np.ndarray],
    ground_truth: Mapping[str, np.ndarray],
    num_classes: int,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Predicted and true labels of each video, checked."""
    check_same_names(predictions, ground_truth, 'predictions and ground_truth')
    for name in sorted(ground_truth, key=str):
        pair = [np.asarray(x[name]) for x in (predictions, ground_truth)]
        for what, labels in zip(('predictions', 'ground_truth'), pair):
            good = labels.ndim == 1 and labels.dtype.kind in 'iu'
            if labels.size and not (
                good and 0 <= labels.min() <= labels.max() <= num_classes
            ):
                raise DataError(
                    f'{what} of video {name!r}: found {show(labels)}; '
                    f'expected a label a frame in 0..{num_classes}, '
                    f'{num_classes} is the background'
                )
        if len(pair[0]) != len(pair[1]):
            raise DataError(
                f'video {name!r} has {len(pair[0])} predicted and '
                f'{len(pair[1])} true frames; expected as many'
            )
        yield tuple(x.astype(np.int64) for x in pair)


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else float('nan')


def frame_confusion(
    predictions: Mapping[str, np.ndarray],
    ground_truth: Mapping[str, np.ndarray],
    num_classes: int,
) -> np.ndarray:
    """Frames of each true label that got each predicted label."""
    width = num_classes + 1
    counts = np.zeros(width * width, dtype=np.int64)
    for found, true in _pairs(predictions, ground_truth, num_classes):
        counts += np.bincount(true * width + found, minlength=width * width)
    return counts.reshape(width, width)
