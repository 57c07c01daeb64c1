"""Kinds of false positives, and what each costs."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from mmsnip.evaluation.average_precision import iou_key
from mmsnip.evaluation.diagnosis import KINDS, ErrorReport
from mmsnip.visualization.canvas import (
    INK,
    PRINT_DPI,
    PRINT_IN,
    add_axes_in,
    new_figure,
    percent,
    plain_chart,
    put_heading,
)
from mmsnip.visualization.legend import put_key

__all__ = ['KIND_COLORS', 'draw_errors', 'iou_range']

# Told apart by lightness as well: dark, light, middle, in turn.
KIND_COLORS = (
    '#0B4F7A',
    '#9FD3F2',
    '#D98300',
    '#F7D98B',
    '#A8437E',
    '#C9C9C9',
)
_LEFT_IN, _TOP_IN, _PLOT_IN, _FOOT_IN, _SIZE = 0.6, 0.76, 2.2, 0.52, 8.0


def draw_errors(report: ErrorReport) -> Figure:
    """Error breakdown of the best detections beside the gain of removal.

    Args:
        report (ErrorReport): Answer of `diagnose_errors`.

    Returns:
        Figure: Axes labelled ``profile``, a stack a group of G detections
        with bars of gid ``<kind>``, and ``gains``, a bar a kind of error.
    """
    figure = new_figure(PRINT_IN, _TOP_IN + _PLOT_IN + _FOOT_IN, PRINT_DPI)
    profile = add_axes_in(figure, _LEFT_IN, _TOP_IN, 3.55, _PLOT_IN, 'profile')
    _draw_profile(profile, report)
    gains = add_axes_in(figure, 4.95, _TOP_IN, 1.9, _PLOT_IN, 'gains')
    _draw_gains(gains, report.gains)
    put_heading(
        figure,
        f'False positives at IoU {iou_range(report.iou_thresholds)}; '
        f'normalized mAP (%) of these detections {percent(report.mean_ap)}',
        _LEFT_IN,
    )
    handles = [
        Patch(color=color, label=kind)
        for color, kind in zip(KIND_COLORS, KINDS)
    ]
    put_key(figure, handles, _LEFT_IN, 0.41, len(KINDS), sample_em=1.1)
    return figure


def iou_range(iou_thresholds: np.ndarray) -> str:
    """Thresholds in words.

    Args:
        iou_thresholds (np.ndarray): Ascending, at least one.

    Returns:
        str: The one, or the first and the last.

    Examples:
        >>> iou_range(np.array([0.5])), iou_range(np.array([0.5, 0.75]))
        ('0.50', '0.50 to 0.75')
    """
    ends = [iou_key(float(iou_thresholds[i])) for i in (0, -1)]
    return ends[0] if len(iou_thresholds) == 1 else ' to '.join(ends)


def _draw_profile(ax: Axes, report: ErrorReport) -> None:
    shares = 100 * np.nan_to_num(report.shares)
    place = np.arange(len(shares))
    foot = np.zeros(len(shares))
    for kind, color in enumerate(KIND_COLORS):
        ax.bar(
            place,
            shares[:, kind],
            0.84,
            bottom=foot,
            color=color,
            edgecolor='white',
            linewidth=0.5,
            gid=KINDS[kind],
        )
        foot += shares[:, kind]
    for group in np.flatnonzero(report.counts.sum(axis=1) == 0):
        ax.text(
            group,
            2,
            'none',
            size=_SIZE - 1,
            color=INK,
            ha='center',
            gid='none',
        )
    ax.set_xlim(-0.6, len(shares) - 0.4)
    ax.set_ylim(0, 100)
    ax.set_xticks(place, [f'{i}G' for i in range(1, len(shares) + 1)])
    plain_chart(ax, 'y')
    ax.tick_params(axis='x', length=0)
    ax.set_xlabel(
        'detections by rank; G: true segments of the class',
        size=_SIZE + 0.5,
        color=INK,
        labelpad=3,
    )
    ax.set_ylabel('share (%)', size=_SIZE + 0.5, color=INK, labelpad=2)


def _draw_gains(ax: Axes, gains: np.ndarray) -> None:
    values = 100 * np.asarray(gains)
    for place, value in enumerate(values):
        height = 0.0 if np.isnan(value) else value
        ax.bar(
            place,
            height,
            0.8,
            color=KIND_COLORS[place + 1],
            gid=KINDS[place + 1],
        )
        ax.annotate(
            'n/a' if np.isnan(value) else f'{value:.1f}',
            (place, height),
            (0, 2),
            textcoords='offset points',
            size=_SIZE,
            color=INK,
            ha='center',
            va='bottom',
        )
    top = np.nanmax(values, initial=0.0)
    ax.set_ylim(0, max(1.0, 1.16 * top))
    ax.set_xlim(-0.6, len(values) - 0.4)
    ax.set_xticks([])
    plain_chart(ax, 'y')
    ax.set_xlabel(
        'kind of error removed', size=_SIZE + 0.5, color=INK, labelpad=7
    )
    ax.set_ylabel('mAP gain (points)', size=_SIZE + 0.5, color=INK, labelpad=2)
