"""What a run changes of its config, as ``--cfg-options`` has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ['NEUTRAL', 'flatten', 'option_text', 'stage_options']

# Last names of options that change nothing but speed and log.
NEUTRAL = frozenset(
    ('num_workers', 'persistent_workers', 'pin_memory', 'prefetch_factor')
)


def flatten(options: Mapping[str, Any], before: str = '') -> dict[str, Any]:
    """Nested options under dotted names.

    Args:
        options (Mapping[str, Any]): Names may be dotted already.
        before (str): Put before every name. Defaults to ''.

    Returns:
        dict[str, Any]: No mapping among its values.

    Examples:
        >>> flatten({'model': {'neck': None}, 'train_cfg.max_epochs': 3})
        {'model.neck': None, 'train_cfg.max_epochs': 3}
    """
    flat: dict[str, Any] = {}
    for name, value in options.items():
        name = f'{before}{name}'
        if isinstance(value, Mapping):
            flat.update(flatten(value, f'{name}.'))
        else:
            flat[name] = value
    return flat


def option_text(value: Any) -> str:
    """A value as mmengine's ``DictAction`` reads it back.

    Args:
        value (Any): None, a number, a text or a list of such.

    Returns:
        str: Behind the equals sign of ``--cfg-options``.

    Raises:
        ValueError: If it is a text that would be read as something else.

    Examples:
        >>> option_text([None, True, 0.25, 'AGCN'])
        '[None,True,0.25,AGCN]'
    """
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
    follows the epochs by itself, pre-training drops at 0.92.

    Args:
        stage (str): 'pretrain' or 'localize'.
        seed (int): Of the choice of labelled videos.
        width (int, optional): ``base_channels``.
        epochs (int, optional): Length of the training.
        fraction (float, optional): Share of the labelled videos; None and 1
            take all.
        mining (float, optional): Share of the epochs before mining begins.

    Returns:
        dict[str, Any]: Dotted names and values.

    Raises:
        ValueError: If a share is out of range, or epochs too few.

    Examples:
        >>> stage_options('pretrain', 0, epochs=50)[
        ...     'param_scheduler.1.milestones'
        ... ]
        [46]
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
            options['default_hooks.checkpoint.interval'] = max(
                1, epochs // 10
            )
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
