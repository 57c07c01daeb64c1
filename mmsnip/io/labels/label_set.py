"""What every reader of segment labels returns, and how rows are mended."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from mmsnip.structures.errors import DataError
from mmsnip.structures.files import is_text
from mmsnip.structures.segments import Segments, frames_of

__all__ = [
    'OVERLAPS',
    'LabelRow',
    'LabelSet',
    'VideoLabels',
    'build_label_set',
    'names_of',
    'to_frames',
]

MAX_TIME = 1e9  # seconds or frames
FEW_FRAMES = 5  # by which labels of frames may miss the recording's length
# What rows without an action mostly are called.
NO_ACTION = ('background', 'none', 'null', 'n/a', 'no action')
OVERLAPS = {
    'keep': 'segments may overlap, as the file has them',
    'one-label': 'a frame inside several segments belongs to the one that '
    'starts last, then to the shortest, then to the lowest label',
}


class LabelRow(NamedTuple):
    """A segment as its file has it; `place` is its line or element."""

    name: str
    start: float
    end: float
    place: str


@dataclass
class VideoLabels:
    """Segments of one recording, in the order of the file."""

    video: str
    segments: np.ndarray  # (num_segments, 2) float64, half-open, >= 0
    names: list[str]  # class of each
    unit: str  # 's' or 'frames'
    fps: float | None = None  # where the file says it, as is T
    num_frames: int | None = None


@dataclass
class LabelSet:
    """Labels of many recordings."""

    videos: dict[str, VideoLabels]
    classes: list[str]  # as listed beside the labels, else as they appear
    splits: dict[str, list[str]]
    unit: str
    mended: list[str] = field(default_factory=list)  # and what overlaps


def names_of(given: Collection[str] | str | None) -> set[str] | None:
    """One name or several as a set; None stays None."""
    return {given} if isinstance(given, str) else given and set(given)


def build_label_set(
    rows: Mapping[str, Sequence[LabelRow]],
    unit: str,
    source: Any,
    classes: Iterable[str] | None = None,
    splits: Mapping[str, list[str]] | None = None,
    facts: Mapping[str, Mapping[str, Any]] | None = None,
    mended: Iterable[str] = (),
    background: Collection[str] | str | None = None,
) -> LabelSet:
    """Check and mend the rows of all videos."""
    if not rows:
        raise DataError(f'{source} has no video; expected at least one')
    mended, none = list(mended), names_of(background)
    seen: dict[str, int] = {}
    videos = {}
    for video, own in rows.items():
        for row in own:
            seen[row.name] = seen.get(row.name, 0) + 1
        kept = [row for row in own if row.name not in (none or ())]
        segments, names = _mend_rows(video, kept, unit, source, mended)
        facts_of = (facts or {}).get(video) or {}
        videos[video] = VideoLabels(video, segments, names, unit, **facts_of)
        mended += _overlap_notes(videos[video])
    lost = sorted((none or set()) - set(seen)) if classes is None else []
    if lost:
        mended.append(f'no row is called {lost[0]!r}, as background is said')
    odd = {n: k for n, k in seen.items() if n.strip().lower() in NO_ACTION}
    odd = {n: k for n, k in odd.items() if n not in (none or ())}
    if odd:
        said = ', '.join(f'{n!r} ({k} rows)' for n, k in odd.items())
        mended.append(
            f'among the classes is {said}; if that is no action, leave it '
            f'out with --background {" ".join(odd)}'
        )
    order = [n for n in classes or seen if n not in (none or ())]
    return LabelSet(videos, order, dict(splits or {}), unit, mended)


def _mend_rows(
    video: str,
    rows: Sequence[LabelRow],
    unit: str,
    source: Any,
    mended: list[str],
) -> tuple[np.ndarray, list[str]]:
    kept: dict[tuple[str, float, float], str] = {}  # and the place of each
    for name, start, end, place in rows:
        if not (abs(start) <= MAX_TIME and abs(end) <= MAX_TIME):  # NaN, too
            raise DataError(
                f'{source}, {place}: the times {start} and {end} are not '
                f'finite numbers up to {MAX_TIME:.0e}'
            )
        if not name.strip() or not is_text(name):
            raise DataError(
                f'{source}, {place}: {name[:40]!r} is no label; expected '
                'printable text'
            )
        found = f'{place}: {_say(video, name, start, end, unit)}'
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
        first = kept.setdefault((name, 0.0 + start, end), place)
        if first is not place:
            mended.append(f'{found}: dropped, it repeats {first}')
    segments = np.array([key[1:] for key in kept], np.float64)
    return segments.reshape(-1, 2), [key[0] for key in kept]


def _overlap_notes(labels: VideoLabels) -> Iterator[str]:
    """A sentence for each segment that begins inside an earlier one."""
    rows, latest = labels.segments.tolist(), -1
    order = np.lexsort((labels.segments[:, 1], labels.segments[:, 0]))
    for index in order.tolist():
        start, end = rows[index]
        if latest >= 0 and start < rows[latest][1]:
            name, unit = labels.names[index], labels.unit
            yield (
                f'{_say(labels.video, name, start, end, unit)}: overlaps '
                f'{labels.names[latest]!r} {_span(*rows[latest], unit)}'
            )
        if latest < 0 or end >= rows[latest][1]:
            latest = index


def _say(video: str, name: str, start: float, end: float, unit: str) -> str:
    return f'video {video!r}, {name!r} {_span(start, end, unit)}'


def _span(start: float, end: float, unit: str) -> str:
    return f'{start:.10g} to {end:.10g} {unit}'


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
            `Segments.one_label` does. Defaults to 'keep'.
        classes (Sequence[str], optional): All classes, lowest label first,
            for ``one-label``; None takes the alphabet.

    Returns:
        tuple[np.ndarray, list[str], list[str]]: Segments (num_segments, 2)
        int64, the class of each, and a sentence for each that was mended.

    Raises:
        DataError: If `fps` is needed and missing, `num_frames` is below 1,
            `overlaps` or a class is unknown, or a class a frame is given of
            more than a few frames more or less than the recording has.

    Examples:
        >>> labels = VideoLabels('v', np.array([[0.5, 1.02]]), ['a'], 's')
        >>> segments, names, mended = to_frames(labels, fps=30, num_frames=40)
        >>> segments.tolist(), names, mended
        ([[15, 31]], ['a'], [])
    """
    place = f'video {labels.video!r}'
    if overlaps not in OVERLAPS:
        raise DataError(
            f'overlaps={overlaps!r} is unknown; use one of {sorted(OVERLAPS)}'
        )
    if num_frames is not None and num_frames < 1:
        raise DataError(f'num_frames={num_frames} must be at least 1')
    mended = _check_length(place, labels.num_frames, num_frames)
    times = labels.segments
    if labels.unit != 'frames':
        fps = labels.fps if fps is None else fps
        if fps is None:
            raise DataError(
                f'the labels of {place} are in seconds; pass fps= of its '
                'recording'
            )
        times = frames_of(times, fps)
    rounded = np.floor(times + 0.5)
    short = rounded[:, 0] >= rounded[:, 1]
    rounded[short, 0] = np.floor(times[short].mean(axis=1))
    rounded[short, 1] = rounded[short, 0] + 1
    limit = np.inf if num_frames is None else num_frames
    inside = np.clip(rounded, 0, limit).astype(np.int64)
    there = inside[:, 0] < inside[:, 1]
    cut = (inside != rounded).any(axis=1)
    for n in np.flatnonzero(short | cut).tolist():
        start, end = rounded[n].astype(np.int64).tolist()
        found = f'{place}, {labels.names[n]!r} frames {start} to {end}'
        if short[n]:
            mended.append(f'{found}: lengthened to this frame')
        if not there[n]:
            mended.append(
                f'{found}: dropped, it has no frame among the {num_frames}'
            )
        elif cut[n]:
            mended.append(
                f'{found}: cut to frames {inside[n, 0]} to {inside[n, 1]}'
            )
    segments = inside[there]
    names = [name for name, keep in zip(labels.names, there) if keep]
    if overlaps == 'keep':
        return segments, names, mended
    known = sorted(set(names)) if classes is None else list(classes)
    label_of = {name: label for label, name in enumerate(known)}
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise DataError(
            f'{place} has {unknown[0]!r}, which is none of the classes {known}'
        )
    settled = Segments.of(
        segments, [label_of[name] for name in names], source=place
    ).one_label()
    if sorted(settled.bounds.tolist()) != sorted(segments.tolist()):
        mended.append(
            f"{place}: 'one-label' made {len(settled)} segments of "
            f'{len(segments)}'
        )
    return settled.bounds, [known[n] for n in settled.label], mended


def _check_length(
    place: str, labelled: int | None, num_frames: int | None
) -> list[str]:
    """Refuse a class a frame of another length; a few frames are noted."""
    if not labelled or num_frames in (None, labelled):
        return []
    found = f'{place}: labels of {labelled} frames, {num_frames} are recorded'
    if abs(num_frames - labelled) <= FEW_FRAMES:
        return [f'{found}; what is beyond is background, or cut off']
    more, less = max(num_frames, labelled), min(num_frames, labelled)
    times = round(more / less)
    cause = 'is it the file of another recording?'
    if times > 1 and abs(more - times * less) <= times * FEW_FRAMES:
        rate = '1/' * (labelled == less) + str(times)
        cause = f'were they written at {rate} of the frame rate?'
    raise DataError(
        f'{found}; {cause} Write a class for each recorded frame, or '
        'segments in seconds'
    )
