"""Segment mAP of an exported file on annotated videos."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from mmsnip.evaluation.protocols import evaluate_scores
from mmsnip.export.errors import ExportError
from mmsnip.io.annotation import complete_metainfo
from mmsnip.io.annotation_source import open_annotation, validate_source

__all__ = ['Videos', 'read_videos', 'segment_map']


class Videos(NamedTuple):
    """Annotated videos by name.

    Attributes:
        poses (dict[str, np.ndarray]): (M, T, V, C) each.
        truth (dict[str, np.ndarray]): Label, start, end, (n, 3) each.
    """

    poses: dict[str, np.ndarray]
    truth: dict[str, np.ndarray]


def read_videos(
    path: str | os.PathLike[str],
    about: Mapping[str, Any],
    split: str | None = None,
) -> Videos:
    """Videos that a model can be tested on.

    Args:
        path (str | os.PathLike[str]): Annotation file or store.
        about (Mapping[str, Any]): Metadata of the model.
        split (str, optional): Which videos. None: ``val`` where there is
            such a split, else ``test``, else all.

    Returns:
        Videos: At least one.

    Raises:
        AnnotationError: If the file is malformed.
        ExportError: If the split is unknown or empty, or classes or joints
            are not the model's.
    """
    data = open_annotation(path)
    validate_source(data, path)
    metainfo = complete_metainfo(data, path)
    for key in ('classes', 'joint_names'):
        found = metainfo.get(key)
        if found is not None and list(found) != list(about[key]):
            raise ExportError(
                f'{path} has other {key} than the model: {list(found)} '
                f'instead of {about[key]}'
            )
    splits = data['split'] or {}
    if split is not None and split not in splits:
        raise ExportError(
            f'{path} has no split {split!r}; it has {sorted(splits)}'
        )
    if split is None:
        split = next((s for s in ('val', 'test') if s in splits), None)
    chosen = None if split is None else set(splits[split])
    poses, truth = {}, {}
    for video in data['annotations']:
        name = video['frame_dir']
        if chosen is not None and name not in chosen:
            continue
        poses[name] = _poses(video, about['num_channels'])
        rows = np.reshape(video.get('segments', ()), (-1, 2))
        labels = np.reshape(video.get('segment_labels', ()), (-1, 1))
        truth[name] = np.hstack([labels, rows]).astype(np.int64)
    if not poses:
        raise ExportError(f'{path}: split {split!r} has no video')
    return Videos(poses, truth)


def _poses(video: Mapping[str, Any], channels: int) -> np.ndarray:
    keypoint = np.asarray(video['keypoint'], dtype=np.float32)
    keypoint = keypoint[None] if keypoint.ndim == 3 else keypoint
    score = video.get('keypoint_score')
    if score is not None and keypoint.shape[-1] == channels - 1:
        score = np.reshape(score, keypoint.shape[:3])[..., None]
        keypoint = np.concatenate([keypoint, score], axis=-1)
    return keypoint.astype(np.float32, copy=False)


def segment_map(
    scores: Mapping[str, np.ndarray],
    truth: Mapping[str, np.ndarray],
    classes: list[str],
) -> dict[str, float]:
    """Numbers of BABEL's protocol, the repository's default.

    Args:
        scores (Mapping[str, np.ndarray]): (T, num_classes + 1) by video.
        truth (Mapping[str, np.ndarray]): Label, start, end by video.
        classes (list[str]): Their names.

    Returns:
        dict[str, float]: ``runs/mAP``, ``runs/mAP@0.50`` and
        ``frame_accuracy``, in 0..1.
    """
    metrics, _ = evaluate_scores(scores, truth, classes, proposals=['runs'])
    wanted = ('runs/mAP', 'runs/mAP@0.50', 'frame_accuracy')
    return {key: float(metrics[key]) for key in wanted}
