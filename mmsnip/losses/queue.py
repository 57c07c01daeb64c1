"""The queue of negative keys."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional


class KeyQueue(nn.Module):
    """First-in first-out store of the newest K keys.

    Keys and write position are buffers, so that a checkpoint holds them and a
    resumed run goes on with the same negatives.

    Keys are written in place: a loss that is still to be differentiated must
    not refer to ``keys`` (`mmsnip.losses.key_softmax` does not).

    Args:
        embed_dim (int): D, size of an embedding.
        size (int): K, number of keys kept.
        gather (Callable[[Tensor], Tensor], optional): Collects the keys of
            all ranks, (N, D) -> (N', D), in an order that every rank agrees
            on; called before keys are stored, so that the queues of all ranks
            stay equal. None: one process.

    Raises:
        ValueError: If a size is not positive.

    Source:
        MoCo (arXiv 1911.05722); K = 32,768 in METHOD.md section 1.

    Examples:
        >>> queue = KeyQueue(embed_dim=2, size=3)
        >>> queue.enqueue(torch.eye(2))
        >>> int(queue.pointer), queue.keys.shape
        (2, torch.Size([2, 3]))
    """

    keys: Tensor
    pointer: Tensor

    def __init__(
        self,
        embed_dim: int,
        size: int,
        gather: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        super().__init__()
        if embed_dim < 1 or size < 1:
            raise ValueError(
                f'embed_dim={embed_dim} and queue size={size} must be positive'
            )
        self.gather = gather
        start = functional.normalize(torch.randn(embed_dim, size), dim=0)
        self.register_buffer('keys', start)
        self.register_buffer('pointer', torch.zeros((), dtype=torch.long))

    @property
    def size(self) -> int:
        """K, number of keys kept."""
        return self.keys.shape[1]

    @torch.no_grad()
    def enqueue(self, keys: Tensor) -> None:
        """Store the keys of a batch over the oldest ones."""
        if keys.ndim != 2 or keys.shape[1] != self.keys.shape[0]:
            raise ValueError(
                f'keys have shape {tuple(keys.shape)}, expected (N, D) with '
                f'D={self.keys.shape[0]}'
            )
        if self.gather is not None:
            keys = self.gather(keys.detach())
        self.store(keys)

    @torch.no_grad()
    def store(self, keys: Tensor) -> None:
        """As `enqueue`, of keys that have been gathered already."""
        K = self.size
        first = self.pointer + max(keys.shape[0] - K, 0)
        keys = keys[-K:]
        position = (
            first + torch.arange(keys.shape[0], device=keys.device)
        ) % K
        self.keys[:, position] = keys.T.to(self.keys.dtype)
        self.pointer.copy_((first + keys.shape[0]) % K)

    def extra_repr(self) -> str:
        """Sizes for ``print(model)``."""
        return f'embed_dim={self.keys.shape[0]}, size={self.size}'
