"""All pictures of an evaluation, from its scores and truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from mmsnip.evaluation.average_precision import (
    class_names,
    evaluate_activitynet,
    iou_key,
)
from mmsnip.evaluation.babel import babel_ground_truth
from mmsnip.evaluation.diagnosis import (
    analyze_sensitivity,
    diagnose_errors,
    measure_truth,
    precision_recall_curves,
)
from mmsnip.evaluation.framewise import frame_confusion
from mmsnip.evaluation.protocols import PROPOSALS, count_classes, paint_videos
from mmsnip.evaluation.protocols import propose as propose_by
from mmsnip.visualization.canvas import save_figure
from mmsnip.visualization.class_bars import draw_class_ap
from mmsnip.visualization.confusion import draw_confusion
from mmsnip.visualization.error_profile import draw_errors
from mmsnip.visualization.precision_recall import draw_precision_recall
from mmsnip.visualization.sensitivity_bars import draw_sensitivity

__all__ = ['draw_diagnosis', 'save_pictures']

# Rates of videos that name none; lengths are then in frames.
_FRAMES_ONLY = 1.0


def draw_diagnosis(
    scores: Mapping[str, np.ndarray],
    truth: Mapping[str, np.ndarray],
    classes: Sequence[str] | None = None,
    fps: Mapping[str, float | None] | float | None = None,
    settings: Mapping[str, Any] | None = None,
    iou_threshold: float = 0.5,
    iou_thresholds: Sequence[float] = (0.1, 0.2, 0.3, 0.4, 0.5),
    bins: str | Mapping[str, Sequence[float]] = 'quantile',
) -> dict[str, Figure]:
    """Five pictures of a whole evaluation.

    Detections are those of the evaluation's first way to propose segments;
    they are matched as ActivityNet and BABEL do, whatever the protocol.

    Args:
        scores (Mapping[str, np.ndarray]): Per video (T, num_classes + 1),
            background last; at least one video.
        truth (Mapping[str, np.ndarray]): Per video label, start, end,
            (num_segments, 3), of the same videos.
        classes (Sequence[str], optional): Names; None numbers them.
        fps (Mapping | float, optional): Frames a second; without any,
            lengths are counted in frames.
        settings (Mapping, optional): How the scores were evaluated:
            ``protocol``, ``proposals`` and ``convention`` of
            `evaluate_scores`, as ``tools/test.py --dump-scores`` keeps them.
        iou_threshold (float): Of curves, errors and sensitivity.
        iou_thresholds (Sequence[float]): Of the bars of AP.
        bins (str | Mapping): See `analyze_sensitivity`.

    Returns:
        dict[str, Figure]: ``precision_recall``, ``class_ap``, ``errors``,
        ``sensitivity`` and ``confusion``.

    Raises:
        ValueError: If there is no video, videos differ between `scores` and
            `truth`, or an array is malformed; the video is named.
    """
    if not scores:
        raise ValueError('there is no video to diagnose; give at least one')
    odd = {*scores} ^ {*truth}
    if odd:
        raise ValueError(
            f'video {min(odd, key=str)!r} is in one of scores and truth '
            'only; give both of the same videos'
        )
    num_classes = count_classes(scores)
    names = [str(name) for name in class_names(classes, num_classes)]
    settings = dict(settings or {})
    convention = settings.get('convention', 'official')
    found = propose(scores, settings.get('proposals'), convention)
    counted = dict(truth)
    if settings.get('protocol', 'babel') == 'babel':
        counted = {
            video: babel_ground_truth(rows, convention)
            for video, rows in truth.items()
        }
    curves = precision_recall_curves(
        found, counted, num_classes, iou_threshold
    )
    levels = tuple(iou_thresholds)
    report = evaluate_activitynet(found, counted, num_classes, levels, names)
    ap = [
        [report[f'AP@{iou_key(level)}/{name}'] for name in names]
        for level in levels
    ]
    lengths = {video: len(array) for video, array in scores.items()}
    measured = measure_truth(truth, lengths, _rates(scores, fps))
    if fps is None or not _known(fps):
        measured['length in frames'] = measured.pop('length')
        if not isinstance(bins, str) or bins != 'quantile':
            measured.pop('length in frames')
    best = {video: array.argmax(axis=1) for video, array in scores.items()}
    painted = paint_videos(truth, scores, num_classes)
    at = (iou_threshold,)
    return {
        'precision_recall': draw_precision_recall(
            curves, names, iou_threshold
        ),
        'class_ap': draw_class_ap(
            np.array(ap), levels, names, [c.num_truth for c in curves]
        ),
        'errors': draw_errors(
            diagnose_errors(found, counted, num_classes, at)
        ),
        'sensitivity': draw_sensitivity(
            analyze_sensitivity(
                found, counted, measured, num_classes, at, bins
            )
        ),
        'confusion': draw_confusion(
            frame_confusion(best, painted, num_classes), names
        ),
    }


def propose(
    scores: Mapping[str, np.ndarray],
    proposals: Any = None,
    convention: str = 'official',
) -> dict[str, np.ndarray]:
    """Detections of the first way to propose segments.

    Args:
        scores (Mapping[str, np.ndarray]): Per video (T, num_classes + 1).
        proposals (Any): As `evaluate_scores` takes it; None is 'sweep'.
        convention (str): 'official' or 'clean'.

    Returns:
        dict[str, np.ndarray]: Per video label, start, end, score,
        (num_detections, 4).

    Raises:
        ValueError: If the way is unknown.
    """
    if not proposals:
        proposals = ('sweep',)
    if isinstance(proposals, str):
        proposals = (proposals,)
    name = next(iter(proposals))
    if name not in PROPOSALS:
        raise ValueError(
            f'proposals={name!r} is unknown; use one of {sorted(PROPOSALS)}'
        )
    given = proposals[name] if isinstance(proposals, Mapping) else None
    return propose_by(
        scores, name, **{'convention': convention, **(given or {})}
    )


def save_pictures(
    figures: Mapping[str, Figure], folder: str | Path, ending: str = 'png'
) -> list[Path]:
    """Write pictures under their names.

    Args:
        figures (Mapping[str, Figure]): Answer of `draw_diagnosis`.
        folder (str | Path): Folder, made where missing.
        ending (str): Of the files: ``png``, ``pdf`` or ``svg``.

    Returns:
        list[Path]: Files written.
    """
    return [
        save_figure(figure, Path(folder) / f'{name}.{ending}')
        for name, figure in figures.items()
    ]


def _known(fps: Mapping[str, float | None] | float | None) -> bool:
    """Whether any rate is there."""
    if isinstance(fps, Mapping):
        return any(rate is not None for rate in fps.values())
    return fps is not None


def _rates(
    scores: Mapping[str, np.ndarray],
    fps: Mapping[str, float | None] | float | None,
) -> Mapping[str, float] | float:
    """Rate of every video; one that names none gets the others' median."""
    if not _known(fps):
        return _FRAMES_ONLY
    if not isinstance(fps, Mapping):
        return float(fps)
    known = [float(rate) for rate in fps.values() if rate is not None]
    usual = float(np.median(known))
    return {video: fps.get(video) or usual for video in scores}
