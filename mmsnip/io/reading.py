"""What every reader of foreign files shares: errors, bounds, text, arrays."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmsnip.structures.errors import DataError, show

__all__ = [
    'MAX_BYTES',
    'MAX_PERSONS',
    'SequenceError',
    'as_sequence',
    'check_size',
    'open_arrays',
    'read_numbers',
    'read_text',
    'safe_name',
]

MAX_BYTES = 2**33  # what one file may hold once it is unpacked
MAX_PERSONS = 1000  # bodies of one file; a broken count must not fill memory


class SequenceError(DataError):
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


def check_size(path: str | os.PathLike[str], limit: int = MAX_BYTES) -> int:
    """Bytes of a file that may be read.

    Args:
        path (str | os.PathLike[str]): File.
        limit (int): Most bytes. Defaults to 8 GiB.

    Returns:
        int: Its size.

    Raises:
        FileNotFoundError: If there is no such file.
        SequenceError: If it is a folder, empty or larger than the limit.
    """
    path = Path(path)
    if path.is_dir():
        raise SequenceError(f'{path} is a folder; expected a file')
    if not path.is_file():
        raise FileNotFoundError(f'{path}: there is no such file')
    size = path.stat().st_size
    if size == 0:
        raise SequenceError(f'{path} cannot be read: it is empty')
    if size > limit:
        raise SequenceError(
            f'{path} has {size:,} bytes, more than the {limit:,} that are '
            'read at once; split the recording'
        )
    return size


def read_text(path: str | os.PathLike[str], limit: int = MAX_BYTES) -> str:
    """Text of a file, UTF-8 with or without a byte order mark.

    Args:
        path (str | os.PathLike[str]): File.
        limit (int): Most bytes. Defaults to 8 GiB.

    Returns:
        str: Its text.

    Raises:
        FileNotFoundError: If there is no such file.
        SequenceError: If it is empty, too large, or not UTF-8; the line is
            named.
    """
    check_size(path, limit)
    content = Path(path).read_bytes()
    try:
        text = content.decode('utf-8-sig')
    except UnicodeDecodeError as error:
        line = content.count(b'\n', 0, error.start) + 1
        raise SequenceError(
            f'{path}, line {line}: byte {content[error.start]:#04x} is not '
            'UTF-8; expected plain text, save it as UTF-8'
        ) from None
    if not text.strip():
        raise SequenceError(
            f'{path} cannot be read: it holds white space only'
        )
    return text


def read_numbers(
    lines: Sequence[str],
    path: str | os.PathLike[str],
    first_line: int = 1,
    columns: int | None = None,
    delimiter: str | None = None,
) -> np.ndarray:
    """Rows of numbers, all of one width.

    Args:
        lines (Sequence[str]): Text of each row.
        path (str | os.PathLike[str]): File, for messages.
        first_line (int): Line of the file that ``lines[0]`` is. Defaults to
            1.
        columns (int, optional): Numbers a row; None takes the first row's.
        delimiter (str, optional): Between numbers; None is white space.

    Returns:
        np.ndarray: (len(lines), columns) float64; NaN and infinity pass.

    Raises:
        SequenceError: If a row has another width or a word that is no
            number; the line is named.

    Examples:
        >>> read_numbers(['1 2.5', '3 4'], 'a.txt').tolist()
        [[1.0, 2.5], [3.0, 4.0]]
    """
    if columns is None:
        columns = len(lines[0].split(delimiter)) if lines else 0
    joined = (delimiter or ' ').join(lines)
    words = joined.split(delimiter)
    if len(words) == len(lines) * columns:
        try:
            values = np.array(words, dtype=np.float64)
            return values.reshape(len(lines), columns)
        except ValueError:
            pass
    # Something is wrong: find the line.
    rows = []
    for number, line in enumerate(lines, first_line):
        words = line.split(delimiter)
        if len(words) != columns:
            raise SequenceError(
                f'{path}, line {number}: found {len(words)} values, expected '
                f'{columns}; is the file cut off, or its delimiter another?'
            )
        try:
            rows.append([float(word) for word in words])
        except ValueError:
            wrong = next(word for word in words if not _is_number(word))
            raise SequenceError(
                f'{path}, line {number}: {wrong[:40]!r} is no number'
            ) from None
    return np.array(rows, dtype=np.float64).reshape(len(lines), columns)


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def open_arrays(
    path: str | os.PathLike[str], limit: int = MAX_BYTES
) -> dict[str, np.ndarray]:
    """Arrays of an ``.npz`` file; sizes are checked before any is unpacked.

    Args:
        path (str | os.PathLike[str]): File.
        limit (int): Most bytes that all arrays may have once unpacked.
            Defaults to 8 GiB.

    Returns:
        dict[str, np.ndarray]: By name.

    Raises:
        FileNotFoundError: If there is no such file.
        SequenceError: If it is no such file, would unpack to more than the
            limit, or holds pickled objects.
    """
    check_size(path, limit)
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except zipfile.BadZipFile as error:
        raise SequenceError(
            f'{path} cannot be read as .npz ({error}); is it cut off?'
        ) from None
    if unpacked > limit:
        raise SequenceError(
            f'{path} would unpack to {unpacked:,} bytes, more than the '
            f'{limit:,} that are read at once; it was not opened'
        )
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except Exception as error:  # whatever numpy says of foreign bytes
        raise SequenceError(
            f'{path} cannot be read as .npz ({type(error).__name__}: '
            f'{error}); expected plain arrays of numbers, pickled objects '
            'are refused'
        ) from error


def safe_name(name: str, source: str | os.PathLike[str]) -> str:
    """A video's name that cannot leave a folder.

    Args:
        name (str): Name as a file gives it.
        source (str | os.PathLike[str]): That file, for messages.

    Returns:
        str: The same name.

    Raises:
        SequenceError: If it is empty, absolute, climbs with ``..``, or holds
            a control character.

    Examples:
        >>> safe_name('S001/walk 1', 'list.csv')
        'S001/walk 1'
    """
    parts = name.replace('\\', '/').split('/')
    climbs = '..' in parts or parts[0] == '' or ':' in parts[0]
    if not name.strip() or climbs or not name.isprintable():
        raise SequenceError(
            f'{source}: {name[:80]!r} cannot name a video; expected printable '
            "text without '..', not an absolute path"
        )
    return name
