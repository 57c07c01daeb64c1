"""Paper of the drawings: one axes in inches, words, boxes, arrows, bodies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle

from mmsnip.skeleton.naming import mirror_pairs
from mmsnip.synthesis import (
    JOINT_NAMES,
    PARENTS,
    Take,
    compose_take,
    sample_body,
)
from mmsnip.synthesis.body import sample_style
from mmsnip.visualization.canvas import FAINT_INK, INK, RULE, new_figure
from mmsnip.visualization.pose import draw_pose, view_across

WIDTH_IN, DPI = 7.0, 200  # 1,400 pixels, shown at half of them
SMALL, PLAIN, HEAD = 8.0, 8.5, 10.0  # points; 8 are 11 pixels on the page
UP = (1, 1)  # y points up


def new_sheet(height_in: float) -> tuple[Figure, Axes]:
    """Sheet whose axes count inches from the upper left corner.

    Args:
        height_in (float): Height in inches.

    Returns:
        tuple[Figure, Axes]: The figure and axes without a frame.
    """
    figure = new_figure(WIDTH_IN, height_in, DPI)
    ax = figure.add_axes((0, 0, 1, 1), label='sheet')
    ax.set_xlim(0, WIDTH_IN)
    ax.set_ylim(height_in, 0)
    ax.axis('off')
    return figure, ax


def write(
    ax: Axes,
    x: float,
    y: float,
    words: str,
    size: float = PLAIN,
    color: str = INK,
    ha: str = 'center',
    va: str = 'center',
    bold: bool = False,
    mono: bool = False,
) -> None:
    """Words at a place, in inches.

    Args:
        ax (Axes): Of `new_sheet`.
        x (float): Inches from the left.
        y (float): Inches from the top.
        words (str): One or more lines.
        size (float): Points.
        color (str): Ink.
        ha (str): Where x is in the words.
        va (str): Where y is in the words.
        bold (bool): Bold letters.
        mono (bool): Letters of one width, for code.
    """
    ax.text(
        x,
        y,
        words,
        size=size,
        color=color,
        ha=ha,
        va=va,
        weight='bold' if bold else 'normal',
        family='DejaVu Sans Mono' if mono else 'DejaVu Sans',
        parse_math=False,
        linespacing=1.25,
    )


def box(
    ax: Axes,
    left: float,
    top: float,
    width: float,
    height: float,
    words: str = '',
    color: str = '#F3F3F3',
    edge: str = '#8A8A8A',
    size: float = PLAIN,
) -> None:
    """Rounded box with words in its middle.

    Args:
        ax (Axes): Of `new_sheet`.
        left (float): Inches.
        top (float): Inches.
        width (float): Inches.
        height (float): Inches.
        words (str): One or more lines.
        color (str): Filling.
        edge (str): Outline.
        size (float): Points.
    """
    ax.add_patch(
        FancyBboxPatch(
            (left, top),
            width,
            height,
            boxstyle='round,pad=0,rounding_size=0.06',
            facecolor=color,
            edgecolor=edge,
            lw=0.9,
        )
    )
    if words:
        write(ax, left + width / 2, top + height / 2, words, size)


def arrow(
    ax: Axes,
    start: tuple[float, float],
    end: tuple[float, float],
    color: str = FAINT_INK,
    bend: float = 0.0,
    style: str = '-|>',
    width: float = 1.1,
    dash: str = '-',
) -> None:
    """Arrow between two places.

    Args:
        ax (Axes): Of `new_sheet`.
        start (tuple[float, float]): Inches.
        end (tuple[float, float]): Inches.
        color (str): Ink.
        bend (float): Of the arc; 0 is straight.
        style (str): Matplotlib's arrow style.
        width (float): Points.
        dash (str): Line style.
    """
    ax.add_patch(
        FancyArrowPatch(
            start,
            end,
            arrowstyle=style,
            mutation_scale=9,
            shrinkA=0,
            shrinkB=0,
            color=color,
            lw=width,
            linestyle=dash,
            connectionstyle=f'arc3,rad={bend}',
        )
    )


def cells(
    ax: Axes,
    left: float,
    top: float,
    width: float,
    height: float,
    colors: Sequence[str],
) -> None:
    """A strip of cells, one colour each.

    Args:
        ax (Axes): Of `new_sheet`.
        left (float): Inches.
        top (float): Inches.
        width (float): Inches of the whole strip.
        height (float): Inches.
        colors (Sequence[str]): One a cell.
    """
    step = width / len(colors)
    for index, color in enumerate(colors):
        ax.add_patch(
            Rectangle(
                (left + index * step, top),
                step,
                height,
                facecolor=color,
                edgecolor='white',
                lw=0.5,
            )
        )
    ax.add_patch(
        Rectangle(
            (left, top), width, height, fill=False, edgecolor=RULE, lw=0.6
        )
    )


def perform(seed: int, num_frames: int, first: str | None = None) -> Take:
    """Synthetic motion of one person.

    Args:
        seed (int): Of the whole performance.
        num_frames (int): T.
        first (str, optional): First action.

    Returns:
        Take: Joints (T, 25, 3), y up, and segments.
    """
    rng = np.random.default_rng(seed)
    style, body = sample_style(rng, 'train'), sample_body(rng, 'train')
    return compose_take(rng, style, body, num_frames, first)


def draw_bodies(
    ax: Axes,
    bodies: np.ndarray,
    centers: Sequence[float],
    foot: float,
    height: float,
    line_width: float = 1.5,
    alpha: float = 1.0,
    turn_deg: float = 30.0,
) -> None:
    """Bodies side by side, one scale, their roots above given places.

    Args:
        ax (Axes): Of `new_sheet`.
        bodies (np.ndarray): (num_bodies, V, 3), y up, metres.
        centers (Sequence[float]): Inches from the left, one a body.
        foot (float): Inches from the top where the ground is.
        height (float): Inches that 1.8 m take.
        line_width (float): Points of a bone.
        alpha (float): Opacity.
        turn_deg (float): See `mmsnip.visualization.draw_pose`.
    """
    pairs = mirror_pairs(JOINT_NAMES)
    across = view_across(bodies[:1], UP, pairs)
    for joints, center in zip(bodies, centers):
        window = ax.inset_axes(
            (center - height, foot - height, 2 * height, 1.06 * height),
            transform=ax.transData,
            zorder=4,
        )
        window.axis('off')
        placed = joints - joints[0] * (1, 0, 1)
        draw_pose(
            window,
            placed,
            PARENTS,
            up=UP,
            pairs=pairs,
            across=across,
            turn_deg=turn_deg,
            line_width=line_width,
            alpha=alpha,
        )
        window.set_aspect('auto')
        window.set_xlim(-1.8, 1.8)
        window.set_ylim(-0.06 * 1.8, 1.8)
