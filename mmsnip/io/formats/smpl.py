"""Joints of SMPL-H, NTU's 25 among them, and a model that the user has.

The package's joints are the 52 of the kinematic tree and 21 vertices that
stand for joints: five of the face, three of each foot, five finger tips of
each hand.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from functools import lru_cache
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from mmsnip.io.formats.rows import open_arrays
from mmsnip.io.unpickle import RefusedPickle, unpickle
from mmsnip.structures import DataError
from mmsnip.structures.files import check_size

__all__ = ['NTU_FROM_SMPLH', 'load_smplh', 'ntu_joints']

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
    """NTU's 25 joints out of SMPL-H's.

    Source:
        METHOD.md section 3; the order of the benchmark's preparation.
    """
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
}
_HANDS = ('hands_meanl', 'hands_meanr')
Body = Callable[..., np.ndarray]


@lru_cache(maxsize=2)
def load_smplh(path: str | os.PathLike[str], gender: str = 'male') -> Body:
    """A body model that the user has, as a function from poses to joints.

    The model file is read without running anything in it. Only what moves
    the 73 joints is kept of it; that changes no joint and is two orders of
    magnitude faster than moving all vertices.
    """
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
    names = [
        *(f'SMPLH_{g}{e}' for g in (gender.upper(), gender) for e in _ENDINGS),
        *(f'{gender}/model{e}' for e in _ENDINGS),
    ]
    found = next((path / n for n in names if (path / n).is_file()), None)
    if found is None:
        raise FileNotFoundError(
            f'{path} holds no SMPL-H model; expected one of {names}'
        )
    return found


_ENDINGS = ('.npz', '.pkl')


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
    """The model with the vertex joints only, and new vertex numbers.

    What `J_regressor` makes of all vertices is kept as 52 vertices that no
    joint moves: regressing is linear in template and shape, so joints are
    those of the whole model.
    """
    missing = [key for key in (*_SHAPES, *_HANDS) if key not in model]
    if missing:
        raise DataError(
            f'{path} is no model of SMPL-H: it lacks {missing}; merge it '
            'with the hands of MANO by the tools of smplx'
        )
    arrays = {key: _shaped(model, key, path) for key in _SHAPES}
    V, B = arrays['v_template'].shape[0], arrays['shapedirs'].shape[-1]
    kept = sorted(set(vertex_ids.values()))
    for key, shape in _SHAPES.items():
        expected = tuple(dict(V=V, B=B).get(n, n) for n in shape)
        if arrays[key].shape != expected or kept[-1] >= V or not B:
            raise DataError(
                f'{path} is no model of SMPL-H: {key} has the shape '
                f'{arrays[key].shape}, expected {expected} of 6890 vertices'
            )
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
    )
    for key in _HANDS:
        slim[key] = _shaped(model, key, path).reshape(-1)
        if slim[key].shape != (45,):
            raise DataError(
                f'{path}: {key} has {slim[key].size} values, expected 45'
            )
    for key in ('hands_componentsl', 'hands_componentsr'):
        slim[key] = np.eye(45)  # not used without use_pca
    place = {vertex: J + index for index, vertex in enumerate(kept)}
    return slim, {name: place[v] for name, v in vertex_ids.items()}


def _shaped(model: Mapping[str, Any], key: str, path: Path) -> np.ndarray:
    try:
        array = np.asarray(model[key], np.float64)
    except (ValueError, TypeError):
        array = np.full(1, np.nan)
    if key == 'kintree_table' and array.ndim == 2 and array.shape[1:]:
        array = array.copy()
        array[:1, 0] = -1  # the root's parent, which files write as 2**32-1
    if not np.isfinite(array).all():
        raise DataError(
            f'{path} is no model of SMPL-H: {key} is no array of finite '
            'numbers'
        )
    return array
