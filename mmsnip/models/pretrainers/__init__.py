"""Pre-training frameworks; the snippet head plugs into each."""

from __future__ import annotations

from mmsnip.models.pretrainers.momentum import MomentumPretrainer
from mmsnip.models.pretrainers.skeleton_clr import SkeletonCLR

__all__ = ['MomentumPretrainer', 'SkeletonCLR']
