"""Contrast of videos and of snippets against queues of keys."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

MATCHINGS = ('feature', 'index')


def _check_queue(queue: Tensor, embed_dim: int) -> None:
    if queue.ndim != 2 or queue.shape[0] != embed_dim:
        raise ValueError(
            f'queue has shape {tuple(queue.shape)}, expected (D, K) with '
            f'D={embed_dim}, the size of the query embeddings'
        )


def _check_temperature(temperature: float) -> None:
    if not temperature > 0:
        raise ValueError(f'temperature={temperature} must be positive')


def info_nce(
    q: Tensor, k: Tensor, queue: Tensor, temperature: float = 0.07
) -> Tensor:
    """InfoNCE of videos: each query against its key and a queue.

    Args:
        q (Tensor): Query embeddings of unit length, (N, D).
        k (Tensor): Positive keys of unit length, (N, D).
        queue (Tensor): Negative keys of unit length, (D, K).
        temperature (float): Divides every similarity. Defaults to 0.07.

    Returns:
        Tensor: Mean loss over N, a scalar in float32 or wider.

    Raises:
        ValueError: If shapes disagree or the temperature is not positive.

    Source:
        MoCo (arXiv 1911.05722), equation 1; METHOD.md section 1.

    Examples:
        >>> q = torch.tensor([[1.0, 0.0]])
        >>> round(info_nce(q, q, q.T.repeat(1, 3), 1.0).item(), 4)
        1.3863
    """
    if q.ndim != 2 or q.shape != k.shape:
        raise ValueError(
            f'q has shape {tuple(q.shape)} and k {tuple(k.shape)}, expected '
            '(N, D) for both'
        )
    _check_queue(queue, q.shape[1])
    _check_temperature(temperature)
    positive = (q * k).sum(dim=1, keepdim=True)  # (N, 1)
    logits = torch.cat([positive, q @ queue.to(q.dtype)], dim=1)
    return _positive_first(logits, temperature).mean()


def match_snippets(
    q_feat: Tensor,
    k_feat: Tensor,
    matching: str = 'feature',
    normalize: bool = False,
) -> Tensor:
    """Key snippet that is the positive of each query snippet.

    Args:
        q_feat (Tensor): Pooled backbone features of the query view before
            the projector, (N, C, S).
        k_feat (Tensor): The same of the key view, (N, C, S).
        matching (str): ``'feature'``: the key snippet with the largest dot
            product; ``'index'``: the snippet at the same position. Defaults
            to ``'feature'``.
        normalize (bool): Compare directions (cosine) as DenseCL does, in
            place of plain dot products. Defaults to False.

    Returns:
        Tensor: Index of a key snippet per query snippet, (N, S) int64.

    Raises:
        ValueError: If shapes disagree or the matching is unknown.

    Source:
        j* = argmax_j <b_q[i], b_k[j]>, arXiv 2512.16504; the cosine form is
        DenseCL's, arXiv 2011.09157.
    """
    if q_feat.ndim != 3 or q_feat.shape != k_feat.shape:
        raise ValueError(
            f'q_feat has shape {tuple(q_feat.shape)} and k_feat '
            f'{tuple(k_feat.shape)}, expected (N, C, S) for both'
        )
    N, _, S = q_feat.shape
    if matching == 'index':
        return torch.arange(S, device=q_feat.device).expand(N, S)
    if matching != 'feature':
        raise ValueError(
            f'matching={matching!r} is unknown; use one of {MATCHINGS}'
        )
    q_feat, k_feat = q_feat.detach(), k_feat.detach()
    if normalize:
        q_feat = functional.normalize(q_feat, dim=1)
        k_feat = functional.normalize(k_feat, dim=1)
    similarity = torch.einsum('ncs,ncj->nsj', q_feat, k_feat)
    return similarity.argmax(dim=2)


def snippet_info_nce(
    q: Tensor,
    k: Tensor,
    q_feat: Tensor,
    k_feat: Tensor,
    queue: Tensor,
    temperature: float = 0.07,
    matching: str = 'feature',
) -> Tensor:
    """InfoNCE of snippets: each query snippet against its key snippet.

    Args:
        q (Tensor): Query snippet embeddings of unit length, (N, D, S).
        k (Tensor): Key snippet embeddings of unit length, (N, D, S).
        q_feat (Tensor): Pooled backbone features of the query view before
            the projector, not normalised, (N, C, S).
        k_feat (Tensor): The same of the key view, (N, C, S).
        queue (Tensor): Negative keys of unit length, (D, K).
        temperature (float): Divides every similarity. Defaults to 0.07.
        matching (str): How the positive is chosen, see
            :func:`match_snippets`. Defaults to ``'feature'``.

    Returns:
        Tensor: Mean loss over N * S, a scalar in float32 or wider.

    Raises:
        ValueError: If shapes disagree, the matching is unknown or the
            temperature is not positive.

    Source:
        Dense branch of arXiv 2512.16504; METHOD.md section 1.
    """
    if q.ndim != 3 or q.shape != k.shape:
        raise ValueError(
            f'q has shape {tuple(q.shape)} and k {tuple(k.shape)}, expected '
            '(N, D, S) for both'
        )
    if (q_feat.shape[0], q_feat.shape[-1]) != (q.shape[0], q.shape[2]):
        raise ValueError(
            f'q_feat has shape {tuple(q_feat.shape)}, expected (N, C, S) '
            f'with N={q.shape[0]} and S={q.shape[2]} as in q'
        )
    D = q.shape[1]
    _check_queue(queue, D)
    _check_temperature(temperature)
    index = match_snippets(q_feat, k_feat, matching)  # (N, S)
    matched = k.gather(2, index.unsqueeze(1).expand(-1, D, -1))
    positive = (q * matched).sum(dim=1).unsqueeze(2)  # (N, S, 1)
    negative = torch.einsum('nds,dk->nsk', q, queue.to(q.dtype))
    logits = torch.cat([positive, negative], dim=2)  # (N, S, 1 + K)
    return _positive_first(logits.flatten(0, 1), temperature).mean()


def _positive_first(logits: Tensor, temperature: float) -> Tensor:
    """Cross-entropy against column 0, in float32 whatever the autocast."""
    if logits.dtype in (torch.float16, torch.bfloat16):
        logits = logits.float()
    logits = logits / temperature
    return torch.logsumexp(logits, dim=1) - logits[:, 0]
