"""What a folder of recordings must tell, so that it can be converted."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmsnip.structures import Recording

__all__ = ['Item', 'Skipped', 'Source', 'files_below']


@dataclass(frozen=True)
class Item:
    """One recording to convert; small, since it travels to a worker.

    Attributes:
        name (str): ``frame_dir`` of the video, unique in its source.
        path (str): File that a reader reads.
        fields (dict[str, Any]): What else the source knows already, such as
            ``label`` of a trimmed recording and ``segment_labels``.
        also_reads (tuple[str, ...]): Further files that are opened for it,
            such as its labels.
    """

    name: str
    path: str
    fields: dict[str, Any] = field(default_factory=dict)
    also_reads: tuple[str, ...] = ()


@dataclass(frozen=True)
class Skipped:
    """A file that could not be used, and why, in one sentence."""

    path: str
    reason: str


class Source(ABC):
    """A folder, or a file, of recordings in a format of their own.

    A source is made in the main process and pickled to the workers: it holds
    paths, options and small tables, never keypoints.
    """

    published = False

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        self.skipped: list[Skipped] = []
        self.notes: list[tuple[str, str]] = []

    def options(self) -> dict[str, Any]:
        """What `read` depends on beside the item and its files.

        Two sources with equal options read an item alike, so that one may
        go on where the other was interrupted.
        """
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


def files_below(
    root: str | os.PathLike[str], skipped: list[Skipped]
) -> Iterator[Path]:
    """All files, folder by folder, in the order of their names.

    Hidden files and folders are not looked at. Links to folders are
    followed, each folder once. `skipped` gets the folders that cannot be
    listed.
    """
    root = Path(root)
    if not root.is_dir():
        kind = 'is no folder' if root.exists() else 'does not exist'
        raise FileNotFoundError(f'{root} {kind}; expected a folder')
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
