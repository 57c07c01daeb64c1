"""Keys of all processes, in the same order everywhere."""

from __future__ import annotations

import torch
from mmengine.dist import all_gather, get_world_size
from torch import Tensor
from torch.nn import functional


@torch.no_grad()
def gather_keys(keys: Tensor) -> Tensor:
    """Collect the keys of all processes.

    The number of keys may differ between the processes. With one process
    this is the identity.

    Args:
        keys (Tensor): Keys of this process, (N, D).

    Returns:
        Tensor: Keys ordered by rank, (N', D), the same on every process.
    """
    if get_world_size() == 1:
        return keys
    counts = [
        int(count)
        for count in all_gather(
            torch.tensor([keys.shape[0]], device=keys.device)
        )
    ]
    padding = max(counts) - keys.shape[0]
    padded = functional.pad(keys.contiguous(), (0, 0, 0, padding))
    parts = all_gather(padded)
    return torch.cat(
        [part[:count] for part, count in zip(parts, counts)]
    )
