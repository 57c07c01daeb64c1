"""Which class is taken for which, as a matrix of shares and counts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from mmsnip.visualization.canvas import (
    FAINT_INK,
    INK,
    PRINT_DPI,
    PRINT_IN,
    add_axes_in,
    fit_text,
    new_figure,
    put_heading,
    text_width_in,
)
from mmsnip.visualization.palette import relative_luminance

__all__ = ['compact_count', 'draw_confusion']

# One hue from light to dark reads alike with and without colour vision.
SHADES = LinearSegmentedColormap.from_list(
    'shades', colormaps['Blues'](np.linspace(0, 1, 256))[:236]
)
EMPTY = '#F2EBDD'
_TOP_IN, _SIDE_IN, _MAX_NAME_IN, _LEAST_CELL_IN = 0.5, 0.3, 1.5, 0.135
# Below this luminance white letters have the higher contrast.
_DARK = 0.22
_COUNTS_FROM_IN, _SHARES_FROM_IN = 0.42, 0.18


def draw_confusion(
    counts: np.ndarray,
    classes: Sequence[str],
    unit: str = 'frames',
    background: bool = True,
) -> Figure:
    """Row-normalised matrix, true class by row, predicted by column.

    A cell shows its share in percent and, where there is room, its count;
    beside each row stands the sum of its counts. Cells too small for
    numbers show their shade alone.

    Args:
        counts (np.ndarray): Answer of `frame_confusion`, (n, n) with n the
            number of classes, and of the background, which is last.
        classes (Sequence[str]): Names without the background.
        unit (str): What is counted.
        background (bool): Whether the last row and column are background.

    Returns:
        Figure: Axes labelled ``matrix``, texts of gid ``share`` and
        ``count``, and ``scale``.

    Raises:
        ValueError: If the shape does not fit the names.
    """
    counts = np.asarray(counts)
    names = [str(name) for name in classes]
    names += ['background'] if background else []
    n = len(names)
    if counts.shape != (n, n) or not n:
        raise ValueError(
            f'counts has shape {counts.shape}; expected ({n}, {n}), a row and '
            'a column for each class and for the background'
        )
    measure = new_figure(PRINT_IN, 1.0, PRINT_DPI)
    size = 8.0 if n <= 26 else 6.5
    names = [fit_text(measure, name, size, _MAX_NAME_IN) for name in names]
    name_in = max(text_width_in(measure, name, size) for name in names)
    left_in = _SIDE_IN + name_in + 0.08
    right_in = 1.3
    cell_in = (PRINT_IN - left_in - right_in) / n
    cell_in = max(min(cell_in, 0.75), _LEAST_CELL_IN)
    side_in = cell_in * n
    slanted = max(text_width_in(measure, name, size) for name in names)
    upright = slanted < cell_in - 0.06
    foot_in = (0.2 if upright else name_in + 0.06) + 0.3
    width_in = max(left_in + side_in + right_in, 5.0)
    figure = new_figure(width_in, _TOP_IN + side_in + foot_in, PRINT_DPI)
    ax = add_axes_in(figure, left_in, _TOP_IN, side_in, side_in, 'matrix')
    whole = counts.sum(axis=1, keepdims=True)
    shares = counts / np.where(whole > 0, whole, np.nan)
    ax.set_facecolor(EMPTY)
    ax.imshow(
        np.ma.masked_invalid(shares),
        cmap=SHADES,
        vmin=0,
        vmax=1,
        aspect='auto',
    )
    _write_cells(ax, counts, shares, cell_in)
    _name_axes(ax, names, size, upright)
    sums = counts.sum(axis=1)
    for row, total in enumerate(sums):
        ax.annotate(
            f'{total:,}',
            (1, row),
            (44, 0),
            xycoords=('axes fraction', 'data'),
            textcoords='offset points',
            size=size - 0.5,
            color=FAINT_INK,
            ha='right',
            va='center_baseline',
            gid='sum',
        )
    ax.annotate(
        f'{unit}',
        (1, 1),
        (44, 3),
        xycoords='axes fraction',
        textcoords='offset points',
        size=size - 0.5,
        color=FAINT_INK,
        ha='right',
    )
    empty = bool((sums == 0).any())
    _draw_scale(figure, left_in + side_in + 0.74, side_in, unit, empty)
    total = counts.sum()
    right = np.trace(counts) / total if total else float('nan')
    heading = f'Confusion of {unit}, % of the true class'
    if total:
        heading += f'; {100 * right:.1f} % of all right'
    put_heading(figure, heading, min(left_in, 0.6))
    return figure


def compact_count(count: int) -> str:
    """Count in at most four characters.

    Args:
        count (int): Not negative.

    Returns:
        str: Plain below 1000, else with k, M or G.

    Examples:
        >>> compact_count(812), compact_count(1249), compact_count(41991)
        ('812', '1.2k', '42k')
        >>> compact_count(999_900), compact_count(2_500_000)
        ('1.0M', '2.5M')
    """
    if count < 1000:
        return str(count)
    value = float(count)
    for unit in ('k', 'M', 'G'):
        value /= 1000
        if value < 9.95:
            return f'{value:.1f}{unit}'
        if value < 999.5 or unit == 'G':
            break
    return f'{value:.0f}{unit}'


def _write_cells(
    ax: Axes, counts: np.ndarray, shares: np.ndarray, cell_in: float
) -> None:
    if cell_in < _SHARES_FROM_IN:
        return
    with_counts = cell_in >= _COUNTS_FROM_IN
    for row, column in np.argwhere(counts > 0):
        share = shares[row, column]
        dark = relative_luminance(to_hex(SHADES(share))) < _DARK
        ink = 'white' if dark else INK
        percent = 100 * share
        text = f'{percent:.0f}' if percent >= 1 else '<1'
        if with_counts or percent >= 1:
            ax.text(
                column,
                row - (0.14 if with_counts else 0),
                text,
                size=8 if with_counts else min(6.5, 28 * cell_in),
                color=ink,
                ha='center',
                va='center_baseline',
                gid='share',
            )
        if with_counts:
            ax.text(
                column,
                row + 0.24,
                compact_count(int(counts[row, column])),
                size=5.8,
                color=ink,
                ha='center',
                va='center_baseline',
                gid='count',
            )


def _name_axes(
    ax: Axes, names: Sequence[str], size: float, upright: bool
) -> None:
    n = len(names)
    ax.set_yticks(range(n), names, size=size, parse_math=False)
    ax.set_xticks(
        range(n),
        names,
        size=size,
        parse_math=False,
        rotation=0 if upright else 90,
    )
    ax.tick_params(length=0, pad=3)
    ax.set_ylabel('true', size=8.5, color=INK, labelpad=4)
    ax.set_xlabel('predicted', size=8.5, color=INK, labelpad=4)
    edges = np.arange(n + 1) - 0.5
    ax.vlines(edges, -0.5, n - 0.5, color='white', lw=0.6)
    ax.hlines(edges, -0.5, n - 0.5, color='white', lw=0.6)
    for spine in ax.spines.values():
        spine.set_visible(False)


def _draw_scale(
    figure: Figure, left_in: float, side_in: float, unit: str, empty: bool
) -> None:
    height_in = min(side_in, 1.6)
    ax = add_axes_in(figure, left_in, _TOP_IN, 0.09, height_in, 'scale')
    ax.imshow(
        np.linspace(1, 0, 128)[:, None],
        cmap=SHADES,
        aspect='auto',
        extent=(0, 1, 0, 100),
        vmin=0,
        vmax=1,
    )
    ax.set_xticks([])
    ax.yaxis.tick_right()
    ax.set_yticks([0, 50, 100], ['0', '50', '100 %'])
    ax.tick_params(labelsize=6.5, length=2, pad=1)
    if not empty:
        return
    ax.annotate(
        f'no true\n{unit}',
        (0, 0),
        (10, -9),
        xycoords='axes fraction',
        textcoords='offset points',
        size=6.5,
        color=FAINT_INK,
        va='top',
        gid='empty',
    )
    swatch = Rectangle(
        (0, -0.16 / height_in),
        1,
        -0.1 / height_in,
        transform=ax.transAxes,
        facecolor=EMPTY,
        clip_on=False,
        linewidth=0,
    )
    ax.add_patch(swatch)
