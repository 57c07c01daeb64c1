"""Where each joint goes, how often it is lost, how its bone varies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmsnip.visualization.canvas import (
    FAINT_INK,
    INK,
    WIDTH_IN,
    add_axes_in,
    fit_text,
    new_figure,
    text_width_in,
)
from mmsnip.visualization.class_rows import set_class_rows, set_inner_ticks

__all__ = ['draw_joint_overview']

_RANGE_COLOR, _OK_COLOR, _BAD_COLOR = '#0072B2', '#8A8A8A', '#D55E00'
_HEAD_IN, _ROW_IN, _FOOT_IN, _SPACE_IN, _EDGE_IN = 0.95, 0.21, 0.55, 0.25, 0.35
_MAX_NAME_IN, _SIZE = 1.8, 9.0


def draw_joint_overview(
    ranges: np.ndarray,
    lost_share: np.ndarray,
    bone_spread: np.ndarray,
    names: Sequence[str],
    findings: Mapping[str, int],
    num_videos: int,
    center: str = 'the centre',
    unit: str = '',
    spread_limit: float = 0.3,
) -> Figure:
    """A row a joint; under them, how many videos are odd in which way.

    Args:
        ranges (np.ndarray): (5, V, C) 1st, 25th, 50th, 75th and 99th
            percentile of the position against the centre of the body.
        lost_share (np.ndarray): (V,) share of bodies without the joint.
        bone_spread (np.ndarray): (V,) share by which the bone to the parent
            varies, NaN where there is none.
        names (Sequence[str]): V names.
        findings (Mapping[str, int]): Kind -> number of videos.
        num_videos (int): Of the file.
        center (str): Name of the centre.
        unit (str): Of the positions.
        spread_limit (float): Above it a bone is marked.

    Returns:
        Figure: Axes labelled ``x``, ``y``, maybe ``z``, ``lost``, ``bones``
        and, where there are findings, ``findings``.
    """
    V, C = ranges.shape[1:]
    figure = new_figure(WIDTH_IN, 1.0)
    rows = [fit_text(figure, name, _SIZE, _MAX_NAME_IN) for name in names]
    kinds = [fit_text(figure, kind, _SIZE, _MAX_NAME_IN) for kind in findings]
    widths = [text_width_in(figure, text, _SIZE) for text in [*rows, *kinds]]
    left_in = max(widths) + 0.4
    size_in = _ROW_IN * V
    below_in = _HEAD_IN + size_in + _FOOT_IN
    total_in = below_in
    if findings:
        total_in += 0.45 + 0.26 * len(kinds) + _FOOT_IN
    figure.set_size_inches(WIDTH_IN, total_in)
    num = C + 2
    width_in = WIDTH_IN - left_in - _EDGE_IN - _SPACE_IN * (num - 1)
    width_in /= num
    axes = [
        add_axes_in(
            figure,
            left_in + place * (width_in + _SPACE_IN),
            _HEAD_IN,
            width_in,
            size_in,
            label,
        )
        for place, label in enumerate([*'xyz'[:C], 'lost', 'bones'])
    ]
    for c, ax in enumerate(axes[:C]):
        _ranges(ax, ranges[..., c])
        title = f'{"xyz"[c]} ({unit})' if unit else 'xyz'[c]
        ax.set_title(title, size=9.5, color=INK)
    _shares(axes[C], 100 * lost_share, np.asarray(lost_share) > 0.01)
    axes[C].set_title('lost (% of bodies)', size=9.5, color=INK)
    _shares(axes[C + 1], 100 * bone_spread, bone_spread > spread_limit)
    axes[C + 1].set_title('bone varies by (%)', size=9.5, color=INK)
    for place, ax in enumerate(axes):
        set_class_rows(ax, rows if place == 0 else [''] * V)
    _text(figure, left_in, 0.28, 'joints', 12, INK)
    _text(
        figure,
        left_in + 0.75,
        0.28,
        f'positions against {center}: line 1st to 99th percentile, bar '
        'quartiles, dot median',
        9,
        FAINT_INK,
    )
    if findings:
        _text(figure, left_in, below_in + 0.22, 'odd videos', 12, INK)
        place = (left_in, below_in + 0.45, WIDTH_IN - left_in - 2 * _EDGE_IN)
        ax = add_axes_in(figure, *place, 0.26 * len(kinds), 'findings')
        _findings(ax, kinds, list(findings.values()), num_videos)
    return figure


def _text(
    figure: Figure, left: float, top: float, text: str, size: float, color: str
) -> None:
    height_in = figure.get_figheight()
    spot = (left / WIDTH_IN, 1 - top / height_in)
    figure.text(
        *spot,
        text,
        size=size,
        color=color,
        va='center_baseline',
        parse_math=False,
    )


def _ranges(ax: Axes, values: np.ndarray) -> None:
    """(5, V) percentiles."""
    y = np.arange(values.shape[1])
    low, first, middle, third, high = values
    ax.hlines(y, low, high, color=_RANGE_COLOR, lw=1)
    ax.hlines(y, first, third, color=_RANGE_COLOR, lw=4.5)
    ax.plot(middle, y, 'o', ms=4, mfc='white', mec=INK, mew=0.9)
    ax.axvline(0, color=FAINT_INK, lw=0.7, zorder=0)
    # A few far too large bodies must not squeeze all others.
    span = 3 * max(float(third.max() - first.min()), 1e-9)
    left = max(float(low.min()), float(first.min()) - span)
    right = min(float(high.max()), float(third.max()) + span)
    margin = 0.05 * max(right - left, 1e-9)
    ax.set_xlim(left - margin, right + margin)
    set_inner_ticks(ax, 4)


def _shares(ax: Axes, percent: np.ndarray, bad: np.ndarray) -> None:
    y = np.arange(len(percent))
    values = np.nan_to_num(percent)
    colors = [_BAD_COLOR if wrong else _OK_COLOR for wrong in bad]
    ax.barh(y, values, height=0.66, color=colors)
    ax.set_xlim(0, max(values.max(initial=0) * 1.08, 1.0))
    set_inner_ticks(ax, 4)
    if not values.any():
        ax.set_xticks([0])
        ax.text(
            0.5,
            0.5,
            'unknown' if np.isnan(percent).all() else 'none',
            transform=ax.transAxes,
            size=_SIZE,
            color=FAINT_INK,
            ha='center',
        )


def _findings(
    ax: Axes, kinds: Sequence[str], counts: Sequence[int], num_videos: int
) -> None:
    y = np.arange(len(kinds))
    ax.barh(y, counts, height=0.66, color=_BAD_COLOR)
    for at, count in zip(y, counts):
        share = 100 * count / max(num_videos, 1)
        ax.annotate(
            f'{count:,} ({share:.1f} %)',
            (count, at),
            (4, 0),
            textcoords='offset points',
            va='center_baseline',
            size=8,
            color=FAINT_INK,
        )
    set_class_rows(ax, kinds)
    ax.set_xlim(0, max(counts) * 1.15)
    set_inner_ticks(ax, 6, integer=True)
    ax.set_xlabel('videos', size=9.5, color=INK, labelpad=3)
