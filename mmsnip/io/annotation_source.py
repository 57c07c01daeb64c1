"""One face for both forms of an annotation file: pickle and store."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmsnip.io.annotation import load_annotation, validate_annotation
from mmsnip.io.annotation_check import annotation_error
from mmsnip.io.store import SkeletonStore
from mmsnip.io.store_check import check_store
from mmsnip.io.tensor_file import looks_like_tensors

__all__ = ['is_store', 'open_annotation', 'validate_source']


def is_store(path: str | os.PathLike[str]) -> bool:
    """Whether a file is a store rather than a pickle, by its first bytes.

    Args:
        path (str | os.PathLike[str]): File; where there is none its ending
            tells.

    Returns:
        bool: True for safetensors files, cut off ones included where their
            name ends so.
    """
    if Path(path).suffix == '.safetensors':
        return True
    return Path(path).is_file() and looks_like_tensors(path)


def open_annotation(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Annotation file of either form; a store's joints stay in the file.

    Args:
        path (str | os.PathLike[str]): Pickle or store.

    Returns:
        dict[str, Any]: ``metainfo``, ``split`` and ``annotations``, see
        `mmsnip.io.annotation.load_annotation`; of a store the last is the
        `SkeletonStore`.

    Raises:
        AnnotationError: If the file is missing, refused or malformed.
    """
    if not path or not Path(path).is_file() or not is_store(path):
        return load_annotation(path)
    store = SkeletonStore(path)
    names = store.names
    return dict(
        metainfo=store.metainfo,
        split={
            split: [names[i] for i in indices]
            for split, indices in store.splits.items()
        },
        annotations=store,
    )


def validate_source(
    data: Mapping[str, Any],
    path: str | os.PathLike[str],
    split: str | None = None,
) -> None:
    """Refuse an annotation with malformed fields.

    Args:
        data (Mapping[str, Any]): As `open_annotation` returns it.
        path (str | os.PathLike[str]): Name for messages.
        split (str | None): Look only into the videos of this split; None
            looks into all. Of a store all are looked at, see `check_store`.

    Raises:
        AnnotationError: If there is a problem.
    """
    store = data['annotations']
    if not isinstance(store, SkeletonStore):
        validate_annotation(data, path, split)
        return
    problems = check_store(store, data['metainfo'], split)
    if problems:
        raise annotation_error(path, problems)
