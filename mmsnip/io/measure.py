"""What the joints of one video look like, in numbers."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from mmsnip.skeleton.layout import SkeletonLayout

__all__ = ['BODY_SPEED', 'JOINT_SPEED', 'longest_run', 'measure_video']

# Body heights a second that nobody reaches: 10 are 17 m/s for the middle of
# a body, 15 are 26 m/s for a joint against it.
BODY_SPEED, JOINT_SPEED = 10.0, 15.0
# A frame is too short or too long for these; heights a frame.
_LEAST_JUMP, _MOST_JUMP = 0.1, 0.75
_MAX_BODIES = 2000  # for the spread of bone lengths


def measure_video(
    keypoint: np.ndarray, fps: float, layout: SkeletonLayout | None = None
) -> dict[str, Any]:
    """Facts about the joints of a video, (M, T, V, C).

    ``persons`` (M + 1,) frames with 0, 1, .. bodies; ``not_finite``
    positions; ``absence`` and ``frozen`` (length and first frame of the
    longest run); ``frozen_frames``; ``teleports`` and ``joint_jumps`` (frames
    before which a body, or a joint against its body, moves too fast at this
    frame rate); ``lost`` (V,) positions; ``bodies`` frames times persons;
    ``height`` (median of the largest extent, NaN without bodies); ``low`` and
    ``high`` (C,); ``up`` (C, 2) bodies whose trunk points along each axis,
    forwards and backwards; ``bones`` (V,) median length and ``bone_spread``
    (V,) share by which it varies between its 5th and 95th percentile;
    ``still_joints`` that never move while others do; ``flat_axes`` on which
    all joints have one value; ``digest`` of the content.
    """
    M = len(keypoint)
    C = min(keypoint.shape[3], 3)
    coords = np.asarray(keypoint[..., :C], dtype=np.float32)
    finite = np.isfinite(coords).all(axis=-1)
    not_finite = int(finite.size - np.count_nonzero(finite))
    if not_finite:
        coords = np.where(finite[..., None], coords, np.float32(0))
    found = (coords != 0).any(axis=-1)  # (M, T, V)
    there = found.any(axis=-1)  # (M, T)
    ever = found.any(axis=1, keepdims=True)
    lost = there[..., None] & ~found & ever
    found = there[..., None] & (found | ~ever)
    nobody = ~there.any(axis=0)
    facts: dict[str, Any] = dict(
        shape=tuple(keypoint.shape),
        fps=float(fps),
        persons=np.bincount(there.sum(axis=0), minlength=M + 1),
        not_finite=not_finite,
        absence=longest_run(nobody[None]),
        bodies=int(there.sum()),
        lost=lost.sum(axis=(0, 1)),
        digest=_digest(keypoint),
    )
    whole = bool(found.all())
    low = np.where(found[..., None], coords, np.inf) if not whole else coords
    high = np.where(found[..., None], coords, -np.inf) if not whole else coords
    low, high = low.min(axis=2), high.max(axis=2)  # (M, T, C)
    extent = (high - low)[there]
    height = float(np.median(extent.max(axis=1))) if len(extent) else np.nan
    facts.update(
        height=height,
        low=low[there].min(axis=0) if len(extent) else np.full(C, np.nan),
        high=high[there].max(axis=0) if len(extent) else np.full(C, np.nan),
    )
    facts['flat_axes'] = [
        axis
        for axis in range(C)
        if len(extent) > 1 and facts['low'][axis] == facts['high'][axis]
    ]
    facts.update(_motion(coords, found, there, height, fps))
    facts['up'] = _upright(coords, found, there, extent, layout)
    facts.update(_bones(coords[there], found[there], layout))
    return facts


def longest_run(mask: np.ndarray) -> tuple[int, int]:
    """Length and first frame of the longest run of True in a row."""
    if not mask.any():
        return 0, 0
    padded = np.pad(mask.astype(np.int8), ((0, 0), (1, 1)))
    edges = np.diff(padded, axis=1)
    starts, ends = np.nonzero(edges == 1)[1], np.nonzero(edges == -1)[1]
    which = int((ends - starts).argmax())
    return int(ends[which] - starts[which]), int(starts[which])


def _motion(
    coords: np.ndarray,
    found: np.ndarray,
    there: np.ndarray,
    height: float,
    fps: float,
) -> dict[str, Any]:
    """Frames of which the one before is too far away, or the same."""
    share = found / np.maximum(found.sum(axis=2, keepdims=True), 1)
    center = np.einsum('mtvc,mtv->mtc', coords, share.astype(np.float32))
    both = there[:, 1:] & there[:, :-1]
    step = np.linalg.norm(np.diff(center, axis=1), axis=-1)
    body_limit, joint_limit = (
        np.clip(speed / fps, _LEAST_JUMP, _MOST_JUMP) * height
        for speed in (BODY_SPEED, JOINT_SPEED)
    )
    teleports = both & (step > body_limit)
    moved = np.diff(coords, axis=1)  # (M, T - 1, V, C)
    still = ~moved.any(axis=-1)
    frozen = both & still.all(axis=-1)
    moved -= np.diff(center, axis=1)[:, :, None]
    far = (moved * moved).sum(axis=-1) > joint_limit**2
    far &= found[:, 1:] & found[:, :-1]
    jumps = both & ~teleports & far.any(axis=-1)
    never = (still | ~both[..., None]).all(axis=(0, 1))  # (V,)
    return dict(
        teleports=_frames_after(teleports),
        joint_jumps=_frames_after(jumps),
        jumping_joints=np.flatnonzero((far & jumps[..., None]).any((0, 1))),
        frozen=longest_run(frozen),
        frozen_frames=int(frozen.sum()),
        still_joints=np.flatnonzero(never)
        if both.any() and not never.all()
        else np.zeros(0, np.int64),
    )


def _frames_after(jumps: np.ndarray) -> np.ndarray:
    """Frames, ascending, that somebody enters with a jump."""
    return np.flatnonzero(jumps.any(axis=0)) + 1


def _upright(
    coords: np.ndarray,
    found: np.ndarray,
    there: np.ndarray,
    extent: np.ndarray,
    layout: SkeletonLayout | None,
) -> np.ndarray:
    """Bodies whose trunk, or whose longest side, lies along each axis."""
    C = coords.shape[-1]
    votes = np.zeros((C, 2), np.int64)
    if not len(extent):
        return votes
    if layout is None or layout.spine is None:
        side = 1 if C == 2 else 0  # the rows of an image go down
        votes[:, side] = np.bincount(extent.argmax(axis=1), minlength=C)
        return votes
    bottom, top = layout.spine
    known = there & found[:, :, bottom] & found[:, :, top]
    trunk = (coords[:, :, top] - coords[:, :, bottom])[known]
    axis = np.abs(trunk).argmax(axis=1)
    down = trunk[np.arange(len(trunk)), axis] < 0
    np.add.at(votes, (axis, down.astype(np.int64)), 1)
    return votes


def _bones(
    bodies: np.ndarray, found: np.ndarray, layout: SkeletonLayout | None
) -> dict[str, np.ndarray]:
    """Length and spread of the bone from each joint to its parent."""
    V = bodies.shape[1]
    length, spread = np.full(V, np.nan), np.full(V, np.nan)
    if layout is None or not len(bodies) or bodies.shape[-1] != 3:
        return dict(bones=length, bone_spread=spread)
    stride = -(-len(bodies) // _MAX_BODIES)
    bodies, found = bodies[::stride], found[::stride]
    ends = [(v, p) for v, p in enumerate(layout.parents) if p >= 0]
    if not ends:
        return dict(bones=length, bone_spread=spread)
    child, parent = np.array(ends).T
    lengths = np.linalg.norm(bodies[:, child] - bodies[:, parent], axis=-1)
    known = found[:, child] & found[:, parent]
    if known.all():
        low, middle, high = np.percentile(lengths, (5, 50, 95), axis=0)
    else:
        columns = [
            np.percentile(lengths[known[:, i], i], (5, 50, 95))
            if known[:, i].any()
            else np.full(3, np.nan)
            for i in range(len(child))
        ]
        low, middle, high = np.array(columns).T
    middle = np.where(middle > 0, middle, np.nan)
    length[child] = middle
    spread[child] = (high - low) / middle
    return dict(bones=length, bone_spread=spread)


def _digest(keypoint: np.ndarray) -> str:
    content = hashlib.blake2b(str(keypoint.shape).encode(), digest_size=16)
    content.update(np.ascontiguousarray(keypoint).data)
    return content.hexdigest()
