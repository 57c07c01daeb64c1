"""AP of each class as a bar."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmsnip.evaluation.average_precision import iou_key, mean_of_defined
from mmsnip.visualization.canvas import (
    FAINT_INK,
    INK,
    PRINT_DPI,
    PRINT_IN,
    add_axes_in,
    new_figure,
    percent,
    plain_chart,
    put_heading,
)
from mmsnip.visualization.class_rows import name_column, set_class_rows
from mmsnip.visualization.palette import class_style

__all__ = ['draw_class_ap']

_TOP_IN, _FOOT_IN, _ROW_IN, _RIGHT_IN, _SIZE = 0.42, 0.5, 0.2, 1.15, 8.0


def draw_class_ap(
    ap: np.ndarray,
    iou_thresholds: Sequence[float],
    classes: Sequence[str],
    num_truth: Sequence[int],
) -> Figure:
    """Bars of the mean AP over thresholds, the best class on top.

    Args:
        ap (np.ndarray): In 0..1, (num_thresholds, num_classes); NaN for a
            class without ground truth.
        iou_thresholds (Sequence[float]): (num_thresholds,).
        classes (Sequence[str]): Names, at least one.
        num_truth (Sequence[int]): True segments of each class.

    Returns:
        Figure: Axes labelled ``bars`` with a bar a class, gid ``class
        <index>``, and a mark at the AP of each threshold. Classes without
        ground truth come last and say so.

    Raises:
        ValueError: If shapes disagree or there is no class.
    """
    ap = np.asarray(ap, dtype=np.float64)
    expected = (len(iou_thresholds), len(classes))
    if ap.shape != expected or len(num_truth) != len(classes) or not ap.size:
        raise ValueError(
            f'ap has shape {ap.shape} and num_truth {len(num_truth)} '
            f'entries; expected {expected}, one AP a threshold and class, '
            'at least one of each'
        )
    means = np.array([mean_of_defined(column) for column in ap.T])
    order = np.argsort(-np.nan_to_num(means, nan=-1.0), kind='stable')
    figure = new_figure(
        PRINT_IN, _TOP_IN + _ROW_IN * len(order) + _FOOT_IN, PRINT_DPI
    )
    left_in, labels = name_column(figure, [str(classes[c]) for c in order])
    ax = add_axes_in(
        figure,
        left_in,
        _TOP_IN,
        PRINT_IN - left_in - _RIGHT_IN,
        _ROW_IN * len(order),
        'bars',
    )
    set_class_rows(ax, labels)
    plain_chart(ax, 'x')
    ax.tick_params(axis='y', length=0)
    for row, index in enumerate(order):
        _draw_bar(ax, row, int(index), means[index], ap[:, index])
        note = f'n = {num_truth[index]}'
        if np.isnan(means[index]):
            note = 'no ground truth'
        ax.annotate(
            '' if np.isnan(means[index]) else percent(means[index]),
            (1, row),
            (30, 0),
            xycoords=('axes fraction', 'data'),
            textcoords='offset points',
            size=_SIZE,
            color=INK,
            ha='right',
            va='center_baseline',
            gid='value',
        )
        ax.annotate(
            note,
            (1, row),
            (34 if note.startswith('n =') else 6, 0),
            xycoords=('axes fraction', 'data'),
            textcoords='offset points',
            size=_SIZE - 0.5,
            color=FAINT_INK,
            va='center_baseline',
            gid='note',
        )
    ax.set_xlim(0, 100)
    ax.set_xlabel('AP (%)', size=_SIZE + 0.5, color=INK, labelpad=2)
    ends = f'{iou_key(iou_thresholds[0])}'
    if len(iou_thresholds) > 1:
        ends = f'{ends} to {iou_key(iou_thresholds[-1])}'
    heading = f'mAP (%) {percent(mean_of_defined(means))} at IoU {ends}'
    if len(iou_thresholds) > 1:
        heading += '; bar: mean, marks: each threshold'
    put_heading(figure, heading, min(left_in, 0.6))
    return figure


def _draw_bar(
    ax: Axes, row: int, index: int, mean: float, values: np.ndarray
) -> None:
    style = class_style(index)
    ax.barh(
        row,
        0.0 if np.isnan(mean) else 100 * mean,
        height=0.62,
        color=style.color,
        edgecolor=style.ink if style.hatch else style.color,
        hatch=style.hatch,
        linewidth=0,
        gid=f'class {index}',
    )
    if len(values) > 1 and not np.isnan(mean):
        for gid, color, width in (('halo', 'white', 2.2), ('marks', INK, 0.9)):
            ax.plot(
                100 * values,
                np.full(len(values), row),
                ls='none',
                marker='|',
                ms=7,
                mew=width,
                color=color,
                gid=gid,
                clip_on=False,
            )
