"""An index into a data set that knows in which epoch it is drawn."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ['Visit']


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
        """Random numbers of this visit, the same in whichever worker.

        Args:
            attempt (int): Counts how often the sample was drawn again.
                Defaults to 0.

        Returns:
            np.random.Generator: Fresh generator, keyed by seed, epoch, key
            and attempt.
        """
        key = (self.seed, self.epoch, self.key, attempt)
        return np.random.default_rng([number % 2**63 for number in key])
