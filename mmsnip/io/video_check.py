"""What may be wrong with one video of an annotation file.

Each check yields rows of (key, found, expected, remedy).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from mmsnip.structures.errors import is_int, is_rate, show

__all__ = ['as_labels', 'as_segments', 'check_video']

Row = 'tuple[str, str, str, str]'


def _array(value: Any) -> np.ndarray | None:
    try:
        return np.asarray(value)
    except (ValueError, OverflowError):  # ragged lists, huge integers
        return None


def as_segments(value: Any) -> np.ndarray | None:
    """Segments of an array or a list.

    Args:
        value (Any): Array-like of integers; anything empty is no segment.

    Returns:
        np.ndarray | None: (num_segments, 2) int64, None if it is none.
    """
    segments = _array(value)
    if segments is None or segments.size == 0:
        return None if segments is None else np.zeros((0, 2), np.int64)
    if segments.dtype.kind not in 'iu' or segments.ndim != 2:
        return None
    return segments.astype(np.int64) if segments.shape[1] == 2 else None


def as_labels(value: Any) -> np.ndarray | None:
    """Segment labels of an array or a list.

    Args:
        value (Any): Array-like of integers; anything empty is no label.

    Returns:
        np.ndarray | None: (num_segments,) int64, None if it is none.
    """
    labels = _array(value)
    if labels is None or labels.size == 0:
        return None if labels is None else np.zeros(0, np.int64)
    if labels.dtype.kind not in 'iu' or labels.ndim != 1:
        return None
    return labels.astype(np.int64)


def _label_range(num_classes: int | None) -> str:
    if num_classes is None:
        return 'an integer from 0 on'
    return f'an integer in 0..{num_classes - 1} ({num_classes} classes)'


def _in_range(label: int, num_classes: int | None) -> bool:
    return label >= 0 and (num_classes is None or label < num_classes)


def _check_keypoint(
    keypoint: Any, num_joints: int | None, num_channels: int | None
) -> Iterator[Row]:
    key = 'keypoint'
    if not isinstance(keypoint, np.ndarray):
        yield (
            key,
            show(keypoint),
            'a float array (M, T, V, C)',
            'store one array in which all frames have one shape',
        )
        return
    shape = f'shape {keypoint.shape}'
    if keypoint.dtype.kind != 'f':
        yield (
            key,
            show(keypoint),
            'float16, float32 or float64',
            "store keypoint.astype('float32')",
        )
        return
    if keypoint.ndim != 4:
        yield (
            key,
            f'{keypoint.ndim} axes, {shape}',
            '4 axes (M, T, V, C)',
            'for one person store keypoint[None]',
        )
        return
    M, T, V, C = keypoint.shape
    if M == 0 or T == 0:
        yield (
            key,
            f'{"T = 0" if T == 0 else "M = 0"}, {shape}',
            'at least one person and one frame',
            'leave the video out',
        )
        return
    if C not in (2, 3):
        yield (
            key,
            f'C = {C}, {shape}',
            'C = 3 (x, y, z) or 2 (x, y)',
            'bring the axes into the order (M, T, V, C)',
        )
    elif num_channels is not None and num_channels != C:
        yield (
            key,
            f'C = {C}, {shape}',
            f'C = {num_channels} as in the first video',
            'keep 2D and 3D videos in different files',
        )
    if num_joints is not None and num_joints != V:
        yield (
            key,
            f'V = {V}, {shape}',
            f'V = {num_joints} joints',
            'use one skeleton in the whole file, with its joint_names and '
            'parents in metainfo',
        )
    lost = ~np.isfinite(keypoint)
    if lost.any():
        m, t, v, _ = np.unravel_index(int(lost.argmax()), lost.shape)
        yield (
            key,
            f'NaN or infinity in {int(lost.sum())} values, first at person '
            f'{m}, frame {t}, joint {v}',
            'finite coordinates',
            'fill lost joints, or set all joints of a frame to 0 where the '
            'person is absent',
        )


def _check_extent(video: Mapping, shape: tuple) -> Iterator[Row]:
    """Fields that must agree with the shape of the keypoints."""
    total, score = video.get('total_frames'), video.get('keypoint_score')
    if not is_int(total) or total != shape[1]:
        yield (
            'total_frames',
            show(total),
            f'{shape[1]}, the frames of keypoint {shape}',
            'set total_frames = keypoint.shape[1]',
        )
    if score is None:
        return
    fits = isinstance(score, np.ndarray) and score.dtype.kind == 'f'
    if not fits or score.shape != shape[:3]:
        yield (
            'keypoint_score',
            show(score),
            f'a float array of shape {shape[:3]}',
            'store one score per joint or drop the key',
        )
    elif not np.isfinite(score).all():
        yield (
            'keypoint_score',
            'NaN or infinity',
            'finite scores',
            'set the score of a lost joint to 0',
        )


def _check_segments(
    video: Mapping, total: int | None, num_classes: int | None
) -> Iterator[Row]:
    for key, other in (
        ('segments', 'segment_labels'),
        ('segment_labels', 'segments'),
    ):
        if video.get(key) is None:
            yield (
                key,
                'nothing',
                f'as many entries as {other}',
                f'add {key}, empty where the video is all background',
            )
            return
    segments = as_segments(video['segments'])
    labels = as_labels(video['segment_labels'])
    if segments is None:
        yield (
            'segments',
            show(video['segments']),
            'an int array (num_segments, 2) of [start, end) frames',
            'round the borders to frames',
        )
    if labels is None:
        yield (
            'segment_labels',
            show(video['segment_labels']),
            'an int array (num_segments,)',
            'store the index of the class in metainfo classes',
        )
    if segments is None or labels is None:
        return
    if len(segments) != len(labels):
        yield (
            'segment_labels',
            f'{len(labels)} labels for {len(segments)} segments',
            'one label for each segment',
            'store both with the same length',
        )
        return
    for index, (start, end) in enumerate(segments.tolist()):
        place = f'[{start}, {end}) in row {index}'
        if start >= end:
            yield (
                'segments',
                f'start >= end, {place}',
                'start < end, half-open frames',
                'swap the two or drop the row',
            )
        elif start < 0 or (total is not None and end > total):
            yield (
                'segments',
                f'{place}, outside the video',
                f'0 <= start < end <= {total}, the frames of the video',
                'clip or drop the row',
            )
    for index, label in enumerate(labels.tolist()):
        if not _in_range(label, num_classes):
            yield (
                'segment_labels',
                f'label {label} in row {index}',
                _label_range(num_classes),
                'count from 0 and leave background rows out',
            )


def check_video(
    video: Mapping[str, Any],
    num_joints: int | None,
    num_channels: int | None,
    num_classes: int | None,
    untrimmed: bool,
) -> Iterator[Row]:
    """Malformed fields of one entry of ``annotations``.

    Args:
        video (Mapping[str, Any]): The entry.
        num_joints (int | None): V of the file.
        num_channels (int | None): C of the file.
        num_classes (int | None): Number of classes, None if not stated.
        untrimmed (bool): Whether the file has segments, so that each video
            must have them.

    Yields:
        tuple[str, str, str, str]: key, found, expected, remedy.
    """
    keypoint = video.get('keypoint')
    yield from _check_keypoint(keypoint, num_joints, num_channels)
    total = None
    if isinstance(keypoint, np.ndarray) and keypoint.ndim == 4:
        total = keypoint.shape[1]
        yield from _check_extent(video, keypoint.shape)
    if untrimmed or video.get('segment_labels') is not None:
        yield from _check_segments(video, total, num_classes)
    label, fps = video.get('label'), video.get('fps')
    if label is not None and not (
        is_int(label) and _in_range(label, num_classes)
    ):
        yield (
            'label',
            show(label),
            _label_range(num_classes),
            'store the index of the class in metainfo classes',
        )
    if fps is not None and not is_rate(fps):
        yield (
            'fps',
            show(fps),
            'frames per second, a positive number',
            'state the frame rate of the video or drop the key',
        )
