"""CTR-GCN's aggregation over all subsets at once, on a CPU.

The plain twin is the loop over the subsets in
`mmsnip.models.backbones.ctrgcn.GraphUnit`. A sample at a time its values, its
graphs and their gradients stay in the processor's cache, the values of all
subsets are one matrix product, and no graph is kept for the backward pass.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

# oneDNN's float32 product; PyTorch's own, by MKL, uses half of the vector
# width of other makers' processors.
_LINEAR = (
    getattr(torch.ops.mkldnn, '_linear_pointwise', None)
    if torch.backends.mkldnn.is_available()
    else None
)


def _product(a: Tensor, b: Tensor) -> Tensor:
    """``a @ b`` of two matrices."""
    if _LINEAR is None or a.dtype != torch.float32:
        return a @ b
    a, b = (x if 1 in x.stride() else x.contiguous() for x in (a, b))
    return _LINEAR(a, b.t(), None, 'none', [], '')


def is_eager_cpu(x: Tensor) -> bool:
    """Whether an operation runs at once, on the CPU, without autocast."""
    return not (
        x.device.type != 'cpu'
        or torch.compiler.is_compiling()
        or torch.jit.is_tracing()
        or torch.is_autocast_enabled('cpu')
    )


def sum_of_subsets(
    x: Tensor, mean: Tensor, convs: nn.ModuleList, A: Tensor, alpha: Tensor
) -> Tensor:
    """``sum(conv(x, mean, A[k], alpha))`` over published CTRGC modules."""
    K, V, N = len(convs), x.shape[3], len(x)

    def stack(name: str) -> tuple[Tensor, Tensor]:
        layers = [getattr(conv, name) for conv in convs]
        weight = torch.stack([layer.weight.flatten(1) for layer in layers])
        return weight, torch.stack([layer.bias for layer in layers])

    pairs = [torch.stack(both) for both in zip(stack('conv1'), stack('conv2'))]
    rows = mean.squeeze(2).transpose(0, 1).reshape(-1, N * V)
    x1, x2 = (
        torch.addmm(pairs[1].view(-1, 1), pairs[0].flatten(0, 2), rows)
        .view(2, K, -1, N, V)
        .unbind(0)
    )
    relation = torch.tanh(x1.unsqueeze(-1) - x2.unsqueeze(-2)).movedim(2, 0)
    # W = [alpha * conv4.weight, alpha * conv4.bias, 1] @ [relation, 1, A]
    weight, bias = stack('conv4')
    lift = torch.cat([weight, bias.unsqueeze(2)], 2) * alpha
    lift = torch.cat([lift, torch.ones_like(lift[:, :, :1])], 2)
    A = A.unsqueeze(1).expand(N, K, 1, V, V)
    relation = torch.cat([relation, torch.ones_like(A), A], 2)
    weight, bias = stack('conv3')
    return channel_topology(x, weight, bias, lift, relation)


def channel_topology(
    x: Tensor, weight: Tensor, bias: Tensor, lift: Tensor, relation: Tensor
) -> Tensor:
    """Project x for each subset and move it along the graph of each channel.

    ``y[n, c, t, u] = sum_kv W[n, k, c, u, v] * (weight[k] @ x + bias[k])``
    at ``[n, c, t, v]``, with ``W[n, k] = lift[k] @ relation[n, k]``.

    Args:
        x (Tensor): (N·M, C, T, V).
        weight (Tensor): (num_subsets, C_out, C).
        bias (Tensor): (num_subsets, C_out).
        lift (Tensor): (num_subsets, C_out, R).
        relation (Tensor): (N·M, num_subsets, R, V, V), rows u.

    Returns:
        Tensor: (N·M, C_out, T, V).
    """
    return _ChannelTopology.apply(x.contiguous(), weight, bias, lift, relation)


def _graph(lift: Tensor, relation: Tensor) -> Tensor:
    """Graph of every channel for a sample and subset, (C_out, V, V)."""
    return _product(lift, relation.flatten(1)).view(-1, *relation.shape[1:])


class _ChannelTopology(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor,
        lift: Tensor,
        relation: Tensor,
    ) -> Tensor:
        N, C, T, V = x.shape
        K, out = bias.shape
        rows, shift = weight.view(K * out, C), bias.view(K * out, 1)
        y = x.new_empty(N, out, T, V)
        values = []
        for n in range(N):
            value = _product(rows, x[n].flatten(1)).add_(shift)
            value = value.view(K, out, T, V)
            for k in range(K):
                W = _graph(lift[k], relation[n, k]).transpose(1, 2)
                torch.baddbmm(y[n], value[k], W, beta=float(k > 0), out=y[n])
            if any(ctx.needs_input_grad):
                values.append(value)
        ctx.save_for_backward(x, weight, lift, relation, *values)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, ...]:
        x, weight, lift, relation, *values = ctx.saved_tensors
        _, C, T, V = x.shape
        K, out, R = lift.shape
        columns = weight.view(K * out, C).t().contiguous()
        of_x, of_relation = torch.empty_like(x), torch.empty_like(relation)
        of_weight = weight.new_zeros(K * out, C)
        of_bias, of_lift = weight.new_zeros(K * out), torch.zeros_like(lift)
        of_value, of_W = x.new_empty(K, out, T, V), x.new_empty(out, V, V)
        for n, value in enumerate(values):
            y = grad[n]
            for k in range(K):
                W = _graph(lift[k], relation[n, k])
                torch.bmm(y, W, out=of_value[k])
                torch.bmm(y.transpose(1, 2), value[k], out=of_W)
                flat = of_W.flatten(1)
                of_lift[k] += _product(flat, relation[n, k].flatten(1).t())
                of_relation[n, k] = _product(lift[k].t(), flat).view(R, V, V)
            flat = of_value.view(K * out, T * V)
            of_x[n] = _product(columns, flat).view(C, T, V)
            of_weight += _product(flat, x[n].flatten(1).t())
            of_bias += flat.sum(1)
        return (
            of_x,
            of_weight.view(weight.shape),
            of_bias.view(K, out),
            of_lift,
            of_relation,
        )
