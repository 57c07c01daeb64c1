"""Colours of classes, figures without pyplot, texts that fit, file names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties

DPI, WIDTH_IN = 100, 12.0
# Two columns of a journal, at the sharpness that journals ask for.
PRINT_IN, PRINT_DPI = 7.0, 200
INK, FAINT_INK, RULE, BAND = '#262626', '#5A5A5A', '#D0D0D0', '#EFEFEF'
BACKGROUND_COLOR = '#8A8A8A'
# Okabe and Ito's colours without black and yellow (too faint as a line),
# then six found by maximising the smallest Lab distance to all others and to
# the backgrounds under normal, protan, deutan and tritan vision (Machado et
# al. 2009); the smallest distance of the twelve is 16.
COLORS = (
    '#0072B2', '#E69F00', '#009E73', '#CC79A7', '#56B4E9', '#D55E00',
    '#8800FF', '#99BB66', '#552200', '#3333AA', '#BB55FF', '#333344',
)  # fmt: skip
HATCHES = ('', '////', '....', 'xxxx', '----', '||||')
LINES: tuple[Any, ...] = (
    '-',
    (0, (5, 1.5)),
    (0, (1.5, 1.2)),
    (0, (6, 1.5, 1.5, 1.5)),
    (0, (9, 3)),
    (0, (3, 1, 1, 1, 1, 1)),
)


class ClassStyle(NamedTuple):
    """Look of a class: `ink` reads on `color`; no hatch below twelve."""

    color: str
    hatch: str
    line: Any
    ink: str


def class_style(index: int) -> ClassStyle:
    """Look of a class by its index alone: 72 before one returns."""
    cycle = (index // len(COLORS)) % len(HATCHES)
    color = COLORS[index % len(COLORS)]
    ink = '#1A1A1A' if relative_luminance(color) > 0.36 else '#FFFFFF'
    return ClassStyle(color, HATCHES[cycle], LINES[cycle], ink)


def relative_luminance(color: str) -> float:
    """Luminance of a colour, 0 black to 1 white."""
    share = np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    bright = ((share + 0.055) / 1.055) ** 2.4
    linear = np.where(share <= 0.04045, share / 12.92, bright)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def class_fill(index: int) -> dict[str, Any]:
    """Arguments of a bar or patch of a class."""
    style = class_style(index)
    edge = style.ink if style.hatch else style.color
    return dict(fc=style.color, ec=edge, hatch=style.hatch, lw=0)


def new_figure(
    width_in: float,
    height_in: float,
    dpi: int = DPI,
    layout: str | None = None,
) -> Figure:
    """White figure with an Agg canvas, unknown to pyplot."""
    size = (width_in, height_in)
    figure = Figure(figsize=size, dpi=dpi, facecolor='white', layout=layout)
    FigureCanvasAgg(figure)
    if layout is not None:
        figure.get_layout_engine().set(w_pad=0.09, h_pad=0.06)
    return figure


def add_axes_in(
    figure: Figure,
    left_in: float,
    top_in: float,
    width_in: float,
    height_in: float,
    label: str,
) -> Axes:
    """Axes at a place counted in inches from the upper left corner."""
    width, height = figure.get_size_inches()
    bottom_in = height - top_in - height_in
    place = np.array([left_in, bottom_in, width_in, height_in])
    ax = figure.add_axes(
        tuple(place / (width, height, width, height)), label=label
    )
    for spine in ax.spines.values():
        spine.set(color=RULE, linewidth=0.8)
    ax.tick_params(labelsize=9, labelcolor=INK, color=RULE, length=3)
    return ax


def dress(
    ax: Axes,
    grid: str | None = None,
    sides: Sequence[str] = ('left', 'bottom'),
    size: float = 8.0,
    **labels: str,
) -> None:
    """Plain axes: few spines, a faint grid behind the data, small ticks."""
    for side, spine in ax.spines.items():
        spine.set(color=RULE, linewidth=0.8, visible=side in sides)
    if grid is not None:
        ax.grid(axis=grid, color=RULE, lw=0.5, alpha=0.7)
        ax.set_axisbelow(True)
    ax.tick_params(labelsize=size, labelcolor=INK, color=RULE, length=2.5)
    for axis in ('x', 'y'):
        if 'left' not in sides and axis == 'y':
            ax.tick_params(axis='y', length=0)
        if f'{axis}label' in labels:
            label = getattr(ax, f'set_{axis}label')
            text = labels[f'{axis}label']
            label(text, size=size + 0.5, color=INK, parse_math=False)


def name_rows(ax: Axes, names: Sequence[str], size: float = 9.0) -> None:
    """One row a name, the first on top."""
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.set_yticks(range(len(names)), names, size=size, parse_math=False)


def put_heading(figure: Figure, text: str, size: float = 9.5) -> None:
    """A line at the top left, cut to the width of the figure."""
    width_in = figure.get_size_inches()[0]
    figure.suptitle(
        fit_text(figure, text, size, width_in - 0.3),
        x=0.1 / width_in,
        ha='left',
        size=size,
        color=INK,
        parse_math=False,
    )


def put_legend(
    parent: Figure | Axes, handles: Sequence[Artist], loc: str, **options: Any
) -> None:
    """Plain legend; ``loc='outside ..'`` gets room of its own."""
    defaults = dict(
        frameon=False,
        fontsize=8,
        labelcolor=INK,
        borderaxespad=0,
        handlelength=1.4,
        handletextpad=0.5,
        columnspacing=1.2,
    )
    legend = parent.legend(handles=handles, loc=loc, **{**defaults, **options})
    for text in legend.get_texts():
        text.set_parse_math(False)


def percent(share: float) -> str:
    """A share as a picture says it."""
    return 'n/a' if np.isnan(share) else f'{100 * share:.1f}'


def text_width_in(figure: Figure, text: str, size: float) -> float:
    """Width of a line of text."""
    renderer = figure.canvas.get_renderer()
    width, _, _ = renderer.get_text_width_height_descent(
        text, FontProperties(size=size), ismath=False
    )
    return width / figure.dpi


def fit_text(
    figure: Figure, text: str, size: float, max_width_in: float
) -> str:
    """Text on one line, cut with an ellipsis where it is too wide."""
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
