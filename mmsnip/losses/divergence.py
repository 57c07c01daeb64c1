"""Agreement of two views about all keys, not only about their own."""

from __future__ import annotations

import torch
from torch import Tensor

from mmsnip.losses.softmax import at_least_float32, key_softmax


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
