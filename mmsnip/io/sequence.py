"""One skeleton sequence out of one file, as (M, T, V, C)."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mmsnip.io.reading import SequenceError, as_sequence, open_arrays
from mmsnip.io.video_check import is_rate

__all__ = ['READERS', 'SequenceError', 'as_sequence', 'load_sequence']

Content = 'tuple[Any, dict[str, Any]]'


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
    arrays = open_arrays(path)
    names = [name for name in arrays if name != 'fps']
    if 'keypoint' not in names and len(names) != 1:
        raise SequenceError(
            f'{path} has the arrays {list(arrays)}; expected one that is '
            "called 'keypoint', or only one beside 'fps'"
        )
    key = 'keypoint' if 'keypoint' in names else names[0]
    metadata = {}
    if 'fps' in arrays:
        fps = arrays['fps']
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
