"""The declared runs: one list, in YAML, grids written as matrices."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from experiments.grids import cells, fill
from experiments.options import flatten, stage_options

__all__ = ['Declaration', 'DeclarationError', 'Run', 'load_runs']

STAGES = {
    'pretrain': 'configs/custom/pretrain.py',
    'localize': 'configs/custom/localize.py',
}
SHORT = ('seed', 'width', 'epochs', 'fraction', 'mining')
KEYS = {
    *SHORT, 'name', 'stage', 'config', 'data', 'init', 'options',
    'environment', 'matrix', 'past',
}  # fmt: skip
TOP = {'data', 'defaults', 'axes', 'groups', 'tables', 'plots', 'targets'}


class DeclarationError(ValueError):
    """A declaration that cannot be run; the file and the key are named."""


@dataclass(frozen=True)
class Run:
    """One training, with its test where the stage is 'localize'.

    Attributes:
        name (str): Without the seed; runs of one name differ in it alone.
        group (str): Where it was declared.
        budget (str): What the group's tables print of it.
        stage (str): 'pretrain' or 'localize'.
        config (str): Path of the config, from the repository's root.
        data (str): Name of a data set, ``/holdout`` behind it or not.
        seed (int): Of the run and of its choice of labelled videos.
        options (dict[str, Any]): Dotted names, what the config is changed
            by.
        environment (dict[str, str]): Further variables, ``MMSNIP_STREAM``.
        init (tuple[str, int], optional): Name and seed of the pre-training
            run that it starts from.
        shared_init (bool): Whether all seeds start from that one.
        past (bool): Whether its config has changed since its rows were made,
            so that no further one may be.
        facts (dict[str, Any]): ``width``, ``epochs`` and ``fraction`` as
            declared, for the row.
    """

    name: str
    group: str
    budget: str
    stage: str
    config: str
    data: str
    seed: int
    options: dict
    environment: dict = field(default_factory=dict)
    init: tuple | None = None
    shared_init: bool = False
    past: bool = False
    facts: dict = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, int]:
        """Name and seed."""
        return self.name, self.seed

    @property
    def label(self) -> str:
        """Name and seed as one word, ``NAME@SEED``."""
        return f'{self.name}@{self.seed}'


@dataclass(frozen=True)
class Declaration:
    """What the YAML says.

    Attributes:
        runs (dict[tuple[str, int], Run]): By name and seed, in order.
        data (dict[str, dict]): Rules of data sets, for the held-out part.
        tables (list[dict]): As declared.
        plots (list[dict]): As declared.
        targets (list[dict]): As declared.
    """

    runs: dict
    data: dict
    tables: list
    plots: list
    targets: list


def load_runs(path: str | Path) -> Declaration:
    """Read and expand the declared runs.

    Args:
        path (str | Path): A YAML file, or a folder of them.

    Returns:
        Declaration: Every run once, each ``init`` among them.

    Raises:
        DeclarationError: If a key is unknown or missing, two runs have one
            name and seed, or an ``init`` names no pre-training run.
    """
    path = Path(path)
    files = sorted(path.glob('*.yaml')) if path.is_dir() else [path]
    if not files or not files[0].is_file():
        raise DeclarationError(f'{path}: no such file of declared runs')
    found = Declaration({}, {}, [], [], [])
    axes: dict[str, dict] = {}
    defaults: list[dict] = []
    groups = []
    for file in files:
        with file.open(encoding='utf-8') as stream:
            content = yaml.safe_load(stream) or {}
        _refuse_unknown(content, TOP, str(file))
        found.data.update(content.get('data') or {})
        axes.update(content.get('axes') or {})
        defaults.append(content.get('defaults') or {})
        found.tables.extend(content.get('tables') or [])
        found.plots.extend(content.get('plots') or [])
        found.targets.extend(content.get('targets') or [])
        groups += [(file, group) for group in content.get('groups') or []]
    for file, group in groups:
        for run in _expand_group(group, defaults, axes, str(file)):
            if run.key in found.runs:
                raise DeclarationError(
                    f'{file}: two runs are {run.label}; put every axis of '
                    'the matrix but the seed into the name'
                )
            found.runs[run.key] = run
    _check_inits(found.runs, path)
    return found


def _expand_group(
    group: Mapping[str, Any],
    defaults: list[dict],
    axes: Mapping[str, dict],
    file: str,
) -> Iterator[Run]:
    known = {'name', 'budget', 'defaults', 'runs', 'matrix'}
    _refuse_unknown(group, known, f'{file}, group {group.get("name")!r}')
    for key in ('name', 'budget', 'runs'):
        if not group.get(key):
            raise DeclarationError(
                f'{file}, group {group.get("name")!r}: it lacks {key!r}'
            )
    for run in group['runs']:
        where = f'{file}, group {group["name"]!r}, run {run.get("name")!r}'
        matrix = {**(group.get('matrix') or {}), **(run.get('matrix') or {})}
        for axis, values in matrix.items():
            if not isinstance(values, list) or not values:
                raise DeclarationError(
                    f'{where}, key matrix: {axis!r} is {values!r}; expected '
                    'a list of values'
                )
        for words in cells(matrix):
            layers = [*defaults, group.get('defaults') or {}]
            layers += [
                _axis_value(axes[axis], axis, value, where)
                for axis, value in words.items()
                if axis in axes
            ]
            layers = [
                part
                for layer in layers
                for part in _of_stage(layer, run.get('stage', 'localize'))
            ]
            layers.append({k: v for k, v in words.items() if k in SHORT})
            layers.append(run)
            yield _make_run(_merge(layers, where), group, words, where)


def _of_stage(layer: Mapping[str, Any], stage: str) -> list[Mapping]:
    """What a layer says to all stages, then what to this one."""
    common = {key: v for key, v in layer.items() if key not in STAGES}
    return [common, layer.get(stage) or {}]


def _axis_value(
    values: Mapping[Any, dict], axis: str, value: Any, where: str
) -> dict:
    by_text = {str(key): given for key, given in values.items()}
    if str(value) not in by_text:
        raise DeclarationError(
            f'{where}, key matrix: the axis {axis!r} has no value {value!r}; '
            f'it has {sorted(by_text)}'
        )
    return by_text[str(value)] or {}


def _merge(layers: list[Mapping], where: str) -> dict[str, Any]:
    """Later layers win, option by option."""
    merged: dict[str, Any] = {'options': {}, 'environment': {}}
    for layer in layers:
        _refuse_unknown(layer, KEYS, where)
        for key, value in layer.items():
            if key == 'options':
                merged['options'].update(flatten(value or {}))
            elif key == 'environment':
                merged['environment'].update(value or {})
            else:
                merged[key] = value
    return merged


def _make_run(
    given: dict[str, Any],
    group: Mapping[str, Any],
    words: Mapping[str, Any],
    where: str,
) -> Run:
    given.pop('matrix', None)
    try:
        given = fill(given, words)
    except (KeyError, IndexError, ValueError) as error:
        raise DeclarationError(
            f'{where}: {error} between braces is no axis; the matrix has '
            f'{sorted(words)}'
        ) from None
    stage = given.get('stage', 'localize')
    if stage not in STAGES:
        raise DeclarationError(
            f'{where}: stage={stage!r} is unknown; use {sorted(STAGES)}'
        )
    for key in ('name', 'data'):
        if not given.get(key):
            raise DeclarationError(f'{where}: it lacks {key!r}')
    short = {key: given.get(key) for key in SHORT}
    short['seed'] = seed = int(short['seed'] or 0)
    try:
        options = stage_options(stage, **short)
    except (TypeError, ValueError) as error:
        raise DeclarationError(f'{where}: {error}') from None
    name, _, its_seed = str(given.get('init') or '').partition('@')
    facts = {key: short[key] for key in ('width', 'epochs')}
    facts['fraction'] = float(short['fraction'] or 1)
    return Run(
        name=str(given['name']),
        group=group['name'],
        budget=str(group['budget']),
        stage=stage,
        config=given.get('config') or STAGES[stage],
        data=given['data'],
        seed=seed,
        options={**options, **given['options']},
        environment={k: str(v) for k, v in given['environment'].items()},
        init=(name, int(its_seed or seed)) if name else None,
        shared_init=bool(its_seed),
        past=bool(given.get('past')),
        facts=facts,
    )


def _check_inits(runs: Mapping[tuple, Run], path: Path) -> None:
    for run in runs.values():
        if run.init is None:
            continue
        if run.stage == 'pretrain':
            raise DeclarationError(
                f'{path}, run {run.label}, key init: a run of stage '
                "'pretrain' starts from scratch; take init out"
            )
        init = runs.get(run.init)
        if init is None or init.stage != 'pretrain':
            raise DeclarationError(
                f'{path}, run {run.label}, key init: '
                f'{run.init[0]}@{run.init[1]} is no declared run of stage '
                "'pretrain'; declare it, with this seed"
            )


def _refuse_unknown(given: Any, known: set, where: str) -> None:
    if not isinstance(given, Mapping):
        raise DeclarationError(f'{where}: found {given!r}, expected keys')
    unknown = sorted(map(str, set(given) - known))
    if unknown:
        raise DeclarationError(
            f'{where}: the key {unknown[0]!r} is unknown; use '
            f'{sorted(known)}'
        )
