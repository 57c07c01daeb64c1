"""The persons of a recording that move most."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ['keep_movers', 'motion_of']


def motion_of(keypoint: np.ndarray) -> np.ndarray:
    """How far each person's joints move about.

    The variance of each joint over the frames in which it is there, in mean
    over the joints, times the share of frames in which the person is: one
    who stands still has none, one who is seen for a moment has little.

    Args:
        keypoint (np.ndarray): (M, T, V, C), zeros where nothing was seen.

    Returns:
        np.ndarray: (M,) float64, in squared units.

    Examples:
        >>> walk = np.arange(1.0, 5).reshape(1, 4, 1, 1)
        >>> motion_of(np.concatenate([walk, np.ones_like(walk)])).tolist()
        [1.25, 0.0]
    """
    x = keypoint.astype(np.float64)
    seen = (x != 0).any(axis=-1)  # (M, T, V)
    count = np.maximum(seen.sum(axis=1), 1)[:, None, :, None]
    mean = x.sum(axis=1, keepdims=True) / count
    spread = np.where(seen[..., None], x - mean, 0.0) ** 2
    variance = (spread.sum(axis=1) / count[:, 0]).sum(axis=-1)  # (M, V)
    return variance.mean(axis=-1) * seen.any(axis=-1).mean(axis=-1)


def keep_movers(
    keypoint: np.ndarray, found: dict[str, Any], persons: int
) -> tuple[np.ndarray, dict[str, Any], list[str]]:
    """Keep the persons with most motion, those first that move more.

    Args:
        keypoint (np.ndarray): (M, T, V, C).
        found (dict[str, Any]): With ``keypoint_score`` (M, T, V) and
            ``track_ids`` (M names), where there are any.
        persons (int): Most persons, at least 1.

    Returns:
        tuple[np.ndarray, dict[str, Any], list[str]]: Both for at most
        `persons`, unchanged where there are no more; and what was left out.
    """
    M = len(keypoint)
    if persons >= M:
        return keypoint, found, []
    motion = motion_of(keypoint)
    kept = np.argsort(-motion, kind='stable')[:persons]
    found = dict(found)
    if found.get('keypoint_score') is not None:
        found['keypoint_score'] = found['keypoint_score'][kept]
    if found.get('track_ids') is not None:
        found['track_ids'] = [found['track_ids'][m] for m in kept]
    left = np.setdiff1d(np.arange(M), kept)
    seen = (keypoint[left] != 0).any(axis=(2, 3)).sum(axis=1)
    note = (
        f'{M - persons} of {M} persons were left out, which move less; they '
        f'are seen in {seen.min()} to {seen.max()} frames'
    )
    return keypoint[kept], found, [note]
