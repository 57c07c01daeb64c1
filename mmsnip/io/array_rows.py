"""Rows of arrays that need not fit into memory: .npy, and .npz members."""

from __future__ import annotations

import os
import struct
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from mmsnip.io.reading import SequenceError, check_size

__all__ = ['ArrayRows', 'open_rows']

MAX_FILE = 2**42
MAX_ROW = 2**30  # bytes of one row
_LOCAL_HEADER = 30  # bytes, before name and extra field


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
        """A row, as its own array.

        Args:
            index (int): From 0 to the length.

        Returns:
            np.ndarray: Of the remaining axes.

        Raises:
            SequenceError: If the file is damaged there.
            IndexError: If there is no such row.
        """
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
            raise SequenceError(
                f'{self.path}, key {self.member!r}: row {index} is cut off'
            )
        return np.frombuffer(content, self.dtype).reshape(self.shape[1:])

    def whole(self, limit: int = 2**28) -> np.ndarray:
        """All rows at once, for small arrays.

        Args:
            limit (int): Most bytes. Defaults to 256 MiB.

        Returns:
            np.ndarray: The array.

        Raises:
            SequenceError: If it is larger, or damaged.
        """
        if len(self) * _row_bytes(self.shape, self.dtype) > limit:
            raise SequenceError(
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
    """Open an array without reading it.

    Args:
        path (str | os.PathLike[str]): ``.npy`` or ``.npz``.
        member (str, optional): Key of an ``.npz``.

    Returns:
        ArrayRows: Its rows.

    Raises:
        FileNotFoundError: If there is no such file.
        SequenceError: If it holds no such array of numbers, or declares
            more than it holds; nothing in it is executed.
    """
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
        raise SequenceError(
            f'{named}: found {dtype} of shape {shape}, expected rows of '
            'numbers'
        )
    if _row_bytes(shape, dtype) > MAX_ROW:
        raise SequenceError(
            f'{named}: a row of shape {shape[1:]} is more than '
            f'{MAX_ROW:,} bytes; is it no array of recordings?'
        )
    return ArrayRows(path, member, opened)


def _unreadable(
    path: Path, member: str | None, error: Exception
) -> SequenceError:
    named = f'{path}' if member is None else f'{path}, key {member!r}'
    return SequenceError(
        f'{named} cannot be read ({type(error).__name__}: '
        f'{str(error)[:120]}); expected a plain array of numbers'
    )


def _row_bytes(shape: tuple[int, ...], dtype: np.dtype) -> int:
    size = dtype.itemsize
    for length in shape[1:]:
        size *= length
    return size


def _read_header(stream: BinaryIO) -> tuple[tuple[int, ...], np.dtype]:
    version = np.lib.format.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f'.npy of version {version}')
    read = np.lib.format.read_array_header_1_0
    if version == (2, 0):
        read = np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read(stream)
    if fortran and len(shape) > 1:
        raise ValueError('columns lie before rows; save it in C order')
    if dtype.hasobject:
        raise ValueError('pickled objects are refused')
    return shape, dtype


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
            shape, dtype = _read_header(stream)
            header = stream.tell()
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
