"""Which way is up and which side is left, told from the bodies."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from mmsnip.skeleton.egocentric import vertical_axis
from mmsnip.skeleton.geometry import present_frames
from mmsnip.skeleton.layout import SkeletonLayout
from mmsnip.skeleton.naming import joint_parts

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


_UP = ('head_top', 'head', 'neck', 'thorax', 'chest', 'spine_mid')
_TOES = ('big_toe', 'foot', 'small_toe')
_HEELS = ('heel', 'ankle')
_ACROSS = ('shoulder', 'hip')
STRETCH = 8192  # frames at a time, in float64


def left_right_frames(
    keypoint: np.ndarray, layout: SkeletonLayout
) -> tuple[int, int]:
    """Frames in which left joints are on the left, and frames that tell."""
    starts = range(0, keypoint.shape[1], STRETCH)
    if len(starts) > 1:
        agree, told = zip(
            *(
                left_right_frames(keypoint[:, t : t + STRETCH], layout)
                for t in starts
            )
        )
        return sum(agree), sum(told)
    top, sides, feet = _lines(layout.joint_names)
    if keypoint.shape[-1] != 3 or not sides or len(feet) < 2 or top < 0:
        return 0, 0
    bodies = keypoint[present_frames(keypoint)].astype(np.float64)
    hips = sides[-1]
    used = [top, *hips, *(v for foot in feet for v in foot)]
    bodies = bodies[(bodies[:, used] != 0).any(axis=-1).all(axis=-1)]
    if not len(bodies):
        return 0, 0
    trunk = bodies[:, top] - bodies[:, list(hips)].mean(axis=1)
    length = np.linalg.norm(trunk, axis=1)
    up = trunk / np.maximum(length, 1e-9)[:, None]
    forward = np.mean([bodies[:, t] - bodies[:, h] for t, h in feet], axis=0)
    forward -= (forward * up).sum(axis=1, keepdims=True) * up
    across = np.sum([bodies[:, a] - bodies[:, b] for a, b in sides], axis=0)
    leftward = (across * np.cross(up, forward)).sum(axis=1)
    tells = np.linalg.norm(forward, axis=1) > 0.05 * length
    tells &= np.abs(leftward) > 0
    return int((leftward[tells] > 0).sum()), int(tells.sum())


@lru_cache(maxsize=64)
def _lines(joint_names: tuple[str, ...]) -> tuple[int, list, list]:
    """Top of the trunk, (left, right) shoulders and hips, (toe, heel) feet."""
    parts = {p: v for v, p in enumerate(joint_parts(joint_names)) if p}

    def first(side: int, names: Sequence[str]) -> int:
        return next((parts[side, n] for n in names if (side, n) in parts), -1)

    pairs = [(first(0, [name]), first(1, [name])) for name in _ACROSS]
    feet = [(first(side, _TOES), first(side, _HEELS)) for side in (0, 1)]
    sides = [pair for pair in pairs if min(pair) >= 0]
    feet = [foot for foot in feet if min(foot) >= 0]
    return first(-1, _UP), sides, feet
