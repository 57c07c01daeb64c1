"""A memory-mapped annotation file that all workers and ranks share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from mmsnip.io.store_index import StoreIndex

__all__ = ['SkeletonStore']


class SkeletonStore(StoreIndex):
    """Videos of a file that `mmsnip.io.store_writer.write_store` wrote.

    Opening reads a few kilobytes whatever the file's size: the header is
    checked, nothing else is looked at. Joints lie frame after frame, so that
    a window is one stretch of the file; the arrays handed out are read-only
    views of it, and the pages behind them belong to the system's file
    cache, once for all processes. A copy sent to another process opens the
    file there. The file must not be changed in place; write a new one over
    it (`write_store` does), open stores keep the old one.

    Its items have the form of ``annotations``: one dict a video, the
    joints read when they are looked at.

    Args:
        path (str | os.PathLike[str]): File.

    Attributes:
        path (str): The file.
        num_joints (int): V.
        num_channels (int): C.
        dtype (np.dtype): Of the joints, float32 or float16.

    Raises:
        AnnotationError: If the file is cut off, or no store.
        OSError: If it cannot be opened.
    """

    def _frames(
        self, name: str, first: int, i: int, start: int, end: int | None
    ) -> np.ndarray:
        """View (M, T, ...) of the frames of a video."""
        T, M = self.num_frames(i), int(self.column('persons')[i])
        end = T if end is None else end
        if not 0 <= start <= end <= T:
            raise IndexError(
                f'frames [{start}, {end}) are outside video '
                f'{self.name(i)!r} of {self.path}, which has {T} frames'
            )
        rows = self.column(name)
        block = rows[first + start * M : first + end * M]
        return block.reshape(end - start, M, *rows.shape[1:]).swapaxes(0, 1)

    def keypoint(
        self, i: int, start: int = 0, end: int | None = None
    ) -> np.ndarray:
        """Joints of some frames; no other frame is read.

        Args:
            i (int): Video.
            start (int): First frame. Defaults to 0.
            end (int, optional): Behind the last frame; None is T.

        Returns:
            np.ndarray: (M, end - start, V, C) read-only view.

        Raises:
            IndexError: If there is no such video or frame.
        """
        i = self._at(i)
        first = int(self.column('row_offsets')[i])
        return self._frames('keypoint', first, i, start, end)

    def body_mask(
        self, i: int, start: int = 0, end: int | None = None
    ) -> np.ndarray:
        """Where somebody is present; no joint is read.

        Args:
            i (int): Video.
            start (int): First frame. Defaults to 0.
            end (int, optional): Behind the last frame; None is T.

        Returns:
            np.ndarray: (M, end - start) bool, False where all joints are
            zero; a copy.

        Raises:
            IndexError: If there is no such video or frame.
        """
        i = self._at(i)
        first = int(self.column('row_offsets')[i])
        mask = self._frames('body_mask', first, i, start, end)
        return np.ascontiguousarray(mask != 0)

    def keypoint_score(
        self, i: int, start: int = 0, end: int | None = None
    ) -> np.ndarray | None:
        """Scores of some frames, as `keypoint`.

        Args:
            i (int): Video.
            start (int): First frame. Defaults to 0.
            end (int, optional): Behind the last frame; None is T.

        Returns:
            np.ndarray | None: (M, end - start, V) read-only view, None where
            the video has none.

        Raises:
            IndexError: If there is no such video or frame.
        """
        i = self._at(i)
        if 'score_offsets' not in self._places:
            return None
        first, behind = self.column('score_offsets')[i : i + 2].tolist()
        if first == behind:
            return None
        return self._frames('keypoint_score', first, i, start, end)

    @property
    def scored(self) -> np.ndarray:
        """Which videos have scores, (N,) bool."""
        if 'score_offsets' not in self._places:
            return np.zeros(len(self), bool)
        return np.diff(self.column('score_offsets')) > 0

    def __getitem__(self, i: int) -> dict[str, Any]:
        """Entry of ``annotations``, its joints as a read-only view."""
        video = self.info(i)
        video['keypoint'] = self.keypoint(i)
        score = self.keypoint_score(i)
        if score is not None:
            video['keypoint_score'] = score
        return video

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Entries of ``annotations``."""
        return (self[i] for i in range(len(self)))
