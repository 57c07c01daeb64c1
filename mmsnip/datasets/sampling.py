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
from mmengine.dataset import DefaultSampler

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

    def __sub__(self, other: Any) -> Visit:
        """Shifted index, same draws."""
        return Visit(int(self) - int(other), self.epoch, self.seed, self.key)

    def __mod__(self, other: Any) -> Visit:
        """Wrapped index, same draws."""
        return Visit(int(self) % int(other), self.epoch, self.seed, self.key)

    def generator(self) -> np.random.Generator:
        """Random numbers of this visit, the same in whichever worker."""
        key = (self.seed, self.epoch, self.key, 0)
        return np.random.default_rng([number % 2**63 for number in key])


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
class HalfLabelledSampler(VisitSampler):
    """Visits to videos with and without labels in turns.

    A batch of even size is half of both, however few have labels; each half
    shows all its videos before it shows one again. Order and draws depend on
    seed and epoch alone, not on the number of processes.

    Args:
        dataset (SkeletonLocalizationDataset): Videos of both kinds.
        num_visits (int): Visits of an epoch, of all processes.
        seed (int, optional): The same in all processes; None agrees on one.

    Raises:
        ValueError: If the videos are all of one kind.
    """

    def __init__(
        self, dataset: Any, num_visits: int, seed: int | None = None
    ) -> None:
        super().__init__(dataset, seed=seed)
        labelled = set(dataset.labelled_videos)
        rest = set(range(dataset.num_videos)) - labelled
        if not labelled or not rest:
            raise ValueError(
                f'HalfLabelledSampler: {len(labelled)} videos have labels and '
                f'{len(rest)} have none; it needs both, VisitSampler does not'
            )
        self.halves = sorted(labelled), sorted(rest)
        pairs = -(-num_visits // (2 * self.world_size))
        self.num_samples = 2 * pairs
        self.total_size = self.num_samples * self.world_size

    def __iter__(self) -> Iterator[Visit]:
        """Visits of this rank in the present epoch."""
        rng = np.random.default_rng([self.seed % 2**63, self.epoch, 21])
        count = self.total_size // 2
        halves = [
            np.concatenate(
                [rng.permutation(half) for _ in range(-(-count // len(half)))]
            )[:count]
            for half in self.halves
        ]
        pairs = np.stack(halves, axis=1)[self.rank :: self.world_size]
        keys = 2 * (self.rank + self.world_size * np.arange(len(pairs)))
        return iter(
            [
                Visit(index, self.epoch, self.seed, key + place)
                for key, pair in zip(keys.tolist(), pairs.tolist())
                for place, index in enumerate(pair)
            ]
        )


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
    # Few videos that show every class, greedily.
    missing, cover = set().union(*labels), []
    while missing:
        best = max(order, key=lambda index: len(missing & set(labels[index])))
        cover.append(best)
        missing -= set(labels[best])
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
