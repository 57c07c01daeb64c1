"""What a model hands to a metric: one checked entry per video."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mmsnip.evaluation.records import check_scores


def video_entry(
    sample: Mapping[str, Any],
    default_fps: float | None = None,
    needs_fps: bool = False,
) -> dict[str, Any]:
    """Truth and scores of one video, checked, as numpy arrays.

    Args:
        sample (Mapping[str, Any]): Prediction with its ground truth:
            ``frame_dir``, ``pred_frame_scores`` (T, num_classes + 1),
            ``segments`` (num_segments, 2), ``segment_labels``
            (num_segments,); optional ``total_frames``, ``fps``,
            ``frame_index``. Arrays or tensors.
        default_fps (float, optional): Frame rate where the sample has none.
        needs_fps (bool): Refuse a sample without a frame rate.

    Returns:
        dict[str, Any]: ``frame_dir`` str, ``scores`` (T, num_classes + 1)
        float32, ``segments`` (num_segments, 3) int64 of label, start, end,
        ``first_frame`` int, ``fps`` float or None.

    Raises:
        ValueError: If a key is missing or malformed; the video is named.
    """
    name = sample.get('frame_dir')
    if name is None:
        raise ValueError(
            f"a sample lacks 'frame_dir', it has {sorted(sample)}; pack it "
            'with the sample'
        )
    needed = ('pred_frame_scores', 'segments', 'segment_labels')
    for key in needed:
        if sample.get(key) is None:
            raise ValueError(
                f'video {name!r} lacks {key!r}, it has {sorted(sample)}; a '
                'video without actions has empty segments'
            )
    try:
        scores = check_scores(_array(sample['pred_frame_scores']))
    except ValueError as error:
        raise ValueError(f'video {name!r}: {error}') from None
    T, width = scores.shape
    total = sample.get('total_frames')
    if total is not None and int(total) != T:
        raise ValueError(
            f'video {name!r} has {T} scored frames, but total_frames is '
            f'{int(total)}; evaluate whole videos'
        )
    fps = sample.get('fps')
    fps = default_fps if fps is None else fps
    if fps is None and needs_fps:
        raise ValueError(
            f"video {name!r} has no 'fps', which seconds in the dump need; "
            "set it in the annotation file's metainfo"
        )
    index = _array(sample.get('frame_index', ())).ravel()
    first = int(index[0]) if index.size else 0
    return {
        'frame_dir': str(name),
        'scores': scores.astype(np.float32, copy=False),
        'segments': _segments(name, sample, T, width - 1),
        'first_frame': first,
        'fps': None if fps is None else float(fps),
    }


def _segments(
    name: str, sample: Mapping[str, Any], T: int, num_classes: int
) -> np.ndarray:
    segments = _array(sample['segments'])
    labels = _array(sample['segment_labels']).reshape(-1)
    if segments.size == 0:
        segments = np.zeros((0, 2), dtype=np.int64)
    if segments.ndim != 2 or segments.shape != (len(labels), 2):
        raise ValueError(
            f'video {name!r} has segments of shape {segments.shape} and '
            f'{len(labels)} segment_labels; expected (n, 2) and (n,)'
        )
    rows = np.column_stack([labels, segments]).astype(np.int64)
    label, start, end = rows.T
    wrong = (start < 0) | (start >= end) | (end > T)
    wrong |= (label < 0) | (label >= num_classes)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(
            f'video {name!r}, segment {row} is label {label[row]}, frames '
            f'[{start[row]}, {end[row]}); expected a label in '
            f'0..{num_classes - 1} and 0 <= start < end <= {T}'
        )
    return rows


def _array(value: Any) -> np.ndarray:
    if hasattr(value, 'detach'):
        value = value.detach().cpu()
        value = value.float() if value.is_floating_point() else value
    return np.asarray(value)


def each_video_once(
    entries: Sequence[Mapping[str, Any]],
) -> dict[str, Mapping[str, Any]]:
    """First entry of each video, videos sorted by name.

    Args:
        entries (Sequence[Mapping[str, Any]]): Results of ``video_entry``.

    Returns:
        dict[str, Mapping[str, Any]]: Entries by ``frame_dir``.

    Raises:
        ValueError: If entries of one name differ in truth, length or first
            frame; they are windows then, not the same video.
    """
    videos: dict[str, Mapping[str, Any]] = {}
    for entry in entries:
        name = entry['frame_dir']
        known = videos.setdefault(name, entry)
        for key in ('first_frame', 'segments', 'scores'):
            mine, other = np.asarray(entry[key]), np.asarray(known[key])
            same = mine.shape == other.shape
            # the same video may score a little otherwise in another batch
            if key != 'scores':
                same = same and bool((mine == other).all())
            if not same:
                raise ValueError(
                    f'video {name!r} came twice with different {key}; '
                    'evaluate whole videos (test_mode=True), not windows'
                )
    return dict(sorted(videos.items()))
