"""Actions in time: label, start, end and score, half-open, in frames.

The one home of the rule "segments are (n, 2), start < end, inside the
recording, labels are classes", of frames and seconds, and of overlaps.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mmsnip.structures.errors import DataError, is_rate, show

__all__ = ['Segments', 'frames_of', 'seconds_of']

UNKNOWN = -1  # label of a frame of which nobody says what it is


def seconds_of(frames: Any, fps: float) -> np.ndarray:
    """Time at which each frame begins, float64 of the same shape.

    Args:
        frames (Any): Frames, any shape.
        fps (float): Frames a second.

    Returns:
        np.ndarray: Seconds.

    Raises:
        DataError: If ``fps`` is not a positive number.

    Examples:
        >>> seconds_of([0, 45], 30.0).tolist()
        [0.0, 1.5]
    """
    return np.asarray(frames, np.float64) / _rate(fps)


def frames_of(seconds: Any, fps: float) -> np.ndarray:
    """Inverse of `seconds_of`; what lies within 1e-6 of a frame is it.

    Args:
        seconds (Any): Seconds, any shape.
        fps (float): Frames a second.

    Returns:
        np.ndarray: Frames, float64.

    Raises:
        DataError: If ``fps`` is not a positive number.

    Examples:
        >>> frames_of([0.1, 1.51], 30.0).tolist()
        [3.0, 45.3]
    """
    frames = np.asarray(seconds, np.float64) * _rate(fps)
    whole = np.rint(frames)
    return np.where(np.abs(frames - whole) < 1e-6, whole, frames)


def _rate(fps: Any) -> float:
    if not is_rate(fps):
        raise DataError(f'fps={fps!r} must be a positive number')
    return float(fps)


@dataclass(frozen=True, eq=False)
class Segments:
    """Actions of one recording.

    Args:
        label (np.ndarray): (num_segments,) int64, index of the class.
        start (np.ndarray): (num_segments,) frames; whole ones are a truth's.
        end (np.ndarray): Likewise; half-open, behind the start.
        score (np.ndarray | None): (num_segments,); None is 1 for each.
        num_frames (int | None): T of the recording; no segment ends later.
        num_classes (int | None): Labels are below it.
        unknown (np.ndarray): (num_stretches, 2) int64, frames of which
            nobody says what they are: neither an action nor background.
        source (str): File or recording, for messages.

    Raises:
        DataError: If a segment is none; the row and what to do are named.
    """

    label: np.ndarray
    start: np.ndarray
    end: np.ndarray
    score: np.ndarray | None = None
    num_frames: int | None = None
    num_classes: int | None = None
    unknown: Any = ()
    source: str = 'segments'

    def __post_init__(self) -> None:
        """Check every row."""
        label = self._column('label', self.label, 'iu').astype(np.int64)
        bounds = [
            self._column(key, getattr(self, key), 'iuf')
            for key in ('start', 'end')
        ]
        start, end = (
            b.astype(np.int64 if b.dtype.kind in 'iu' else np.float64)
            for b in bounds
        )
        score = np.ones(len(label)) if self.score is None else self.score
        score = self._column('score', score, 'iuf').astype(np.float64)
        if len({len(x) for x in (label, start, end, score)}) > 1:
            raise DataError(
                f'{self.source}: {len(label)} labels for {len(start)} starts, '
                f'{len(end)} ends and {len(score)} scores; expected as many '
                'of each'
            )
        unknown = np.asarray(self.unknown)
        unknown = unknown.reshape(-1, 2) if unknown.size else np.zeros((0, 2))
        unknown = unknown.astype(np.int64)
        limit = np.inf if self.num_frames is None else self.num_frames
        spans = np.concatenate(
            [np.stack([start, end], axis=1), unknown]
        ).astype(np.float64)
        wrong = ~(
            (spans[:, 0] >= 0)
            & (spans[:, 0] < spans[:, 1])
            & (spans[:, 1] <= limit)
            & (spans[:, 1] < np.inf)
        )
        for row in np.flatnonzero(wrong)[:1].tolist():
            a, b = spans[row].tolist()
            raise DataError(
                f'{self.source}, row {row}: found [{a:g}, {b:g}); expected '
                f'0 <= start < end <= {limit:g}, half-open frames; swap, '
                'clip or drop the row'
            )
        classes = np.inf if self.num_classes is None else self.num_classes
        wrong = (label < 0) | (label >= classes)
        for row in np.flatnonzero(wrong)[:1].tolist():
            raise DataError(
                f'{self.source}, row {row}: found label {label[row]}; '
                f'expected 0 to {classes - 1:g}, the index of a class; count '
                'from 0 and leave background out'
            )
        if not np.isfinite(score).all():
            raise DataError(f'{self.source}: a score is not finite')
        for key, value in dict(
            label=label, start=start, end=end, score=score, unknown=unknown
        ).items():
            object.__setattr__(self, key, value)

    def _column(self, key: str, value: Any, kinds: str) -> np.ndarray:
        try:
            array = np.asarray(value)
        except (ValueError, OverflowError):  # ragged, huge integers
            array = np.asarray(None)
        if array.size == 0:
            return np.zeros(0, np.int64)
        if array.ndim != 1 or array.dtype.kind not in kinds:
            raise DataError(
                f'{self.source}, {key}: found {show(value)}; expected one '
                'number a segment'
            )
        return array

    @classmethod
    def of(cls, segments: Any, labels: Any, **facts: Any) -> Segments:
        """Segments of an annotation file."""
        source = facts.get('source', 'segments')
        try:
            bounds = np.asarray(segments)
        except (ValueError, OverflowError):
            bounds = np.asarray(None)
        if bounds.size == 0:
            bounds = np.zeros((0, 2), np.int64)
        if bounds.ndim != 2 or bounds.shape[1] != 2:
            raise DataError(
                f'{source}, segments: found {show(segments)}; expected '
                '(num_segments, 2) half-open frames'
            )
        if bounds.dtype.kind not in 'iu':
            raise DataError(
                f'{source}, segments: found {show(bounds)}; expected whole '
                'frames, round the borders'
            )
        return cls(labels, bounds[:, 0], bounds[:, 1], **facts)

    @classmethod
    def of_rows(cls, rows: Any, **facts: Any) -> Segments:
        """Segments of an array of label, start, end and, maybe, score."""
        rows = np.asarray(rows)
        if rows.size == 0:
            rows = np.zeros((0, 4))
        if rows.ndim != 2 or rows.shape[1] not in (3, 4):
            raise DataError(
                f'{facts.get("source", "segments")}: found {show(rows)}; '
                'expected label, start, end and, maybe, score a row'
            )
        label = rows[:, 0]
        if not np.array_equal(label, np.rint(label)):
            raise DataError(
                f'{facts.get("source", "segments")}: labels must be whole '
                'numbers'
            )
        score = rows[:, 3] if rows.shape[1] == 4 else None
        return cls(
            label.astype(np.int64), rows[:, 1], rows[:, 2], score, **facts
        )

    def __len__(self) -> int:
        """Number of segments."""
        return len(self.label)

    @property
    def bounds(self) -> np.ndarray:
        """Start and end, (num_segments, 2)."""
        return np.stack([self.start, self.end], axis=1)

    @property
    def rows(self) -> np.ndarray:
        """Label, start, end, score, (num_segments, 4) float64."""
        columns = (self.label, self.start, self.end, self.score)
        return np.stack(columns, axis=1).astype(np.float64)

    def but(self, **changes: Any) -> Segments:
        """The same with other fields, checked again."""
        return replace(self, **changes)

    def take(self, kept: Any) -> Segments:
        """Some of the segments, by index or mask."""
        return replace(
            self,
            label=self.label[kept],
            start=self.start[kept],
            end=self.end[kept],
            score=self.score[kept],
        )

    def frames(self, background: int) -> np.ndarray:
        """Label of each frame.

        A frame inside several segments belongs to the one that starts last;
        of those, to the shortest; of those, to the lowest label.

        Args:
            background (int): Label of a frame outside all segments.

        Returns:
            np.ndarray: (T,) int64; `UNKNOWN` where nobody says.
        """
        frames = np.full(self.num_frames, background, np.int64)
        for start, end in self.unknown.tolist():
            frames[start:end] = UNKNOWN
        length = self.start - self.end
        # The last painter wins: late start, then short, then low label.
        for n in np.lexsort((-self.label, length, self.start)).tolist():
            frames[int(self.start[n]) : int(self.end[n])] = self.label[n]
        return frames

    def one_label(self) -> Segments:
        """Segments without overlap, by the rule of `frames`.

        Only the order of the borders matters, so that times may be of any
        size and memory follows the number of segments.
        """
        if not len(self):
            return self
        borders, ranks = np.unique(self.bounds, return_inverse=True)
        ranks = ranks.reshape(-1, 2)
        painted = replace(
            self,
            start=ranks[:, 0],
            end=ranks[:, 1],
            num_frames=len(borders),
            unknown=(),
        ).frames(-2)
        edges = np.flatnonzero(np.diff(painted)) + 1
        edges = np.concatenate(([0], edges, [len(painted)]))
        kept = painted[edges[:-1]] >= 0
        return replace(
            self,
            label=painted[edges[:-1]][kept],
            start=borders[edges[:-1][kept]],
            end=borders[np.minimum(edges[1:], len(borders) - 1)[kept]],
            score=None,
        )
