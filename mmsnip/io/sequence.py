"""One skeleton sequence out of one file, as (M, T, V, C)."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mmsnip.io.video_check import is_rate, show

__all__ = ['READERS', 'SequenceError', 'as_sequence', 'load_sequence']

Content = 'tuple[Any, dict[str, Any]]'


class SequenceError(ValueError):
    """A sequence cannot be used; the message says which one and why."""


def as_sequence(keypoint: Any, name: str) -> np.ndarray:
    """Checked float32 copy or view of a sequence.

    Args:
        keypoint (Any): Array-like of numbers, (T, V, C) for one person or
            (M, T, V, C); all zeros where a person is absent.
        name (str): File or video, for messages.

    Returns:
        np.ndarray: (M, T, V, C) float32, finite, no axis empty.

    Raises:
        SequenceError: If it is anything else.

    Examples:
        >>> as_sequence(np.zeros((13, 5, 3)), 'still').shape
        (1, 13, 5, 3)
    """
    expected = '(T, V, C) of one person or (M, T, V, C)'
    try:
        array = np.asarray(keypoint)
    except (ValueError, TypeError) as error:  # ragged, or on another device
        raise SequenceError(
            f'{name} is a {type(keypoint).__name__} that is no array '
            f'({error}); expected numbers of shape {expected}'
        ) from None
    if array.dtype.kind not in 'fiu':
        raise SequenceError(
            f'{name} is a {show(array)}; expected numbers of shape {expected}'
        )
    if array.ndim not in (3, 4):
        raise SequenceError(
            f'{name} has shape {array.shape}; expected {expected}'
        )
    if 0 in array.shape:
        raise SequenceError(
            f'{name} is empty, its shape is {array.shape}; expected at least '
            'one person, frame, joint and channel'
        )
    array = array if array.ndim == 4 else array[None]
    with np.errstate(over='ignore'):
        array = array.astype(np.float32, copy=False)
    lost = ~np.isfinite(array)
    if lost.any():
        m, t, v, c = np.unravel_index(int(lost.argmax()), lost.shape)
        raise SequenceError(
            f'{name} holds NaN or infinity in {int(lost.sum())} values, '
            f'first at person {m}, frame {t}, joint {v}, channel {c}; '
            'expected finite float32: fill lost joints, or set all joints of '
            'a frame to 0 where the person is absent'
        )
    return array


def load_sequence(
    path: str | os.PathLike[str],
) -> tuple[np.ndarray, dict[str, Any]]:
    """Read a file; nothing in it is executed.

    - ``.npy``: the array.
    - ``.npz``: the array ``keypoint``, or the only one; ``fps`` optional.

    Args:
        path (str | os.PathLike[str]): File; its ending picks the reader.

    Returns:
        tuple[np.ndarray, dict[str, Any]]: Keypoints (M, T, V, C) float32;
        and ``frame_dir`` (str, the file's stem) and, where the file says
        it, ``fps`` (float).

    Raises:
        FileNotFoundError: If there is no such file.
        SequenceError: If the ending is unknown, the file is unreadable, or
            it holds no sequence; see `as_sequence`.
    """
    path = Path(path)
    if path.is_dir():
        raise SequenceError(
            f'{path} is a folder; expected a file that ends in one of '
            f'{sorted(READERS)}'
        )
    if not path.is_file():
        raise FileNotFoundError(f'{path}: there is no such file')
    reader = READERS.get(path.suffix.lower())
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
            f'{path} cannot be read as {path.suffix.lower()} '
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
    arrays = np.load(path, allow_pickle=False)
    if not hasattr(arrays, 'files'):
        raise SequenceError(
            f'{path} holds a single array without a name; rename it to .npy'
        )
    with arrays:
        names = [name for name in arrays.files if name != 'fps']
        if 'keypoint' not in names and len(names) != 1:
            raise SequenceError(
                f'{path} has the arrays {arrays.files}; expected one that is '
                "called 'keypoint', or only one beside 'fps'"
            )
        key = 'keypoint' if 'keypoint' in names else names[0]
        metadata = {}
        if 'fps' in arrays.files:
            fps = np.asarray(arrays['fps'])
            if fps.size != 1 or not is_rate(fps.reshape(-1)[0]):
                raise SequenceError(
                    f"{path}, array 'fps': found {fps.tolist()!r:.60}; "
                    'expected one positive number of frames a second'
                )
            metadata['fps'] = float(fps.reshape(-1)[0])
        return arrays[key], metadata


# A reader takes a path and returns the keypoints, (T, V, C) or
# (M, T, V, C), and what else the file says: ``fps``.
READERS: dict[str, Callable[[Path], Content]] = {
    '.npy': _read_npy,
    '.npz': _read_npz,
}
