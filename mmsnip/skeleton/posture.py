"""Another way to hold oneself, the same motion."""

from __future__ import annotations

import numpy as np

from mmsnip.skeleton.body import SkeletonLayout
from mmsnip.skeleton.egocentric import heading, turn, upright
from mmsnip.skeleton.geometry import bones

__all__ = ['change_posture', 'draw_posture']


def draw_posture(
    num_joints: int, sigma: float, num_coords: int, rng: np.random.Generator
) -> np.ndarray:
    """A small rotation for each bone.

    Args:
        num_joints (int): V.
        sigma (float): Standard deviation of each entry of the rotation
            vector, radians.
        num_coords (int): 2 or 3.
        rng (np.random.Generator): Source of randomness.

    Returns:
        np.ndarray: (V, D, D) rotations.
    """
    if num_coords == 2:
        angle = rng.normal(0.0, sigma, num_joints)
        c, s = np.cos(angle), np.sin(angle)
        return np.stack([np.stack([c, -s], -1), np.stack([s, c], -1)], -2)
    vectors = rng.normal(0.0, sigma, (num_joints, 3))
    from scipy.spatial.transform import Rotation

    return Rotation.from_rotvec(vectors).as_matrix()


def _from_root(parents: np.ndarray) -> list[int]:
    """Joints so that each one comes behind its parent."""
    depth = np.zeros(len(parents), np.int64)
    for joint in range(len(parents)):
        above = joint
        while parents[above] != above:
            above = parents[above]
            depth[joint] += 1
    return np.argsort(depth, kind='stable').tolist()


def change_posture(
    coords: np.ndarray,
    body_mask: np.ndarray,
    rotations: np.ndarray,
    layout: SkeletonLayout,
    up: str = 'y',
) -> np.ndarray:
    """Rotate each bone by the same amount in all frames.

    Rotations are in the frame of the body's heading, so that they turn with
    it, and handed down from the root: who bends the trunk moves the arms
    along. Lengths of the bones and the way of the root stay.

    Args:
        coords (np.ndarray): (M, T, V, D).
        body_mask (np.ndarray): (M, T) bool.
        rotations (np.ndarray): (V, D, D); the root's turns everything.
        layout (SkeletonLayout): Of the joints.
        up (str): Axis that points up, see `mmsnip.skeleton.upright`.

    Returns:
        np.ndarray: (M, T, V, D), the type of ``coords``; absent frames as
        they were.
    """
    D = coords.shape[-1]
    parents = layout.bone_parents
    rotations = rotations.astype(coords.dtype)
    bone = bones(coords, parents, D)
    if D == 3:
        facing = heading(upright(coords, up), body_mask, layout.shoulders)
        bone = turn(upright(bone, up), facing)
    total: dict[int, np.ndarray] = {}
    order = _from_root(parents)
    for joint in order:
        parent = int(parents[joint])
        above = total[parent] if parent != joint else np.eye(D)
        total[joint] = (above @ rotations[joint]).astype(coords.dtype)
        bone[:, :, joint] = bone[:, :, joint] @ total[joint].T
    if D == 3:
        bone = _back(turn(bone, facing * np.array([1, -1])), up)
    moved = coords.copy()
    for joint in order:
        if parents[joint] != joint:
            above = moved[:, :, parents[joint]]
            moved[:, :, joint] = above + bone[:, :, joint]
    return np.where(body_mask[..., None, None], moved, coords)


def _back(coords: np.ndarray, up: str) -> np.ndarray:
    """Undo `upright`."""
    axes = upright(np.eye(3, dtype=coords.dtype), up)
    return coords @ axes.T
