"""A folder of files that are a recording each, of any format."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmsnip.io.formats import READERS, group_frames
from mmsnip.io.formats.column_map import load_column_map
from mmsnip.io.labels import OVERLAPS, read_labels
from mmsnip.prepare.joints import read_for
from mmsnip.prepare.labels import (
    label_fields,
    labelled,
    labelled_splits,
    match_names,
    usual_label,
)
from mmsnip.structures import DataError, Recording
from mmsnip.structures.files import safe_name

__all__ = [
    'FolderSource',
    'Item',
    'Skipped',
    'Source',
    'check_folder',
    'files_below',
]

_OURS = ('.report.json', '.recording')  # what a conversion writes


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


class FolderSource(Source):
    """A folder, with all folders in it, of files that are read.

    A recording is called as its file, with the folders below the root and
    without the ending; a folder whose files are frames is one recording.
    """

    def __init__(
        self,
        root: str | Path,
        endings: Collection[str] | None = None,
        reading: Mapping[str, Any] | None = None,
        frames_in_folders: bool | None = None,
        classes_from_folders: bool = False,
        labels: str | Path | None = None,
        labels_kind: str | None = None,
        labels_unit: str | None = None,
        tiers: Sequence[str] | None = None,
        background: Sequence[str] | None = None,
        overlaps: str = 'keep',
        keep_unlabelled: bool = False,
        val_fraction: float = 0.2,
        seed: int = 0,
    ) -> None:
        super().__init__(root)
        if not 0 <= val_fraction < 1:
            raise DataError(f'val_fraction={val_fraction} must be in [0, 1)')
        if overlaps not in OVERLAPS:
            raise DataError(
                f'overlaps={overlaps!r} is unknown; use one of '
                f'{sorted(OVERLAPS)}'
            )
        if labels is not None and classes_from_folders:
            raise DataError('give labels or classes_from_folders, not both')
        self.endings = sorted(READERS if endings is None else endings)
        self.reading = dict(reading or {})
        columns = self.reading.get('columns')
        if isinstance(columns, (str, os.PathLike)):
            self.reading['columns'] = load_column_map(columns)
        self.overlaps = overlaps
        self.val_fraction = val_fraction
        self.seed = seed
        self._frames_in_folders = frames_in_folders
        self._by_folder = classes_from_folders
        self._labels = labels
        self._labels_kind = labels_kind
        options = dict(unit=labels_unit, tiers=tiers, background=background)
        self._label_options = {
            key: value for key, value in options.items() if value is not None
        }
        self._keep_unlabelled = keep_unlabelled
        self._classes: list[str] | None = None
        self._class_of: dict[str, int | None] = {}  # None: not labelled
        self._splits: dict[str, list[str]] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Leave the tables here; an item carries its own labels."""
        return {**vars(self), '_labels': None, '_class_of': {}, '_splits': {}}

    def options(self) -> dict[str, Any]:
        """What `read` depends on."""
        return dict(reading=self.reading, overlaps=self.overlaps)

    def items(self) -> list[Item]:
        """Recordings in the order of their names."""
        self.skipped, self.notes = [], []
        self._class_of, self._splits = {}, {}
        files = self._recordings()
        labels = self._read_labels(files)
        items = []
        for name, path in files.items():
            there = labels is None or name in labels
            fields: dict[str, Any] = {}
            if labels is not None and there:
                fields = dict(labels[name])
            elif not there and not self._keep_unlabelled:
                self.skip(path, 'it has no label')
                continue
            self._class_of[name] = usual_label(fields) if there else None
            if path.is_dir():
                with os.scandir(path) as entries:
                    stats = [e.stat() for e in entries if e.is_file()]
                fields['frame_files'] = [
                    len(stats),
                    sum(stat.st_size for stat in stats),
                    max((stat.st_mtime_ns for stat in stats), default=0),
                ]
            items.append(Item(name, str(path), fields))
        for name in sorted(set(labels or ()) - set(files)):
            self.skip(name, 'has labels, but no file')
        return items

    def _recordings(self) -> dict[str, Path]:
        """Files, and folders of frames, by the names of the recordings."""
        root, files, labels = self.root, [], self._labels
        place = None if labels is None else Path(labels).resolve()
        for path in files_below(root, self.skipped):
            if path.name.endswith(_OURS) or _is_label(path, place, root):
                continue
            if path.suffix.lower() in self.endings:
                files.append(path)
                continue
            listed = ', '.join(self.endings)
            self.skip(path, f'ends in {path.suffix!r}; read are {listed}')
        found: dict[str, Path] = {}
        for path in group_frames(files, self._frames_in_folders):
            if path == root:
                name = path.resolve().name
            else:
                bare = path if path.is_dir() else path.with_suffix('')
                name = bare.relative_to(root).as_posix()
            try:
                safe_name(name, path)
            except DataError as error:
                self.skip(path, str(error))
                continue
            if name in found:
                self.skip(path, f'{name!r} is also the name of {found[name]}')
                continue
            found[name] = path
        return found

    def _read_labels(
        self, files: Mapping[str, Path]
    ) -> dict[str, dict[str, Any]] | None:
        """Fields of each recording that has labels; sets the classes."""
        if self._by_folder:
            folder_of = {
                name: path.parent.name
                for name, path in files.items()
                if self.root not in (path, path.parent)
            }
            self._classes = sorted(set(folder_of.values()))
            return {
                name: dict(label=self._classes.index(folder))
                for name, folder in folder_of.items()
            }
        if self._labels is None:
            return None
        options = self._label_options
        try:
            label_set = read_labels(self._labels, self._labels_kind, **options)
        except TypeError as error:
            raise DataError(
                f'{sorted(options)} do not belong to labels such as '
                f'{self._labels}: labels_unit is of tables, tiers of ELAN'
            ) from error
        self._classes = label_set.classes
        self.notes += [(str(self._labels), what) for what in label_set.mended]
        matched, reasons = match_names(label_set.videos, files)
        for reason in reasons.items():
            self.skip(*reason)
        name_of = {video: name for name, video in matched.items()}
        self._splits = {
            split: [name_of.get(video, video) for video in members]
            for split, members in label_set.splits.items()
        }
        return {
            name: label_fields(label_set.videos[video], self._classes)
            for name, video in matched.items()
        }

    def read(self, item: Item, layout: Any = None) -> Recording:
        """Read a file, by its ending."""
        return read_for(item.path, layout, **self.reading)

    def label(self, item: Item, recording: Recording) -> Recording:
        """Put the labels of a file, or a folder's name, to a recording."""
        classes = None if self._classes is None else len(self._classes)
        return labelled(recording, item.fields, self.overlaps, classes)

    def metainfo(self) -> dict[str, Any]:
        """Name and classes, where these are known."""
        metainfo: dict[str, Any] = dict(dataset=self.root.resolve().name)
        if self._classes is not None:
            metainfo['classes'] = list(self._classes)
        return metainfo

    def splits(self, names: Sequence[str]) -> dict[str, list[str]]:
        """Those of the label file, or a drawn part of each class."""
        drawn = self.val_fraction, self.seed
        return labelled_splits(names, self._class_of, *drawn, self._splits)


def _is_label(path: Path, labels: Path | None, root: Path) -> bool:
    """Whether a file below the root belongs to the labels."""
    if labels is None:
        return False
    path, root = path.resolve(), root.resolve()
    if path == labels or path.suffix.lower() == '.eaf':
        return True
    return root in labels.parents and labels in path.parents
