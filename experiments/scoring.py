"""Numbers of a row out of the frame scores of a test."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from experiments.distractors import clips_beside, distractor_metrics
from experiments.errors import error_metrics
from mmsnip.evaluation.protocols import evaluate_scores
from mmsnip.io.scores import load_scored_videos
from mmsnip.skeleton.resample import paint_segments

__all__ = ['background_called_action', 'measure_scores', 'probe_metrics']

FRAMES = (
    'frame_accuracy', 'frame_accuracy_action', 'F1@50', 'edit',
    'runs_per_segment',
)  # fmt: skip
WAYS = ('sweep', 'runs', 'viterbi')


def measure_scores(
    path: str | Path, source: str | Path | None = None
) -> dict[str, float]:
    """Metrics of a file of scores.

    Args:
        path (str | Path): Of ``tools/test.py --dump-scores``, with truth.
        source (str | Path, optional): Annotation file that the videos come
            from; a list of clips beside it adds what the distractors tell.

    Returns:
        dict[str, float]: ``sweep/mAP``, ``sweep/mAP@0.50``,
        ``sweep/AP@0.50/<class>``, the same of ``runs/`` and ``viterbi/``,
        frame metrics of the arg-max and of ``viterbi/``,
        ``background_called_action``, what is left wrong with the true
        boundaries and with the true classes (`error_metrics`), all in 0..1
        but ``runs_per_segment``; without those that are not defined.

    Raises:
        ValueError: If the file has no ground truth, or is malformed.
    """
    stored = load_scored_videos(path)
    if stored.truth is None:
        raise ValueError(
            f'{path}: it holds no ground truth; write it with tools/test.py '
            '--dump-scores on a split with segments'
        )
    found, _ = evaluate_scores(
        stored.scores, stored.truth, stored.classes, 'babel', WAYS
    )
    wanted = [*FRAMES, *(f'viterbi/{key}' for key in FRAMES)]
    for way in WAYS:
        wanted += [f'{way}/mAP', f'{way}/mAP@0.50']
        wanted += [f'{way}/AP@0.50/{name}' for name in stored.classes]
    metrics = {key: float(found[key]) for key in wanted}
    metrics['background_called_action'] = background_called_action(
        stored.scores, stored.truth
    )
    metrics.update(error_metrics(stored.scores, stored.truth, stored.classes))
    sequences = clips_beside(source) if source else None
    if sequences:
        metrics.update(
            distractor_metrics(stored.scores, stored.truth, sequences)
        )
    return _defined(metrics)


def background_called_action(
    scores: Mapping[str, np.ndarray], truth: Mapping[str, np.ndarray]
) -> float:
    """Share of the background frames whose arg-max class is an action.

    Args:
        scores (Mapping[str, np.ndarray]): Per video (T, num_classes + 1),
            background last.
        truth (Mapping[str, np.ndarray]): Per video label, start, end,
            (num_segments, 3).

    Returns:
        float: In 0..1; NaN where no frame is background.

    Examples:
        >>> scores = {'a': np.eye(2)[[0, 0, 1, 0]]}
        >>> background_called_action(scores, {'a': np.array([[0, 0, 2]])})
        0.5
    """
    called = background = 0
    for video, array in scores.items():
        last = array.shape[1] - 1
        rows = truth[video]
        labels = paint_segments(rows[:, 1:], rows[:, 0], len(array), last)
        empty = labels == last
        background += int(empty.sum())
        called += int((array.argmax(axis=1)[empty] != last).sum())
    return called / background if background else float('nan')


def probe_metrics(logs: Sequence[Path]) -> dict[str, float]:
    """The last k-NN probe of a pre-training run.

    Args:
        logs (Sequence[Path]): ``scalars.json`` files of the run, the oldest
            first.

    Returns:
        dict[str, float]: Keys that begin with ``knn/``; empty where nothing
        was probed.
    """
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
    return {
        key: float(value)
        for key, value in metrics.items()
        if np.isfinite(value)
    }
