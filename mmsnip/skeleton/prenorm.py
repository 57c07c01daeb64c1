"""The published preparation of NTU RGB+D, quirks included."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mmsnip.skeleton.rotation import body_rotations


class PreNormalized(NamedTuple):
    """What `pre_normalize` returns.

    Attributes:
        keypoint (np.ndarray): (M, T, V, 3).
        source_frame (np.ndarray): (M, T) int64, the frame each pose came
            from.
        matrix_z (np.ndarray): First rotation, spine to z, (3, 3).
        matrix_x (np.ndarray): Second rotation, shoulders to x, (3, 3).
    """

    keypoint: np.ndarray
    source_frame: np.ndarray
    matrix_z: np.ndarray
    matrix_x: np.ndarray


def pre_normalize(
    keypoint: np.ndarray,
    origin: int = 1,
    spine: tuple[int, int] | None = (0, 1),
    shoulders: tuple[int, int] | None = (8, 4),
    compact: bool = True,
    repeat_tail: bool = True,
    zero_joints_stay: bool = True,
) -> PreNormalized:
    """Normalise a video the way the published NTU data were made.

    It may move frames in time, each person's by itself, so it does not fit
    videos with frame labels; `mmsnip.NormalizeSkeleton` never does that.

    Args:
        keypoint (np.ndarray): (M, T, V, 3), zeros where absent.
        origin (int): Joint of person 0 that is subtracted frame by frame.
        spine (tuple[int, int] | None): (bottom, top) joint, turned to z by
            person 0's first frame.
        shoulders (tuple[int, int] | None): (right, left) joint, then turned
            to x.
        compact (bool): Quirk: a person whose first frame is empty has all
            its empty frames removed and moved to the end; other persons
            stay, so persons may lose their alignment.
        repeat_tail (bool): Quirk: empty frames at the end are filled by
            repeating all frames before them.
        zero_joints_stay (bool): Quirk: joints whose coordinates sum to zero
            count as absent and are not moved.

    Returns:
        PreNormalized: Poses, their source frames and the two rotations. A
            video without any body comes back unchanged.

    Source:
        ``prepare/preprocess.py`` of line/Skeleton-Temporal-Action-
        Localization 0a31f5a, after 2s-AGCN's ``data_gen/preprocess.py``.
    """
    M, T, _, _ = keypoint.shape
    frames = np.tile(np.arange(T), (M, 1))
    eye = np.eye(3)
    if keypoint.sum() == 0:
        return PreNormalized(keypoint.copy(), frames, eye, eye)
    full = keypoint.sum(axis=(-2, -1)) != 0  # (M, T)
    for person in range(M):
        order = np.arange(T)
        taken = full[person]
        if not taken.any():
            continue
        if compact and not taken[0]:
            # Stable: present frames in order, then the empty ones.
            order = np.argsort(~taken, kind='stable')
            taken = taken[order]
        length = int(np.flatnonzero(taken)[-1]) + 1
        if repeat_tail and length < T:
            order = order[np.arange(T) % length]
        frames[person] = order
    x = np.take_along_axis(keypoint, frames[..., None, None], axis=1)
    sums = x.sum(axis=-1)  # (M, T, V)
    there = sums != 0
    if not zero_joints_stay:
        there = np.broadcast_to(
            there.any(axis=-1, keepdims=True), there.shape
        )
    x = (x - x[0, :, origin][:, None]) * there[..., None]
    if x.sum() == 0:
        return PreNormalized(x, frames, eye, eye)
    first, second = body_rotations(x[0, 0], spine, shoulders)
    return PreNormalized((x @ first.T) @ second.T, frames, first, second)
