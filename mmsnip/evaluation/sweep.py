"""Runs above thresholds, scored against their margins, many videos at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mmsnip.evaluation.segments import apart, keep_best, mask_runs

BLOCK_FRAMES = 2**13  # swept together, so that temporaries fit the cache


def similar_lengths(checked: Mapping[str, np.ndarray]) -> list[list[str]]:
    """Videos in blocks that are worth padding to one length.

    Args:
        checked (Mapping[str, np.ndarray]): Per video (T, num_classes + 1).

    Returns:
        list[list[str]]: Names, the shortest video of a block first; within
        a block all have one width and type, and with padding at most
        BLOCK_FRAMES frames, unless it is a single video.
    """
    blocks: list[list[str]] = []
    key = {v: (a.shape[1], a.dtype.char, len(a)) for v, a in checked.items()}
    for video in sorted(checked, key=lambda v: key[v]):
        block = blocks[-1] if blocks else []
        # the longest video is the last one, and says how wide the block is
        fits = (len(block) + 1) * key[video][-1] <= BLOCK_FRAMES
        if block and fits and key[block[0]][:2] == key[video][:2]:
            block.append(video)
        else:
            blocks.append([video])
    return blocks


def sweep_runs(
    scores: Sequence[np.ndarray],
    levels: np.ndarray,
    min_length: int,
    margin_ratio: float,
    margin_weight: float,
    nms_threshold: float,
    official: bool,
) -> list[np.ndarray]:
    """Scored, suppressed runs; see ``babel_detections`` for the rule.

    Args:
        scores (Sequence[np.ndarray]): N videos, each (T, num_classes + 1),
            of one width and type.
        levels (np.ndarray): Thresholds, (num_thresholds,) float64.
        min_length (int): Shorter runs are left out.
        margin_ratio (float): Length of a margin over that of the run.
        margin_weight (float): Weight of the margins' mean.
        nms_threshold (float): Overlap above which a candidate goes.
        official (bool): The official intervals, not the clean ones.

    Returns:
        list[np.ndarray]: Per video label, start, end, score,
        (num_detections, 4) float64; independent of the other videos.
    """
    lengths = np.array([len(array) for array in scores])
    N, num_classes, T = len(scores), scores[0].shape[1] - 1, lengths.max()
    # Frames beyond the end of a video are below every threshold.
    action = np.full((N, num_classes, T), -np.inf, dtype=scores[0].dtype)
    for n, array in enumerate(scores):
        action[n, :, : len(array)] = array[:, :-1].T
    action = action.reshape(N * num_classes, T)
    # the official code compares float32 scores with float64 thresholds
    above = action[:, None].astype(np.float64) > levels[:, None]
    row, start, end = mask_runs(above.reshape(len(action) * len(levels), T))
    kept = end - start >= min_length
    if nms_threshold < 1:
        kept &= ~_found_again(row, start, end, above.shape)
    if not kept.any():
        return [np.zeros((0, 4))] * N
    row, start, end = row[kept] // len(levels), start[kept], end[kept]
    length = lengths[row // num_classes]
    totals = np.zeros((len(action), T + 1))
    np.cumsum(action, axis=1, dtype=np.float64, out=totals[:, 1:])
    totals = totals.reshape(-1)
    base = row * (T + 1)

    reach = margin_ratio * (end - start)
    left = np.maximum((start - reach).astype(np.int64), 0)
    if official:
        extra, limit = 1, length - 1
        right = (end + reach + 1).astype(np.int64)
    else:
        extra, limit = 0, length
        right = np.ceil(end + reach).astype(np.int64)
    stop = np.minimum(end + extra, length)
    right = np.maximum(np.minimum(right, limit), stop)
    at_start = totals[base + start]
    at_stop = totals[base + stop]
    inner = (at_stop - at_start) / (stop - start)
    margin = at_start - totals[base + left] + totals[base + right] - at_stop
    outer = margin / np.maximum(start - left + right - stop, 1)
    score = inner - margin_weight * outer

    low, high = apart(start, end + 2 * extra, row)
    kept = keep_best(low, high, score, nms_threshold, 'candidate')
    kept = kept[row[kept].argsort(kind='stable')]
    found = np.empty((len(kept), 4))
    found[:, 0], found[:, 1] = row[kept] % num_classes, start[kept]
    found[:, 2], found[:, 3] = end[kept] + extra, score[kept]
    ends = (row[kept] // num_classes).searchsorted(np.arange(1, N))
    return np.split(found, ends)


def _found_again(
    row: np.ndarray,
    start: np.ndarray,
    end: np.ndarray,
    shape: tuple[int, int, int],
) -> np.ndarray:
    """Runs that the next threshold finds, too: of these it takes the other.

    Most runs are found by several thresholds. They overlap themselves, and
    of equal scores the higher threshold's one stays.

    Args:
        row (np.ndarray): Sequence * num_thresholds + threshold, (num_runs,).
        start (np.ndarray): First frames, (num_runs,).
        end (np.ndarray): Frames after the last, (num_runs,).
        shape (tuple[int, int, int]): Sequences, num_thresholds, T.

    Returns:
        np.ndarray: (num_runs,) bool.
    """
    R, num_levels, T = shape
    ends = np.zeros((R * num_levels + 1) * T, dtype=np.int64)
    place = row * T + start
    ends[place] = end
    again = ends[place + T] == end
    return again & (row % num_levels != num_levels - 1)
