"""BABEL's proposals and mAP, against the way its benchmark publishes them.

200 synthetic videos of 235 frames, four classes and the background, at seven
IoU thresholds. The yardstick takes one video, class, threshold, run and
ground truth after the other, frames as sets. Intervals are those of the
official code: a detection [s, e + 1), a truth without its last frame.

Source:
    Rules as in the reference numbers' description of ``babel_segmap_s*``,
    after the benchmark's ``detectionMAP.py``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.rows import Row, in_turns, row_of
from mmsnip.evaluation import babel_ground_truth, evaluate_babel
from mmsnip.evaluation.babel import babel_detections_by_video
from mmsnip.evaluation.segments import segments_from_frames

VIDEOS, T, NUM_CLASSES = 200, 235, 4
IOUS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
SWEEP = np.arange(0.03, 0.055, 0.005)


def runs_above(scores: np.ndarray, threshold: float) -> list[tuple[int, int]]:
    """Runs [s, e) of frames above a threshold."""
    active = np.concatenate(
        [np.zeros(1), (scores > threshold).astype('float32'), np.zeros(1)]
    )
    steps = [active[t] - active[t - 1] for t in range(1, len(active))]
    starts = [t for t, step in enumerate(steps) if step == 1]
    ends = [t for t, step in enumerate(steps) if step == -1]
    return list(zip(starts, ends))


def run_score(scores: np.ndarray, start: int, end: int) -> float:
    """Mean inside a run, less 0.6 times the mean of its margins."""
    length = end - start
    inner = np.mean(scores[start : end + 1])
    first = max(0, int(start - 0.25 * length))
    last = min(len(scores) - 1, int(end + 0.25 * length + 1))
    margin = [*range(first, start), *range(end + 1, last)]
    outer = np.mean(scores[margin]) if margin else 0
    return inner - 0.6 * outer


def suppress(rows: list, threshold: float = 0.2) -> list:
    """Greedy suppression, the best row first."""
    if not rows:
        return []
    table = np.array(rows)
    start, end, score = table[:, 1], table[:, 2], table[:, 3]
    area = end - start + 1
    left = np.argsort(score)
    kept = []
    while len(left) > 0:
        best, rest = left[-1], left[:-1]
        kept.append(rows[best])
        low = np.maximum(start[best], start[rest])
        high = np.minimum(end[best], end[rest])
        overlap = np.maximum(0, high - low + 1) / area[rest]
        left = np.delete(rest, np.where(overlap > threshold)[0])
    return kept


def propose(
    scores: Sequence[np.ndarray],
    num_classes: int,
    thresholds: Sequence[float] = SWEEP,
) -> list[np.ndarray]:
    """Per class video, start, end, score of its proposals, (P, 4)."""
    proposals = []
    for label in range(num_classes):
        found = []
        for video, frame_scores in enumerate(scores):
            own = frame_scores[:, label]
            candidates = [
                [video, start, end + 1, run_score(own, start, end)]
                for threshold in thresholds
                for start, end in runs_above(own, threshold)
                if end - start >= 3
            ]
            found += suppress(candidates)
        proposals.append(np.array(found).reshape(-1, 4))
    return proposals


def true_segments(
    labels: Sequence[np.ndarray], num_classes: int
) -> list[list]:
    """Per class video, start, end of its runs, the last frame left out."""
    truth: list[list] = [[] for _ in range(num_classes)]
    for video, frames in enumerate(labels):
        for label in sorted(set(frames.tolist()) - {num_classes}):
            active = np.concatenate([[0], frames == label, [0]])
            flips = np.where(active[1:] != active[:-1])[0]
            for start, end in zip(flips[::2], flips[1::2]):
                truth[label].append([video, start, end - 1])
    return truth


def average_precision(
    proposals: np.ndarray, truth: list, iou_threshold: float
) -> float:
    """AP of one class at one threshold."""
    if len(proposals) == 0:
        return 0.0
    num_truth, free = len(truth), list(truth)
    hits = []
    for video, start, end, _ in proposals[np.argsort(-proposals[:, 3])]:
        best, best_iou = None, 0.0
        for index, (owner, true_start, true_end) in enumerate(free):
            if owner != video:
                continue
            here = set(range(int(start), int(end)))
            there = set(range(int(true_start), int(true_end)))
            iou = len(here & there) / len(here | there)
            if iou >= iou_threshold and iou > best_iou:
                best, best_iou = index, iou
        if best is not None:
            del free[best]
        hits.append(float(best is not None))
    if not any(hits):
        return 0.0
    found = np.cumsum(hits)
    precision = np.hstack([[0], found / np.arange(1, len(hits) + 1), [0]])
    recall = np.hstack([[0], found / num_truth, [1]])
    for index in range(len(precision) - 1)[::-1]:
        precision[index] = max(precision[index], precision[index + 1])
    steps = np.where(recall[1:] != recall[:-1])[0] + 1
    return float(
        np.sum((recall[steps] - recall[steps - 1]) * precision[steps])
    )


def evaluate(
    scores: Sequence[np.ndarray],
    labels: Sequence[np.ndarray],
    iou_thresholds: Sequence[float],
) -> np.ndarray:
    """AP from frame scores and labels, (num_thresholds, num_classes).

    Labels are 0..num_classes - 1, the background is the last column of the
    scores and num_classes in the labels. NaN for a class without truth.
    """
    num_classes = scores[0].shape[1] - 1
    proposals = propose(scores, num_classes)
    truth = true_segments(labels, num_classes)
    return np.array(
        [
            [
                average_precision(proposals[label], truth[label], iou)
                if truth[label]
                else np.nan
                for label in range(num_classes)
            ]
            for iou in iou_thresholds
        ]
    )


def videos(count: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Softmax scores that flicker about slow labels, and the labels."""
    rng = np.random.default_rng(0)
    scores, labels = [], []
    for _ in range(count):
        runs = rng.integers(NUM_CLASSES + 1, size=T)
        frames = np.repeat(runs, rng.integers(15, 60, T))[:T]
        noise = rng.normal(size=(T + 4, NUM_CLASSES + 1))
        smooth = sum(noise[shift : shift + T] for shift in range(5)) / 2
        logits = 1.5 * smooth + 2.0 * np.eye(NUM_CLASSES + 1)[frames]
        chance = np.exp(logits)
        chance /= chance.sum(axis=1, keepdims=True)
        scores.append(chance.astype(np.float32))
        labels.append(frames)
    return scores, labels


def ours(
    scores: list[np.ndarray], labels: list[np.ndarray]
) -> dict[str, float]:
    """From frame scores and labels to the metrics."""
    found = babel_detections_by_video(dict(enumerate(scores)))
    truth = {
        video: babel_ground_truth(segments_from_frames(frames, NUM_CLASSES))
        for video, frames in enumerate(labels)
    }
    return evaluate_babel(found, truth, NUM_CLASSES, IOUS)


def rows(device: str, quick: bool) -> list[Row]:
    """One row, on the CPU."""
    if device != 'cpu':
        return []
    count = VIDEOS // 10 if quick else VIDEOS
    scores, labels = videos(count)
    expected = np.nanmean(evaluate(scores, labels, IOUS), axis=1)
    report = ours(scores, labels)
    means = [report[f'mAP@{iou:.2f}'] for iou in IOUS]
    if not np.allclose(means, expected, atol=1e-9):
        raise RuntimeError(f'ours gives mAP {means}, the plain one {expected}')
    tasks = [
        lambda: ours(scores, labels),
        lambda: evaluate(scores, labels, IOUS),
    ]
    times = in_turns(tasks, 3 if quick else 11)
    note = f'{count} videos, {count * T:,} frames, mAP {np.mean(means):.3f}'
    return [
        row_of('BABEL proposals and mAP at 7 IoU', *times, 50.0, note=note)
    ]
