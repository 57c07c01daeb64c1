"""A memory-mapped annotation file that all workers and ranks share.

A safetensors file. For N videos whose joints are R rows, a row being one
person in one frame:

- ``keypoint`` (R, V, C) F32 or F16, filled up to a multiple of 4 rows. A
  video is one block of T * M rows, frame after frame, so that a window of it
  is one stretch of bytes. ``row_offsets`` (N + 1) cut the blocks, ``persons``
  (N) is M, ``body_mask`` (R) tells rows that are not all zero.
- ``keypoint_score`` (.., V), cut by ``score_offsets``: only where any video
  has scores.
- ``segments`` (.., 2) and ``segment_labels``, cut by ``segment_offsets``;
  ``has_segments`` (N) is 0 for a video without, 1 for one with none or more.
- ``label`` (N), -1 for none; ``fps`` (N), NaN for none.
- ``names`` UTF-8, cut by ``name_offsets``; ``name_order`` (N) sorts them.
- ``fields``: all other fields of a video as JSON, cut by ``field_offsets``.
- ``split/NAME``: indices of a split's videos.

The header's text has ``format``, ``version`` and ``metainfo`` (JSON).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from mmsnip.structures.errors import DataError, show

__all__ = ['SkeletonStore', 'from_json', 'is_store', 'to_json']

FORMAT, VERSION, SPLIT = 'mmsnip-store', '1', 'split/'
DTYPES = dict(F64='<f8', F32='<f4', F16='<f2', I64='<i8', I32='<i4', U8='|u1')
MAX_HEADER = 2**24  # 16 MiB; a store's header has a few kilobytes
_PACK = 'pack the annotation file again with tools/prepare_data.py pack'
_COPY = 'is the file cut off? copy it, or write it again'
_CUT_BY = dict(  # what the offsets of that name cut into videos
    row_offsets='body_mask',
    segment_offsets='segment_labels',
    name_offsets='names',
    field_offsets='fields',
    score_offsets='keypoint_score',
)


def is_store(path: str | os.PathLike[str]) -> bool:
    """Whether a file is a store rather than a pickle, by its first bytes."""
    path = Path(path)
    if path.suffix == '.safetensors':
        return True
    if not path.is_file():
        return False
    with path.open('rb') as file:
        head = file.read(9)
    length = int.from_bytes(head[:8], 'little')
    return head[8:] == b'{' and length <= path.stat().st_size - 8


def _refused(path: str, key: str, text: str, remedy: str = _PACK) -> DataError:
    return DataError(
        f'annotation file {path!r} cannot be used, key {key!r}: {text}; '
        f'{remedy}'
    )


def _open(path: str) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Views of all tensors, and the text beside them.

    safetensors checks the header against the file. Its slices are copies,
    so the views that a window is cut from are made here.
    """
    from safetensors import SafetensorError, safe_open

    with open(path, 'rb') as file:
        length = int.from_bytes(file.read(8), 'little')
        if length > MAX_HEADER:
            text = f'found a length of {length} bytes, at most {MAX_HEADER}'
            raise _refused(path, 'header', text, _COPY)
        try:
            with safe_open(path, framework='np'):
                header = json.loads(file.read(length))
        except (SafetensorError, OSError, ValueError, RecursionError) as error:
            text = f'found no safetensors file ({error!s:.200})'
            raise _refused(path, 'header', text, _COPY) from None
        content = np.asarray(np.memmap(file, np.uint8, mode='r'))
    metadata = header.pop('__metadata__', {})
    tensors = {}
    for name, entry in header.items():
        start, end = (8 + length + n for n in entry['data_offsets'])
        dtype = DTYPES.get(entry['dtype'], '|u1')
        values = content[start:end].view(dtype)
        shape = entry['shape'] if entry['dtype'] in DTYPES else (-1, 1)
        tensors[name] = values.reshape(shape)
    return tensors, metadata


class SkeletonStore:
    """Videos of a file that `mmsnip.io.store_writer.write_store` wrote.

    Opening reads a few kilobytes and the numbers that say where each video
    lies. Joints lie frame after frame, so that a window is one stretch of
    the file; the arrays handed out are read-only views of it, and the pages
    behind them belong to the system's file cache, once for all processes. A
    copy sent to another process opens the file there. The file must not be
    changed in place; write a new one over it (`write_store` does), open
    stores keep the old one.

    Its items have the form of ``annotations``: one dict a video, the
    joints read when they are looked at.

    Args:
        path (str | os.PathLike[str]): File.

    Attributes:
        path (str): The file.
        num_joints (int): V.
        num_channels (int): C.
        dtype (np.dtype): Of the joints, float32 or float16.
        splits (dict[str, np.ndarray]): Indices of each split's videos.

    Raises:
        DataError: If the file is cut off, or no store.
        OSError: If it cannot be opened.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        status = os.stat(self.path)
        self._stamp = status.st_size, status.st_mtime_ns
        self._tensors, self._metadata = _open(self.path)
        for key, wanted in (('format', FORMAT), ('version', VERSION)):
            if self._metadata.get(key) != wanted:
                text = f'found {self._metadata.get(key)!r}; expected {wanted}'
                raise self._refused(f'__metadata__.{key}', text)
        self._check_shapes()
        self._check_places()
        keypoint = self._tensors['keypoint']
        self.num_joints, self.num_channels = keypoint.shape[1:]
        self.dtype = keypoint.dtype
        self.splits = {
            name[len(SPLIT) :]: values
            for name, values in self._tensors.items()
            if name.startswith(SPLIT)
        }

    def _refused(self, key: str, text: str) -> DataError:
        return _refused(self.path, key, text)

    def _check_shapes(self) -> None:
        found = self._tensors
        N = len(found.get('persons', ()))
        V, C = (*found.get('keypoint', np.zeros(3)).shape, 0, 0)[1:3]
        many = len(found.get('segment_labels', ()))
        wanted: dict[str, tuple[str, tuple]] = dict(
            keypoint=('f', (None, V, C)),
            segments=('i8', (many, 2)),
            segment_labels=('i8', (many,)),
            persons=('i4', (N,)),
            has_segments=('u1', (N,)),
            fps=('f8', (N,)),
            body_mask=('u1', (None,)),
            names=('u1', (None,)),
            fields=('u1', (None,)),
        )
        wanted |= dict.fromkeys(('label', 'name_order'), ('i8', (N,)))
        wanted |= dict.fromkeys(list(_CUT_BY)[:4], ('i8', (N + 1,)))
        wanted |= {k: ('i8', (None,)) for k in found if k.startswith(SPLIT)}
        if 'keypoint_score' in found or 'score_offsets' in found:
            wanted['keypoint_score'] = ('f', (None, V))
            wanted['score_offsets'] = ('i8', (N + 1,))
        for name, (dtype, shape) in wanted.items():
            there = found.get(name, np.zeros(()))
            fits = len(there.shape) == len(shape) and all(
                want in (None, size) for want, size in zip(shape, there.shape)
            )
            if not fits or not there.dtype.str[1:].startswith(dtype):
                text = f'found {show(found.get(name))}; expected {dtype} of '
                raise self._refused(name, f'{text}shape {shape}')
        rows = len(found['keypoint'])
        if N == 0 or 0 in found['keypoint'].shape:
            raise self._refused('persons', 'found no video')
        if len(found['body_mask']) > rows:
            raise self._refused('body_mask', f'found more than {rows} rows')

    def _check_places(self) -> None:
        """Offsets inside what they cut, indices of videos."""
        found = self._tensors
        for name, cut in _CUT_BY.items():
            values = found.get(name, np.zeros(1, np.int64))
            end = len(found.get(cut, ()))
            if values[0] or values[-1] > end or (np.diff(values) < 0).any():
                text = f'found {values[0]}..{values[-1]}; expected ascending '
                raise self._refused(name, f'{text}places in 0..{end}')
        rows, persons = np.diff(found['row_offsets']), found['persons']
        per_person = rows % np.maximum(persons, 1) == 0
        if not ((persons > 0) & (rows > 0) & per_person).all():
            text = 'expected as many rows for each person, at least one'
            raise self._refused('row_offsets', text)
        scores = np.diff(found.get('score_offsets', np.zeros(1)))
        if len(scores) and ((scores != rows) & (scores != 0)).any():
            text = 'expected a row for each row of keypoint, or none'
            raise self._refused('score_offsets', text)
        for name, values in found.items():
            wrong = (values < 0) | (values >= len(self))
            if name.startswith(SPLIT) and wrong.any():
                text = f'expected the index of one of {len(self)} videos'
                raise self._refused(name, text)

    def __reduce__(self) -> tuple:
        """Open the same file in another process."""
        return _reopen, (type(self), os.path.abspath(self.path), self._stamp)

    def __repr__(self) -> str:
        """Class and file."""
        return f'{type(self).__name__}({self.path!r})'

    def __len__(self) -> int:
        """Number of videos."""
        return len(self._tensors['persons'])

    def __getitem__(self, i: int) -> dict[str, Any]:
        """Entry of ``annotations``, its joints as a read-only view."""
        video = self.info(i)
        video['keypoint'] = self.keypoint(i)
        score = self.keypoint_score(i)
        if score is not None:
            video['keypoint_score'] = score
        return video

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Entries of ``annotations``."""
        return (self[i] for i in range(len(self)))

    @property
    def metainfo(self) -> dict[str, Any]:
        """Metainfo of the annotation file, builtin types only."""
        return self._json('metainfo', self._metadata.get('metainfo', '{}'))

    @cached_property
    def names(self) -> list[str]:
        """``frame_dir`` of each video."""
        return [
            self._text('names', 'name_offsets', i) for i in range(len(self))
        ]

    def name(self, i: int) -> str:
        """``frame_dir`` of a video."""
        return self.names[self._at(i)]

    def num_frames(self, i: int) -> int:
        """Frames of a video, T."""
        start, end = self._cut('row_offsets', i)
        return (end - start) // int(self._tensors['persons'][i])

    def info(self, i: int) -> dict[str, Any]:
        """All fields of a video but its joints and scores."""
        i = self._at(i)
        text = self._text('fields', 'field_offsets', i)
        found = self._json(f'fields[{i}]', text) if text else {}
        found.update(frame_dir=self.name(i), total_frames=self.num_frames(i))
        if self._tensors['has_segments'][i]:
            rows = slice(*self._cut('segment_offsets', i))
            for key in ('segments', 'segment_labels'):
                found[key] = self._tensors[key][rows].copy()
        label = int(self._tensors['label'][i])
        fps = float(self._tensors['fps'][i])
        if label >= 0:
            found['label'] = label
        if fps == fps:
            found['fps'] = fps
        return found

    def keypoint(
        self, i: int, start: int = 0, end: int | None = None
    ) -> np.ndarray:
        """Joints of some frames; no other frame is read."""
        return self._frames('keypoint', 'row_offsets', i, start, end)

    def body_mask(
        self, i: int, start: int = 0, end: int | None = None
    ) -> np.ndarray:
        """Where somebody is present, (M, end - start) bool; see `keypoint`."""
        mask = self._frames('body_mask', 'row_offsets', i, start, end)
        return np.ascontiguousarray(mask != 0)

    def keypoint_score(
        self, i: int, start: int = 0, end: int | None = None
    ) -> np.ndarray | None:
        """Scores (M, end - start, V) or None; see `keypoint`."""
        i = self._at(i)
        if 'score_offsets' not in self._tensors or not np.diff(
            self._cut('score_offsets', i)
        ):
            return None
        return self._frames('keypoint_score', 'score_offsets', i, start, end)

    def check(self, num_classes: int | None) -> Iterator[tuple]:
        """Video, key and text of what is wrong beside the joints."""
        found, names = self._tensors, self.names
        if len(set(names)) != len(names) or not all(names):
            text = f'found {len(set(names))} names for {len(names)} videos'
            yield None, 'names', f'{text}; {_PACK}'
        offsets = found['segment_offsets']
        owner = np.repeat(np.arange(len(self)), np.diff(offsets))
        frames = np.diff(found['row_offsets']) // found['persons']
        segments = found['segments'][: offsets[-1]]
        labels = found['segment_labels'][: offsets[-1]]
        start, end = segments.T
        limit = float('inf') if num_classes is None else num_classes
        every = np.arange(len(self))
        fps, label = found['fps'], found['label']
        for key, owners, wrong, values, expected in (
            ('segments', owner,
             (start < 0) | (start >= end) | (end > frames[owner]), segments,
             '0 <= start < end <= total_frames'),
            ('segment_labels', owner, (labels < 0) | (labels >= limit), labels,
             f'the index of one of {num_classes} classes'),
            ('label', every, label >= limit, label,
             f'the index of one of {num_classes} classes'),
            ('fps', every, (fps <= 0) | (fps >= 1e6), fps,
             'a positive number of frames a second'),
        ):  # fmt: skip
            for row in np.flatnonzero(wrong)[:1].tolist():
                text = f'found {values[row].tolist()}; expected {expected}'
                yield names[owners[row]], key, f'{text}; {_PACK}'

    def _at(self, i: int) -> int:
        """Index of a video, counted from the first one."""
        if not -len(self) <= i < len(self):
            raise IndexError(
                f'video {int(i)} is outside {self.path}, which has '
                f'{len(self)} videos'
            )
        return int(i) % len(self)

    def _cut(self, name: str, i: int) -> list[int]:
        i = self._at(i)
        return self._tensors[name][i : i + 2].tolist()

    def _frames(
        self, name: str, offsets: str, i: int, start: int, end: int | None
    ) -> np.ndarray:
        """View (M, end - start, ...) of the frames of a video."""
        i = self._at(i)
        T, M = self.num_frames(i), int(self._tensors['persons'][i])
        end = T if end is None else end
        if not 0 <= start <= end <= T:
            raise IndexError(
                f'frames [{start}, {end}) are outside video '
                f'{self.name(i)!r} of {self.path}, which has {T} frames'
            )
        first = self._cut(offsets, i)[0]
        rows = self._tensors[name]
        block = rows[first + start * M : first + end * M]
        return block.reshape(end - start, M, *rows.shape[1:]).swapaxes(0, 1)

    def _text(self, name: str, offsets: str, i: int) -> str:
        content = self._tensors[name][slice(*self._cut(offsets, i))].tobytes()
        try:
            return content.decode('utf-8')
        except UnicodeDecodeError:
            text = f'found {show(content)}, no UTF-8 text'
            raise self._refused(f'{name}[{i}]', text) from None

    def _json(self, key: str, text: str) -> dict[str, Any]:
        try:
            found = from_json(text)
        except ValueError as error:
            found = error
        if not isinstance(found, dict):
            text = f'found {show(found)}; expected a JSON object'
            raise self._refused(key, text)
        return found


def _reopen(kind: type, path: str, stamp: tuple) -> SkeletonStore:
    """The store of another process, if its file is still the same."""
    store = kind(path)
    if store._stamp != stamp:
        text = 'found another file than the one that was open'
        raise _refused(path, 'file', text, 'build the data set again')
    return store


_TUPLE, _ITEMS = '!tuple', '!items'


def to_json(value: Any) -> str:
    """JSON text that keeps tuples and keys that are no text."""

    def encode(value: Any) -> Any:
        if isinstance(value, np.generic):
            value = value.item()
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        if isinstance(value, list):
            return [encode(item) for item in value]
        if isinstance(value, tuple):
            return {_TUPLE: [encode(item) for item in value]}
        if isinstance(value, dict):
            if all(isinstance(k, str) and k[:1] != '!' for k in value):
                return {key: encode(item) for key, item in value.items()}
            items = [[encode(k), encode(v)] for k, v in value.items()]
            return {_ITEMS: items}
        raise TypeError(type(value).__name__)

    try:
        return json.dumps(encode(value))
    except RecursionError:
        raise ValueError('it is nested too deeply') from None


def from_json(text: str) -> Any:
    """The value that `to_json` was given."""

    def decode(found: dict) -> Any:
        if set(found) == {_TUPLE}:
            return tuple(found[_TUPLE])
        return dict(found[_ITEMS]) if set(found) == {_ITEMS} else found

    try:
        return json.loads(text, object_hook=decode)
    except (TypeError, RecursionError) as error:
        raise ValueError(f'malformed text ({error})') from None
