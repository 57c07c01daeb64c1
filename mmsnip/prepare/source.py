"""What a folder of recordings must tell, so that it can be converted."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmsnip.structures import Recording

__all__ = ['Item', 'Skipped', 'Source', 'check_folder', 'files_below']


@dataclass(frozen=True)
class Item:
    """One recording to convert; small, since it travels to a worker."""

    name: str  # `frame_dir` of the video, unique in its source
    path: str  # file that a reader reads
    fields: dict[str, Any] = field(default_factory=dict)  # known already
    also_reads: tuple[str, ...] = ()  # such as the file of its labels


@dataclass(frozen=True)
class Skipped:
    """A file that could not be used, and why, in one sentence."""

    path: str
    reason: str


class Source(ABC):
    """A folder, or a file, of recordings in a format of their own."""

    published = False

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        self.skipped: list[Skipped] = []
        self.notes: list[tuple[str, str]] = []

    def options(self) -> dict[str, Any]:
        """What `read` depends on beside the item and its files."""
        return {
            key: value
            for key, value in vars(self).items()
            if key not in ('root', 'skipped', 'notes')
            and not key.startswith('_')
        }

    def skip(self, path: str | Path, reason: str) -> None:
        """Leave a file out."""
        self.skipped.append(Skipped(str(path), reason))

    @abstractmethod
    def items(self) -> list[Item]:
        """Recordings in a fixed order; reads names and labels only."""

    @abstractmethod
    def read(self, item: Item, layout: Any = None) -> Recording:
        """Read one recording, in any process."""

    def label(self, item: Item, recording: Recording) -> Recording:
        """Put the labels of an item to its recording, whose rate is known."""
        return recording

    def more(self, item: Item) -> Mapping[str, Any]:
        """Further fields of its entry in the annotation file."""
        return {}

    @abstractmethod
    def metainfo(self) -> dict[str, Any]:
        """Facts of all recordings, known once `items` has run."""

    def splits(self, names: Sequence[str]) -> dict[str, list[str]]:
        """Splits of the recordings that were converted; none of its own."""
        return {}


def check_folder(root: str | os.PathLike[str]) -> None:
    """Refuse what is no folder."""
    if not os.path.isdir(root):
        kind = 'is no folder' if os.path.exists(root) else 'does not exist'
        raise FileNotFoundError(f'{root} {kind}; expected a folder')


def files_below(
    root: str | os.PathLike[str], skipped: list[Skipped]
) -> Iterator[Path]:
    """All files, folder by folder, in the order of their names."""
    check_folder(root)
    seen = set()

    def note(error: OSError) -> None:
        skipped.append(Skipped(str(error.filename), str(error)))

    for folder, folders, files in os.walk(
        root, onerror=note, followlinks=True
    ):
        place = os.stat(folder)
        if (place.st_dev, place.st_ino) in seen:
            folders.clear()
            continue
        seen.add((place.st_dev, place.st_ino))
        folders[:] = sorted(f for f in folders if not f.startswith('.'))
        yield from (
            Path(folder, f) for f in sorted(files) if not f.startswith('.')
        )
