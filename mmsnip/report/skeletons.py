"""Skeletons as the page draws them, and arrays as short text.

The page undoes the packing in ``page/codec.js``: whole numbers, differences
along time, deflate, base64. Neighbours in time are alike, so that differences
are small and their high bytes nearly all zero; low and high bytes lie apart
for that reason.
"""

from __future__ import annotations

import base64
import os
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mmsnip.skeleton.layout import SkeletonLayout, get_layout, layout_names
from mmsnip.skeleton.naming import mirror_pairs
from mmsnip.skeleton.up import up_of_bodies
from mmsnip.structures import DataError
from mmsnip.structures.files import safe_name

MAX_TILT_DEG = 35.0  # of a camera; who leans more is not merely filmed so
LEVELS = 4096  # of the longest side of a video's box: a millimetre of 4 m


class Bodies(NamedTuple):
    """Skeletons of a video: y is up, three axes, a mask of persons."""

    joints: np.ndarray
    mask: np.ndarray
    layout: SkeletonLayout
    flat: bool

    @classmethod
    def of(
        cls, keypoint: np.ndarray, layout: SkeletonLayout, name: str
    ) -> Bodies:
        """Bring raw joints upright; persons who never appear are left out."""
        array = np.asarray(keypoint)
        if array.ndim != 4 or array.shape[2] != layout.num_joints:
            raise DataError(
                f"video {name!r}, key 'keypoint': found the shape "
                f'{array.shape}; expected (M, T, {layout.num_joints}, C)'
            )
        flat = array.shape[3] == 2
        array = array[..., :3].astype(np.float32)
        mask = np.isfinite(array).all((2, 3)) & (array != 0).any((2, 3))
        array = np.where(mask[..., None, None], array, 0)
        seen = mask.any(axis=1)
        array, mask = array[seen], mask[seen]
        return cls(_upright(array, mask, layout), mask, layout, flat)

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


def _upright(
    joints: np.ndarray, mask: np.ndarray, layout: SkeletonLayout
) -> np.ndarray:
    """Turn the axes so that y is up, without mirroring anybody."""
    axis, sign = up_of_bodies(joints[mask], layout.spine)
    if joints.shape[3] == 2:
        flat = np.zeros((*joints.shape[:3], 3), joints.dtype)
        flat[..., 0] = joints[..., 1 - axis]
        flat[..., 1] = sign * joints[..., axis]
        return flat
    # cyclic, so that left stays left
    turned = np.roll(joints, 1 - axis, axis=3)
    if sign < 0:
        turned = turned * np.array([1, -1, -1], joints.dtype)
    there = turned[mask]
    if layout.spine is None or not len(there):
        return turned
    bottom, top = layout.spine
    trunk = np.median(there[:, top] - there[:, bottom], axis=0)
    length = float(np.linalg.norm(trunk))
    x, y, z = trunk / length if length > 0 else (0.0, 1.0, 0.0)
    if y < np.cos(np.deg2rad(MAX_TILT_DEG)):
        return turned
    # Smallest rotation of the median trunk to y: Rodrigues about (-z, 0, x)
    levelling = [
        [1 - x * x / (1 + y), -x, -x * z / (1 + y)],
        [x, y, z],
        [-x * z / (1 + y), -z, 1 - z * z / (1 + y)],
    ]
    return turned @ np.array(levelling, joints.dtype).T


def read_recording(
    name: str, folder: str | os.PathLike[str] | None
) -> Bodies | None:
    """Skeletons of the recording that a result is called after."""
    from mmsnip.io.formats import READERS, read

    if folder is None:
        return None
    bare = Path(folder, safe_name(name, 'the results'))
    tried = [bare] if bare.suffix.lower() in READERS else []
    tried += [Path(f'{bare}{ending}') for ending in sorted(READERS)]
    for path in filter(Path.is_file, tried):
        try:
            recording = read(path)
            layouts = [get_layout(n) for n in ('nturgb+d', *layout_names())]
            V = recording.keypoint.shape[2]
            fits = [each for each in layouts if each.num_joints == V]
            layout = recording.layout or fits[0]
            return Bodies.of(recording.keypoint, layout, name)
        except (ValueError, OSError, IndexError):
            continue
    return None


def _deflated(data: bytes) -> str:
    """Raw deflate (RFC 1951) in base64."""
    # level 9 saves a percent more and takes ten times as long
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    packed = packer.compress(data) + packer.flush()
    return base64.b64encode(packed).decode('ascii')


def pack_poses(
    joints: np.ndarray, mask: np.ndarray, stride: int = 1
) -> dict[str, Any]:
    """Quantise and compress the skeletons of a video."""
    joints, mask = joints[:, ::stride], mask[:, ::stride]
    M, T, V, _ = joints.shape
    there = joints[mask]
    origin, step = np.zeros(3), 1.0
    if len(there):
        low, high = there.min((0, 1)), there.max((0, 1))
        origin = low.astype(np.float64)
        step = float((high - low).max()) / (LEVELS - 1) or 1.0
    levels = np.rint((joints - origin) / step)
    levels = np.where(mask[..., None, None], levels, 0)
    # Absent frames repeat the last present one.
    last = np.maximum.accumulate(np.where(mask, np.arange(T), 0), axis=1)
    levels = np.take_along_axis(levels, last[..., None, None], axis=1)
    curves = levels.astype(np.int16).transpose(0, 2, 3, 1)  # (M, V, 3, T)
    steps = np.diff(curves, axis=-1, prepend=np.int16(0)).ravel()
    planes = steps.astype('<i2').view(np.uint8).reshape(-1, 2).T
    data = planes.tobytes() + mask.astype(np.uint8).tobytes()
    return dict(
        shape=[int(M), int(T), int(V)],
        stride=int(stride),
        origin=[round(float(x), 6) for x in origin],
        step=step,
        data=_deflated(data),
    )


def pack_scores(
    scores: np.ndarray, columns: np.ndarray, stride: int
) -> dict[str, Any]:
    """Quantise and compress score curves."""
    kept = np.clip(scores[::stride, columns], 0, 1).T  # (num_kept, T')
    levels = np.rint(255 * kept).astype(np.int16)
    steps = np.diff(levels, axis=1, prepend=np.int16(0)).astype(np.uint8)
    return dict(
        columns=[int(c) for c in columns],
        length=int(kept.shape[1]),
        stride=int(stride),
        data=_deflated(steps.tobytes()),
    )
