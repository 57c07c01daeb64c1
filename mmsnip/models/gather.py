"""Keys of all processes, in the same order everywhere."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmengine.dist import all_gather, get_world_size
from torch import Tensor


class KeyGather:
    """Collects what the videos of all processes leave in the queues.

    Everything travels in one collective a call: tensors side by side, above
    them a row with the number of videos, below them padding up to the most
    videos seen so far. Where a process has more, every process reads so in
    the first row and all repeat the call with room for it, as in the very
    first one.
    """

    def __init__(self) -> None:
        self.capacity = 0

    @torch.no_grad()
    def __call__(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """Collect the rows of all processes.

        The number of videos may differ between the processes. With one
        process this is the identity.
        """
        if get_world_size() == 1:
            return list(tensors)
        widths = [tensor.shape[1] for tensor in tensors]
        own = torch.cat([tensor.detach() for tensor in tensors], dim=1)
        own = own.to(torch.promote_types(own.dtype, torch.float32))
        counts, parts = self._exchange(own)
        if max(counts) > self.capacity:
            self.capacity = max(counts)
            counts, parts = self._exchange(own)
        rows = [part[1 : 1 + count] for part, count in zip(parts, counts)]
        return list(torch.cat(rows).split(widths, dim=1))

    def _exchange(self, own: Tensor) -> tuple[list[int], list[Tensor]]:
        """Number of videos, and rows below a first one, of each process."""
        count = own.shape[0]
        packed = own.new_zeros(1 + self.capacity, own.shape[1])
        packed[0, 0] = count
        fitting = min(count, self.capacity)
        packed[1 : 1 + fitting] = own[:fitting]
        parts = all_gather(packed)
        counts = torch.stack([part[0, 0] for part in parts]).tolist()
        return [int(count) for count in counts], parts


def gather_keys(keys: Tensor) -> Tensor:
    """Collect the keys of all processes.

    The number of keys may differ between the processes. With one process
    this is the identity.
    """
    return KeyGather()([keys])[0]
