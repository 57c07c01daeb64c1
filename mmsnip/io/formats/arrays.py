"""NumPy's .npy and .npz: poses, and arrays that need not fit in memory."""

from __future__ import annotations

import math
import os
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from mmsnip.io.formats.registry import reader
from mmsnip.skeleton.layout import from_graph_cfg
from mmsnip.structures import DataError, Recording, is_rate, show
from mmsnip.structures.files import MAX_BYTES, check_size

__all__ = ['open_arrays', 'open_member', 'open_npy', 'read_npy', 'read_npz']

_LOCAL_HEADER = 30  # bytes, before name and extra field

# What an .npz may say beside its keypoints.
_FACTS = (
    *('fps', 'joint_names', 'parents', 'layout', 'unit', 'up', 'track_ids'),
    'keypoint_score',
)


@reader('.npy', title='NumPy array', note='(T, V, C) or (M, T, V, C)')
def read_npy(path: Path) -> Recording:
    """The array; nothing in the file is executed."""
    array = _some(open_npy(path), path)
    return Recording(path.stem, array, source=str(path))


@reader(
    '.npz',
    title='NumPy archive',
    note='the array `keypoint`, or the only one, beside `fps`, `joint_names`, '
    '`parents`, `layout`, `unit`, `up`, `track_ids`, `keypoint_score`',
)
def read_npz(path: Path) -> Recording:
    """The array ``keypoint``, or the only one, and what is known of it."""
    arrays = open_arrays(path)
    names = [name for name in arrays if name not in _FACTS]
    if 'keypoint' not in names and len(names) != 1:
        raise DataError(
            f'{path} has the arrays {list(arrays)}; expected one that is '
            f"called 'keypoint', or only one beside {list(_FACTS)}"
        )
    keypoint = arrays['keypoint' if 'keypoint' in names else names[0]]
    shape = (1, *keypoint.shape)[-4:]
    M, V = (shape[0], shape[2]) if len(shape) == 4 else (0, 0)

    def fault(key: str, expected: str) -> DataError:
        return DataError(
            f'{path}, array {key!r}: found {show(arrays[key])}; expected '
            f'{expected}'
        )

    facts: dict[str, Any] = {}
    counts = dict(layout=1, unit=1, up=1, joint_names=V, track_ids=M)
    for key in counts.keys() & arrays.keys():
        words = arrays[key].reshape(-1)
        if words.dtype.kind not in 'UiuS' or len(words) != counts[key]:
            raise fault(key, f'{counts[key]} as text')
        if words.dtype.kind == 'S':
            words = np.char.decode(words, 'utf-8')
        facts[key] = tuple(map(str, words.tolist()))
    for key in ('layout', 'unit', 'up'):
        facts[key] = facts[key][0] if key in facts else None
    facts['tracks'] = facts.pop('track_ids', ())
    if 'fps' in arrays:
        fps = arrays['fps'].reshape(-1)
        if fps.size != 1 or not is_rate(fps[0]):
            raise fault('fps', 'one positive number of frames a second')
        facts['fps'] = float(fps[0])
    if 'keypoint_score' in arrays:
        facts['score'] = arrays['keypoint_score']
        if facts['score'].shape != keypoint.shape[:-1]:
            raise fault('keypoint_score', 'a number for each joint')
    if 'parents' in arrays:
        parents = arrays['parents']
        if parents.shape != (V,) or parents.dtype.kind not in 'iu':
            raise fault('parents', f'{V} integers, -1 for the root')
        body: dict[str, Any] = dict(parents=[int(p) for p in parents])
        if 'joint_names' in facts:
            body['joint_names'] = facts['joint_names']
        facts['layout'] = facts['layout'] or body
    if facts['layout'] is not None:
        try:
            facts['layout'] = from_graph_cfg(facts['layout'])
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


def open_npy(path: Path, limit: int = MAX_BYTES) -> np.ndarray:
    """Mapped, so that a header cannot ask for more than the file holds."""
    check_size(path, limit)
    try:
        array = np.load(path, mmap_mode='r', allow_pickle=False)
    except Exception as error:  # whatever numpy says of foreign bytes
        raise DataError(
            f'{path} cannot be read as .npy ({type(error).__name__}: '
            f'{str(error)[:120]}); expected a plain array of numbers, '
            'pickled objects are refused'
        ) from error
    if not isinstance(array, np.ndarray):
        raise DataError(f'{path} is no .npy file; is it an .npz?')
    return array


def open_arrays(
    path: str | os.PathLike[str], limit: int = MAX_BYTES
) -> dict[str, np.ndarray]:
    """Arrays of an ``.npz`` by name; sizes are checked before unpacking."""
    check_size(path, limit)
    unpacked = 0
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                with archive.open(entry) as stream:
                    shape, dtype, _ = _read_header(stream)
                    need = math.prod(shape) * dtype.itemsize + stream.tell()
                if need > entry.file_size:
                    raise ValueError(f'{entry.filename} is cut off')
                unpacked += entry.file_size
        if unpacked <= limit:
            with np.load(path, allow_pickle=False) as arrays:
                return {name: arrays[name] for name in arrays.files}
    except Exception as error:  # whatever zipfile says of foreign bytes
        raise DataError(
            f'{path} cannot be read as .npz ({type(error).__name__}: {error});'
            ' expected plain arrays of numbers, pickled objects are refused; '
            'is it cut off?'
        ) from error
    raise DataError(
        f'{path} would unpack to {unpacked:,} bytes, more than the {limit:,} '
        'that are read at once; it was not opened'
    )


def open_member(path: Path, name: str) -> np.ndarray:
    """An array of an ``.npz``: mapped, or in memory where it is compressed."""
    where = f'{path}, key {name!r}'
    try:
        with zipfile.ZipFile(path) as archive:
            entry = archive.getinfo(f'{name}.npy')
            with archive.open(entry) as stream:
                shape, dtype, fortran = _read_header(stream)
                header = stream.tell()
                size = math.prod(shape) * dtype.itemsize
                if fortran or size != entry.file_size - header:
                    raise ValueError(
                        f'shape {shape} and dtype {dtype} need {size} bytes '
                        f'in C order, there are {entry.file_size - header}; '
                        'is it cut off?'
                    )
                if entry.compress_type != zipfile.ZIP_STORED or not size:
                    if size > MAX_BYTES:
                        raise ValueError(
                            'it is too large to be unpacked at once; save it '
                            'with numpy.savez'
                        )
                    content = stream.read(size)
                    return np.frombuffer(content, dtype).reshape(shape)
        with path.open('rb') as file:
            file.seek(entry.header_offset)
            local = file.read(_LOCAL_HEADER)
        lengths = sum(struct.unpack('<HH', local[26:30]))  # name and extra
        start = entry.header_offset + _LOCAL_HEADER + lengths + header
        return np.memmap(path, dtype, 'r', start, shape)
    except Exception as error:  # whatever zipfile says of foreign bytes
        raise DataError(
            f'{where} cannot be read ({type(error).__name__}: '
            f'{str(error)[:200]}); expected a plain array of numbers, pickled '
            'objects are refused'
        ) from error


def _read_header(stream: Any) -> tuple[tuple[int, ...], np.dtype, bool]:
    """Shape and type of an array, and whether columns lie before rows."""
    version = np.lib.format.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f'.npy of version {version}')
    read = np.lib.format.read_array_header_1_0
    if version == (2, 0):
        read = np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read(stream)
    if dtype.hasobject:
        raise ValueError('pickled objects are refused')
    return shape, dtype, fortran and len(shape) > 1
