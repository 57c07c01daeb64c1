"""Mean AP and recall of short and long, many and few segments."""

from __future__ import annotations

import itertools

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from mmsnip.evaluation.diagnosis import BinnedScores, SensitivityReport
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
from mmsnip.visualization.error_profile import iou_range
from mmsnip.visualization.legend import put_key

__all__ = ['bin_texts', 'draw_sensitivity']

AP_COLOR, RECALL_COLOR = '#0B4F7A', '#9FD3F2'
TITLES = {
    'coverage': 'coverage of the video (%)',
    'length': 'length (s)',
    'instances': 'class instances in video',
}
_LEFT_IN, _RIGHT_IN, _TOP_IN, _PLOT_IN = 0.6, 0.15, 0.6, 1.9
_FOOT_IN, _SPACE_IN, _SIZE = 0.82, 0.2, 8.0
# Bins of a row, and room for bins that a panel always gets.
_MOST, _LEAST = 15, 3


def draw_sensitivity(report: SensitivityReport) -> Figure:
    """Two bars a bin, panels of the characteristics side by side.

    Args:
        report (SensitivityReport): Answer of `analyze_sensitivity`, with at
            least one characteristic.

    Returns:
        Figure: Axes labelled by characteristic, bars of gid ``mAP`` and
        ``recall``, dashed lines at the values of all segments. Panels that
        do not fit beside each other (15 bins) go to the next row.

    Raises:
        ValueError: If there is no characteristic.
    """
    rows: list[list[BinnedScores]] = [[]]
    for part in report.parts:
        if sum(len(p.labels) for p in [*rows[-1], part]) > _MOST and rows[-1]:
            rows.append([])
        rows[-1].append(part)
    if not rows[0]:
        raise ValueError('report has no characteristic; measure at least one')
    row_in = _PLOT_IN + _FOOT_IN
    figure = new_figure(PRINT_IN, _TOP_IN + row_in * len(rows), PRINT_DPI)
    whole_in = PRINT_IN - _LEFT_IN - _RIGHT_IN
    for place, row in enumerate(rows):
        slots = [max(len(part.labels), _LEAST) for part in row]
        slot_in = (whole_in - _SPACE_IN * (len(row) - 1)) / sum(slots)
        left_in = _LEFT_IN
        for part, slot in zip(row, slots):
            ax = add_axes_in(
                figure,
                left_in,
                _TOP_IN + place * row_in,
                slot_in * slot,
                _PLOT_IN,
                part.name,
            )
            _draw_part(ax, part, report, slot_in)
            if part is row[0]:
                ax.set_ylabel('%', size=_SIZE + 0.5, color=INK, labelpad=2)
            else:
                ax.tick_params(labelleft=False, length=0)
            left_in += slot_in * slot + _SPACE_IN
    put_heading(
        figure,
        f'Sensitivity at IoU {iou_range(report.iou_thresholds)}',
        _LEFT_IN,
    )
    _draw_legend(figure, report)
    return figure


def bin_texts(part: BinnedScores) -> list[str]:
    """Range of each bin as its tick shows it.

    Args:
        part (BinnedScores): Bins.

    Returns:
        list[str]: (num_bins,); percents for coverage, whole numbers that lie
        inside for instances.

    Examples:
        >>> edges = np.array([-1, 1, 4, np.inf])
        >>> part = BinnedScores('instances', 'SML', edges, *[edges] * 3)
        >>> bin_texts(part)
        ['1', '2-4', '≥5']
    """
    edges = part.edges * (100 if part.name == 'coverage' else 1)
    whole = part.name == 'instances'
    texts = []
    for place, (low, high) in enumerate(itertools.pairwise(edges)):
        if whole:
            low = max(low if place == 0 else low + 1, 1)
        if np.isinf(high):
            texts.append(f'{"≥" if whole else ">"}{low:.3g}')
        elif low == high:
            texts.append(f'{low:.3g}')
        else:
            texts.append(f'{_short(low)}-{_short(high)}')
    return texts


def _short(value: float) -> str:
    """Two digits, or all before the point."""
    return f'{value:.0f}' if value >= 10 else f'{value:.2g}'


def _draw_part(
    ax: Axes, part: BinnedScores, report: SensitivityReport, slot_in: float
) -> None:
    place = np.arange(len(part.labels))
    for shift, values, color, gid in (
        (-0.2, part.mean_ap, AP_COLOR, 'mAP'),
        (0.2, part.recall, RECALL_COLOR, 'recall'),
    ):
        heights = 100 * np.nan_to_num(values)
        ax.bar(place + shift, heights, 0.38, color=color, gid=gid)
        for x, value, height in zip(place, values, heights):
            if np.isnan(value):
                continue
            ax.annotate(
                f'{height:.0f}',
                (x + shift, height),
                (0, 1.5),
                textcoords='offset points',
                size=_SIZE - (1.5 if slot_in < 0.42 else 1),
                color=INK,
                ha='center',
                va='bottom',
                gid='value',
                bbox=dict(fc='white', ec='none', pad=0.4, alpha=0.8),
            )
    for value, style in ((report.mean_ap, '--'), (report.recall, ':')):
        if not np.isnan(value):
            ax.axhline(100 * value, color=INK, lw=0.9, ls=style, zorder=0.9)
    ax.set_ylim(0, 112)
    ax.spines['left'].set_bounds(0, 100)
    ax.set_yticks(range(0, 101, 20))
    middle, wide = (len(place) - 1) / 2, max(len(place), _LEAST) / 2
    ax.set_xlim(middle - wide - 0.05, middle + wide + 0.05)
    ax.set_xticks(
        place,
        [
            f'{label}\n{text}\nn={count}'
            for label, text, count in zip(
                part.labels, bin_texts(part), part.counts
            )
        ],
        linespacing=1.25,
    )
    plain_chart(ax, 'y')
    ax.tick_params(
        axis='x', length=0, labelsize=_SIZE - (1.5 if slot_in < 0.5 else 0.5)
    )
    if not len(place):
        ax.text(
            middle,
            50,
            'no segment',
            size=_SIZE,
            color=FAINT_INK,
            ha='center',
            gid='none',
        )
    ax.set_xlabel(
        TITLES.get(part.name, part.name),
        size=_SIZE,
        color=INK,
        labelpad=3,
        parse_math=False,
    )


def _draw_legend(figure: Figure, report: SensitivityReport) -> None:
    handles = [
        Patch(color=AP_COLOR, label='normalized mAP'),
        Patch(color=RECALL_COLOR, label='recall'),
        Line2D(
            [],
            [],
            color=INK,
            lw=0.9,
            ls='--',
            label=f'all: {percent(report.mean_ap)}',
        ),
        Line2D(
            [],
            [],
            color=INK,
            lw=0.9,
            ls=':',
            label=f'all: {percent(report.recall)}',
        ),
    ]
    put_key(figure, handles, _LEFT_IN, 0.37, 4, sample_em=1.5)
