"""Contrast of videos and snippets against a queue, mined or not."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from mmsnip.losses.softmax import (
    at_least_float32,
    key_softmax,
    rows_at_hand,
)

MATCHINGS = ('feature', 'index', 'time')


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
            f"matching={matching!r} is unknown; use 'feature' or 'index', in "
            "a loss that gets times 'time', too"
        )
    q_feat = at_least_float32(q_feat.detach())
    k_feat = at_least_float32(k_feat.detach())
    if normalize:
        q_feat = functional.normalize(q_feat, dim=1)
        k_feat = functional.normalize(k_feat, dim=1)
    with torch.autocast(q_feat.device.type, enabled=False):
        similarity = q_feat.transpose(1, 2) @ k_feat  # (N, S, S)
    return similarity.argmax(dim=2)


@torch.no_grad()
def match_by_time(q_time: Tensor, k_time: Tensor) -> tuple[Tensor, Tensor]:
    """Key snippet that shows the same moment as each query snippet.

    Args:
        q_time (Tensor): Where in the video the snippets of the query view
            lie, in source frames, (N, S); NaN where a snippet shows nothing.
        k_time (Tensor): The same of the key view, (N, S).

    Returns:
        tuple[Tensor, Tensor]: Index of the nearest key snippet, (N, S) int64,
        and whether the moment is in the key view at all, (N, S) bool: it is
        where the two are at most half a key snippet apart.

    Raises:
        ValueError: If shapes disagree.

    Source:
        METHOD.md section 4: positives of views that share a known crop.

    Examples:
        >>> index, shown = match_by_time(
        ...     torch.tensor([[0.0, 10, 20]]), torch.tensor([[12.0, 22, 32]]))
        >>> index.tolist(), shown.tolist()
        ([[0, 0, 1]], [[False, True, True]])
    """
    if q_time.ndim != 2 or q_time.shape != k_time.shape:
        raise ValueError(
            f'q_time has shape {tuple(q_time.shape)} and k_time '
            f'{tuple(k_time.shape)}, expected (N, S) for both'
        )
    away = (q_time.unsqueeze(2) - k_time.unsqueeze(1)).abs()  # (N, S, S)
    nearest, index = away.nan_to_num(torch.inf).min(dim=2)
    if k_time.shape[1] == 1:
        return index, nearest < torch.inf
    # A view may run over a part of it forth and back, where it was mirrored.
    steps = k_time.diff(dim=1).abs().nan_to_num(0)
    return index, nearest <= steps.amax(dim=1, keepdim=True) / 2


def snippet_info_nce(
    q: Tensor,
    k: Tensor,
    q_feat: Tensor,
    k_feat: Tensor,
    queue: Tensor,
    temperature: float = 0.07,
    matching: str = 'feature',
    times: tuple[Tensor, Tensor] | None = None,
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
            :func:`matched_rows`. Defaults to ``'feature'``.
        times (tuple[Tensor, Tensor], optional): Needed for ``'time'``.

    Returns:
        Tensor: Mean loss over N * S, with ``'time'`` over those that have a
        positive; a scalar in float32 or wider.

    Raises:
        ValueError: If shapes disagree, the matching is unknown, ``times``
            are missing or the temperature is not positive.

    Source:
        Dense branch of arXiv 2512.16504; METHOD.md section 1.
    """
    parts = q, k, q_feat, k_feat, queue
    return mined_snippet_info_nce(*parts, 0, temperature, matching, times)


def matched_rows(
    q: Tensor,
    k: Tensor,
    q_feat: Tensor,
    k_feat: Tensor,
    matching: str = 'feature',
    times: tuple[Tensor, Tensor] | None = None,
) -> tuple[Tensor, Tensor]:
    """Query snippets and their positives as rows, (N * S, D) each."""
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
    shown = None
    if matching == 'time':
        if times is None:
            raise ValueError(
                "matching='time' needs times, when the snippets of both views "
                'are, (N, S) each'
            )
        index, shown = match_by_time(*times)
        if index.shape != (q.shape[0], q.shape[2]):
            raise ValueError(
                f'times have shape {tuple(index.shape)}, expected (N, S) = '
                f'{(q.shape[0], q.shape[2])}'
            )
    else:
        index = match_snippets(q_feat, k_feat, matching)  # (N, S)
    matched = k.gather(2, index.unsqueeze(1).expand_as(k))
    rows = (
        q.transpose(1, 2).flatten(0, 1),
        matched.transpose(1, 2).flatten(0, 1),
    )
    if shown is None:
        return rows
    chosen = shown.flatten()
    return rows[0][chosen], rows[1][chosen]


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
    chosen = first.new_zeros(first.shape[0], queue.shape[1], dtype=torch.bool)
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
    if not len(rows):  # no view shows what the other does
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
