"""The formats that are read, and which paths of a folder are recordings."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from mmsnip.structures import DataError, Recording

__all__ = [
    'FOLDERS',
    'FORMATS',
    'READERS',
    'Format',
    'Notes',
    'frames_in',
    'group_frames',
    'head_of',
    'reader',
    'recordings_in',
]

HEAD = 2**16  # bytes that tell formats of one ending apart


@dataclass(frozen=True)
class Format:
    """A format, as the README's table shows it."""

    title: str
    endings: tuple[str, ...]
    note: str
    read: Callable[..., Recording]
    sniff: Callable[[Path, str], bool] | None = None
    holds_frames: Callable[[list[Path]], bool] | None = None

    @property
    def options(self) -> list[str]:
        """Keywords of its reader."""
        return list(inspect.signature(self.read).parameters)[1:]


class Notes(list):
    """Sentences, each of some frames, until there is a recording."""

    def say(self, text: str, frames: int = 0) -> None:
        """One more, see `Recording.noted`."""
        self.append((text, frames))

    def on(self, recording: Recording) -> Recording:
        """A recording with them."""
        for text, frames in self:
            recording = recording.noted(text, frames)
        return recording


FORMATS: list[Format] = []
READERS: dict[str, list[Format]] = {}  # by ending; the first that fits reads
FOLDERS: list[Format] = []


def reader(
    *endings: str,
    title: str,
    note: str,
    sniff: Callable[[Path, str], bool] | None = None,
    holds_frames: Callable[[list[Path]], bool] | None = None,
) -> Callable[[Callable[..., Recording]], Callable[..., Recording]]:
    """Register the reader of a format.

    Args:
        *endings (str): Of its files, ``'.bvh'``.
        title (str): See `Format`.
        note (str): See `Format`.
        sniff (Callable[[Path, str], bool] | None): See `Format`.
        holds_frames (Callable[[list[Path]], bool] | None): See `Format`.

    Returns:
        Callable: Decorator of a function from a path, and maybe keywords, to
        a `Recording`; it raises `DataError` for what it cannot read.
    """

    def add(read: Callable[..., Recording]) -> Callable[..., Recording]:
        found = Format(title, endings, note, read, sniff, holds_frames)
        FORMATS.append(found)
        for ending in endings:
            known = READERS.setdefault(ending, [])
            place = len(known) if sniff is None else 0
            known.insert(place, found)
        if holds_frames is not None:
            FOLDERS.append(found)
        return read

    return add


def head_of(path: Path) -> str:
    """First 64 KiB of a file as text, whatever its bytes are."""
    with path.open('rb') as stream:
        return stream.read(HEAD).decode('utf-8-sig', 'replace')


def recordings_in(
    folder: str | os.PathLike[str],
    endings: Collection[str] | None = None,
    frames_in_folders: bool | None = None,
) -> list[Path]:
    """Files, and folders of frames, that are one recording each.

    All folders below are looked at; hidden files and folders are not.

    Args:
        folder (str | os.PathLike[str]): Folder.
        endings (Collection[str] | None): Of the files; None takes all that
            are read.
        frames_in_folders (bool | None): See `group_frames`.

    Returns:
        list[Path]: Sorted.

    Raises:
        FileNotFoundError: If there is no such folder.
    """
    root = Path(folder)
    if not root.is_dir():
        raise FileNotFoundError(f'{root}: there is no such folder')
    wanted = set(READERS if endings is None else endings)
    paths = (
        path
        for path in root.rglob('*')
        if path.suffix.lower() in wanted
        and not any(
            part.startswith('.') for part in path.relative_to(root).parts
        )
        and path.is_file()
    )
    return group_frames(paths, frames_in_folders)


def group_frames(
    paths: Iterable[Path], frames_in_folders: bool | None = None
) -> list[Path]:
    """Put the folder in the place of files that are its frames."""
    found: list[Path] = []
    folders: dict[tuple[Path, str], list[Path]] = {}
    endings = {ending for known in FOLDERS for ending in known.endings}
    for path in paths:
        if path.suffix.lower() in endings:
            key = (path.parent, path.suffix.lower())
            folders.setdefault(key, []).append(path)
        else:
            found.append(path)
    for (folder, ending), files in folders.items():
        frames = any(
            known.holds_frames(sorted(files))
            if frames_in_folders is None or ending != '.json'
            else frames_in_folders
            for known in FOLDERS
            if ending in known.endings
        )
        found += [folder] if frames else files
    return sorted(set(found))


def frames_in(folder: Path, ending: str) -> list[Path]:
    """Files of a folder that holds one a frame."""
    files = [
        file
        for file in sorted(folder.iterdir())
        if file.suffix.lower() == ending and file.name[0] != '.'
    ]
    if not files:
        raise DataError(
            f'{folder} holds no {ending} file; expected one a frame'
        )
    return files
