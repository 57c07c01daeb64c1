"""AMASS motions as NTU-ordered joints at 30 frames a second.

The axes stay as AMASS has them, z up, since the benchmark's preparation does
not turn them: its normalisation turns each sequence by its own spine and
shoulders. (A turn beforehand would change the normalised joints a little,
because the two rotations of that normalisation do not commute.) Likewise the
body stays at the origin: the benchmark moves it by no translation, and its
normalisation would take it off again.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mmsnip.io.amass_motion import RATE_KEYS, motion_rate, read_amass_motion
from mmsnip.io.reading import (
    SequenceError,
    as_sequence,
    check_size,
    open_arrays,
)
from mmsnip.io.smpl import ntu_joints
from mmsnip.structures.errors import is_rate

__all__ = [
    'frames_at_30_fps',
    'read_amass',
    'read_amass_joints',
]

FPS = 30.0


def frames_at_30_fps(num_frames: int, fps: float) -> np.ndarray:
    """Frames that a motion keeps at 30 frames a second.

    Of rates that 30 divides every (fps / 30)-th; of others ``floor(fps / 30
    * i)``, i < 30, of every second, as many as there are in the last one. As
    published, a second has the whole number of the rate.

    Args:
        num_frames (int): T.
        fps (float): Frames a second, at least 1.

    Returns:
        np.ndarray: Indices, int64; some come twice below 30 frames a
        second.

    Raises:
        ValueError: If the rate is below 1.

    Source:
        METHOD.md section 3.

    Examples:
        >>> frames_at_30_fps(13, 120.0).tolist()
        [0, 4, 8, 12]
        >>> frames_at_30_fps(13, 100.0).tolist()
        [0, 3, 6, 10]
    """
    if not fps >= 1:
        raise ValueError(f'fps={fps!r} must be at least 1')
    rate = int(fps)
    if rate % 30 == 0:
        return np.arange(0, num_frames, rate // 30)
    within = np.floor(fps / 30 * np.arange(30)).astype(np.int64)
    seconds = np.arange(-(-num_frames // rate))
    frames = (seconds[:, None] * rate + within).reshape(-1)
    return frames[frames < num_frames]


def read_amass(
    path: str | os.PathLike[str],
    body: Callable[..., np.ndarray],
    shaped: bool = False,
    translated: bool = False,
) -> tuple[np.ndarray, dict[str, Any]]:
    """An AMASS motion as NTU-ordered joints at 30 frames a second.

    Frames are chosen first, then the body model is moved in those only.

    Args:
        path (str | os.PathLike[str]): See `read_amass_motion`.
        body (Callable[..., np.ndarray]): From poses (T, 156) to joints
            (T, 73, 3), as `mmsnip.io.smpl.load_smplh` returns it; keywords
            ``betas`` and ``trans`` where asked for below.
        shaped (bool): Give the body the motion's own shape. The benchmark
            does not. Defaults to False.
        translated (bool): Move the body through space. The benchmark does
            not. Defaults to False.

    Returns:
        tuple[np.ndarray, dict[str, Any]]: Keypoints (1, T, 25, 3) float32
        and ``fps``, ``source_fps``, ``layout``, ``unit``, ``up``,
        ``track_ids``, ``mended``.

    Raises:
        FileNotFoundError: If there is no such file.
        SequenceError: If it is no motion of SMPL-H.
    """
    motion = read_amass_motion(path)
    chosen = frames_at_30_fps(len(motion.poses), motion.fps)
    more: dict[str, Any] = {}
    if shaped:
        more['betas'] = motion.betas
    if translated:
        more['trans'] = motion.trans[chosen]
    joints = body(motion.poses[chosen], **more)
    return _as_ntu(path, joints, motion.fps)


def read_amass_joints(
    path: str | os.PathLike[str],
    fps: float | None = None,
    duration_s: float | None = None,
) -> tuple[np.ndarray, dict[str, Any]]:
    """Joints that were extracted from an AMASS motion before.

    Args:
        path (str | os.PathLike[str]): ``.npy``, or ``.npz`` with the key
            ``joint_pos`` or ``joints``, or one array only: (T, J, 3) or
            (T, J * 3) at the motion's own rate; J as of `ntu_joints`.
        fps (float, optional): That rate; None takes the file's key
            ``mocap_framerate``.
        duration_s (float, optional): Length of the motion, which tells the
            rate where nothing else does.

    Returns:
        tuple[np.ndarray, dict[str, Any]]: As of `read_amass`.

    Raises:
        FileNotFoundError: If there is no such file.
        SequenceError: If it holds no joints, or its rate is not known.
    """
    joints, stated = _stored_joints(Path(path))
    if joints.ndim == 2 and joints.shape[1] % 3 == 0:
        joints = joints.reshape(len(joints), -1, 3)
    if joints.ndim != 3 or joints.shape[2] != 3 or not len(joints):
        raise SequenceError(
            f'{path}: found joints of shape {joints.shape}, expected '
            '(T, J, 3) or (T, J * 3)'
        )
    rate = stated if fps is None else fps
    derived = ''
    if rate is None and duration_s is not None and duration_s > 0:
        rate = len(joints) / duration_s
        if abs(rate - round(rate)) < 0.01 * rate:
            rate = float(round(rate))
        derived = (
            f'the rate is in no file; {rate:g} frames/s follow from '
            f'{len(joints)} frames in {duration_s:g} s'
        )
    if rate is None or not is_rate(rate) or rate < 1:
        raise SequenceError(
            f'{path} states no frame rate (found {rate!r}); expected '
            f'{RATE_KEYS[0]!r} in it, or the AMASS file beside it'
        )
    chosen = frames_at_30_fps(len(joints), rate)
    keypoint, metadata = _as_ntu(path, joints[chosen], rate)
    if derived:
        metadata['mended'].append(derived)
    return keypoint, metadata


def _stored_joints(path: Path) -> tuple[np.ndarray, float | None]:
    if path.suffix.lower() == '.npz':
        arrays = open_arrays(path)
        rate = motion_rate(path, arrays)
        named = [key for key in ('joint_pos', 'joints') if key in arrays]
        named = named or [
            key for key, array in arrays.items() if array.ndim in (2, 3)
        ]
        if len(named) != 1:
            raise SequenceError(
                f'{path} has the keys {sorted(arrays)[:9]}; expected '
                "'joint_pos' or 'joints', or one array only"
            )
        return arrays[named[0]], rate
    check_size(path)
    try:
        with path.open('rb') as stream:
            return np.lib.format.read_array(stream, allow_pickle=False), None
    except Exception as error:  # whatever numpy says of foreign bytes
        raise SequenceError(
            f'{path} cannot be read as .npy ({type(error).__name__}: '
            f'{str(error)[:120]})'
        ) from error


def _as_ntu(
    path: Any, joints: np.ndarray, source_fps: float
) -> tuple[np.ndarray, dict[str, Any]]:
    joints, replaced = ntu_joints(joints, str(path))
    keypoint = np.ascontiguousarray(as_sequence(joints, str(path)))
    return keypoint, dict(
        fps=FPS,
        source_fps=float(source_fps),
        layout='nturgb+d-official',
        unit='m',
        up='z',
        track_ids=['0'],
        mended=[replaced] if replaced else [],
    )
