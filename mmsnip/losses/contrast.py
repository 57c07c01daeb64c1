"""Contrast of videos and of snippets against queues of keys."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from mmsnip.losses.softmax import at_least_float32, key_softmax

MATCHINGS = ('feature', 'index')


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
    log_sum, _ = key_softmax(q, k, queue, temperature)
    own = (at_least_float32(q) * k).sum(dim=1) / temperature
    return (log_sum - own).mean()


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
        ``j* = argmax_j <b_q[i], b_k[j]>``, arXiv 2512.16504; the cosine form
        is DenseCL's, arXiv 2011.09157.
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
    q_feat = at_least_float32(q_feat.detach())
    k_feat = at_least_float32(k_feat.detach())
    if normalize:
        q_feat = functional.normalize(q_feat, dim=1)
        k_feat = functional.normalize(k_feat, dim=1)
    with torch.autocast(q_feat.device.type, enabled=False):
        similarity = q_feat.transpose(1, 2) @ k_feat  # (N, S, S)
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
    rows = matched_rows(q, k, q_feat, k_feat, matching)
    return info_nce(*rows, queue, temperature)


def matched_rows(
    q: Tensor,
    k: Tensor,
    q_feat: Tensor,
    k_feat: Tensor,
    matching: str = 'feature',
) -> tuple[Tensor, Tensor]:
    """Query snippets and the key snippets that are their positives, as rows.

    Args:
        q (Tensor): Query snippet embeddings, (N, D, S).
        k (Tensor): Key snippet embeddings, (N, D, S).
        q_feat (Tensor): Features of the query view, (N, C, S).
        k_feat (Tensor): Features of the key view, (N, C, S).
        matching (str): See :func:`match_snippets`. Defaults to
            ``'feature'``.

    Returns:
        tuple[Tensor, Tensor]: (N * S, D) each.

    Raises:
        ValueError: If shapes disagree or the matching is unknown.
    """
    if q.ndim != 3 or q.shape != k.shape:
        raise ValueError(
            f'q has shape {tuple(q.shape)} and k {tuple(k.shape)}, expected '
            '(N, D, S) for both'
        )
    if (q_feat.shape[0], q_feat.shape[-1]) != (q.shape[0], q.shape[2]):
        raise ValueError(
            f'q has shape {tuple(q.shape)} but q_feat has shape '
            f'{tuple(q_feat.shape)}, expected (N, D, S) and (N, C, S) with '
            'the same N and S'
        )
    index = match_snippets(q_feat, k_feat, matching)  # (N, S)
    matched = k.gather(2, index.unsqueeze(1).expand_as(k))
    return (
        q.transpose(1, 2).flatten(0, 1),
        matched.transpose(1, 2).flatten(0, 1),
    )
