"""Segment labels of a file of their own, for the recordings of a folder."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mmsnip.io.labels import LabelSet, VideoLabels, read_labels, to_frames
from mmsnip.io.reading import SequenceError
from mmsnip.io.video_check import as_labels, as_segments

__all__ = [
    'clip_segments',
    'film_start',
    'frame_labels',
    'label_fields',
    'open_labels',
    'segments_in',
    'usual_label',
]

# Options of the readers by what the command calls them.
_OPTIONS = {
    'labels_unit': 'unit',
    'tiers': 'tiers',
    'background': 'background',
}


def open_labels(
    path: str | os.PathLike[str], kind: str | None = None, **options: Any
) -> LabelSet:
    """Read labels by `mmsnip.io.labels.read_labels`.

    Args:
        path (str | os.PathLike[str]): File or folder.
        kind (str, optional): Key of `LABEL_READERS`.
        **options (Any): ``labels_unit`` of a table, ``tiers`` of ELAN,
            ``background``; None is not given.

    Returns:
        LabelSet: All of them.

    Raises:
        FileNotFoundError: If there is no such file.
        SequenceError: If it cannot be read.
        ValueError: If an option does not belong to this kind of labels.
    """
    given = {k: v for k, v in options.items() if v is not None}
    try:
        return read_labels(
            path, kind, **{_OPTIONS[key]: v for key, v in given.items()}
        )
    except TypeError as error:
        raise ValueError(
            f'{sorted(given)} do not belong to labels such as {path}: '
            'labels_unit is of tables, tiers of ELAN'
        ) from error


def label_fields(
    labels: VideoLabels, classes: Sequence[str]
) -> dict[str, Any]:
    """Labels as the fields of an item, until its rate and length are known.

    Args:
        labels (VideoLabels): Of one recording.
        classes (Sequence[str]): All classes.

    Returns:
        dict[str, Any]: ``timed_segments`` in the unit of the labels,
        ``segment_labels`` (indices) and ``timing``; plain values.

    Raises:
        SequenceError: If a class is none of `classes`.
    """
    index = {name: label for label, name in enumerate(classes)}
    unknown = next((n for n in labels.names if n not in index), None)
    if unknown is not None:
        raise SequenceError(
            f'video {labels.video!r} has the class {unknown!r}, which is '
            f'none of {list(classes)}'
        )
    return dict(
        timed_segments=labels.segments.tolist(),
        segment_labels=[index[name] for name in labels.names],
        timing=dict(
            video=labels.video,
            names=list(labels.names),
            unit=labels.unit,
            fps=labels.fps,
            num_frames=labels.num_frames,
        ),
    )


def segments_in(
    fields: Mapping[str, Any],
    num_frames: int,
    fps: float | None,
    found: Mapping[str, Any],
    overlaps: str = 'keep',
) -> tuple[dict[str, Any], list[str]]:
    """Segments of an item in the frames of its recording.

    Args:
        fields (Mapping[str, Any]): Of the item: those of `label_fields`, or
            ``segments`` in frames and ``segment_labels``.
        num_frames (int): T.
        fps (float | None): Of the recording.
        found (Mapping[str, Any]): What its reader says beside the joints.
        overlaps (str): See `to_frames`.

    Returns:
        tuple[dict[str, Any], list[str]]: ``segments`` and
        ``segment_labels`` of the annotation, empty where the item has none;
        and what was mended.

    Raises:
        SequenceError: See `frame_labels`.
    """
    if 'segments' in fields:
        segments, labels, mended = clip_segments(fields, num_frames)
    elif 'timed_segments' in fields:
        segments, labels, mended = frame_labels(
            fields, num_frames, fps, found, overlaps
        )
    else:
        return {}, []
    return dict(segments=segments, segment_labels=labels), mended


def frame_labels(
    fields: Mapping[str, Any],
    num_frames: int,
    fps: float | None,
    found: Mapping[str, Any],
    overlaps: str = 'keep',
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Segments in the frames of a recording.

    Where a file numbers its frames, from ``first_frame`` in steps of
    ``frame_step``, labels in frames are these numbers. Labels in seconds
    count from the first frame of a table, and from frame 0 of the video
    whose poses begin later. Frame-wise labels as long as the recording are
    its frames. Where the times of a file leave frames out, labels in frames
    count those that it has.

    Args:
        fields (Mapping[str, Any]): Of `label_fields`.
        num_frames (int): T.
        fps (float | None): Of the recording.
        found (Mapping[str, Any]): What its reader says beside the joints.
        overlaps (str): See `to_frames`.

    Returns:
        tuple[np.ndarray, np.ndarray, list[str]]: Segments (num_segments, 2)
        int64, their classes (num_segments,) int64, what was mended.

    Raises:
        SequenceError: If labels are in seconds and no rate is known.
    """
    timing = fields['timing']
    times = np.array(fields['timed_segments'], np.float64).reshape(-1, 2)
    fps = timing['fps'] if fps is None else fps
    seconds = timing['unit'] == 's'
    if seconds and fps is None:
        raise SequenceError(
            f'the labels of video {timing["video"]!r} are in seconds, but '
            'its file states no frame rate; state it with source_fps'
        )
    first, step = _numbering(timing, num_frames, found)
    mended = []
    if (first, step) != (0, 1):
        times = (times - (first / fps if seconds else first)) / step
        steps = f' and goes on in steps of {step}' if step > 1 else ''
        mended.append(
            f'labels were moved by {first} frames, the number with which '
            f'the file begins{steps}'
        )
    length = None if first else timing['num_frames']
    rows = found.get('row_frames')
    if rows is not None and not seconds and length != num_frames:
        times = _over_gaps(times, np.asarray(rows))
        length = num_frames if length == len(rows) else length
        mended.append(
            f'labels count the {len(rows)} frames of the file; they were '
            'moved over those that its times leave out'
        )
    labels = VideoLabels(
        timing['video'],
        times,
        list(timing['names']),
        timing['unit'],
        num_frames=length,
    )
    label_of = dict(zip(timing['names'], fields['segment_labels']))
    segments, names, notes = to_frames(
        labels, fps, num_frames, overlaps, sorted(label_of, key=label_of.get)
    )
    indices = np.array([label_of[name] for name in names], np.int64)
    return segments, indices, mended + notes


def _numbering(
    timing: Mapping[str, Any], num_frames: int, found: Mapping[str, Any]
) -> tuple[int, int]:
    """Number of the first frame and step, as far as labels follow them."""
    if timing['unit'] == 's':
        return film_start(found), 1
    if timing['num_frames'] == num_frames:
        return 0, 1
    first = int(found.get('first_frame', 0))
    return first, int(found.get('frame_step', 1))


def film_start(found: Mapping[str, Any]) -> int:
    """Frames of the film before the first one of a file of poses.

    Seconds count from the beginning of the film. A table is a recording of
    its own, and frames that are numbered from 1 are all there.

    Args:
        found (Mapping[str, Any]): What a reader says beside the joints.

    Returns:
        int: At least 0.

    Examples:
        >>> film_start(dict(first_frame=300, tracking='ids'))
        300
    """
    first = int(found.get('first_frame', 0))
    of_film = 'tracking' in found  # poses that were found in images
    return first if of_film and first > 1 else 0


def _over_gaps(segments: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Segments that count the frames of a file, in those of its recording.

    Args:
        segments (np.ndarray): Half-open, (num_segments, 2) float64.
        rows (np.ndarray): Frame of each frame of the file, (R,) int64.

    Returns:
        np.ndarray: (num_segments, 2); a segment keeps its first and its last
            frame.

    Examples:
        >>> rows = np.array([0, 1, 5, 6])
        >>> _over_gaps(np.array([[0.0, 2], [2, 4], [1, 9]]), rows).tolist()
        [[0.0, 2.0], [5.0, 7.0], [1.0, 12.0]]
    """
    R = len(rows)
    borders = np.arange(R + 1)
    starts = np.interp(segments[:, 0], borders, [*rows, rows[-1] + 1])
    ends = np.interp(segments[:, 1], borders, [rows[0], *(rows + 1)])
    outside = segments - np.clip(segments, 0, R)
    return np.stack([starts, ends], axis=1) + outside


def usual_label(fields: Mapping[str, Any]) -> int:
    """Class that a recording is drawn with.

    Args:
        fields (Mapping[str, Any]): With ``label`` or ``segment_labels``.

    Returns:
        int: The label, or that of most segments; -1 for none.
    """
    if fields.get('label') is not None:
        return int(fields['label'])
    labels = as_labels(fields.get('segment_labels', ()))
    if labels is None or not labels.size or labels.min() < 0:
        return -1
    return int(np.bincount(labels).argmax())


def clip_segments(
    fields: Mapping[str, Any], num_frames: int
) -> tuple[Any, Any, list[str]]:
    """Segments inside the recording; what is malformed stays for the check.

    Args:
        fields (Mapping[str, Any]): ``segments`` in frames and
            ``segment_labels``.
        num_frames (int): T.

    Returns:
        tuple[Any, Any, list[str]]: Both, and what was cut or dropped.
    """
    segments = as_segments(fields['segments'])
    labels = as_labels(fields['segment_labels'])
    if segments is None or labels is None or len(segments) != len(labels):
        return fields['segments'], fields['segment_labels'], []
    clipped = np.clip(segments, 0, num_frames)
    kept = (clipped[:, 0] < clipped[:, 1]) | (segments[:, 0] >= segments[:, 1])
    mended = []
    for row in np.flatnonzero((clipped != segments).any(axis=1)):
        start, end = segments[row].tolist()
        what = 'cut' if kept[row] else 'dropped'
        mended.append(
            f'segment {start} to {end} was {what}, the recording has '
            f'{num_frames} frames'
        )
    return clipped[kept], labels[kept], mended
