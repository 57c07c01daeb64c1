"""Converted recordings on disk, until the output is complete."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from mmsnip import __version__
from mmsnip.conversion.hygiene import Hygiene
from mmsnip.conversion.source import Item, Source
from mmsnip.structures.errors import DataError
from mmsnip.structures.files import draft_of
from mmsnip.structures.plain import to_plain

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

__all__ = [
    'only_one',
    'part_name',
    'parts_folder',
    'read_facts',
    'read_part',
    'remove_parts',
    'write_part',
]

FORMAT = 2  # of a part; raised when its content changes
ENDING = '.recording'  # none that a reader reads
LOCK = '.lock'
FACTS, ENTRY = 'facts', 'entry'


def parts_folder(output: str | os.PathLike[str]) -> Path:
    """Folder that keeps what is converted beside an unfinished output."""
    output = Path(output)
    return output.with_name(f'{output.name}.parts')


@contextmanager
def only_one(output: str | os.PathLike[str]) -> Iterator[None]:
    """Keep a second process from the same output; the system frees a lock.

    Raises:
        DataError: If another process makes this output.
    """
    folder = parts_folder(output)
    folder.mkdir(parents=True, exist_ok=True)
    lock = folder / LOCK
    with lock.open('w') as file:
        try:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataError(
                f'{output} is being made by another process; wait for it, or '
                'name another output'
            ) from None
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)
            if not any(folder.iterdir()):
                folder.rmdir()


def part_name(source: Source, item: Item, hygiene: Hygiene) -> str:
    """File name of a converted recording, safe whatever it is called.

    It changes with all that the content depends on: the source's kind and
    options, the item, size and time of its files, the hygiene and the
    version of mmsnip. So a part that exists is the right one.

    Args:
        source (Source): Where it comes from.
        item (Item): The recording.
        hygiene (Hygiene): What is done to it.

    Returns:
        str: Name of a file.

    Raises:
        OSError: If a file of the item cannot be looked at.
    """
    kind = type(source)
    files = []
    for path in (item.path, *item.also_reads):
        stat = os.stat(path)
        files.append((os.path.abspath(path), stat.st_size, stat.st_mtime_ns))
    key = dict(
        format=FORMAT,
        version=__version__,
        source=f'{kind.__module__}.{kind.__qualname__}',
        options=source.options(),
        name=item.name,
        fields=item.fields,
        files=files,
        hygiene=vars(hygiene),
    )
    text = json.dumps(to_plain(key), sort_keys=True, default=repr)
    return hashlib.sha256(text.encode()).hexdigest()[:40] + ENDING


def write_part(
    path: str | os.PathLike[str],
    annotation: dict[str, Any],
    facts: dict[str, Any],
) -> None:
    """Write one recording; it is there as a whole or not at all.

    Args:
        path (str | os.PathLike[str]): File to write; its folder is made.
        annotation (dict[str, Any]): Entry of an annotation file: arrays,
            and what JSON can say.
        facts (dict[str, Any]): What is wanted of it without its arrays.

    Raises:
        TypeError: If a field is neither; the message names it or its type.
    """
    arrays: dict[str, np.ndarray] = {}
    entry: list[list[Any]] = []
    for key, value in annotation.items():
        if isinstance(value, np.ndarray) and value.dtype.hasobject:
            raise TypeError(f'{key} is an array of objects')
        if isinstance(value, np.ndarray):
            entry.append([key, f'array_{len(arrays)}', None])
            arrays[entry[-1][1]] = value
        else:
            entry.append([key, None, to_plain(value)])
    for key, text in ((ENTRY, entry), (FACTS, facts)):
        arrays[key] = np.frombuffer(json.dumps(text).encode(), np.uint8)
    with draft_of(path) as draft, draft.open('wb') as file:
        np.savez(file, **arrays)


def read_facts(path: str | os.PathLike[str]) -> dict[str, Any] | None:
    """What `write_part` was told of a recording, without its arrays.

    Args:
        path (str | os.PathLike[str]): Part.

    Returns:
        dict[str, Any] | None: The facts; None where there is no such part,
        or it was cut off by a crash.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            facts = json.loads(arrays[FACTS].tobytes())
    except Exception:  # whatever numpy and zipfile say of half a file
        return None
    return facts if isinstance(facts, dict) else None


def read_part(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The recording as it was written.

    Args:
        path (str | os.PathLike[str]): Part.

    Returns:
        dict[str, Any]: Entry of an annotation file.

    Raises:
        OSError: If the part was damaged, as by a loss of power; it is
            removed, so that the next run makes it again.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            entry = json.loads(arrays[ENTRY].tobytes())
            return {
                key: value if array is None else arrays[array]
                for key, array, value in entry
            }
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        Path(path).unlink(missing_ok=True)
        raise OSError(
            f'{path} was damaged ({error}) and is removed; give the same '
            'command again'
        ) from error


def remove_parts(folder: Path) -> None:
    """Remove parts, drafts of killed processes, and the folder if empty.

    Args:
        folder (Path): Of `parts_folder`; it need not exist.
    """
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        if path.name.endswith(ENDING) or path.name.endswith('.part'):
            path.unlink(missing_ok=True)
    if not any(folder.iterdir()):
        folder.rmdir()
