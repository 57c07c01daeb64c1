"""Mean and spread over seeds, and paired differences with an interval."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ['Difference', 'bootstrap_interval', 'mean_and_spread', 'paired']

FEWEST = 3
EXACT = 50_000
RESAMPLES = 20_000


@dataclass(frozen=True)
class Difference:
    """Mean difference of runs that share their seeds.

    Attributes:
        mean (float): Of the pairs; NaN without any.
        pairs (int): Seeds that both have.
        interval (tuple[float, float], optional): 95 %, where there are
            three pairs or more.
    """

    mean: float
    pairs: int
    interval: tuple | None = None


def mean_and_spread(values: Sequence[float]) -> tuple[float, float]:
    """Mean and sample standard deviation.

    Args:
        values (Sequence[float]): One a seed.

    Returns:
        tuple[float, float]: The deviation of n - 1 degrees of freedom is
        NaN for one value; both are NaN for none.

    Examples:
        >>> mean_and_spread([1.0, 2.0, 3.0])
        (2.0, 1.0)
    """
    array = np.asarray(values, dtype=np.float64)
    if not array.size:
        return float('nan'), float('nan')
    spread = float(array.std(ddof=1)) if array.size > 1 else float('nan')
    return float(array.mean()), spread


def bootstrap_interval(
    values: Sequence[float], level: float = 0.95, seed: int = 0
) -> tuple[float, float]:
    """Percentile interval of the mean, by drawing values with replacement.

    All n**n draws are counted where they are at most 50,000, six values;
    beyond, 20,000 are drawn. With three values it is their range, since each
    end is drawn thrice in 1 of 27.

    Args:
        values (Sequence[float]): At least one.
        level (float): Share of the draws inside. Defaults to 0.95.
        seed (int): Of the draws. Defaults to 0.

    Returns:
        tuple[float, float]: Smallest means with at least (1 - level) / 2,
        and (1 + level) / 2, of the draws at or below them.

    Raises:
        ValueError: If there is no value, or `level` is not in (0, 1).

    Source:
        Efron, The Jackknife, the Bootstrap and Other Resampling Plans, 1982.

    Examples:
        >>> bootstrap_interval([0.0, 1.0, 2.0])
        (0.0, 2.0)
    """
    array = np.asarray(values, dtype=np.float64)
    n = array.size
    if not n or not 0 < level < 1:
        raise ValueError(
            f'an interval of level {level} needs a value and a level in '
            f'(0, 1); found {n} values'
        )
    if n**n <= EXACT:
        draws = np.array(list(itertools.product(range(n), repeat=n)))
    else:
        rng = np.random.default_rng(seed)
        draws = rng.integers(n, size=(RESAMPLES, n))
    means = np.sort(array[np.sort(draws, axis=1)].mean(axis=1))
    ends = [(1 - level) / 2, (1 + level) / 2]
    places = np.ceil(np.array(ends) * len(means) - 1e-9).astype(int) - 1
    low, high = means[np.clip(places, 0, len(means) - 1)]
    return float(low), float(high)


def paired(
    values: Mapping[int, float], baseline: Mapping[int, float]
) -> Difference:
    """Difference to a baseline over the seeds that both have.

    Args:
        values (Mapping[int, float]): By seed.
        baseline (Mapping[int, float]): The same.

    Returns:
        Difference: Of values minus baseline.

    Examples:
        >>> paired({0: 3.0, 1: 5.0}, {0: 2.0, 1: 2.0, 2: 9.0})
        Difference(mean=2.0, pairs=2, interval=None)
    """
    seeds = sorted(set(values) & set(baseline))
    gaps = [values[seed] - baseline[seed] for seed in seeds]
    interval = bootstrap_interval(gaps) if len(gaps) >= FEWEST else None
    return Difference(mean_and_spread(gaps)[0], len(gaps), interval)
