"""Skeletons as the page draws them: y is up, three axes, masks."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from mmsnip.skeleton.layout import SkeletonLayout
from mmsnip.skeleton.naming import mirror_pairs
from mmsnip.skeleton.up import up_of_bodies

__all__ = ['Bodies', 'upright']

MAX_TILT_DEG = 35.0  # of a camera; who leans more is not merely filmed so


class Bodies(NamedTuple):
    """Skeletons of a video.

    Args:
        joints (np.ndarray): (M, T, V, 3) float, y up, finite.
        mask (np.ndarray): (M, T) bool, where a person is.
        layout (SkeletonLayout): Joint names and parents.
        flat (bool): Whether the joints had two coordinates.
    """

    joints: np.ndarray
    mask: np.ndarray
    layout: SkeletonLayout
    flat: bool

    @classmethod
    def of(
        cls, keypoint: np.ndarray, layout: SkeletonLayout, name: str
    ) -> Bodies:
        """Bring raw joints upright; persons who never appear are left out.

        Args:
            keypoint (np.ndarray): (M, T, V, C); all zero or not finite is
                nobody.
            layout (SkeletonLayout): Their layout.
            name (str): Video, for messages.

        Returns:
            Bodies: The same.

        Raises:
            ValueError: If the shape does not fit.
        """
        array = np.asarray(keypoint)
        if array.ndim != 4 or array.shape[2] != layout.num_joints:
            raise ValueError(
                f"video {name!r}, key 'keypoint': found the shape "
                f'{array.shape}; expected (M, T, {layout.num_joints}, C)'
            )
        flat = array.shape[3] == 2
        array = array[..., :3].astype(np.float32)
        mask = np.isfinite(array).all((2, 3)) & (array != 0).any((2, 3))
        array = np.where(mask[..., None, None], array, 0)
        seen = mask.any(axis=1)
        array, mask = array[seen], mask[seen]
        return cls(upright(array, mask, layout), mask, layout, flat)

    def topology(self) -> dict[str, Any]:
        """Joint names, parents and sides (-1 left, 1 right, 0 neither)."""
        sides = np.zeros(self.layout.num_joints, np.int64)
        pairs = self.layout.pairs or mirror_pairs(self.layout.joint_names)
        for left, right in pairs:
            sides[left], sides[right] = -1, 1
        return dict(
            names=list(self.layout.joint_names),
            parents=[int(parent) for parent in self.layout.parents],
            sides=sides.tolist(),
        )


def upright(
    joints: np.ndarray, mask: np.ndarray, layout: SkeletonLayout
) -> np.ndarray:
    """Turn the axes so that y is up, without mirroring anybody.

    Up is the axis along which the trunk points, else pixel rows point down
    in 2D, else the axis along which bodies are longest. Cameras are seldom
    level: where the median trunk leans by at most ``MAX_TILT_DEG``, all is
    turned so that it is upright.

    Args:
        joints (np.ndarray): (M, T, V, C), C = 2 or 3.
        mask (np.ndarray): (M, T) bool, where a person is.
        layout (SkeletonLayout): Names the trunk.

    Returns:
        np.ndarray: (M, T, V, 3); 2D joints have z = 0.
    """
    C = joints.shape[3]
    axis, sign = up_of_bodies(joints[mask], layout.spine)
    if C == 2:
        flat = np.zeros((*joints.shape[:3], 3), joints.dtype)
        flat[..., 0], flat[..., 1] = joints[..., 1 - axis], joints[..., axis]
        flat[..., 1] *= sign
        return flat
    # cyclic, so that left stays left
    turned = np.roll(joints, 1 - axis, axis=3)
    if sign < 0:
        turned = turned * np.array([1, -1, -1], joints.dtype)
    return turned @ _levelling(turned[mask], layout).T.astype(joints.dtype)


def _levelling(there: np.ndarray, layout: SkeletonLayout) -> np.ndarray:
    """Smallest rotation of the median trunk to y, (3, 3)."""
    if layout.spine is None or not len(there):
        return np.eye(3)
    bottom, top = layout.spine
    trunk = np.median(there[:, top] - there[:, bottom], axis=0)
    length = float(np.linalg.norm(trunk))
    x, y, z = trunk / length if length > 0 else (0.0, 1.0, 0.0)
    if y < np.cos(np.deg2rad(MAX_TILT_DEG)):
        return np.eye(3)
    # Rodrigues' formula about the axis (-z, 0, x)
    return np.array(
        [
            [1 - x * x / (1 + y), -x, -x * z / (1 + y)],
            [x, y, z],
            [-x * z / (1 + y), -z, 1 - z * z / (1 + y)],
        ]
    )
