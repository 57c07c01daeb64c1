"""Agreement of two views about all keys, not only about their own."""

from __future__ import annotations

import torch
from torch import Tensor

from mmsnip.losses.contrast import _check_queue, _check_temperature


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
    if q.ndim != 2 or q.shape != k.shape:
        raise ValueError(
            f'q has shape {tuple(q.shape)} and k {tuple(k.shape)}, expected '
            '(N, D) for both'
        )
    _check_queue(queue, q.shape[1])
    _check_temperature(temperature)
    own = (q * k).sum(dim=1, keepdim=True)  # (N, 1)
    logits = torch.cat([own, q @ queue.to(q.dtype)], dim=1)
    if logits.dtype in (torch.float16, torch.bfloat16):
        logits = logits.float()
    return logits / temperature


def distribution_divergence(
    q_extreme: Tensor,
    q: Tensor,
    k: Tensor,
    queue: Tensor,
    temperature: float = 0.07,
) -> Tensor:
    """Cross-entropy of an extreme view's key distribution to a mild one's.

    The mild view is the teacher: no gradient reaches it.

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
    target = key_logits(q.detach(), k, queue, temperature).softmax(dim=1)
    found = key_logits(q_extreme, k, queue, temperature).log_softmax(dim=1)
    return -(target * found).sum(dim=1).mean()
