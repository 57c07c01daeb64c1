"""What a folder of recordings must tell, so that it can be converted."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ['Item', 'Recording', 'Skipped', 'Source']


@dataclass(frozen=True)
class Item:
    """One recording to convert; small, since it travels to a worker.

    Attributes:
        name (str): ``frame_dir`` of the video, unique in its source.
        path (str): File that a reader reads.
        fields (dict[str, Any]): What else the source knows already: ``label``
            of a trimmed recording, ``segments`` and ``segment_labels``, fps.
        also_reads (tuple[str, ...]): Further files that `Source.read` opens
            for it, such as its labels; an interrupted conversion reads it
            again where one of them has changed since.
    """

    name: str
    path: str
    fields: dict[str, Any] = field(default_factory=dict)
    also_reads: tuple[str, ...] = ()


@dataclass(frozen=True)
class Recording:
    """A converted recording.

    Attributes:
        annotation (dict[str, Any]): Entry of an annotation file.
        mended (tuple[str, ...]): One sentence for each thing that was
            repaired or dropped.
        layout (Any): Its joints, where the file says them: a built-in name,
            or ``joint_names`` and ``parents``; what `Source.metainfo` says
            of the joints goes first.
        unit (str | None): Unit of its lengths, where the file says it:
            ``m``, ``cm`` and ``mm`` become metres, others stay.
        up (str | None): Axis that points up, where the file says it; it
            becomes y.
    """

    annotation: dict[str, Any]
    mended: tuple[str, ...] = ()
    layout: Any = None
    unit: str | None = None
    up: str | None = None


@dataclass(frozen=True)
class Skipped:
    """A file that could not be used.

    Attributes:
        path (str): The file.
        reason (str): Why, one sentence.
    """

    path: str
    reason: str


class Source(ABC):
    """A folder, or a file, of recordings in a format of their own.

    A source is made in the main process and pickled to the workers: it holds
    paths, options and small tables, never keypoints.

    Attributes:
        root (Path): Folder or file.
        skipped (list[Skipped]): Files that `items` found and left out.
        mended (list[tuple[str, str]]): File and what `items` repaired of
            it, where it is none of a single recording.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        self.skipped: list[Skipped] = []
        self.mended: list[tuple[str, str]] = []

    def options(self) -> dict[str, Any]:
        """What `read` depends on beside the item and its file.

        Two sources with equal options read an item alike, so that one may
        go on where the other was interrupted.

        Returns:
            dict[str, Any]: All attributes but the root and what begins with
            an underscore; a source with large tables returns less.
        """
        return {
            key: value
            for key, value in vars(self).items()
            if key not in ('root', 'skipped', 'mended')
            and not key.startswith('_')
        }

    @abstractmethod
    def items(self) -> list[Item]:
        """Recordings in a fixed order; reads names and labels only.

        Returns:
            list[Item]: Maybe empty.

        Raises:
            SequenceError: If the folder as a whole cannot be used.
            FileNotFoundError: If there is no such folder.
        """

    @abstractmethod
    def read(self, item: Item) -> Recording:
        """Read one recording, in any process.

        Args:
            item (Item): One of `items`.

        Returns:
            Recording: Its annotation: ``frame_dir``, ``total_frames``,
            ``keypoint`` (M, T, V, C) and the fields of the item.

        Raises:
            SequenceError: If the file cannot be used.
        """

    @abstractmethod
    def metainfo(self) -> dict[str, Any]:
        """Facts of all recordings, known once `items` has run.

        Returns:
            dict[str, Any]: ``classes``, ``joint_names``, ``parents`` or
            ``layout``, ``fps``, ``dataset``.
        """

    def splits(self, names: Sequence[str]) -> dict[str, list[str]]:
        """Splits of the recordings that were converted.

        Args:
            names (Sequence[str]): Their names.

        Returns:
            dict[str, list[str]]: Names of each split; a source without
            splits of its own gives none.
        """
        return {}
