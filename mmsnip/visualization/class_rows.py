"""Rows of names at the left, colours of splits, round ticks."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from mmsnip.visualization.canvas import (
    BAND,
    INK,
    WIDTH_IN,
    fit_text,
    text_width_in,
)

__all__ = [
    'SPLIT_COLORS',
    'draw_heading',
    'draw_split_legend',
    'name_column',
    'set_class_rows',
    'set_inner_ticks',
]

# Dark, light and middle: told apart without colour as well.
SPLIT_COLORS = ('#333344', '#56B4E9', '#D55E00')
_MAX_NAME_IN, _SIZE = 2.4, 9.0


def name_column(
    figure: Figure, names: Sequence[str]
) -> tuple[float, list[str]]:
    """Width of a column of names, and the names cut to fit it.

    Args:
        figure (Figure): Figure that measures the text.
        names (Sequence[str]): Any number of them.

    Returns:
        tuple[float, list[str]]: Inches from the left edge, and the names.
    """
    labels = [fit_text(figure, name, _SIZE, _MAX_NAME_IN) for name in names]
    widths = [text_width_in(figure, label, _SIZE) for label in labels]
    return max([*widths, 0.5]) + 0.4, labels


def set_class_rows(ax: Axes, labels: Sequence[str]) -> None:
    """One row a name, the first on top.

    Args:
        ax (Axes): Axes of the rows.
        labels (Sequence[str]): Names.
    """
    ax.set_ylim(len(labels) - 0.5, -0.5)
    ax.set_yticks(range(len(labels)), labels, size=_SIZE, parse_math=False)
    ax.tick_params(axis='y', length=0)
    ax.grid(axis='x', color=BAND, lw=0.8)
    ax.set_axisbelow(True)
    for side in ('top', 'right', 'left'):
        ax.spines[side].set_visible(False)


def set_inner_ticks(ax: Axes, most: int, integer: bool = False) -> None:
    """Round ticks inside the limits of the x axis.

    Args:
        ax (Axes): Axes whose limits are final.
        most (int): Steps between ticks, at most.
        integer (bool): Whole numbers only.
    """
    low, high = ax.get_xlim()
    ticks = MaxNLocator(most, integer=integer).tick_values(low, high)
    ax.set_xticks(ticks[(ticks >= low) & (ticks <= high)])


def draw_heading(figure: Figure, text: str, left_in: float) -> None:
    """A line at the top.

    Args:
        figure (Figure): Figure of final size.
        text (str): The line.
        left_in (float): Inches from the left edge.
    """
    height_in = figure.get_size_inches()[1]
    figure.text(
        left_in / WIDTH_IN, 1 - 0.26 / height_in, text, size=12, color=INK
    )


def draw_split_legend(
    figure: Figure, splits: Sequence[str], left_in: float
) -> None:
    """Colours of the splits, under the heading; none for ``all`` alone.

    Args:
        figure (Figure): Figure of final size.
        splits (Sequence[str]): Names, at most three.
        left_in (float): Inches from the left edge.
    """
    if list(splits) == ['all']:
        return
    height_in = figure.get_size_inches()[1]
    patches = [
        Patch(color=color, label=fit_text(figure, split, _SIZE, 2.0))
        for color, split in zip(SPLIT_COLORS, splits)
    ]
    figure.legend(
        handles=patches,
        loc='center left',
        bbox_to_anchor=(left_in / WIDTH_IN, 1 - 0.56 / height_in),
        ncols=len(patches),
        frameon=False,
        fontsize=_SIZE,
        labelcolor=INK,
        borderpad=0,
        borderaxespad=0,
        handlelength=1.4,
        handletextpad=0.5,
    )
