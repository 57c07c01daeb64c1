"""Scores of one recording: a row of probabilities for each frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmsnip.structures.errors import DataError, is_rate, show

__all__ = ['Scores']


@dataclass(frozen=True, eq=False)
class Scores:
    """Frame scores of one recording.

    Args:
        name (str): Of the recording.
        values (np.ndarray): (T, num_classes + 1) floats, background last.
        fps (float): Frames a second.
        classes (tuple[str, ...]): num_classes names.

    Raises:
        DataError: If a field is malformed; the recording is named.
    """

    name: str
    values: np.ndarray
    fps: float
    classes: tuple[str, ...]

    def __post_init__(self) -> None:
        """Check every field."""
        values = np.asarray(self.values)
        if values.ndim != 2 or values.dtype.kind != 'f' or not len(values):
            raise DataError(
                f'{self.name}: scores are {show(values)}; expected floats '
                '(T, num_classes + 1)'
            )
        if values.shape[1] != len(self.classes) + 1:
            raise DataError(
                f'{self.name}: scores have {values.shape[1]} columns; '
                f'expected {len(self.classes)} classes and background'
            )
        if not np.isfinite(values).all():
            raise DataError(f'{self.name}: scores are not finite')
        if not is_rate(self.fps):
            raise DataError(f'{self.name}: fps={self.fps!r} is no rate')
        object.__setattr__(self, 'values', values)
        object.__setattr__(self, 'classes', tuple(map(str, self.classes)))

    @property
    def num_frames(self) -> int:
        """T."""
        return len(self.values)

    def resampled(self, num_frames: int, step: float) -> Scores:
        """A row for each frame of another rate, linear in between.

        Args:
            num_frames (int): T there.
            step (float): Frames there for one frame here.

        Returns:
            Scores: (num_frames, num_classes + 1) at ``fps * step``.
        """
        if step == 1 and num_frames == self.num_frames:
            return self
        last = self.num_frames - 1
        place = np.minimum(np.arange(num_frames) / step, last)
        low = np.floor(place).astype(np.int64)
        share = (place - low).astype(self.values.dtype)[:, None]
        high = np.minimum(low + 1, last)
        values = self.values[low] * (1 - share) + self.values[high] * share
        return Scores(self.name, values, self.fps * step, self.classes)
