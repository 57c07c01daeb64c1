"""Which samples are drawn, in which order, and by what randomness.

mmengine seeds every worker with the same number at each epoch, so random
transforms that draw from a global generator repeat themselves. Samplers here
yield `Visit`s, by which the data set keys a generator for each sample: draws
differ between epochs and samples and do not depend on the number of workers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np
from mmengine.dataset import BaseDataset, DefaultSampler, InfiniteSampler

from mmsnip.registry import DATA_SAMPLERS


class Visit(int):
    """Index of a sample, with what its random draws are keyed by.

    It is the int ``index`` everywhere, so that any data set takes it. The
    arithmetic of mmengine's data set wrappers (``ConcatDataset`` subtracts,
    ``RepeatDataset`` takes a remainder) keeps the key, so that repeated
    samples still draw differently.

    Args:
        index (int): Index into the data set.
        epoch (int): Epoch of the draw.
        seed (int): Seed of the run, the same in all processes.
        key (int, optional): Number of the visit within the epoch. Defaults
            to `index`.

    Examples:
        >>> visit = Visit(7, epoch=2, seed=0)
        >>> visit == 7, visit.epoch, (visit - 5).key
        (True, 2, 7)
    """

    epoch: int
    seed: int
    key: int

    def __new__(
        cls, index: int, epoch: int, seed: int, key: int | None = None
    ) -> Visit:
        """An int with three attributes."""
        visit = super().__new__(cls, index)
        visit.epoch = int(epoch)
        visit.seed = int(seed)
        visit.key = int(visit if key is None else key)
        return visit

    def __reduce__(self) -> tuple:
        """Keep epoch, seed and key on the way to a worker process."""
        return Visit, (int(self), self.epoch, self.seed, self.key)

    def __repr__(self) -> str:
        """Index, epoch and seed."""
        return f'Visit({int(self)}, epoch={self.epoch}, seed={self.seed})'

    def at(self, index: int) -> Visit:
        """The same visit at another index."""
        return Visit(index, self.epoch, self.seed, self.key)

    def __sub__(self, other: Any) -> Visit:
        """Shifted index, same draws."""
        return self.at(int(self) - int(other))

    def __mod__(self, other: Any) -> Visit:
        """Wrapped index, same draws."""
        return self.at(int(self) % int(other))

    def generator(self, attempt: int = 0) -> np.random.Generator:
        """Random numbers of this visit, the same in whichever worker."""
        key = (self.seed, self.epoch, self.key, attempt)
        return np.random.default_rng([number % 2**63 for number in key])


def video_lengths(dataset: Any) -> np.ndarray:
    """Frames of each sample before the pipeline, no joints read."""
    if not hasattr(dataset, 'get_data_info'):
        raise TypeError(
            f'{type(dataset).__name__} has no get_data_info, which tells the '
            "total_frames of a video; use VisitSampler, or mmengine's "
            'BaseDataset'
        )
    if isinstance(dataset, BaseDataset):
        dataset.full_init()
        count = getattr(dataset, 'num_videos', len(dataset))
        # The record as it is stored; a subclass would read the joints, too.
        read = BaseDataset.get_data_info.__get__(dataset)
    else:
        count, read = len(dataset), dataset.get_data_info
    found = []
    for index in range(count):
        video = read(index)
        if 'total_frames' not in video:
            raise KeyError(
                f'sample {index} of {type(dataset).__name__} has no '
                f'total_frames, only {sorted(video)}; grouping by length '
                'needs it'
            )
        found.append(int(video['total_frames']))
    return np.resize(np.array(found, np.int64), len(dataset))


def group_by_length(
    lengths: Sequence[int],
    batch_size: int,
    rng: np.random.Generator | None = None,
    pool: int = 50,
) -> np.ndarray:
    """Order in which consecutive batches hold videos of similar length."""
    lengths = np.asarray(lengths, np.int64)
    if rng is None:
        return np.argsort(-lengths, kind='stable')
    order = rng.permutation(len(lengths))
    size = batch_size * pool
    for start in range(0, len(order), size):
        part = order[start : start + size]
        order[start : start + size] = part[
            np.argsort(-lengths[part], kind='stable')
        ]
    whole = len(order) // batch_size * batch_size
    batches = order[:whole].reshape(-1, batch_size)
    batches = batches[rng.permutation(len(batches))]
    return np.concatenate([batches.ravel(), order[whole:]])


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


def _cover(order: list[int], labels: Sequence[Collection[int]]) -> list[int]:
    """Few videos that show every class, greedily, in the order given."""
    missing = {label for index in order for label in labels[index]}
    chosen = []
    while missing:
        best = max(order, key=lambda index: len(missing & set(labels[index])))
        chosen.append(best)
        missing -= set(labels[best])
    return chosen


def stratified_fraction(
    labels: Sequence[Collection[int]], fraction: float, seed: int
) -> list[int]:
    """A seeded fraction of videos in which each class appears."""
    if not 0 < fraction <= 1:
        raise ValueError(
            f'fraction={fraction!r} must lie in (0, 1]; 0.2 takes a fifth of '
            'the labelled videos, None takes all'
        )
    rng = np.random.default_rng([seed % 2**63, 20])
    order = rng.permutation(len(labels)).tolist()
    cover = _cover(order, labels)
    videos_of = Counter(label for row in labels for label in set(row))
    sizes: Counter = Counter()
    rarest = []
    for row in labels:
        ranks = [(videos_of[label], label) for label in row]
        rarest.append(min(ranks)[1] if ranks else -1)
        sizes[rarest[-1]] += 1
    seen: Counter = Counter()
    place = {}
    for index in order:
        group = rarest[index]
        place[index] = (seen[group] + 0.5) / sizes[group]
        seen[group] += 1
    covering = set(cover)
    rest = [index for index in order if index not in covering]
    rest.sort(key=place.__getitem__)
    count = max(round(fraction * len(labels)), len(cover), 1)
    return sorted((cover + rest)[:count])
