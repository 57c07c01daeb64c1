"""Whether left joints lie on the person's left."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np

from mmsnip.skeleton.geometry import present_frames
from mmsnip.skeleton.layout import SkeletonLayout
from mmsnip.skeleton.naming import joint_parts

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
