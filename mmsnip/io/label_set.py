"""What every reader of segment labels returns, and how rows are mended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from mmsnip.io.label_rules import find_overlaps
from mmsnip.io.reading import SequenceError

__all__ = [
    'MAX_TIME',
    'LabelError',
    'LabelRow',
    'LabelSet',
    'VideoLabels',
    'build_label_set',
]

MAX_TIME = 1e9  # seconds or frames


class LabelError(SequenceError):
    """Labels cannot be used; the message says where and why."""


class LabelRow(NamedTuple):
    """A segment as its file has it.

    Args:
        name (str): Class.
        start (float): In the unit of the file.
        end (float): Likewise; the segment is half-open.
        place (str): Line or element, for messages.
    """

    name: str
    start: float
    end: float
    place: str


@dataclass
class VideoLabels:
    """Segments of one recording, in the order of the file.

    Args:
        video (str): Its name.
        segments (np.ndarray): Half-open [start, end), (num_segments, 2)
            float64, neither empty nor below 0; they may overlap.
        names (list[str]): Class of each segment.
        unit (str): 's' or 'frames'.
        fps (float | None): Frames per second, where the file says it.
        num_frames (int | None): T, where the file says it.
        duration (float | None): Seconds, where the file says it.
    """

    video: str
    segments: np.ndarray
    names: list[str]
    unit: str
    fps: float | None = None
    num_frames: int | None = None
    duration: float | None = None


@dataclass
class LabelSet:
    """Labels of many recordings.

    Args:
        videos (dict[str, VideoLabels]): By name, in the order of the file
            (of a folder: sorted by name).
        classes (list[str]): In the order of the list of classes that comes
            with the labels, where there is one; else by first appearance.
        splits (dict[str, list[str]]): Names of the videos of each part,
            where the files say it.
        unit (str): 's' or 'frames'.
        mended (list[str]): A sentence for each row that was repaired,
            dropped or overlaps another.
    """

    videos: dict[str, VideoLabels]
    classes: list[str]
    splits: dict[str, list[str]]
    unit: str
    mended: list[str] = field(default_factory=list)


def build_label_set(
    rows: Mapping[str, Sequence[LabelRow]],
    unit: str,
    source: Any,
    classes: Iterable[str] | None = None,
    splits: Mapping[str, list[str]] | None = None,
    facts: Mapping[str, Mapping[str, Any]] | None = None,
    mended: Iterable[str] = (),
) -> LabelSet:
    """Check and mend the rows of all videos.

    Refused: a label that is blank or not printable, a time that is not
    finite or beyond 1e9 either way. Mended and reported, in this order:
    ``start > end`` is swapped; a segment without length, or that ends at 0
    or before, is dropped; a start below 0 becomes 0; a row that repeats
    another's class and times is dropped. Reported and left as it is: a
    segment that begins inside another one, see `find_overlaps`; `to_frames`
    is told what to do about it.

    Args:
        rows (Mapping[str, Sequence[LabelRow]]): By video.
        unit (str): 's' or 'frames'.
        source (Any): File or folder, for errors.
        classes (Iterable[str], optional): All classes in their order.
        splits (Mapping[str, list[str]], optional): Videos of each part.
        facts (Mapping[str, Mapping], optional): ``fps``, ``num_frames``,
            ``duration`` by video.
        mended (Iterable[str]): Sentences that come first.

    Returns:
        LabelSet: All videos, those without a row too.

    Raises:
        LabelError: If a row is refused, or there is no video.
    """
    if not rows:
        raise LabelError(f'{source} has no video; expected at least one')
    mended = list(mended)
    seen: dict[str, None] = {}
    videos = {}
    for video, own in rows.items():
        segments, names = _mend_rows(video, own, unit, source, mended)
        seen.update(dict.fromkeys(names))
        videos[video] = VideoLabels(
            video, segments, names, unit, **((facts or {}).get(video) or {})
        )
        mended += _overlap_notes(videos[video])
    order = list(seen) if classes is None else list(classes)
    return LabelSet(videos, order, dict(splits or {}), unit, mended)


def _mend_rows(
    video: str,
    rows: Sequence[LabelRow],
    unit: str,
    source: Any,
    mended: list[str],
) -> tuple[np.ndarray, list[str]]:
    times = np.array([row[1:3] for row in rows], np.float64).reshape(-1, 2)
    good = (np.abs(times) <= MAX_TIME).all(axis=1)  # NaN is no good
    for index in np.flatnonzero(~good)[:1].tolist():
        raise LabelError(
            f'{source}, {rows[index].place}: the times {rows[index].start} '
            f'and {rows[index].end} are not finite numbers up to '
            f'{MAX_TIME:.0e}'
        )
    kept: dict[tuple[str, float, float], str] = {}  # and the place of each
    for row, (start, end) in zip(rows, times.tolist()):
        if not row.name.strip() or not row.name.isprintable():
            raise LabelError(
                f'{source}, {row.place}: {row.name[:40]!r} is no label; '
                'expected printable text'
            )
        found = f'{row.place}: {_say(video, row.name, start, end, unit)}'
        if start > end:
            start, end = end, start
            mended.append(f'{found}: start and end are swapped')
        if start == end:
            mended.append(f'{found}: dropped, it has no length')
            continue
        if end <= 0:
            mended.append(f'{found}: dropped, it ends before the recording')
            continue
        if start < 0:
            start = 0.0
            mended.append(f'{found}: cut to start at 0')
        # 0.0 + turns -0.0 into 0.0
        first = kept.setdefault((row.name, 0.0 + start, end), row.place)
        if first is not row.place:
            mended.append(f'{found}: dropped, it repeats {first}')
    segments = np.array([key[1:] for key in kept], np.float64)
    return segments.reshape(-1, 2), [key[0] for key in kept]


def _overlap_notes(labels: VideoLabels) -> list[str]:
    notes = []
    rows = labels.segments.tolist()
    for index, other, count in find_overlaps(labels.segments):
        start, end = rows[index]
        found = _say(
            labels.video, labels.names[index], start, end, labels.unit
        )
        more = f' and {count - 1} more' if count > 1 else ''
        notes.append(
            f'{found}: overlaps {labels.names[other]!r} '
            f'{_span(*rows[other], labels.unit)}{more}'
        )
    return notes


def _say(video: str, name: str, start: float, end: float, unit: str) -> str:
    return f'video {video!r}, {name!r} {_span(start, end, unit)}'


def _span(start: float, end: float, unit: str) -> str:
    return f'{start:.10g} to {end:.10g} {unit}'
