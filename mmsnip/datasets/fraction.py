"""Which of the labelled videos a semi-supervised run may see."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

import numpy as np

__all__ = ['stratified_fraction']


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
    """A seeded fraction of videos in which each class appears.

    Videos are brought into one order that depends on the seed only: first a
    few that show every class, then the rest, spread evenly over the classes
    (a video counts for the rarest class that it shows). The first
    ``round(fraction * num_videos)`` are taken, and never fewer than it needs
    to show every class; so a smaller fraction is part of a larger one.

    Args:
        labels (Sequence[Collection[int]]): Classes that each video shows,
            may be empty.
        fraction (float): Share of the videos, in (0, 1].
        seed (int): Seed of the choice.

    Returns:
        list[int]: Indices of the chosen videos, ascending.

    Raises:
        ValueError: If `fraction` is not in (0, 1].

    Source:
        Semi-supervised protocol, METHOD.md section 2.

    Examples:
        >>> chosen = stratified_fraction([[0], [0], [1], [1]], 0.5, seed=0)
        >>> len(chosen), {c // 2 for c in chosen}
        (2, {0, 1})
    """
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
