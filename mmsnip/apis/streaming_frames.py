"""Frames of a live stream: brought to a frame rate, kept for a while."""

from __future__ import annotations

import numpy as np

from mmsnip.skeleton.geometry import present_frames
from mmsnip.skeleton.resample import take_joints

__all__ = ['FrameWindow', 'LiveResampler', 'PoseMemory']


class LiveResampler:
    """Poses at another frame rate, as early as they are known.

    All of them together are what the inferencer makes of the whole video.

    Args:
        step (float): Frames of the input per frame of the result.
    """

    def __init__(self, step: float) -> None:
        self.step = step
        self.num_read = 0  # frames of the input
        self._num_made = 0
        self._first = 0  # frame of the input that is kept at place 0
        self._kept: np.ndarray | None = None

    def push(self, keypoint: np.ndarray) -> np.ndarray:
        """Frames that the input so far decides.

        Args:
            keypoint (np.ndarray): Next frames, (M, t, V, C).

        Returns:
            np.ndarray: (M, t', V, C), t' of 0 or more.
        """
        self.num_read += keypoint.shape[1]
        if self.step == 1:
            return keypoint
        if self._kept is not None:
            keypoint = np.concatenate([self._kept, keypoint], axis=1)
        last = self.num_read - 1
        count = int(np.floor(last / self.step)) + 2
        place = np.arange(self._num_made, count) * self.step
        place = place[place <= last]
        made = self._take(keypoint, place)
        begin = int(np.floor((self._num_made + len(place)) * self.step))
        begin = min(begin, last)
        self._kept = keypoint[:, begin - self._first :].copy()
        self._first = begin
        self._num_made += len(place)
        return made

    def close(self) -> np.ndarray | None:
        """Frames that begin before the end of the input but reach past it.

        Returns:
            np.ndarray | None: (M, t', V, C); None where there is none.
        """
        if self.step == 1 or self._kept is None:
            return None
        count = int(np.ceil(self.num_read / self.step - 1e-6))
        place = np.arange(self._num_made, max(count, 1)) * self.step
        if not len(place):
            return None
        self._num_made += len(place)
        return self._take(
            self._kept, np.minimum(place, float(self.num_read - 1))
        )

    def _take(self, keypoint: np.ndarray, place: np.ndarray) -> np.ndarray:
        found = (keypoint != 0).any(axis=-1)
        return take_joints(keypoint, found, place - self._first)


class PoseMemory:
    """A bounded sample of all poses that have left the window.

    Each k-th frame is kept; where they grow too many, every second goes and
    k doubles. The first and the last pose of each person are kept always:
    what is measured on a first frame, or held through an absence, stays as
    it is in the whole video.

    Args:
        size (int): Most frames of the sample.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._count = 0
        self._step = 1
        self._sample: list[np.ndarray] = []  # (M, V, C) each
        self._first: np.ndarray | None = None
        self._last: np.ndarray | None = None

    def add(self, keypoint: np.ndarray) -> None:
        """Take the next frames in.

        Args:
            keypoint (np.ndarray): (M, t, V, C), t of 0 or more.
        """
        if not keypoint.shape[1]:
            return
        if self._first is None:
            self._first = np.zeros_like(keypoint, shape=keypoint[:, 0].shape)
            self._last = self._first.copy()
        there = present_frames(keypoint)
        seen = self._last.any(axis=(1, 2))
        for person in np.flatnonzero(there.any(axis=1)):
            frames = np.flatnonzero(there[person])
            if not seen[person]:
                self._first[person] = keypoint[person, frames[0]]
            self._last[person] = keypoint[person, frames[-1]]
        for frame in range(keypoint.shape[1]):
            if self.size and self._count % self._step == 0:
                if len(self._sample) == self.size:
                    self._sample = self._sample[::2]
                    self._step *= 2
                if self._count % self._step == 0:
                    self._sample.append(keypoint[:, frame].copy())
            self._count += 1

    def frames(self) -> np.ndarray | None:
        """First poses, the sample in order of time, last poses.

        Returns:
            np.ndarray | None: (M, size + 2 at most, V, C); None where
            nothing was added.
        """
        if not self._count:
            return None
        return np.stack([self._first, *self._sample, self._last], axis=1)


class FrameWindow:
    """The newest frames of a stream, in one piece of memory.

    Attributes:
        first (int): Frame that is kept at place 0.
        stop (int): Behind the newest frame.

    Args:
        capacity (int): Most frames that are kept.
        shape (tuple[int, int, int]): (M, V, C).
    """

    def __init__(self, capacity: int, shape: tuple[int, int, int]) -> None:
        M, V, C = shape
        self.first = self.stop = 0
        self._frames = np.zeros((M, capacity, V, C), np.float32)

    @property
    def frames(self) -> np.ndarray:
        """What is kept, (M, stop - first, V, C); a view."""
        return self._frames[:, : self.stop - self.first]

    def append(self, keypoint: np.ndarray) -> None:
        """Add frames at the end.

        Args:
            keypoint (np.ndarray): (M, t, V, C); there must be room.
        """
        begin = self.stop - self.first
        self.stop += keypoint.shape[1]
        self._frames[:, begin : self.stop - self.first] = keypoint

    def drop_before(self, frame: int) -> np.ndarray:
        """Forget old frames.

        Args:
            frame (int): First frame that stays.

        Returns:
            np.ndarray: What was forgotten, (M, t, V, C), t of 0 or more.
        """
        count = max(frame - self.first, 0)
        gone = self.frames[:, :count].copy()
        if count:
            rest = self.frames[:, count:].copy()
            self.first += count
            self._frames[:, : rest.shape[1]] = rest
        return gone
