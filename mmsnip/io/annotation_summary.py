"""What an annotation file holds, in numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mmsnip.io.video_check import as_labels, as_segments
from mmsnip.structures.errors import is_int, is_rate

MIN_MEDIAN_MAX = '{} / {} / {} (min / median / max)'

__all__ = [
    'format_summary',
    'keypoint_of',
    'labelled_segments',
    'summarize_videos',
]


def keypoint_of(video: Mapping[str, Any]) -> np.ndarray | None:
    """Joints of a video.

    Args:
        video (Mapping[str, Any]): Entry of ``annotations``.

    Returns:
        np.ndarray | None: (M, T, V, C), None where the entry has none.
    """
    keypoint = video.get('keypoint')
    fits = isinstance(keypoint, np.ndarray) and keypoint.ndim == 4
    return keypoint if fits else None


def _spread(values: Sequence[int]) -> list[int] | None:
    """Smallest, median and largest value."""
    if not len(values):
        return None
    return [int(min(values)), int(np.median(values)), int(max(values))]


def labelled_segments(
    video: Mapping[str, Any],
) -> tuple[np.ndarray, np.ndarray]:
    """Segments and labels of a video, none where they are malformed.

    Args:
        video (Mapping[str, Any]): Entry of ``annotations``.

    Returns:
        tuple[np.ndarray, np.ndarray]: (num_segments, 2) and (num_segments,),
        int64.
    """
    segments = as_segments(video.get('segments', ()))
    labels = as_labels(video.get('segment_labels', ()))
    if segments is None or labels is None or len(segments) != len(labels):
        return np.zeros((0, 2), np.int64), np.zeros(0, np.int64)
    return segments, labels


def summarize_videos(
    videos: Sequence[Mapping[str, Any]], fps: float
) -> dict[str, Any]:
    """Counts over videos; malformed fields are left out.

    Args:
        videos (Sequence[Mapping[str, Any]]): Entries of ``annotations``.
        fps (float): Frame rate of videos that state none.

    Returns:
        dict[str, Any]: ``videos``, ``frames``, ``hours``, ``video_frames``
        and ``segment_frames`` ([min, median, max] or None), ``persons``
        (number of videos for each number of persons), ``trimmed`` and
        ``segments`` (counts for each label), ``background`` (share of the
        frames outside all segments, None for a trimmed file).
    """
    frames, lengths, seconds = [], [], 0.0
    persons: dict[int, int] = {}
    trimmed: dict[int, int] = {}
    segments: dict[int, int] = {}
    inside = total = 0
    for video in videos:
        keypoint = keypoint_of(video)
        if is_int(video.get('label')):
            label = int(video['label'])
            trimmed[label] = trimmed.get(label, 0) + 1
        if keypoint is None:
            continue
        T = keypoint.shape[1]
        frames.append(T)
        rate = video.get('fps')
        seconds += T / (rate if is_rate(rate) else fps)
        present = int((keypoint != 0).any(axis=(1, 2, 3)).sum())
        persons[present] = persons.get(present, 0) + 1
        if video.get('segments') is None:
            continue
        active = np.zeros(T, bool)
        for (start, end), label in zip(*labelled_segments(video)):
            lengths.append(int(end - start))
            active[max(start, 0) : max(end, 0)] = True
            segments[int(label)] = segments.get(int(label), 0) + 1
        inside += int(active.sum())
        total += T
    return dict(
        videos=len(videos),
        frames=sum(frames),
        hours=seconds / 3600,
        video_frames=_spread(frames),
        segment_frames=_spread(lengths),
        persons=dict(sorted(persons.items())),
        trimmed=trimmed,
        segments=segments,
        background=1 - inside / total if total else None,
    )


def format_summary(
    summary: Mapping[str, Any], classes: Sequence[str]
) -> str:
    """Lines for a terminal.

    Args:
        summary (Mapping[str, Any]): Of `summarize_videos`.
        classes (Sequence[str]): Names of the labels.

    Returns:
        str: Several lines, without a line break at the end.
    """

    def spread(values: Sequence[int] | None) -> str:
        return 'none' if values is None else MIN_MEDIAN_MAX.format(*values)

    persons = ', '.join(
        f'{videos} with {number}'
        for number, videos in summary['persons'].items()
    )
    rows = [
        ('videos', f'{summary["videos"]}'),
        ('frames', f'{summary["frames"]}'),
        ('hours', f'{summary["hours"]:.2f}'),
        ('video frames', spread(summary['video_frames'])),
        ('persons', persons or 'none'),
        ('segment frames', spread(summary['segment_frames'])),
    ]
    if summary['background'] is not None:
        rows.append(('background', f'{100 * summary["background"]:.1f} %'))
    lines = [f'{name:<16}{value}' for name, value in rows]
    counted = set(summary['trimmed']) | set(summary['segments'])
    labels = sorted(counted | set(range(len(classes))))
    names = {
        c: classes[c] if 0 <= c < len(classes) else f'label {c}?'
        for c in labels
    }
    width = max([len(name) for name in names.values()] + [5]) + 2
    lines.append(f'{"class":<{width}}{"videos":>8}{"segments":>10}')
    for label in labels:
        lines.append(
            f'{names[label]:<{width}}{summary["trimmed"].get(label, 0):>8}'
            f'{summary["segments"].get(label, 0):>10}'
        )
    return '\n'.join(lines)
