"""Joints that a table leaves empty."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ['fill_missing']


def fill_missing(
    keypoint: np.ndarray, joint_names: Sequence[str], track_ids: Sequence[str]
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Interpolate single lost joints; all zeros where a person is absent.

    A joint of which a coordinate is NaN is lost. Where the person has
    another joint in that frame it is interpolated linearly over time between
    the frames that have it, and held before the first and behind the last;
    one that no frame has stays zero.

    Args:
        keypoint (np.ndarray): (M, T, V, C) float64, NaN where empty.
        joint_names (Sequence[str]): V names, for the notes.
        track_ids (Sequence[str]): M persons, for the notes.

    Returns:
        tuple[np.ndarray, np.ndarray, list[str]]: (M, T, V, C) without NaN;
            (M, T, V) bool, where a joint was filled; what was done.

    Examples:
        >>> poses = np.array([[[0.0], [1]], [[np.nan], [1]], [[4], [1]]])
        >>> filled, places, _ = fill_missing(poses[None], 'ab', '0')
        >>> filled[0, :, 0, 0].tolist(), int(places.sum())
        ([0.0, 2.0, 4.0], 1)
    """
    M, C = len(keypoint), keypoint.shape[-1]
    keypoint = keypoint.copy()
    lost = np.isnan(keypoint).any(axis=-1)  # (M, T, V)
    present = ~lost.all(axis=-1)  # (M, T)
    filled = lost & present[..., None]
    notes = []
    never: list[str] = []
    for m, v in zip(*np.nonzero(filled.any(axis=1))):
        holes = filled[m, :, v].nonzero()[0]
        known = (~lost[m, :, v]).nonzero()[0]
        if not len(known):
            never.append(f'{joint_names[v]} of person {track_ids[m]}')
            continue
        for c in range(C):
            keypoint[m, holes, v, c] = np.interp(
                holes, known, keypoint[m, known, v, c]
            )
    if filled.any():
        m, t, v = np.unravel_index(int(filled.argmax()), filled.shape)
        notes.append(
            f'{int(filled.sum())} empty joint positions in '
            f'{int(filled.any(axis=-1).sum())} frames were interpolated '
            f'(first: {joint_names[v]!r} in frame {t})'
        )
    if never:
        notes.append(f'joints never seen were set to zero: {never[:10]}')
    absent = int((~present).sum())
    if absent and M == 1:
        first = int((~present[0]).argmax())
        notes.append(
            f'{absent} frames hold no joint and are zeros, first frame {first}'
        )
    keypoint[np.isnan(keypoint)] = 0.0
    keypoint[~present] = 0.0
    return keypoint, filled, notes
