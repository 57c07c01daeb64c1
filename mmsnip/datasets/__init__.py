"""Data sets, samplers and the collate function of the ``mmsnip`` scope."""

from mmsnip.datasets.babel import BABELDataset
from mmsnip.datasets.collate import pad_collate
from mmsnip.datasets.localization import SkeletonLocalizationDataset
from mmsnip.datasets.pkummd import PKUMMDDataset
from mmsnip.datasets.sampler import InfiniteVisitSampler, VisitSampler
from mmsnip.datasets.visit import Visit

__all__ = [
    'BABELDataset',
    'InfiniteVisitSampler',
    'PKUMMDDataset',
    'SkeletonLocalizationDataset',
    'Visit',
    'VisitSampler',
    'pad_collate',
]
