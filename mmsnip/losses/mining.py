"""Nearest entries of a queue as further positives."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from mmsnip.losses.contrast import info_nce, matched_rows
from mmsnip.losses.softmax import (
    at_least_float32,
    key_softmax,
    rows_at_hand,
)


@torch.no_grad()
def nearest_entries(q: Tensor, queue: Tensor, num_neighbors: int) -> Tensor:
    """Queue entries nearest to each query.

    Args:
        q (Tensor): Embeddings, (N, D).
        queue (Tensor): Keys of unit length, (D, K).
        num_neighbors (int): Entries that each query chooses, 0..K.

    Returns:
        Tensor: The nearest first, (N, num_neighbors) int64.

    Raises:
        ValueError: If the queue holds fewer entries.
    """
    K = queue.shape[1]
    if not 0 <= num_neighbors <= K:
        raise ValueError(
            f'num_neighbors={num_neighbors} must lie in 0..{K}, the entries '
            'of the queue; lower it, or enlarge queue_size'
        )
    q = at_least_float32(q)
    queue = queue.to(q.dtype)
    with torch.autocast(q.device.type, enabled=False):
        chosen = [
            (rows @ queue).topk(num_neighbors, dim=1).indices
            for rows in q.split(rows_at_hand(queue))
        ]
    return torch.cat(chosen)


@torch.no_grad()
def nearest_keys(
    queries: Sequence[Tensor], queue: Tensor, num_neighbors: int
) -> Tensor:
    """Queue entries among the nearest to any of several views.

    Args:
        queries (Sequence[Tensor]): Embeddings of the same videos in one or
            more views, (N, D) each.
        queue (Tensor): Keys of unit length, (D, K).
        num_neighbors (int): Entries that each view chooses, 0..K.

    Returns:
        Tensor: True where chosen, (N, K) bool; from ``num_neighbors`` to
        ``len(queries) * num_neighbors`` a row.

    Raises:
        ValueError: If the queue holds fewer entries, or views disagree.

    Source:
        Nearest neighbours mining of AimCLR (arXiv 2112.03590): the union of
        the choices of the views.

    Examples:
        >>> queue = torch.eye(3)
        >>> views = torch.tensor([[1.0, 0, 0]]), torch.tensor([[0.0, 1, 0]])
        >>> nearest_keys(views, queue, 1).tolist()
        [[True, True, False]]
    """
    shapes = {tuple(q.shape) for q in queries}
    if len(shapes) != 1:
        raise ValueError(
            f'queries have shapes {sorted(shapes)}, expected one (N, D)'
        )
    first = queries[0]
    chosen = first.new_zeros(
        first.shape[0], queue.shape[1], dtype=torch.bool
    )
    for q in queries:
        chosen.scatter_(1, nearest_entries(q, queue, num_neighbors), True)
    return chosen


def mined_info_nce(
    q: Tensor,
    k: Tensor,
    queue: Tensor,
    neighbors: Tensor,
    temperature: float = 0.07,
) -> Tensor:
    """InfoNCE with several positives: the key and chosen queue entries.

    Args:
        q (Tensor): Query embeddings of unit length, (N, D).
        k (Tensor): Keys of the same videos of unit length, (N, D).
        queue (Tensor): Keys of unit length, (D, K).
        neighbors (Tensor): Queue entries that are positives, (N, K) bool;
            without any it is :func:`mmsnip.losses.info_nce`.
        temperature (float): Divides every similarity. Defaults to 0.07.

    Returns:
        Tensor: Mean over N of the mean over a query's positives of
        -log softmax; a scalar in float32 or wider.

    Raises:
        ValueError: If shapes disagree or the temperature is not positive.

    Source:
        Levigty/AimCLR 59fe004 ``processor/pretrain_aimclr.py`` (each query
        averages over its own positives); METHOD.md section 1.
    """
    log_sum, _ = key_softmax(q, k, queue, temperature)
    if neighbors.shape != (q.shape[0], queue.shape[1]):
        raise ValueError(
            f'neighbors have shape {tuple(neighbors.shape)}, expected (N, K) '
            f'= {(q.shape[0], queue.shape[1])}'
        )
    q = at_least_float32(q)
    queue = queue.to(q.dtype)
    with torch.autocast(q.device.type, enabled=False):
        mined = neighbors.to(q.dtype) @ queue.T  # (N, D), their sum
    count = 1 + neighbors.sum(dim=1)
    return _pulled(log_sum, q, (k + mined) / count.unsqueeze(1), temperature)


def _pulled(
    log_sum: Tensor, q: Tensor, positive: Tensor, temperature: float
) -> Tensor:
    """Mean of -log softmax, averaged over positives as over their mean."""
    return (log_sum - (q * positive).sum(dim=1) / temperature).mean()


def mined_snippet_info_nce(
    q: Tensor,
    k: Tensor,
    q_feat: Tensor,
    k_feat: Tensor,
    queue: Tensor,
    num_neighbors: int = 5,
    temperature: float = 0.07,
    matching: str = 'feature',
    times: tuple[Tensor, Tensor] | None = None,
) -> Tensor:
    """InfoNCE of snippets whose nearest queue entries are positives too.

    Args:
        q (Tensor): Query snippet embeddings of unit length, (N, D, S).
        k (Tensor): Key snippet embeddings of unit length, (N, D, S).
        q_feat (Tensor): Pooled backbone features of the query view before
            the projector, (N, C, S).
        k_feat (Tensor): The same of the key view, (N, C, S).
        queue (Tensor): Keys of unit length, (D, K).
        num_neighbors (int): Queue entries that each query snippet takes as
            positives; with 0 it is :func:`mmsnip.losses.snippet_info_nce`.
            Defaults to 5.
        temperature (float): Divides every similarity. Defaults to 0.07.
        matching (str): How the key snippet is chosen, see
            :func:`mmsnip.losses.snippet_info_nce`. Defaults to
            ``'feature'``.
        times (tuple[Tensor, Tensor], optional): As there.

    Returns:
        Tensor: Mean over N * S, a scalar in float32 or wider.

    Raises:
        ValueError: If shapes disagree, the matching is unknown, the
            temperature is not positive or the queue is too short.

    Source:
        METHOD.md section 1, the dense branch in RVTCLR.
    """
    rows, matched = matched_rows(q, k, q_feat, k_feat, matching, times)
    if not len(rows):
        return at_least_float32(q).sum() * 0
    if num_neighbors == 0:
        return info_nce(rows, matched, queue, temperature)
    log_sum, _ = key_softmax(rows, matched, queue, temperature)
    rows = at_least_float32(rows)
    nearest = nearest_entries(rows, queue, num_neighbors)
    mined = functional.embedding_bag(
        nearest, queue.T.to(rows.dtype), mode='sum'
    )  # (N * S, D)
    positive = (matched + mined) / (1 + num_neighbors)
    return _pulled(log_sum, rows, positive, temperature)
