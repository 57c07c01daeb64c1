"""Rows as numbers by run and seed: means, spreads, paired differences."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments.declare import (
    Run,
    cells,
    check_keys,
    fill,
    pair_of,
    recorded_options,
)
from experiments.rows import newest_rows

FEWEST = 3
EXACT = 50_000
RESAMPLES = 20_000


@dataclass(frozen=True)
class Difference:
    """Mean difference of runs that share their seeds."""

    mean: float
    pairs: int
    interval: tuple | None = None


def mean_and_spread(values: Sequence[float]) -> tuple[float, float]:
    """Mean and sample standard deviation."""
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
    """
    array = np.asarray(values, dtype=np.float64)
    n = array.size
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

    Seeds of one draw of labels are no independent pairs: their mean counts.
    """
    seeds = sorted(set(values) & set(baseline))
    draws: dict[int, list[float]] = {}
    for seed in seeds:
        draws.setdefault(int(seed), []).append(values[seed] - baseline[seed])
    gaps = [float(np.mean(own)) for own in draws.values()]
    interval = bootstrap_interval(gaps) if len(gaps) >= FEWEST else None
    return Difference(mean_and_spread(gaps)[0], len(seeds), interval)


def rows_as_declared(
    rows: Iterable[Mapping[str, Any]], runs: Mapping[tuple, Run]
) -> tuple[list[Mapping[str, Any]], list[str]]:
    """Rows that were made as their runs are declared now.

    A row of other options, or one that started from such a row, must not
    stand under the run's name. Rows of runs that are not declared stay.
    """
    newest = list(newest_rows(rows).values())
    own = [row for row in newest if _own_knobs_fit(row, runs)]
    made = {_key(row) for row in newest}
    starts: dict[tuple, set[str]] = {}
    for row in own:
        starts.setdefault(_key(row), set()).add(row['identity'])
    kept = []
    for row in own:
        run = runs.get(_key(row))
        start = run.init if run else None
        if start not in made or row['init_identity'] in starts.get(start, ()):
            kept.append(row)
    left = made - {_key(row) for row in kept}
    return kept, [run.label for key, run in runs.items() if key in left]


def _key(row: Mapping[str, Any]) -> tuple[str, int]:
    return row['name'], pair_of(row['seed'], row.get('draw'))


def _own_knobs_fit(row: Mapping[str, Any], runs: Mapping[tuple, Run]) -> bool:
    run = runs.get(_key(row))
    if run is None:
        return True
    made, declared = (
        recorded_options(run.stage, overrides)
        for overrides in (row['overrides'], run.overrides)
    )
    return (row['config'], row['data'], made) == (
        run.config, run.data, declared,
    )  # fmt: skip


class Results:
    """Newest rows by run name and seed, one family a name.

    Where a knob was changed and a run is repeated, its old rows stay in the
    file; only those count that differ from the newest in nothing but the
    seed.
    """

    def __init__(self, rows: Iterable[Mapping[str, Any]]) -> None:
        newest = list(newest_rows(rows).values())
        family = {row['name']: row['family'] for row in newest}
        self._rows: dict[str, dict[int, Mapping[str, Any]]] = {}
        for row in newest:
            if row['family'] == family[row['name']]:
                by_seed = self._rows.setdefault(row['name'], {})
                by_seed[_key(row)[1]] = row

    def rows(
        self, name: str, split: str = 'val'
    ) -> dict[int, Mapping[str, Any]]:
        """Rows of a run."""
        found = self._rows.get(name, {})
        return {
            seed: found[seed]
            for seed in sorted(found)
            if found[seed]['split'] == split
        }

    def values(
        self, name: str, metric: str, split: str = 'val'
    ) -> dict[int, float]:
        """A metric of a run."""
        return {
            seed: row['metrics'][metric]
            for seed, row in self.rows(name, split).items()
            if metric in row['metrics']
        }


def expand_lines(lines: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Lines of a table or picture, those with a matrix written out.

    ``run`` is a name in which axes of the columns may still stand, ``words``
    are the values of the line's own.
    """
    found = []
    for line in lines:
        known = {'run', 'label', 'matrix'}
        check_keys(line, known, f'line {line!r}', ('run', 'label'))
        for words in cells(line.get('matrix') or {}):
            label = str(fill(line['label'], words))
            found.append(dict(run=line['run'], label=label, words=words))
    return found


# Metrics that are no share of a whole, and are not shown in percent.
PLAIN = ('runs_per_segment', 'viterbi/runs_per_segment')
TITLES = {
    'runs/mAP': 'runs mAP',
    'runs/mAP@0.50': 'runs mAP@0.5',
    'sweep/mAP': 'sweep mAP',
    'sweep/mAP@0.50': 'sweep mAP@0.5',
    'frame_accuracy': 'frame accuracy',
    'knn/accuracy': 'k-NN accuracy of snippets',
    'knn/action_accuracy': 'k-NN, actions alone',
    'frame_accuracy_action': 'accuracy on action frames',
    'runs_per_segment': 'runs per segment',
    'background_called_action': 'background called action',
    'distractor_called_action': 'distractors called action',
    'transition_called_action': 'transitions called action',
    'viterbi/mAP': 'Viterbi mAP',
    'viterbi/F1@50': 'Viterbi F1@50',
    'viterbi/edit': 'Viterbi edit',
    'viterbi/runs_per_segment': 'Viterbi runs per segment',
    'true_boundaries/runs/mAP': 'boundaries of the truth: runs mAP',
    'true_boundaries/F1@50': 'boundaries of the truth: F1@50',
    'true_classes/runs/mAP': 'classes of the truth: runs mAP',
}


def title_of(metric: str) -> str:
    """What a metric is called in tables and pictures."""
    if metric in TITLES:
        return TITLES[metric]
    way, _, rest = metric.partition('/AP@0.50/')
    return f'{way} AP@0.5, {rest}' if rest else metric
