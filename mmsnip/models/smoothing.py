"""Frame scores averaged over a window, on the device that has them."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def smooth_frames(scores: Tensor, size: int) -> Tensor:
    """Mean of the frames around each frame.

    The same as `mmsnip.evaluation.smooth_frames`, to 1e-6.

    Args:
        scores (Tensor): Frame scores of one video, (T, num_classes + 1).
        size (int): Frames of the window, odd; 1 smooths nothing.

    Returns:
        Tensor: The same shape; at the edges the mean of what is there.
    """
    if size == 1 or len(scores) < 2:
        return scores
    rows = functional.avg_pool1d(
        scores.t().unsqueeze(0),
        size,
        stride=1,
        padding=size // 2,
        count_include_pad=False,
    )
    return rows.squeeze(0).t().contiguous()
