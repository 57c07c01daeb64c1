"""Figures without pyplot: made, measured, turned into pixels, saved."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties

DPI = 100
WIDTH_IN = 12.0
# Two columns of a journal, at the sharpness that journals ask for.
PRINT_IN, PRINT_DPI = 7.0, 200
INK = '#262626'
FAINT_INK = '#5A5A5A'
RULE = '#D0D0D0'
BAND = '#EFEFEF'


def new_figure(width_in: float, height_in: float, dpi: int = DPI) -> Figure:
    """White figure with an Agg canvas, unknown to pyplot.

    Args:
        width_in (float): Width in inches.
        height_in (float): Height in inches.
        dpi (int): Pixels an inch.

    Returns:
        Figure: The figure.
    """
    figure = Figure(figsize=(width_in, height_in), dpi=dpi, facecolor='white')
    FigureCanvasAgg(figure)
    return figure


def add_axes_in(
    figure: Figure,
    left_in: float,
    top_in: float,
    width_in: float,
    height_in: float,
    label: str,
) -> Axes:
    """Axes at a place counted in inches from the upper left corner.

    Args:
        figure (Figure): Figure of final size.
        left_in (float): Inches from the left edge.
        top_in (float): Inches from the upper edge.
        width_in (float): Width in inches.
        height_in (float): Height in inches.
        label (str): Name by which the axes are found again.

    Returns:
        Axes: White axes in the project's ink.
    """
    width, height = figure.get_size_inches()
    ax = figure.add_axes(
        (
            left_in / width,
            1 - (top_in + height_in) / height,
            width_in / width,
            height_in / height,
        ),
        label=label,
        facecolor='white',
    )
    for spine in ax.spines.values():
        spine.set_color(RULE)
        spine.set_linewidth(0.8)
    ax.tick_params(
        labelsize=9, labelcolor=INK, color=RULE, direction='out', length=3
    )
    return ax


def plain_chart(ax: Axes, grid: str, size: float = 8.0) -> None:
    """Two spines, a faint grid behind the data, small ticks.

    Args:
        ax (Axes): Axes of a chart.
        grid (str): ``x``, ``y`` or ``both``.
        size (float): Font size of the ticks in points.
    """
    for side in ('top', 'right'):
        ax.spines[side].set_visible(False)
    ax.grid(axis=grid, color=RULE, lw=0.5, alpha=0.7)
    ax.set_axisbelow(True)
    ax.tick_params(labelsize=size, length=2.5, pad=2)


def put_heading(
    figure: Figure, text: str, left_in: float, size: float = 9.5
) -> None:
    """A line at the top, cut to the width of the figure.

    Args:
        figure (Figure): Figure of final size.
        text (str): The line.
        left_in (float): Inches from the left edge.
        size (float): Font size in points.
    """
    width_in, height_in = figure.get_size_inches()
    figure.text(
        left_in / width_in,
        1 - 0.2 / height_in,
        fit_text(figure, text, size, width_in - left_in - 0.1),
        size=size,
        color=INK,
        va='center',
        parse_math=False,
    )


def percent(share: float) -> str:
    """A share as a picture says it.

    Args:
        share (float): In 0..1, or NaN.

    Returns:
        str: Percents with one decimal and no sign; ``n/a`` for NaN.

    Examples:
        >>> percent(0.5), percent(float('nan'))
        ('50.0', 'n/a')
    """
    return 'n/a' if np.isnan(share) else f'{100 * share:.1f}'


def text_width_in(figure: Figure, text: str, size: float) -> float:
    """Width of a line of text.

    Args:
        figure (Figure): Figure with an Agg canvas.
        text (str): One line; dollar signs mean themselves.
        size (float): Font size in points.

    Returns:
        float: Width in inches.
    """
    renderer = figure.canvas.get_renderer()
    width, _, _ = renderer.get_text_width_height_descent(
        text, FontProperties(size=size), ismath=False
    )
    return width / figure.dpi


def fit_text(
    figure: Figure, text: str, size: float, max_width_in: float
) -> str:
    """Text on one line, cut with an ellipsis where it is too wide.

    Args:
        figure (Figure): Figure with an Agg canvas.
        text (str): Any text.
        size (float): Font size in points.
        max_width_in (float): Width to fit, in inches.

    Returns:
        str: The text, or its beginning and an ellipsis.
    """
    line = ' '.join(str(text).split())
    if text_width_in(figure, line, size) <= max_width_in:
        return line
    low, high = 0, len(line)
    while low < high:
        middle = (low + high + 1) // 2
        cut = line[:middle].rstrip() + '…'
        if text_width_in(figure, cut, size) <= max_width_in:
            low = middle
        else:
            high = middle - 1
    return line[:low].rstrip() + '…'


def figure_to_array(figure: Figure) -> np.ndarray:
    """Pixels of a figure.

    Args:
        figure (Figure): Figure of this room.

    Returns:
        np.ndarray: RGB image, (height, width, 3) uint8.
    """
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3].copy()


def save_figure(figure: Figure, path: str | Path) -> Path:
    """Write a figure; the ending of the path picks the format.

    Args:
        figure (Figure): Figure of this room.
        path (str | Path): File to write; its folder is made where missing.

    Returns:
        Path: The file written.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=figure.dpi)
    return path
