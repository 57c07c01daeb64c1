"""The output of a conversion: annotation file or store."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmsnip.conversion.merging import count_entries
from mmsnip.conversion.report import Report, save_report
from mmsnip.io.annotation import load_annotation, save_annotation

__all__ = ['DTYPES', 'ENDINGS', 'check_output', 'pack', 'write_output']

PICKLE, STORE = '.pkl', '.safetensors'
ENDINGS = (PICKLE, STORE)
DTYPES = ('float32', 'float16')


def check_output(output: Path, dtype: str) -> None:
    """Refuse what could not be written in the end.

    Args:
        output (Path): File to write.
        dtype (str): Of the joints.

    Raises:
        ValueError: If ending or type are unknown, or a folder lies there.
    """
    if output.suffix not in ENDINGS:
        raise ValueError(
            f'{output} ends in {output.suffix!r}; expected .pkl for an '
            'annotation file or .safetensors for a store'
        )
    if output.is_dir():
        raise ValueError(f'{output} is a folder; name a file')
    if dtype not in DTYPES:
        raise ValueError(f'dtype={dtype!r} is unknown; use one of {DTYPES}')


def write_output(
    output: Path,
    annotations: Iterable[Mapping[str, Any]],
    metainfo: Mapping[str, Any],
    splits: Mapping[str, Sequence[str]],
    dtype: str = 'float32',
) -> None:
    """Write an annotation file or a store, by the ending.

    Args:
        output (Path): File to write.
        annotations (Iterable[Mapping[str, Any]]): Videos; a store takes one
            at a time, a pickle holds all.
        metainfo (Mapping[str, Any]): Of the file.
        splits (Mapping[str, Sequence[str]]): Names of each split.
        dtype (str): Of the joints.

    Raises:
        AnnotationError: If the content is malformed.
    """
    if output.suffix == STORE:
        from mmsnip.io.store_writer import write_store

        write_store(output, annotations, metainfo, splits, dtype)
        return
    videos = [_as_dtype(video, dtype) for video in annotations]
    data = dict(
        metainfo=dict(metainfo),
        split={split: list(names) for split, names in splits.items()},
        annotations=videos,
    )
    save_annotation(output, data)


def _as_dtype(video: Mapping[str, Any], dtype: str) -> dict[str, Any]:
    video = dict(video)
    for key in ('keypoint', 'keypoint_score'):
        if isinstance(video.get(key), np.ndarray):
            with np.errstate(over='ignore'):  # the check finds infinity
                video[key] = np.ascontiguousarray(video[key], dtype)
    return video


def pack(
    path: str | os.PathLike[str],
    output: str | os.PathLike[str],
    dtype: str = 'float32',
) -> Report:
    """Turn an annotation file into a store, or a store into one.

    Args:
        path (str | os.PathLike[str]): Annotation file, or a store, which
            ends in ``.safetensors``.
        output (str | os.PathLike[str]): ``.safetensors`` or ``.pkl``.
        dtype (str): Of the joints.

    Returns:
        Report: Counts; also written beside the output.

    Raises:
        AnnotationError: If the input is missing or malformed.
        ValueError: If ending or type of the output are unknown.
    """
    path, output = Path(path), Path(output)
    check_output(output, dtype)
    if path.suffix == STORE:
        from mmsnip.io.store import SkeletonStore

        store = SkeletonStore(path)
        metainfo, videos = store.metainfo, store
        entries = [store.info(i) for i in range(len(store))]
        splits = {
            split: [store.name(int(i)) for i in indices]
            for split, indices in store.splits.items()
        }
    else:
        data = load_annotation(path)
        metainfo, splits = data['metainfo'], data['split']
        videos = entries = data['annotations']
    write_output(output, videos, metainfo, splits, dtype)
    report = Report(str(output), len(videos), len(videos))
    report.splits = {split: len(names) for split, names in splits.items()}
    count_entries(entries, metainfo, report)
    save_report(report)
    return report
