"""From unlabelled clips to segments, on one sheet."""

from __future__ import annotations

import numpy as np
from frames_to_segments import made_up_scores
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from sheet import (
    HEAD,
    PLAIN,
    SMALL,
    arrow,
    box,
    cells,
    draw_bodies,
    new_sheet,
    perform,
    write,
)

from mmsnip.evaluation import run_detections
from mmsnip.skeleton.augment import draw_shear
from mmsnip.synthesis import CLASSES
from mmsnip.visualization.canvas import (
    BACKGROUND_COLOR,
    COLORS,
    FAINT_INK,
    RULE,
    add_axes_in,
    class_style,
)

FILL = '#E8F1F8'
S = 6


def _pre_training(ax: Axes) -> None:
    write(
        ax, 0.12, 0.2, '1  Pre-training: no labels', HEAD, ha='left', bold=True
    )
    clips = [perform(seed, 200).joints for seed in (6, 0, 9)]
    for row, joints in enumerate(clips):
        top = 0.45 + 0.56 * row
        box(ax, 0.12, top, 1.3, 0.5, color='#FAFAFA')
        centers = 0.32 + 0.3 * np.arange(4)
        draw_bodies(
            ax, joints[50:130:20], centers, top + 0.46, 0.42, line_width=1.0
        )
    write(ax, 0.77, 2.25, 'unlabelled clips', PLAIN)
    arrow(ax, (1.46, 0.98), (1.72, 0.75))
    arrow(ax, (1.46, 0.98), (1.72, 1.55))
    rng = np.random.default_rng(2)
    for top, start in ((0.45, 76), (1.25, 60)):
        box(ax, 1.76, top, 0.72, 0.62, color='#FAFAFA')
        bodies = clips[1][[start, start + 20]] @ draw_shear(0.3, rng).T
        draw_bodies(ax, bodies, (1.98, 2.28), top + 0.56, 0.42, line_width=1.0)
    write(ax, 2.12, 2.25, 'two views\nof one clip', PLAIN)
    for top, name in ((0.45, 'its slow\ncopy'), (1.25, 'encoder')):
        arrow(ax, (2.52, top + 0.31), (2.78, top + 0.31))
        box(ax, 2.82, top, 0.86, 0.62, name, FILL)
        arrow(ax, (3.72, top + 0.31), (3.98, top + 0.31))
    tints = ['#0072B2', '#E69F00', '#56B4E9', '#009E73', '#CC79A7', '#D55E00']
    cells(ax, 4.02, 0.62, 0.96, 0.28, tints[1:] + tints[-1:])
    cells(ax, 4.02, 1.42, 0.96, 0.28, tints)
    step = 0.96 / S
    for index in range(1, S):
        arrow(
            ax,
            (4.02 + step * (index + 0.5), 1.40),
            (4.02 + step * (index - 0.5), 0.92),
            width=0.8,
        )
    write(ax, 4.5, 2.25, 'snippets, each with\nits nearest one', PLAIN)
    arrow(ax, (5.02, 1.16), (5.3, 1.16))
    box(ax, 5.34, 0.45, 1.54, 1.42)
    write(ax, 6.11, 0.66, 'pull together', PLAIN)
    cells(ax, 5.84, 0.8, 0.16, 0.22, tints[3:4])
    cells(ax, 6.22, 0.8, 0.16, 0.22, tints[3:4])
    arrow(ax, (6.02, 0.91), (6.2, 0.91), style='<|-|>')
    write(ax, 6.11, 1.26, 'push away\nfrom other videos', PLAIN)
    cells(ax, 5.47, 1.5, 0.16, 0.22, tints[3:4])
    arrow(ax, (5.67, 1.61), (5.83, 1.61), style='<|-')
    cells(ax, 5.87, 1.5, 0.9, 0.22, ['#C9C9C9', '#B5B5B5'] * 4)
    write(ax, 6.11, 2.25, 'snippet contrast', PLAIN)


def _fine_tuning(figure: Figure, ax: Axes) -> None:
    top = 2.78
    ax.plot([0.12, 6.88], [top - 0.22] * 2, color=RULE, lw=0.8)
    write(
        ax,
        0.12,
        top + 0.02,
        '2  Fine-tuning: few labels',
        HEAD,
        ha='left',
        bold=True,
    )
    take = perform(2, 400)
    cut = slice(20, 340)
    joints = take.joints[cut]
    rows = np.column_stack([take.labels, take.segments - cut.start])
    rows = rows[(rows[:, 1] >= 0) & (rows[:, 2] <= len(joints))]
    box(ax, 0.12, top + 0.28, 2.36, 0.95, color='#FAFAFA')
    frames = [50, 130, 195, 225, 270]
    frames = [min(f, len(joints) - 1) for f in frames]
    draw_bodies(
        ax,
        joints[frames],
        0.4 + 0.46 * np.arange(5),
        top + 1.13,
        0.72,
        line_width=1.3,
    )
    _bars(ax, rows, len(joints), 0.12, top + 1.3, 2.36)
    write(
        ax,
        1.3,
        top + 1.78,
        'untrimmed recordings,\na few of them labelled',
        PLAIN,
    )
    middle = top + 0.76
    arrow(ax, (2.52, middle), (2.78, middle))
    box(ax, 2.82, top + 0.28, 0.86, 0.95, 'encoder', FILL)
    arrow(ax, (3.25, 1.9), (3.25, top + 0.26), COLORS[0], width=2.0)
    write(ax, 3.32, 2.46, 'weights', SMALL, COLORS[0], ha='left')
    arrow(ax, (3.72, middle), (3.98, middle))
    box(
        ax,
        4.02,
        top + 0.28,
        0.86,
        0.95,
        'U-shape:\nback to\nevery frame',
        FILL,
    )
    arrow(ax, (4.92, middle), (5.18, middle))
    window = add_axes_in(figure, 5.24, top + 0.28, 1.64, 0.72, 'scores')
    scores = made_up_scores(rows, len(CLASSES), len(joints))
    for label in sorted(set(rows[:, 0].tolist())):
        window.plot(scores[:, label], color=COLORS[label], lw=1.4)
    window.plot(scores[:, -1], color=BACKGROUND_COLOR, lw=0.9)
    window.set_xlim(0, len(joints))
    window.set_xticks([])
    window.set_yticks([])
    write(ax, 6.06, top + 0.12, 'frame scores', PLAIN)
    found = run_detections(scores)
    arrow(ax, (6.06, top + 1.03), (6.06, top + 1.27))
    _bars(ax, found, len(joints), 5.24, top + 1.3, 1.64)
    write(ax, 6.06, top + 1.68, 'segments', PLAIN)
    x = 2.75
    for label in sorted(set(rows[:, 0].tolist())):
        ax.add_patch(
            Rectangle((x, top + 1.74), 0.14, 0.12, color=COLORS[label], lw=0)
        )
        write(
            ax,
            x + 0.18,
            top + 1.8,
            CLASSES[label],
            SMALL,
            FAINT_INK,
            ha='left',
        )
        x += 0.34 + 0.075 * len(CLASSES[label])


def _bars(
    ax: Axes,
    rows: np.ndarray,
    num_frames: int,
    left: float,
    top: float,
    width: float,
) -> None:
    """Segments as bars along a line."""
    ax.plot([left, left + width], [top + 0.1] * 2, color=RULE, lw=1)
    for row in rows:
        label, start, end = (int(value) for value in row[:3])
        ax.add_patch(
            Rectangle(
                (left + width * start / num_frames, top),
                width * (end - start) / num_frames,
                0.2,
                facecolor=class_style(label).color,
                edgecolor='white',
                lw=0.6,
                zorder=3,
            )
        )


def draw_whole_way() -> Figure:
    """Both stages.

    Returns:
        Figure: The drawing.
    """
    figure, ax = new_sheet(4.85)
    _pre_training(ax)
    _fine_tuning(figure, ax)
    return figure
