"""Averages of a model's weights over its training."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.model import BaseAveragedModel, ExponentialMovingAverage
from torch import Tensor, nn

from mmsnip.registry import MODELS


@MODELS.register_module()
class WarmEMA(BaseAveragedModel):
    """Moving average of the weights that forgets its beginning.

    Update i, counted from 0, keeps ``min(decay, (i + 1) / (i + 10))`` of the
    average; the first one copies the weights. At ``decay=0.99`` the share
    rises until i = 890; a fixed share would still hold 0.99^n of the weights
    of the first update after n more, 37 % after 100. Buffers, the statistics
    of the batch norms among them, are copied.

    It is what mmengine's hook averages with, which validates, tests and
    saves the average in place of the weights; those are kept beside it, for
    ``--resume``::

        custom_hooks = [
            dict(type='EMAHook', ema_type='mmsnip.WarmEMA', decay=0.99)
        ]

    Args:
        model (nn.Module): The model; it is copied. The hook copies it before
            pre-trained weights are loaded, so the first update must not
            average with that copy.
        decay (float): Largest share of the average that is kept, in [0, 1).
            Defaults to 0.99.
        interval (int): Calls of ``update_parameters`` from one update to the
            next. Defaults to 1.
        device (torch.device, optional): Where the average lies. None: where
            the model does.

    Raises:
        ValueError: If ``decay`` is not in [0, 1).
    """

    def __init__(
        self,
        model: nn.Module,
        decay: float = 0.99,
        interval: int = 1,
        device: torch.device | None = None,
    ) -> None:
        if not 0 <= decay < 1:
            raise ValueError(
                f'decay={decay} must lie in [0, 1); it is the share of the '
                "average that is kept, where mmengine's momentum is the "
                'share of the new weights'
            )
        super().__init__(model, interval, device)
        self.decay = decay
        self.keep = 0.0

    def update_parameters(self, model: nn.Module) -> None:
        """Bring in the weights as they are now."""
        # once for all parameters: reading a count off a GPU waits for it
        update = int(self.steps) // self.interval
        self.keep = min(self.decay, (update + 1) / (update + 10))
        super().update_parameters(model)

    def avg_func(
        self, averaged_param: Tensor, source_param: Tensor, steps: int
    ) -> None:
        """Average one parameter in place."""
        averaged_param.lerp_(source_param, 1 - self.keep)


class MomentumEncoder(ExponentialMovingAverage):
    """mmengine's moving average, all weights in one call.

    Saved under the same names. Buffers (running statistics) are those of the
    followed model, as there.
    """

    def __init__(self, model: nn.Module, key_momentum: float) -> None:
        super().__init__(model, momentum=1 - key_momentum)
        self._begun = False

    def _load_from_state_dict(self, *args: Any) -> None:
        super()._load_from_state_dict(*args)
        self._begun = False

    @torch.no_grad()
    def update_parameters(self, model: nn.Module) -> None:
        """Move; the first time, become equal."""
        if not self._begun:  # reads the device once, not at every step
            self._begun = bool(self.steps > 0)
        averages = list(self.module.parameters())
        sources = list(model.parameters())
        if not self._begun:
            _copy(averages, sources)
        else:
            torch._foreach_lerp_(averages, sources, self.momentum)
        _copy(list(self.module.buffers()), list(model.buffers()))
        self.steps += 1


def _copy(targets: list[torch.Tensor], sources: list[torch.Tensor]) -> None:
    if targets:
        torch._foreach_copy_(targets, sources)
