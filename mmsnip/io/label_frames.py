"""Segment labels in the frames of a recording."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmsnip.io.detections import seconds_to_frames
from mmsnip.io.label_rules import OVERLAPS, settle_overlaps
from mmsnip.io.label_set import VideoLabels

__all__ = ['to_frames']

MAX_FRAME = 2.0**53


def to_frames(
    labels: VideoLabels,
    fps: float | None = None,
    num_frames: int | None = None,
    overlaps: str = 'keep',
    classes: Sequence[str] | None = None,
) -> tuple[np.ndarray, list[str], list[str]]:
    """Half-open frames of the segments of a recording.

    Frame t lasts from t / fps to (t + 1) / fps seconds. Start and end each go
    to the nearest border between two frames, halves up, so that segments
    which touch still touch and whole frames written as seconds come back. A
    segment that would vanish becomes the one frame that holds its middle.
    What lies outside 0 to `num_frames` is cut off, and a segment without a
    frame left is dropped. All but the rounding is reported.

    Args:
        labels (VideoLabels): Of one recording.
        fps (float, optional): Frames per second; not needed where the labels
            count frames or bring their own rate.
        num_frames (int, optional): T of the recording, at least 1; None cuts
            nothing.
        overlaps (str): Key of `OVERLAPS`: ``keep`` leaves the order and
            number of segments, ``one-label`` settles as
            `one_label_per_frame` does. Defaults to 'keep'.
        classes (Sequence[str], optional): All classes, lowest label first,
            for ``one-label``; None takes the alphabet.

    Returns:
        tuple[np.ndarray, list[str], list[str]]: Segments (num_segments, 2)
        int64, the class of each, and a sentence for each that was mended.

    Raises:
        ValueError: If `fps` is needed and missing or not positive,
            `num_frames` is below 1, or `overlaps` or a class is unknown.

    Examples:
        >>> labels = VideoLabels('v', np.array([[0.5, 1.02]]), ['a'], 's')
        >>> segments, names, mended = to_frames(labels, fps=30, num_frames=40)
        >>> segments.tolist(), names, mended
        ([[15, 31]], ['a'], [])
    """
    if overlaps not in OVERLAPS:
        raise ValueError(
            f'overlaps={overlaps!r} is unknown; use one of {sorted(OVERLAPS)}'
        )
    if num_frames is not None and num_frames < 1:
        raise ValueError(f'num_frames={num_frames} must be at least 1')
    mended: list[str] = []
    place = f'video {labels.video!r}'
    if num_frames not in (None, labels.num_frames) and labels.num_frames:
        mended.append(
            f'{place}: labels of {labels.num_frames} frames, but the '
            f'recording has {num_frames}'
        )
    times = _frames(labels, fps)
    rounded = np.floor(times + 0.5)
    short = rounded[:, 0] >= rounded[:, 1]
    rounded[short, 0] = np.floor(times[short].mean(axis=1))
    rounded[short, 1] = rounded[short, 0] + 1
    limit = np.inf if num_frames is None else num_frames
    inside = np.clip(rounded, 0, limit).astype(np.int64)
    there = inside[:, 0] < inside[:, 1]
    cut = (inside != rounded).any(axis=1)
    for index in np.flatnonzero(short | cut).tolist():
        start, end = rounded[index].astype(np.int64).tolist()
        found = f'{place}, {labels.names[index]!r} frames {start} to {end}'
        if short[index]:
            mended.append(f'{found}: lengthened to this frame')
        if not there[index]:
            mended.append(
                f'{found}: dropped, it has no frame among the {num_frames}'
            )
        elif cut[index]:
            mended.append(
                f'{found}: cut to frames {inside[index, 0]} to '
                f'{inside[index, 1]}'
            )
    segments = inside[there]
    names = [name for name, keep in zip(labels.names, there) if keep]
    if overlaps == 'keep':
        return segments, names, mended
    known = sorted(set(names)) if classes is None else list(classes)
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise ValueError(
            f'{place} has {unknown[0]!r}, which is none of the classes {known}'
        )
    settled, names = settle_overlaps(segments, names, known)
    if sorted(settled.tolist()) != sorted(segments.tolist()):
        mended.append(
            f"{place}: 'one-label' made {len(settled)} segments of "
            f'{len(segments)}'
        )
    return settled, names, mended


def _frames(labels: VideoLabels, fps: float | None) -> np.ndarray:
    """Positions between frames, (num_segments, 2) float64."""
    if labels.unit == 'frames':
        return labels.segments
    fps = labels.fps if fps is None else fps
    if fps is None:
        raise ValueError(
            f'the labels of video {labels.video!r} are in seconds; pass fps= '
            'of its recording to to_frames'
        )
    with np.errstate(over='ignore'):
        frames = seconds_to_frames(labels.segments, fps)
    if not (frames <= MAX_FRAME).all():
        raise ValueError(
            f'fps={fps!r} makes frames beyond {MAX_FRAME:.0f} of the labels '
            f'of video {labels.video!r}'
        )
    return frames
