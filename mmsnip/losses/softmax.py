"""Softmax of queries over their keys and a queue, without its matrix.

Every contrastive loss here needs of the (N, 1 + K) similarities only two
things a query: the log of the sum of their exponentials, and the mean key
under the softmax. The second is the first one's gradient (times the
temperature), and against it, too, a divergence is one dot product. Both are
found while the similarities of a few queries are at hand, so that the matrix
is neither kept for the backward pass nor read again.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

# Similarities at hand at a time: what the caches of a CPU hold, and what a
# GPU spares.
CHUNK_CPU, CHUNK_GPU = 2**22, 2**26


def at_least_float32(x: Tensor) -> Tensor:
    """Half precision becomes float32, wider stays as it is."""
    if x.dtype in (torch.float16, torch.bfloat16):
        return x.float()
    return x


def _check(q: Tensor, k: Tensor, queue: Tensor, temperature: float) -> None:
    if q.ndim != 2 or q.shape != k.shape:
        raise ValueError(
            f'q has shape {tuple(q.shape)} and k {tuple(k.shape)}, expected '
            '(N, D) for both'
        )
    if queue.ndim != 2 or len(queue) != q.shape[1]:
        raise ValueError(
            f'queue has shape {tuple(queue.shape)}, expected (D, K) with '
            f'D={q.shape[1]}, the size of the query embeddings'
        )
    if not temperature > 0:
        raise ValueError(f'temperature={temperature} must be positive')


def key_logits(
    q: Tensor, k: Tensor, queue: Tensor, temperature: float = 0.07
) -> Tensor:
    """Similarity of each query to its key and to a queue, over temperature.

    Args:
        q (Tensor): Query embeddings of unit length, (N, D).
        k (Tensor): Keys of unit length, (N, D).
        queue (Tensor): Further keys of unit length, (D, K).
        temperature (float): Divides every similarity. Defaults to 0.07.

    Returns:
        Tensor: Its own key first, (N, 1 + K), in float32 or wider.

    Raises:
        ValueError: If shapes disagree or the temperature is not positive.
    """
    _check(q, k, queue, temperature)
    q, k = at_least_float32(q), at_least_float32(k)
    own = (q * k).sum(dim=1, keepdim=True)  # (N, 1)
    with torch.autocast(q.device.type, enabled=False):
        others = q @ queue.to(q.dtype)
    return torch.cat([own, others], dim=1) / temperature


def rows_at_hand(queue: Tensor) -> int:
    """Queries whose similarities to a queue are held at a time."""
    budget = CHUNK_CPU if queue.device.type == 'cpu' else CHUNK_GPU
    return max(1, budget // max(1, queue.shape[1]))


class _KeySoftmax(torch.autograd.Function):
    """See `key_softmax`; the gradient is found in the forward pass."""

    @staticmethod
    def forward(
        ctx: Any, q: Tensor, k: Tensor, queue: Tensor, temperature: float
    ) -> tuple[Tensor, Tensor]:
        own = (q * k).sum(dim=1, keepdim=True) / temperature  # (N, 1)
        sums, means = [], []
        with torch.autocast(q.device.type, enabled=False):
            for rows in (q / temperature).split(rows_at_hand(queue)):
                weight = rows @ queue  # (rows, K)
                top = weight.amax(dim=1, keepdim=True)
                weight.sub_(top).exp_()
                total = weight.sum(dim=1, keepdim=True)
                means.append(weight @ queue.T / total)
                sums.append(top + total.log())
        others = torch.cat(sums)
        log_sum = torch.logaddexp(others, own)
        share = (own - log_sum).exp()
        mean = (others - log_sum).exp() * torch.cat(means) + share * k
        ctx.temperature = temperature
        ctx.save_for_backward(q, mean, share)
        ctx.mark_non_differentiable(mean)
        return log_sum.squeeze(1), mean

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor, _: Tensor | None) -> tuple:
        q, mean, share = ctx.saved_tensors
        grad = grad.unsqueeze(1) / ctx.temperature
        grad_k = grad * share * q if ctx.needs_input_grad[1] else None
        return grad * mean, grad_k, None, None


def key_softmax(
    q: Tensor, k: Tensor, queue: Tensor, temperature: float = 0.07
) -> tuple[Tensor, Tensor]:
    """Normalizer of the softmax of each query, and the mean key under it.

    Holds (N, D) for the backward pass, and of the similarities no more than
    a few rows at a time. Computes in float32 or wider, whatever the
    autocast.

    Args:
        q (Tensor): Query embeddings of unit length, (N, D).
        k (Tensor): Keys of unit length, (N, D).
        queue (Tensor): Further keys of unit length, (D, K). Nothing refers
            to it after the call, so it may be written at once. Where it
            requires gradients the similarities are kept after all.
        temperature (float): Divides every similarity. Defaults to 0.07.

    Returns:
        tuple[Tensor, Tensor]: Log of the sum of the exponentials, (N,), and
        the mean of own key and queue under the softmax, (N, D), a constant.

    Raises:
        ValueError: If shapes disagree or the temperature is not positive.

    Examples:
        >>> q = torch.tensor([[1.0, 0.0]])
        >>> queue = torch.tensor([[0.0], [1.0]])
        >>> log_sum, mean = key_softmax(q, q, queue, temperature=1.0)
        >>> round(log_sum.item(), 4), [round(x, 4) for x in mean[0].tolist()]
        (1.3133, [0.7311, 0.2689])
    """
    _check(q, k, queue, temperature)
    q, k = at_least_float32(q), at_least_float32(k)
    queue = queue.to(q.dtype)
    if queue.requires_grad and torch.is_grad_enabled():
        logits = key_logits(q, k, queue, temperature)
        with torch.no_grad():
            share = logits.softmax(dim=1)
            mean = share[:, :1] * k + share[:, 1:] @ queue.T
        return torch.logsumexp(logits, dim=1), mean
    return _KeySoftmax.apply(q, k.to(q.dtype), queue, temperature)


def distribution_divergence(
    q_extreme: Tensor,
    q: Tensor,
    k: Tensor,
    queue: Tensor,
    temperature: float = 0.07,
) -> Tensor:
    """Cross-entropy of an extreme view's key distribution to a mild one's.

    The mild view is the teacher: no gradient reaches it. Since the logits
    are linear in the keys, the sum of the student's logits under the
    teacher's distribution is the student's logit of the teacher's mean key.

    Args:
        q_extreme (Tensor): Embeddings of the extreme view of unit length,
            (N, D).
        q (Tensor): Embeddings of the mild query view, (N, D).
        k (Tensor): Keys of the same videos, (N, D).
        queue (Tensor): Keys of other videos, (D, K).
        temperature (float): Of both distributions. Defaults to 0.07.

    Returns:
        Tensor: Mean over N, a scalar in float32 or wider. Its least value is
        the entropy of the teacher, not zero.

    Raises:
        ValueError: If shapes disagree or the temperature is not positive.

    Source:
        -sum softmax(q.[k, queue]/t) log softmax(q'.[k, queue]/t), METHOD.md
        section 1; the D3M loss of AimCLR (arXiv 2112.03590).

    Examples:
        >>> q = torch.tensor([[1.0, 0.0]])
        >>> queue = q.T.repeat(1, 3)
        >>> round(distribution_divergence(q, q, q, queue).item(), 4)
        1.3863
    """
    with torch.no_grad():
        _, teacher = key_softmax(q, k, queue, temperature)
    log_sum, _ = key_softmax(q_extreme, k, queue, temperature)
    agreed = (at_least_float32(q_extreme) * teacher).sum(dim=1)
    return (log_sum - agreed / temperature).mean()
