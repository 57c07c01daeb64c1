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
from pathlib import Path
from typing import Any

from mmsnip.io.annotation import AnnotationError, load_annotation
from mmsnip.io.prepared_arrays import open_ctrgcn, open_stgcn
from mmsnip.io.prepared_pickle import open_babel_subset
from mmsnip.io.prepared_videos import Prepared, trimmed
from mmsnip.io.reading import SequenceError, check_size
from mmsnip.io.unpickle import RefusedPickle, unpickle
from mmsnip.structures.errors import show

__all__ = ['Prepared', 'open_prepared', 'read_prepared', 'trimmed']

ENDINGS = ('.npy', '.npz', '.pickle', '.pkl')


def open_prepared(
    path: str | os.PathLike[str], labels: str | os.PathLike[str] | None = None
) -> Prepared:
    """Open a prepared data set; the keys in it tell which kind it is.

    Arrays stay on disk, pickles are read as a whole. Nothing is executed.

    Args:
        path (str | os.PathLike[str]): File.
        labels (str | os.PathLike[str], optional): Label pickle of an
            ``.npy`` file; None looks for it beside, as
            ``train_label.pkl`` for ``train_data_joint.npy``.

    Returns:
        Prepared: Its videos.

    Raises:
        FileNotFoundError: If there is no such file.
        SequenceError: If it is of no such kind, or damaged.
        AnnotationError: If it is an annotation pickle that is refused.
    """
    path = Path(path)
    ending = path.suffix.lower()
    if ending == '.npz':
        return open_ctrgcn(path)
    if ending == '.npy':
        return open_stgcn(path, None if labels is None else Path(labels))
    if ending not in ENDINGS:
        raise SequenceError(
            f'{path} ends in {ending!r}; expected one of {list(ENDINGS)}'
        )
    check_size(path, 2**40)
    try:
        return _annotation(path, load_annotation(path))
    except AnnotationError as error:
        refused = error
    try:
        with path.open('rb') as file:
            content = unpickle(file)
    except RefusedPickle:
        raise refused from None
    keys = set(content) if isinstance(content, dict) else set()
    if {'sid', 'X', 'L'} <= keys:
        return open_babel_subset(path, content)
    if isinstance(content, list) or 'annotations' in keys:
        raise refused
    raise SequenceError(
        f'{path} holds {show(content)[:120]}; expected a dict with '
        "'annotations', or with 'sid', 'X', 'Y' and 'L'"
    )


def _annotation(path: Path, data: dict[str, Any]) -> Prepared:
    videos, names = data['annotations'], []
    for index, video in enumerate(videos):
        name = video.get('frame_dir')
        if not isinstance(name, str):
            raise SequenceError(
                f"{path}, annotations[{index}], key 'frame_dir': found "
                f'{show(name)}, expected text'
            )
        names.append(name)
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


def read_prepared(
    path: str | os.PathLike[str], labels: str | os.PathLike[str] | None = None
) -> dict[str, Any]:
    """A prepared data set as an annotation, all of it in memory.

    Videos without a body are left out; ``metainfo['notes']`` names them.
    `mmsnip.conversion.prepared.PreparedSource` converts one at a time.

    Args:
        path (str | os.PathLike[str]): See `open_prepared`.
        labels (str | os.PathLike[str], optional): See there.

    Returns:
        dict[str, Any]: ``metainfo``, ``split`` and ``annotations``, see
        `mmsnip.io.annotation.load_annotation`.

    Raises:
        FileNotFoundError: If there is no such file.
        SequenceError: If it is of no such kind, or damaged.
        AnnotationError: If it is an annotation pickle that is refused.
    """
    prepared = open_prepared(path, labels)
    if prepared.kind == 'annotation':
        return load_annotation(path)
    videos, empty = [], []
    for index, name in enumerate(prepared.names):
        try:
            videos.append(prepared.entry(index))
        except SequenceError as error:
            if 'no body' not in str(error):
                raise
            empty.append(name)
    lost = set(empty)
    metainfo = dict(prepared.metainfo)
    if empty:
        note = f'{len(empty)} videos without a body left out: '
        metainfo['notes'] = [
            *metainfo.get('notes', ()),
            note + ', '.join(empty[:9]) + ', ..' * (len(empty) > 9),
        ]
    return dict(
        metainfo=metainfo,
        split={
            split: [name for name in names if name not in lost]
            for split, names in prepared.splits.items()
        },
        annotations=videos,
    )
