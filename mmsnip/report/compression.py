"""Arrays as short text: whole numbers, differences, deflate, base64.

The page undoes it in ``page/codec.js``. Along time neighbours are alike, so
that differences are small and their high bytes nearly all zero; low and high
bytes lie apart for that reason.
"""

from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np

__all__ = ['deflate_text', 'pack_poses', 'pack_scores', 'unpack_poses']

LEVELS = 4096  # of the longest side of a video's box: a millimetre of 4 m


def deflate_text(data: bytes) -> str:
    """Raw deflate (RFC 1951) in base64.

    Args:
        data (bytes): Anything.

    Returns:
        str: ASCII text.

    Examples:
        >>> zlib.decompress(base64.b64decode(deflate_text(b'aa')), -15)
        b'aa'
    """
    # level 9 saves a percent more and takes ten times as long
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    packed = packer.compress(data) + packer.flush()
    return base64.b64encode(packed).decode('ascii')


def pack_poses(
    joints: np.ndarray, mask: np.ndarray, stride: int = 1
) -> dict[str, Any]:
    """Quantise and compress the skeletons of a video.

    Args:
        joints (np.ndarray): (M, T, V, 3) positions, finite where present.
        mask (np.ndarray): (M, T) bool, where a person is.
        stride (int): Keep every stride-th frame.

    Returns:
        dict[str, Any]: ``shape`` [M, T', V], ``stride``, ``origin`` (3,),
        ``step`` (a coordinate is origin + step * level) and ``data``: of
        each person, joint and axis the differences of levels over time,
        first the low bytes of all, then the high ones, then the mask.
    """
    joints, mask = joints[:, ::stride], mask[:, ::stride]
    M, T, V, _ = joints.shape
    there = joints[mask]
    origin, step = np.zeros(3), 1.0
    if len(there):
        low, high = there.min((0, 1)), there.max((0, 1))
        origin = low.astype(np.float64)
        step = float((high - low).max()) / (LEVELS - 1) or 1.0
    levels = np.rint((joints - origin) / step)
    levels = _held(np.where(mask[..., None, None], levels, 0), mask)
    curves = levels.astype(np.int16).transpose(0, 2, 3, 1)  # (M, V, 3, T)
    steps = np.diff(curves, axis=-1, prepend=np.int16(0)).ravel()
    planes = steps.astype('<i2').view(np.uint8).reshape(-1, 2).T
    data = planes.tobytes() + mask.astype(np.uint8).tobytes()
    return dict(
        shape=[int(M), int(T), int(V)],
        stride=int(stride),
        origin=[round(float(x), 6) for x in origin],
        step=step,
        data=deflate_text(data),
    )


def unpack_poses(packed: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Inverse of `pack_poses`, but for the rounding; what the page does.

    Args:
        packed (dict[str, Any]): Answer of `pack_poses`.

    Returns:
        tuple[np.ndarray, np.ndarray]: (M, T', V, 3) float64 and (M, T')
        bool.
    """
    M, T, V = packed['shape']
    data = zlib.decompress(base64.b64decode(packed['data']), -15)
    count = M * V * 3 * T
    raw = np.frombuffer(data, np.uint8)
    planes = np.ascontiguousarray(raw[: 2 * count].reshape(2, count).T)
    steps = planes.view('<i2').reshape(M, V, 3, T)
    levels = steps.cumsum(-1).transpose(0, 3, 1, 2)
    mask = raw[2 * count :].reshape(M, T).astype(bool)
    return np.array(packed['origin']) + packed['step'] * levels, mask


def pack_scores(
    scores: np.ndarray, columns: np.ndarray, stride: int
) -> dict[str, Any]:
    """Quantise and compress score curves.

    Args:
        scores (np.ndarray): (T, num_classes + 1) probabilities.
        columns (np.ndarray): Columns to keep, (num_kept,).
        stride (int): Keep every stride-th frame.

    Returns:
        dict[str, Any]: ``columns``, ``length`` T', ``stride`` and ``data``:
        of each column the differences over time of round(255 p), as bytes.
    """
    kept = np.clip(scores[::stride, columns], 0, 1).T  # (num_kept, T')
    levels = np.rint(255 * kept).astype(np.int16)
    steps = np.diff(levels, axis=1, prepend=np.int16(0)).astype(np.uint8)
    return dict(
        columns=[int(c) for c in columns],
        length=int(kept.shape[1]),
        stride=int(stride),
        data=deflate_text(steps.tobytes()),
    )


def _held(levels: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Absent frames repeat the last present one; (M, T, V, 3)."""
    frames = np.arange(mask.shape[1])
    last = np.maximum.accumulate(np.where(mask, frames, 0), axis=1)
    return np.take_along_axis(levels, last[..., None, None], axis=1)
