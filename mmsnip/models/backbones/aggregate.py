"""Sum over the subsets of a graph, one graph after the other."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from mmsnip.models.backbones.rows import is_plain_cpu, product


def aggregate_rows(
    value: Tensor, shared: Tensor, lift: Tensor, relation: Tensor
) -> Tensor:
    """Move the values of every channel along its graphs.

    ``y[c, n, u, t] = sum_kv W[k, c, n, u, v] * value[k, c, n, v, t]`` with
    ``W = shared + lift @ relation``.

    Args:
        value (Tensor): (num_subsets, C, N·M, V, T), contiguous.
        shared (Tensor): (num_subsets, C or 1, N·M or 1, V, V), rows u.
        lift (Tensor): (num_subsets, C, R).
        relation (Tensor): (num_subsets, R, N·M, V, V).

    Returns:
        Tensor: (C, N·M, V, T).
    """
    if is_plain_cpu(value):
        return _Aggregate.apply(value, shared, lift, relation)
    y = 0
    for k, part in enumerate(value.unbind(0)):
        W = _graph(k, part, shared, lift, relation)
        y = y + torch.matmul(W.to(part.dtype), part)
    return y


def _graph(
    k: int,
    value: Tensor,
    shared: Tensor,
    lift: Tensor,
    relation: Tensor,
) -> Tensor:
    """Graph of a subset, (C, N·M, V, V)."""
    C, B, V, _ = value.shape
    refined = product(lift[k], relation[k].flatten(1)).view(C, B, V, V)
    if is_plain_cpu(value):
        return refined.add_(shared[k])
    return refined + shared[k]


class _Aggregate(torch.autograd.Function):
    """`aggregate_rows` that holds one graph at a time.

    The graphs are larger than the values where many channels meet few
    frames; they are made again in the backward pass.
    """

    @staticmethod
    def forward(
        ctx: Any,
        value: Tensor,
        shared: Tensor,
        lift: Tensor,
        relation: Tensor,
    ) -> Tensor:
        ctx.save_for_backward(value, shared, lift, relation)
        K, C, B, V, T = value.shape
        y = value.new_empty(C * B, V, T)
        for k in range(K):
            W = _graph(k, value[k], shared, lift, relation)
            W = W.view(C * B, V, V)
            part = value[k].view(C * B, V, T)
            torch.baddbmm(y, W, part, beta=float(k > 0), out=y)
        return y.view(C, B, V, T)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        value, shared, lift, relation = ctx.saved_tensors
        K, C, B, V, T = value.shape
        grad = grad.reshape(C * B, V, T)
        of_value = torch.empty_like(value)
        of_shared = torch.empty_like(shared)
        of_lift = torch.empty_like(lift)
        of_relation = torch.empty_like(relation)
        of_W = value.new_empty(C * B, V, V)
        for k in range(K):
            W = _graph(k, value[k], shared, lift, relation)
            W = W.view(C * B, V, V)
            part = value[k].view(C * B, V, T)
            torch.bmm(
                W.transpose(1, 2), grad, out=of_value[k].view(C * B, V, T)
            )
            torch.bmm(grad, part.transpose(1, 2), out=of_W)
            of_shared[k] = of_W.view(C, B, V, V).sum_to_size(shared.shape[1:])
            flat = of_W.view(C, B * V * V)
            of_lift[k] = product(flat, relation[k].flatten(1).t())
            of_relation[k] = product(lift[k].t(), flat).view(-1, B, V, V)
        return of_value, of_shared, of_lift, of_relation


def spread_rows(x: Tensor, links: Tensor) -> Tensor:
    """Move channels along each of the graphs that they share.

    ``z[k, c, n, u, t] = sum_v links[k, n, u, v] * x[c, n, v, t]``.

    Args:
        x (Tensor): (C, N·M, V, T), contiguous.
        links (Tensor): (num_subsets, N·M, V, V), rows u.

    Returns:
        Tensor: (num_subsets, C, N·M, V, T).
    """
    if is_plain_cpu(x):
        return _Spread.apply(x, links)
    return torch.matmul(links.unsqueeze(1), x)


class _Spread(torch.autograd.Function):
    """`spread_rows`, a sample at a time.

    All graphs of a sample and all of its channels and frames are one product
    of long rows; many products of (V, V) are half as fast.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, links: Tensor) -> Tensor:
        ctx.save_for_backward(x, links)
        K, B, V, _ = links.shape
        C, T = x.shape[0], x.shape[3]
        z = x.new_empty(K, C, B, V, T)
        for b in range(B):
            W = links[:, b].reshape(K * V, V)
            moved = product(W, _joints_first(x[None, :, b]))
            z[:, :, b] = moved.view(K, V, C, T).transpose(1, 2)
        return z

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        x, links = ctx.saved_tensors
        K, B, V, _ = links.shape
        C, T = x.shape[0], x.shape[3]
        of_x, of_links = torch.empty_like(x), torch.empty_like(links)
        for b in range(B):
            W = links[:, b].reshape(K * V, V)
            part = _joints_first(grad[:, :, b])  # (K·V, C·T)
            rows = _joints_first(x[None, :, b])  # (V, C·T)
            back = product(W.t(), part).view(V, C, T)
            of_x[:, b] = back.transpose(0, 1)
            of_links[:, b] = product(part, rows.t()).view(K, V, V)
        return of_x, of_links


def _joints_first(x: Tensor) -> Tensor:
    """(subsets, C, V, T) to (subsets · V, C · T)."""
    K, C, V, T = x.shape
    return x.transpose(1, 2).reshape(K * V, C * T)
