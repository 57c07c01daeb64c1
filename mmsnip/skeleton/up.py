"""Which way is up, told from the bodies themselves."""

from __future__ import annotations

import numpy as np

from mmsnip.skeleton.egocentric import vertical_axis
from mmsnip.skeleton.layout import SkeletonLayout

UPRIGHT = 0.8  # share of the frames whose trunks agree, to name an axis

# For each axis that may point up, the (source axis, sign) of x, y and z once
# y points up; each is a rotation, so left and right stay what they are.
AXES: dict[str, tuple[tuple[int, int], ...]] = {
    'x': ((1, -1), (0, 1), (2, 1)),
    '-x': ((1, 1), (0, -1), (2, 1)),
    'y': ((0, 1), (1, 1), (2, 1)),
    '-y': ((0, 1), (1, -1), (2, -1)),
    'z': ((0, 1), (2, 1), (1, -1)),
    '-z': ((0, 1), (2, -1), (1, 1)),
}


def turned(coords: np.ndarray, up: str, to: str = 'y') -> np.ndarray:
    """Rotate so that another axis points up; the body is never mirrored."""
    if up == to:
        return coords
    out = np.empty_like(coords)
    for (axis, sign), (new, flip) in zip(AXES[up], AXES[to]):
        # Both make y up, so the way back from `to` is its transpose.
        np.multiply(coords[..., axis], sign * flip, out=out[..., new])
    out += 0  # no -0 where all is 0
    return out


def up_of_bodies(
    bodies: np.ndarray, spine: tuple[int, int] | None = None
) -> tuple[int, int]:
    """Axis along which the trunk points."""
    C = bodies.shape[-1]
    if len(bodies) and spine is not None:
        bottom, top = spine
        trunk = np.median(bodies[:, top] - bodies[:, bottom], axis=0)
        axis = int(np.abs(trunk).argmax())
        if trunk[axis]:
            return axis, 1 if trunk[axis] > 0 else -1
    if C == 2 or not len(bodies):
        return 1, -1 if C == 2 else 1
    extent = np.median(bodies.max(1) - bodies.min(1), axis=0)
    return int(extent.argmax()), 1


def trunk_axis(
    keypoint: np.ndarray, bodies: np.ndarray, layout: SkeletonLayout
) -> str | None:
    """Axis along which the trunks point, where most of them agree."""
    if keypoint.shape[-1] != 3:
        return None
    trunk = vertical_axis(keypoint, bodies, layout)
    axis = int(np.abs(trunk).argmax())
    if np.abs(trunk[axis]) <= UPRIGHT * np.linalg.norm(trunk):
        return None
    return ('-' if trunk[axis] < 0 else '') + 'xyz'[axis]
