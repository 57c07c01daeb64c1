"""Encoder that follows another one slowly."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.model import ExponentialMovingAverage
from torch import nn


class MomentumEncoder(ExponentialMovingAverage):
    """mmengine's moving average, all weights in one call.

    Saved under the same names. Buffers (running statistics) are those of the
    followed model, as there.

    Args:
        model (nn.Module): What is followed; a copy is made.
        key_momentum (float): Share of its old weights that the copy keeps,
            in (0, 1).
    """

    def __init__(self, model: nn.Module, key_momentum: float) -> None:
        super().__init__(model, momentum=1 - key_momentum)
        self._begun = False

    def _load_from_state_dict(self, *args: Any) -> None:
        super()._load_from_state_dict(*args)
        self._begun = False

    @torch.no_grad()
    def update_parameters(self, model: nn.Module) -> None:
        """Move; the first time, become equal.

        Args:
            model (nn.Module): Same modules in the same order as when it was
                made.
        """
        if not self._begun:  # reads the device once, not at every step
            self._begun = bool(self.steps > 0)
        averages = list(self.module.parameters())
        sources = list(model.parameters())
        if not self._begun:
            _copy(averages, sources)
        elif hasattr(torch, '_foreach_lerp_'):
            torch._foreach_lerp_(averages, sources, self.momentum)
        else:  # torch 1.13
            for average, source in zip(averages, sources):
                average.lerp_(source, self.momentum)
        _copy(list(self.module.buffers()), list(model.buffers()))
        self.steps += 1


def _copy(targets: list[torch.Tensor], sources: list[torch.Tensor]) -> None:
    if targets and hasattr(torch, '_foreach_copy_'):
        torch._foreach_copy_(targets, sources)
        return
    for target, source in zip(targets, sources):
        target.copy_(source)
