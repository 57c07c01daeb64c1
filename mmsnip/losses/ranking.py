"""Order of two similarities, by a margin."""

from __future__ import annotations

import torch
from torch import Tensor


def tempo_ranking(
    q: Tensor,
    k_same: Tensor,
    k_other: Tensor,
    margin: float = 1.0,
    temperature: float = 0.07,
) -> Tensor:
    """A query is to be nearer to the key of its own tempo than to the other.

    Args:
        q (Tensor): Query embeddings of unit length, (N, D).
        k_same (Tensor): Keys at the query's tempo, unit length, (N, D).
        k_other (Tensor): Keys at the other tempo, unit length, (N, D).
        margin (float): By how much, counted after the division by the
            temperature. Defaults to 1.0.
        temperature (float): Divides both similarities. Defaults to 0.07, so
            that a margin of 1 asks for 0.07 in cosine.

    Returns:
        Tensor: Mean over N of max(0, margin - (q.k_same - q.k_other) / t),
        a scalar in float32 or wider.

    Raises:
        ValueError: If shapes disagree or the temperature is not positive.

    Source:
        Motion head of RVTCLR (ICCV 2023), METHOD.md section 1; that the
        margin follows the temperature: Zhuysheng/RVTCLR 8782889
        ``net/skeletonclr.py``.

    Examples:
        >>> q = torch.tensor([[1.0, 0.0]])
        >>> tempo_ranking(q, q, q).item()
        1.0
    """
    if q.ndim != 2 or not q.shape == k_same.shape == k_other.shape:
        raise ValueError(
            f'q has shape {tuple(q.shape)}, k_same {tuple(k_same.shape)} and '
            f'k_other {tuple(k_other.shape)}, expected (N, D) for all'
        )
    if not temperature > 0:
        raise ValueError(f'temperature={temperature} must be positive')
    lead = (q * (k_same - k_other)).sum(dim=1)
    if lead.dtype in (torch.float16, torch.bfloat16):
        lead = lead.float()
    return (margin - lead / temperature).clamp(min=0).mean()
