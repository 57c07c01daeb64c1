"""What makes a run that run: a hash that any changed knob changes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from experiments.declaration import Run
from experiments.options import NEUTRAL, option_text

__all__ = ['family_of', 'identity_of', 'meant_options', 'override_list']

LENGTH = 16
SEED_OPTION = 'train_dataloader.dataset.seed'


def override_list(options: Mapping[str, Any]) -> list[str]:
    """Options as ``--cfg-options`` takes them, sorted by name.

    Args:
        options (Mapping[str, Any]): Dotted names and values.

    Returns:
        list[str]: ``name=value`` each.

    Examples:
        >>> override_list({'model.neck': None, 'a.b': [1, 2]})
        ['a.b=[1,2]', 'model.neck=None']
    """
    return [f'{name}={option_text(options[name])}' for name in sorted(options)]


def meant_options(overrides: list[str]) -> list[str]:
    """Overrides that may change a result.

    Args:
        overrides (list[str]): Of ``override_list``.

    Returns:
        list[str]: Without those of ``NEUTRAL``, workers of a loader.
    """
    return [
        text
        for text in overrides
        if text.split('=', 1)[0].rsplit('.', 1)[-1] not in NEUTRAL
    ]


def identity_of(
    run: Run, runs: Mapping[tuple, Run], digest: Callable[[str], str]
) -> str:
    """Hash of a run: its knobs, seed, data and the run it starts from.

    Args:
        run (Run): The run.
        runs (Mapping[tuple, Run]): All runs by name and seed.
        digest (Callable[[str], str]): Data set's name to its content hash.

    Returns:
        str: 16 hexadecimal digits. Names, groups and budgets do not count,
        nor does what only changes the speed.
    """
    init = identity_of(runs[run.init], runs, digest) if run.init else None
    return _digest({**_knobs(run, digest), 'seed': run.seed, 'init': init})


def family_of(
    run: Run, runs: Mapping[tuple, Run], digest: Callable[[str], str]
) -> str:
    """Hash of a run without its seed; runs of one family can be averaged.

    Args:
        run (Run): The run.
        runs (Mapping[tuple, Run]): As for ``identity_of``.
        digest (Callable[[str], str]): The same.

    Returns:
        str: 16 hexadecimal digits.
    """
    init = None
    if run.init:
        # A start that all seeds share differs from one that has their seed.
        shared = run.init[1] if run.shared_init else None
        init = [family_of(runs[run.init], runs, digest), shared]
    knobs = _knobs(run, digest)
    knobs['options'] = [
        text
        for text in knobs['options']
        if not text.startswith(f'{SEED_OPTION}=')
    ]
    return _digest({**knobs, 'init': init})


def _knobs(run: Run, digest: Callable[[str], str]) -> dict[str, Any]:
    return {
        'stage': run.stage,
        'config': run.config,
        'options': meant_options(override_list(run.options)),
        'environment': run.environment,
        'data': run.data,
        'content': digest(run.data),
    }


def _digest(content: Mapping[str, Any]) -> str:
    text = json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:LENGTH]
