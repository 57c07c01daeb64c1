"""Pre-training frameworks; the snippet head plugs into each."""

from __future__ import annotations

from mmsnip.models.pretrainers.aimclr import AimCLR
from mmsnip.models.pretrainers.mining import MiningPretrainer
from mmsnip.models.pretrainers.momentum import MomentumPretrainer
from mmsnip.models.pretrainers.rvtclr import RVTCLR
from mmsnip.models.pretrainers.skeleton_clr import SkeletonCLR

__all__ = [
    'RVTCLR',
    'AimCLR',
    'MiningPretrainer',
    'MomentumPretrainer',
    'SkeletonCLR',
]
