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

__all__ = ['ArrayRows', 'open_arrays', 'open_npy', 'read_npy', 'read_npz']

MAX_FILE = 2**42
MAX_ROW = 2**30  # bytes of one row
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


class ArrayRows:
    """An array of an ``.npy``, or a member of an ``.npz``, a row at a time."""

    def __init__(
        self, path: str | os.PathLike[str], member: str | None = None
    ) -> None:
        self.path, self.member = Path(path), member
        self.name = f'{path}' if member is None else f'{path}, key {member!r}'
        self._array: np.ndarray | None = None
        self._stream: Any = None
        self._next = 0
        if member is None:
            self._array = open_npy(self.path, MAX_FILE)
            self.shape, self.dtype = self._array.shape, self._array.dtype
        else:
            check_size(path, MAX_FILE)
            try:
                self._open_member()
            except Exception as error:  # whatever zipfile says
                raise self._unreadable(error) from error
        if self.dtype.kind not in 'fiub' or not self.shape:
            raise DataError(
                f'{self.name}: found {self.dtype} of shape {self.shape}, '
                'expected rows of numbers'
            )
        self._row_bytes = math.prod(self.shape[1:]) * self.dtype.itemsize
        if self._row_bytes > MAX_ROW:
            raise DataError(
                f'{self.name}: a row of shape {self.shape[1:]} is more than '
                f'{MAX_ROW:,} bytes; is it no array of recordings?'
            )

    @property
    def mapped(self) -> bool:
        """Whether rows are mapped into memory."""
        return self._array is not None

    def __len__(self) -> int:
        return self.shape[0]

    def row(self, index: int) -> np.ndarray:
        """A row, as its own array."""
        if not 0 <= index < len(self):
            raise IndexError(f'{self.path} has {len(self)} rows, no {index}')
        if self._array is not None:
            return np.array(self._array[index])
        try:
            if self._stream is None or index < self._next:
                with zipfile.ZipFile(self.path) as archive:
                    # The stream keeps the file open.
                    self._stream = archive.open(f'{self.member}.npy')
                _read_header(self._stream)
                self._next = 0
            while self._next <= index:
                content = self._stream.read(self._row_bytes)
                self._next += 1
        except Exception as error:  # whatever zipfile says of foreign bytes
            raise self._unreadable(error) from error
        if len(content) != self._row_bytes:
            raise DataError(f'{self.name}: row {index} is cut off')
        return np.frombuffer(content, self.dtype).reshape(self.shape[1:])

    def whole(self, limit: int = 2**28) -> np.ndarray:
        """All rows at once, for small arrays."""
        if len(self) * self._row_bytes > limit:
            raise DataError(
                f'{self.name}: found shape {self.shape}, more than the '
                f'{limit:,} bytes expected of labels'
            )
        rows = [self.row(index) for index in range(len(self))]
        return np.array(rows, self.dtype).reshape(self.shape)

    def _unreadable(self, error: Exception) -> DataError:
        return DataError(
            f'{self.name} cannot be read ({type(error).__name__}: '
            f'{str(error)[:120]}); expected a plain array of numbers'
        )

    def _open_member(self) -> None:
        with zipfile.ZipFile(self.path) as archive:
            names = [name[:40] for name in archive.namelist()[:9]]
            if f'{self.member}.npy' not in archive.namelist():
                raise ValueError(f'the file has {names}')
            entry = archive.getinfo(f'{self.member}.npy')
            with archive.open(entry) as stream:
                self.shape, self.dtype, fortran = _read_header(stream)
                header = stream.tell()
        if fortran:
            raise ValueError('columns lie before rows; save it in C order')
        size = math.prod(self.shape) * self.dtype.itemsize
        if size != entry.file_size - header:
            raise ValueError(
                f'shape {self.shape} and dtype {self.dtype} need {size} '
                f'bytes, there are {entry.file_size - header}; is it cut off?'
            )
        if entry.compress_type == zipfile.ZIP_STORED and size:
            with self.path.open('rb') as file:
                file.seek(entry.header_offset)
                local = file.read(_LOCAL_HEADER)
            name, extra = struct.unpack('<HH', local[26:30])
            start = entry.header_offset + _LOCAL_HEADER + name + extra + header
            shape = self.shape
            self._array = np.memmap(self.path, self.dtype, 'r', start, shape)


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
