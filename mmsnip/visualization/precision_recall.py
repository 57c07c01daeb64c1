"""Precision over recall, a curve a class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mmsnip.evaluation.average_precision import iou_key, mean_of_defined
from mmsnip.evaluation.diagnosis import PrecisionRecall, mean_curve
from mmsnip.visualization.canvas import (
    INK,
    PRINT_DPI,
    PRINT_IN,
    add_axes_in,
    fit_text,
    new_figure,
    percent,
    plain_chart,
    put_heading,
)
from mmsnip.visualization.legend import put_key
from mmsnip.visualization.palette import class_style

__all__ = ['draw_precision_recall', 'shown_classes']

MAX_CURVES = 12
_LEFT_IN, _TOP_IN, _SIDE_IN, _FOOT_IN, _SIZE = 0.6, 0.4, 3.3, 0.5, 8.0
_NAME_IN = 1.75


def draw_precision_recall(
    curves: Sequence[PrecisionRecall],
    classes: Sequence[str],
    iou_threshold: float = 0.5,
) -> Figure:
    """Interpolated precision-recall curves, AP in the legend.

    Args:
        curves (Sequence[PrecisionRecall]): (num_classes,), answer of
            `precision_recall_curves`.
        classes (Sequence[str]): Names.
        iou_threshold (float): Named in the heading.

    Returns:
        Figure: Axes labelled ``curves``, with a line of gid ``class <index>``
        for each class shown (see `shown_classes`) and one of gid ``mean``. A
        dot ends each curve at its highest recall.

    Raises:
        ValueError: If there is not one name a curve.
    """
    if len(curves) != len(classes):
        raise ValueError(
            f'classes has {len(classes)} names for {len(curves)} curves; '
            'give one a class'
        )
    shown = shown_classes([curve.ap for curve in curves])
    height_in = _TOP_IN + _SIDE_IN + _FOOT_IN
    figure = new_figure(PRINT_IN, height_in, PRINT_DPI)
    ax = add_axes_in(figure, _LEFT_IN, _TOP_IN, _SIDE_IN, _SIDE_IN, 'curves')
    handles = []
    for index in shown:
        curve, style = curves[index], class_style(index)
        _draw_curve(ax, curve, style.color, style.line, f'class {index}')
        name = fit_text(figure, str(classes[index]), _SIZE, _NAME_IN)
        handles.append(
            Line2D(
                [],
                [],
                color=style.color,
                ls=style.line,
                lw=1.6,
                label=f'{name}  {percent(curve.ap)}  (n = {curve.num_truth})',
            )
        )
    recall = np.linspace(0, 1, 201)
    ax.plot(
        recall,
        mean_curve(list(curves), recall),
        color=INK,
        lw=2.2,
        ls=(0, (1, 1)),
        gid='mean',
        zorder=3,
    )
    mean_ap = mean_of_defined(np.array([curve.ap for curve in curves]))
    total = sum(curve.num_truth for curve in curves)
    handles.append(
        Line2D(
            [],
            [],
            color=INK,
            lw=2.2,
            ls=(0, (1, 1)),
            label=f'mean of classes  {percent(mean_ap)}  (n = {total})',
        )
    )
    ax.set_xlim(-0.01, 1.02)
    ax.set_ylim(-0.01, 1.03)
    ax.set_xlabel('recall', size=_SIZE + 0.5, color=INK, labelpad=2)
    ax.set_ylabel('precision', size=_SIZE + 0.5, color=INK, labelpad=3)
    plain_chart(ax, 'both')
    present = sum(curve.num_truth > 0 for curve in curves)
    heading = f'AP (%) at IoU {iou_key(iou_threshold)}'
    if len(shown) < present:
        heading += (
            f'; best and worst {len(shown) // 2} of {present} classes drawn'
        )
    put_heading(figure, heading, _LEFT_IN)
    right_in = _LEFT_IN + _SIDE_IN + 0.15
    put_key(figure, handles, right_in, _TOP_IN, sample_em=2.2)
    return figure


def shown_classes(ap: Sequence[float]) -> list[int]:
    """Classes whose curve is drawn, those without ground truth never.

    Args:
        ap (Sequence[float]): (num_classes,), NaN without ground truth.

    Returns:
        list[int]: All where there are twelve or fewer, else the six of
        lowest and the six of highest AP; ascending.

    Examples:
        >>> shown_classes([0.2, float('nan'), 0.1])
        [0, 2]
    """
    values = np.asarray(ap, dtype=np.float64)
    there = np.flatnonzero(~np.isnan(values))
    if len(there) > MAX_CURVES:
        order = there[np.argsort(values[there], kind='stable')]
        half = MAX_CURVES // 2
        there = np.sort(np.r_[order[:half], order[-half:]])
    return there.tolist()


def _draw_curve(
    ax: Axes, curve: PrecisionRecall, color: str, line: Any, gid: str
) -> None:
    hits = np.flatnonzero(np.diff(np.r_[0.0, curve.recall]) > 0)
    recall, height = np.zeros(1), np.zeros(1)
    if len(hits):
        recall = np.r_[0.0, curve.recall[hits]]
        height = curve.envelope[np.r_[hits[0], hits]]
    ax.plot(
        recall,
        height,
        drawstyle='steps-pre',
        color=color,
        ls=line,
        lw=1.4,
        gid=gid,
    )
    ax.plot(recall[-1], height[-1], 'o', color=color, ms=3, gid='end')
