#!/usr/bin/env python
"""BABEL's proposals and mAP against the yardstick.

``python -m benchmarks.evaluation [--quick] [--json FILE]``, from the root of
the checkout, scores 200 synthetic videos of 235 frames, 47,000 in all, four
classes and the background, at seven IoU thresholds, by the yardstick and by
ours, in turns.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from benchmarks.plain.babel_evaluation import evaluate
from benchmarks.rows import Row, in_turns, machine, row_of, table
from mmsnip.evaluation import babel_ground_truth, evaluate_babel
from mmsnip.evaluation.babel import babel_detections_by_video
from mmsnip.evaluation.segments import segments_from_frames

VIDEOS, T, NUM_CLASSES = 200, 235, 4
IOUS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
COMMAND = 'python -m benchmarks.evaluation'
TARGET = 50.0


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


def rows(device: str = 'cpu', quick: bool = False) -> list[Row]:
    """One row."""
    if torch.device(device).type != 'cpu':
        return []
    count = VIDEOS // 10 if quick else VIDEOS
    scores, labels = videos(count)
    expected = np.nanmean(evaluate(scores, labels, IOUS), axis=1)
    report = ours(scores, labels)
    means = [report[f'mAP@{iou:.2f}'] for iou in IOUS]
    if not np.allclose(means, expected, atol=1e-9):
        raise RuntimeError(f'ours gives mAP {means}, the plain one {expected}')
    tasks: list[Callable] = [
        lambda: ours(scores, labels),
        lambda: evaluate(scores, labels, IOUS),
    ]
    times = in_turns(tasks, 3 if quick else 11)
    note = f'{count} videos, {count * T:,} frames, mAP {np.mean(means):.3f}'
    return [
        row_of(
            'BABEL proposals and mAP at 7 IoU',
            *times,
            TARGET,
            COMMAND,
            note=note,
        )
    ]


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--quick', action='store_true')
    parser.add_argument('--json', help='file for the numbers')
    args = parser.parse_args()
    found = rows(quick=args.quick)
    print(table(found))
    if args.json:
        numbers = dict(
            machine=machine(), rows=[row.as_dict() for row in found]
        )
        Path(args.json).write_text(json.dumps(numbers, indent=2) + '\n')


if __name__ == '__main__':
    main()
