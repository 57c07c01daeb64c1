"""A split drawn at random, for data that comes without one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

__all__ = ['UNLABELLED', 'labelled_splits', 'stratified_split']

UNLABELLED = 'unlabelled'


def stratified_split(
    names: Sequence[str],
    labels: Sequence[int],
    val_fraction: float,
    seed: int,
) -> dict[str, list[str]]:
    """Draw the same share of each class.

    What rounding takes from one class goes to the next, so that the whole
    has the share, too; at least one recording of each class trains. Where
    that leaves none for ``val``, as with one recording a class, the share of
    the whole, one at least, is drawn from what the classes can spare, or
    from all.

    Args:
        names (Sequence[str]): Recordings, each once.
        labels (Sequence[int]): Class of each.
        val_fraction (float): Share of ``val``, below 1.
        seed (int): The same one gives the same split, whatever the order of
            the names.

    Returns:
        dict[str, list[str]]: ``train`` and ``val`` in the order of `names`.
    """
    rng = np.random.default_rng(seed)
    groups: dict[int, list[str]] = {}
    for name, label in sorted(zip(names, labels)):
        groups.setdefault(label, []).append(name)
    held: set[str] = set()
    owed = 0.0
    for _, members in sorted(groups.items()):
        owed += val_fraction * len(members)
        count = min(int(owed + 0.5), len(members) - 1)
        owed -= count
        order = rng.permutation(len(members))
        held.update(members[i] for i in order[:count])
    if not held and val_fraction > 0:
        held = _draw_from_all(groups, val_fraction, rng)
    return dict(
        train=[name for name in names if name not in held],
        val=[name for name in names if name in held],
    )


def _draw_from_all(
    groups: Mapping[int, Sequence[str]],
    val_fraction: float,
    rng: np.random.Generator,
) -> set[str]:
    """At least one recording, where there are two."""
    total = sum(len(members) for members in groups.values())
    count = min(max(int(val_fraction * total + 0.5), 1), total - 1)
    mixed = [rng.permutation(members).tolist() for members in groups.values()]
    spare = [name for members in mixed for name in members[1:]]
    pool = spare or [name for members in mixed for name in members]
    return set(rng.permutation(pool)[:count].tolist())


def labelled_splits(
    names: Sequence[str],
    class_of: Mapping[str, int | None],
    val_fraction: float,
    seed: int,
) -> dict[str, list[str]]:
    """Draw from what is labelled; the rest is a split of its own.

    Args:
        names (Sequence[str]): Recordings, each once.
        class_of (Mapping[str, int | None]): Class of each, None where it
            has no labels.
        val_fraction (float): Share of ``val``, below 1; 0 draws nothing.
        seed (int): See `stratified_split`.

    Returns:
        dict[str, list[str]]: ``train`` and ``val`` where these are drawn,
        ``unlabelled`` where there are such recordings.
    """
    labels = {name: class_of.get(name, -1) for name in names}
    known = [name for name in names if labels[name] is not None]
    bare = [name for name in names if labels[name] is None]
    splits = {}
    if val_fraction and known:
        splits = stratified_split(
            known, [labels[name] for name in known], val_fraction, seed
        )
    return {**splits, UNLABELLED: bare} if bare else splits
