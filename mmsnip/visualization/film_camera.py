"""Where the viewer of a film stands, and what fits into the picture."""

from __future__ import annotations

import numpy as np

from mmsnip.skeleton.naming import mirror_pairs
from mmsnip.visualization.pose import Poses, project_pose, up_axis, view_across

__all__ = ['follow', 'project_bodies']

_MARGIN = 1.12


def project_bodies(poses: Poses) -> np.ndarray:
    """Bodies on the picture plane, the viewer never turns.

    The front is that of the first frame in which most persons are there.

    Args:
        poses (Poses): Answer of `check_poses`.

    Returns:
        np.ndarray: (M, T, V, 2); NaN where a joint or person is missing.
    """
    M, T, V, C = poses.joints.shape
    points = np.where(
        poses.body_mask[..., None, None],
        np.asarray(poses.joints, dtype=np.float64),
        np.nan,
    )
    present = poses.body_mask.sum(axis=0)
    if not present.any():
        return np.full((M, T, V, 2), np.nan)
    first = int(present.argmax())
    up = up_axis(poses.joints, poses.up, poses.joint_names, poses.parents)
    across = None
    if C == 3:
        names = poses.joint_names
        bodies = points[poses.body_mask[:, first], first]
        across = view_across(bodies, up, mirror_pairs(names) if names else ())
    flat = project_pose(points.reshape(-1, C), up, across)
    return flat.reshape(M, T, V, 2)


def follow(
    points: np.ndarray, fps: float, aspect: float
) -> tuple[np.ndarray, tuple[float, tuple[float, float]]]:
    """A camera that keeps its distance and walks along with the bodies.

    Args:
        points (np.ndarray): (M, T, V, 2), NaN where nothing is.
        fps (float): Frames a second.
        aspect (float): Width of the picture over its height.

    Returns:
        tuple[np.ndarray, tuple]: Horizontal centre at each frame, (T,);
        half the width, and the lowest and highest position shown.
    """
    x, y = points[..., 0], points[..., 1]
    there = np.isfinite(x).any(axis=(0, 2))
    if not there.any():
        return np.zeros(points.shape[1]), (aspect, (-1.0, 1.0))
    T = points.shape[1]
    frames = np.arange(T)
    seen = x[:, there]
    middle = (np.nanmin(seen, (0, 2)) + np.nanmax(seen, (0, 2))) / 2
    centre = np.interp(frames, frames[there], middle)
    reach = max(int(fps) // 2, 1)
    padded = np.pad(centre, reach, mode='edge')
    window = np.ones(2 * reach + 1) / (2 * reach + 1)
    centre = np.convolve(padded, window, mode='valid')
    low, high = np.nanmin(y), np.nanmax(y)
    tall = max((high - low) / 2, 1e-6) * _MARGIN
    wide = np.nanmax(np.abs(x - centre[None, :, None])) * _MARGIN
    tall = max(tall, wide / aspect)
    foot = low - (_MARGIN - 1) * (high - low) / 2
    return centre, (
        float(tall * aspect),
        (float(foot), float(foot + 2 * tall)),
    )
