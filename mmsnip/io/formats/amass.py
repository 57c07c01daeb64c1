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
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from mmsnip.io.formats.rows import open_arrays
from mmsnip.io.formats.smpl import ntu_joints
from mmsnip.skeleton.layout import get_layout
from mmsnip.structures import DataError, Recording, is_rate, show
from mmsnip.structures.files import check_size, safe_name

__all__ = [
    'AmassMotion',
    'data_set_of',
    'find_motion',
    'frames_at_30_fps',
    'read_amass',
    'read_amass_joints',
    'read_amass_motion',
]

# Data sets by their first name, which BABEL uses, and AMASS's later ones.
AMASS_FOLDERS = {
    'BioMotionLab_NTroje': ('BMLrub',),
    'DFaust_67': ('DFaust', 'DFaust67'),
    'Eyes_Japan_Dataset': ('EyesJapanDataset',),
    'MPI_HDM05': ('HDM05', 'MPIHDM05'),
    'MPI_Limits': ('PosePrior', 'MPILimits'),
    'MPI_mosh': ('MoSh', 'MPImosh'),
    'SSM_synced': ('SSM', 'SSMsynced'),
    'TCD_handMocap': ('TCDHands', 'TCDhandMocap'),
    'Transitions_mocap': ('Transitions', 'Transitionsmocap'),
}


def data_set_of(feat_p: str) -> str:
    """Data set that a motion belongs to."""
    parts = PurePosixPath(feat_p).parts
    return parts[1 if len(parts) > 3 else 0] if parts else ''


def find_motion(
    root: str | os.PathLike[str],
    feat_p: str,
    endings: tuple[str, ...] = ('.npz',),
) -> Path | None:
    """The file of a motion, under any of the names that AMASS had for it."""
    parts = PurePosixPath(safe_name(feat_p, 'feat_p')).parts
    if len(parts) < 2:
        return None
    place = 1 if len(parts) > 3 else 0  # behind the archive
    names = {
        name: (first, *later)
        for first, later in AMASS_FOLDERS.items()
        for name in (first, *later)
    }
    data_sets = dict.fromkeys((parts[place], *names.get(parts[place], ())))
    archives = dict.fromkeys(('', parts[0], *data_sets))
    tail = PurePosixPath(*parts[place + 1 :])
    for ending in endings:
        for archive in archives:
            for data_set in data_sets:
                path = Path(root, archive, data_set, tail.with_suffix(ending))
                try:
                    if path.is_file():
                        return path
                except OSError:  # a name that is too long
                    return None
    return None


RATE_KEYS = ('mocap_framerate', 'mocap_frame_rate')


@dataclass(frozen=True)
class AmassMotion:
    """What an AMASS file says."""

    poses: np.ndarray  # axis-angle of 52 joints, (T, 156), root first
    fps: float


def read_amass_motion(path: str | os.PathLike[str]) -> AmassMotion:
    """Poses of an AMASS file (SMPL+H); nothing in it is executed."""
    arrays = open_arrays(path)
    if 'poses' not in arrays:
        raise DataError(
            f"{path} has no key 'poses', found {sorted(arrays)[:9]}; expected "
            'a motion of AMASS (its shape.npz files hold no motion)'
        )
    poses = arrays['poses']
    if poses.dtype.kind not in 'fiu' or poses.ndim != 2:
        raise DataError(f"{path}, key 'poses': found {show(poses)}")
    if poses.shape[1] != 156 or not len(poses):
        remedy = 'take the SMPL+H files of AMASS, not those of SMPL-X'
        raise DataError(
            f"{path}, key 'poses': found shape {poses.shape}, expected "
            f'(T, 156) of 52 joints; {remedy}'
        )
    with np.errstate(over='ignore'):
        poses = poses.astype(np.float32)
    lost = ~np.isfinite(poses)
    if lost.any():
        raise DataError(
            f"{path}, key 'poses': NaN or infinity in {int(lost.sum())} "
            f'values, first in row {int(lost.any(axis=1).argmax())}'
        )
    fps = motion_rate(path, arrays)
    if fps is None:
        raise DataError(
            f'{path} has no key {RATE_KEYS[0]!r}; expected frames a second'
        )
    return AmassMotion(poses, fps)


def motion_rate(path: Any, arrays: dict[str, np.ndarray]) -> float | None:
    """Frame rate that a file states."""
    for key in RATE_KEYS:
        if key not in arrays:
            continue
        value = arrays[key]
        single = value.size == 1 and value.dtype.kind in 'fiu'
        rate = value.reshape(-1)[0].item() if single else None
        if rate is None or not is_rate(rate) or rate < 1:
            raise DataError(
                f'{path}, key {key!r}: found {str(value)[:40]}, expected '
                'frames a second, at least 1'
            )
        return float(rate)
    return None


FPS = 30.0


def frames_at_30_fps(num_frames: int, fps: float) -> np.ndarray:
    """Frames that a motion keeps at 30 frames a second.

    Of rates that 30 divides every (fps / 30)-th; of others ``floor(fps / 30
    * i)``, i < 30, of every second, as many as there are in the last one. As
    published, a second has the whole number of the rate.

    Source:
        METHOD.md section 3.
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
    path: str | os.PathLike[str], body: Callable[..., np.ndarray]
) -> Recording:
    """An AMASS motion as NTU-ordered joints at 30 frames a second.

    Frames are chosen first, then the body model is moved in those only.
    """
    motion = read_amass_motion(path)
    chosen = frames_at_30_fps(len(motion.poses), motion.fps)
    return _as_ntu(Path(path), body(motion.poses[chosen]))


def read_amass_joints(
    path: str | os.PathLike[str],
    fps: float | None = None,
    duration_s: float | None = None,
) -> Recording:
    """Joints that were extracted from an AMASS motion before."""
    joints, stated = _stored_joints(Path(path))
    if not isinstance(joints, np.ndarray):
        raise DataError(f'{path} is no .npy file')
    if joints.ndim == 2 and joints.shape[1] % 3 == 0:
        joints = joints.reshape(len(joints), -1, 3)
    if joints.ndim != 3 or joints.shape[2] != 3 or not len(joints):
        raise DataError(
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
        raise DataError(
            f'{path} states no frame rate (found {rate!r}); expected '
            f'{RATE_KEYS[0]!r} in it, or the AMASS file beside it'
        )
    chosen = frames_at_30_fps(len(joints), rate)
    return _as_ntu(Path(path), joints[chosen], derived)


def _stored_joints(path: Path) -> tuple[np.ndarray, float | None]:
    if path.suffix.lower() == '.npz':
        arrays = open_arrays(path)
        rate = motion_rate(path, arrays)
        named = [key for key in ('joint_pos', 'joints') if key in arrays]
        named = named or [
            key for key, array in arrays.items() if array.ndim in (2, 3)
        ]
        if len(named) != 1:
            raise DataError(
                f'{path} has the keys {sorted(arrays)[:9]}; expected '
                "'joint_pos' or 'joints', or one array only"
            )
        return arrays[named[0]], rate
    check_size(path)
    try:
        return np.load(path, mmap_mode='r', allow_pickle=False), None
    except Exception as error:  # whatever numpy says of foreign bytes
        raise DataError(
            f'{path} cannot be read as .npy ({type(error).__name__}: '
            f'{str(error)[:120]})'
        ) from error


def _as_ntu(path: Path, joints: np.ndarray, note: str = '') -> Recording:
    joints, replaced = ntu_joints(joints, str(path))
    recording = Recording(
        path.stem,
        np.ascontiguousarray(joints),
        source=str(path),
        layout=get_layout('nturgb+d-official'),
        fps=FPS,
        unit='m',
        up='z',
    )
    for text in filter(None, (replaced, note)):
        recording = recording.noted(text)
    return recording
