"""Deterministic geometry of bodies (M, T, V, C): centre, turn, scale.

T never changes, but in `pre_normalize`, the published preparation of NTU.

The first `num_coords` channels are coordinates; further ones (a detector's
score) are carried along. `body_mask` (M, T) says who is there; frames and
persons that are all zero stay so.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import acos, cos, hypot, radians, sin
from typing import NamedTuple

import numpy as np

from mmsnip.skeleton.layout import SkeletonLayout


def present_frames(keypoint: np.ndarray) -> np.ndarray:
    """Frames that hold a body: some joint is not exactly zero.

    Args:
        keypoint (np.ndarray): (M, T, V, C).

    Returns:
        np.ndarray: (M, T) bool.
    """
    return np.any(keypoint != 0, axis=(-2, -1))


def fill_absent(
    keypoint: np.ndarray, body_mask: np.ndarray, mode: str = 'hold'
) -> np.ndarray:
    """Give absent frames of a person the pose of its present ones."""
    if mode not in ('hold', 'linear'):
        raise ValueError(f"fill={mode!r} is unknown; use 'hold' or 'linear'")
    seen = body_mask.any(axis=1)
    if body_mask[seen].all():
        return keypoint
    T = keypoint.shape[1]
    frames = np.arange(T)
    before = np.maximum.accumulate(np.where(body_mask, frames, -1), axis=1)
    after = np.where(body_mask, frames, T)[:, ::-1]
    after = np.minimum.accumulate(after, axis=1)[:, ::-1]
    early, late = before < 0, after >= T
    start = np.clip(np.where(early, after, before), 0, T - 1)
    stop = np.clip(np.where(late, before, after), 0, T - 1)
    person = np.arange(len(keypoint))[:, None]
    filled = keypoint[person, start]
    if mode == 'linear':
        gap = np.maximum(stop - start, 1)
        share = ((frames - start) / gap).astype(keypoint.dtype)
        share = np.where(stop > start, share, 0)[..., None, None]
        filled = filled + share * (keypoint[person, stop] - filled)
    keep = (body_mask | ~seen[:, None])[..., None, None]
    return np.where(keep, keypoint, filled).astype(keypoint.dtype, copy=False)


def lead_person(body_mask: np.ndarray) -> tuple[int, int] | None:
    """Person and frame that normalisation is measured on."""
    persons = np.flatnonzero(body_mask.any(axis=1))
    if len(persons) == 0:
        return None
    return int(persons[0]), int(np.argmax(body_mask[persons[0]]))


def center(
    keypoint: np.ndarray,
    body_mask: np.ndarray,
    origin: Sequence[int],
    mode: str = 'frame',
    num_coords: int = 3,
    joint_mask: np.ndarray | None = None,
) -> np.ndarray:
    """Move the lead person's origin joints to zero, everybody alike."""
    if mode not in ('frame', 'first'):
        raise ValueError(
            f"center={mode!r} is unknown; use 'frame', 'first' or None"
        )
    lead = lead_person(body_mask)
    if lead is None:
        return keypoint
    person, frame = lead
    there = present_frames(keypoint)  # (M, T)
    # Frames that hold nothing take the origin of the frame before them.
    joints = keypoint[person][:, list(origin), :num_coords]
    joints = fill_absent(joints[None], there[person][None])[0]
    if joint_mask is None:
        middle = joints.mean(axis=1)  # (T, num_coords)
    else:
        middle = _masked_origin(joints, joint_mask[person][:, list(origin)])
    # (num_coords,) or (T, 1, num_coords)
    middle = middle[frame] if mode == 'first' else middle[:, None]
    moved = keypoint.copy()
    moved[..., :num_coords] -= middle
    there = there[..., None]
    if joint_mask is not None:
        there = there & joint_mask
    if not there.all():
        coords = moved[..., :num_coords]
        coords *= there[..., None]
    return moved


def _masked_origin(joints: np.ndarray, there: np.ndarray) -> np.ndarray:
    """Mean of the joints that are there, held over frames that lack all."""
    total = np.where(there[..., None], joints, 0).sum(axis=1)
    count = there.sum(axis=1)
    middle = total / np.maximum(count, 1)[:, None].astype(joints.dtype)
    if not count.any():
        return middle
    return fill_absent(middle[None, :, None], (count > 0)[None])[0, :, 0]


def body_size(
    keypoint: np.ndarray,
    body_mask: np.ndarray,
    parents: np.ndarray,
    num_coords: int = 3,
    joint_mask: np.ndarray | None = None,
) -> float:
    """Median over present frames of the mean bone length."""
    coords = keypoint[..., :num_coords].astype(np.float64)  # squares are large
    lengths = np.linalg.norm(coords - coords[:, :, parents], axis=-1)
    valid = np.broadcast_to(body_mask[..., None], lengths.shape)
    valid = valid & (parents != np.arange(len(parents)))
    if joint_mask is not None:
        valid = valid & joint_mask & joint_mask[:, :, parents]
    count = valid.sum(axis=-1)
    if not count.any():
        return 1.0
    mean = np.where(valid, lengths, 0).sum(axis=-1) / np.maximum(count, 1)
    size = float(np.median(mean[count > 0]))
    return size if size > 0 else 1.0


def bones(
    keypoint: np.ndarray, parents: np.ndarray, num_coords: int = 3
) -> np.ndarray:
    """Each joint minus its parent; the root's bone is zero.

    Args:
        keypoint (np.ndarray): (M, T, V, C).
        parents (np.ndarray): (V,), the root is its own parent.
        num_coords (int): Leading channels that are coordinates; further
            ones become the mean of the bone's two ends.

    Returns:
        np.ndarray: (M, T, V, C).
    """
    ends = keypoint[:, :, parents]
    bone = keypoint - ends
    rest = keypoint[..., num_coords:] + ends[..., num_coords:]
    bone[..., num_coords:] = rest / 2
    return bone


def motion(
    keypoint: np.ndarray,
    body_mask: np.ndarray | None = None,
    num_coords: int = 3,
) -> np.ndarray:
    """The next frame minus this one; the last frame is zero.

    Args:
        keypoint (np.ndarray): (M, T, V, C).
        body_mask (np.ndarray | None): (M, T) bool; the motion from or to a
            frame where the person is absent is zero. None: all are present.
        num_coords (int): Leading channels that are coordinates; further
            ones become the mean of the two frames, in the last frame they
            stay.

    Returns:
        np.ndarray: (M, T, V, C).
    """
    moved = np.zeros_like(keypoint)
    moved[:, :-1] = keypoint[:, 1:] - keypoint[:, :-1]
    if body_mask is not None:
        both = body_mask[:, 1:] & body_mask[:, :-1]
        moved[:, :-1] *= both[..., None, None]
    rest = keypoint[..., num_coords:]
    moved[..., num_coords:] = rest
    moved[:, :-1, :, num_coords:] = (rest[:, 1:] + rest[:, :-1]) / 2
    return moved


GROUP = 4  # joints that one row of a product holds


def rotation_between(
    source: np.ndarray, target: np.ndarray, tolerance: float = 1e-6
) -> np.ndarray:
    """Rotation that takes one direction to another, the short way."""
    # Three numbers each: plain floats, which arrays are slow at.
    a, b, c = (float(entry) for entry in source)
    d, e, f = (float(entry) for entry in target)
    x, y, z = b * f - c * e, c * d - a * f, a * e - b * d
    lengths = hypot(a, b, c) * hypot(d, e, f)
    if lengths == 0:
        return np.eye(3)
    cosine = (a * d + b * e + c * f) / lengths
    angle = acos(min(max(cosine, -1.0), 1.0))
    if abs(x) + abs(y) + abs(z) < tolerance or abs(angle) < tolerance:
        return np.eye(3)
    length = hypot(x, y, z)
    x, y, z = x / length, y / length, z / length
    K = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.eye(3) + sin(angle) * K + (1 - cos(angle)) * (K @ K)


def rotate(keypoint: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Apply a linear map to the leading channels of every joint."""
    D = len(matrix)
    columns = matrix.T.astype(keypoint.dtype)
    coords = keypoint[..., :D]
    mapped = _map_rows(coords.reshape(-1, D), columns).reshape(coords.shape)
    if keypoint.shape[-1] == D:
        return mapped
    turned = keypoint.copy()
    turned[..., :D] = mapped
    return turned


def _map_rows(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """``rows @ columns`` for very many rows, (n, D), of very few entries."""
    count, D = rows.shape
    whole = count - count % GROUP
    blocks = np.zeros((GROUP, D, GROUP, D), dtype=columns.dtype)
    for place in range(GROUP):
        blocks[place, :, place] = columns
    wide = GROUP * D
    mapped = np.empty((count, D), dtype=columns.dtype)
    np.matmul(
        rows[:whole].reshape(-1, wide),
        blocks.reshape(wide, wide),
        out=mapped[:whole].reshape(-1, wide),
    )
    np.matmul(rows[whole:], columns, out=mapped[whole:])
    return mapped


def body_rotations(
    pose: np.ndarray,
    spine: tuple[int, int] | None,
    shoulders: tuple[int, int] | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Rotations that turn the spine to z, then the shoulders to x."""
    first = second = np.eye(3)
    pose = pose.astype(np.float64)
    if spine is not None:
        upward = pose[spine[1]] - pose[spine[0]]
        first = rotation_between(upward, np.array([0.0, 0.0, 1.0]))
    if shoulders is not None:
        lateral = first @ (pose[shoulders[0]] - pose[shoulders[1]])
        second = rotation_between(lateral, np.array([1.0, 0.0, 0.0]))
    return first, second


def heading_rotation(
    pose: np.ndarray, shoulders: tuple[int, int], up_axis: int = 1
) -> np.ndarray:
    """Rotation about the vertical that faces a body along one direction."""
    lateral = pose[shoulders[0]].astype(np.float64) - pose[shoulders[1]]
    lateral[up_axis] = 0.0
    target = np.zeros(3)
    target[1 if up_axis == 0 else 0] = 1.0
    length = np.linalg.norm(lateral)
    if length < 1e-6:
        return np.eye(3)
    up = np.zeros(3)
    up[up_axis] = 1.0
    cosine = float(lateral @ target) / length
    sine = float(np.cross(lateral, target) @ up) / length
    K = np.cross(up, np.eye(3)).T  # K @ v = up x v
    return np.eye(3) + sine * K + (1 - cosine) * (K @ K)


def draw_rotation(
    rng: np.random.Generator,
    main_angle: float = 30.0,
    other_angle: float = 1.0,
) -> np.ndarray:
    """Angles about x, y and z: one axis turns far, the others hardly."""
    main = rng.integers(3)
    limits = [main_angle if axis == main else other_angle for axis in range(3)]
    return np.array([rng.uniform(0.0, limit) for limit in limits])


def euler_rotation(angles_deg: Sequence[float]) -> np.ndarray:
    """Rotation Rz Ry Rx in AimCLR's signs (each turns clockwise)."""
    angles = [radians(angle) for angle in angles_deg]
    (cx, cy, cz), (sx, sy, sz) = map(cos, angles), map(sin, angles)
    return np.array(
        [
            [cz * cy, sz * cx + cz * sy * sx, sz * sx - cz * sy * cx],
            [-sz * cy, cz * cx - sz * sy * sx, cz * sx + sz * sy * cx],
            [sy, -cy * sx, cy * cx],
        ]
    )


def axis_rotation(axis: int, angle_deg: float) -> np.ndarray:
    """Right-handed rotation about one coordinate axis."""
    matrix = np.eye(3)
    others = [(axis + 1) % 3, (axis + 2) % 3]
    matrix[np.ix_(others, others)] = plane_rotation(angle_deg)
    return matrix


def plane_rotation(angle_deg: float) -> np.ndarray:
    """Counter-clockwise rotation of the plane."""
    angle = radians(angle_deg)
    return np.array([[cos(angle), -sin(angle)], [sin(angle), cos(angle)]])


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
) -> PreNormalized:
    """Normalise a video the way the published NTU data were made.

    With its quirks: a person whose first frame is empty has all its empty
    frames moved to the end, so that persons may lose their alignment; empty
    frames at the end are filled by repeating all before them; joints whose
    coordinates sum to zero are not moved. So it does not fit videos with
    frame labels; `mmsnip.NormalizeSkeleton` never moves frames.

    Args:
        keypoint (np.ndarray): (M, T, V, 3), zeros where absent.
        origin (int): Joint of person 0 that is subtracted frame by frame.
        spine (tuple[int, int] | None): (bottom, top) joint, turned to z by
            person 0's first frame.
        shoulders (tuple[int, int] | None): (right, left) joint, then turned
            to x.

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
        if not taken[0]:
            # Stable: present frames in order, then the empty ones.
            order = np.argsort(~taken, kind='stable')
            taken = taken[order]
        length = int(np.flatnonzero(taken)[-1]) + 1
        if length < T:
            order = order[np.arange(T) % length]
        frames[person] = order
    x = np.take_along_axis(keypoint, frames[..., None, None], axis=1)
    there = x.sum(axis=-1) != 0  # (M, T, V)
    x = (x - x[0, :, origin][:, None]) * there[..., None]
    if x.sum() == 0:
        return PreNormalized(x, frames, eye, eye)
    first, second = body_rotations(x[0, 0], spine, shoulders)
    return PreNormalized((x @ first.T) @ second.T, frames, first, second)
