"""The layout in which the encoders compute, and its matrix product.

Logically a block maps (N·M, C, T, V) or (N·M, C, V, T); in memory channels
are outermost, (C, N·M, V, T). A 1x1 convolution is then one matrix product
for the whole batch, subsets and branches are slices of its rows, and neither
needs a copy.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def to_rows(x: Tensor, time_dim: int) -> Tensor:
    """Put channels outermost and time innermost.

    Args:
        x (Tensor): (N·M, C, T, V) or (N·M, C, V, T).
        time_dim (int): Axis of time, 2 or 3.

    Returns:
        Tensor: (C, N·M, V, T), contiguous; without a copy where `from_rows`
        made ``x``.
    """
    order = (1, 0, 2, 3) if time_dim == 3 else (1, 0, 3, 2)
    return x.permute(order).contiguous()


def from_rows(x: Tensor, time_dim: int) -> Tensor:
    """Name the axes as outside of the blocks; nothing moves.

    Args:
        x (Tensor): (C, N·M, V, T).
        time_dim (int): Axis of time, 2 or 3.

    Returns:
        Tensor: (N·M, C, T, V) or (N·M, C, V, T), a view.
    """
    return x.permute((1, 0, 2, 3) if time_dim == 3 else (1, 0, 3, 2))


def is_plain_cpu(x: Tensor) -> bool:
    """Whether an operation runs at once, on the CPU, in its own precision.

    Only then do our own CPU paths apply; autocast, a compiler and a tracer
    get PyTorch's operations.

    Args:
        x (Tensor): An input of the operation.

    Returns:
        bool: True for eager CPU execution without autocast.
    """
    if x.device.type != 'cpu' or is_compiling() or torch.jit.is_tracing():
        return False
    return not _is_autocast()


def is_compiling() -> bool:
    """Whether ``torch.compile`` looks at this code.

    Returns:
        bool: False where this PyTorch has no compiler.
    """
    compiler = getattr(torch, 'compiler', None)
    found = getattr(compiler, 'is_compiling', None)
    return found is not None and found()


def _is_autocast() -> bool:
    try:
        return torch.is_autocast_enabled('cpu')
    except TypeError:  # torch < 2.4
        return torch.is_autocast_cpu_enabled()


def _onednn_linear() -> Any:
    """The float32 matrix product of oneDNN, where this PyTorch has it."""
    if not torch.backends.mkldnn.is_available():
        return None
    return getattr(torch.ops.mkldnn, '_linear_pointwise', None)


_LINEAR = _onednn_linear()


class _Product(torch.autograd.Function):
    """``a @ b`` and its gradients through oneDNN."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor) -> Tensor:
        # A step other than 1 in both axes has no fast kernel.
        a, b = (x if 1 in x.stride() else x.contiguous() for x in (a, b))
        ctx.save_for_backward(a, b)
        return _LINEAR(a, b.t(), None, 'none', [], '')

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        a, b = ctx.saved_tensors
        of_a = product(grad, b.t()) if ctx.needs_input_grad[0] else None
        of_b = product(a.t(), grad) if ctx.needs_input_grad[1] else None
        return of_a, of_b


def product(a: Tensor, b: Tensor) -> Tensor:
    """Matrix product.

    PyTorch multiplies float32 matrices on a CPU with MKL, which uses half of
    the vector width on other makers' processors; oneDNN, which PyTorch has
    for its convolutions, uses all of it.

    Args:
        a (Tensor): (rows, inner).
        b (Tensor): (inner, columns).

    Returns:
        Tensor: (rows, columns).
    """
    if (
        _LINEAR is None
        or a.dtype != torch.float32
        or b.dtype != torch.float32
        or not is_plain_cpu(a)
        or not torch.backends.mkldnn.enabled
        or a.numel() == 0
        or b.numel() == 0
    ):
        return torch.mm(a, b)
    return _Product.apply(a, b)
