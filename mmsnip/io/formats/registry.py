"""The formats that are read: `read` a file, or a folder with one a frame."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmsnip.structures import DataError, Recording

__all__ = [
    'FORMATS',
    'READERS',
    'Format',
    'formats_table',
    'frames_in',
    'group_frames',
    'read',
    'reader',
    'with_notes',
]

HEAD = 2**16  # bytes that tell formats of one ending apart
Sniff = Callable[[Path, str], bool]


@dataclass(frozen=True)
class Format:
    """A format, as the README's table shows it."""

    title: str
    endings: tuple[str, ...]
    note: str
    read: Callable[..., Recording]
    sniff: Sniff | None = None  # of a file and its head
    holds_frames: Callable[[list[Path]], bool] | None = None  # of a folder


FORMATS: list[Format] = []
READERS: dict[str, list[Format]] = {}  # by ending; the first that fits reads


def reader(
    *endings: str,
    title: str,
    note: str,
    sniff: Sniff | None = None,
    holds_frames: Callable[[list[Path]], bool] | None = None,
) -> Callable[[Callable[..., Recording]], Callable[..., Recording]]:
    """Register the reader of a format.

    Args:
        *endings (str): Of its files, ``'.bvh'``.
        title (str): In the README's table of formats.
        note (str): What is read, in that table.
        sniff (Sniff | None): Whether a file, told by its path and its first
            64 KiB, is of this format; None takes what no other one does.
        holds_frames (Callable[[list[Path]], bool] | None): Whether the files
            of a folder are the frames of one recording.

    Returns:
        Callable: Decorator of a function from a path, and maybe keywords, to
        a `Recording`; it raises `DataError` for what it cannot read.
    """

    def add(read: Callable[..., Recording]) -> Callable[..., Recording]:
        found = Format(title, endings, note, read, sniff, holds_frames)
        FORMATS.append(found)
        for ending in endings:
            known = READERS.setdefault(ending, [])
            known.insert(len(known) if sniff is None else 0, found)
        return read

    return add


def read(
    path: str | os.PathLike[str],
    columns: Any = None,
    kind: str | None = None,
    **options: Any,
) -> Recording:
    """Read a recording; nothing in its file is executed.

    The ending picks the reader, and where several formats have it the look
    of the file. Persons who are never there at once share a place, in every
    format: someone who leaves and returns is one person.

    Args:
        path (str | os.PathLike[str]): File, or a folder with a file a frame.
        columns (ColumnMap | Mapping | str | os.PathLike[str] | None): What
            the columns of a table are, or the YAML file that says it; see
            `mmsnip.io.formats.column_map.ColumnMap`. Other formats ignore it.
        kind (str | None): Title of a format, where the look of the file is
            not to decide.
        **options (Any): Keywords of single readers, such as ``drop`` of BVH;
            readers without them ignore them.

    Returns:
        Recording: Raw facts of the file: its own unit, axes and rate; a mask
        of what was seen; notes on what was assumed, mended or left out.

    Raises:
        FileNotFoundError: If there is no such file.
        DataError: If the ending is unknown, or the file is unreadable.
    """
    path = Path(path)
    known = _format_of(path, columns, kind)
    options['columns'] = columns
    given = {key: options[key] for key in _keywords(known) if key in options}
    try:
        recording = known.read(path, **given)
    except (DataError, FileNotFoundError):
        raise
    except Exception as error:  # whatever a parser says of foreign bytes
        raise DataError(
            f'{path} cannot be read as {known.title} '
            f'({type(error).__name__}: {str(error)[:200]}); is it whole? '
            'Pickled objects are refused'
        ) from error
    if len(recording.tracks) > 1:
        from mmsnip.io.formats.tracks import share_slots

        recording = share_slots(recording)
    return recording


def _keywords(known: Format) -> Iterable[str]:
    return inspect.signature(known.read).parameters


def _format_of(path: Path, columns: Any, kind: str | None) -> Format:
    if path.is_dir():
        there = {p.suffix.lower() for p in path.iterdir() if p.is_file()}
        for known in FORMATS:
            if known.holds_frames and there & set(known.endings):
                return known
        raise DataError(
            f'{path} is a folder without .json files of poses; expected '
            f'such a folder, or a file that ends in one of {sorted(READERS)}'
        )
    if not path.is_file():
        raise FileNotFoundError(f'{path}: there is no such file')
    options = READERS.get(path.suffix.lower())
    if options is None:
        raise DataError(
            f'{path} ends in {path.suffix!r}, which is not read; expected '
            f'one of {sorted(READERS)}'
        )
    if kind is not None:
        return next(known for known in options if known.title == kind)
    if columns is not None:  # is of tables only
        options = [k for k in options if 'columns' in _keywords(k)] or options
    if len(options) > 1:
        with path.open('rb') as stream:
            head = stream.read(HEAD).decode('utf-8-sig', 'replace')
        sniffs = ((known, known.sniff) for known in options)
        return next(
            k for k, fits in sniffs if fits is None or fits(path, head)
        )
    return options[0]


def with_notes(
    recording: Recording, notes: Iterable[tuple[str, int]]
) -> Recording:
    """A recording with sentences, each of so many frames."""
    for text, frames in notes:
        recording = recording.noted(text, frames)
    return recording


def group_frames(
    paths: Iterable[Path], frames_in_folders: bool | None = None
) -> list[Path]:
    """Put the folder in the place of files that are its frames.

    Whether ``.json`` files are frames may be stated; else they are looked at.
    """
    found: list[Path] = []
    folders: dict[tuple[Path, str], list[Path]] = {}
    holds_frames = {
        ending: known.holds_frames
        for known in FORMATS
        for ending in known.endings
        if known.holds_frames is not None
    }
    for path in paths:
        ending = path.suffix.lower()
        if ending in holds_frames:
            folders.setdefault((path.parent, ending), []).append(path)
        else:
            found.append(path)
    for (folder, ending), files in folders.items():
        frames = frames_in_folders
        if frames is None or ending != '.json':
            frames = holds_frames[ending](sorted(files))
        found += [folder] if frames else files
    return sorted(set(found))


def frames_in(folder: Path, ending: str) -> list[Path]:
    """Files of a folder that holds one a frame."""
    return [
        file
        for file in sorted(folder.iterdir())
        if file.suffix.lower() == ending and file.name[0] != '.'
    ]


def formats_table() -> str:
    """The README's table of formats.

    Returns:
        str: Markdown, a row a format.
    """
    rows: dict[str, tuple[list[str], list[str]]] = {}
    for known in FORMATS:
        endings, notes = rows.setdefault(known.title, ([], []))
        endings += [f'`{e}`' for e in known.endings if f'`{e}`' not in endings]
        notes += [known.note] if known.note else []
    lines = ['| format | files | what is read |', '|---|---|---|']
    lines += [
        f'| {title} | {", ".join(endings)} | {"; ".join(notes)} |'
        for title, (endings, notes) in sorted(rows.items())
    ]
    return '\n'.join(lines)
