"""Who did what when: truth over prediction, probabilities, poses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mmsnip.evaluation.segments import run_detections
from mmsnip.visualization.canvas import (
    INK,
    WIDTH_IN,
    add_axes_in,
    fit_text,
    new_figure,
)
from mmsnip.visualization.legend import LegendGrid
from mmsnip.visualization.pose import Poses
from mmsnip.visualization.rows import (
    best_non_overlapping,
    check_rows,
    clip_rows,
    draw_rows,
)
from mmsnip.visualization.score_curves import curve_classes, draw_score_curves
from mmsnip.visualization.strip import STRIP_IN, check_poses, draw_pose_strip

_LEFT_IN, _RIGHT_IN, _LEAST_IN = 1.1, 0.25, 4.0
_ROW_IN, _CURVES_IN, _TICKS_IN, _GAP_IN = 0.46, 1.5, 0.56, 0.14


def draw_timeline(
    ground_truth: np.ndarray | None,
    detections: np.ndarray | None,
    classes: Sequence[str],
    num_frames: int,
    fps: float = 30.0,
    scores: np.ndarray | None = None,
    poses: Poses | tuple[Any, ...] | None = None,
    title: str | None = None,
    figure_width_in: float = WIDTH_IN,
) -> Figure:
    """Timeline of one video, 100 pixels an inch.

    Args:
        ground_truth (np.ndarray | None): (num_segments, 3) label, start,
            end in frames; None leaves the row out.
        detections (np.ndarray | None): (num_detections, 4) label, start,
            end, score; of those that overlap the best are shown. None takes
            the arg-max runs of `scores`, or leaves the row out.
        classes (Sequence[str]): Names, one a label.
        num_frames (int): T, at least 1.
        fps (float): Frames a second.
        scores (np.ndarray | None): (T, num_classes + 1) probabilities,
            background last, drawn as curves.
        poses (Poses | tuple | None): Skeletons (M, T, V, C), their parents,
            and the axis that is up; drawn at the middles of the predicted
            segments, or of the true ones where nothing is predicted.
        title (str | None): One line above the picture.
        figure_width_in (float): Width in inches, at least 4; letters keep
            their size, so that 7 fits two columns of a journal.

    Returns:
        Figure: With axes labelled ``segments``, ``pose``, ``curves`` and
            ``legend``, unknown to pyplot; `save_figure` writes it.

    Raises:
        ValueError: If a shape, a label, T or fps does not fit; what was
            found and expected is named.
    """
    num_frames = _check_length(num_frames, fps)
    if not figure_width_in >= _LEAST_IN:
        raise ValueError(
            f'figure_width_in={figure_width_in!r} must be at least '
            f'{_LEAST_IN:g}'
        )
    if scores is not None:
        scores = _check_scores(scores, num_frames, len(classes))
        if detections is None:
            detections = run_detections(scores)
    rows: list[tuple[str, np.ndarray]] = []
    if ground_truth is not None:
        truth = check_rows('ground_truth', ground_truth, 3, len(classes))
        rows.append(('ground truth', clip_rows(truth, num_frames)))
    if detections is not None:
        found = check_rows('detections', detections, 4, len(classes))
        rows.append(
            ('prediction', clip_rows(best_non_overlapping(found), num_frames))
        )
    if not rows:
        raise ValueError(
            'ground_truth, detections and scores are all None; a timeline '
            'shows at least one of them'
        )
    pose_row = max(
        (i for i, (_, part) in enumerate(rows) if len(part)), default=None
    )
    checked = None
    if poses is not None and pose_row is not None:
        checked = check_poses(poses, num_frames)

    shown = {int(label) for _, part in rows for label in part[:, 0]}
    curves = [] if scores is None else curve_classes(scores, sorted(shown))
    width_in = figure_width_in - _LEFT_IN - _RIGHT_IN
    figure = new_figure(figure_width_in, 1.0)
    entries: list[tuple[int | None, str]] = [
        (c, str(classes[c])) for c in sorted(shown | set(curves))
    ]
    if scores is not None:
        entries.append((None, 'background'))
    many = scores is not None and any(c >= 12 for c, _ in entries[:-1])
    legend = LegendGrid(figure, entries, width_in, with_lines=many)

    ticks_on_top = checked is not None
    title_in = 0.46 if title else 0.14
    rows_top = title_in + (0.24 if ticks_on_top else 0.0)
    strip_top = rows_top + _ROW_IN * len(rows)
    curves_top = strip_top + (STRIP_IN if checked else 0) + _GAP_IN
    foot = curves_top + _CURVES_IN if scores is not None else curves_top
    legend_top = foot + _TICKS_IN
    if scores is None and checked is not None:
        legend_top = foot + 0.06
    figure.set_size_inches(
        figure_width_in, legend_top + legend.height_in + 0.12
    )

    place = (_LEFT_IN, rows_top, width_in, _ROW_IN * len(rows))
    rows_ax = add_axes_in(figure, *place, label='segments')
    draw_rows(figure, rows_ax, rows, classes, width_in, num_frames, fps)
    _time_axis(rows_ax, named=scores is None and not ticks_on_top)
    if ticks_on_top:
        rows_ax.xaxis.tick_top()
        rows_ax.tick_params(axis='x', length=0, pad=1)
        rows_ax.annotate(
            'time (s)',
            (0, 1),
            (-12, 2.5),
            xycoords='axes fraction',
            textcoords='offset points',
            size=9,
            color=INK,
            ha='right',
        )
    elif scores is not None:
        rows_ax.tick_params(axis='x', length=0, labelbottom=False)
    if checked is not None:
        draw_pose_strip(
            figure,
            rows_ax,
            rows[pose_row][1][:, :3],
            pose_row,
            checked,
            fps,
            _LEFT_IN,
            strip_top,
            width_in,
        )
    if scores is not None:
        place = (_LEFT_IN, curves_top, width_in, _CURVES_IN)
        ax = add_axes_in(figure, *place, label='curves')
        draw_score_curves(ax, scores, curves, fps)
        _time_axis(ax, named=True)
    place = (_LEFT_IN, legend_top, width_in, max(legend.height_in, 0.01))
    legend.draw(add_axes_in(figure, *place, label='legend'))
    if title:
        figure.text(
            _LEFT_IN / figure_width_in,
            1 - 0.24 / figure.get_size_inches()[1],
            fit_text(figure, title, 12, width_in),
            size=12,
            color=INK,
            va='center',
            parse_math=False,
        )
    return figure


def _check_length(num_frames: int, fps: float) -> int:
    if int(num_frames) != num_frames or num_frames < 1:
        raise ValueError(
            f'num_frames={num_frames!r} must be a whole number of at least 1'
        )
    if not (np.isfinite(fps) and fps > 0):
        raise ValueError(f'fps={fps!r} must be positive and finite')
    return int(num_frames)


def _check_scores(
    scores: np.ndarray, num_frames: int, num_classes: int
) -> np.ndarray:
    scores = np.asarray(scores, dtype=np.float64)
    if scores.shape != (num_frames, num_classes + 1):
        raise ValueError(
            f'scores has shape {scores.shape}; expected (T, num_classes + 1) '
            f'= ({num_frames}, {num_classes + 1}), background last'
        )
    return scores


def _time_axis(ax: Axes, named: bool) -> None:
    width_in = ax.get_position().width * ax.figure.get_size_inches()[0]
    most = min(12, int(width_in / 0.6))
    ax.xaxis.set_major_locator(MaxNLocator(most, steps=[1, 2, 2.5, 5, 10]))
    ax.ticklabel_format(axis='x', useOffset=False, style='plain')
    if named:
        ax.set_xlabel('time (s)', size=9.5, color=INK, labelpad=3)
