"""Rotations of bodies, measured on a pose or drawn at random."""

from __future__ import annotations

from collections.abc import Sequence
from math import acos, cos, hypot, radians, sin

import numpy as np

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
