"""Write the store: one file whose frames are read where they lie."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from mmsnip.io.annotation import to_plain
from mmsnip.io.annotation_check import (
    Problem,
    annotation_error,
    find_metainfo_problems,
    metainfo_layout,
)
from mmsnip.io.plain_json import to_json
from mmsnip.io.store_columns import Columns, split_rows
from mmsnip.io.store_layout import FORMAT, SPLIT, VERSION
from mmsnip.io.tensor_file import DTYPES, MAX_HEADER, header_bytes, refuse
from mmsnip.io.video_check import check_video
from mmsnip.structures.files import draft_of

__all__ = ['write_store']

_TYPES = {'float32': 'F32', 'float16': 'F16'}
_PAGE = 4096  # the joints begin on a page of their own
_ROOM = 256  # bytes that a tensor may take in the header
_ROUND = 4  # rows are filled up to this, so that what follows is aligned


class _Videos:
    """Videos on their way into a file.

    Joints and scores are written as they come; everything else is small and
    kept until the end.
    """

    def __init__(
        self,
        file: BinaryIO,
        scores: BinaryIO,
        metainfo: Mapping[str, Any],
        dtype: str,
        leave_out: Collection[str],
    ) -> None:
        self.file = file
        self.scores = scores
        self.metainfo = metainfo
        self.dtype = DTYPES[_TYPES[dtype]]
        self.columns = Columns(leave_out)
        self.problems: list[Problem] = []
        self.shape: tuple | None = None  # V and C of the file
        self.joints: int | None = None  # V that the metainfo asks for
        classes = metainfo.get('classes')
        listed = isinstance(classes, (list, tuple))
        self.num_classes = len(classes) if listed else None

    def _settle(self, keypoint: Any) -> None:
        """Take V and C from the first video that has four axes."""
        if not isinstance(keypoint, np.ndarray) or keypoint.ndim != 4:
            return
        V, C = keypoint.shape[2:]
        wrong = list(find_metainfo_problems(self.metainfo, V))
        self.problems += wrong
        self.shape = (V, C)
        self.joints = V
        if not any(p.key in ('layout', 'parents') for p in wrong):
            self.joints = metainfo_layout(self.metainfo, V).num_joints

    def add(self, video: Mapping[str, Any]) -> None:
        """Check a video and write its joints; problems are collected."""
        name = video.get('frame_dir', video.get('filename'))
        name = str(name) if isinstance(name, str) else name
        keypoint, score = video.get('keypoint'), video.get('keypoint_score')
        if self.shape is None:
            self._settle(keypoint)
        C = self.shape[1] if self.shape else None
        rows = check_video(
            video,
            self.joints,
            C if C in (2, 3) else None,
            self.num_classes,
            untrimmed=video.get('segments') is not None,
        )
        found = self.columns.check_name(name)
        label = name if isinstance(name, str) else None
        found += [Problem(label, *row) for row in rows]
        if not found:
            found += self.columns.add(name, video)
        if not found and not self.problems:
            found += self._write(name, 'keypoint', keypoint, self.file)
            if score is not None:
                found += self._write(
                    name, 'keypoint_score', score, self.scores
                )
        self.problems += found

    def _write(
        self, name: str, key: str, values: np.ndarray, file: BinaryIO
    ) -> list[Problem]:
        """Write (M, T, ...) as rows of one person in one frame."""
        with np.errstate(over='ignore'):
            rows = np.ascontiguousarray(values.swapaxes(0, 1), self.dtype)
        if not np.isfinite(rows).all():
            limit = np.finfo(self.dtype).max
            found = f'values up to {np.abs(values).max():g}'
            expected = f'at most {limit:g} in {self.dtype.name}'
            remedy = "store them with dtype='float32', or in metres"
            return [Problem(name, key, found, expected, remedy)]
        rows = rows.reshape(-1, *values.shape[2:])
        file.write(rows.data)
        if key == 'keypoint':
            self.columns.add_mask((rows != 0).any(axis=(1, 2)))
        return []

    def close(
        self, splits: Mapping[str, Any], metadata: dict, total: int
    ) -> None:
        """Write what was kept, and the header in front."""
        V, C = self.shape
        dtype = next(n for n, d in DTYPES.items() if d == self.dtype)
        rows, score_rows = self.columns.num_rows, self.columns.num_scores
        tensors = {'keypoint': (dtype, (-(-rows // _ROUND) * _ROUND, V, C))}
        filled = bytes((-rows % _ROUND) * V * C * self.dtype.itemsize)
        self.file.write(filled)
        if score_rows:
            count = -(-score_rows // _ROUND) * _ROUND
            tensors['keypoint_score'] = (dtype, (count, V))
            self.scores.seek(0)
            shutil.copyfileobj(self.scores, self.file, 2**20)
            filled = (-score_rows % _ROUND) * V * self.dtype.itemsize
            self.file.write(bytes(filled))
        for name, (code, column) in self.columns.tensors(splits).items():
            values = np.ascontiguousarray(column, DTYPES[code])
            tensors[name] = (code, values.shape)
            self.file.write(values.data if values.size else b'')
        self.file.seek(0)
        self.file.write(header_bytes(tensors, metadata, total))


def _metadata(path: Any, metainfo: Any) -> dict[str, str]:
    """Text of the header."""
    try:
        text = to_json(metainfo)
    except (TypeError, ValueError) as error:
        expected = 'text, numbers, lists and dicts'
        remedy = 'leave it out'
        raise refuse(path, 'metainfo', str(error), expected, remedy) from None
    return dict(format=FORMAT, version=VERSION, metainfo=text)


def _header_room(path: Any, metadata: dict, splits: Mapping) -> int:
    """Bytes in front of the joints."""
    names = json.dumps([f'{SPLIT}{name}' for name in splits])
    room = len(json.dumps(metadata)) + len(names)
    room += _ROOM * (Columns.COUNT + len(splits))
    if room > MAX_HEADER:
        found, expected = f'{room} bytes', f'at most {MAX_HEADER}'
        remedy = 'keep large tables in a file of their own'
        raise refuse(path, 'metainfo', found, expected, remedy)
    return -(-room // _PAGE) * _PAGE


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
        AnnotationError: If a video, a split or the metainfo is malformed, a
            value does not fit into `dtype`, or a further field holds
            anything but numbers, text, lists, tuples and dicts.
        ValueError: If `dtype` is unknown.
    """
    if dtype not in _TYPES:
        raise ValueError(f'dtype={dtype!r}; use one of {sorted(_TYPES)}')
    path = Path(path)
    metainfo, splits = to_plain(dict(metainfo or {})), dict(splits or {})
    metadata = _metadata(path, metainfo)
    total = _header_room(path, metadata, splits)
    with draft_of(path) as draft, tempfile.TemporaryFile(
        dir=draft.parent
    ) as scores, draft.open('wb') as file:
        file.write(bytes(total))
        videos = _Videos(file, scores, metainfo, dtype, leave_out)
        for annotation in annotations:
            videos.add(annotation)
        problems = videos.problems
        if videos.shape is None:
            problems += find_metainfo_problems(metainfo, None)
        problems += videos.columns.check_all()
        rows, wrong = split_rows(splits, videos.columns.places)
        if problems or wrong:
            raise annotation_error(path, [*problems, *wrong])
        videos.close(rows, metadata, total)
        file.flush()
        os.fsync(file.fileno())
