"""The declared runs: one list, in YAML, grids written as matrices."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import yaml

STAGES = {
    'pretrain': 'configs/custom/pretrain.py',
    'localize': 'configs/custom/localize.py',
}
SHORT = ('seed', 'width', 'epochs', 'fraction', 'mining', 'draw')
KEYS = {
    *SHORT, 'name', 'stage', 'config', 'data', 'init', 'options',
    'environment', 'matrix', 'past',
}  # fmt: skip
TOP = {'data', 'defaults', 'axes', 'groups', 'tables', 'plots', 'targets'}
# Last names of options that change nothing but speed and log.
NEUTRAL = ('num_workers', 'persistent_workers', 'pin_memory')
SEED_OPTION = 'train_dataloader.dataset.seed='
# Options name steps and hooks by their type. Hashes of rows were first taken
# of the positions that these had then, and are still.
POSITIONS = {
    'pretrain': {
        'EmbeddingMapHook': '3', 'MultiView': '4', 'RandomPosture': '2',
        'SkeletonStream': '5',
    },
    'localize': {
        'RandomTempo': '3', 'RandomPosture': '5', 'SkeletonStream': '7',
    },
}  # fmt: skip


class DeclarationError(ValueError):
    """A declaration that cannot be run; the file and the key are named."""


@dataclass(frozen=True)
class Run:
    """One training, with its test where the stage is 'localize'."""

    name: str  # runs of one name differ in the seed and the draw alone
    group: str
    budget: str  # what the tables of the group print of it
    stage: str
    config: str
    data: str  # of `experiments.data.DataFolder`
    seed: int  # of the run and of its choice of labelled videos
    options: dict  # by dotted name, changes to the config
    environment: dict = field(default_factory=dict)  # such as MMSNIP_STREAM
    init: tuple | None = None  # key of the pre-training that it starts from
    past: bool = False  # its config has changed: no further row may be made
    facts: dict = field(default_factory=dict)  # for the row, as declared
    draw: int | None = None  # which of the draws of labelled videos

    @property
    def key(self) -> tuple[str, float]:
        """Name and seed; with a draw ``DRAW.SEED``, which pairs runs."""
        return self.name, pair_of(self.seed, self.draw)

    @property
    def label(self) -> str:
        """Name and seed as one word, ``NAME@SEED`` or ``NAME@DRAW.SEED``."""
        return f'{self.name}@{self.key[1]}'

    @property
    def overrides(self) -> list[str]:
        """Options as ``--cfg-options`` takes them, sorted by name."""
        options = self.options
        return [f'{n}={option_text(options[n])}' for n in sorted(options)]


@dataclass(frozen=True)
class Declaration:
    """What the YAML says: runs by name and seed, data sets, pages."""

    runs: dict = field(default_factory=dict)
    data: dict = field(default_factory=dict)
    tables: list = field(default_factory=list)
    plots: list = field(default_factory=list)
    targets: list = field(default_factory=list)

    def identity(self, run: Run, digest: Callable[[str], str]) -> str:
        """Hash of a run: its knobs, seed, data and the run it starts from.

        Names, groups and budgets do not count, nor does what only changes
        the speed. ``digest`` gives the hash of a data set's content.
        """
        init = self.identity(self.runs[run.init], digest) if run.init else None
        return _hash({**_knobs(run, digest), 'seed': run.seed, 'init': init})

    def family(self, run: Run, digest: Callable[[str], str]) -> str:
        """Hash of a run without its seed; those of one can be averaged."""
        init = None
        if run.init:
            init = [self.family(self.runs[run.init], digest), None]
        knobs = _knobs(run, digest)
        if run.draw is not None:  # runs of one budget can be averaged, too
            knobs['data'] = run.data.rsplit('/', 1)[0]
            knobs['content'] = digest(run.data.rsplit('/', 2)[0])
        knobs['options'] = [
            o for o in knobs['options'] if not o.startswith(SEED_OPTION)
        ]
        return _hash({**knobs, 'init': init})


def pair_of(seed: int, draw: int | None) -> float:
    """What two runs share that are compared; seeds are below 10 there."""
    return seed if draw is None else draw + seed / 10


def recorded_options(stage: str, overrides: Sequence[str]) -> list[str]:
    """Overrides that may change a result, by position as in `POSITIONS`."""
    found = {}
    for text in overrides:
        name, value = text.split('=', 1)
        parts = name.split('.')
        if parts[-1] not in NEUTRAL:
            found['.'.join(POSITIONS[stage].get(p, p) for p in parts)] = value
    return [f'{name}={found[name]}' for name in sorted(found)]


def _knobs(run: Run, digest: Callable[[str], str]) -> dict[str, Any]:
    return {
        'stage': run.stage,
        'config': run.config,
        'options': recorded_options(run.stage, run.overrides),
        'environment': run.environment,
        'data': run.data,
        'content': digest(run.data),
    }


def _hash(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def load_runs(path: str | Path) -> Declaration:
    """Read and expand the declared runs.

    Raises:
        DeclarationError: If a key is unknown or missing, two runs have one
            name and seed, or an ``init`` names no pre-training run.
    """
    path = Path(path)
    if not path.is_file():
        raise DeclarationError(f'{path}: no such file of declared runs')
    content = yaml.safe_load(path.read_text(encoding='utf-8')) or {}
    check_keys(content, TOP, str(path))
    found = Declaration(
        data=content.get('data') or {},
        **{k: content.get(k) or [] for k in ('tables', 'plots', 'targets')},
    )
    for group in content.get('groups') or []:
        where = f'{path}, group {group.get("name")!r}'
        known = {'name', 'budget', 'defaults', 'runs', 'matrix'}
        check_keys(group, known, where, ('name', 'budget', 'runs'))
        for run in _expand_group(group, content, where):
            if run.key in found.runs:
                raise DeclarationError(
                    f'{path}: two runs are {run.label}; put every axis of '
                    'the matrix but the seed into the name'
                )
            found.runs[run.key] = run
    for run in found.runs.values():
        init = found.runs.get(run.init)
        if run.init and (
            run.stage == 'pretrain' or init is None or init.stage != 'pretrain'
        ):
            raise DeclarationError(
                f'{path}, run {run.label}, key init: {run.init} must be a '
                "declared run of stage 'pretrain', with this seed, and only "
                "a run of stage 'localize' has one"
            )
    return found


def check_keys(
    given: Any, known: set, where: str, needed: Sequence[str] = ()
) -> None:
    """Refuse unknown and missing keys of a part of the declaration."""
    if not isinstance(given, Mapping):
        raise DeclarationError(f'{where}: found {given!r}, expected keys')
    unknown = sorted(map(str, set(given) - known))
    missing = [key for key in needed if not given.get(key)]
    if unknown or missing:
        raise DeclarationError(
            f'{where}: unknown keys {unknown}, missing keys {missing}; use '
            f'{sorted(known)}'
        )


def _expand_group(
    group: Mapping[str, Any], content: Mapping[str, Any], where: str
) -> Iterator[Run]:
    axes = content.get('axes') or {}
    for run in group['runs']:
        here = f'{where}, run {run.get("name")!r}'
        matrix = {**(group.get('matrix') or {}), **(run.get('matrix') or {})}
        for words in cells(matrix):
            layers = [content.get('defaults'), group.get('defaults')]
            for axis in [axis for axis in words if axis in axes]:
                if words[axis] not in axes[axis]:
                    raise DeclarationError(
                        f'{here}, key matrix: the axis {axis!r} has no value '
                        f'{words[axis]!r}; it has {sorted(axes[axis])}'
                    )
                layers.append(axes[axis][words[axis]])
            layers.append({key: words[key] for key in SHORT if key in words})
            merged = _merge([*layers, run], run.get('stage', 'localize'), here)
            yield _make_run(merged, group, words, here)


def _merge(layers: Sequence[Any], stage: str, where: str) -> dict[str, Any]:
    """Later layers win, option by option; of a layer, those of the stage."""
    if stage not in STAGES:
        raise DeclarationError(
            f'{where}: stage={stage!r} is unknown; use {sorted(STAGES)}'
        )
    merged: dict[str, Any] = {'stage': stage, 'options': {}, 'environment': {}}
    for layer in filter(None, layers):
        common = {k: v for k, v in layer.items() if k not in STAGES}
        for part in (common, layer.get(stage) or {}):
            check_keys(part, KEYS, where)
            for key, value in part.items():
                if key in ('options', 'environment'):
                    merged[key].update(value or {})
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
        seed = int(given.get('seed') or 0)
        options = stage_options({**given, 'seed': seed})
    except (KeyError, TypeError, ValueError) as error:
        raise DeclarationError(
            f'{where}: {error}; the axes here are {words}'
        ) from None
    check_keys(given, KEYS, where, ('name', 'data'))
    facts = {key: given.get(key) for key in ('width', 'epochs')}
    return Run(
        name=str(given['name']),
        group=group['name'],
        budget=str(group['budget']),
        stage=given['stage'],
        config=given.get('config') or STAGES[given['stage']],
        data=given['data'],
        seed=seed,
        options={**options, **given['options']},
        environment={k: str(v) for k, v in given['environment'].items()},
        init=(given['init'], seed) if given.get('init') else None,
        past=bool(given.get('past')),
        facts={**facts, 'fraction': float(given.get('fraction') or 1)},
        draw=given.get('draw'),
    )


def fill(value: Any, words: Mapping[str, Any]) -> Any:
    """Put the values of the axes where ``{axis}`` stands.

    A text that is one ``{axis}`` becomes its value.
    """
    if isinstance(value, Mapping):
        return {name: fill(inner, words) for name, inner in value.items()}
    if isinstance(value, list):
        return [fill(inner, words) for inner in value]
    if not isinstance(value, str) or '{' not in value:
        return value
    if value[1:-1] in words and value == f'{{{value[1:-1]}}}':
        return words[value[1:-1]]
    return value.format_map(words)


def cells(matrix: Mapping[str, list]) -> Iterator[dict[str, Any]]:
    """Every combination of the values of the axes, the last one fastest.

    Beside a ``fraction`` stands its ``percent``.
    """
    for values in itertools.product(*matrix.values()):
        words = dict(zip(matrix, values))
        if 'fraction' in words:
            words['percent'] = f'{100 * words["fraction"]:g}'
        yield words


def option_text(value: Any) -> str:
    """A value as mmengine's ``DictAction`` reads it back."""
    if isinstance(value, (list, tuple)):
        return f'[{",".join(map(option_text, value))}]'
    return str(value)


def stage_options(given: Mapping[str, Any]) -> dict[str, Any]:
    """Options that stand for the short keys of a run.

    The schedule keeps the shape of the config's own: that of localization
    follows the epochs by itself, pre-training drops at 0.92. ``fraction`` is
    the share of the labelled videos, ``mining`` that of the epochs before
    mining begins.
    """
    width, epochs, fraction, mining = map(
        given.get, ('width', 'epochs', 'fraction', 'mining')
    )
    options: dict[str, Any] = {}
    if width is not None:
        options['model.backbone.base_channels'] = width
    if epochs is not None:
        options['train_cfg.max_epochs'] = epochs
    if epochs is not None and given['stage'] == 'pretrain':
        options['param_scheduler.0.end'] = int(np.clip(epochs // 20, 1, 5))
        drop = max(1, int(0.92 * epochs))
        options['param_scheduler.1.milestones'] = [drop]
        interval = max(1, epochs // 10)
        options['default_hooks.checkpoint.interval'] = interval
    if mining is not None:
        options['model.mining_epoch'] = round(mining * epochs)
    if fraction is not None and not 0 < fraction <= 1:
        raise ValueError(f'fraction={fraction!r} must lie in (0, 1]')
    if fraction is not None and fraction < 1:
        options['train_dataloader.dataset.fraction'] = fraction
        options['train_dataloader.dataset.seed'] = given['seed']
    return options
