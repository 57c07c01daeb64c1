"""Blocks that run again in the backward pass instead of being kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint


def run_again(
    block: nn.Module, x: Tensor, num_frames: Tensor | None
) -> Tensor:
    """Run a block, keep its input only, and run it again for gradients.

    Args:
        block (nn.Module): Called as ``block(x, num_frames)``.
        x (Tensor): Its input.
        num_frames (Tensor | None): Valid frames, (N·M,) int64.

    Returns:
        Tensor: What the block returns. Running statistics move once.
    """
    runs = 0

    def run(x: Tensor) -> Tensor:
        nonlocal runs
        runs += 1
        if runs == 1:
            return block(x, num_frames)
        with frozen_statistics(block):
            return block(x, num_frames)

    return checkpoint(run, x, use_reentrant=False)


@contextmanager
def frozen_statistics(module: nn.Module) -> Iterator[None]:
    """Leave running statistics as they are, in train mode too.

    Args:
        module (nn.Module): Its batch norms still use those of the batch.

    Yields:
        None: Until the flags are put back.
    """
    norms = [
        m
        for m in module.modules()
        if isinstance(m, _BatchNorm) and m.track_running_stats
    ]
    try:
        for bn in norms:
            bn.track_running_stats = False
        yield
    finally:
        for bn in norms:
            bn.track_running_stats = True
