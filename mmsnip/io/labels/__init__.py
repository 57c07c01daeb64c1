"""Segment labels of untrimmed recordings, from any supported file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from mmsnip.io.labels.activitynet import read_activitynet_labels
from mmsnip.io.labels.elan import read_elan
from mmsnip.io.labels.frame_text import read_frame_text
from mmsnip.io.labels.label_set import (
    OVERLAPS,
    LabelSet,
    VideoLabels,
    to_frames,
)
from mmsnip.io.labels.table import read_label_table
from mmsnip.structures.errors import DataError

__all__ = [
    'LABEL_READERS',
    'OVERLAPS',
    'LabelSet',
    'VideoLabels',
    'read_labels',
    'to_frames',
]

LABEL_READERS = {
    'activitynet': read_activitynet_labels,
    'table': read_label_table,
    'frames': read_frame_text,
    'elan': read_elan,
}
_KIND_OF = {
    '.json': 'activitynet',
    '.csv': 'table',
    '.tsv': 'table',
    '.txt': 'frames',
    '.eaf': 'elan',
}


def read_labels(
    path: str | os.PathLike[str], kind: str | None = None, **options: Any
) -> LabelSet:
    """Read segment labels, by the ending of the file.

    ``.json`` is ActivityNet's, ``.csv`` and ``.tsv`` are tables, those of
    BORIS among them, ``.eaf`` is ELAN's, ``.txt`` has a class a line; a
    folder holds either ``.eaf`` files or frame-wise text, itself or in
    ``groundTruth``.

    Args:
        path (str | os.PathLike[str]): File or folder.
        kind (str, optional): Key of `LABEL_READERS`; None goes by the
            ending.
        **options (Any): Arguments of that reader: ``background``, names of
            no action, of all; ``unit`` of a table; ``tiers`` of ELAN.

    Returns:
        LabelSet: Videos, classes, splits, unit, and what was mended.

    Raises:
        FileNotFoundError: If there is no such file or folder.
        DataError: If it cannot be read; file and line or element are named.
        ValueError: If `kind` or the value of an option is unknown.
    """
    path = Path(path)
    if kind is None:
        kind = _kind_of_folder(path) if path.is_dir() else _kind_of_file(path)
    if kind not in LABEL_READERS:
        raise ValueError(
            f'kind={kind!r} is unknown; use one of {sorted(LABEL_READERS)}'
        )
    return LABEL_READERS[kind](path, **options)


def _kind_of_file(path: Path) -> str:
    kind = _KIND_OF.get(path.suffix.lower())
    if kind is None:
        raise DataError(
            f'{path} ends in {path.suffix!r}; expected one of '
            f'{sorted(_KIND_OF)}, or name the kind of labels, one of '
            f'{sorted(LABEL_READERS)}'
        )
    return kind


def _kind_of_folder(path: Path) -> str:
    elan = any(path.rglob('*.eaf'))
    text = (path / 'groundTruth').is_dir() or any(path.glob('*.txt'))
    if elan == text:
        held = 'both' if elan else 'neither'
        raise DataError(
            f'{path} holds {held} .eaf files and .txt files of frame labels; '
            "expected one kind: name it, 'elan' or 'frames'"
        )
    return 'elan' if elan else 'frames'
