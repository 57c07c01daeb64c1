"""What happens when in a few videos, each at the same scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mmsnip.visualization.canvas import (
    FAINT_INK,
    INK,
    WIDTH_IN,
    add_axes_in,
    fit_text,
    new_figure,
    text_width_in,
)
from mmsnip.visualization.legend import LegendGrid
from mmsnip.visualization.rows import draw_rows

__all__ = ['draw_example_timelines']

JUMP_COLOR, NOBODY_COLOR = '#D55E00', '#262626'
_RIGHT_IN, _TOP_IN, _ROW_IN, _FOOT_IN = 0.35, 0.5, 0.42, 0.62
_MAX_NAME_IN, _MAX_LANES = 3.0, 3


def draw_example_timelines(
    videos: Mapping[str, Mapping[str, Any]], classes: Sequence[str]
) -> Figure:
    """True segments of videos, one row each, all to one scale of seconds.

    Args:
        videos (Mapping[str, Mapping[str, Any]]): Name -> ``frames``,
            ``fps``, ``actions`` (num_segments, 3) label, start, end,
            ``jumps`` (frames) and ``nobody`` (T,) bool. At least one.
        classes (Sequence[str]): Names, one a label.

    Returns:
        Figure: One axes a video, labelled ``segments``, and ``legend``.
        Segments that overlap lie in lanes above each other. A triangle
        marks a jump, a dark line under the bar frames of nobody.

    Raises:
        ValueError: If there is no video.
    """
    if not videos:
        raise ValueError('there is no video to draw; give at least one')
    figure = new_figure(WIDTH_IN, 1.0)
    names = {n: fit_text(figure, n, 9.0, _MAX_NAME_IN) for n in videos}
    left_in = 0.4 + max(text_width_in(figure, n, 9.0) for n in names.values())
    width_in = WIDTH_IN - left_in - _RIGHT_IN
    labels = sorted(
        {int(label) for v in videos.values() for label in v['actions'][:, 0]}
    )
    entries = [(label, str(classes[label])) for label in labels]
    legend = LegendGrid(figure, entries, width_in)
    legend_in = legend.height_in if labels else 0.0
    foot = _TOP_IN + _ROW_IN * len(videos)
    figure.set_size_inches(WIDTH_IN, foot + _FOOT_IN + legend_in + 0.12)
    longest_s = max(v['frames'] / v['fps'] for v in videos.values())
    for row, (name, video) in enumerate(videos.items()):
        share = video['frames'] / video['fps'] / longest_s
        part_in = max(width_in * share, 0.02)
        place = (left_in, _TOP_IN + row * _ROW_IN, part_in, _ROW_IN)
        ax = add_axes_in(figure, *place, label='segments')
        draw_rows(
            figure,
            ax,
            [('', lane) for lane in _lanes(video['actions'])],
            classes,
            part_in,
            video['frames'],
            video['fps'],
        )
        ax.set_yticks([])
        ax.set_xticks([])
        _marks(ax, video)
        figure.text(
            (left_in - 0.12) / WIDTH_IN,
            1 - (_TOP_IN + (row + 0.5) * _ROW_IN) / figure.get_figheight(),
            names[name],
            size=9,
            color=INK,
            ha='right',
            va='center_baseline',
            parse_math=False,
        )
    place = (left_in, foot, width_in, 0.001)
    _seconds(add_axes_in(figure, *place, label='time'), longest_s)
    place = (left_in, foot + _FOOT_IN, width_in, max(legend_in, 0.01))
    legend.draw(add_axes_in(figure, *place, label='legend'))
    _heading(figure, videos, left_in)
    return figure


def _lanes(actions: np.ndarray) -> list[np.ndarray]:
    """Segments that overlap in rows of their own, at most three."""
    lanes: list[list[np.ndarray]] = [[]]
    for row in actions:
        free = [lane for lane in lanes if not lane or lane[-1][2] <= row[1]]
        if free:
            free[0].append(row)
        elif len(lanes) < _MAX_LANES:
            lanes.append([row])
        else:
            lanes[-1].append(row)
    return [np.array(lane, dtype=float).reshape(-1, 3) for lane in lanes]


def _marks(ax: Axes, video: Mapping[str, Any]) -> None:
    """Jumps above the bars, absence under them."""
    floor = ax.get_ylim()[0]
    jumps = np.asarray(video['jumps'])
    if len(jumps):
        ax.plot(
            jumps / video['fps'],
            np.full(len(jumps), 0.06 * floor),
            'v',
            color=JUMP_COLOR,
            ms=5,
            mew=0,
            clip_on=False,
            label='jump',
        )
    nobody = np.asarray(video['nobody'], dtype=np.int8)
    edges = np.flatnonzero(np.diff(np.pad(nobody, 1))).reshape(-1, 2)
    for start, end in edges / video['fps']:
        ax.plot(
            [start, end],
            [0.93 * floor] * 2,
            color=NOBODY_COLOR,
            lw=2.4,
            solid_capstyle='butt',
            label='nobody',
        )


def _seconds(ax: Axes, longest_s: float) -> None:
    ax.set_xlim(0, longest_s)
    ax.set_yticks([])
    for side in ('top', 'left', 'right'):
        ax.spines[side].set_visible(False)
    ax.xaxis.set_major_locator(MaxNLocator(12, steps=[1, 2, 2.5, 5, 10]))
    ax.ticklabel_format(axis='x', useOffset=False, style='plain')
    ax.set_xlabel('time (s)', size=9.5, color=INK, labelpad=3)


def _heading(
    figure: Figure, videos: Mapping[str, Mapping[str, Any]], left_in: float
) -> None:
    height_in = figure.get_figheight()
    text = figure.text(
        left_in / WIDTH_IN,
        1 - 0.3 / height_in,
        'examples',
        size=12,
        color=INK,
        va='center_baseline',
    )
    notes = []
    if any(len(v['jumps']) for v in videos.values()):
        notes.append('triangle above: a jump')
    if any(np.any(v['nobody']) for v in videos.values()):
        notes.append('dark line below: nobody is there')
    if notes:
        width_in = text_width_in(figure, text.get_text(), 12)
        figure.text(
            (left_in + width_in + 0.25) / WIDTH_IN,
            1 - 0.3 / height_in,
            '; '.join(notes),
            size=9,
            color=FAINT_INK,
            va='center_baseline',
        )
