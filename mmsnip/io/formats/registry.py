"""The formats that are read: one function each, found by ending and look."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mmsnip.structures import Recording

__all__ = [
    'FOLDERS',
    'FORMATS',
    'READERS',
    'Format',
    'Notes',
    'head_of',
    'reader',
]

HEAD = 2**16  # bytes that tell formats of one ending apart


@dataclass(frozen=True)
class Format:
    """A format, as the README's table shows it.

    Args:
        title (str): Its name.
        endings (tuple[str, ...]): Of its files, lower case; of folders of
            frames that of the files in them.
        note (str): What is read, one line.
        read (Callable[..., Recording]): From a path to a recording.
        sniff (Callable[[Path, str], bool] | None): Whether a path, whose
            text begins so, is of it; None takes every file of its ending.
        holds_frames (Callable[[list[Path]], bool] | None): Whether all files
            of an ending in a folder are frames of one recording; None where
            no folder is read.
    """

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
