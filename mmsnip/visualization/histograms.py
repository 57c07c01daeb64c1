"""How often classes occur, and how long videos and segments are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from mmsnip.visualization.canvas import (
    BAND,
    FAINT_INK,
    INK,
    RULE,
    WIDTH_IN,
    add_axes_in,
    new_figure,
)
from mmsnip.visualization.class_rows import (
    SPLIT_COLORS,
    draw_heading,
    draw_split_legend,
    name_column,
    set_class_rows,
    set_inner_ticks,
)
from mmsnip.visualization.palette import class_style

__all__ = ['draw_class_histogram', 'draw_length_histogram']

MAX_ROWS = 120
_RIGHT_IN, _HEAD_IN, _FOOT_IN, _SPACE_IN = 0.3, 0.86, 0.6, 0.75
_MAX_DOTS, _SIZE = 200, 9.0


def draw_class_histogram(
    names: Sequence[str], counts: Mapping[str, np.ndarray]
) -> Figure:
    """Segments and frames of each class, side by side for the splits.

    Args:
        names (Sequence[str]): Classes, at least one; the 120 with most
            segments are shown.
        counts (Mapping[str, np.ndarray]): Split, also ``all`` ->
            (num_classes, 3) videos, segments, frames; the first three
            splits are shown, ``all`` where there is none.

    Returns:
        Figure: Axes labelled ``segments`` and ``frames``.

    Raises:
        ValueError: If there is no class.
    """
    if not len(names):
        raise ValueError('there is no class to count; give at least one')
    splits = [s for s in counts if s != 'all'][: len(SPLIT_COLORS)] or ['all']
    total = np.asarray(counts['all'])[:, 1]
    shown = np.argsort(-total, kind='stable')[:MAX_ROWS]
    row_in = max(0.22, 0.13 * len(splits))
    height_in = _HEAD_IN + row_in * len(shown) + _FOOT_IN
    figure = new_figure(WIDTH_IN, height_in)
    left_in, labels = name_column(figure, [names[c] for c in shown])
    width_in = (WIDTH_IN - left_in - _SPACE_IN - 2 * _RIGHT_IN) / 2
    for place, (key, column) in enumerate((('segments', 1), ('frames', 2))):
        ax = add_axes_in(
            figure,
            left_in + place * (width_in + _SPACE_IN),
            _HEAD_IN,
            width_in,
            row_in * len(shown),
            key,
        )
        table = {s: np.asarray(counts[s])[shown, column] for s in splits}
        _bars(ax, table, row_in)
        ax.set_xlabel(key, size=9.5, color=INK, labelpad=3)
        set_class_rows(ax, labels if place == 0 else [''] * len(labels))
    heading = 'classes, the most frequent first'
    if len(names) > len(shown):
        heading += f' ({len(shown)} of {len(names)})'
    draw_heading(figure, heading, left_in)
    draw_split_legend(figure, splits, left_in)
    return figure


def draw_length_histogram(
    names: Sequence[str],
    seconds: Sequence[Sequence[float]],
    video_s: Mapping[str, Sequence[float]],
) -> Figure:
    """Lengths of videos as a histogram, of segments as a box a class.

    Args:
        names (Sequence[str]): Classes; the 120 with most segments are shown.
        seconds (Sequence[Sequence[float]]): Lengths of each class's
            segments.
        video_s (Mapping[str, Sequence[float]]): Split -> lengths of its
            videos.

    Returns:
        Figure: Axes labelled ``videos`` and, where there is a segment,
        ``segments``: thin line from shortest to longest, box between the
        quartiles, light line at the median, a dot for each of at most 200
        segments.

    Raises:
        ValueError: If there is no video.
    """
    if not any(len(lengths) for lengths in video_s.values()):
        raise ValueError('there is no video to measure; give at least one')
    order = sorted(range(len(names)), key=lambda c: -len(seconds[c]))
    shown = [c for c in order if len(seconds[c])][:MAX_ROWS]
    row_in, plot_in = 0.24, 1.7
    height_in = _HEAD_IN + plot_in + _FOOT_IN
    if shown:
        height_in += 0.3 + row_in * len(shown) + _FOOT_IN
    figure = new_figure(WIDTH_IN, height_in)
    left_in, labels = name_column(figure, [names[c] for c in shown])
    width_in = WIDTH_IN - left_in - 2 * _RIGHT_IN
    ax = add_axes_in(figure, left_in, _HEAD_IN, width_in, plot_in, 'videos')
    splits = list(video_s)[: len(SPLIT_COLORS)]
    _lengths(ax, {split: np.asarray(video_s[split]) for split in splits})
    draw_heading(figure, 'lengths', left_in)
    draw_split_legend(figure, splits, left_in)
    if shown:
        top = _HEAD_IN + plot_in + _FOOT_IN + 0.3
        size = row_in * len(shown)
        ax = add_axes_in(figure, left_in, top, width_in, size, 'segments')
        for row, c in enumerate(shown):
            _box(ax, row, np.asarray(seconds[c]), class_style(c).color)
        set_class_rows(ax, labels)
        ax.annotate(
            'segments: line shortest to longest, box quartiles, gap median',
            (0, 1),
            (0, 6),
            xycoords='axes fraction',
            textcoords='offset points',
            size=_SIZE,
            color=FAINT_INK,
        )
        every = np.concatenate([np.asarray(seconds[c]) for c in shown])
        if every.max() > 20 * every.min():
            _log_seconds(ax)
        else:
            ax.set_xlim(0, every.max() * 1.04)
        ax.set_xlabel('length of segments (s)', size=9.5, color=INK)
    return figure


def _bars(ax: Axes, table: Mapping[str, np.ndarray], row_in: float) -> None:
    """Bars of the splits under each other, with their numbers."""
    thick = 0.84 / len(table)
    largest = max(int(values.max()) for values in table.values())
    size = min(8.0, 72 * row_in * thick * 0.95)
    for place, (split, values) in enumerate(table.items()):
        at = np.arange(len(values)) - 0.42 + (place + 0.5) * thick
        ax.barh(
            at,
            values,
            height=thick * 0.92,
            color=SPLIT_COLORS[place],
            label=split,
        )
        for y, value in zip(at, values):
            ax.annotate(
                f'{value:,}',
                (value, y),
                (3, 0),
                textcoords='offset points',
                va='center_baseline',
                size=size,
                # A class that a split lacks must not be overlooked.
                color=FAINT_INK if value else '#D55E00',
                weight='normal' if value else 'bold',
            )
    ax.set_xlim(0, max(largest, 1) * 1.16)
    set_inner_ticks(ax, 5, integer=True)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f'{x:,.0f}'))


def _lengths(ax: Axes, lengths: Mapping[str, np.ndarray]) -> None:
    every = np.concatenate(list(lengths.values()))
    low, high = float(every.min()), float(every.max())
    far = high > 20 * max(low, 1e-9) and low > 0
    if high <= low:
        low, high = 0.5 * low, 1.5 * high + 1e-9
    num = int(np.clip(np.sqrt(len(every)) * 2, 8, 50))
    edges = (np.geomspace if far else np.linspace)(low, high, num + 1)
    for place, (split, values) in enumerate(lengths.items()):
        ax.hist(
            values,
            bins=edges,
            color=SPLIT_COLORS[place],
            # An outline stays readable on the bars behind it.
            histtype='step' if place else 'stepfilled',
            lw=2.2 if place else 0,
            alpha=1.0 if place else 0.8,
            label=split,
        )
    if far:
        _log_seconds(ax)
    ax.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    ax.set_ylabel('videos', size=9.5, color=INK)
    ax.set_xlabel('length of videos (s)', size=9.5, color=INK)
    ax.grid(axis='y', color=BAND, lw=0.8)
    ax.set_axisbelow(True)
    for side in ('top', 'right', 'left'):
        ax.spines[side].set_visible(False)


def _log_seconds(ax: Axes) -> None:
    ax.set_xscale('log')
    ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f'{x:g}'))
    ax.xaxis.set_minor_formatter(
        FuncFormatter(lambda x, _: f'{x:g}' if f'{x:e}'[0] in '25' else '')
    )
    ax.tick_params(
        axis='x', which='minor', labelsize=8, labelcolor=FAINT_INK, color=RULE
    )


def _box(ax: Axes, row: int, values: np.ndarray, color: str) -> None:
    low, first, middle, third, high = np.percentile(
        values, (0, 25, 50, 75, 100)
    )
    stride = -(-len(values) // _MAX_DOTS)
    dots = np.sort(values)[::stride]
    # The golden ratio spreads neighbours evenly over the row's height.
    offset = (np.arange(len(dots)) * 0.618034) % 1 - 0.5
    ax.plot([low, high], [row, row], color=color, lw=1.0, zorder=2)
    few = len(values) <= 3
    if not few:
        ax.barh(
            row, third - first, left=first, height=0.62, color=color, zorder=3
        )
        ax.plot(
            [middle] * 2,
            [row - 0.31, row + 0.31],
            color='white',
            lw=2,
            zorder=4,
        )
    ax.plot(
        dots,
        row + (0 if few else 0.7) * offset,
        '.',
        color=color if few else INK,
        ms=9 if few else 3,
        mew=0,
        alpha=1.0 if few else 0.45,
        zorder=5,
    )
