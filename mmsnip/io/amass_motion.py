"""What an AMASS file says: poses of SMPL-H, shape, place and rate."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmsnip.io.reading import SequenceError, open_arrays
from mmsnip.structures.errors import is_rate, show

__all__ = ['RATE_KEYS', 'AmassMotion', 'motion_rate', 'read_amass_motion']

RATE_KEYS = ('mocap_framerate', 'mocap_frame_rate')


@dataclass(frozen=True)
class AmassMotion:
    """What an AMASS file says.

    Attributes:
        poses (np.ndarray): Axis-angle of the 52 joints of SMPL-H, (T, 156)
            float32, root first.
        trans (np.ndarray): Place of the body in metres, (T, 3) float32.
        betas (np.ndarray): Shape of the body, (B,) float32, maybe empty.
        gender (str): '' where it is not stated.
        fps (float): Frames a second.
    """

    poses: np.ndarray
    trans: np.ndarray
    betas: np.ndarray
    gender: str
    fps: float


def read_amass_motion(path: str | os.PathLike[str]) -> AmassMotion:
    """Poses of an AMASS file (SMPL+H); nothing in it is executed.

    Args:
        path (str | os.PathLike[str]): ``.npz`` with ``poses``, ``trans``,
            ``betas`` and ``mocap_framerate``.

    Returns:
        AmassMotion: At the rate of the file.

    Raises:
        FileNotFoundError: If there is no such file.
        SequenceError: If it is no such file; the key is named.
    """
    arrays = open_arrays(path)
    if 'poses' not in arrays:
        raise SequenceError(
            f"{path} has no key 'poses', found {sorted(arrays)[:9]}; expected "
            'a motion of AMASS (its shape.npz files hold no motion)'
        )
    poses = _numbers(path, 'poses', arrays['poses'], 2)
    if poses.shape[1] != 156 or not len(poses):
        remedy = 'take the SMPL+H files of AMASS, not those of SMPL-X'
        raise SequenceError(
            f"{path}, key 'poses': found shape {poses.shape}, expected "
            f'(T, 156) of 52 joints; {remedy}'
        )
    trans = np.zeros((len(poses), 3), np.float32)
    if 'trans' in arrays:
        trans = _numbers(path, 'trans', arrays['trans'], 2)
    if trans.shape != (len(poses), 3):
        raise SequenceError(
            f"{path}, key 'trans': found shape {trans.shape}, expected "
            f'({len(poses)}, 3) as poses has frames'
        )
    betas = _numbers(path, 'betas', arrays.get('betas', np.zeros(0)), 1)
    gender = arrays.get('gender', np.array(''))
    if gender.dtype.kind == 'S':
        gender = np.char.decode(gender, 'ascii', 'replace')
    told = gender.size == 1 and gender.dtype.kind == 'U'
    fps = motion_rate(path, arrays)
    if fps is None:
        raise SequenceError(
            f'{path} has no key {RATE_KEYS[0]!r}; expected frames a second'
        )
    return AmassMotion(
        poses, trans, betas, str(gender.reshape(-1)[0]) if told else '', fps
    )


def _numbers(path: Any, key: str, array: np.ndarray, ndim: int) -> np.ndarray:
    if array.dtype.kind not in 'fiu' or array.ndim != ndim:
        raise SequenceError(
            f'{path}, key {key!r}: found {show(array)}, expected numbers on '
            f'{ndim} axes'
        )
    with np.errstate(over='ignore'):
        array = array.astype(np.float32)
    lost = ~np.isfinite(array)
    if lost.any():
        frame = int(np.unravel_index(int(lost.argmax()), lost.shape)[0])
        raise SequenceError(
            f'{path}, key {key!r}: NaN or infinity in {int(lost.sum())} '
            f'values, first in row {frame}'
        )
    return array


def motion_rate(path: Any, arrays: dict[str, np.ndarray]) -> float | None:
    """Frame rate that a file states.

    Args:
        path (Any): File, for the message.
        arrays (dict[str, np.ndarray]): What it holds.

    Returns:
        float | None: Frames a second; None if it states none.

    Raises:
        SequenceError: If it is no rate.
    """
    for key in RATE_KEYS:
        if key not in arrays:
            continue
        value = arrays[key]
        single = value.size == 1 and value.dtype.kind in 'fiu'
        rate = value.reshape(-1)[0].item() if single else None
        if rate is None or not is_rate(rate) or rate < 1:
            raise SequenceError(
                f'{path}, key {key!r}: found {str(value)[:40]}, expected '
                'frames a second, at least 1'
            )
        return float(rate)
    return None
