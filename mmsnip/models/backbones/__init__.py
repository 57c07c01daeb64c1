"""Encoders: (N, M, T, V, C) to a tuple of stages (N, M, C_i, T_i, V)."""

from mmsnip import compat
from mmsnip.models.backbones.agcn import AGCN
from mmsnip.models.backbones.ctrgcn import CTRGCN
from mmsnip.models.backbones.stgcn import STGCN

compat.accept_stage_tuples()

__all__ = ['AGCN', 'CTRGCN', 'STGCN']
