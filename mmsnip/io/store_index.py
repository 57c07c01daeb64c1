"""What a store knows of its videos without looking at their joints."""

from __future__ import annotations

import mmap
import os
from pathlib import Path
from typing import Any

import numpy as np

from mmsnip.io.plain_json import from_json
from mmsnip.io.store_layout import (
    SPLIT,
    check_format,
    check_layout,
    check_offsets,
)
from mmsnip.io.tensor_file import DTYPES, read_header, refuse
from mmsnip.structures.errors import show

__all__ = ['StoreIndex']

_PACK = 'pack the annotation file again'
_CUT_BY = dict(  # what the offsets of that name cut into videos
    row_offsets='body_mask',
    score_offsets='keypoint_score',
    segment_offsets='segment_labels',
    name_offsets='names',
    field_offsets='fields',
)


class StoreIndex:
    """Names, splits and labels of a mapped file, each read when asked for.

    Args:
        path (str | os.PathLike[str]): File.

    Attributes:
        path (str): The file.
        num_joints (int): V.
        num_channels (int): C.
        dtype (np.dtype): Of the joints, float32 or float16.

    Raises:
        AnnotationError: If the file is cut off, or no store.
        OSError: If it cannot be opened.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        with Path(self.path).open('rb') as file:
            self._places, self._metadata = read_header(self.path, file)
            check_format(self.path, self._metadata)
            check_layout(self.path, self._places)
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            status = os.fstat(file.fileno())
        self._stamp = (status.st_size, status.st_mtime_ns)
        self._columns: dict[str, np.ndarray] = {}
        place = self._places['keypoint']
        self.num_joints, self.num_channels = place.shape[1:]
        self.dtype = DTYPES[place.dtype]

    def __reduce__(self) -> tuple:
        """Open the same file in another process."""
        return _reopen, (type(self), os.path.abspath(self.path), self._stamp)

    def __repr__(self) -> str:
        """Class and file."""
        return f'{type(self).__name__}({self.path!r})'

    def __len__(self) -> int:
        """Number of videos."""
        return self._places['persons'].shape[0]

    def _at(self, i: int) -> int:
        """Index of a video, counted from the first one."""
        if not -len(self) <= i < len(self):
            raise IndexError(
                f'video {int(i)} is outside {self.path}, which has '
                f'{len(self)} videos'
            )
        return int(i) % len(self)

    def column(self, name: str) -> np.ndarray:
        """Tensor of the file, checked at its first use.

        Args:
            name (str): As in the header; see `write_store`.

        Returns:
            np.ndarray: Read-only view.

        Raises:
            AnnotationError: If it points outside the file.
        """
        found = self._columns.get(name)
        if found is None:
            found = self._columns[name] = self._check(name, self._view(name))
        return found

    def _view(self, name: str) -> np.ndarray:
        place = self._places[name]
        dtype = DTYPES[place.dtype]
        count = place.size // dtype.itemsize
        if not count:  # nothing to map
            return np.zeros(place.shape, dtype)
        flat = np.frombuffer(self._map, dtype, count, place.start)
        return flat.reshape(place.shape)

    def _check(self, name: str, values: np.ndarray) -> np.ndarray:
        """Places inside the file, indices of videos; the rest passes."""
        if name in _CUT_BY:
            length = self._places[_CUT_BY[name]].shape[0]
            check_offsets(self.path, name, values, length)
        wrong, expected = np.zeros(len(values), bool), ''
        if name == 'row_offsets':
            persons = self.column('persons')
            sizes = np.diff(values)
            wrong = (persons < 1) | (sizes < 1)
            wrong |= sizes % np.maximum(persons, 1) != 0
            expected = 'as many rows for each person, at least one'
        elif name == 'score_offsets':
            rows = np.diff(self.column('row_offsets'))
            sizes = np.diff(values)
            wrong = (sizes != rows) & (sizes != 0)
            expected = 'a row for each row of keypoint, or none'
        elif name == 'name_order' or name.startswith(SPLIT):
            wrong = (values < 0) | (values >= len(self))
            expected = f'the index of one of {len(self)} videos'
        if wrong.any():
            i = int(wrong.argmax())
            found = f'{int(values[i])} in row {i}'
            raise refuse(self.path, name, found, expected, _PACK)
        return values

    def _text(self, name: str, offsets: str, i: int) -> str:
        """Text of a video."""
        start, end = self.column(offsets)[i : i + 2].tolist()
        place = self._places[name].start
        content = self._map[place + start : place + end]
        try:
            return content.decode('utf-8')
        except UnicodeDecodeError:
            key = f'{name}[{i}]'
            expected = 'UTF-8 text'
            raise refuse(
                self.path, key, show(content), expected, _PACK
            ) from None

    def _json(self, key: str, text: str) -> dict[str, Any]:
        try:
            found = from_json(text)
            message = show(found)
        except ValueError as error:
            found, message = None, str(error)
        if not isinstance(found, dict):
            raise refuse(self.path, key, message, 'a JSON object', _PACK)
        return found

    @property
    def metainfo(self) -> dict[str, Any]:
        """Metainfo of the annotation file, builtin types only."""
        return self._json('metainfo', self._metadata.get('metainfo', '{}'))

    @property
    def names(self) -> list[str]:
        """Name of each video."""
        return [self.name(i) for i in range(len(self))]

    @property
    def splits(self) -> dict[str, np.ndarray]:
        """Indices of each split's videos, (num_videos,) int64."""
        return {
            name[len(SPLIT) :]: self.column(name)
            for name in self._places
            if name.startswith(SPLIT)
        }

    def name(self, i: int) -> str:
        """``frame_dir`` of a video."""
        return self._text('names', 'name_offsets', self._at(i))

    def index_of(self, name: str) -> int:
        """Index of a video.

        Args:
            name (str): ``frame_dir``.

        Returns:
            int: Found by a binary search, no table of names is built.

        Raises:
            KeyError: If there is no such video.
        """
        order = self.column('name_order')
        wanted = name.encode('utf-8', 'replace')
        low, high = 0, len(self)
        while low < high:
            middle = (low + high) // 2
            if self.name(order[middle]).encode('utf-8') < wanted:
                low = middle + 1
            else:
                high = middle
        if low < len(self) and self.name(order[low]) == name:
            return int(order[low])
        raise KeyError(f'{self.path} has no video {name!r}')

    def num_frames(self, i: int) -> int:
        """Frames of a video, T."""
        i = self._at(i)
        start, end = self.column('row_offsets')[i : i + 2].tolist()
        return (end - start) // int(self.column('persons')[i])

    def info(self, i: int) -> dict[str, Any]:
        """All fields of a video but its joints and scores.

        Args:
            i (int): Video.

        Returns:
            dict[str, Any]: Fields of the annotation file that the video was
            written with; arrays are copies.

        Raises:
            IndexError: If there is no such video.
            AnnotationError: If the fields are malformed.
        """
        i = self._at(i)
        text = self._text('fields', 'field_offsets', i)
        found = self._json(f'fields[{i}]', text) if text else {}
        found.update(frame_dir=self.name(i), total_frames=self.num_frames(i))
        if self.column('has_segments')[i]:
            start, end = self.column('segment_offsets')[i : i + 2].tolist()
            found['segments'] = self.column('segments')[start:end].copy()
            labels = self.column('segment_labels')[start:end]
            found['segment_labels'] = labels.copy()
        label = int(self.column('label')[i])
        fps = float(self.column('fps')[i])
        if label >= 0:
            found['label'] = label
        if fps == fps:
            found['fps'] = fps
        return found


def _reopen(kind: type, path: str, stamp: tuple) -> StoreIndex:
    """The store of another process, if its file is still the same."""
    store = kind(path)
    if store._stamp != stamp:
        found = 'another file than the one that was open'
        remedy = 'build the data set again'
        raise refuse(path, 'file', found, 'the same file', remedy)
    return store
