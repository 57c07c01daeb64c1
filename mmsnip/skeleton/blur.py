"""Filters along time of motion (M, T, V, C)."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import as_strided

BAND_FRAMES = 20  # that one product filters


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
    """Correlation along axis 1 of (M, T, K), zeros beyond both ends.

    A few frames at a time are a product with a banded matrix; wider bands
    hold more zeros, narrower ones make more products.
    """
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
