"""Blocks that run again in the backward pass instead of being kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

from mmsnip.models.backbones.rows import from_rows, is_plain_cpu


def run_again(
    block: nn.Module, x: Tensor, num_frames: Tensor | None, time_dim: int
) -> Tensor:
    """Run a block, keep its input only, and run it again for gradients.

    Args:
        block (nn.Module): Called as ``block(x, num_frames)``, without
            randomness; has ``out_channels`` and ``stride``.
        x (Tensor): Its input, (N·M, C, T, V) or (N·M, C, V, T).
        num_frames (Tensor | None): Valid frames, (N·M,) int64.
        time_dim (int): Axis of time, 2 or 3.

    Returns:
        Tensor: What the block returns. Running statistics move once.
    """
    if is_plain_cpu(x):
        return _RunAgain.apply(
            block, time_dim, num_frames, x, *block.parameters()
        )
    runs = 0

    def run(x: Tensor) -> Tensor:
        nonlocal runs
        runs += 1
        if runs == 1:
            return block(x, num_frames)
        with frozen_statistics(block):
            return block(x, num_frames)

    return checkpoint(run, x, use_reentrant=False)


class _RunAgain(torch.autograd.Function):
    """`run_again` that takes memory for what stays before what goes.

    PyTorch does not manage memory of a CPU. What the C library hands out
    last lies on top, and a result that stays up there keeps the space of all
    that was freed below from use by anything larger: more than half of the
    resident size was such space.
    """

    @staticmethod
    def forward(
        ctx: Any,
        block: nn.Module,
        time_dim: int,
        num_frames: Tensor | None,
        x: Tensor,
        *parameters: Tensor,
    ) -> Tensor:
        ctx.save_for_backward(num_frames, x)
        ctx.block = block
        B, T, V = x.shape[0], x.shape[time_dim], x.shape[5 - time_dim]
        steps = -(-T // block.stride)
        room = x.new_empty(block.out_channels, B, V, steps)
        return from_rows(room, time_dim).copy_(block(x, num_frames))

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        num_frames, x = ctx.saved_tensors
        wanted = ctx.needs_input_grad[3:]
        x = x.detach().requires_grad_(wanted[0])
        inputs = [x, *ctx.block.parameters()]
        rooms = [
            torch.empty_like(value.detach()) if wants else None
            for value, wants in zip(inputs, wanted)
        ]
        asked = [value for value, wants in zip(inputs, wanted) if wants]
        exact = torch.autocast('cpu', enabled=False)
        with torch.enable_grad(), exact, frozen_statistics(ctx.block):
            y = ctx.block(x, num_frames)
        rest = iter(torch.autograd.grad(y, asked, grad, allow_unused=True))
        of_inputs = [
            None if room is None else _moved(next(rest), room)
            for room in rooms
        ]
        return (None, None, None, *of_inputs)


def _moved(x: Tensor | None, room: Tensor) -> Tensor | None:
    """The same in another place."""
    return None if x is None else room.copy_(x)


@contextmanager
def frozen_statistics(module: nn.Module) -> Iterator[None]:
    """Leave running statistics as they are, in train mode too.

    Batch norms move copies: the second pass must save for its gradients as
    many tensors as the first, or PyTorch's checkpoint refuses it.

    Args:
        module (nn.Module): Its batch norms use those of the batch.

    Yields:
        None: Until the statistics are put back.
    """
    kept = [
        (norm, name, buffer)
        for norm in module.modules()
        if isinstance(norm, _BatchNorm)
        for name, buffer in norm.named_buffers(recurse=False)
    ]
    try:
        for norm, name, buffer in kept:
            setattr(norm, name, buffer.clone())
        yield
    finally:
        for norm, name, buffer in kept:
            setattr(norm, name, buffer)
