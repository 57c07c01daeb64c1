"""Metrics as the page's tables have them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mmsnip.evaluation import evaluate_activitynet, evaluate_frames
from mmsnip.evaluation.protocols import evaluate_scores, paint_videos

__all__ = [
    'FRAME_KEYS',
    'IOU_THRESHOLDS',
    'compute_metrics',
    'has_several_ious',
    'metric_tables',
    'plain_map',
]

IOU_THRESHOLDS = (0.1, 0.3, 0.5, 0.7)
SHOWN = 'shown'
# Key and name, in the order of the table; percentages but for the last.
FRAME_KEYS = {
    'frame_accuracy': 'Frame accuracy',
    'frame_accuracy_action': 'Frame accuracy, action frames',
    'F1@10': 'F1@10',
    'F1@25': 'F1@25',
    'F1@50': 'F1@50',
    'edit': 'Edit score',
    'runs_per_segment': 'Runs per segment',
}
_CHOICES = ('protocol', 'proposals', 'iou_thresholds', 'convention')


def compute_metrics(
    found: Mapping[str, np.ndarray],
    scores: Mapping[str, np.ndarray],
    truth: Mapping[str, np.ndarray],
    labels: Mapping[str, np.ndarray],
    classes: Sequence[str],
    settings: Mapping[str, Any],
) -> dict[str, float]:
    """Metrics of the videos whose truth is known.

    With scores of all of them, those of `evaluate_scores` with the settings
    of the file; else ActivityNet's mAP of the detections at
    ``IOU_THRESHOLDS`` and `evaluate_frames` of the labels.

    Args:
        found (Mapping[str, np.ndarray]): Per video label, start, end, score.
        scores (Mapping[str, np.ndarray]): Per video (T, num_classes + 1).
        truth (Mapping[str, np.ndarray]): Per video label, start, end.
        labels (Mapping[str, np.ndarray]): Per video predicted label of each
            frame, (T,).
        classes (Sequence[str]): Names.
        settings (Mapping[str, Any]): Of a file of scores.

    Returns:
        dict[str, float]: As `evaluate_scores` names them.
    """
    names = sorted(truth)
    if not names:
        return {}
    if all(name in scores for name in names):
        chosen = {k: settings[k] for k in _CHOICES if k in settings}
        known = {name: scores[name] for name in names}
        return evaluate_scores(known, truth, classes, **chosen)[0]
    metrics = plain_map(found, truth, classes)
    known = {name: labels[name] for name in names}
    painted = paint_videos(truth, known, len(classes))
    metrics.update(evaluate_frames(known, painted, len(classes)))
    return metrics


def plain_map(
    found: Mapping[str, np.ndarray],
    truth: Mapping[str, np.ndarray],
    classes: Sequence[str],
) -> dict[str, float]:
    """ActivityNet's mAP at ``IOU_THRESHOLDS`` of what the page shows.

    Args:
        found (Mapping[str, np.ndarray]): Per video label, start, end, score.
        truth (Mapping[str, np.ndarray]): Per video label, start, end.
        classes (Sequence[str]): Names.

    Returns:
        dict[str, float]: ``shown/mAP@<iou>``, ``shown/AP@<iou>/<class>``.
    """
    rows = {name: found[name] for name in truth}
    report = evaluate_activitynet(
        rows, truth, len(classes), IOU_THRESHOLDS, classes
    )
    return {f'{SHOWN}/{key}': value for key, value in report.items()}


def has_several_ious(metrics: Mapping[str, float]) -> bool:
    """Whether a way to propose has mAP at more than one IoU threshold.

    Args:
        metrics (Mapping[str, float]): As `evaluate_scores` names them.

    Returns:
        bool: The answer.

    Examples:
        >>> has_several_ious({'runs/mAP@0.50': 1.0, 'sweep/mAP@0.30': 1.0})
        False
    """
    ways = [key.split('/')[0] for key in metrics if '/mAP@' in key]
    return len(ways) > len(set(ways))


def metric_tables(
    metrics: Mapping[str, float], classes: Sequence[str]
) -> dict[str, Any]:
    """Sort metrics into tables; NaN becomes None.

    Args:
        metrics (Mapping[str, float]): As `evaluate_scores` names them.
        classes (Sequence[str]): Names.

    Returns:
        dict[str, Any]: ``proposals``, one entry a way to propose with
        ``name``, ``ious`` (texts), ``maps`` (one an IoU), ``mean`` and
        ``classes`` (rows of class index and AP per IoU); ``frames``, rows of
        key, name and value; ``others``, rows of key and value.

    Examples:
        >>> tables = metric_tables({'runs/mAP@0.50': 0.5, 'edit': 1.0}, [])
        >>> tables['proposals'][0]['maps'], tables['frames']
        ([0.5], [['edit', 'Edit score', 1.0]])
    """
    tables: dict[str, dict[str, Any]] = {}
    others = []
    index = {name: label for label, name in enumerate(classes)}
    for key, value in metrics.items():
        if key in FRAME_KEYS:
            continue
        before, _, rest = key.partition('/')
        head, _, tail = rest.partition('@')
        table = tables.setdefault(before, dict(mean=None, maps={}, aps={}))
        iou, _, name = tail.partition('/')
        if rest == 'mAP':
            table['mean'] = _plain(value)
        elif head == 'mAP' and not name:
            table['maps'][iou] = _plain(value)
        elif head == 'AP' and name in index:
            row = table['aps'].setdefault(index[name], {})
            row[iou] = _plain(value)
        else:
            others.append([key, _plain(value)])
    proposals = []
    for name, table in tables.items():
        ious = sorted(
            {*table['maps'], *(k for r in table['aps'].values() for k in r)}
        )
        if not ious and table['mean'] is None:
            continue
        proposals.append(
            dict(
                name=name,
                ious=ious,
                maps=[table['maps'].get(iou) for iou in ious],
                mean=table['mean'],
                classes=[
                    [label, [row.get(iou) for iou in ious]]
                    for label, row in sorted(table['aps'].items())
                ],
            )
        )
    frames = [
        [key, name, _plain(metrics[key])]
        for key, name in FRAME_KEYS.items()
        if key in metrics
    ]
    return dict(proposals=proposals, frames=frames, others=others)


def _plain(value: float) -> float | None:
    value = float(value)
    return round(value, 6) if math.isfinite(value) else None
