"""Rows of numbers in text, and arrays of files that need not fit in memory."""

from __future__ import annotations

import os
import struct
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from mmsnip.structures import DataError
from mmsnip.structures.files import MAX_BYTES, check_size

__all__ = ['ArrayRows', 'open_arrays', 'open_rows', 'read_numbers']

MAX_FILE = 2**42
MAX_ROW = 2**30  # bytes of one row
_LOCAL_HEADER = 30  # bytes, before name and extra field


def read_numbers(
    lines: Sequence[str],
    path: str | os.PathLike[str],
    numbers: Sequence[int],
    columns: int | None = None,
) -> np.ndarray:
    """Rows of numbers between white space, (len(lines), columns) float64."""
    if columns is None:
        columns = len(lines[0].split()) if lines else 0
    try:
        values = np.loadtxt(lines, np.float64, comments=None, ndmin=2)
        if values.shape == (len(lines), columns):
            return values
    except ValueError:
        pass
    for line, number in zip(lines, numbers):
        words = line.split()
        if len(words) != columns:
            raise DataError(
                f'{path}, line {number}: found {len(words)} values, expected '
                f'{columns}; is the file cut off, or its delimiter another?'
            )
        for word in words:
            try:
                float(word)
            except ValueError:
                raise DataError(
                    f'{path}, line {number}: {word[:40]!r} is no number'
                ) from None
    return np.array([line.split() for line in lines], np.float64)


def open_arrays(
    path: str | os.PathLike[str], limit: int = MAX_BYTES
) -> dict[str, np.ndarray]:
    """Arrays of an ``.npz`` by name; sizes are checked before unpacking."""
    check_size(path, limit)
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = 0
            for entry in archive.infolist():
                with archive.open(entry) as stream:
                    shape, dtype, _ = _read_header(stream)
                    need = _row_bytes((1, *shape), dtype) + stream.tell()
                if need > entry.file_size:
                    raise ValueError(f'{entry.filename} is cut off')
                unpacked += entry.file_size
    except Exception as error:  # whatever zipfile says of foreign bytes
        raise DataError(
            f'{path} cannot be read as .npz ({type(error).__name__}: {error});'
            ' expected plain arrays of numbers; is it cut off?'
        ) from None
    if unpacked > limit:
        raise DataError(
            f'{path} would unpack to {unpacked:,} bytes, more than the '
            f'{limit:,} that are read at once; it was not opened'
        )
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except Exception as error:  # whatever numpy says of foreign bytes
        raise DataError(
            f'{path} cannot be read as .npz ({type(error).__name__}: '
            f'{error}); expected plain arrays of numbers, pickled objects '
            'are refused'
        ) from error


class ArrayRows:
    """An array of a file, a row at a time.

    Rows are mapped into memory where the file holds them as they are; those
    of a compressed ``.npz`` are unpacked in passing, so that going back
    starts again from the first.

    Attributes:
        shape (tuple[int, ...]): Of the array.
        dtype (np.dtype): Of its numbers.
        mapped (bool): Whether rows are mapped.
    """

    def __init__(
        self, path: Path, member: str | None, opened: dict[str, Any]
    ) -> None:
        self.path, self.member = path, member
        self.shape: tuple[int, ...] = opened['shape']
        self.dtype: np.dtype = opened['dtype']
        self._array: np.ndarray | None = opened.get('array')
        self._stream: BinaryIO | None = None
        self._next = 0

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
        size = _row_bytes(self.shape, self.dtype)
        try:
            if self._stream is None or index < self._next:
                self.close()
                self._stream = _member_stream(self.path, self.member or '')
                _read_header(self._stream)
                self._next = 0
            while self._next <= index:
                content = self._stream.read(size)
                self._next += 1
        except Exception as error:  # whatever zipfile says of foreign bytes
            raise _unreadable(self.path, self.member, error) from error
        if len(content) != size:
            raise DataError(
                f'{self.path}, key {self.member!r}: row {index} is cut off'
            )
        return np.frombuffer(content, self.dtype).reshape(self.shape[1:])

    def whole(self, limit: int = 2**28) -> np.ndarray:
        """All rows at once, for small arrays."""
        if len(self) * _row_bytes(self.shape, self.dtype) > limit:
            raise DataError(
                f'{self.path}, key {self.member!r}: found shape {self.shape}, '
                f'more than the {limit:,} bytes expected of labels'
            )
        rows = [self.row(index) for index in range(len(self))]
        return np.array(rows, self.dtype).reshape(self.shape)

    def close(self) -> None:
        """Close the stream of a compressed member."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None


def open_rows(
    path: str | os.PathLike[str], member: str | None = None
) -> ArrayRows:
    """Open an array without reading it."""
    path = Path(path)
    check_size(path, MAX_FILE)
    try:
        if member is None:
            array = np.load(path, mmap_mode='r', allow_pickle=False)
            if not isinstance(array, np.ndarray):
                raise ValueError('it is no .npy file')
            opened = dict(shape=array.shape, dtype=array.dtype, array=array)
        else:
            opened = _open_member(path, member)
    except Exception as error:  # whatever numpy says of foreign bytes
        raise _unreadable(path, member, error) from error
    shape, dtype = opened['shape'], opened['dtype']
    named = f'{path}' if member is None else f'{path}, key {member!r}'
    if dtype.kind not in 'fiub' or not shape:
        raise DataError(
            f'{named}: found {dtype} of shape {shape}, expected rows of '
            'numbers'
        )
    if _row_bytes(shape, dtype) > MAX_ROW:
        raise DataError(
            f'{named}: a row of shape {shape[1:]} is more than '
            f'{MAX_ROW:,} bytes; is it no array of recordings?'
        )
    return ArrayRows(path, member, opened)


def _unreadable(path: Path, member: str | None, error: Exception) -> DataError:
    named = f'{path}' if member is None else f'{path}, key {member!r}'
    return DataError(
        f'{named} cannot be read ({type(error).__name__}: '
        f'{str(error)[:120]}); expected a plain array of numbers'
    )


def _row_bytes(shape: tuple[int, ...], dtype: np.dtype) -> int:
    size = dtype.itemsize
    for length in shape[1:]:
        size *= length
    return size


def _read_header(
    stream: Any,
) -> tuple[tuple[int, ...], np.dtype, bool]:
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


def _member_stream(path: Path, member: str) -> BinaryIO:
    with zipfile.ZipFile(path) as archive:  # the stream keeps the file open
        return archive.open(f'{member}.npy')


def _open_member(path: Path, member: str) -> dict[str, Any]:
    with zipfile.ZipFile(path) as archive:
        try:
            entry = archive.getinfo(f'{member}.npy')
        except KeyError:
            raise ValueError(
                f'the file has {[n[:40] for n in archive.namelist()[:9]]}'
            ) from None
        with archive.open(entry) as stream:
            shape, dtype, fortran = _read_header(stream)
            header = stream.tell()
    if fortran:
        raise ValueError('columns lie before rows; save it in C order')
    size = dtype.itemsize
    for length in shape:
        size *= length
    if size != entry.file_size - header:
        raise ValueError(
            f'shape {shape} and dtype {dtype} need {size} bytes, there are '
            f'{entry.file_size - header}; is it cut off?'
        )
    opened: dict[str, Any] = dict(shape=shape, dtype=dtype)
    if entry.compress_type == zipfile.ZIP_STORED and size:
        with path.open('rb') as file:
            file.seek(entry.header_offset)
            local = file.read(_LOCAL_HEADER)
            name, extra = struct.unpack('<HH', local[26:30])
        offset = entry.header_offset + _LOCAL_HEADER + name + extra + header
        opened['array'] = np.memmap(path, dtype, 'r', offset, shape)
    return opened
