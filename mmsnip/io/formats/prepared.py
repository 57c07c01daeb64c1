"""Data sets that others prepared, in the files of their projects.

==================  =======================================================
``annotations``     pickle of pyskl, mmaction2 or this project
``sid, X, Y, L``    pickle of the weakly supervised BABEL benchmark
``x_train, ...``    ``.npz`` of CTR-GCN and those that followed it
(N, C, T, V, M)     ``.npy`` of ST-GCN, 2s-AGCN, AimCLR; labels in a pickle
==================  =======================================================
"""

from __future__ import annotations

import os
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mmsnip.io.annotation import load_annotation
from mmsnip.io.formats.arrays import open_member, open_npy
from mmsnip.io.formats.babel import BABEL_SUBSETS
from mmsnip.io.formats.ntu import NTU_CLASSES
from mmsnip.io.unpickle import RefusedPickle, unpickle
from mmsnip.structures import DataError, is_int, show
from mmsnip.structures.files import check_size, safe_name
from mmsnip.structures.recording import as_sequence

__all__ = ['Prepared', 'open_prepared', 'trimmed']

NTU_LAYOUT = 'nturgb+d-official'


@dataclass(frozen=True)
class Prepared:
    """A data set whose videos are read one at a time."""

    kind: str  # 'annotation', 'babel', 'ctrgcn' or 'stgcn'
    names: list[str]
    labels: list[Any]  # class of each, None where it has none
    entry: Callable[[int], dict[str, Any]]  # annotation, by its place
    metainfo: dict[str, Any] = field(default_factory=dict)
    splits: dict[str, list[str]] = field(default_factory=dict)
    label_files: tuple[str, ...] = ()


def trimmed(keypoint: np.ndarray, name: str) -> np.ndarray:
    """Without padding: zero frames at the end, and bodies never seen."""
    seen = (keypoint != 0).any(axis=(2, 3))  # (M, T), NaN counts as seen
    if not seen.any():
        raise DataError(f'{name}: there is no body in any frame')
    last = int(np.flatnonzero(seen.any(axis=0))[-1])
    kept = keypoint[seen.any(axis=1), : last + 1]
    kept = np.ascontiguousarray(as_sequence(kept, name))
    if np.isnan(kept).any():
        raise DataError(f'{name} holds NaN; expected finite numbers')
    return kept


V = 25
_PROTOCOLS = (
    *(('CSub', 'xsub'), ('CSet', 'xset')),
    *(('CS', 'xsub'), ('CV', 'xview')),
)


def open_ctrgcn(path: Path) -> Prepared:
    """``NTU60_CS.npz`` and its kin.

    ``x_train`` is (N, T, M * 75): bodies, joints, coordinates, padded with
    zeros behind the end; each sequence is moved so that joint 1 of its first
    body starts at the origin. ``y_train`` is one-hot (N, classes). The
    ``test`` part becomes the split ``val``; the protocol in the file's name
    goes before it: ``xsub_val``.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            keys = {name.removesuffix('.npy') for name in archive.namelist()}
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise DataError(
            f'{path} cannot be read as .npz ({error}); is it cut off?'
        ) from None
    prefix = next((p + '_' for t, p in _PROTOCOLS if t in path.stem), '')
    rows, names, labels = [], [], []
    splits: dict[str, list[str]] = {}
    num_classes = 0
    for part, split in (('train', 'train'), ('test', 'val')):
        if f'x_{part}' not in keys:
            continue
        x, y = (open_member(path, f'{key}_{part}') for key in 'xy')
        sound = x.ndim == 3 and x.dtype.kind in 'fiu' and 0 not in x.shape
        if not sound or x.shape[2] % (V * 3):
            raise DataError(
                f"{path}, key 'x_{part}': found {show(x)}, expected "
                '(N, T, bodies * 75)'
            )
        if y.ndim == 2 and ((y != 0).sum(axis=1) == 1).all():
            num_classes = max(num_classes, y.shape[1])
            y = y.argmax(axis=1)  # of one-hot rows
        found = _labels(y)
        if found is None or len(found) != len(x) or (found < 0).any():
            raise DataError(
                f"{path}, key 'y_{part}': found {show(y)}, expected one-hot "
                f'rows of {len(x)} videos, one class each'
            )
        own = [f'{part}_{index}' for index in range(len(x))]
        splits[f'{prefix}{split}'] = own
        names += own
        labels += found.tolist()
        rows += [(x, index) for index in range(len(x))]
    if not rows:
        raise DataError(
            f'{path} has the keys {sorted(keys)[:9]}; expected x_train, '
            'y_train, x_test and y_test'
        )

    def entry(index: int) -> dict[str, Any]:
        x, row = rows[index]
        keypoint = x[row].reshape(x.shape[1], -1, V, 3).transpose(1, 0, 2, 3)
        return _entry(path, names[index], keypoint, labels[index])

    metainfo = _metainfo(max(num_classes, 1 + max(labels)))
    return Prepared('ctrgcn', names, labels, entry, metainfo, splits)


def open_stgcn(path: Path, labels: Path | None) -> Prepared:
    """Arrays (N, C, T, V, M) of ST-GCN, 2s-AGCN and AimCLR.

    The pickle beside holds the names and the labels, which count from 0.
    With 18 joints (Kinetics) the third coordinate is a score.
    """
    x = open_npy(path, 2**42)
    sound = x.ndim == 5 and x.shape[1] == 3 and x.shape[3] in (25, 18)
    if not sound or 0 in x.shape or x.dtype.kind not in 'fiu':
        raise DataError(
            f'{path}: found {show(x)}, expected (N, 3, T, V, M), V = 25 of '
            'NTU RGB+D or 18 of OpenPose'
        )
    if labels is None:
        words = path.stem.split('_')
        options = [
            path.with_name('_'.join(words[:n]) + '_label.pkl')
            for n in range(len(words), 0, -1)
        ]
        labels = next((p for p in options if p.is_file()), None)
        if labels is None:
            raise FileNotFoundError(
                f'{path}: there is no label pickle beside it, such as '
                f'{options[-1].name}; name it'
            )
    names, found = _read_label_pickle(labels, len(x))
    first = path.stem.split('_')[0]
    splits = {first: names} if first in ('train', 'val', 'test') else {}

    def entry(index: int) -> dict[str, Any]:
        keypoint = x[index].transpose(3, 1, 2, 0)  # M, T, V, C
        return _entry(path, names[index], keypoint, found[index])

    metainfo = _metainfo(1 + max(found))
    if x.shape[3] != V:
        metainfo.update(layout='openpose')
    return Prepared(
        'stgcn', names, found, entry, metainfo, splits, (str(labels),)
    )


def _read_label_pickle(path: Path, count: int) -> tuple[list[str], list[int]]:
    content = _unpickled(path)
    pair = isinstance(content, (list, tuple)) and len(content) == 2
    names, labels = content if pair else (None, None)
    values = _labels(labels)
    listed = isinstance(names, (list, tuple, np.ndarray)) and all(
        isinstance(name, str) for name in names
    )
    if not listed or values is None or (values < 0).any():
        raise DataError(
            f'{path} holds {show(content)[:120]}; expected (names, labels)'
        )
    if not len(names) == len(values) == count:
        raise DataError(
            f'{path} holds {len(names)} names and {len(values)} labels, the '
            f'array has {count} videos'
        )
    stems = [str(name).removesuffix('.skeleton') for name in names]
    return [safe_name(stem, path) for stem in stems], values.tolist()


def _unpickled(path: Path) -> Any:
    check_size(path, 2**40)
    try:
        with path.open('rb') as file:
            return unpickle(file)
    except RefusedPickle as error:
        raise DataError(
            f'{path} holds {error.found[:120]}; expected plain arrays, names '
            'and labels, nothing was executed'
        ) from None


def _entry(
    path: Path, name: str, keypoint: np.ndarray, label: int
) -> dict[str, Any]:
    keypoint = trimmed(keypoint, f'{path}, {name}')
    entry = dict(
        frame_dir=name,
        total_frames=keypoint.shape[1],
        keypoint=keypoint,
        label=int(label),
    )
    if keypoint.shape[2] != V:
        entry['keypoint_score'] = keypoint[..., 2].copy()
        entry['keypoint'] = keypoint[..., :2].copy()
    return entry


def _metainfo(num_classes: int) -> dict[str, Any]:
    classes = [f'class_{index}' for index in range(num_classes)]
    if num_classes in (60, 120):
        classes = list(NTU_CLASSES[:num_classes])
    return dict(classes=classes, layout=NTU_LAYOUT, fps=30.0)


BACKGROUND = 4  # label of a frame without any of the four classes
_FILE_NAME = re.compile(r'(train|val|test)?.*?split_?([123])', re.ASCII)


def open_babel_subset(path: Path, content: dict[str, Any]) -> Prepared:
    """A data set of the keys ``sid``, ``X``, ``Y`` and ``L``.

    ``X`` holds an array (3, T, 25, 1) for each sequence, normalised already
    (joint 1 at the origin); ``L`` the label of each of its frames, 4 is
    background; ``Y``, the set of its classes, is not needed. Segments are the
    runs of equal labels. Split and subset are in the file's name:
    ``train_split1.pkl``.
    """
    lists = sids, arrays, frames = [content[key] for key in ('sid', 'X', 'L')]
    kinds = (list, tuple, np.ndarray)
    if not all(isinstance(one, kinds) and np.shape(one[:0]) for one in lists):
        raise DataError(f'{path}: sid, X and L are no lists')
    if len(set(map(len, lists))) > 1:
        raise DataError(
            f'{path}: {len(sids)} sid, {len(arrays)} X and {len(frames)} L; '
            'expected as many of each'
        )
    for sid in sids:
        if not isinstance(sid, str) and not is_int(sid):
            raise DataError(
                f"{path}, key 'sid': found {show(sid)}, expected text or a "
                'number'
            )
    names = [safe_name(str(sid)[:200], path) for sid in sids]
    found = _FILE_NAME.match(path.stem)
    classes = [f'class_{index}' for index in range(BACKGROUND)]
    splits = {}
    if found is not None:
        classes = list(BABEL_SUBSETS[int(found[2])])
    if found is not None and found[1]:
        splits[found[1]] = list(names)

    def entry(index: int) -> dict[str, Any]:
        where = f'{path}, sequence {index} (sid {names[index]})'
        keypoint = _sequence(where, arrays[index])
        segments, labels = _segments(where, frames[index], keypoint.shape[1])
        # Frames stay, whatever is in them: each has its label.
        trimmed(keypoint, where)
        return dict(
            frame_dir=names[index],
            total_frames=keypoint.shape[1],
            keypoint=keypoint,
            segments=segments,
            segment_labels=labels,
        )

    return Prepared(
        'babel',
        names,
        [None] * len(names),
        entry,
        dict(
            dataset='BABEL',
            classes=classes,
            layout=NTU_LAYOUT,
            fps=30.0,
            notes=[
                'joints are normalised already, in the NTU way; a frame with '
                'several labels has one that was drawn by the hash of text'
            ],
        ),
        splits,
    )


def _sequence(where: str, array: Any) -> np.ndarray:
    """(M, T, 25, 3) out of (3, T, 25[, M]) or (T, 25, 3)."""
    shape = getattr(array, 'shape', ())
    number = isinstance(array, np.ndarray) and array.dtype.kind in 'fiu'
    if number and 0 not in shape and len(shape) in (3, 4):
        if shape[1:] == (25, 3):
            return array[None].astype(np.float32)
        if shape[0] == 3 and shape[2] == 25:
            array = array.reshape(*shape[:3], -1).transpose(3, 1, 2, 0)
            return np.ascontiguousarray(array, np.float32)
    raise DataError(
        f"{where}, key 'X': found {show(array)[:80]}, expected (3, T, 25, 1)"
    )


def _labels(value: Any) -> np.ndarray | None:
    """(n,) int64 of an array or list of integers, None if it is none."""
    try:
        labels = np.asarray(value)
    except (ValueError, OverflowError):  # ragged lists, huge integers
        return None
    if labels.size == 0:
        return np.zeros(0, np.int64)
    if labels.dtype.kind not in 'iu' or labels.ndim != 1:
        return None
    return labels.astype(np.int64)


def _segments(
    where: str, frames: Any, T: int
) -> tuple[np.ndarray, np.ndarray]:
    labels = _labels(frames)
    sound = labels is not None and len(labels) == T
    if not sound or min(labels) < 0 or max(labels) > BACKGROUND:
        raise DataError(
            f"{where}, key 'L': found {show(frames)[:80]}, expected the "
            f'labels of {T} frames, 0 to {BACKGROUND - 1}, or {BACKGROUND} '
            'for background'
        )
    borders = np.flatnonzero(np.diff(labels)) + 1
    starts = np.concatenate([[0], borders])
    ends = np.concatenate([borders, [T]])
    kept = labels[starts] != BACKGROUND
    segments = np.stack([starts, ends], axis=1)[kept].astype(np.int64)
    return segments, labels[starts][kept]


def open_prepared(
    path: str | os.PathLike[str], labels: str | os.PathLike[str] | None = None
) -> Prepared:
    """Open a prepared data set; the keys in it tell which kind it is."""
    path = Path(path)
    ending = path.suffix.lower()
    if ending == '.npz':
        return open_ctrgcn(path)
    if ending == '.npy':
        return open_stgcn(path, None if labels is None else Path(labels))
    if ending not in ('.pickle', '.pkl'):
        raise DataError(
            f'{path} ends in {ending!r}; expected .npy, .npz, .pickle or .pkl'
        )
    content = _unpickled(path)
    keys = set(content) if isinstance(content, dict) else set()
    if {'sid', 'X', 'L'} <= keys:
        return open_babel_subset(path, content)
    if not isinstance(content, list) and 'annotations' not in keys:
        raise DataError(
            f'{path} holds {show(content)[:120]}; expected a dict with '
            "'annotations', or with 'sid', 'X', 'Y' and 'L'"
        )
    data = load_annotation(path)
    videos = data['annotations']
    names = [video.get('frame_dir') for video in videos]
    if not all(isinstance(name, str) for name in names):
        raise DataError(f"{path}: key 'frame_dir' is no text in all videos")
    splits = {
        str(split): [str(name) for name in members]
        for split, members in data['split'].items()
        if isinstance(members, (list, tuple))
    }
    return Prepared(
        'annotation',
        names,
        [video.get('label') for video in videos],
        lambda index: dict(videos[index]),
        data['metainfo'],
        splits,
    )
