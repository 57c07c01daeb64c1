#!/usr/bin/env python
"""Errors of boundaries apart from errors of classes.

``python experiments/errors.py SCORES ..`` prints, for files of
``tools/test.py --dump-scores``, the metrics as they are; with the boundaries
of the truth, so that only classes are wrong; and with the classes of the
truth, so that only boundaries are.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

# Run as a file, it would see its own folder alone.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mmsnip.evaluation.protocols import evaluate_scores, paint_videos
from mmsnip.evaluation.segments import segments_from_frames
from mmsnip.io.scores import load_scored_videos

__all__ = ['error_metrics', 'with_true_boundaries', 'with_true_classes']

SHOWN = ('runs/mAP', 'runs/mAP@0.50', 'frame_accuracy', 'F1@50')


def with_true_boundaries(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Scores that change only where the truth does.

    Args:
        scores (np.ndarray): Frame probabilities, (T, num_classes + 1),
            background last.
        labels (np.ndarray): True label of each frame, (T,).

    Returns:
        np.ndarray: The mean over each run of equal labels, the same shape.

    Examples:
        >>> scores = np.array([[0.75, 0.25], [0.25, 0.75], [0.0, 1.0]])
        >>> with_true_boundaries(scores, np.array([0, 0, 1])).tolist()
        [[0.5, 0.5], [0.5, 0.5], [0.0, 1.0]]
    """
    means = np.empty(scores.shape, dtype=np.float64)
    for _, start, end in segments_from_frames(labels, background=None):
        means[start:end] = scores[start:end].mean(axis=0)
    return means


def with_true_classes(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Runs of the arg-max, each called what most of its frames are.

    Args:
        scores (np.ndarray): Frame probabilities, (T, num_classes + 1),
            background last.
        labels (np.ndarray): True label of each frame, (T,).

    Returns:
        np.ndarray: 1 for the class of the run, else 0, the same shape. Runs
        that flicker leave more boundaries to choose from.

    Examples:
        >>> scores = np.array([[0.9, 0.1], [0.9, 0.1], [0.2, 0.8]])
        >>> with_true_classes(scores, np.array([1, 1, 0])).tolist()
        [[0.0, 1.0], [0.0, 1.0], [1.0, 0.0]]
    """
    called = np.empty(len(labels), dtype=np.int64)
    best = scores.argmax(axis=1)
    for _, start, end in segments_from_frames(best, background=None):
        called[start:end] = np.bincount(labels[start:end]).argmax()
    return np.eye(scores.shape[1])[called]


WAYS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    'true_boundaries': with_true_boundaries,
    'true_classes': with_true_classes,
}


def error_metrics(
    scores: Mapping[str, np.ndarray],
    truth: Mapping[str, np.ndarray],
    classes: Sequence[str],
) -> dict[str, float]:
    """What is left wrong once boundaries, or classes, are right.

    Args:
        scores (Mapping[str, np.ndarray]): Per video frame probabilities,
            (T, num_classes + 1), background last.
        truth (Mapping[str, np.ndarray]): Per video label, start, end,
            (num_segments, 3).
        classes (Sequence[str]): Names, without background.

    Returns:
        dict[str, float]: ``true_boundaries/runs/mAP``,
        ``true_classes/runs/mAP`` and so on, in 0..1.
    """
    labels = paint_videos(truth, scores, len(classes))
    metrics = {}
    for name, change in WAYS.items():
        changed = {v: change(array, labels[v]) for v, array in scores.items()}
        found, _ = evaluate_scores(changed, truth, classes, 'babel', ('runs',))
        metrics.update({f'{name}/{key}': float(found[key]) for key in SHOWN})
    return metrics


def main(words: Sequence[str] | None = None) -> None:
    """Print three rows a file."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('scores', nargs='+', help='with ground truth')
    args = parser.parse_args(words)
    _write(['scores', 'with', *SHOWN])
    _write(['---'] * (len(SHOWN) + 2))
    for path in args.scores:
        stored = load_scored_videos(path)
        if stored.truth is None:
            parser.error(
                f'{path}: it holds no ground truth; write it with '
                'tools/test.py --dump-scores on a split with segments'
            )
        found, _ = evaluate_scores(
            stored.scores, stored.truth, stored.classes, 'babel', ('runs',)
        )
        _write([path, 'nothing', *_percent([found[key] for key in SHOWN])])
        others = error_metrics(stored.scores, stored.truth, stored.classes)
        for name in WAYS:
            numbers = [others[f'{name}/{key}'] for key in SHOWN]
            _write([path, name.replace('_', ' '), *_percent(numbers)])


def _percent(numbers: Sequence[float]) -> list[str]:
    return [f'{100 * number:.1f}' for number in numbers]


def _write(cells: Sequence[str]) -> None:
    sys.stdout.write(f'| {" | ".join(cells)} |\n')


if __name__ == '__main__':
    main()
