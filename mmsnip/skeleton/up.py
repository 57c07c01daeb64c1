"""Which way is up, told from the bodies themselves."""

from __future__ import annotations

import numpy as np

__all__ = ['up_of_bodies']


def up_of_bodies(
    bodies: np.ndarray, spine: tuple[int, int] | None = None
) -> tuple[int, int]:
    """Axis along which the trunk points.

    Without a trunk the axis along which bodies are longest, pointing up, in
    3D; in 2D y, pointing down as pixel rows do.

    Args:
        bodies (np.ndarray): (num_bodies, V, C) finite joints of bodies that
            are there, C = 2 or 3.
        spine (tuple[int, int], optional): Lower and upper joint of the
            trunk.

    Returns:
        tuple[int, int]: Axis and its sign, 1 or -1; (1, 1) of no body in 3D.

    Examples:
        >>> head_down = np.array([[[0.0, 0.0, 2.0], [0.1, 0.0, 1.5]]])
        >>> up_of_bodies(head_down, spine=(0, 1))
        (2, -1)
    """
    C = bodies.shape[-1]
    if len(bodies) and spine is not None:
        bottom, top = spine
        trunk = np.median(bodies[:, top] - bodies[:, bottom], axis=0)
        axis = int(np.abs(trunk).argmax())
        if trunk[axis]:
            return axis, 1 if trunk[axis] > 0 else -1
    if C == 2 or not len(bodies):
        return 1, -1 if C == 2 else 1
    extent = np.median(bodies.max(1) - bodies.min(1), axis=0)
    return int(extent.argmax()), 1
