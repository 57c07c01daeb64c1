"""Data sets that others prepared, converted a video at a time."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from mmsnip.conversion.source import Item, Recording, Skipped, Source
from mmsnip.io.formats.prepared import Prepared, open_prepared
from mmsnip.io.reading import SequenceError, safe_name
from mmsnip.structures.errors import is_int, show

__all__ = ['PreparedSource', 'add_prepared_arguments']

ENDINGS = ('.npy', '.npz', '.pickle', '.pkl')


def add_prepared_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `PreparedSource`.

    Args:
        parser (argparse.ArgumentParser): Changed in place.
    """
    parser.add_argument(
        '--label-pickle',
        dest='labels',
        metavar='PATH',
        help='of an .npy file, where it does not lie beside as '
        'train_label.pkl',
    )


class PreparedSource(Source):
    """A file that another project prepared, or a folder of such files.

    The keys in a file say which kind it is, see `open_prepared`. Files of a
    folder, as ``train_data_joint.npy`` and ``val_data_joint.npy``, become
    one data set; they must have the same classes.

    Args:
        root (str | Path): File, or folder.
        labels (str | Path, optional): Label pickle of a single ``.npy``
            file; None looks for it beside.
    """

    def __init__(
        self, root: str | Path, labels: str | Path | None = None
    ) -> None:
        super().__init__(root)
        self.labels = None if labels is None else str(labels)
        self._metainfo: dict[str, Any] = {}
        self._splits: dict[str, list[str]] = {}

    def __getstate__(self) -> dict[str, Any]:
        """Leave the tables here."""
        return {**vars(self), '_metainfo': {}, '_splits': {}, 'skipped': []}

    def items(self) -> list[Item]:
        """Videos in the order of the files, and of each file."""
        self.skipped, self._metainfo, self._splits = [], {}, {}
        items, stated = [], ''
        for path in self._files():
            try:
                prepared = _opened(path, self.labels)
            except (ValueError, FileNotFoundError) as error:
                if not self.root.is_dir():
                    raise
                self.skipped.append(Skipped(str(path), str(error)))
                continue
            for index, name in enumerate(prepared.names):
                item = self._item(path, prepared, index, name)
                if item is not None:
                    items.append(item)
            self._take(path, prepared, stated)
            stated = stated or str(path)
        return items

    def _files(self) -> list[Path]:
        if self.root.is_file():
            return [self.root]
        if not self.root.is_dir():
            raise FileNotFoundError(f'{self.root} does not exist')
        found = sorted(
            path
            for path in self.root.iterdir()
            if path.suffix.lower() in ENDINGS and path.name[0] != '.'
        )
        # Labels lie beside their arrays; they are no data set of their own.
        return [path for path in found if not path.stem.endswith('_label')]

    def _item(
        self, path: Path, prepared: Prepared, index: int, name: str
    ) -> Item | None:
        try:
            safe_name(name, path)
        except SequenceError as error:
            self.skipped.append(Skipped(str(path), str(error)))
            return None
        fields: dict[str, Any] = dict(row=index)
        label = prepared.labels[index]
        if is_int(label):
            fields['label'] = int(label)
        return Item(name, str(path), fields, prepared.label_files)

    def _take(self, path: Path, prepared: Prepared, stated: str) -> None:
        """Metainfo and splits of one more file."""
        metainfo = dict(prepared.metainfo)
        if stated:
            ours = self._metainfo.get('classes')
            theirs = metainfo.get('classes')
            if not _agree(ours, theirs):
                raise SequenceError(
                    f'{path} has the classes {show(theirs)[:120]}, {stated} '
                    f'has {show(ours)[:120]}; convert one of them at a time'
                )
            if len(theirs or ()) < len(ours or ()):
                metainfo['classes'] = ours
        self._metainfo.update(metainfo)
        for split, names in prepared.splits.items():
            self._splits.setdefault(split, []).extend(names)

    def read(self, item: Item) -> Recording:
        """Read one row; pickles are kept open by each process."""
        prepared = _opened(Path(item.path), self.labels)
        row = item.fields['row']
        if row >= len(prepared.names) or prepared.names[row] != item.name:
            raise SequenceError(f'{item.path} has changed; start again')
        annotation = dict(prepared.entry(row))
        keypoint = annotation.get('keypoint')
        if isinstance(keypoint, np.ndarray) and keypoint.dtype.kind == 'f':
            annotation['keypoint'] = keypoint.astype(np.float32, copy=False)
        return Recording(annotation)

    def metainfo(self) -> dict[str, Any]:
        """What the files say, or their kind fixes."""
        return dict(dict(dataset=self.root.resolve().stem), **self._metainfo)

    def splits(self, names: Sequence[str]) -> dict[str, list[str]]:
        """Splits of the files."""
        known = set(names)
        return {
            split: [name for name in members if name in known]
            for split, members in self._splits.items()
        }


def _agree(ours: Any, theirs: Any) -> bool:
    """Whether classes are the same, or one has more that were counted."""
    if ours is None or theirs is None:
        return ours is theirs
    shared = min(len(ours), len(theirs))
    counted = str(ours[:1]) == str(theirs[:1]) == "['class_0']"
    same = len(ours) == len(theirs) or counted
    return same and list(ours[:shared]) == list(theirs[:shared])


def _opened(path: Path, labels: str | None) -> Prepared:
    """The file, opened once in each process while it stays as it is."""
    stat = os.stat(path)
    return _open(str(path), labels, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=4)
def _open(path: str, labels: str | None, *_: int) -> Prepared:
    return open_prepared(path, labels)
