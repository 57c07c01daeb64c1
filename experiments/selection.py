"""From rows to numbers by run and seed, as tables and plots want them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from experiments.declaration import Run
from experiments.grids import cells, fill
from experiments.identity import meant_options, override_list
from experiments.rows import newest_rows

__all__ = ['Results', 'expand_lines', 'rows_as_declared']


def rows_as_declared(
    rows: Iterable[Mapping[str, Any]], runs: Mapping[tuple, Run]
) -> tuple[list[Mapping[str, Any]], list[str]]:
    """Rows that were made as their runs are declared now.

    A row of other options, or one that started from such a row, must not
    stand under the run's name. Rows of runs that are not declared stay.

    Args:
        rows (Iterable[Mapping[str, Any]]): In the order they were added.
        runs (Mapping[tuple, Run]): By name and seed.

    Returns:
        tuple[list[Mapping[str, Any]], list[str]]: Those, and the runs that
        have rows but none such, ``NAME@SEED``.
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
    return row['name'], row['seed']


def _own_knobs_fit(row: Mapping[str, Any], runs: Mapping[tuple, Run]) -> bool:
    run = runs.get(_key(row))
    if run is None:
        return True
    made = row['config'], row['data'], meant_options(row['overrides'])
    options = meant_options(override_list(run.options))
    return made == (run.config, run.data, options)


class Results:
    """Newest rows by run name and seed, one family a name.

    Where a knob was changed and a run is repeated, its old rows stay in the
    file; only those count that differ from the newest in nothing but the
    seed.

    Args:
        rows (Iterable[Mapping[str, Any]]): In the order they were added.
    """

    def __init__(self, rows: Iterable[Mapping[str, Any]]) -> None:
        newest = list(newest_rows(rows).values())
        family = {row['name']: row['family'] for row in newest}
        self._rows: dict[str, dict[int, Mapping[str, Any]]] = {}
        for row in newest:
            if row['family'] == family[row['name']]:
                by_seed = self._rows.setdefault(row['name'], {})
                by_seed[row['seed']] = row

    def rows(
        self, name: str, split: str = 'val'
    ) -> dict[int, Mapping[str, Any]]:
        """Rows of a run.

        Args:
            name (str): Without the seed.
            split (str): What it was evaluated on, 'val' or 'holdout'.

        Returns:
            dict[int, Mapping[str, Any]]: By seed, ascending.
        """
        found = self._rows.get(name, {})
        return {
            seed: found[seed]
            for seed in sorted(found)
            if found[seed]['split'] == split
        }

    def values(
        self, name: str, metric: str, split: str = 'val'
    ) -> dict[int, float]:
        """A metric of a run.

        Args:
            name (str): Without the seed.
            metric (str): Key of the metrics.
            split (str): As for ``rows``.

        Returns:
            dict[int, float]: By seed; those without the metric are left out.
        """
        return {
            seed: row['metrics'][metric]
            for seed, row in self.rows(name, split).items()
            if metric in row['metrics']
        }


def expand_lines(
    lines: Sequence[Mapping[str, Any]], label: str = 'label'
) -> list[dict[str, str]]:
    """Lines of a table, those with a matrix written out.

    Args:
        lines (Sequence[Mapping[str, Any]]): Each with ``run``, a name,
            ``label`` and maybe ``matrix``. Axes that are not in the matrix
            stay between their braces.
        label (str): Name of the label's key. Defaults to 'label'.

    Returns:
        list[dict[str, str]]: ``run`` and ``label`` of each.

    Raises:
        ValueError: If a line lacks its run.

    Examples:
        >>> expand_lines([{'run': '{h}-{n}', 'matrix': {'h': ['a', 'b']}}])
        [{'run': 'a-{n}', 'label': 'a-{n}'}, {'run': 'b-{n}', 'label': 'b-{n}'}]
    """  # noqa: E501
    found = []
    for line in lines:
        if not line.get('run'):
            raise ValueError(f"the line {line!r} lacks its 'run'")
        for words in cells(line.get('matrix') or {}):
            kept = _Kept(words)
            found.append(
                {
                    'run': fill(str(line['run']), kept),
                    'label': str(fill(line.get(label, line['run']), kept)),
                }
            )
    return found


class _Kept(dict):
    """Axes without a value stay as they are."""

    def __missing__(self, name: str) -> str:
        return f'{{{name}}}'
