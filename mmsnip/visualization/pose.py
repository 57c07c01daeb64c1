"""A 3D skeleton seen from the front and a little from the side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from mmsnip.skeleton.naming import find_spine, mirror_pairs
from mmsnip.skeleton.up import up_of_bodies

LEFT_COLOR = '#0072B2'
RIGHT_COLOR = '#D55E00'
MIDDLE_COLOR = '#404040'
TURN_DEG = 30.0
_AXES = {'x': 0, 'y': 1, 'z': 2}

Pair = tuple[int, int]


class Poses(NamedTuple):
    """Skeletons of a video, as a picture needs them.

    Attributes:
        joints (np.ndarray): (M, T, V, C) positions, C = 2 or 3.
        parents (Sequence[int]): Parent of each joint, -1 for the root.
        up (str): ``x``, ``y`` or ``z``, with ``-`` in front where the axis
            points down, or ``auto``.
        joint_names (Sequence[str] | None): V names; they tell left from
            right and up from down.
        body_mask (np.ndarray | None): (M, T) bool, True where the person is
            there; None takes the frames that are finite and not all zero.
    """

    joints: np.ndarray
    parents: Sequence[int]
    up: str = 'auto'
    joint_names: Sequence[str] | None = None
    body_mask: np.ndarray | None = None


def up_axis(
    joints: np.ndarray,
    up: str = 'auto',
    joint_names: Sequence[str] | None = None,
    parents: Sequence[int] | None = None,
) -> tuple[int, int]:
    """Axis that points up.

    ``auto`` follows the trunk where the names show it; else it takes the
    axis along which bodies are longest, pointing up in 3D and, as pixel rows
    do, down in 2D.

    Args:
        joints (np.ndarray): (..., V, C) positions.
        up (str): ``auto``, or an axis with an optional sign, such as ``-y``.
        joint_names (Sequence[str] | None): V names.
        parents (Sequence[int] | None): Parent of each joint.

    Returns:
        tuple[int, int]: Axis and its sign, 1 or -1.

    Raises:
        ValueError: If `up` is unknown or no axis of the joints.

    Examples:
        >>> up_axis(np.zeros((5, 3)), '-y')
        (1, -1)
    """
    C = joints.shape[-1]
    if up != 'auto':
        axis = _AXES.get(up.lstrip('+-'), C)
        if axis >= C or len(up) > 2:
            raise ValueError(
                f'up={up!r} is no axis of joints with C={C}; use auto or one '
                f'of {list(_AXES)[:C]}, with - in front where it points down'
            )
        return axis, -1 if up.startswith('-') else 1
    bodies = joints.reshape(-1, *joints.shape[-2:]).astype(np.float64)
    there = np.isfinite(bodies).all((1, 2)) & (bodies != 0).any((1, 2))
    bodies = bodies[there]
    spine = None
    if joint_names is not None:
        root = 0 if parents is None else _root(parents)
        spine = find_spine(joint_names, root)
    return up_of_bodies(bodies, spine)


def view_across(
    joints: np.ndarray, up: tuple[int, int], pairs: Sequence[Pair] = ()
) -> np.ndarray:
    """Direction on the ground that a frontal view shows to the right.

    Of one body: from its right to its left joints, else its widest
    direction. Of several: from the first to the last, so that they stand
    side by side.

    Args:
        joints (np.ndarray): (M, V, 3) positions of those who are there.
        up (tuple[int, int]): Axis and sign of `up_axis`.
        pairs (Sequence[tuple[int, int]]): (left, right) joints.

    Returns:
        np.ndarray: Unit vector along the two ground axes, (2,).
    """
    ground = np.asarray(joints, dtype=np.float64)[..., _ground_axes(up)]
    if len(ground) > 1:
        across = np.nanmean(ground[-1], 0) - np.nanmean(ground[0], 0)
    else:
        across = _body_across(ground[0], pairs)
    length = np.linalg.norm(across)
    return across / length if length > 1e-9 else np.array([1.0, 0.0])


def project_pose(
    joints: np.ndarray,
    up: tuple[int, int],
    across: np.ndarray | None = None,
    turn_deg: float = TURN_DEG,
) -> np.ndarray:
    """Joints on the picture plane, x to the right and y up.

    In 3D the viewer stands in front and walks `turn_deg` around the body,
    so that swings to the front show as well. 2D joints stay as they are.

    Args:
        joints (np.ndarray): (V, C) positions, C = 2 or 3.
        up (tuple[int, int]): Axis and sign of `up_axis`.
        across (np.ndarray | None): Answer of `view_across`; None looks along
            the second ground axis.
        turn_deg (float): Degrees between the frontal view and this one.

    Returns:
        np.ndarray: (V, 2) float64 positions.
    """
    points = np.asarray(joints, dtype=np.float64)
    axis, sign = up
    height = sign * points[:, axis]
    if points.shape[1] == 2:
        return np.stack([points[:, 1 - axis], height], axis=1)
    across = np.array([1.0, 0.0]) if across is None else across
    turn = np.deg2rad(turn_deg)
    behind = np.array([-across[1], across[0]])
    right = np.cos(turn) * across + np.sin(turn) * behind
    return np.stack([points[:, _ground_axes(up)] @ right, height], axis=1)


def draw_pose(
    ax: Axes,
    joints: np.ndarray,
    parents: Sequence[int],
    *,
    up: str | tuple[int, int] = 'auto',
    joint_names: Sequence[str] | None = None,
    pairs: Sequence[Pair] | None = None,
    across: np.ndarray | None = None,
    turn_deg: float = TURN_DEG,
    line_width: float = 1.8,
    alpha: float = 1.0,
    shift: float = 0.0,
) -> np.ndarray:
    """Draw one body as lines: left blue, right vermilion, trunk dark.

    Args:
        ax (Axes): Axes to draw on; they are given an equal aspect.
        joints (np.ndarray): (V, C) positions, C = 2 or 3; a joint that is
            not finite is left out with its bones.
        parents (Sequence[int]): V parents, -1 for the root.
        up (str | tuple[int, int]): Argument of `up_axis`, or its answer.
        joint_names (Sequence[str] | None): V names, read for left and right.
        pairs (Sequence[tuple[int, int]] | None): (left, right) joints; None
            reads them from `joint_names`.
        across (np.ndarray | None): Argument of `project_pose`; None takes
            this body's own front.
        turn_deg (float): See `project_pose`.
        line_width (float): Width of a bone in points.
        alpha (float): Opacity.
        shift (float): Added to the horizontal positions.

    Returns:
        np.ndarray: (V, 2) positions as drawn.

    Raises:
        ValueError: If shapes disagree, or C is neither 2 nor 3.
    """
    joints = np.asarray(joints)
    if joints.ndim != 2 or joints.shape[1] not in (2, 3):
        raise ValueError(
            f'joints has shape {joints.shape}; expected (V, 2) or (V, 3), one '
            'body at one frame'
        )
    if len(parents) != len(joints):
        raise ValueError(
            f'parents has {len(parents)} entries for {len(joints)} joints; '
            'give one parent a joint, -1 for the root'
        )
    if pairs is None:
        pairs = () if joint_names is None else mirror_pairs(joint_names)
    if isinstance(up, str):
        up = up_axis(joints, up, joint_names, parents)
    if across is None and joints.shape[1] == 3:
        across = view_across(joints[None], up, pairs)
    points = project_pose(joints, up, across, turn_deg)
    points[:, 0] += shift
    colors = _joint_colors(len(joints), pairs)
    bones = [
        (child, parent)
        for child, parent in enumerate(parents)
        if parent >= 0 and np.isfinite(points[[child, parent]]).all()
    ]
    ax.add_collection(
        LineCollection(
            [points[[child, parent]] for child, parent in bones],
            colors=[colors[child] for child, _ in bones],
            linewidths=line_width,
            capstyle='round',
            alpha=alpha,
            label='bones',
        ),
        autolim=True,
    )
    ax.set_aspect('equal')
    ax.autoscale_view()
    return points


def bone_colors(poses: Poses) -> list[str]:
    """Colour of each joint's bone, as `draw_pose` has it.

    Args:
        poses (Poses): Skeletons; without names all bones are dark.

    Returns:
        list[str]: (V,).
    """
    names = poses.joint_names
    pairs = () if names is None else mirror_pairs(names)
    return _joint_colors(len(poses.parents), pairs)


def _root(parents: Sequence[int]) -> int:
    return next((i for i, p in enumerate(parents) if p < 0), 0)


def _ground_axes(up: tuple[int, int]) -> list[int]:
    """Two axes that make a right-handed frame with the one that is up."""
    axis, sign = up
    ground = [(axis + 1) % 3, (axis + 2) % 3]
    return ground if sign > 0 else ground[::-1]


def _body_across(ground: np.ndarray, pairs: Sequence[Pair]) -> np.ndarray:
    finite = np.isfinite(ground).all(1)
    sides = [ground[a] - ground[b] for a, b in pairs if finite[a] & finite[b]]
    if sides:
        return np.mean(sides, axis=0)
    spread = ground[finite] - ground[finite].mean(0, keepdims=True)
    return np.linalg.svd(spread, full_matrices=False)[2][:1].sum(0)


def _joint_colors(V: int, pairs: Sequence[Pair]) -> list[str]:
    colors = [MIDDLE_COLOR] * V
    for left, right in pairs:
        colors[left], colors[right] = LEFT_COLOR, RIGHT_COLOR
    return colors
