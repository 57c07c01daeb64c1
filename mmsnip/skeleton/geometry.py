"""Deterministic geometry of bodies (M, T, V, C); T never changes.

The first `num_coords` channels are coordinates; further ones (a detector's
score) are carried along. `body_mask` (M, T) says who is there; frames and
persons that are all zero stay so.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def present_frames(keypoint: np.ndarray) -> np.ndarray:
    """Frames that hold a body: some joint is not exactly zero.

    Args:
        keypoint (np.ndarray): (M, T, V, C).

    Returns:
        np.ndarray: (M, T) bool.
    """
    return np.any(keypoint != 0, axis=(-2, -1))


def fill_absent(
    keypoint: np.ndarray, body_mask: np.ndarray, mode: str = 'hold'
) -> np.ndarray:
    """Give absent frames of a person the pose of its present ones."""
    if mode not in ('hold', 'linear'):
        raise ValueError(f"fill={mode!r} is unknown; use 'hold' or 'linear'")
    seen = body_mask.any(axis=1)
    if body_mask[seen].all():
        return keypoint
    T = keypoint.shape[1]
    frames = np.arange(T)
    before = np.maximum.accumulate(np.where(body_mask, frames, -1), axis=1)
    after = np.where(body_mask, frames, T)[:, ::-1]
    after = np.minimum.accumulate(after, axis=1)[:, ::-1]
    early, late = before < 0, after >= T
    start = np.clip(np.where(early, after, before), 0, T - 1)
    stop = np.clip(np.where(late, before, after), 0, T - 1)
    person = np.arange(len(keypoint))[:, None]
    filled = keypoint[person, start]
    if mode == 'linear':
        gap = np.maximum(stop - start, 1)
        share = ((frames - start) / gap).astype(keypoint.dtype)
        share = np.where(stop > start, share, 0)[..., None, None]
        filled = filled + share * (keypoint[person, stop] - filled)
    keep = (body_mask | ~seen[:, None])[..., None, None]
    return np.where(keep, keypoint, filled).astype(keypoint.dtype, copy=False)


def lead_person(body_mask: np.ndarray) -> tuple[int, int] | None:
    """Person and frame that normalisation is measured on."""
    persons = np.flatnonzero(body_mask.any(axis=1))
    if len(persons) == 0:
        return None
    return int(persons[0]), int(np.argmax(body_mask[persons[0]]))


def center(
    keypoint: np.ndarray,
    body_mask: np.ndarray,
    origin: Sequence[int],
    mode: str = 'frame',
    num_coords: int = 3,
    joint_mask: np.ndarray | None = None,
) -> np.ndarray:
    """Move the lead person's origin joints to zero, everybody alike."""
    if mode not in ('frame', 'first'):
        raise ValueError(
            f"center={mode!r} is unknown; use 'frame', 'first' or None"
        )
    lead = lead_person(body_mask)
    if lead is None:
        return keypoint
    person, frame = lead
    there = present_frames(keypoint)  # (M, T)
    # Frames that hold nothing take the origin of the frame before them.
    joints = keypoint[person][:, list(origin), :num_coords]
    joints = fill_absent(joints[None], there[person][None])[0]
    if joint_mask is None:
        middle = joints.mean(axis=1)  # (T, num_coords)
    else:
        middle = _masked_origin(joints, joint_mask[person][:, list(origin)])
    # (num_coords,) or (T, 1, num_coords)
    middle = middle[frame] if mode == 'first' else middle[:, None]
    moved = keypoint.copy()
    moved[..., :num_coords] -= middle
    there = there[..., None]
    if joint_mask is not None:
        there = there & joint_mask
    if not there.all():
        coords = moved[..., :num_coords]
        coords *= there[..., None]
    return moved


def _masked_origin(joints: np.ndarray, there: np.ndarray) -> np.ndarray:
    """Mean of the joints that are there, held over frames that lack all."""
    total = np.where(there[..., None], joints, 0).sum(axis=1)
    count = there.sum(axis=1)
    middle = total / np.maximum(count, 1)[:, None].astype(joints.dtype)
    if not count.any():
        return middle
    return fill_absent(middle[None, :, None], (count > 0)[None])[0, :, 0]


def body_size(
    keypoint: np.ndarray,
    body_mask: np.ndarray,
    parents: np.ndarray,
    num_coords: int = 3,
    joint_mask: np.ndarray | None = None,
) -> float:
    """Median over present frames of the mean bone length."""
    coords = keypoint[..., :num_coords].astype(np.float64)  # squares are large
    lengths = np.linalg.norm(coords - coords[:, :, parents], axis=-1)
    valid = np.broadcast_to(body_mask[..., None], lengths.shape)
    valid = valid & (parents != np.arange(len(parents)))
    if joint_mask is not None:
        valid = valid & joint_mask & joint_mask[:, :, parents]
    count = valid.sum(axis=-1)
    if not count.any():
        return 1.0
    mean = np.where(valid, lengths, 0).sum(axis=-1) / np.maximum(count, 1)
    size = float(np.median(mean[count > 0]))
    return size if size > 0 else 1.0


def bones(
    keypoint: np.ndarray, parents: np.ndarray, num_coords: int = 3
) -> np.ndarray:
    """Each joint minus its parent; the root's bone is zero.

    Args:
        keypoint (np.ndarray): (M, T, V, C).
        parents (np.ndarray): (V,), the root is its own parent.
        num_coords (int): Leading channels that are coordinates; further
            ones become the mean of the bone's two ends.

    Returns:
        np.ndarray: (M, T, V, C).
    """
    ends = keypoint[:, :, parents]
    bone = keypoint - ends
    rest = keypoint[..., num_coords:] + ends[..., num_coords:]
    bone[..., num_coords:] = rest / 2
    return bone


def motion(
    keypoint: np.ndarray,
    body_mask: np.ndarray | None = None,
    num_coords: int = 3,
) -> np.ndarray:
    """The next frame minus this one; the last frame is zero.

    Args:
        keypoint (np.ndarray): (M, T, V, C).
        body_mask (np.ndarray | None): (M, T) bool; the motion from or to a
            frame where the person is absent is zero. None: all are present.
        num_coords (int): Leading channels that are coordinates; further
            ones become the mean of the two frames, in the last frame they
            stay.

    Returns:
        np.ndarray: (M, T, V, C).
    """
    moved = np.zeros_like(keypoint)
    moved[:, :-1] = keypoint[:, 1:] - keypoint[:, :-1]
    if body_mask is not None:
        both = body_mask[:, 1:] & body_mask[:, :-1]
        moved[:, :-1] *= both[..., None, None]
    rest = keypoint[..., num_coords:]
    moved[..., num_coords:] = rest
    moved[:, :-1, :, num_coords:] = (rest[:, 1:] + rest[:, :-1]) / 2
    return moved
