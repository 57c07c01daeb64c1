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

__all__ = ['Declaration', 'DeclarationError', 'Run', 'load_runs']

STAGES = {
    'pretrain': 'configs/custom/pretrain.py',
    'localize': 'configs/custom/localize.py',
}
SHORT = ('seed', 'width', 'epochs', 'fraction', 'mining')
KEYS = {
    *SHORT, 'name', 'stage', 'config', 'data', 'init', 'options',
    'environment', 'matrix', 'past', 'draw',
}  # fmt: skip
TOP = {'data', 'defaults', 'axes', 'groups', 'tables', 'plots', 'targets'}
# Last names of options that change nothing but speed and log.
NEUTRAL = ('num_workers', 'persistent_workers', 'pin_memory')
SEED_OPTION = 'train_dataloader.dataset.seed='


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
        options (dict[str, Any]): By dotted name, changes to the config.
        environment (dict[str, str]): Further variables, ``MMSNIP_STREAM``.
        init (tuple[str, int], optional): Name and seed of the pre-training
            run that it starts from.
        shared_init (bool): Whether all seeds start from that one.
        past (bool): Whether its config has changed since its rows were made,
            so that no further one may be.
        facts (dict[str, Any]): ``width``, ``epochs`` and ``fraction`` as
            declared, for the row.
        draw (int, optional): Which of the draws of labelled videos.
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
    draw: int | None = None

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
        the speed.

        Args:
            run (Run): The run.
            digest (Callable[[str], str]): Data set's name to its content's
                hash.

        Returns:
            str: 16 hexadecimal digits.
        """
        start = self.runs[run.init] if run.init else None
        init = self.identity(start, digest) if start else None
        return _hash({**_knobs(run, digest), 'seed': run.seed, 'init': init})

    def family(self, run: Run, digest: Callable[[str], str]) -> str:
        """Hash of a run without its seed; those of one can be averaged."""
        init = None
        if run.init:
            # A start that all seeds share differs from one that has theirs.
            shared = run.init[1] if run.shared_init else None
            init = [self.family(self.runs[run.init], digest), shared]
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


def meant_options(overrides: Sequence[str]) -> list[str]:
    """Overrides that may change a result."""
    return [
        text
        for text in overrides
        if text.split('=', 1)[0].rsplit('.', 1)[-1] not in NEUTRAL
    ]


def _knobs(run: Run, digest: Callable[[str], str]) -> dict[str, Any]:
    return {
        'stage': run.stage,
        'config': run.config,
        'options': meant_options(run.overrides),
        'environment': run.environment,
        'data': run.data,
        'content': digest(run.data),
    }


def _hash(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def load_runs(path: str | Path) -> Declaration:
    """Read and expand the declared runs.

    Args:
        path (str | Path): A YAML file.

    Returns:
        Declaration: Every run once, each ``init`` among them.

    Raises:
        DeclarationError: If a key is unknown or missing, two runs have one
            name and seed, or an ``init`` names no pre-training run.
    """
    path = Path(path)
    if not path.is_file():
        raise DeclarationError(f'{path}: no such file of declared runs')
    content = yaml.safe_load(path.read_text(encoding='utf-8')) or {}
    _refuse_unknown(content, TOP, str(path))
    found = Declaration(
        data=content.get('data') or {},
        **{k: content.get(k) or [] for k in ('tables', 'plots', 'targets')},
    )
    for group in content.get('groups') or []:
        for run in _expand_group(group, content, str(path)):
            if run.key in found.runs:
                raise DeclarationError(
                    f'{path}: two runs are {run.label}; put every axis of '
                    'the matrix but the seed into the name'
                )
            found.runs[run.key] = run
    for run in found.runs.values():
        init = found.runs.get(run.init)
        if run.init and run.stage == 'pretrain':
            raise DeclarationError(
                f'{path}, run {run.label}, key init: a run of stage '
                "'pretrain' starts from scratch; take init out"
            )
        if run.init and (init is None or init.stage != 'pretrain'):
            raise DeclarationError(
                f'{path}, run {run.label}, key init: '
                f'{run.init[0]}@{run.init[1]} is no declared run of stage '
                "'pretrain'; declare it, with this seed"
            )
    return found


def _expand_group(
    group: Mapping[str, Any], content: Mapping[str, Any], file: str
) -> Iterator[Run]:
    where = f'{file}, group {group.get("name")!r}'
    _refuse_unknown(
        group, {'name', 'budget', 'defaults', 'runs', 'matrix'}, where
    )
    for key in ('name', 'budget', 'runs'):
        if not group.get(key):
            raise DeclarationError(f'{where}: it lacks {key!r}')
    axes = content.get('axes') or {}
    for run in group['runs']:
        where = f'{file}, group {group["name"]!r}, run {run.get("name")!r}'
        stage = run.get('stage', 'localize')
        matrix = {**(group.get('matrix') or {}), **(run.get('matrix') or {})}
        for axis, values in matrix.items():
            if not isinstance(values, list) or not values:
                raise DeclarationError(
                    f'{where}, key matrix: {axis!r} is {values!r}; expected '
                    'a list of values'
                )
        for words in cells(matrix):
            layers = [content.get('defaults'), group.get('defaults')]
            for axis, value in words.items():
                if axis not in axes:
                    continue
                by_text = {str(key): v for key, v in axes[axis].items()}
                if str(value) not in by_text:
                    raise DeclarationError(
                        f'{where}, key matrix: the axis {axis!r} has no value '
                        f'{value!r}; it has {sorted(by_text)}'
                    )
                layers.append(by_text[str(value)])
            parts: list[Mapping] = []
            for layer in layers:
                for key in (None, stage):  # to all stages, then to this one
                    part = layer or {}
                    part = (
                        {k: v for k, v in part.items() if k not in STAGES}
                        if key is None
                        else part.get(key) or {}
                    )
                    parts.append(part)
            given = (*SHORT, 'draw')
            parts.append({k: v for k, v in words.items() if k in given})
            parts.append(run)
            yield _make_run(_merge(parts, where), group, words, where)


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
        facts={**facts, 'fraction': float(short['fraction'] or 1)},
        draw=given.get('draw'),
    )


def _refuse_unknown(given: Any, known: set, where: str) -> None:
    if not isinstance(given, Mapping):
        raise DeclarationError(f'{where}: found {given!r}, expected keys')
    unknown = sorted(map(str, set(given) - known))
    if unknown:
        raise DeclarationError(
            f'{where}: the key {unknown[0]!r} is unknown; use {sorted(known)}'
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


def flatten(options: Mapping[str, Any], before: str = '') -> dict[str, Any]:
    """Nested options under dotted names."""
    flat: dict[str, Any] = {}
    for name, value in options.items():
        if isinstance(value, Mapping):
            flat.update(flatten(value, f'{before}{name}.'))
        else:
            flat[f'{before}{name}'] = value
    return flat


def option_text(value: Any) -> str:
    """A value as mmengine's ``DictAction`` reads it back."""
    if isinstance(value, (list, tuple)):
        return f'[{",".join(map(option_text, value))}]'
    if isinstance(value, str) and set(value) & set('[](),\'" \n='):
        raise ValueError(
            f'the option {value!r} has a bracket, comma, quote, equals sign '
            'or space, which --cfg-options reads as more than text; write a '
            'list as a YAML list, and put other values into a config'
        )
    return str(value)


def stage_options(
    stage: str,
    seed: int,
    width: int | None = None,
    epochs: int | None = None,
    fraction: float | None = None,
    mining: float | None = None,
) -> dict[str, Any]:
    """Options that stand for the short keys of a run.

    The schedule keeps the shape of the config's own: that of localization
    follows the epochs by itself, pre-training drops at 0.92. ``fraction`` is
    the share of the labelled videos, ``mining`` that of the epochs before
    mining begins.
    """
    options: dict[str, Any] = {}
    if width is not None:
        options['model.backbone.base_channels'] = width
    if epochs is not None:
        if epochs < 1:
            raise ValueError(f'epochs={epochs} must be 1 or more')
        options['train_cfg.max_epochs'] = epochs
        if stage == 'pretrain':
            options['param_scheduler.0.end'] = int(np.clip(epochs // 20, 1, 5))
            drop = max(1, int(0.92 * epochs))
            options['param_scheduler.1.milestones'] = [drop]
            interval = max(1, epochs // 10)
            options['default_hooks.checkpoint.interval'] = interval
    if mining is not None:
        if epochs is None or not 0 <= mining <= 1:
            raise ValueError(
                f'mining={mining!r} is the share of the epochs before mining '
                'begins; give a number in 0..1, and epochs with it'
            )
        options['model.mining_epoch'] = round(mining * epochs)
    if fraction is not None and not 0 < fraction <= 1:
        raise ValueError(f'fraction={fraction!r} must lie in (0, 1]')
    if fraction is not None and fraction < 1:
        options['train_dataloader.dataset.fraction'] = fraction
        options['train_dataloader.dataset.seed'] = seed
    return options
