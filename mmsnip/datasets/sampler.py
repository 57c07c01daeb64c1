"""Samplers that tell the data set which epoch it is.

mmengine seeds every worker with the same number at each epoch, so random
transforms that draw from a global generator repeat themselves. These yield
`Visit`s instead, by which the data set keys a generator for each sample:
draws differ between epochs and samples and do not depend on the number of
workers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from mmengine.dataset import DefaultSampler, InfiniteSampler

from mmsnip.datasets.length_groups import group_by_length, video_lengths
from mmsnip.datasets.visit import Visit
from mmsnip.registry import DATA_SAMPLERS

__all__ = ['InfiniteVisitSampler', 'LengthGroupSampler', 'VisitSampler']


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
class LengthGroupSampler(VisitSampler):
    """Visits in an order whose batches hold videos of similar length.

    Padding to the longest of a batch then costs little: for validation with
    more than one video a batch, and for training on whole videos. The order
    is that of all processes together, which have equally long batches at
    each step; it depends on seed and epoch alone.

    Args:
        dataset (Sized): Data set whose videos tell ``total_frames``.
        batch_size (int): That of the loader. Where they differ, batches are
            padded more, and nothing else changes.
        shuffle (bool): Draw the batches and their order anew in each epoch.
            False: all videos, longest first. Defaults to True.
        seed (int, optional): The same in all processes; None agrees on one.
        round_up (bool): Repeat the first videos at the end, so that all
            processes have equally many. Defaults to True.
        pool (int): See `group_by_length`. Defaults to 50.

    Raises:
        ValueError: If ``batch_size`` or ``pool`` is not positive.
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int,
        shuffle: bool = True,
        seed: int | None = None,
        round_up: bool = True,
        pool: int = 50,
    ) -> None:
        for key, value in (('batch_size', batch_size), ('pool', pool)):
            if not isinstance(value, int) or value < 1:
                raise ValueError(
                    f'LengthGroupSampler: {key}={value!r} must be a positive '
                    'int; batch_size is that of the loader'
                )
        super().__init__(dataset, shuffle, seed, round_up)
        self.batch_size = batch_size
        self.pool = pool
        self._lengths: np.ndarray | None = None

    def __iter__(self) -> Iterator[Visit]:
        """Visits of this rank in the present epoch."""
        if self._lengths is None:
            self._lengths = video_lengths(self.dataset)
        rng = None
        if self.shuffle:
            rng = np.random.default_rng([self.seed % 2**63, self.epoch])
        size = self.batch_size * self.world_size
        order = group_by_length(self._lengths, size, rng, self.pool)
        if self.round_up:
            order = np.resize(order, self.total_size)  # repeats the first
        own = order[self.rank : self.total_size : self.world_size]
        return iter([Visit(i, self.epoch, self.seed) for i in own.tolist()])


@DATA_SAMPLERS.register_module()
class InfiniteVisitSampler(InfiniteSampler):
    """mmengine's InfiniteSampler, in visits, for iteration-based loops.

    The epoch of a visit is the number of passes over the data set that lie
    behind it.
    """

    def _infinite_indices(self) -> Iterator[Visit]:
        for position, index in enumerate(super()._infinite_indices()):
            yield Visit(index, position // self.size, self.seed)
