"""Samplers that tell the data set which epoch it is.

mmengine seeds every worker with the same number at each epoch, so random
transforms that draw from a global generator repeat themselves. These yield
`Visit`s instead, by which the data set keys a generator for each sample:
draws differ between epochs and samples and do not depend on the number of
workers.
"""

from __future__ import annotations

from collections.abc import Iterator

from mmengine.dataset import DefaultSampler, InfiniteSampler

from mmsnip.datasets.visit import Visit
from mmsnip.registry import DATA_SAMPLERS

__all__ = ['InfiniteVisitSampler', 'VisitSampler']


@DATA_SAMPLERS.register_module()
class VisitSampler(DefaultSampler):
    """mmengine's DefaultSampler, in visits.

    Arguments, order and length are those of ``DefaultSampler``; the epoch is
    set by mmengine's ``DistSamplerSeedHook``.
    """

    def __iter__(self) -> Iterator[Visit]:
        """Visits of this rank in the present epoch."""
        indices = list(super().__iter__())
        return iter([Visit(i, self.epoch, self.seed) for i in indices])


@DATA_SAMPLERS.register_module()
class InfiniteVisitSampler(InfiniteSampler):
    """mmengine's InfiniteSampler, in visits, for iteration-based loops.

    The epoch of a visit is the number of passes over the data set that lie
    behind it.
    """

    def _infinite_indices(self) -> Iterator[Visit]:
        for position, index in enumerate(super()._infinite_indices()):
            yield Visit(index, position // self.size, self.seed)
