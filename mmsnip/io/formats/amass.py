"""AMASS motions as NTU-ordered joints at 30 frames a second; SMPL-H.

The axes stay as AMASS has them, z up, since the benchmark's preparation does
not turn them: its normalisation turns each sequence by its own spine and
shoulders. (A turn beforehand would change the normalised joints a little,
because the two rotations of that normalisation do not commute.) Likewise the
body stays at the origin: the benchmark moves it by no translation, and its
normalisation would take it off again.

SMPL-H's joints are the 52 of the kinematic tree and 21 vertices that stand
for joints: five of the face, three of each foot, five finger tips of each
hand.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from functools import lru_cache
from io import StringIO
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from mmsnip.io.formats.arrays import open_arrays, open_npy
from mmsnip.io.unpickle import RefusedPickle, unpickle
from mmsnip.skeleton.layout import get_layout
from mmsnip.structures import DataError, Recording, is_rate, show
from mmsnip.structures.files import check_size, safe_name

__all__ = [
    'NTU_FROM_SMPLH',
    'data_set_of',
    'find_motion',
    'frames_at_30_fps',
    'load_smplh',
    'ntu_joints',
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


def read_amass_motion(
    path: str | os.PathLike[str],
) -> tuple[np.ndarray, float]:
    """Axis-angle of 52 joints, (T, 156), root first; frames a second."""
    arrays = open_arrays(path)
    poses = arrays.get('poses', np.zeros(0))
    if poses.dtype.kind not in 'fiu' or poses.shape != (len(poses) or 1, 156):
        raise DataError(
            f"{path}, key 'poses': found {show(arrays.get('poses'))} among "
            f'{sorted(arrays)[:9]}; expected (T, 156) of 52 joints, the '
            'SMPL+H files of AMASS, not those of SMPL-X'
        )
    with np.errstate(over='ignore'):
        poses = poses.astype(np.float32)
    if not np.isfinite(poses).all():
        raise DataError(f"{path}, key 'poses': found NaN or infinity")
    return poses, checked_rate(path, motion_rate(arrays))


def motion_rate(arrays: dict[str, np.ndarray]) -> Any:
    """Frame rate that a file states, None where it does not."""
    array = next((arrays[key] for key in RATE_KEYS if key in arrays), None)
    return array.item() if array is not None and array.size == 1 else array


def checked_rate(path: Any, rate: Any) -> float:
    """Frames a second, at least 1."""
    if not is_rate(rate) or rate < 1:
        raise DataError(
            f'{path}, key {RATE_KEYS[0]!r}: found {str(rate)[:40]}, expected '
            'frames a second, at least 1, in it or in the AMASS file beside it'
        )
    return float(rate)


FPS = 30.0


def frames_at_30_fps(num_frames: int, fps: float) -> np.ndarray:
    """Frames that are kept at 30 a second, as METHOD.md section 3 has it."""
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
    """An AMASS motion as NTU-ordered joints at 30 frames a second."""
    poses, fps = read_amass_motion(path)
    chosen = frames_at_30_fps(len(poses), fps)
    return _as_ntu(Path(path), body(poses[chosen]))


def read_amass_joints(
    path: str | os.PathLike[str],
    fps: float | None = None,
    duration_s: float | None = None,
) -> Recording:
    """Joints that were extracted from an AMASS motion before."""
    joints, stated = _stored_joints(Path(path))
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
    chosen = frames_at_30_fps(len(joints), checked_rate(path, rate))
    return _as_ntu(Path(path), joints[chosen], derived)


def _stored_joints(path: Path) -> tuple[np.ndarray, Any]:
    if path.suffix.lower() != '.npz':
        return open_npy(path), None
    arrays = open_arrays(path)
    named = [key for key in ('joint_pos', 'joints') if key in arrays]
    named = named or [k for k, array in arrays.items() if array.ndim in (2, 3)]
    if len(named) != 1:
        raise DataError(
            f'{path} has the keys {sorted(arrays)[:9]}; expected '
            "'joint_pos' or 'joints', or one array only"
        )
    return arrays[named[0]], motion_rate(arrays)


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


NUM_TREE_JOINTS = 52
NUM_SMPLH_JOINTS = 73  # the tree's, then the vertices

# What each of NTU's 25 joints is taken from. The last four are the finger
# tips as the benchmark has them: the thumb's stands where NTU has the tip of
# the hand, the index finger's where NTU has the thumb.
_TEXT = """
pelvis 0; spine1 3; neck 12; head 15; left_shoulder 16; left_elbow 18;
left_wrist 20; left_index1 22; right_shoulder 17; right_elbow 19; right_wrist
21; right_index1 37; left_hip 1; left_knee 4; left_ankle 7; left_foot 10;
right_hip 2; right_knee 5; right_ankle 8; right_foot 11; spine3 9;
left_thumb_tip 63; left_index_tip 64; right_thumb_tip 68; right_index_tip 69
"""
SMPLH_JOINTS_OF_NTU = tuple(
    (name, int(index))
    for name, index in (pair.split() for pair in _TEXT.split(';'))
)
NTU_FROM_SMPLH = tuple(index for _, index in SMPLH_JOINTS_OF_NTU)
# The last joint of the same finger, where there are no vertices.
_TIP_OF_TREE = {63: 36, 64: 24, 68: 51, 69: 39}


def ntu_joints(joints: np.ndarray, source: str) -> tuple[np.ndarray, str]:
    """NTU's 25 joints out of SMPL-H's."""
    J = joints.shape[1]
    if J == 25:
        return joints, ''
    if J >= NUM_SMPLH_JOINTS:
        return joints[:, list(NTU_FROM_SMPLH)], ''
    if J == NUM_TREE_JOINTS:
        chosen = [_TIP_OF_TREE.get(j, j) for j in NTU_FROM_SMPLH]
        return joints[:, chosen], (
            'finger tips are not in the file; the last joint of each finger '
            'stands for its tip'
        )
    raise DataError(
        f'{source} has {J} joints; expected {NUM_SMPLH_JOINTS} of SMPL-H '
        f'with vertex joints, {NUM_TREE_JOINTS} without, or 25 in the order '
        'of NTU RGB+D'
    )


_BATCH = 256  # frames at once
_SHAPES: dict[str, tuple[Any, ...]] = {
    'v_template': ('V', 3),
    'shapedirs': ('V', 3, 'B'),
    'posedirs': ('V', 3, 9 * (NUM_TREE_JOINTS - 1)),
    'J_regressor': (NUM_TREE_JOINTS, 'V'),
    'weights': ('V', NUM_TREE_JOINTS),
    'kintree_table': (2, NUM_TREE_JOINTS),
    'hands_meanl': (45,),
    'hands_meanr': (45,),
}
Body = Callable[..., np.ndarray]


@lru_cache(maxsize=2)
def load_smplh(path: str | os.PathLike[str], gender: str = 'male') -> Body:
    """A body model that the user has, as a function from poses to joints."""
    path = _model_file(Path(path), gender)
    try:
        from smplx import SMPLHLayer
        from smplx.lbs import batch_rodrigues
        from smplx.utils import Struct
        from smplx.vertex_ids import vertex_ids
    except ImportError as error:
        raise ImportError(
            f'the package smplx is needed to move {path}: pip install smplx; '
            'or give joints that are already extracted'
        ) from error
    slim, ids = _slim(_arrays(path), vertex_ids['smplh'], path)
    with redirect_stdout(StringIO()):  # it prints how many shapes it has
        layer = SMPLHLayer(
            str(path),
            data_struct=Struct(**slim),
            vertex_ids=ids,
            gender=gender,
            use_pca=False,
            flat_hand_mean=False,
        )
    layer = layer.requires_grad_(False)
    mean = layer.pose_mean.numpy()

    def joints(poses: np.ndarray) -> np.ndarray:
        found = []
        for first in range(0, len(poses), _BATCH):
            chunk = poses[first : first + _BATCH].astype(np.float32) + mean
            turns = batch_rodrigues(
                layer.v_template.new_tensor(chunk.reshape(-1, 3))
            ).view(len(chunk), NUM_TREE_JOINTS, 3, 3)
            result = layer(
                betas=turns.new_zeros(len(chunk), layer.num_betas),
                global_orient=turns[:, 0],
                body_pose=turns[:, 1:22],
                left_hand_pose=turns[:, 22:37],
                right_hand_pose=turns[:, 37:],
            )
            found.append(result.joints.numpy())
        return np.concatenate(found)

    return joints


def _model_file(path: Path, gender: str) -> Path:
    if not path.is_dir():
        return path
    bare = f'SMPLH_{gender.upper()}', f'SMPLH_{gender}', f'{gender}/model'
    names = [name + ending for name in bare for ending in ('.npz', '.pkl')]
    for name in names:
        if (path / name).is_file():
            return path / name
    raise FileNotFoundError(
        f'{path} holds no SMPL-H model; expected one of {names}'
    )


def _arrays(path: Path) -> Mapping[str, Any]:
    if path.suffix != '.pkl':
        return open_arrays(path)
    check_size(path)
    try:
        with path.open('rb') as file:
            content = unpickle(file)
        found = type(content).__name__
    except RefusedPickle as error:
        content, found = None, error.found
    if not isinstance(content, dict):
        raise DataError(
            f'{path} is no plain dict of arrays, it holds {found}; nothing '
            'was executed: write it as .npz with the tools of smplx'
        )
    return content


def _slim(
    model: Mapping[str, Any], vertex_ids: Mapping[str, int], path: Path
) -> tuple[dict[str, Any], dict[str, int]]:
    """The model with the vertex joints only, and new vertex numbers."""
    kept = sorted(set(vertex_ids.values()))
    arrays = {}
    V = np.shape(model.get('v_template', ()))[:1] or (0,)
    B = np.shape(model.get('shapedirs', ()))[-1:] or (0,)
    for key, shape in _SHAPES.items():
        expected = tuple(dict(V=V[0], B=B[0]).get(n, n) for n in shape)
        try:
            array = np.array(model.get(key), np.float64)
        except (ValueError, TypeError):
            array = np.zeros(())
        if key == 'kintree_table' and array.shape == expected:
            array[0, 0] = -1  # the root's parent, which files write as 2**32-1
        sound = array.size == np.prod(expected) and np.isfinite(array).all()
        if not sound or kept[-1] >= V[0] or not B[0]:
            raise DataError(
                f'{path} is no model of SMPL-H: {key} has the shape '
                f'{array.shape}, expected finite numbers {expected} of 6890 '
                'vertices; merge it with the hands of MANO by the tools of '
                'smplx'
            )
        arrays[key] = array.reshape(expected)
    regressor = arrays['J_regressor']
    J, K = len(regressor), len(kept)
    slim: dict[str, Any] = {}
    for key in ('v_template', 'shapedirs'):
        regressed = np.tensordot(regressor, arrays[key], 1)
        slim[key] = np.concatenate([regressed, arrays[key][kept]])
    for key in ('posedirs', 'weights'):
        still = np.zeros((J, *arrays[key].shape[1:]))
        slim[key] = np.concatenate([still, arrays[key][kept]])
    slim.update(
        J_regressor=np.concatenate([np.eye(J), np.zeros((J, K))], axis=1),
        kintree_table=arrays['kintree_table'].astype(np.int64),
        f=np.zeros((1, 3), np.int64),
        hands_meanl=arrays['hands_meanl'],
        hands_meanr=arrays['hands_meanr'],
        hands_componentsl=np.eye(45),  # not used without use_pca
        hands_componentsr=np.eye(45),
    )
    place = {vertex: J + index for index, vertex in enumerate(kept)}
    return slim, {name: place[v] for name, v in vertex_ids.items()}
