"""Pre-training frameworks; the snippet head plugs into each."""

from __future__ import annotations

from mmsnip.models.pretrainers.aimclr import AimCLR, MiningPretrainer
from mmsnip.models.pretrainers.momentum import MomentumPretrainer, SkeletonCLR
from mmsnip.models.pretrainers.rvtclr import RVTCLR

__all__ = [
    'RVTCLR',
    'AimCLR',
    'MiningPretrainer',
    'MomentumPretrainer',
    'SkeletonCLR',
]
