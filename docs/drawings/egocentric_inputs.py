"""Inputs in the frame of the body's heading, and posture changes."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sheet import (
    HEAD,
    PLAIN,
    SMALL,
    UP,
    draw_bodies,
    new_sheet,
    perform,
    write,
)

from mmsnip.skeleton import get_layout
from mmsnip.skeleton.augment import change_posture, draw_posture
from mmsnip.skeleton.egocentric import egocentric, heading, heading_joints
from mmsnip.synthesis import CLASSES, JOINT_NAMES, PARENTS, Take
from mmsnip.visualization import draw_pose
from mmsnip.visualization.canvas import (
    COLORS,
    FAINT_INK,
    INK,
    RULE,
    add_axes_in,
    class_style,
)

LAYOUT = get_layout('nturgb+d')
FPS = 30
LINE, SECONDS = 'hips', 2.0  # of the recipe's heading
HERE, THERE = COLORS[2], COLORS[6]
LEFT_FOOT = JOINT_NAMES.index('left_foot')
# Channels of `egocentric`: joints, bones, two velocities, two turning rates.
HEIGHT, FORWARD, TURNING = 1, 8, 12


def elsewhere(joints: np.ndarray, degrees: float) -> np.ndarray:
    """The same performance in another corner, turned about the vertical.

    Args:
        joints (np.ndarray): (T, V, 3), y up.
        degrees (float): Angle.

    Returns:
        np.ndarray: (T, V, 3).
    """
    angle = np.deg2rad(degrees)
    c, s = np.cos(angle), np.sin(angle)
    turn = np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]])
    return joints @ turn + (1.1, 0, 1.6)


def inputs_of(joints: np.ndarray) -> np.ndarray:
    """Egocentric inputs, (T, V, 14)."""
    present = np.ones((1, len(joints)), bool)
    return egocentric(
        joints[None],
        present,
        LAYOUT,
        FPS,
        heading_seconds=SECONDS,
        heading_line=LINE,
    )[0]


def _floor_plan(ax: Axes, joints: np.ndarray, color: str) -> None:
    root = joints[:, LAYOUT.root]
    present = np.ones((1, len(joints)), bool)
    across = heading_joints(LAYOUT, LINE)
    width = round(SECONDS * FPS) + 1
    line = heading(joints[None], present, across, width)[0]
    # left to right, turned to where the body faces
    ahead = np.stack([line[:, 1], -line[:, 0]], axis=1)
    ax.plot(root[:, 0], root[:, 2], color=color, lw=2)
    some = slice(0, len(joints), 16)
    ax.quiver(
        root[some, 0],
        root[some, 2],
        *ahead[some].T,
        color=color,
        scale=7,
        width=0.014,
        headwidth=4,
    )
    ax.plot(*root[0, [0, 2]], 'o', color=color, ms=6)


def _traces(
    figure: Figure, take: Take, pair: list[np.ndarray], left: float
) -> None:
    seconds = np.arange(len(take.joints)) / FPS
    rows = (
        ('left foot over\nthe ground (m)', LEFT_FOOT, HEIGHT, 1),
        ('speed ahead\n(m/s)', LAYOUT.root, FORWARD, -1),
        ('turning rate\n(rad/s)', LAYOUT.root, TURNING, 1),
    )
    for index, (name, joint, channel, sign) in enumerate(rows):
        top = 0.62 + 0.78 * index
        ax = add_axes_in(figure, left, top, 2.15, 0.66, 'trace')
        for inputs, color, width, dash in zip(
            pair, (HERE, THERE), (3.2, 1.2), ('-', (0, (4, 3)))
        ):
            ax.plot(
                seconds,
                sign * inputs[:, joint, channel],
                color=color,
                lw=width,
                ls=dash,
            )
        ax.set_xlim(0, seconds[-1])
        ax.margins(y=0.15)
        ax.locator_params(axis='y', nbins=3)
        ax.tick_params(labelsize=SMALL)
        ax.set_ylabel(
            name,
            size=SMALL,
            color=INK,
            rotation=0,
            ha='right',
            va='center',
            labelpad=6,
        )
        for label, (start, end) in zip(take.labels, take.segments):
            style = class_style(int(label))
            ax.axvspan(
                start / FPS, end / FPS, color=style.color, alpha=0.16, lw=0
            )
            if index == 0:
                ax.annotate(
                    CLASSES[label],
                    ((start + end) / 2 / FPS, 1),
                    (0, 3),
                    xycoords=('data', 'axes fraction'),
                    textcoords='offset points',
                    ha='center',
                    size=SMALL,
                    color=INK,
                )
        if index < len(rows) - 1:
            ax.set_xticklabels([])
        else:
            ax.set_xlabel('seconds', size=SMALL, color=FAINT_INK, labelpad=1)


def draw_egocentric() -> Figure:
    """One performance recorded in two places, and its one description.

    Returns:
        Figure: The drawing.
    """
    take, first, last = perform(2, 640), 432, 618
    inside = (take.segments >= first) & (take.segments <= last)
    inside = inside.all(axis=1)
    take = Take(
        take.joints[first:last],
        take.segments[inside] - first,
        take.labels[inside],
    )
    scenes = [take.joints, elsewhere(take.joints, 115)]
    pair = [inputs_of(joints) for joints in scenes]
    figure, ax = new_sheet(3.35)
    write(ax, 0.2, 0.2, 'in the room', HEAD, ha='left', bold=True)
    plan = add_axes_in(figure, 0.3, 0.62, 1.75, 2.1, 'plan')
    for joints, color in zip(scenes, (HERE, THERE)):
        _floor_plan(plan, joints, color)
    plan.set_aspect('equal')
    ground = np.concatenate(scenes)[:, LAYOUT.root, ::2]
    plan.set_xlim(ground[:, 0].min() - 0.8, ground[:, 0].max() + 0.8)
    plan.set_ylim(ground[:, 1].min() - 0.8, ground[:, 1].max() + 0.8)
    plan.set_xticks([])
    plan.set_yticks([])
    write(
        ax,
        1.17,
        2.95,
        'the same motion, seen from above,\nmoved and turned',
        SMALL,
        FAINT_INK,
    )
    write(ax, 2.3, 0.2, 'as the body sees it', HEAD, ha='left', bold=True)
    body = add_axes_in(figure, 2.3, 0.62, 1.25, 2.1, 'body')
    body.axis('off')
    frame = 56
    for inputs, width, alpha in zip(pair, (5.0, 1.4), (0.3, 1.0)):
        joints = inputs[frame, :, :3].copy()
        draw_pose(
            body,
            joints,
            PARENTS,
            up=UP,
            joint_names=JOINT_NAMES,
            across=np.array([0.0, 1.0]),
            turn_deg=40,
            line_width=width,
            alpha=alpha,
        )
    body.axhline(0, color=RULE, lw=1)
    write(
        ax,
        2.92,
        2.95,
        'both recordings,\none over the other',
        SMALL,
        FAINT_INK,
    )
    _traces(figure, take, pair, 4.7)
    return figure


def draw_posture_changes() -> Figure:
    """Two moments of a kick, held in other ways.

    Returns:
        Figure: The drawing.
    """
    take = perform(9, 240)
    joints = take.joints[None, 140:190]
    present = np.ones(joints.shape[:2], bool)
    rng = np.random.default_rng(4)
    shown = [joints[0]]
    for _ in range(4):
        rotations = draw_posture(len(PARENTS), 0.25, 3, rng)
        rotations[LAYOUT.root] = np.eye(3)
        shown.append(change_posture(joints, present, rotations, LAYOUT)[0])
    figure, ax = new_sheet(1.32)
    for index, bodies in enumerate(shown):
        left = 0.75 + 1.36 * index
        places = (left - 0.28, left + 0.28)
        draw_bodies(ax, bodies[[6, 21]], places, 1.02, 0.92)
        name = f'change {index}' if index else 'as recorded'
        write(ax, left, 1.2, name, PLAIN, va='baseline')
    return figure
