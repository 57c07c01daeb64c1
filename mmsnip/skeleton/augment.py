"""Random changes of motion (M, T, V, C): parameters drawn, then applied.

A ``draw_*`` takes the generator and returns parameters; the function that
applies them is deterministic. Absent frames (zeros) stay zero. Changes of
the frames themselves are maps of `mmsnip.skeleton.resample`.
"""

from __future__ import annotations

import math

import numpy as np

from mmsnip.skeleton.rotation import rotate


def draw_crop_start(padding: int, rng: np.random.Generator) -> int:
    """Start of a crop in a sequence padded at both ends.

    Args:
        padding (int): Frames at each end.
        rng (np.random.Generator): Source of randomness.

    Returns:
        int: Uniform in 0..2 * padding.
    """
    return int(rng.integers(2 * padding + 1))


def draw_interval(
    num_frames: int,
    min_ratio: float,
    max_ratio: float,
    rng: np.random.Generator,
) -> tuple[int, int]:
    """A random interval of whole frames.

    Args:
        num_frames (int): T.
        min_ratio (float): Least share of T, above 0.
        max_ratio (float): Largest share of T, at most 1.
        rng (np.random.Generator): Source of randomness.

    Returns:
        tuple[int, int]: Start and length, at least one frame.
    """
    length = round(num_frames * rng.uniform(min_ratio, max_ratio))
    length = min(max(length, 1), num_frames)
    return int(rng.integers(num_frames - length + 1)), length


def shear_matrix(entries: np.ndarray) -> np.ndarray:
    """Shear with ones on its diagonal.

    Args:
        entries (np.ndarray): (D - 1, D); column i holds the other entries of
            row i. For D = 3 its rows are the published s1 and s2.

    Returns:
        np.ndarray: (D, D) float64.

    Source:
        ``shear`` of AimCLR 6cd7376 ``feeder/tools.py``.

    Examples:
        >>> shear_matrix(np.array([[1, 2, 3], [4, 5, 6]])).astype(int)
        array([[1, 1, 4],
               [2, 1, 5],
               [3, 6, 1]])
    """
    D = entries.shape[1]
    matrix = np.eye(D)
    # Row by row, D entries lie between two of the diagonal.
    between = matrix.reshape(-1)[1:].reshape(D - 1, D + 1)[:, :D]
    between[:] = entries.T.reshape(D - 1, D)
    return matrix


def draw_shear(
    amplitude: float, rng: np.random.Generator, num_coords: int = 3
) -> np.ndarray:
    """Random shear.

    Args:
        amplitude (float): Entries off the diagonal are uniform in
            +-amplitude.
        rng (np.random.Generator): Source of randomness.
        num_coords (int): D, size of the matrix.

    Returns:
        np.ndarray: (D, D) float64.
    """
    D = num_coords
    return shear_matrix(rng.uniform(-amplitude, amplitude, (D - 1, D)))


def draw_noise(
    shape: tuple[int, ...], std: float, rng: np.random.Generator
) -> np.ndarray:
    """Gaussian noise, by the transform of Box and Muller.

    Whole arrays of uniform numbers take a third of the time of the
    generator's own normal numbers, which it draws one by one, and the
    number of draws does not depend on their values.

    Args:
        shape (tuple[int, ...]): Of the result.
        std (float): Standard deviation; values beyond 5.8 of it do not
            occur.
        rng (np.random.Generator): Source of randomness.

    Returns:
        np.ndarray: float32.
    """
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
    """Add noise to the leading channels of present bodies.

    Args:
        keypoint (np.ndarray): (M, T, V, C).
        noise (np.ndarray): (M, T, V, D), D at most C.
        body_mask (np.ndarray | None): (M, T) bool; None: all are present.

    Returns:
        np.ndarray: (M, T, V, C), the type of `keypoint`.
    """
    if body_mask is not None and not body_mask.all():
        noise = noise * body_mask[..., None, None]
    if noise.shape == keypoint.shape:
        return (keypoint + noise).astype(keypoint.dtype, copy=False)
    changed = keypoint.copy()
    changed[..., : noise.shape[-1]] += noise
    return changed


def mask_axis(keypoint: np.ndarray, axis: int) -> np.ndarray:
    """Set one coordinate to zero.

    Args:
        keypoint (np.ndarray): (M, T, V, C).
        axis (int): Channel.

    Returns:
        np.ndarray: (M, T, V, C).
    """
    changed = keypoint.copy()
    changed[..., axis] = 0
    return changed


def draw_joints(
    num_joints: int,
    count: int,
    rng: np.random.Generator,
    num_frames: int | None = None,
) -> np.ndarray:
    """Different joints at random.

    Args:
        num_joints (int): V.
        count (int): How many, at most V.
        rng (np.random.Generator): Source of randomness.
        num_frames (int | None): T draws anew for every frame; None once.

    Returns:
        np.ndarray: True for drawn joints, (V,) or (T, V) bool.
    """
    rows = 1 if num_frames is None else num_frames
    order = rng.permuted(np.tile(np.arange(num_joints), (rows, 1)), axis=1)
    drawn = order < count
    return drawn[0] if num_frames is None else drawn


def mask_joints(keypoint: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Set joints to zero.

    Args:
        keypoint (np.ndarray): (M, T, V, C).
        drawn (np.ndarray): True for those, (V,) or (T, V) bool.

    Returns:
        np.ndarray: (M, T, V, C).

    Source:
        Joint masks of JHang2020/Simple-Skeleton-Detection f5cd810.
    """
    return keypoint * ~drawn[..., None]


def shear_joints(
    keypoint: np.ndarray, drawn: np.ndarray, matrix: np.ndarray
) -> np.ndarray:
    """Send some joints through a linear map.

    Args:
        keypoint (np.ndarray): (M, T, V, C).
        drawn (np.ndarray): True for those, (V,) or (T, V) bool.
        matrix (np.ndarray): (D, D); y_j = sum_i x_i matrix[i, j].

    Returns:
        np.ndarray: (M, T, V, C).

    Source:
        ``joint_corruption`` of JHang2020/Simple-Skeleton-Detection f5cd810.
    """
    return np.where(drawn[..., None], rotate(keypoint, matrix.T), keypoint)


def flip_space(
    keypoint: np.ndarray, order: np.ndarray, mirror_axis: int | None = None
) -> np.ndarray:
    """Exchange left and right joints.

    Args:
        keypoint (np.ndarray): (M, T, V, C).
        order (np.ndarray): Joint that takes each place, (V,) int.
        mirror_axis (int | None): Coordinate that changes its sign, which
            makes it a true mirror image of a centred body; None leaves the
            coordinates, as published, and crosses the limbs.

    Returns:
        np.ndarray: (M, T, V, C).

    Source:
        ``random_spatial_flip`` of AimCLR 6cd7376 ``feeder/tools.py``.
    """
    M, T, V, C = keypoint.shape
    place = (np.asarray(order)[:, None] * C + np.arange(C)).reshape(-1)
    flat = keypoint.reshape(M, T, V * C)
    flipped = flat.take(place, axis=2).reshape(M, T, V, C)
    if mirror_axis is not None:
        flipped[..., mirror_axis] *= -1
    return flipped


def scale(keypoint: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Multiply coordinates.

    Args:
        keypoint (np.ndarray): (M, T, V, C).
        factors (np.ndarray): One a coordinate, (D,), D at most C.

    Returns:
        np.ndarray: (M, T, V, C), the type of `keypoint`.
    """
    return rotate(keypoint, np.diag(factors))
