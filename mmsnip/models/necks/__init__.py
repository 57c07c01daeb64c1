"""Necks: from the stages of an encoder back to its full frame rate."""

from __future__ import annotations

from mmsnip.models.necks.pyramid import PyramidFusionNeck
from mmsnip.models.necks.unet import UNetFusionNeck
from mmsnip.models.necks.ushape import UShapeFusionNeck

__all__ = ['PyramidFusionNeck', 'UNetFusionNeck', 'UShapeFusionNeck']
