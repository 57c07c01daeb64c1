"""Random changes of motion (M, T, V, C): parameters drawn, then applied.

A ``draw_*`` takes the generator and returns parameters; the function that
applies them is deterministic. Absent frames (zeros) stay zero. Changes of
the frames themselves are maps of `mmsnip.skeleton.resample`.
"""

from __future__ import annotations

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
    matrix[~np.eye(D, dtype=bool)] = entries.T.ravel()
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
    if body_mask is not None:
        noise = noise * body_mask[..., None, None]
    changed = keypoint.copy()
    changed[..., : noise.shape[-1]] += noise
    return changed


def blur_kernel(sigma: float, radius: int = 7) -> np.ndarray:
    """Gaussian bell with peak one, not normalised.

    Args:
        sigma (float): Width in frames, above 0.
        radius (int): Frames on either side.

    Returns:
        np.ndarray: (2 * radius + 1,) float64.
    """
    offset = np.arange(-radius, radius + 1)
    return np.exp(-(offset**2) / (2.0 * sigma**2))


def blur_time(
    keypoint: np.ndarray,
    kernel: np.ndarray,
    body_mask: np.ndarray | None = None,
    normalize: bool = True,
    num_coords: int = 3,
) -> np.ndarray:
    """Filter every coordinate along time.

    Args:
        keypoint (np.ndarray): (M, T, V, C).
        kernel (np.ndarray): Weights, odd length.
        body_mask (np.ndarray | None): (M, T) bool; None: all are present.
        normalize (bool): Weigh by the present frames under the kernel, so
            that a resting body stays where it is, up to both ends. False
            sums with zeros beyond the ends, as published: with the
            published un-normalised kernel that also enlarges the body by up
            to 2.5 times sigma, and shrinks it towards the ends.
        num_coords (int): Leading channels that are filtered.

    Returns:
        np.ndarray: (M, T, V, C), the type of `keypoint`; absent frames are
            unchanged.

    Source:
        ``gaus_filter`` of AimCLR 6cd7376 ``feeder/tools.py``.
    """
    M, T = keypoint.shape[:2]
    if body_mask is None:
        body_mask = np.ones((M, T), dtype=bool)
    radius = len(kernel) // 2
    weights = kernel.astype(np.float64)
    present = body_mask.astype(np.float64)[..., None, None]
    x = keypoint[..., :num_coords] * present
    total = np.zeros(x.shape)
    share = np.zeros(present.shape)
    for tap, weight in enumerate(weights):
        shift = tap - radius
        to = slice(max(0, -shift), max(0, T - max(0, shift)))
        source = slice(max(0, shift), max(0, T + min(0, shift)))
        total[:, to] += weight * x[:, source]
        share[:, to] += weight * present[:, source]
    if normalize:
        total = total / np.where(share > 0, share, 1.0)
    changed = keypoint.copy()
    changed[..., :num_coords] = np.where(
        present > 0, total, keypoint[..., :num_coords]
    )
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
    flipped = keypoint[:, :, order]
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
