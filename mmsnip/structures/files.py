"""Files: sizes bounded before they are read, whole or not written at all."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmsnip.structures.errors import DataError

__all__ = [
    'MAX_BYTES',
    'check_size',
    'draft_of',
    'read_json',
    'read_text',
    'safe_file_name',
    'safe_name',
]

MAX_BYTES = 2**33  # what one file may hold once it is unpacked
Source = 'str | os.PathLike[str]'
_NO_TEXT = re.compile(
    '[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069'
    '\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]'
)
_RESERVED = re.compile(r'(con|prn|aux|nul|com\d|lpt\d)(\.|$)', re.IGNORECASE)


@contextmanager
def draft_of(path: Source) -> Iterator[Path]:
    """File to write in place of another, which it becomes at the end.

    Args:
        path (str | os.PathLike[str]): File that is meant; its folders are
            made. What stands there stays where the writing ends in an error.

    Yields:
        Path: File beside it, of this process alone.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f'.{path.name}.{os.getpid()}.part')
    try:
        yield draft
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def check_size(path: Source, limit: int = MAX_BYTES) -> int:
    """Bytes of a file that may be read.

    Args:
        path (str | os.PathLike[str]): File.
        limit (int): Most bytes. Defaults to 8 GiB.

    Returns:
        int: Its size.

    Raises:
        FileNotFoundError: If there is no such file.
        DataError: If it is a folder, empty or larger than the limit.
    """
    path = Path(path)
    if path.is_dir():
        raise DataError(f'{path} is a folder; expected a file')
    if not path.is_file():
        raise FileNotFoundError(f'{path}: there is no such file')
    size = path.stat().st_size
    if size == 0:
        raise DataError(f'{path} cannot be read: it is empty')
    if size > limit:
        raise DataError(
            f'{path} has {size:,} bytes, more than the {limit:,} that are '
            'read at once; split the recording'
        )
    return size


def read_text(path: Source, limit: int = MAX_BYTES) -> str:
    """Text of a file, UTF-8 with or without a byte order mark.

    Args:
        path (str | os.PathLike[str]): File.
        limit (int): Most bytes. Defaults to 8 GiB.

    Returns:
        str: Its text.

    Raises:
        FileNotFoundError: If there is no such file.
        DataError: If it is empty, too large, or not UTF-8; the line is named.
    """
    check_size(path, limit)
    content = Path(path).read_bytes()
    try:
        text = content.decode('utf-8-sig')
    except UnicodeDecodeError as error:
        line = content.count(b'\n', 0, error.start) + 1
        raise DataError(
            f'{path}, line {line}: byte {content[error.start]:#04x} is not '
            'UTF-8; expected plain text, save it as UTF-8'
        ) from None
    if not text.strip():
        raise DataError(f'{path} cannot be read: it holds white space only')
    return text


def read_json(path: Source, limit: int = MAX_BYTES, **options: Any) -> Any:
    """What a JSON file holds.

    Args:
        path (str | os.PathLike[str]): File.
        limit (int): Most bytes. Defaults to 8 GiB.
        **options (Any): Of `json.loads`.

    Returns:
        Any: Its content.

    Raises:
        FileNotFoundError: If there is no such file.
        DataError: If it is no JSON; the line is named.
    """
    try:
        return json.loads(read_text(path, limit), **options)
    except json.JSONDecodeError as error:
        raise DataError(
            f'{path}, line {error.lineno}: {error.msg}; is the file cut off?'
        ) from None
    except (ValueError, RecursionError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f'{path} is no JSON: {error}') from None


def safe_name(name: str, source: Source) -> str:
    """A recording's or class's name that cannot leave a folder.

    Spaces of any kind and joiners are letters of somebody's language.

    Args:
        name (str): Name as a file gives it.
        source (str | os.PathLike[str]): That file, for messages.

    Returns:
        str: The same name.

    Raises:
        DataError: If it is empty, absolute, climbs with ``..``, or holds a
            control character.

    Examples:
        >>> safe_name('S001/walk 1', 'list.csv')
        'S001/walk 1'
    """
    parts = name.replace('\\', '/').split('/')
    climbs = '..' in parts or parts[0] == '' or ':' in parts[0]
    if not name.strip() or climbs or not is_text(name):
        raise DataError(
            f'{source}: {name[:80]!r} cannot name a recording; expected '
            "printable text without '..', not an absolute path"
        )
    return name


def safe_file_name(name: str) -> str:
    """Name that stays inside its folder on every file system.

    Separators, leading dots, spaces and control characters go, long names
    are cut. A name that had to change ends in eight hexadecimal digits of
    its own hash, so that two different names stay two files.

    Args:
        name (str): Any text, such as a video's ``frame_dir``.

    Returns:
        str: File name without a folder, at most 129 bytes of UTF-8.

    Examples:
        >>> safe_file_name('../../etc/passwd')
        'etc_passwd-3754d6cb'
    """
    text = str(name)
    clean = re.sub(r'[^\w.-]+', '_', text).strip('._')
    clean = clean.encode('utf-8', 'ignore')[:120].decode('utf-8', 'ignore')
    if clean and clean == text and not _RESERVED.match(clean):
        return clean
    digest = hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()
    return f'{clean or "video"}-{digest[:8]}'


def is_text(name: str) -> bool:
    """Whether a name has no control, line break, override or broken letter.

    Marks that Hebrew, Arabic, Persian and emoji are written with are text.
    """
    return _NO_TEXT.search(name) is None
