"""A few bodies from the front and from the side, all at one scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmsnip.skeleton.naming import mirror_pairs
from mmsnip.visualization.canvas import (
    FAINT_INK,
    INK,
    WIDTH_IN,
    add_axes_in,
    fit_text,
    new_figure,
    text_width_in,
)
from mmsnip.visualization.pose import (
    LEFT_COLOR,
    MIDDLE_COLOR,
    RIGHT_COLOR,
    draw_pose,
    project_pose,
    up_axis,
    view_across,
)

__all__ = ['ExamplePose', 'draw_example_poses']

_COLUMNS, _HEAD_IN, _CELL_IN, _CAPTION_IN, _EDGE_IN = 4, 0.62, 1.75, 0.46, 0.4
_FRONT_DEG, _SIDE_DEG = 0.0, 90.0
# Heights of a body between the centres of two, at most.
_MAX_APART = 0.6
# Times the usual size that a body may fill.
_GIANT = 2.0


class ExamplePose(NamedTuple):
    """Bodies of one frame.

    Args:
        caption (str): What they do.
        source (str): Where they are from.
        bodies (np.ndarray): (M, V, C) of those who are there, lost joints
            NaN, C = 2 or 3.
    """

    caption: str
    source: str
    bodies: np.ndarray


def draw_example_poses(
    examples: Sequence[ExamplePose],
    parents: Sequence[int] | None = None,
    joint_names: Sequence[str] | None = None,
    up: str = 'auto',
    unit: str = '',
) -> Figure:
    """Bodies in a grid; in 3D each from two sides.

    Args:
        examples (Sequence[ExamplePose]): At least one.
        parents (Sequence[int] | None): Parent of each joint, -1 for the
            root; None draws joints only.
        joint_names (Sequence[str] | None): V names; they tell left from
            right.
        up (str): See `mmsnip.visualization.pose.up_axis`.
        unit (str): Of the lengths, for the bar that shows the scale.

    Returns:
        Figure: Axes labelled ``front`` and, in 3D, ``side``.

    Raises:
        ValueError: If there is no example.
    """
    if not examples:
        raise ValueError('there is no pose to draw; give at least one')
    bodies = np.concatenate([e.bodies for e in examples])
    C = bodies.shape[-1]
    axis = up_axis(np.nan_to_num(bodies), up, joint_names, parents)
    views = [('front', _FRONT_DEG), ('side', _SIDE_DEG)][: C - 1]
    num_rows = -(-len(examples) // _COLUMNS)
    step_in = _CELL_IN + _CAPTION_IN
    figure = new_figure(WIDTH_IN, _HEAD_IN + num_rows * step_in + 0.15)
    slot_in = (WIDTH_IN - 2 * _EDGE_IN) / _COLUMNS
    view_in = (slot_in - 0.2) / len(views)
    pairs = mirror_pairs(joint_names) if joint_names else ()
    axes, boxes = [], []
    for place, example in enumerate(examples):
        row, column = divmod(place, _COLUMNS)
        left_in = _EDGE_IN + column * slot_in
        top_in = _HEAD_IN + row * step_in
        across = view_across(example.bodies, axis, pairs) if C == 3 else None
        for which, (label, turn_deg) in enumerate(views):
            spot = (left_in + which * view_in, top_in, view_in, _CELL_IN)
            ax = add_axes_in(figure, *spot, label=label)
            ax.set_axis_off()
            axes.append(ax)
            boxes.append(
                _draw_bodies(
                    ax, example.bodies, parents, axis, pairs, across, turn_deg
                )
            )
        _caption(figure, example, left_in, slot_in - 0.2, top_in + _CELL_IN)
    half = np.array([box[1] for box in boxes])
    needed = (half / (view_in, _CELL_IN)).max(axis=1)
    # One giant must not shrink all others; it is cut off.
    scale = min(needed.max(), _GIANT * np.median(needed))
    scale = max(1.06 * float(scale), 1e-9)
    for ax, (center, _) in zip(axes, boxes):
        ax.set_xlim(*(center[0] + scale * view_in * np.array([-1, 1])))
        ax.set_ylim(*(center[1] + scale * _CELL_IN * np.array([-1, 1])))
    _ruler(axes[0], 2 * scale * _CELL_IN, unit)
    sign = '-' if axis[1] < 0 else ''
    _heading(figure, f'up is {sign}{"xyz"[axis[0]]}', bool(pairs), C == 3)
    return figure


def _draw_bodies(
    ax: Axes,
    bodies: np.ndarray,
    parents: Sequence[int] | None,
    axis: tuple[int, int],
    pairs: Sequence[tuple[int, int]],
    across: np.ndarray | None,
    turn_deg: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw who is there; returns the middle and half the extent, (2,)."""
    flat = [project_pose(body, axis, across, turn_deg) for body in bodies]
    shifts = _shifts(flat)
    for which, (body, points) in enumerate(zip(bodies, flat)):
        alpha = 1.0 if which == 0 else 0.55
        points[:, 0] += shifts[which]
        if parents is None:
            ax.plot(*points.T, '.', color=MIDDLE_COLOR, ms=4, alpha=alpha)
            ax.set_aspect('equal')
            continue
        draw_pose(
            ax,
            body,
            parents,
            up=axis,
            pairs=pairs,
            across=across,
            turn_deg=turn_deg,
            alpha=alpha,
            shift=shifts[which],
        )
    points = np.concatenate(flat)
    low, high = np.nanmin(points, axis=0), np.nanmax(points, axis=0)
    return (low + high) / 2, (high - low) / 2


def _shifts(flat: Sequence[np.ndarray]) -> np.ndarray:
    """Horizontal shift of each body that brings it to its neighbour."""
    centers = np.array([np.nanmean(points[:, 0]) for points in flat])
    tall = max(float(np.nanmax(p[:, 1]) - np.nanmin(p[:, 1])) for p in flat)
    order = np.argsort(centers, kind='stable')
    gaps = np.minimum(np.diff(centers[order]), _MAX_APART * tall)
    placed = np.empty_like(centers)
    placed[order] = centers[order[0]] + np.concatenate([[0], np.cumsum(gaps)])
    return placed - centers


def _caption(
    figure: Figure,
    example: ExamplePose,
    left_in: float,
    width_in: float,
    top_in: float,
) -> None:
    height_in = figure.get_figheight()
    for text, size, color, drop_in in (
        (example.caption, 9.5, INK, 0.1),
        (example.source, 8.0, FAINT_INK, 0.26),
    ):
        figure.text(
            (left_in + width_in / 2) / WIDTH_IN,
            1 - (top_in + drop_in) / height_in,
            fit_text(figure, text, size, width_in),
            size=size,
            color=color,
            ha='center',
            va='center_baseline',
            parse_math=False,
        )


def _ruler(ax: Axes, height: float, unit: str) -> None:
    """A bar of a round length at the left of the first pose."""
    power = 10.0 ** np.floor(np.log10(height / 3))
    length = max(f * power for f in (1, 2, 5) if f * power <= height / 3)
    x = ax.get_xlim()[0]
    foot = ax.get_ylim()[0] + 0.06 * height
    ax.plot(
        [x, x],
        [foot, foot + length],
        color=FAINT_INK,
        lw=2,
        solid_capstyle='butt',
        clip_on=False,
        label='scale',
    )
    ax.annotate(
        f'{length:g} {unit}'.strip(),
        (x, foot + length / 2),
        (4, 0),
        textcoords='offset points',
        size=8,
        color=FAINT_INK,
        rotation=90,
        va='center',
    )


def _heading(figure: Figure, up: str, sided: bool, deep: bool) -> None:
    height_in = figure.get_figheight()
    words = [('poses', 12.0, INK)]
    words.append((f'{up};', 9.0, FAINT_INK))
    if deep:
        words.append(('from the front and from the side;', 9.0, FAINT_INK))
    words.append(('all at one scale', 9.0, FAINT_INK))
    if sided:
        words += [('left', 9.0, LEFT_COLOR), ('right', 9.0, RIGHT_COLOR)]
    left_in = _EDGE_IN
    for word, size, color in words:
        figure.text(
            left_in / WIDTH_IN,
            1 - 0.3 / height_in,
            word,
            size=size,
            color=color,
            va='center_baseline',
            weight='bold' if color in (LEFT_COLOR, RIGHT_COLOR) else 'normal',
        )
        left_in += text_width_in(figure, word, size)
        left_in += 0.24 if size > 9 else 0.1
