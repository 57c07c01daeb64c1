"""Write the store: one file whose frames are read where they lie."""

from __future__ import annotations

import json
import math
import os
import shutil
import tempfile
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from mmsnip.io.annotation import (
    Problem,
    annotation_error,
    check_metainfo,
    check_video,
    name_problems,
    split_problems,
)
from mmsnip.io.store import (
    DTYPES,
    FORMAT,
    MAX_HEADER,
    SPLIT,
    VERSION,
    to_json,
)
from mmsnip.structures.errors import show
from mmsnip.structures.files import draft_of
from mmsnip.structures.plain import to_plain

__all__ = ['write_store']

_TYPES = {'float32': 'F32', 'float16': 'F16'}
_PAGE = 4096  # the joints begin on a page of their own
_ROOM = 256  # bytes that a tensor may take in the header
_ROUND = 4  # rows are filled up to this, so that what follows is aligned
_COUNT = 18  # tensors of a file without its splits, and then some
# Fields with a column of their own; all others are one text for each video.
_KNOWN = {
    'frame_dir', 'total_frames', 'keypoint', 'keypoint_score', 'segments',
    'segment_labels', 'label', 'fps',
}  # fmt: skip


class _Writer:
    """Videos on their way into a file.

    Joints and scores are written as they come; everything else is small and
    kept until the end.
    """

    def __init__(
        self, file: BinaryIO, scores: BinaryIO, metainfo: Mapping, dtype: str
    ) -> None:
        self.files = dict(keypoint=file, keypoint_score=scores)
        self.metainfo = metainfo
        self.code = _TYPES[dtype]
        self.dtype = np.dtype(DTYPES[self.code])
        self.problems: list[Problem] = []
        self.shape: tuple[int, int] | None = None  # V and C of the file
        self.places: dict[str, int] = {}
        self.count = 0
        self.rows: list[dict[str, Any]] = []
        self.mask: list[np.ndarray] = []
        classes = metainfo.get('classes')
        self.num_classes = len(classes) if isinstance(classes, list) else None

    def add(self, video: Mapping[str, Any], leave_out: Collection) -> None:
        """Check a video and write its joints; problems are collected."""
        name = video.get('frame_dir', video.get('filename'))
        name = str(name) if isinstance(name, str) else name
        keypoint, score = video.get('keypoint'), video.get('keypoint_score')
        if self.shape is None and getattr(keypoint, 'ndim', 0) == 4:
            V, C = self.shape = keypoint.shape[2:]
            self.problems += check_metainfo(self.metainfo, V)
        V, C = self.shape or (None, None)
        found = list(name_problems(name, self.count, self.places))
        self.count += 1
        label = name if isinstance(name, str) else None
        rows = check_video(video, V, C, self.num_classes)
        found += [Problem(label, *row) for row in rows]
        fields = {
            key: value
            for key, value in video.items()
            if key not in _KNOWN and key not in leave_out
        }
        text = ''
        for key in fields:
            try:
                to_json({key: fields[key]})
            except (TypeError, ValueError):
                remedy = f'leave the field out, leave_out=[{key!r}]'
                message = (
                    f'found {show(fields[key])}; expected numbers, text, '
                )
                message += f'lists, tuples and dicts; {remedy}'
                found.append(Problem(label, str(key), message))
        if not found and not self.problems:
            text = to_json(fields) if fields else ''
            found += self._write(name, 'keypoint', keypoint)
            if score is not None:
                found += self._write(name, 'keypoint_score', score)
        self.problems += found
        if self.problems:
            return
        M, T = keypoint.shape[:2]
        segments = video.get('segments')
        untrimmed = segments is not None
        labels = video['segment_labels'] if untrimmed else ()
        self.rows.append(
            dict(
                row_offsets=M * T,
                score_offsets=0 if score is None else M * T,
                persons=M,
                has_segments=untrimmed,
                segments=np.reshape(segments if untrimmed else (), (-1, 2)),
                segment_labels=np.reshape(labels, -1),
                label=-1 if video.get('label') is None else video['label'],
                fps=float(video.get('fps') or np.nan),
                names=name.encode(),
                fields=text.encode(),
            )
        )

    def _write(self, name: str, key: str, values: np.ndarray) -> list[Problem]:
        """Write (M, T, ...) as rows of one person in one frame."""
        with np.errstate(over='ignore'):
            rows = np.ascontiguousarray(values.swapaxes(0, 1), self.dtype)
        if not np.isfinite(rows).all():
            text = f'found values up to {np.abs(values).max():g}; expected '
            text += f'at most {np.finfo(self.dtype).max:g} in {self.dtype}; '
            text += "store them with dtype='float32', or in metres"
            return [Problem(name, key, text)]
        rows = rows.reshape(-1, *values.shape[2:])
        self.files[key].write(rows.data)
        if key == 'keypoint':
            self.mask.append((rows != 0).any(axis=(1, 2)))
        return []

    def columns(self, splits: Mapping) -> dict[str, tuple[str, Any]]:
        """Type and values of all tensors but the joints, widest first."""

        def column(key: str) -> list:
            return [row[key] for row in self.rows]

        def offsets(sizes: list[int]) -> np.ndarray:
            return np.cumsum([0, *sizes], dtype=np.int64)

        names, fields = column('names'), column('fields')
        labels = column('segment_labels')
        order = sorted(range(len(names)), key=names.__getitem__)
        made: dict[str, tuple[str, Any]] = dict(
            row_offsets=('I64', offsets(column('row_offsets'))),
            segments=('I64', np.concatenate(column('segments'))),
            segment_labels=('I64', np.concatenate(labels)),
            segment_offsets=('I64', offsets([*map(len, labels)])),
            label=('I64', column('label')),
            name_offsets=('I64', offsets([*map(len, names)])),
            name_order=('I64', order),
            field_offsets=('I64', offsets([*map(len, fields)])),
        )
        if any(column('score_offsets')):
            made['score_offsets'] = ('I64', offsets(column('score_offsets')))
        for name, videos in splits.items():
            indices = [self.places[video] for video in videos]
            made[f'{SPLIT}{name}'] = ('I64', indices)
        narrow = dict(fps='F64', persons='I32', has_segments='U8')
        made |= {key: (code, column(key)) for key, code in narrow.items()}
        made['body_mask'] = ('U8', np.concatenate(self.mask))
        for key, blobs in (('names', names), ('fields', fields)):
            made[key] = ('U8', np.frombuffer(b''.join(blobs), np.uint8))
        return made

    def close(self, splits: Mapping, metadata: dict, total: int) -> None:
        """Write what was kept, and the header in front."""
        V, C = self.shape
        file, scores = self.files.values()
        header: dict[str, Any] = {'__metadata__': metadata}
        end = 0

        def place(name: str, code: str, shape: tuple[int, ...]) -> None:
            nonlocal end
            begin = end
            end += math.prod(shape) * np.dtype(DTYPES[code]).itemsize
            header[name] = dict(
                dtype=code, shape=shape, data_offsets=[begin, end]
            )

        count = sum(row['row_offsets'] for row in self.rows)
        file.write(bytes((-count % _ROUND) * V * C * self.dtype.itemsize))
        place('keypoint', self.code, (count + -count % _ROUND, V, C))
        count = sum(row['score_offsets'] for row in self.rows)
        if count:
            scores.seek(0)
            shutil.copyfileobj(scores, file, 2**20)
            file.write(bytes((-count % _ROUND) * V * self.dtype.itemsize))
            place('keypoint_score', self.code, (count + -count % _ROUND, V))
        for name, (code, column) in self.columns(splits).items():
            values = np.ascontiguousarray(column, DTYPES[code])
            place(name, code, values.shape)
            file.write(values.tobytes())
        text = json.dumps(header).encode('ascii')
        file.seek(0)
        file.write((total - 8).to_bytes(8, 'little') + text.ljust(total - 8))


def write_store(
    path: str | os.PathLike[str],
    annotations: Iterable[Mapping[str, Any]],
    metainfo: Mapping[str, Any] | None = None,
    splits: Mapping[str, Collection[str]] | None = None,
    dtype: str = 'float32',
    leave_out: Collection[str] = (),
) -> None:
    """Write a store that `mmsnip.io.store.SkeletonStore` opens.

    Each video passes the checks of `validate_annotation`. One video at a
    time is held; what replaces ``path`` is complete.

    Args:
        path (str | os.PathLike[str]): File to write; its folder is made.
        annotations (Iterable[Mapping[str, Any]]): Videos with the fields of
            the annotation file, (M, T, V, C) among them; an iterator serves.
        metainfo (Mapping[str, Any], optional): Of the annotation file.
        splits (Mapping[str, Collection[str]], optional): Names of videos.
        dtype (str): ``float32``, or ``float16`` for half the size: fine for
            metres, coarse for pixels (steps of 1 from 1,024 on).
        leave_out (Collection[str]): Fields of the videos to drop.

    Raises:
        DataError: If a video, a split or the metainfo is malformed, a value
            does not fit into `dtype`, or a further field holds anything but
            numbers, text, lists, tuples and dicts.
        ValueError: If `dtype` is unknown.
    """
    if dtype not in _TYPES:
        raise ValueError(f'dtype={dtype!r}; use one of {sorted(_TYPES)}')
    path = Path(path)
    metainfo = to_plain(dict(metainfo or {}))
    splits = {name: to_plain(v) for name, v in dict(splits or {}).items()}
    try:
        text = to_json(metainfo)
    except (TypeError, ValueError) as error:
        text = f'found {error}; expected text, numbers, lists and dicts'
        raise annotation_error(
            path, [Problem(None, 'metainfo', text)]
        ) from None
    metadata = dict(format=FORMAT, version=VERSION, metainfo=text)
    names = json.dumps([f'{SPLIT}{name}' for name in splits])
    room = len(json.dumps(metadata)) + len(names)
    room += _ROOM * (_COUNT + len(splits))
    if room > MAX_HEADER:
        text = f'found {room} bytes, at most {MAX_HEADER}; keep large tables '
        text += 'in a file of their own'
        raise annotation_error(path, [Problem(None, 'metainfo', text)])
    total = -(-room // _PAGE) * _PAGE
    with (
        draft_of(path) as draft,
        tempfile.TemporaryFile(dir=draft.parent) as scores,
        draft.open('wb') as file,
    ):
        file.write(bytes(total))
        writer = _Writer(file, scores, metainfo, dtype)
        for annotation in annotations:
            writer.add(annotation, leave_out)
        problems = writer.problems
        if writer.shape is None:
            problems += check_metainfo(metainfo, None)
        if not writer.count:
            text = 'found no video; check the program that wrote the file'
            problems.append(Problem(None, 'annotations', text))
        problems += split_problems(splits, writer.places, None)
        if problems:
            raise annotation_error(path, problems)
        writer.close(splits, metadata, total)
        file.flush()
        os.fsync(file.fileno())
