"""One answer of the inferencer, checked key by key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from mmsnip.structures import frames_of
from mmsnip.structures.errors import is_int, is_rate

__all__ = ['Answer', 'read_answer']

_KEYS = ('video', 'num_frames', 'fps', 'detections')


class Answer(NamedTuple):
    """What the inferencer says of a video.

    Args:
        video (str): Name.
        num_frames (int): T.
        fps (float): Frames per second.
        labels (list[str]): Class of each detection.
        table (np.ndarray): start, end in frames of the input and score,
            (num_detections, 3).
        scores (np.ndarray | None): (T, num_classes + 1).
    """

    video: str
    num_frames: int
    fps: float
    labels: list[str]
    table: np.ndarray
    scores: np.ndarray | None

    def rows(self, classes: Sequence[str]) -> np.ndarray:
        """label, start, end, score, (num_detections, 4)."""
        index = {name: label for label, name in enumerate(classes)}
        labels = np.array([index[name] for name in self.labels], float)
        return np.column_stack([labels.reshape(-1, 1), self.table])


def read_answer(where: str, entry: Any, accepted: str) -> Answer:
    """Check an answer of `SkeletonLocalizationInferencer`.

    Args:
        where (str): File and place in it, for messages.
        entry (Any): What JSON held.
        accepted (str): What would be welcome, for messages.

    Returns:
        Answer: The same, as arrays.

    Raises:
        ValueError: If a key is missing or malformed; it is named.
    """
    if not isinstance(entry, Mapping):
        raise ValueError(
            f'{where}: found {str(entry)[:60]!r}; expected {accepted}'
        )
    missing = [key for key in _KEYS if key not in entry]
    if missing:
        raise ValueError(
            f'{where}: the keys {missing} are missing, found '
            f'{sorted(map(str, entry))[:12]}; expected {accepted}'
        )
    _expect(where, entry, 'video', isinstance(entry['video'], str), 'a name')
    frames = entry['num_frames']
    good = is_int(frames) and frames > 0
    _expect(where, entry, 'num_frames', good, 'a positive integer')
    _expect(where, entry, 'fps', is_rate(entry['fps']), 'frames a second')
    listed = isinstance(entry['detections'], list)
    _expect(where, entry, 'detections', listed, 'a list')
    labels, table = [], np.zeros((len(entry['detections']), 3))
    for place, one in enumerate(entry['detections']):
        try:
            start, end = (float(time) for time in one['segment'])
            table[place] = start, end, float(one['score'])
            labels.append(str(one['label']))
        except (KeyError, TypeError, ValueError):
            raise ValueError(
                f"{where}, key 'detections', row {place}: found "
                f'{str(one)[:80]}; expected {{"label": name, "segment": '
                '[start_s, end_s], "score": x}}'
            ) from None
    if not np.isfinite(table).all() or (table[:, 0] > table[:, 1]).any():
        raise ValueError(
            f"{where}, key 'detections': found a segment that ends before "
            'it starts or is not finite; expected [start_s, end_s]'
        )
    fps = float(entry['fps'])
    first = entry.get('first_frame', 0)
    good = is_int(first) and first >= 0
    _expect(where, entry, 'first_frame', good, 'frames of the film before')
    table[:, :2] = frames_of(table[:, :2], fps) - first
    scores = _scores(where, entry, int(frames))
    return Answer(entry['video'], int(frames), fps, labels, table, scores)


def _scores(
    where: str, entry: Mapping[str, Any], num_frames: int
) -> np.ndarray | None:
    if entry.get('scores') is None:
        return None
    try:
        scores = np.asarray(entry['scores'], dtype=np.float32)
    except (TypeError, ValueError):
        scores = np.zeros(0)
    good = scores.ndim == 2 and scores.shape[0] == num_frames
    good = good and scores.shape[1] > 1 and bool(np.isfinite(scores).all())
    if not good:
        raise ValueError(
            f"{where}, key 'scores': found the shape {scores.shape} or "
            f'numbers that are not finite; expected ({num_frames}, '
            'num_classes + 1)'
        )
    return scores


def _expect(
    where: str, entry: Mapping[str, Any], key: str, good: bool, what: str
) -> None:
    if not good:
        raise ValueError(
            f'{where}, key {key!r}: found {str(entry[key])[:60]!r}; '
            f'expected {what}'
        )
