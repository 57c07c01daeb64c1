#!/usr/bin/env python
"""Numbers of a row, out of the scores of a test.

``python experiments/measure.py SCORES ..`` prints them. ``true_boundaries/``
is what is left wrong with the boundaries of the truth, so that only classes
are; ``true_classes/`` with its classes, so that only boundaries are.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

# Run as a file, it would see its own folder alone.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mmsnip.evaluation import (
    evaluate_boundaries,
    evaluate_frames,
    segments_from_frames,
)
from mmsnip.evaluation.protocols import evaluate_scores, paint_videos
from mmsnip.evaluation.segments import viterbi_labels
from mmsnip.io.scores import load_scored_videos

FRAMES = (
    'frame_accuracy', 'frame_accuracy_action', 'F1@50', 'edit',
    'runs_per_segment',
)  # fmt: skip
WAYS = ('sweep', 'runs', 'viterbi')
ERRORS = ('runs/mAP', 'runs/mAP@0.50', 'frame_accuracy', 'F1@50')
RATE = 30.0  # frames a second, where the file says none
Arrays = Mapping[str, np.ndarray]


def measure_scores(
    path: str | Path, source: str | Path | None = None
) -> dict[str, float]:
    """Metrics of a file of ``tools/test.py --dump-scores``, with truth.

    ``source`` is the annotation file that the videos come from; a list of
    clips beside it adds what the distractors tell. Gives ``WAY/mAP``,
    ``WAY/mAP@0.50`` and ``WAY/AP@0.50/CLASS`` of each way to segments, frame
    metrics of the arg-max and of ``viterbi/``, ``background_called_action``
    and what is left wrong, in 0..1 but for ``runs_per_segment`` and seconds;
    without those that are not defined.
    """
    stored = load_scored_videos(path)
    if stored.truth is None:
        raise ValueError(
            f'{path}: it holds no ground truth; write it with tools/test.py '
            '--dump-scores on a split with segments'
        )
    scores, truth, classes = stored.scores, stored.truth, stored.classes
    found, _ = evaluate_scores(scores, truth, classes, 'babel', WAYS)
    strict, _ = evaluate_scores(
        scores, truth, classes, 'babel', WAYS, np.arange(0.5, 1, 0.05)
    )
    metrics = {
        f'{before}{key}': found[f'{before}{key}']
        for before in ('', 'viterbi/')
        for key in FRAMES
    }
    for way in WAYS:
        keys = ['mAP', 'mAP@0.50', *(f'AP@0.50/{name}' for name in classes)]
        metrics |= {f'{way}/{key}': found[f'{way}/{key}'] for key in keys}
        metrics[f'{way}/mAP@0.50:0.95'] = strict[f'{way}/mAP']
    labels = paint_videos(truth, scores, len(classes))
    rates = {video: stored.fps.get(video, RATE) for video in scores}
    called = {v: array.argmax(axis=1) for v, array in scores.items()}
    for before, frames in (
        ('', called),
        ('viterbi/', {v: viterbi_labels(x) for v, x in scores.items()}),
    ):
        sharp = evaluate_frames(frames, labels, len(classes), (0.75, 0.9))
        sharp = {key: sharp[key] for key in ('F1@75', 'F1@90')}
        sharp |= evaluate_boundaries(frames, labels, len(classes), rates)
        metrics |= {f'{before}{key}': v for key, v in sharp.items()}
    metrics['background_called_action'] = _share(
        [called[v][labels[v] == len(classes)] < len(classes) for v in scores]
    )
    changes = dict(
        true_boundaries=with_true_boundaries, true_classes=with_true_classes
    )
    for name, change in changes.items():
        changed = {v: change(array, labels[v]) for v, array in scores.items()}
        found, _ = evaluate_scores(changed, truth, classes, 'babel', ('runs',))
        metrics |= {f'{name}/{key}': found[key] for key in ERRORS}
    sequences = clips_beside(source) if source else None
    if sequences:
        metrics |= distractor_metrics(scores, truth, sequences)
    return _defined(metrics)


def with_true_boundaries(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Scores that change only where the truth does: means over its runs."""
    means = np.empty(scores.shape, dtype=np.float64)
    for _, start, end in segments_from_frames(labels, background=None):
        means[start:end] = scores[start:end].mean(axis=0)
    return means


def with_true_classes(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Runs of the arg-max, each called what most of its frames are."""
    called = np.empty(len(labels), dtype=np.int64)
    best = scores.argmax(axis=1)
    for _, start, end in segments_from_frames(best, background=None):
        called[start:end] = np.bincount(labels[start:end]).argmax()
    return np.eye(scores.shape[1])[called]


def clips_beside(ann_file: str | Path) -> list[dict[str, Any]] | None:
    """Sequences of ``NAME_clips.json`` beside ``NAME.pkl``, if it is there.

    A clip that is not labelled is a distractor: motion like an action that
    is none. What lies between clips are transitions.
    """
    path = Path(ann_file)
    path = path.with_name(f'{path.stem}_clips.json')
    if not path.is_file():
        return None
    return json.loads(path.read_text(encoding='utf-8'))['sequences']


def distractor_metrics(
    scores: Arrays, truth: Arrays, sequences: list[dict[str, Any]]
) -> dict[str, float]:
    """Share of distractor and of transition frames called an action."""
    clips_of = {entry['frame_dir']: entry['clips'] for entry in sequences}
    called: dict[str, list] = {'distractor': [], 'transition': []}
    for video, array in scores.items():
        between = np.ones(len(array), bool)
        distractor = np.zeros(len(array), bool)
        for clip in clips_of[video]:
            frames = slice(clip['start'], clip['end'])
            between[frames] = False
            distractor[frames] |= not clip['labelled']
        for _, start, end in truth[video]:
            if distractor[start:end].any():
                raise ValueError(
                    f'video {video!r}: a distractor overlaps the labelled '
                    f'segment {start} to {end}; the list of clips is of '
                    'another data set'
                )
            between[start:end] = False
        action = array.argmax(axis=1) != array.shape[1] - 1
        called['distractor'].append(action[distractor])
        called['transition'].append(action[between])
    return {f'{k}_called_action': _share(parts) for k, parts in called.items()}


def _share(parts: list[np.ndarray]) -> float:
    frames = np.concatenate(parts)
    return float(frames.mean()) if len(frames) else float('nan')


def probe_metrics(logs: Sequence[Path]) -> dict[str, float]:
    """The last k-NN probe of a pre-training run, of its ``scalars.json``."""
    last: dict[str, float] = {}
    for path in logs:
        for line in path.read_text(encoding='utf-8').splitlines():
            try:
                row = json.loads(line)
            except ValueError:  # torn by a kill
                continue
            found = {k: v for k, v in row.items() if k.startswith('knn/')}
            last = found or last
    return _defined(last)


def _defined(metrics: Mapping[str, float]) -> dict[str, float]:
    return {k: float(v) for k, v in metrics.items() if np.isfinite(v)}


if __name__ == '__main__':
    for file in sys.argv[1:]:
        for key, value in measure_scores(file).items():
            sys.stdout.write(f'{file}  {value:8.4f}  {key}\n')
