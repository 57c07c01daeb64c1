"""Legend of classes as a grid under a timeline."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from mmsnip.visualization.canvas import INK, fit_text, text_width_in
from mmsnip.visualization.palette import BACKGROUND_COLOR, class_style

_SIZE = 9.0
_ROW_IN = 0.24
_SWATCH_IN = 0.22
_LINE_IN = 0.30
_PAD_IN = 0.07
_GAP_IN = 0.24
_MAX_NAME_IN = 2.6


class LegendGrid:
    """Entries of a legend, measured before the figure has its height.

    Args:
        figure (Figure): Figure that measures the text.
        entries (Sequence[tuple[int | None, str]]): Class index and name in
            the order shown; index None stands for the background curve.
        width_in (float): Width of the legend in inches.
        with_lines (bool): Whether a sample of the curve joins each swatch.
    """

    def __init__(
        self,
        figure: Figure,
        entries: Sequence[tuple[int | None, str]],
        width_in: float,
        with_lines: bool = False,
    ) -> None:
        self.indices = [index for index, _ in entries]
        self.names = [
            fit_text(figure, name, _SIZE, _MAX_NAME_IN) for _, name in entries
        ]
        self.width_in = width_in
        self.with_lines = with_lines
        head = _SWATCH_IN + _PAD_IN
        if with_lines:
            head += _LINE_IN + _PAD_IN
        self.head_in = head
        widths = [
            head + text_width_in(figure, name, _SIZE) + _GAP_IN
            for name in self.names
        ]
        self.starts_in = _column_starts(widths, width_in + _GAP_IN)
        self.num_columns = len(self.starts_in)

    @property
    def height_in(self) -> float:
        """Height in inches."""
        return _ROW_IN * -(-len(self.names) // self.num_columns)

    def draw(self, ax: Axes) -> None:
        """Draw the entries, row by row.

        Args:
            ax (Axes): Axes of the legend's size.
        """
        ax.set_axis_off()
        ax.set_xlim(0, self.width_in)
        ax.set_ylim(max(self.height_in, _ROW_IN), 0)
        for place, (index, name) in enumerate(zip(self.indices, self.names)):
            row, column = divmod(place, self.num_columns)
            x, y = self.starts_in[column], (row + 0.5) * _ROW_IN
            self._draw_sample(ax, index, x, y)
            ax.text(
                x + self.head_in,
                y,
                name,
                size=_SIZE,
                color=INK,
                va='center_baseline',
                parse_math=False,
            )

    def _draw_sample(
        self, ax: Axes, index: int | None, x: float, y: float
    ) -> None:
        if index is None:
            end = x + self.head_in - _PAD_IN
            ax.add_line(
                Line2D(
                    [x, end], [y, y], color=BACKGROUND_COLOR, lw=1.4, ls='--'
                )
            )
            return
        style = class_style(index)
        ax.add_patch(
            Rectangle(
                (x, y - 0.065),
                _SWATCH_IN,
                0.13,
                facecolor=style.color,
                edgecolor=style.ink if style.hatch else style.color,
                hatch=style.hatch,
                linewidth=0,
            )
        )
        if self.with_lines:
            start = x + _SWATCH_IN + _PAD_IN
            ax.add_line(
                Line2D(
                    [start, start + _LINE_IN],
                    [y, y],
                    color=style.color,
                    lw=1.6,
                    ls=style.line,
                )
            )


def put_key(
    figure: Figure,
    handles: Sequence[Artist],
    left_in: float,
    top_in: float,
    columns: int = 1,
    size: float = 8.0,
    sample_em: float = 1.3,
) -> None:
    """Plain legend at a place of a figure of final size.

    Args:
        figure (Figure): Figure.
        handles (Sequence[Artist]): Samples, each with its label.
        left_in (float): Left edge, inches.
        top_in (float): Upper edge, inches from the top.
        columns (int): Entries side by side.
        size (float): Font size in points.
        sample_em (float): Width of a sample in font sizes.
    """
    width_in, height_in = figure.get_size_inches()
    legend = figure.legend(
        handles=handles,
        loc='upper left',
        bbox_to_anchor=(left_in / width_in, 1 - top_in / height_in),
        ncols=columns,
        frameon=False,
        fontsize=size,
        labelcolor=INK,
        borderpad=0,
        borderaxespad=0,
        handlelength=sample_em,
        handletextpad=0.5,
        columnspacing=1.2,
    )
    for text in legend.get_texts():
        text.set_parse_math(False)


def _column_starts(widths: Sequence[float], width_in: float) -> list[float]:
    """Left edges of as many columns as fit, each as wide as its widest."""
    for number in range(len(widths), 1, -1):
        columns = [max(widths[i::number]) for i in range(number)]
        if sum(columns) <= width_in:
            return [sum(columns[:i]) for i in range(number)]
    return [0.0]
