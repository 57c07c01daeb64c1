"""What `mmsnip.NormalizeSkeleton` and `SkeletonStream` do, in numpy alone.

And the published preparation of NTU RGB+D, quirks included.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mmsnip.skeleton.egocentric import HEADING_SECONDS, egocentric
from mmsnip.skeleton.geometry import (
    body_size,
    bones,
    center,
    fill_absent,
    lead_person,
    motion,
)
from mmsnip.skeleton.layout import SkeletonLayout
from mmsnip.skeleton.rotation import (
    body_rotations,
    heading_rotation,
    rotate,
)


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
    """Centre, turn and scale bodies; frames keep their place."""
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
    """Joints, bones or their motion, side by side on channels."""
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


class PreNormalized(NamedTuple):
    """What `pre_normalize` returns."""

    keypoint: np.ndarray
    source_frame: np.ndarray
    matrix_z: np.ndarray
    matrix_x: np.ndarray


def pre_normalize(
    keypoint: np.ndarray,
    origin: int = 1,
    spine: tuple[int, int] | None = (0, 1),
    shoulders: tuple[int, int] | None = (8, 4),
    compact: bool = True,
    repeat_tail: bool = True,
    zero_joints_stay: bool = True,
) -> PreNormalized:
    """Normalise a video the way the published NTU data were made.

    It may move frames in time, each person's by itself, so it does not fit
    videos with frame labels; `mmsnip.NormalizeSkeleton` never does that.

    Args:
        keypoint (np.ndarray): (M, T, V, 3), zeros where absent.
        origin (int): Joint of person 0 that is subtracted frame by frame.
        spine (tuple[int, int] | None): (bottom, top) joint, turned to z by
            person 0's first frame.
        shoulders (tuple[int, int] | None): (right, left) joint, then turned
            to x.
        compact (bool): Quirk: a person whose first frame is empty has all
            its empty frames removed and moved to the end; other persons
            stay, so persons may lose their alignment.
        repeat_tail (bool): Quirk: empty frames at the end are filled by
            repeating all frames before them.
        zero_joints_stay (bool): Quirk: joints whose coordinates sum to zero
            count as absent and are not moved.

    Returns:
        PreNormalized: Poses, their source frames and the two rotations. A
            video without any body comes back unchanged.

    Source:
        ``prepare/preprocess.py`` of line/Skeleton-Temporal-Action-
        Localization 0a31f5a, after 2s-AGCN's ``data_gen/preprocess.py``.
    """
    M, T, _, _ = keypoint.shape
    frames = np.tile(np.arange(T), (M, 1))
    eye = np.eye(3)
    if keypoint.sum() == 0:
        return PreNormalized(keypoint.copy(), frames, eye, eye)
    full = keypoint.sum(axis=(-2, -1)) != 0  # (M, T)
    for person in range(M):
        order = np.arange(T)
        taken = full[person]
        if not taken.any():
            continue
        if compact and not taken[0]:
            # Stable: present frames in order, then the empty ones.
            order = np.argsort(~taken, kind='stable')
            taken = taken[order]
        length = int(np.flatnonzero(taken)[-1]) + 1
        if repeat_tail and length < T:
            order = order[np.arange(T) % length]
        frames[person] = order
    x = np.take_along_axis(keypoint, frames[..., None, None], axis=1)
    sums = x.sum(axis=-1)  # (M, T, V)
    there = sums != 0
    if not zero_joints_stay:
        there = np.broadcast_to(there.any(axis=-1, keepdims=True), there.shape)
    x = (x - x[0, :, origin][:, None]) * there[..., None]
    if x.sum() == 0:
        return PreNormalized(x, frames, eye, eye)
    first, second = body_rotations(x[0, 0], spine, shoulders)
    return PreNormalized((x @ first.T) @ second.T, frames, first, second)
