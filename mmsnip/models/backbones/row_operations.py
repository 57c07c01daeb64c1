"""Masks, convolutions and maxima on rows of channels, (C, N·M, V, T)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from mmsnip.models.backbones.rows import is_plain_cpu, product
from mmsnip.models.time import frame_mask

# Multiplications an output above which a change of layout pays.
WIDE = 512
# Bytes of the input that a group of samples may have.
GROUP_BYTES = 2**20
# Stride, padding and dilation, each over (joints, time).
Geometry = tuple[tuple[int, int], ...]


def groups_of(x: Tensor, size: int = GROUP_BYTES) -> Iterator[slice]:
    """Neighbouring samples that together stay within some bytes.

    What an operation makes and forgets then stays in the processor's cache.

    Args:
        x (Tensor): (C, N·M, V, T).
        size (int): Bytes. Defaults to ``GROUP_BYTES``.

    Yields:
        slice: At least one sample.
    """
    B = x.shape[1]
    step = max(1, size * B // max(1, x.numel() * x.element_size()))
    for first in range(0, B, step):
        yield slice(first, min(first + step, B))


def mask_rows(x: Tensor, num_frames: Tensor | None) -> Tensor:
    """Set the frames beyond each row's length to zero.

    Args:
        x (Tensor): (C, N·M, V, T).
        num_frames (Tensor | None): Valid frames, (N·M,) int64; None leaves
            ``x`` as it is.

    Returns:
        Tensor: The same shape.
    """
    if num_frames is None:
        return x
    padded = ~frame_mask(num_frames, x.shape[3])
    return x.masked_fill(padded[:, None], 0.0)


def conv_rows(x: Tensor, conv: nn.Module) -> Tensor:
    """1x1 convolution without its bias.

    Args:
        x (Tensor): (C, N·M, V, T), contiguous.
        conv (nn.Module): Convolution with a kernel of one.

    Returns:
        Tensor: (C_out, N·M, V, ceil(T / stride)).
    """
    step = max(conv.stride)
    if step > 1:
        x = x[..., ::step].contiguous()
    weight = conv.weight.flatten(1)
    return product(weight, x.flatten(1)).view(-1, *x.shape[1:])


def convolve_time(x: Tensor, conv: nn.Conv2d) -> Tensor:
    """Convolution over time without its bias.

    Args:
        x (Tensor): (C, N·M, V, T), contiguous.
        conv (nn.Conv2d): From `temporal_conv`.

    Returns:
        Tensor: (C_out, N·M, V, ceil(T / stride)).
    """
    if conv.kernel_size == (1, 1):
        return conv_rows(x, conv)
    weight = conv.weight.flatten(2).unsqueeze(2)  # (C_out, C, 1, k)
    geometry = tuple(
        (rest, max(size))
        for rest, size in (
            (1, conv.stride),
            (0, conv.padding),
            (1, conv.dilation),
        )
    )
    if weight[0].numel() >= WIDE and is_plain_cpu(x):
        return _WideTimeConv.apply(x, weight, geometry)
    image = x.flatten(1, 2).unsqueeze(0)
    y = functional.conv2d(image, weight, None, *geometry)
    return y.view(-1, *x.shape[1:3], y.shape[3])


class _WideTimeConv(torch.autograd.Function):
    """`convolve_time`, each of its three products in its fastest layout.

    Forward and the gradient of the input are twice as fast where channels
    are innermost, which pays for the copies; that of the weight is not.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, geometry: Geometry
    ) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.geometry = geometry
        y = x.new_empty(len(weight), *x.shape[1:3], _steps_of(x, geometry))
        kernel = _innermost(weight)
        for group in _wide_groups(x, weight):
            part = _channels_innermost(x[:, group])
            moved = functional.conv2d(part, kernel, None, *geometry)
            y[:, group] = moved[0].view(y[:, group].shape)
        return y

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        of_x = of_weight = None
        if ctx.needs_input_grad[0]:
            of_x = torch.empty_like(x)
            kernel = _innermost(weight)
            for group in _wide_groups(x, weight):
                part = of_x[:, group]
                back, _, _ = _conv_backward(
                    _channels_innermost(grad[:, group]),
                    _channels_innermost(part, empty=True),
                    kernel,
                    ctx.geometry,
                    [True, False, False],
                )
                part.copy_(back[0].view(part.shape))
        if ctx.needs_input_grad[1]:
            _, of_weight, _ = _conv_backward(
                grad.contiguous().flatten(1, 2).unsqueeze(0),
                x.flatten(1, 2).unsqueeze(0),
                weight,
                ctx.geometry,
                [False, True, False],
            )
        return of_x, of_weight, None


def _steps_of(x: Tensor, geometry: Geometry) -> int:
    """Frames after a convolution that keeps one a stride."""
    return -(-x.shape[3] // geometry[0][1])


def _wide_groups(x: Tensor, weight: Tensor) -> Iterator[slice]:
    """Samples of a call, which brings the weight in order each time."""
    size = 4 * weight.numel() * weight.element_size()
    return groups_of(x, max(GROUP_BYTES, size))


def _channels_innermost(x: Tensor, empty: bool = False) -> Tensor:
    """(C, N·M, V, T) as one image of N·M·V x T in channels-last memory."""
    x = x.flatten(1, 2).unsqueeze(0)
    if empty:  # only its shape is read
        return torch.empty_like(x, memory_format=torch.channels_last)
    return _innermost(x)


def _innermost(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last)


def _conv_backward(
    grad: Tensor,
    x: Tensor,
    weight: Tensor,
    geometry: Geometry,
    wanted: list[bool],
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of a 2D convolution without bias."""
    stride, padding, dilation = geometry
    return torch.ops.aten.convolution_backward(
        grad,
        x,
        weight,
        None,
        stride,
        padding,
        dilation,
        False,
        (0, 0),
        1,
        wanted,
    )


class _MaxOfThree(torch.autograd.Function):
    """`max_of_three` with passes that the CPU vectorises."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, stride: int) -> Tensor:
        ctx.save_for_backward(x)
        ctx.stride = stride
        before, here, after = _neighbours(x, stride)
        return torch.maximum(before, torch.maximum(here, after))

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        stride, T = ctx.stride, x.shape[3]
        before, here, after = _neighbours(x, stride)
        grad = grad.contiguous()
        # What is not won goes on to the next; equals are zeros of a ReLU.
        lead = before - torch.maximum(here, after)
        first = torch.ops.aten.threshold_backward(grad, lead, 0)
        rest = grad - first
        second = torch.ops.aten.threshold_backward(rest, here - after, 0)
        padded = grad.new_zeros(*x.shape[:3], T + 2)
        padded[..., :T:stride] = first
        padded[..., 1 : T + 1 : stride] += second
        padded[..., 2 : T + 2 : stride] += rest.sub_(second)
        return padded[..., 1:-1], None


def _neighbours(x: Tensor, stride: int) -> tuple[Tensor, Tensor, Tensor]:
    """The frames before, at and after each step, zero beyond the ends."""
    T = x.shape[3]
    x = functional.pad(x, (1, 1))
    before, here, after = (x[..., i : i + T : stride] for i in range(3))
    return before, here, after


def max_of_three(x: Tensor, stride: int) -> Tensor:
    """Maximum over a frame and its two neighbours.

    Args:
        x (Tensor): (C, N·M, V, T), not negative.
        stride (int): Stride over time.

    Returns:
        Tensor: (C, N·M, V, ceil(T / stride)).
    """
    if is_plain_cpu(x):
        return _MaxOfThree.apply(x, stride)
    return functional.max_pool2d(
        x.flatten(1, 2), (1, 3), (1, stride), (0, 1)
    ).unflatten(1, x.shape[1:3])
