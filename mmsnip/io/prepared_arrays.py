"""NTU RGB+D as large arrays: CTR-GCN's .npz, ST-GCN's .npy."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from mmsnip.io.array_rows import ArrayRows, open_rows
from mmsnip.io.ntu_names import NTU_CLASSES
from mmsnip.io.prepared_videos import (
    NTU_LAYOUT,
    Prepared,
    label_count,
    trimmed,
)
from mmsnip.io.reading import SequenceError, check_size, safe_name
from mmsnip.io.unpickle import RefusedPickle, unpickle
from mmsnip.io.video_check import as_labels
from mmsnip.structures.errors import show

__all__ = ['open_ctrgcn', 'open_stgcn']

V = 25
_PROTOCOLS = (
    *(('CSub', 'xsub'), ('CSet', 'xset')),
    *(('CS', 'xsub'), ('CV', 'xview')),
)
_PARTS = (('train', 'train'), ('test', 'val'))


def open_ctrgcn(path: Path) -> Prepared:
    """``NTU60_CS.npz`` and its kin.

    ``x_train`` is (N, T, M * 75): bodies, joints, coordinates, padded with
    zeros behind the end; each sequence is moved so that joint 1 of its first
    body starts at the origin. ``y_train`` is one-hot (N, classes). The
    ``test`` part becomes the split ``val``; the protocol in the file's name
    goes before it: ``xsub_val``.

    Args:
        path (Path): File; one that is not compressed, as CTR-GCN writes it,
            is mapped into memory.

    Returns:
        Prepared: Of kind 'ctrgcn'; videos are called ``train_0``, as CTR-GCN
        calls them.

    Raises:
        FileNotFoundError: If there is no such file.
        SequenceError: If a key is missing or of another shape.

    Source:
        Uason-Chen/CTR-GCN ``data/ntu/seq_transformation.py`` and
        ``feeders/feeder_ntu.py``.
    """
    check_size(path, 2**42)
    try:
        with zipfile.ZipFile(path) as archive:
            keys = {name[: -len('.npy')] for name in archive.namelist()}
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise SequenceError(
            f'{path} cannot be read as .npz ({error}); is it cut off?'
        ) from None
    parts = [part for part in _PARTS if f'x_{part[0]}' in keys]
    if not parts:
        raise SequenceError(
            f'{path} has the keys {sorted(keys)[:9]}; expected x_train, '
            'y_train, x_test and y_test'
        )
    prefix = next((p + '_' for t, p in _PROTOCOLS if t in path.stem), '')
    rows, names, labels, places = {}, [], [], []
    splits: dict[str, list[str]] = {}
    num_classes = 0
    for part, split in parts:
        rows[part] = x = open_rows(path, f'x_{part}')
        if len(x.shape) != 3 or x.shape[2] % (V * 3) or not x.shape[2]:
            raise SequenceError(
                f"{path}, key 'x_{part}': found shape {x.shape}, expected "
                '(N, T, bodies * 75)'
            )
        found, width = _one_hot(open_rows(path, f'y_{part}'), len(x))
        num_classes = max(num_classes, width)
        own = [f'{part}_{index}' for index in range(len(x))]
        names += own
        labels += found
        places += [(part, index) for index in range(len(x))]
        splits[f'{prefix}{split}'] = own

    def entry(index: int) -> dict[str, Any]:
        part, place = places[index]
        row = rows[part].row(place)
        keypoint = row.reshape(len(row), -1, V, 3).transpose(1, 0, 2, 3)
        return _entry(path, names[index], keypoint, labels[index])

    return Prepared(
        'ctrgcn', names, labels, entry, _metainfo(num_classes), splits
    )


def _one_hot(rows: ArrayRows, count: int) -> tuple[list[int], int]:
    """Labels out of one-hot rows, or of plain labels; number of classes."""
    y = rows.whole()
    where = f'{rows.path}, key {rows.member!r}'
    if y.ndim == 2 and y.shape[1] and len(y) == count:
        wrong = np.flatnonzero((y > 0).sum(axis=1) != 1)
        if not len(wrong):
            return (y > 0).argmax(axis=1).tolist(), y.shape[1]
        raise SequenceError(
            f'{where}: row {int(wrong[0])} has '
            f'{int((y[wrong[0]] > 0).sum())} classes, expected one'
        )
    plain = as_labels(y)
    if plain is None or len(plain) != count or (plain < 0).any():
        raise SequenceError(
            f'{where}: found {show(y)}, expected one-hot rows of {count} '
            'videos'
        )
    return plain.tolist(), label_count(plain.tolist())


def open_stgcn(path: Path, labels: Path | None) -> Prepared:
    """Arrays (N, C, T, V, M) of ST-GCN, 2s-AGCN and AimCLR.

    The pickle beside holds the names and the labels, which count from 0.
    With 18 joints (Kinetics) the third coordinate is a score.

    Args:
        path (Path): ``.npy``; it is mapped into memory.
        labels (Path | None): Label pickle; None looks for
            ``train_label.pkl`` where the file is ``train_<..>.npy``.

    Returns:
        Prepared: Of kind 'stgcn'; a file ``train_..``, ``val_..`` or
        ``test_..`` is a split.

    Raises:
        FileNotFoundError: If there is no such file.
        SequenceError: If it has another shape, or the labels do not fit.

    Source:
        Levigty/AimCLR and lshiwjx/2s-AGCN ``ntu_gendata.py``.
    """
    rows = open_rows(path)
    if len(rows.shape) != 5 or rows.shape[1] != 3 or 0 in rows.shape[2:]:
        raise SequenceError(
            f'{path}: found shape {rows.shape}, expected (N, 3, T, V, M)'
        )
    if rows.shape[3] not in (25, 18):
        raise SequenceError(
            f'{path}: found {rows.shape[3]} joints, expected 25 of NTU RGB+D '
            'or 18 of OpenPose'
        )
    if labels is None:
        labels = _label_file(path)
    names, found = _read_label_pickle(labels, len(rows))
    first = path.stem.split('_')[0]
    splits = {first: names} if first in ('train', 'val', 'test') else {}

    def entry(index: int) -> dict[str, Any]:
        keypoint = rows.row(index).transpose(3, 1, 2, 0)  # M, T, V, C
        return _entry(path, names[index], keypoint, found[index])

    metainfo = _metainfo(label_count(found))
    if rows.shape[3] != V:
        metainfo.update(layout='openpose')
    return Prepared(
        'stgcn', names, found, entry, metainfo, splits, (str(labels),)
    )


def _label_file(path: Path) -> Path:
    words = path.stem.split('_')
    options = [
        path.with_name('_'.join(words[:n]) + '_label.pkl')
        for n in range(len(words), 0, -1)
    ]
    found = next((option for option in options if option.is_file()), None)
    if found is None:
        raise FileNotFoundError(
            f'{path}: there is no label pickle beside it, such as '
            f'{options[-1].name}; name it'
        )
    return found


def _read_label_pickle(path: Path, count: int) -> tuple[list[str], list[int]]:
    check_size(path, 2**30)
    try:
        with path.open('rb') as file:
            content = unpickle(file)
    except RefusedPickle as error:
        raise SequenceError(
            f'{path} holds {error.found[:120]}; expected names and labels, '
            'nothing was executed'
        ) from None
    pair = isinstance(content, (list, tuple)) and len(content) == 2
    names, labels = content if pair else (None, None)
    values = as_labels(labels)
    listed = isinstance(names, (list, tuple, np.ndarray)) and all(
        isinstance(name, str) for name in names
    )
    if not listed or values is None or (values < 0).any():
        raise SequenceError(
            f'{path} holds {show(content)[:120]}; expected (names, labels)'
        )
    if not len(names) == len(values) == count:
        raise SequenceError(
            f'{path} holds {len(names)} names and {len(values)} labels, the '
            f'array has {count} videos'
        )
    stems = [re.sub(r'\.skeleton$', '', str(name)) for name in names]
    return [safe_name(stem, path) for stem in stems], values.tolist()


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
