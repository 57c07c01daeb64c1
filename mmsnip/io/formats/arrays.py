"""NumPy's .npy and .npz: an array (T, V, C) or (M, T, V, C)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mmsnip.io.formats.registry import reader
from mmsnip.io.formats.rows import open_arrays
from mmsnip.skeleton.layout import from_graph_cfg
from mmsnip.structures import DataError, Recording, is_rate
from mmsnip.structures.files import check_size

__all__ = ['read_npy', 'read_npz']

# What an .npz may say beside its keypoints.
_FACTS = (
    *('fps', 'joint_names', 'parents', 'layout', 'unit', 'up', 'track_ids'),
    'keypoint_score',
)


@reader('.npy', title='NumPy array', note='(T, V, C) or (M, T, V, C)')
def read_npy(path: Path) -> Recording:
    """The array; nothing in the file is executed."""
    check_size(path)
    # Mapped, so that a header cannot ask for more than the file holds.
    array = np.load(path, mmap_mode='r', allow_pickle=False)
    if not isinstance(array, np.ndarray):
        raise DataError(f'{path} is no .npy file; is it an .npz?')
    return Recording(path.stem, _some(array, path), source=str(path))


@reader(
    '.npz',
    title='NumPy archive',
    note='the array `keypoint`, or the only one, beside `fps`, `joint_names`, '
    '`parents`, `layout`, `unit`, `up`, `track_ids`, `keypoint_score`',
)
def read_npz(path: Path) -> Recording:
    """The array ``keypoint``, or the only one, and what is known of it.

    ``layout`` is a name; ``keypoint_score`` has as many numbers as there are
    joints in all frames.
    """
    arrays = open_arrays(path)
    names = [name for name in arrays if name not in _FACTS]
    if 'keypoint' not in names and len(names) != 1:
        raise DataError(
            f'{path} has the arrays {list(arrays)}; expected one that is '
            f"called 'keypoint', or only one beside {list(_FACTS)}"
        )
    keypoint = arrays['keypoint' if 'keypoint' in names else names[0]]
    facts: dict[str, Any] = {}
    if 'fps' in arrays:
        fps = arrays['fps'].reshape(-1)
        if fps.size != 1 or not is_rate(fps[0]):
            raise DataError(
                f"{path}, array 'fps': found {fps.tolist()!r:.60}; expected "
                'one positive number of frames a second'
            )
        facts['fps'] = float(fps[0])
    for fact in ('layout', 'unit', 'up'):
        if fact in arrays:
            facts[fact] = _words(arrays[fact], fact, 1, path)[0]
    shape = keypoint.shape
    V = shape[-2] if len(shape) > 2 else 0
    if 'joint_names' in arrays:
        found = _words(arrays['joint_names'], 'joint_names', V, path)
        facts['joint_names'] = found
    if 'track_ids' in arrays:
        M = shape[0] if len(shape) == 4 else 1
        facts['tracks'] = _words(arrays['track_ids'], 'track_ids', M, path)
    if 'keypoint_score' in arrays:
        score = arrays['keypoint_score']
        if score.shape != shape[:-1]:
            raise DataError(
                f"{path}, array 'keypoint_score': found shape {score.shape}; "
                f'expected a number for each joint, {shape[:-1]}'
            )
        facts['score'] = score
    layout = facts.pop('layout', None)
    if 'parents' in arrays:
        parents = arrays['parents']
        if parents.shape != (V,) or parents.dtype.kind not in 'iu':
            raise DataError(
                f"{path}, array 'parents': found {parents.dtype} of shape "
                f'{parents.shape}; expected {V} integers, -1 for the root'
            )
        body: dict[str, Any] = dict(parents=[int(p) for p in parents])
        if 'joint_names' in facts:
            body['joint_names'] = facts['joint_names']
        layout = layout or body
    if layout is not None:
        try:
            facts['layout'] = from_graph_cfg(layout)
        except ValueError as error:
            raise DataError(f'{path}: {error}') from None
    keypoint = _some(keypoint, path)
    return Recording(path.stem, keypoint, source=str(path), **facts)


def _some(array: np.ndarray, path: Path) -> np.ndarray:
    """The array in memory, if any number in it is one."""
    array = np.array(array)
    if array.dtype.kind == 'f' and array.size and np.isnan(array).all():
        raise DataError(f'{path} holds NaN only; expected joints')
    return array


def _words(array: np.ndarray, key: str, count: int, path: Path) -> tuple:
    """Text of an array."""
    words = array.reshape(-1)
    if words.dtype.kind not in 'UiuS' or len(words) != count:
        raise DataError(
            f'{path}, array {key!r}: found {len(words)} values of type '
            f'{array.dtype}; expected {count} as text'
        )
    if words.dtype.kind == 'S':
        words = np.char.decode(words, 'utf-8')
    return tuple(str(word) for word in words.tolist())
