"""BABEL's labels in seconds as segments in frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mmsnip.io.babel import BabelSequence

__all__ = ['babel_segments', 'seconds_to_frames']


def seconds_to_frames(
    start_s: Any, end_s: Any, num_frames: int, fps: float = 30.0
) -> np.ndarray:
    """Half-open frames of intervals in seconds.

    Frame n lies at ``n / fps`` seconds and belongs to an interval with
    ``start_s <= n / fps < end_s``.

    Args:
        start_s (Any): Starts, (num_segments,).
        end_s (Any): Ends, (num_segments,).
        num_frames (int): T, frames of the sequence.
        fps (float): Frames a second. Defaults to 30.

    Returns:
        np.ndarray: (num_segments, 2) int64 in ``0..T``; start = end where no
        frame lies inside.

    Source:
        Per-frame labels of the benchmark's preparation, line/Skeleton-
        Temporal-Action-Localization ``prepare/create_dataset.py``.

    Examples:
        >>> seconds_to_frames([0.0, 0.05], [0.05, 9.0], 13).tolist()
        [[0, 2], [2, 13]]
    """
    times = np.arange(num_frames) / fps
    starts = np.searchsorted(times, np.asarray(start_s, np.float64), 'left')
    ends = np.searchsorted(times, np.asarray(end_s, np.float64), 'left')
    frames = np.stack([starts, np.maximum(starts, ends)], axis=-1)
    return frames.reshape(-1, 2).astype(np.int64)


def babel_segments(
    sequence: BabelSequence,
    classes: Sequence[str],
    num_frames: int,
    fps: float = 30.0,
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Segments in frames, one for each category of each segment.

    Overlaps stay: which label a frame has in the end is a rule of the data
    set (`mmsnip.datasets.babel`). Segments without a category have no label
    and are background; those of categories that are not among `classes` are
    left out.

    Args:
        sequence (BabelSequence): Of `read_babel_json`.
        classes (Sequence[str]): Names; a label is an index into them.
        num_frames (int): T.
        fps (float): Frames a second. Defaults to 30.

    Returns:
        tuple[np.ndarray, np.ndarray, list[str]]: Segments (num_segments, 2)
        and labels (num_segments,), int64; a sentence for each segment that
        was dropped, or cut by more than the rounding to frames.
    """
    index = {name: label for label, name in enumerate(classes)}
    segments = [s for s in sequence.segments if set(s.act_cats) & set(index)]
    frames = seconds_to_frames(
        [s.start_s for s in segments],
        [s.end_s for s in segments],
        num_frames,
        fps,
    )
    rows, mended = [], []
    for segment, (start, end) in zip(segments, frames.tolist()):
        place = (
            f'segment {", ".join(segment.act_cats)} from '
            f'{segment.start_s:g} to {segment.end_s:g} s'
        )
        if start >= end:
            mended.append(
                f'{place}: dropped, it has no frame among the {num_frames}'
            )
            continue
        early = -segment.start_s * fps
        late = segment.end_s * fps - num_frames
        if max(early, late) > 1:
            mended.append(f'{place}: cut to frames {start} to {end}')
        rows += [
            (start, end, index[name])
            for name in segment.act_cats
            if name in index
        ]
    table = np.array(rows, np.int64).reshape(-1, 3)
    return table[:, :2], table[:, 2], mended
