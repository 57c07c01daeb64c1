"""Skeletons seen from the front and a little from the side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from mmsnip.skeleton.naming import find_spine, mirror_pairs
from mmsnip.skeleton.orientation import up_of_bodies
from mmsnip.structures import DataError

LEFT_COLOR, RIGHT_COLOR, MIDDLE_COLOR = '#0072B2', '#D55E00', '#404040'
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


def check_poses(
    poses: Poses | tuple[Any, ...],
    num_frames: int | None = None,
    partial: bool = False,
) -> Poses:
    """Poses with a mask, once their shapes fit the video."""
    poses = Poses(*poses)
    joints = np.asarray(poses.joints)
    if joints.ndim != 4 or joints.shape[3] not in (2, 3) or not joints.size:
        raise DataError(
            f'poses.joints has shape {joints.shape}; expected (M, T, V, C) '
            'with C = 2 or 3, one frame or more'
        )
    T = joints.shape[1]
    if num_frames not in (None, T):
        raise DataError(
            f'poses.joints has {T} frames and the video {num_frames}; give '
            'the poses of the same frames as the segments'
        )
    if len(poses.parents) != joints.shape[2]:
        raise DataError(
            f'poses.parents has {len(poses.parents)} entries for '
            f'{joints.shape[2]} joints; give one parent a joint'
        )
    finite = np.isfinite(joints)
    mask = finite.all((2, 3)) & (joints != 0).any((2, 3))
    if partial:
        mask = (np.nan_to_num(joints) != 0).any((2, 3))
    if poses.body_mask is not None:
        given = np.asarray(poses.body_mask, dtype=bool)
        if given.shape != mask.shape:
            raise DataError(
                f'poses.body_mask has shape {given.shape}; expected (M, T) = '
                f'{mask.shape}'
            )
        mask = given & finite.any((2, 3))
    return poses._replace(joints=joints, body_mask=mask)


def up_axis(
    joints: np.ndarray,
    up: str = 'auto',
    joint_names: Sequence[str] | None = None,
    parents: Sequence[int] | None = None,
) -> tuple[int, int]:
    """Axis that points up, and 1 or -1 where it points down."""
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
    roots = [i for i, parent in enumerate(parents or ()) if parent < 0]
    spine = find_spine(joint_names, (*roots, 0)[0]) if joint_names else None
    return up_of_bodies(bodies[there], spine)


def view_across(
    joints: np.ndarray, up: tuple[int, int], pairs: Sequence[Pair] = ()
) -> np.ndarray:
    """Direction on the ground that a frontal view shows to the right."""
    if joints.shape[-1] == 2:
        return np.array([1.0, 0.0])
    ground = np.asarray(joints, dtype=np.float64)[..., _ground_axes(up)]
    body = ground[0]
    finite = np.isfinite(body).all(1)
    sides = [body[a] - body[b] for a, b in pairs if finite[a] & finite[b]]
    if len(ground) > 1:
        across = np.nanmean(ground[-1], 0) - np.nanmean(body, 0)
    elif sides:
        across = np.mean(sides, axis=0)
    else:
        spread = body[finite] - body[finite].mean(0, keepdims=True)
        across = np.linalg.svd(spread, full_matrices=False)[2][:1].sum(0)
    length = np.linalg.norm(across)
    return across / length if length > 1e-9 else np.array([1.0, 0.0])


def project_pose(
    joints: np.ndarray,
    up: tuple[int, int],
    across: np.ndarray,
    turn_deg: float = TURN_DEG,
) -> np.ndarray:
    """Joints on the picture plane, x to the right and y up."""
    points = np.asarray(joints, dtype=np.float64)
    axis, sign = up
    height = sign * points[:, axis]
    if points.shape[1] == 2:
        return np.stack([points[:, 1 - axis], height], axis=1)
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
        up (str | tuple[int, int]): As in `Poses`, or the axis and 1 or -1
            where it points down.
        joint_names (Sequence[str] | None): V names, read for left and right.
        pairs (Sequence[tuple[int, int]] | None): (left, right) joints; None
            reads them from `joint_names`.
        across (np.ndarray | None): Direction on the ground that is shown to
            the right, (2,); None takes this body's own front.
        turn_deg (float): Degrees by which the viewer walks around it.
        line_width (float): Width of a bone in points.
        alpha (float): Opacity.
        shift (float): Added to the horizontal positions.

    Returns:
        np.ndarray: (V, 2) positions as drawn.
    """
    if pairs is None:
        pairs = mirror_pairs(joint_names or ())
    if isinstance(up, str):
        up = up_axis(joints, up, joint_names, parents)
    if across is None:
        across = view_across(joints[None], up, pairs)
    points = project_pose(joints, up, across, turn_deg)
    points[:, 0] += shift
    colors = joint_colors(len(joints), pairs)
    bones = [
        (child, parent)
        for child, parent in enumerate(parents)
        if parent >= 0 and np.isfinite(points[[child, parent]]).all()
    ]
    lines = LineCollection(
        [points[[child, parent]] for child, parent in bones],
        colors=[colors[child] for child, _ in bones],
        linewidths=line_width,
        capstyle='round',
        alpha=alpha,
        label='bones',
    )
    ax.add_collection(lines, autolim=True)
    ax.set_aspect('equal')
    ax.autoscale_view()
    return points


def draw_bodies(
    ax: Axes,
    bodies: np.ndarray,
    parents: Sequence[int],
    up: tuple[int, int],
    pairs: Sequence[Pair],
) -> tuple[np.ndarray, np.ndarray]:
    """Draw persons side by side; answers their centre and half their size."""
    across = view_across(bodies, up, pairs)
    flat = [project_pose(body, up, across) for body in bodies]
    centres = np.array([np.nanmean(points[:, 0]) for points in flat])
    tall = max(np.nanmax(p[:, 1]) - np.nanmin(p[:, 1]) for p in flat)
    order = np.argsort(centres, kind='stable')
    # Who stands far away comes nearer.
    gaps = np.minimum(np.diff(centres[order]), 0.8 * tall)
    shifts = np.empty(len(bodies))
    shifts[order] = centres[order[0]] + np.append(0, np.cumsum(gaps))
    view = dict(up=up, pairs=pairs, across=across)
    points = [
        draw_pose(ax, body, parents, alpha=alpha, shift=shift, **view)
        for body, alpha, shift in zip(
            bodies, (1.0, *[0.55] * len(bodies)), shifts - centres
        )
    ]
    low, high = (f(np.concatenate(points), 0) for f in (np.nanmin, np.nanmax))
    return (low + high) / 2, (high - low) / 2


def joint_colors(V: int, pairs: Sequence[Pair]) -> list[str]:
    """Colour of each joint's bone."""
    colors = [MIDDLE_COLOR] * V
    for left, right in pairs:
        colors[left], colors[right] = LEFT_COLOR, RIGHT_COLOR
    return colors


def _ground_axes(up: tuple[int, int]) -> list[int]:
    """Two axes that make a right-handed frame with the one that is up."""
    axis, sign = up
    ground = [(axis + 1) % 3, (axis + 2) % 3]
    return ground if sign > 0 else ground[::-1]
