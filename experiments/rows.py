"""Rows of results: appended line by line, never rewritten."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

__all__ = ['append_row', 'newest_rows', 'read_rows']


def append_row(path: str | Path, row: Mapping[str, Any]) -> None:
    """Add a line to a file of rows, on the disk when this returns.

    One write, so that a kill leaves the whole line or the beginning of it;
    a line that an earlier kill left torn is closed first, and stays torn
    alone. Other writers wait meanwhile.

    Args:
        path (str | Path): File of JSON lines; its folder is made.
        row (Mapping[str, Any]): What JSON can hold, without NaN.

    Raises:
        OSError: If the line could not be written whole.
        ValueError: If the row holds a number that is not finite.
    """
    text = json.dumps(row, sort_keys=True, allow_nan=False)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        size = os.fstat(file).st_size
        torn = size > 0 and os.pread(file, 1, size - 1) != b'\n'
        line = (b'\n' if torn else b'') + text.encode() + b'\n'
        if os.write(file, line) != len(line):
            raise OSError(
                f'{path}: the row of {row.get("name")!r} was not written '
                'whole; make room on the disk and run again'
            )
        os.fsync(file)
    finally:
        os.close(file)


def read_rows(path: str | Path) -> list[dict[str, Any]]:
    """Rows of a file in the order they were added.

    Args:
        path (str | Path): File of ``append_row``.

    Returns:
        list[dict[str, Any]]: Without lines that a kill left torn; empty
        where there is no file.
    """
    path = Path(path)
    if not path.is_file():
        return []
    rows = []
    for line in path.read_bytes().split(b'\n'):
        try:
            row = json.loads(line)
        except ValueError:  # torn or empty
            continue
        if isinstance(row, dict) and 'identity' in row:
            rows.append(row)
    return rows


def newest_rows(
    rows: Iterable[Mapping[str, Any]],
) -> dict[tuple[str, str], Any]:
    """The last row of each identity under each of its names.

    Args:
        rows (Iterable[Mapping[str, Any]]): In the order they were added.

    Returns:
        dict[tuple[str, str], Any]: By identity and name, the newest last.

    Examples:
        >>> rows = [{'identity': 'a', 'name': 'x', 'n': n} for n in (1, 2)]
        >>> newest_rows(rows)['a', 'x']['n']
        2
    """
    newest: dict[tuple[str, str], Any] = {}
    for row in rows:
        key = row['identity'], row.get('name', '')
        newest.pop(key, None)
        newest[key] = row
    return newest
