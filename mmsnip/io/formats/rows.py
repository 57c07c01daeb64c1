"""Rows of numbers in text, and arrays of files that need not fit in memory."""

from __future__ import annotations

import math
import os
import struct
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmsnip.structures import DataError
from mmsnip.structures.files import MAX_BYTES, check_size

__all__ = ['ArrayRows', 'open_arrays', 'read_numbers']

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
                    need = math.prod(shape) * dtype.itemsize + stream.tell()
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
    """An array of an ``.npy``, or a member of an ``.npz``, a row at a time.

    Rows are mapped into memory where the file holds them as they are; those
    of a compressed ``.npz`` are unpacked in passing, so that going back
    starts again from the first. Nothing in the file is executed.
    """

    def __init__(
        self, path: str | os.PathLike[str], member: str | None = None
    ) -> None:
        self.path, self.member = Path(path), member
        self.name = f'{path}' if member is None else f'{path}, key {member!r}'
        self._array: np.ndarray | None = None
        self._stream: Any = None
        self._next = 0
        check_size(path, MAX_FILE)
        try:
            if member is None:
                self._array = np.load(path, mmap_mode='r', allow_pickle=False)
                self.shape, self.dtype = self._array.shape, self._array.dtype
            else:
                self._open_member()
        except Exception as error:  # whatever numpy says of foreign bytes
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
