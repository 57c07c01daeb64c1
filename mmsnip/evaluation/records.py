"""What comes in, checked once: frame scores, detections, ground truth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np


def check_scores(scores: np.ndarray) -> np.ndarray:
    """Frame scores as a float array.

    Args:
        scores (np.ndarray): (T, num_classes + 1), background last.

    Returns:
        np.ndarray: The same scores, float32 or float64.

    Raises:
        ValueError: If the shape is another or a score is not finite.
    """
    array = np.asarray(scores)
    if array.dtype not in (np.float32, np.float64):
        array = array.astype(np.float64)
    if array.ndim != 2 or array.shape[1] < 2:
        raise ValueError(
            f'scores has shape {array.shape}; expected (T, num_classes + 1) '
            'with the background last'
        )
    if not np.isfinite(array).all():
        frame, column = np.argwhere(~np.isfinite(array))[0]
        raise ValueError(
            f'scores[{frame}, {column}] is {array[frame, column]}; expected '
            'finite numbers'
        )
    return array


CONVENTIONS = ('official', 'clean')


def check_convention(convention: str) -> None:
    """Refuse an unknown convention.

    Args:
        convention (str): 'official', the numbers of the data set's own
            evaluation with its quirks, or 'clean', the plain definition.

    Raises:
        ValueError: If it is neither.
    """
    if convention not in CONVENTIONS:
        raise ValueError(
            f'convention={convention!r} is unknown; use one of {CONVENTIONS}'
        )


@dataclass(frozen=True)
class Table:
    """Intervals of all videos in columns, each (num_rows,).

    Attributes:
        video (np.ndarray): Index of the video, int64.
        label (np.ndarray): Class, int64.
        start (np.ndarray): First frame, float64.
        end (np.ndarray): Frame after the last one, float64.
        score (np.ndarray): Score, float64; zeros for ground truth.
    """

    video: np.ndarray
    label: np.ndarray
    start: np.ndarray
    end: np.ndarray
    score: np.ndarray

    def __len__(self) -> int:
        return len(self.video)

    def take(self, rows: np.ndarray) -> Table:
        """Rows by index or mask, as a new table."""
        return Table(
            self.video[rows],
            self.label[rows],
            self.start[rows],
            self.end[rows],
            self.score[rows],
        )

    def shift_ends(self, frames: float) -> Table:
        """The same rows with every end moved by ``frames``."""
        return Table(
            self.video, self.label, self.start, self.end + frames, self.score
        )


def collect(
    detections: Mapping[str, np.ndarray],
    ground_truth: Mapping[str, np.ndarray],
    num_classes: int,
) -> tuple[Table, Table]:
    """Detections, best score first, and ground truth as tables.

    Videos are those named by either mapping, sorted by name, so that the
    order of the mappings decides nothing. Equal scores keep the order of
    videos, then of rows.

    Args:
        detections (Mapping[str, np.ndarray]): Per video label, start, end,
            score, (num_detections, 4).
        ground_truth (Mapping[str, np.ndarray]): Per video label, start,
            end, (num_segments, 3).
        num_classes (int): Labels lie in ``0..num_classes - 1``.

    Returns:
        tuple[Table, Table]: Detections in descending score, ground truth in
        order of videos and rows.

    Raises:
        ValueError: If an array has another shape, is not finite, or holds
            a label out of range, or start is not below end; the video is
            named. A true interval may be empty: the official BABEL
            evaluation makes such of single frames, and none can match them.
    """
    if num_classes < 1:
        raise ValueError(f'num_classes={num_classes} must be at least 1')
    names = sorted({*detections, *ground_truth}, key=str)
    found = _stack('detections', detections, names, num_classes)
    truth = _stack('ground_truth', ground_truth, names, num_classes)
    return found.take(np.argsort(-found.score, kind='stable')), truth


COLUMNS = {
    'detections': ('label', 'start', 'end', 'score'),
    'ground_truth': ('label', 'start', 'end'),
}


def _stack(
    what: str,
    per_video: Mapping[str, np.ndarray],
    names: Sequence[str],
    num_classes: int,
) -> Table:
    columns = COLUMNS[what]
    width = len(columns)
    arrays = []
    video = []
    for index, name in enumerate(names):
        if name not in per_video:
            continue
        array = np.asarray(per_video[name])
        if array.size == 0:
            continue
        if array.ndim != 2 or array.shape[1] != width:
            raise ValueError(
                f'{what} of video {name!r} has shape {array.shape}; expected '
                f'(n, {width}) with columns {", ".join(columns)}'
            )
        arrays.append(array)
        video.append(np.full(len(array), index))
    if not arrays:
        empty = np.zeros(0)
        none = np.zeros(0, dtype=np.int64)
        return Table(none, none, empty, empty, empty)
    rows = np.concatenate(arrays).astype(np.float64)
    owner = np.concatenate(video)
    label, start, end = rows[:, 0], rows[:, 1], rows[:, 2]
    rules = {
        f'{", ".join(columns)} must be finite': np.isfinite(rows).all(axis=1),
        f'label must be an integer in 0..{num_classes - 1}': (
            (label >= 0) & (label < num_classes) & (label == np.floor(label))
        ),
        'start must be below end, frames are half-open': (
            start < end if width == 4 else start <= end
        ),
    }
    for rule, holds in rules.items():
        if not holds.all():
            at = int(np.argmin(holds))
            row = at - int(np.searchsorted(owner, owner[at]))
            raise ValueError(
                f'{what} of video {names[owner[at]]!r}, row {row} is '
                f'{rows[at].tolist()}: {rule}'
            )
    score = rows[:, 3] if width == 4 else np.zeros(len(rows))
    return Table(owner, label.astype(np.int64), start, end, score)
