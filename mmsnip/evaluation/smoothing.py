"""Frame scores averaged over a window, as a localizer's ``test_cfg`` asks."""

from __future__ import annotations

from typing import Any

import numpy as np

from mmsnip.evaluation.pkummd import smooth_scores


def check_window(size: Any, name: str = 'size') -> int:
    """Refuse a window that has no middle.

    Args:
        size (Any): Frames of the window.
        name (str): What an error calls it. Defaults to ``'size'``.

    Returns:
        int: The same.

    Raises:
        ValueError: If it is no odd number of frames, 1 or more.
    """
    if not isinstance(size, int) or size < 1 or size % 2 == 0:
        raise ValueError(
            f'{name}={size!r} must be an odd number of frames, such as 31: '
            'the window is centred on its frame; 1 smooths nothing'
        )
    return size


def smooth_frames(scores: np.ndarray, size: int) -> np.ndarray:
    """Mean of the frames around each frame.

    What `SkeletonLocalizer` does with ``test_cfg=dict(smooth_frames=size)``,
    for scores that come from elsewhere, an exported model for example. At
    the edges the frames that are there are averaged, so probabilities sum
    to 1 still. It is the clean convention of `smooth_scores`.

    Args:
        scores (np.ndarray): Frame scores of one video, (T, num_classes + 1).
        size (int): Frames of the window, odd; 1 smooths nothing.

    Returns:
        np.ndarray: The same shape, float64.

    Raises:
        ValueError: If ``size`` is not odd and positive.

    Examples:
        >>> smooth_frames(np.array([[0.0], [3.0], [6.0], [9.0]]), 3).ravel()
        array([1.5, 3. , 6. , 7.5])
    """
    return smooth_scores(scores, check_window(size) // 2, 'clean')
