"""The safetensors layout: 8 bytes of length, a JSON header, plain numbers.

Only what a memory map needs: where each tensor lies, checked before any of
it is looked at. https://huggingface.co/docs/safetensors has the format.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from mmsnip.io.annotation_check import (
    AnnotationError,
    Problem,
    annotation_error,
)
from mmsnip.structures.errors import show

__all__ = [
    'DTYPES',
    'MAX_HEADER',
    'Place',
    'header_bytes',
    'looks_like_tensors',
    'read_header',
    'refuse',
]

DTYPES = {
    name: np.dtype(code)
    for name, code in (
        ('F64', '<f8'),
        ('F32', '<f4'),
        ('F16', '<f2'),
        ('I64', '<i8'),
        ('I32', '<i4'),
        ('U8', '|u1'),
    )
}
_SIZES = {'BF16': 2, 'I16': 2, 'U16': 2, 'U32': 4, 'U64': 8, 'I8': 1}
_SIZES.update(BOOL=1, **{name: d.itemsize for name, d in DTYPES.items()})
_LENGTH = 8  # bytes in front of the header, which say how long it is
MAX_HEADER = 2**24  # 16 MiB; a store's header has a few kilobytes
_REMEDY = 'is the file cut off? copy it, or write it again'


class Place(NamedTuple):
    """Where a tensor lies.

    Attributes:
        dtype (str): Name in the header, as 'F32'.
        shape (tuple[int, ...]): Axes.
        start (int): First byte, counted from the start of the file.
        size (int): Number of bytes.
    """

    dtype: str
    shape: tuple
    start: int
    size: int


def refuse(
    path: Any, key: str, found: str, expected: str, remedy: str = _REMEDY
) -> AnnotationError:
    """Error of a file with one malformed part, ready to be raised.

    Args:
        path (str | os.PathLike[str]): File.
        key (str): Part.
        found (str): What it holds.
        expected (str): What it should hold.
        remedy (str): What to do. Defaults to copying the file again.

    Returns:
        AnnotationError: The error.
    """
    problem = Problem(None, key, found, expected, remedy)
    return annotation_error(path, [problem])


def looks_like_tensors(path: str | os.PathLike[str]) -> bool:
    """Whether a file begins as the safetensors layout does.

    Args:
        path (str | os.PathLike[str]): File.

    Returns:
        bool: True where its first 8 bytes are a length that fits into the
            file, and a header follows; no pickle begins so.
    """
    with open(path, 'rb') as file:
        head = file.read(_LENGTH + 1)
        size = os.fstat(file.fileno()).st_size
    length = int.from_bytes(head[:_LENGTH], 'little')
    return head[_LENGTH:] == b'{' and length <= size - _LENGTH


def header_bytes(
    tensors: Mapping[str, tuple[str, tuple]],
    metadata: Mapping[str, str],
    total: int,
) -> bytes:
    """Length and header, filled up with spaces to a given size.

    Args:
        tensors (Mapping[str, tuple[str, tuple]]): Type ('F32') and shape of
            each tensor, in the order of their bytes, which leave no gap.
        metadata (Mapping[str, str]): Text beside the tensors.
        total (int): Bytes to fill, so that the first tensor begins there.

    Returns:
        bytes: (total,).

    Raises:
        ValueError: If they do not fit.
    """
    header: dict[str, Any] = {'__metadata__': dict(metadata)}
    end = 0
    for name, (dtype, shape) in tensors.items():
        begin, end = end, end + math.prod(shape) * _SIZES[dtype]
        header[name] = dict(
            dtype=dtype, shape=list(shape), data_offsets=[begin, end]
        )
    text = json.dumps(header).encode('ascii')
    room = total - _LENGTH
    if len(text) > room:
        raise ValueError(f'header of {len(text)} bytes, room for {room}')
    return room.to_bytes(_LENGTH, 'little') + text.ljust(room)


def _without_repetition(pairs: list) -> dict:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError('a name stands there twice')
    return found


def _parse_header(path: Any, file: BinaryIO, size: int) -> tuple[dict, int]:
    """Header as a dict, and the byte behind it."""
    head = file.read(_LENGTH)
    length = int.from_bytes(head, 'little')
    if len(head) < _LENGTH or not 2 <= length <= size - _LENGTH:
        found = f'a length of {length} in a file of {size} bytes'
        raise refuse(path, 'header', found, 'a safetensors file')
    if length > MAX_HEADER:
        found = f'a length of {length} bytes'
        expected = f'at most {MAX_HEADER}, a few flat tensors'
        raise refuse(
            path, 'header', found, expected, 'write it with write_store'
        )
    try:
        text = file.read(length).decode('utf-8')
        if text[0] != '{':
            raise ValueError('it does not begin with a brace')
        header = json.loads(text, object_pairs_hook=_without_repetition)
    except (ValueError, RecursionError) as error:
        found = f'no JSON object ({error})'
        raise refuse(path, 'header', found, 'a safetensors file') from None
    return header, _LENGTH + length


def _is_size(value: Any) -> bool:
    return type(value) is int and value >= 0


def _place(path: Any, name: str, entry: Any, data: int) -> Place:
    """Checked entry of the header."""
    entry = entry if isinstance(entry, dict) else {}
    dtype, shape = entry.get('dtype'), entry.get('shape')
    offsets = entry.get('data_offsets')
    if not isinstance(dtype, str) or dtype not in _SIZES:
        expected = f'one of {sorted(_SIZES)}'
        raise refuse(path, f'{name}.dtype', show(dtype), expected)
    if not isinstance(shape, list) or not all(map(_is_size, shape)):
        expected = 'a list of sizes'
        raise refuse(path, f'{name}.shape', show(shape), expected)
    fits = isinstance(offsets, list) and all(map(_is_size, offsets))
    if not fits or len(offsets) != 2 or offsets[0] > offsets[1]:
        expected = 'first byte and end'
        raise refuse(path, f'{name}.data_offsets', show(offsets), expected)
    size = math.prod(shape) * _SIZES[dtype]
    if offsets[1] - offsets[0] != size:
        found = f'{offsets[1] - offsets[0]} bytes at {offsets}'
        expected = f'{size} bytes, which {dtype} of shape {shape} has'
        raise refuse(path, f'{name}.data_offsets', found, expected)
    return Place(dtype, tuple(shape), data + offsets[0], size)


def read_header(
    path: str | os.PathLike[str], file: BinaryIO
) -> tuple[dict[str, Place], dict[str, str]]:
    """Where the tensors of a file lie; their bytes are not read.

    Args:
        path (str | os.PathLike[str]): File, for messages.
        file (BinaryIO): The same, open at its start.

    Returns:
        tuple[dict[str, Place], dict[str, str]]: The place of each tensor,
            all inside the file, without gap or overlap; and the text beside
            them.

    Raises:
        AnnotationError: If the file is cut off, or no safetensors file.
    """
    size = os.fstat(file.fileno()).st_size
    header, data = _parse_header(path, file, size)
    metadata = header.pop('__metadata__', {})
    if not isinstance(metadata, dict) or not all(
        isinstance(value, str) for value in metadata.values()
    ):
        found = show(metadata)
        raise refuse(path, '__metadata__', found, 'texts by name')
    places = {
        name: _place(path, name, entry, data)
        for name, entry in header.items()
    }
    end = data
    for name, place in sorted(
        places.items(), key=lambda item: item[1][2:]
    ):
        if place.start != end:
            found = f'a start at byte {place.start - data}'
            expected = f'byte {end - data}, without gap or overlap'
            raise refuse(path, f'{name}.data_offsets', found, expected)
        end = place.start + place.size
    if end != size:
        found = f'{size} bytes'
        raise refuse(path, 'file', found, f'{end} bytes, as its header says')
    return places, metadata
