"""Data sets, samplers and the collate function of the ``mmsnip`` scope."""

from mmsnip.datasets.benchmarks import BABELDataset, PKUMMDDataset
from mmsnip.datasets.collate import pad_collate
from mmsnip.datasets.localization import SkeletonLocalizationDataset
from mmsnip.datasets.sampling import HalfLabelledSampler, Visit, VisitSampler

__all__ = [
    'BABELDataset',
    'HalfLabelledSampler',
    'PKUMMDDataset',
    'SkeletonLocalizationDataset',
    'Visit',
    'VisitSampler',
    'pad_collate',
]
