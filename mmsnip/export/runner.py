"""What an exported file is once it is open."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

__all__ = ['Runner']

# From keypoint, body_mask and num_frames to scores (N, T, num_classes + 1).
Runner = Callable[[Mapping[str, np.ndarray]], np.ndarray]
