"""The protocols as loops, written from their description, to test against.

Frame sets are python sets and every greedy step is taken one by one.
"""

from __future__ import annotations

import numpy as np


def runs_of(flags):
    runs, start = [], None
    for t, flag in enumerate([*flags, False]):
        if flag and start is None:
            start = t
        if not flag and start is not None:
            runs.append((start, t))
            start = None
    return runs


def set_iou(a, b):
    union = len(a | b)
    return len(a & b) / union if union else 0.0


def greedy_suppression(segments, scores, threshold):
    left = sorted(range(len(scores)), key=lambda i: (-scores[i], -i))
    kept = []
    while left:
        best, *left = left
        kept.append(best)
        s, e = segments[best]
        survivors = []
        for i in left:
            inter = max(0, min(e, segments[i][1]) - max(s, segments[i][0]))
            size = segments[i][1] - segments[i][0]
            if not inter / size > threshold:
                survivors.append(i)
        left = survivors
    return kept


def babel_candidates(column, thresholds, convention, min_length=3):
    T = len(column)
    column = column.astype(np.float64)
    found = []
    for threshold in thresholds:
        for s, e in runs_of(column > threshold):
            size = e - s
            if size < min_length:
                continue
            if convention == 'official':
                inside = range(s, min(e + 1, T))
                margin = [
                    *range(max(0, int(s - 0.25 * size)), s),
                    *range(e + 1, min(T - 1, int(e + 0.25 * size + 1))),
                ]
            else:
                inside = range(s, e)
                reach = int(np.ceil(0.25 * size))
                margin = [
                    *range(max(0, s - reach), s),
                    *range(e, min(T, e + reach)),
                ]
            outer = np.mean(column[margin]) if margin else 0.0
            found.append((s, e, np.mean(column[list(inside)]) - 0.6 * outer))
    return found


def greedy_matches(found, truth, threshold, frames_of, free_only=True):
    """True positives of one class, found in descending score.

    found: (video, start, end); truth: the same.
    """
    taken, hits = set(), []
    for video, *interval in found:
        best, best_iou = None, 0.0
        for g, (other, *segment) in enumerate(truth):
            if other != video or (free_only and g in taken):
                continue
            iou = set_iou(
                frames_of(interval, 'found'), frames_of(segment, 'truth')
            )
            if iou >= threshold and iou > best_iou:
                best, best_iou = g, iou
        hits.append(best is not None and best not in taken)
        if best is not None:
            taken.add(best)
    return hits


def all_point_ap(hits, num_truth):
    precision = [sum(hits[: k + 1]) / (k + 1) for k in range(len(hits))]
    area = 0.0
    for k, hit in enumerate(hits):
        if hit:
            area += max(precision[k:]) / num_truth
    return area


def mean_ap(detections, ground_truth, num_classes, threshold, **kwargs):
    """AP per class (None without truth) by the loops above."""
    per_class = []
    for c in range(num_classes):
        found = [
            (video, s, e, score)
            for video in sorted(detections)
            for label, s, e, score in detections[video]
            if label == c
        ]
        found.sort(key=lambda row: -row[3])
        truth = [
            (video, s, e)
            for video in sorted(ground_truth)
            for label, s, e in ground_truth[video]
            if label == c
        ]
        if not truth:
            per_class.append(None)
            continue
        hits = greedy_matches(
            [row[:3] for row in found], truth, threshold, **kwargs
        )
        per_class.append(all_point_ap(hits, len(truth)))
    return per_class


def random_videos(seed, num_videos=7, num_classes=3, T=83, ties=False):
    """Detections near and far from ground truth that may overlap."""
    rng = np.random.default_rng(seed)
    detections, ground_truth = {}, {}
    for video in range(num_videos):
        starts = rng.integers(0, T - 20, rng.integers(0, 7))
        truth = np.stack(
            [
                rng.integers(0, num_classes, len(starts)),
                starts,
                starts + rng.integers(1, 20, len(starts)),
            ],
            axis=1,
        )
        copies = truth[rng.integers(0, len(truth), 9 if len(truth) else 0)]
        jitter = rng.integers(-3, 4, (len(copies), 2))
        near = copies[:, 1:] + jitter
        near[:, 1] = np.maximum(near[:, 1], near[:, 0] + 1)
        near = np.column_stack([copies[:, 0], near])
        far = rng.integers(0, T - 9, 4)
        far = np.column_stack([rng.integers(0, num_classes, 4), far, far + 8])
        rows = np.concatenate([near, far])
        scores = rng.random(len(rows))
        if ties:
            scores = np.round(scores, 1)
        detections[f'v{video}'] = np.column_stack([rows, scores])
        ground_truth[f'v{video}'] = truth
    return detections, ground_truth
