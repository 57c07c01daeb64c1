"""Batch norm of rows of channels."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmsnip.models.backbones.rows import is_plain_cpu


class _BatchNormRows(torch.autograd.Function):
    """Batch norm of each channel by its own statistics, residual, ReLU.

    PyTorch's takes the statistics in float64, one number after the other.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor,
        added: Tensor | None,
        relu: bool,
        eps: float,
    ) -> tuple[Tensor, Tensor, Tensor]:
        axes = (1, 2, 3)
        mean = x.mean(axes, keepdim=True)
        y = x - mean
        var = _mean_square(y)
        invstd = torch.rsqrt(var + eps)
        y.mul_(invstd * weight.view(-1, 1, 1, 1)).add_(bias.view(-1, 1, 1, 1))
        if added is not None:
            y.add_(added)
        if relu:
            y.relu_()
        mean, var, invstd = (v.flatten() for v in (mean, var, invstd))
        ctx.save_for_backward(x, weight, mean, invstd, y if relu else None)
        ctx.eps = eps
        ctx.has_residual = added is not None
        ctx.mark_non_differentiable(mean, var)
        return y, mean, var

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(
        ctx: Any, grad: Tensor, *_: Tensor
    ) -> tuple[Tensor | None, ...]:
        x, weight, mean, invstd, y = ctx.saved_tensors
        if y is not None:
            grad = torch.ops.aten.threshold_backward(grad, y, 0)
        of_x, of_weight, of_bias = torch.ops.aten.native_batch_norm_backward(
            grad.contiguous().flatten(1).unsqueeze(0),
            x.flatten(1).unsqueeze(0),
            weight,
            None,
            None,
            mean,
            invstd,
            True,
            ctx.eps,
            [True, True, True],
        )
        of_added = grad if ctx.has_residual else None
        of_x = of_x.view(x.shape)
        return of_x, of_weight, of_bias, of_added, None, None


def _mean_square(x: Tensor) -> Tensor:
    """Mean square of each channel, (C, 1, 1, 1), without a copy of ``x``.

    Pieces are short enough for a sum in float32.
    """
    C, B, V, T = x.shape
    pieces = x if T > 256 else x.flatten(2)
    total = torch.linalg.vector_norm(pieces, dim=-1).square_()
    return total.view(C, -1).sum(1).div_(B * V * T).view(C, 1, 1, 1)


def _fits(bn: nn.Module) -> bool:
    """Whether ``bn`` is a batch norm whose parts we may use by ourselves."""
    return (
        type(bn) is nn.BatchNorm2d
        and bn.affine
        and bn.momentum is not None
        and bn.momentum < 1
        and bn.running_mean is not None
    )


def norm_rows(
    bn: nn.Module,
    x: Tensor,
    bias: Tensor | None = None,
    added: Tensor | None = None,
    relu: bool = False,
) -> Tensor:
    """Batch norm of ``x + bias``, then residual and ReLU.

    In train mode a bias before a batch norm moves nothing but the running
    mean, so it is not added to the frames at all; its gradient is zero.

    Args:
        bn (nn.Module): Batch norm over C channels, or what replaced it.
        x (Tensor): (C, N·M, V, T), contiguous.
        bias (Tensor, optional): Of the convolution before it, (C,).
        added (Tensor, optional): Residual, shape of ``x``.
        relu (bool): End in a ReLU. Defaults to False.

    Returns:
        Tensor: The same shape.
    """
    if not _fits(bn):
        if bias is not None:
            x = x + bias.view(-1, 1, 1, 1)
        y = bn(x.flatten(1, 2).unsqueeze(0)).view(x.shape)
    elif not bn.training:
        shift = bn.bias
        if bias is not None:
            scale = bn.weight * torch.rsqrt(bn.running_var + bn.eps)
            shift = shift + bias * scale
        y = _published(bn, x, shift, False)
    else:
        shift = bn.bias
        if bias is not None:
            shift = shift + bias * 0.0  # a gradient of zero, not none
        count = x.numel() // x.shape[0]
        if count > 1 and is_plain_cpu(x) and x.dtype == bn.weight.dtype:
            y, mean, var = _BatchNormRows.apply(
                x, bn.weight, shift, added, relu, bn.eps
            )
            if bias is not None:
                mean = mean + bias.detach()
            _note_batch(bn, mean, var * (count / (count - 1)))
            return y
        if bias is not None and bn.track_running_stats:
            _note_bias(bn, bias)
        y = _published(bn, x, shift, True)
    # Not in place: these are views, of which autograd would make copies.
    y = y if added is None else y + added
    return functional.relu(y) if relu else y


def _published(
    bn: nn.BatchNorm2d, x: Tensor, shift: Tensor, training: bool
) -> Tensor:
    """PyTorch's batch norm of (C, N·M, V, T) with another bias."""
    tracked = bn.track_running_stats or not training
    if training and tracked:
        bn.num_batches_tracked.add_(1)
    y = functional.batch_norm(
        x.flatten(1).unsqueeze(0),
        bn.running_mean if tracked else None,
        bn.running_var if tracked else None,
        bn.weight,
        shift,
        training,
        bn.momentum,
        bn.eps,
    )
    return y.view(x.shape)


@torch.no_grad()
def _note_bias(bn: nn.BatchNorm2d, bias: Tensor) -> None:
    """Let the coming update see the mean of a convolution with its bias.

    The update keeps ``1 - momentum`` of what is there.
    """
    # ``.data``: an earlier pass of the same step may wait for its backward.
    bn.running_mean.data.add_(bias, alpha=bn.momentum / (1 - bn.momentum))


@torch.no_grad()
def _note_batch(bn: nn.BatchNorm2d, mean: Tensor, var: Tensor) -> None:
    """Move the running statistics towards the batch's."""
    if bn.track_running_stats:
        bn.num_batches_tracked.add_(1)
        bn.running_mean.lerp_(mean, bn.momentum)
        bn.running_var.lerp_(var, bn.momentum)
