"""What `mmsnip.NormalizeSkeleton` and `SkeletonStream` do, in numpy alone.

For whoever runs a model where the transforms' hosts are not installed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmsnip.skeleton.body import SkeletonLayout
from mmsnip.skeleton.egocentric import HEADING_SECONDS, egocentric
from mmsnip.skeleton.geometry import (
    body_size,
    bones,
    center,
    fill_absent,
    lead_person,
    motion,
)
from mmsnip.skeleton.rotation import (
    body_rotations,
    heading_rotation,
    rotate,
)

__all__ = ['normalize_bodies', 'stack_streams']


def normalize_bodies(
    keypoint: np.ndarray,
    body_mask: np.ndarray,
    layout: SkeletonLayout,
    center_mode: str | None = 'frame',
    align: str | None = 'body',
    scale: bool | None = None,
    fill: str | None = 'hold',
    up_axis: int = 1,
    num_coords: int = 3,
) -> np.ndarray:
    """Centre, turn and scale bodies; frames keep their place.

    Args:
        keypoint (np.ndarray): (M, T, V, C).
        body_mask (np.ndarray): (M, T) bool.
        layout (SkeletonLayout): V joints; a line that it does not name
            turns nothing.
        center_mode (str | None): ``center`` of `NormalizeSkeleton`, and the
            next four by their names.
        align (str | None): ``body``, ``heading`` or None.
        scale (bool | None): Divide by the median bone length; None: 2D only.
        fill (str | None): ``hold``, ``linear`` or None.
        up_axis (int): Vertical coordinate, for ``heading``.
        num_coords (int): Leading channels that are coordinates.

    Returns:
        np.ndarray: (M, T, V, C), the type of `keypoint`.

    Raises:
        ValueError: If `center_mode` or `fill` is unknown.
    """
    D, there = num_coords, None
    if D == 2:
        there = keypoint[..., 2:] > 0
        there = there if there.shape[-1] else keypoint != 0
        there = there.any(axis=-1)
    if fill is not None:
        filled = fill_absent(keypoint, body_mask, fill)
        if there is not None:
            held = fill_absent(there[..., None], body_mask)[..., 0]
            there = held.astype(bool)
        keypoint = filled
    if center_mode is not None:
        keypoint = center(
            keypoint, body_mask, layout.origin, center_mode, D, there
        )
    if align is not None and D == 3:
        turn = _turn(keypoint, body_mask, layout, align, up_axis)
        keypoint = keypoint if turn is None else rotate(keypoint, turn)
    if scale or (scale is None and D == 2):
        size = body_size(keypoint, body_mask, layout.bone_parents, D, there)
        keypoint = rotate(keypoint, np.eye(D) / size)
    return keypoint


def _turn(
    keypoint: np.ndarray,
    body_mask: np.ndarray,
    layout: SkeletonLayout,
    align: str,
    up_axis: int,
) -> np.ndarray | None:
    """Rotation of the lead person's first present pose; None: nobody."""
    lead = lead_person(body_mask)
    if lead is None:
        return None
    pose = keypoint[lead][:, :3]
    if align == 'heading':
        if layout.shoulders is None:
            return None
        return heading_rotation(pose, layout.shoulders, up_axis)
    first, second = body_rotations(pose, layout.spine, layout.shoulders)
    return second @ first


def stack_streams(
    keypoint: np.ndarray,
    body_mask: np.ndarray,
    layout: SkeletonLayout,
    streams: Sequence[str] = ('joint',),
    num_coords: int = 3,
    fps: float = 30.0,
    up: str = 'y',
    heading_seconds: float = HEADING_SECONDS,
    heading_line: str = 'shoulders',
) -> np.ndarray:
    """Joints, bones or their motion, side by side on channels.

    Args:
        keypoint (np.ndarray): (M, T, V, C).
        body_mask (np.ndarray): (M, T) bool.
        layout (SkeletonLayout): V joints.
        streams (Sequence[str]): Of ``joint``, ``bone``, ``motion``,
            ``bone_motion`` and ``egocentric``.
        num_coords (int): Leading channels that are coordinates.
        fps (float): Frames a second, for ``egocentric``.
        up (str): Axis that points up, for ``egocentric``.
        heading_seconds (float): Length of the heading's running mean, for
            ``egocentric``.
        heading_line (str): Whose line the heading is, ``'shoulders'`` or
            ``'hips'``, for ``egocentric``.

    Returns:
        np.ndarray: (M, T, V, channels): C a stream, of ``egocentric``
        ``num_channels(num_coords)`` and what is behind the coordinates.
    """
    parts = []
    for stream in streams:
        part = keypoint
        if stream == 'egocentric':
            coords = part[..., :num_coords]
            own = egocentric(
                coords,
                body_mask,
                layout,
                fps,
                up,
                heading_seconds,
                heading_line,
            )
            part = np.concatenate([own, part[..., num_coords:]], axis=-1)
        if stream.startswith('bone'):
            part = bones(part, layout.bone_parents, num_coords)
        if stream.endswith('motion'):
            part = motion(part, body_mask, num_coords)
        parts.append(part)
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=-1)
