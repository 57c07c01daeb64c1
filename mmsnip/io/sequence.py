"""One skeleton sequence out of one file, as (M, T, V, C)."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mmsnip.io.bvh import read_bvh
from mmsnip.io.csv_table import read_csv
from mmsnip.io.ntu import read_ntu
from mmsnip.io.pkummd import read_pkummd
from mmsnip.io.pose_json import read_pose_json
from mmsnip.io.reading import SequenceError, as_sequence, open_arrays
from mmsnip.structures.errors import is_rate

__all__ = ['READERS', 'SequenceError', 'as_sequence', 'load_sequence']

Content = 'tuple[Any, dict[str, Any]]'
# What an .npz may say beside its keypoints.
_FACTS = (
    *('fps', 'joint_names', 'parents', 'layout', 'unit', 'up', 'track_ids'),
    'keypoint_score',
)


def load_sequence(
    path: str | os.PathLike[str],
) -> tuple[np.ndarray, dict[str, Any]]:
    """Read a file; nothing in it is executed.

    - ``.npy``: the array.
    - ``.npz``: the array ``keypoint``, or the only one, and what is known of
      ``fps``, ``joint_names`` (with ``parents`` or without), ``layout`` (a
      name), ``unit``, ``up``, ``track_ids`` and ``keypoint_score``, as many
      numbers as there are joints in all frames.
    - ``.skeleton``: NTU RGB+D, its two bodies with most motion (`read_ntu`).
    - ``.txt``: PKU-MMD, 150 numbers a row (`read_pkummd`).
    - ``.bvh``: any hierarchy, positions as the file scales them (`read_bvh`).
    - ``.csv``, ``.tsv``: a table whose header names joints (`read_csv`).
    - ``.json``, or a folder of such files: OpenPose, MMPose, MediaPipe,
      YOLO-pose, AlphaPose (`read_pose_json`).

    Args:
        path (str | os.PathLike[str]): File; its ending picks the reader.

    Returns:
        tuple[np.ndarray, dict[str, Any]]: Keypoints (M, T, V, C) float32;
        and ``frame_dir`` (str, the file's stem) and, where the file says
        it, ``fps`` (float), ``layout`` (name, or joint_names and parents),
        ``joint_names`` (list[str]), ``unit``, ``up``, ``track_ids``,
        ``keypoint_score`` (M, T, V), ``first_frame`` (int, number of frame 0
        in its source), ``row_frames`` (int64, frame of each row of a table
        whose times leave frames out) and ``mended`` (sentences about what
        was repaired).

    Raises:
        FileNotFoundError: If there is no such file.
        SequenceError: If the ending is unknown, the file is unreadable, or
            it holds no sequence; see `as_sequence`.
    """
    path = Path(path)
    if path.is_dir():
        if not any(path.glob('*.json')):
            raise SequenceError(
                f'{path} is a folder without .json files of poses; expected '
                f'such a folder, or a file that ends in one of '
                f'{sorted(READERS)}'
            )
    elif not path.is_file():
        raise FileNotFoundError(f'{path}: there is no such file')
    suffix = '.json' if path.is_dir() else path.suffix.lower()
    reader = READERS.get(suffix)
    if reader is None:
        raise SequenceError(
            f'{path} ends in {path.suffix!r}, which is not read; expected '
            f'one of {sorted(READERS)}'
        )
    try:
        keypoint, metadata = reader(path)
    except SequenceError:
        raise
    except Exception as error:  # whatever a parser says of foreign bytes
        raise SequenceError(
            f'{path} cannot be read as {suffix} '
            f'({type(error).__name__}: {error}); expected plain arrays of '
            'numbers, pickled objects are refused'
        ) from error
    return as_sequence(keypoint, str(path)), {
        'frame_dir': path.stem,
        **metadata,
    }


def _read_npy(path: Path) -> Content:
    with path.open('rb') as stream:
        return np.lib.format.read_array(stream, allow_pickle=False), {}


def _read_npz(path: Path) -> Content:
    arrays = open_arrays(path)
    names = [name for name in arrays if name not in _FACTS]
    if 'keypoint' not in names and len(names) != 1:
        raise SequenceError(
            f'{path} has the arrays {list(arrays)}; expected one that is '
            f"called 'keypoint', or only one beside {list(_FACTS)}"
        )
    key = 'keypoint' if 'keypoint' in names else names[0]
    metadata: dict[str, Any] = {}
    if 'fps' in arrays:
        fps = arrays['fps']
        if fps.size != 1 or not is_rate(fps.reshape(-1)[0]):
            raise SequenceError(
                f"{path}, array 'fps': found {fps.tolist()!r:.60}; "
                'expected one positive number of frames a second'
            )
        metadata['fps'] = float(fps.reshape(-1)[0])
    for fact in ('layout', 'unit', 'up'):
        if fact in arrays:
            metadata[fact] = _words(arrays[fact], fact, 1, path)[0]
    shape = arrays[key].shape
    V = shape[-2] if len(shape) > 2 else 0
    if 'joint_names' in arrays:
        found = _words(arrays['joint_names'], 'joint_names', V, path)
        metadata['joint_names'] = found
    if 'track_ids' in arrays:
        M = shape[0] if len(shape) == 4 else 1
        found = _words(arrays['track_ids'], 'track_ids', M, path)
        metadata['track_ids'] = found
    if 'keypoint_score' in arrays:
        score = arrays['keypoint_score']
        fits = score.shape == shape[:-1] and score.dtype.kind in 'fiu'
        if not fits or not np.isfinite(score).all():
            raise SequenceError(
                f"{path}, array 'keypoint_score': found {score.dtype} of "
                f'shape {score.shape}; expected a finite number for '
                f'each joint, {shape[:-1]}'
            )
        score = score.reshape(-1, *score.shape[-2:])  # (M, T, V)
        metadata['keypoint_score'] = score.astype(np.float32)
    if 'parents' in arrays:
        parents = arrays['parents']
        if parents.shape != (V,) or parents.dtype.kind not in 'iu':
            raise SequenceError(
                f"{path}, array 'parents': found {parents.dtype} of shape "
                f'{parents.shape}; expected {V} integers, -1 for the root'
            )
        body = dict(parents=[int(parent) for parent in parents])
        if 'joint_names' in metadata:
            body['joint_names'] = metadata['joint_names']
        metadata.setdefault('layout', body)
    return arrays[key], metadata


def _words(array: np.ndarray, key: str, count: int, path: Path) -> list[str]:
    """Text of an array of an ``.npz``."""
    words = array.reshape(-1)
    if words.dtype.kind not in 'UiuS' or len(words) != count:
        raise SequenceError(
            f'{path}, array {key!r}: found {len(words)} values of type '
            f'{array.dtype}; expected {count} as text'
        )
    if words.dtype.kind == 'S':
        words = np.char.decode(words, 'utf-8')
    return [str(word) for word in words.tolist()]


# A reader takes a path and returns the keypoints, (T, V, C) or
# (M, T, V, C), and what else the file says; see its own docstring.
READERS: dict[str, Callable[[Path], Content]] = {
    '.bvh': read_bvh,
    '.csv': read_csv,
    '.json': read_pose_json,
    '.npy': _read_npy,
    '.npz': _read_npz,
    '.skeleton': read_ntu,
    '.tsv': read_csv,
    '.txt': read_pkummd,
}
