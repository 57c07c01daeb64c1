"""Random changes of motion (M, T, V, C): parameters drawn, then applied.

A ``draw_*`` takes the generator and returns parameters; the function that
applies them is deterministic. Absent frames (zeros) stay zero. Changes of
the frames themselves are maps of `mmsnip.skeleton.resample`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.lib.stride_tricks import as_strided

from mmsnip.skeleton.egocentric import heading, turn, upright
from mmsnip.skeleton.geometry import bones, rotate
from mmsnip.skeleton.layout import SkeletonLayout


def draw_crop_start(padding: int, rng: np.random.Generator) -> int:
    """Start of a crop in a sequence padded at both ends."""
    return int(rng.integers(2 * padding + 1))


def shear_matrix(entries: np.ndarray) -> np.ndarray:
    """Shear with ones on its diagonal."""
    D = entries.shape[1]
    matrix = np.eye(D)
    # Row by row, D entries lie between two of the diagonal.
    between = matrix.reshape(-1)[1:].reshape(D - 1, D + 1)[:, :D]
    between[:] = entries.T.reshape(D - 1, D)
    return matrix


def draw_shear(
    amplitude: float, rng: np.random.Generator, num_coords: int = 3
) -> np.ndarray:
    """Random shear."""
    D = num_coords
    return shear_matrix(rng.uniform(-amplitude, amplitude, (D - 1, D)))


def draw_noise(
    shape: tuple[int, ...], std: float, rng: np.random.Generator
) -> np.ndarray:
    """Gaussian noise, by the transform of Box and Muller."""
    pairs = (math.prod(shape) + 1) // 2
    radius = rng.random(pairs, dtype=np.float32)
    angle = rng.random(pairs, dtype=np.float32)
    np.subtract(1, radius, out=radius)  # in (0, 1], whose logarithm exists
    np.log(radius, out=radius)
    radius *= -2.0 * std**2
    np.sqrt(radius, out=radius)
    angle *= 2.0 * np.pi
    noise = np.empty((2, pairs), dtype=np.float32)
    np.cos(angle, out=noise[0])
    np.sin(angle, out=noise[1])
    noise *= radius
    return noise.reshape(-1)[: math.prod(shape)].reshape(shape)


def add_noise(
    keypoint: np.ndarray,
    noise: np.ndarray,
    body_mask: np.ndarray | None = None,
) -> np.ndarray:
    """Add noise to the leading channels of present bodies."""
    if body_mask is not None and not body_mask.all():
        noise = noise * body_mask[..., None, None]
    if noise.shape == keypoint.shape:
        return (keypoint + noise).astype(keypoint.dtype, copy=False)
    changed = keypoint.copy()
    changed[..., : noise.shape[-1]] += noise
    return changed


def mask_axis(keypoint: np.ndarray, axis: int) -> np.ndarray:
    """Set one coordinate to zero."""
    changed = keypoint.copy()
    changed[..., axis] = 0
    return changed


def draw_joints(
    num_joints: int,
    count: int,
    rng: np.random.Generator,
    num_frames: int | None = None,
) -> np.ndarray:
    """Different joints at random."""
    rows = 1 if num_frames is None else num_frames
    order = rng.permuted(np.tile(np.arange(num_joints), (rows, 1)), axis=1)
    drawn = order < count
    return drawn[0] if num_frames is None else drawn


def mask_joints(keypoint: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Set joints to zero."""
    return keypoint * ~drawn[..., None]


def shear_joints(
    keypoint: np.ndarray, drawn: np.ndarray, matrix: np.ndarray
) -> np.ndarray:
    """Send some joints through a linear map."""
    return np.where(drawn[..., None], rotate(keypoint, matrix.T), keypoint)


def flip_space(
    keypoint: np.ndarray, order: np.ndarray, mirror_axis: int | None = None
) -> np.ndarray:
    """Exchange left and right joints."""
    M, T, V, C = keypoint.shape
    place = (np.asarray(order)[:, None] * C + np.arange(C)).reshape(-1)
    flat = keypoint.reshape(M, T, V * C)
    flipped = flat.take(place, axis=2).reshape(M, T, V, C)
    if mirror_axis is not None:
        flipped[..., mirror_axis] *= -1
    return flipped


BAND_FRAMES = 20  # that one product filters


def blur_kernel(sigma: float, radius: int = 7) -> np.ndarray:
    """Gaussian bell with peak one, not normalised."""
    offset = np.arange(-radius, radius + 1)
    return np.exp(-(offset**2) / (2.0 * sigma**2))


def blur_time(
    keypoint: np.ndarray,
    kernel: np.ndarray,
    body_mask: np.ndarray | None = None,
    normalize: bool = True,
    num_coords: int = 3,
) -> np.ndarray:
    """Filter every coordinate along time."""
    M, T, _, C = keypoint.shape
    coords = keypoint[..., :num_coords]
    whole = body_mask is None or body_mask.all()
    x = coords if whole else coords * body_mask[..., None, None]
    total = _filter_time(x.reshape(M, T, -1), kernel).reshape(x.shape)
    if normalize:
        present = np.ones((1, T)) if whole else body_mask
        present = present.astype(keypoint.dtype)[..., None]
        share = _filter_time(present, kernel)[..., None]
        total /= np.where(share > 0, share, 1)
    if not whole:
        total = np.where(body_mask[..., None, None], total, coords)
    if num_coords >= C:
        return total
    changed = keypoint.copy()
    changed[..., :num_coords] = total
    return changed


def _filter_time(x: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Correlation along axis 1 of (M, T, K), zeros beyond both ends."""
    M, T, K = x.shape
    taps = len(kernel)
    frames = min(BAND_FRAMES, T)
    blocks = -(-T // frames)
    width = frames + taps - 1
    padded = np.zeros((M, blocks * frames + taps - 1, K), dtype=x.dtype)
    padded[:, taps // 2 : taps // 2 + T] = x
    # Read with rows of one entry less, the kernel moves one frame a row.
    band = np.zeros((frames, width + 1), dtype=x.dtype)
    band[:, :taps] = kernel
    band = band.reshape(-1)[: frames * width].reshape(frames, width)
    by_person, by_frame, by_entry = padded.strides
    windows = as_strided(
        padded,
        (M, blocks, width, K),
        (by_person, frames * by_frame, by_frame, by_entry),
        writeable=False,
    )
    filtered = band @ windows
    return filtered.reshape(M, blocks * frames, K)[:, :T]


def draw_posture(
    num_joints: int, sigma: float, num_coords: int, rng: np.random.Generator
) -> np.ndarray:
    """A small rotation for each bone.

    Args:
        num_joints (int): V.
        sigma (float): Standard deviation of each entry of the rotation
            vector, radians.
        num_coords (int): 2 or 3.
        rng (np.random.Generator): Source of randomness.

    Returns:
        np.ndarray: (V, D, D) rotations.
    """
    if num_coords == 2:
        angle = rng.normal(0.0, sigma, num_joints)
        c, s = np.cos(angle), np.sin(angle)
        return np.stack([np.stack([c, -s], -1), np.stack([s, c], -1)], -2)
    vectors = rng.normal(0.0, sigma, (num_joints, 3))
    from scipy.spatial.transform import Rotation

    return Rotation.from_rotvec(vectors).as_matrix()


def _from_root(parents: np.ndarray) -> list[int]:
    """Joints so that each one comes behind its parent."""
    depth = np.zeros(len(parents), np.int64)
    for joint in range(len(parents)):
        above = joint
        while parents[above] != above:
            above = parents[above]
            depth[joint] += 1
    return np.argsort(depth, kind='stable').tolist()


def change_posture(
    coords: np.ndarray,
    body_mask: np.ndarray,
    rotations: np.ndarray,
    layout: SkeletonLayout,
    up: str = 'y',
) -> np.ndarray:
    """Rotate each bone by the same amount in all frames.

    Rotations are in the frame of the body's heading, so that they turn with
    it, and handed down from the root: who bends the trunk moves the arms
    along. Lengths of the bones and the way of the root stay.

    Args:
        coords (np.ndarray): (M, T, V, D).
        body_mask (np.ndarray): (M, T) bool.
        rotations (np.ndarray): (V, D, D); the root's turns everything.
        layout (SkeletonLayout): Of the joints.
        up (str): Axis that points up, see `mmsnip.skeleton.orientation`.

    Returns:
        np.ndarray: (M, T, V, D), the type of ``coords``; absent frames as
        they were.
    """
    D = coords.shape[-1]
    parents = layout.bone_parents
    rotations = rotations.astype(coords.dtype)
    bone = bones(coords, parents, D)
    if D == 3:
        facing = heading(upright(coords, up), body_mask, layout.shoulders)
        bone = turn(upright(bone, up), facing)
    total: dict[int, np.ndarray] = {}
    order = _from_root(parents)
    for joint in order:
        parent = int(parents[joint])
        above = total[parent] if parent != joint else np.eye(D)
        total[joint] = (above @ rotations[joint]).astype(coords.dtype)
        bone[:, :, joint] = bone[:, :, joint] @ total[joint].T
    if D == 3:
        bone = _back(turn(bone, facing * np.array([1, -1])), up)
    moved = coords.copy()
    for joint in order:
        if parents[joint] != joint:
            above = moved[:, :, parents[joint]]
            moved[:, :, joint] = above + bone[:, :, joint]
    return np.where(body_mask[..., None, None], moved, coords)


def _back(coords: np.ndarray, up: str) -> np.ndarray:
    """Undo `upright`."""
    axes = upright(np.eye(3, dtype=coords.dtype), up)
    return coords @ axes.T
