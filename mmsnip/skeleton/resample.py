"""Frame maps: which source frame each new frame shows.

A map is an array (T_new,) of positions in the old frames: integers pick a
frame, fractions lie between two, -1 is padding. One map moves poses, masks
and segments alike, so that labels cannot slide.
"""

from __future__ import annotations

import numpy as np

from mmsnip.structures.segments import Segments

PADDING = -1


def mirror_crop_map(num_frames: int, padding: int, start: int) -> np.ndarray:
    """A crop of T frames out of the sequence mirrored at both ends."""
    place = np.arange(start - padding, start - padding + num_frames)
    place = np.maximum(place, -1 - place)
    return np.minimum(place, 2 * num_frames - 1 - place)


def window_map(
    num_frames: int, size: int, start: int = 0, pad: bool = False
) -> np.ndarray:
    """A window of at most `size` frames."""
    place = start + np.arange(size)
    if pad:
        return np.where(place < num_frames, place, PADDING)
    return place[place < num_frames]


def stretch_map(
    num_frames: int,
    size: int,
    start: float = 0.0,
    length: float | None = None,
) -> np.ndarray:
    """An interval stretched or squeezed to `size` frames, ends kept."""
    length = num_frames - start if length is None else length
    last = min(start + length - 1, num_frames - 1)
    if size == 1:
        return np.array([(start + last) / 2])
    return np.linspace(start, last, size)


def tempo_map(
    num_frames: int,
    factor: float,
    size: int | None = None,
    start: float = 0.0,
) -> np.ndarray:
    """Every `factor`-th frame."""
    count = int(np.floor((num_frames - 1 - start) / factor + 1e-9)) + 1
    count = count if size is None else min(count, size)
    place = np.minimum(start + factor * np.arange(count), num_frames - 1)
    whole = np.rint(place)
    return whole.astype(np.int64) if np.array_equal(whole, place) else place


def reverse_map(num_frames: int) -> np.ndarray:
    """All frames, last first."""
    return np.arange(num_frames)[::-1].copy()


def nearest_frames(frame_map: np.ndarray) -> np.ndarray:
    """The whole frame next to each position; halves go up, padding stays."""
    frame_map = np.asarray(frame_map)
    if frame_map.dtype.kind == 'i':
        return frame_map.astype(np.int64, copy=False)
    return np.floor(frame_map + 0.5).astype(np.int64)


def take_frames(
    keypoint: np.ndarray, body_mask: np.ndarray, frame_map: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Poses and mask of the new frames.

    A position between two frames is interpolated; where a person is present
    in only one of them, the nearest frame is taken as it is. The mask is
    always that of the nearest frame.

    Args:
        keypoint (np.ndarray): (M, T, V, C).
        body_mask (np.ndarray): (M, T) bool.
        frame_map (np.ndarray): (T_new,), -1 gives zeros.

    Returns:
        tuple[np.ndarray, np.ndarray]: (M, T_new, V, C) of the type of
            `keypoint`, and (M, T_new) bool.
    """
    frame_map = np.asarray(frame_map)
    padded = frame_map < 0
    T = keypoint.shape[1]
    if frame_map.dtype.kind == 'i':
        mask = body_mask.take(frame_map, axis=1, mode='clip')
        if keypoint.flags.c_contiguous and keypoint.flags.aligned:
            taken = keypoint.take(frame_map, axis=1, mode='clip')
        else:  # of which take would copy every frame first
            taken = keypoint[:, np.clip(frame_map, 0, T - 1)]
        if padded.any():
            mask[:, padded] = False
            taken[:, padded] = 0
        return taken, mask
    nearest = np.clip(nearest_frames(frame_map), 0, T - 1)
    mask = body_mask[:, nearest] & ~padded
    low = np.clip(np.floor(frame_map).astype(np.int64), 0, T - 1)
    high = np.minimum(low + 1, T - 1)
    share = np.clip(frame_map - low, 0.0, 1.0)
    taken = keypoint[:, low]
    if share.any():
        there_low, there_high = body_mask[:, low], body_mask[:, high]
        share = np.where(there_low == there_high, share, nearest > low)
        share = share[..., None, None].astype(keypoint.dtype)
        taken = taken * (1 - share) + keypoint[:, high] * share
    if padded.any():
        taken = taken * ~padded[:, None, None]
    return taken, mask


def take_joints(
    values: np.ndarray, found: np.ndarray, frame_map: np.ndarray
) -> np.ndarray:
    """Values of the new frames, each joint by itself."""
    M, T, V, C = values.shape
    tracks = values.transpose(0, 2, 1, 3).reshape(M * V, T, 1, C)
    seen = found.transpose(0, 2, 1).reshape(M * V, T)
    taken = take_frames(tracks, seen, frame_map)[0]
    taken = taken.reshape(M, V, len(frame_map), C)
    return np.ascontiguousarray(taken.transpose(0, 2, 1, 3))


def compose_maps(outer: np.ndarray, frame_map: np.ndarray) -> np.ndarray:
    """The map that follows from two, one after the other."""
    outer, frame_map = np.asarray(outer), np.asarray(frame_map)
    if frame_map.dtype.kind == 'i':
        source = outer.take(frame_map, mode='clip')
        source[(frame_map < 0) | (source < 0)] = PADDING
        return source
    nearest = nearest_frames(frame_map)
    padded = frame_map < 0
    padded = padded | (outer[np.clip(nearest, 0, len(outer) - 1)] < 0)
    low = np.clip(np.floor(frame_map), 0, len(outer) - 1).astype(np.int64)
    high = np.minimum(low + 1, len(outer) - 1)
    share = np.clip(frame_map - low, 0.0, 1.0)
    share = np.where(outer[high] < 0, 0.0, share)
    share = np.where(outer[low] < 0, 1.0, share)
    source = outer[low] * (1 - share) + outer[high] * share
    return np.where(padded, PADDING, source).astype(np.float32)


def map_segments(
    segments: np.ndarray, frame_map: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Where segments lie in the new frames.

    A new frame belongs to the segments of its nearest old frame. A segment
    that shows in several places (a mirrored end) becomes several, one that
    shows nowhere disappears.

    Args:
        segments (np.ndarray): Half-open [start, end), (num_segments, 2).
        frame_map (np.ndarray): (T_new,).

    Returns:
        tuple[np.ndarray, np.ndarray]: New segments, int64, ordered by
            segment, then start; and the index of the old segment of each.

    Examples:
        >>> map_segments(np.array([[2, 5]]), np.array([4, 5, 4, 3, -1]))
        (array([[0, 1],
               [2, 4]]), array([0, 0]))
    """
    segments = np.asarray(segments, dtype=np.int64).reshape(-1, 2)
    frame = nearest_frames(frame_map)
    T = len(frame)
    if not len(segments) or not T:
        return np.zeros((0, 2), dtype=np.int64), np.zeros(0, dtype=np.int64)
    inside = np.zeros((len(segments), T + 2), dtype=bool)
    inside[:, 1:-1] = (frame >= segments[:, :1]) & (frame < segments[:, 1:])
    inside[:, 1:-1] &= np.asarray(frame_map) >= 0
    # Each row flips an even number of times: start, end, start, end ..
    flips = (inside[:, 1:] != inside[:, :-1]).ravel().nonzero()[0]
    flips = flips.reshape(-1, 2)
    which = flips[:, 0] // (T + 1)
    return flips - which[:, None] * (T + 1), which


def paint_segments(
    segments: np.ndarray,
    segment_labels: np.ndarray,
    num_frames: int,
    background: int,
) -> np.ndarray:
    """One label a frame.

    Where segments overlap, the rule of `Segments.frames` decides: the one
    that starts later, then the shorter one, then the lower label.

    Args:
        segments (np.ndarray): Half-open [start, end), (num_segments, 2).
        segment_labels (np.ndarray): (num_segments,).
        num_frames (int): T.
        background (int): Label of frames outside every segment.

    Returns:
        np.ndarray: (T,) int64.

    Examples:
        >>> paint_segments(np.array([[0, 4], [2, 3]]), [7, 5], 5, 9).tolist()
        [7, 7, 5, 7, 9]
    """
    bounds = np.asarray(segments, dtype=np.int64).reshape(-1, 2)
    bounds = bounds.clip(0, num_frames)
    kept = bounds[:, 0] < bounds[:, 1]
    return Segments.of(
        bounds[kept],
        np.asarray(segment_labels, np.int64)[kept],
        num_frames=num_frames,
    ).frames(background)
