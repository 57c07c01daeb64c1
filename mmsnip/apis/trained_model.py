"""A trained localizer out of a checkpoint, without a second file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.device import get_device
from mmengine.registry import DefaultScope
from torch.nn.modules import module as torch_module

from mmsnip.models import SkeletonLocalizer
from mmsnip.models.checkpoint import (
    CheckpointError,
    first_few,
    read_checkpoint,
    tensor_entries,
)
from mmsnip.models.recipe import SCOPES, registered
from mmsnip.prepare.fit import MAX_GAP, Expected
from mmsnip.registry import MODELS, TRANSFORMS
from mmsnip.skeleton.layout import SkeletonLayout
from mmsnip.structures import DataError
from mmsnip.structures.errors import is_int, is_rate
from mmsnip.structures.plain import to_plain

__all__ = [
    'DeviceError',
    'Recipe',
    'build_model',
    'choose_device',
    'expected_input',
    'read_recipe',
]

CONFIG_SUFFIXES = ('.py', '.json', '.yaml', '.yml')
MAX_FPS = 1000


@dataclass(frozen=True)
class Recipe:
    """What a model is built of, and what it was trained on."""

    origin: str  # the checkpoint, for messages
    weights: Mapping  # tensors by name
    model: Mapping  # config
    pipeline: list  # configs of the test pipeline's transforms
    metainfo: dict  # classes, skeleton and frame rate of the data
    scope: str  # registry scope that the configs are built in
    trusted: bool = False  # configs of the user's, not the checkpoint's

    @property
    def reads_scores(self) -> bool:
        """Whether the score of a joint is a channel of the input."""
        return any(step.get('use_score') for step in self.pipeline)

    def transforms(self) -> Compose:
        """The test pipeline, built."""
        if self.trusted:
            return Compose(self.pipeline)
        key = f"{self.origin}, meta['mmsnip']['pipeline']"
        with DefaultScope.overwrite_default_scope(self.scope):
            return Compose(
                registered(self.pipeline, TRANSFORMS, key, self.scope)
            )


def read_recipe(
    config_or_dir: str | os.PathLike, checkpoint: str | os.PathLike | None
) -> Recipe:
    """Config, weights and facts of the data, wherever they are.

    A checkpoint that carries all, a work folder with such a one, or a config
    and its checkpoint.
    """
    given, config = Path(config_or_dir), None
    if given.is_dir():
        checkpoint = checkpoint or _latest_checkpoint(given)
    elif given.suffix in CONFIG_SUFFIXES:
        if not given.is_file():
            raise FileNotFoundError(f'{given}: no such config file')
        if checkpoint is None:
            raise ValueError(
                f'{given} is a config, which holds no weights; pass '
                'checkpoint=, or the checkpoint or work folder alone'
            )
        config = Config.fromfile(given)
    elif checkpoint is not None:
        raise ValueError(
            f'{given} is neither a config ({", ".join(CONFIG_SUFFIXES)}) nor '
            f'a folder, and {checkpoint} is given as checkpoint; pass one '
            'checkpoint'
        )
    origin = str(checkpoint or config_or_dir)
    content = read_checkpoint(origin)
    meta = content.get('meta') if isinstance(content, Mapping) else None
    meta = meta if isinstance(meta, Mapping) else {}
    own = meta.get('mmsnip') or {}
    if config is not None:
        loader = config.get('test_dataloader') or {}
        parts = dict(
            model=to_plain(config.get('model')),
            pipeline=to_plain(loader.get('dataset', {}).get('pipeline')),
        )
        where = f'{given} (model, test_dataloader.dataset.pipeline)'
    else:
        parts = dict(model=own.get('model'), pipeline=own.get('pipeline'))
        where = f"{origin}, meta['mmsnip']"
    lacking = [key for key, value in parts.items() if not value]
    if lacking:
        raise CheckpointError(
            f'{where} lacks {lacking}; train with SkeletonCheckpointHook '
            'among the custom_hooks, or pass the config of the checkpoint: '
            'SkeletonLocalizationInferencer(CONFIG, CHECKPOINT)'
        )
    metainfo = own.get('dataset_meta') or meta.get('dataset_meta') or {}
    lacking = [key for key in ('classes', 'fps') if not metainfo.get(key)]
    if not metainfo.get('layout') and metainfo.get('parents') is None:
        lacking.append('parents')
    if lacking:
        raise CheckpointError(
            f"{origin}, meta['mmsnip']['dataset_meta'] lacks {lacking}; "
            'expected the metainfo of a SkeletonLocalizationDataset'
        )
    scope = (own if config is None else config).get('default_scope')
    scope = scope or 'mmsnip'
    registered(metainfo, None, f"{origin}, meta['mmsnip']['dataset_meta']")
    if not is_rate(metainfo['fps']) or metainfo['fps'] > MAX_FPS:
        raise CheckpointError(
            f"{origin}, meta['mmsnip']['dataset_meta']['fps'] is "
            f'{metainfo["fps"]!r:.40}; expected up to {MAX_FPS} a second'
        )
    if config is None:
        if scope not in SCOPES:
            raise CheckpointError(
                f"{origin}, meta['mmsnip']['default_scope'] is {scope!r:.40}; "
                f'expected one of {SCOPES}'
            )
        key = f"{where}['pipeline']"
        registered(parts['pipeline'], TRANSFORMS, key, scope)
    return Recipe(
        origin=origin,
        weights=tensor_entries(content, origin),
        metainfo=dict(metainfo),
        scope=scope,
        trusted=config is not None,
        **parts,
    )


def _latest_checkpoint(folder: Path) -> Path:
    """What ``last_checkpoint`` names, though the folder was moved."""
    pointer = folder / 'last_checkpoint'
    if not pointer.is_file():
        found = sorted(path.name for path in folder.glob('*.pth'))
        raise FileNotFoundError(
            f'{folder} has no file last_checkpoint; it is no work folder of '
            f'a training run, its checkpoints are {found}: name one of them'
        )
    # mmengine writes a whole path; a folder from elsewhere names no other.
    return folder / PureWindowsPath(pointer.read_text().strip()).name


def _without_pretrained(config: Any) -> Any:
    """Config in which nothing names a file of pre-trained weights."""
    if isinstance(config, Mapping):
        return {
            key: None if key == 'pretrained' else _without_pretrained(value)
            for key, value in config.items()
        }
    if isinstance(config, list):
        return [_without_pretrained(item) for item in config]
    return config


def build_model(recipe: Recipe) -> SkeletonLocalizer:
    """Build a localizer and give it its weights."""
    kind = recipe.model.get('type')
    with DefaultScope.overwrite_default_scope(recipe.scope):
        if recipe.trusted:
            model = MODELS.build(_without_pretrained(recipe.model))
        else:
            model = _build_as_large_as_weights(recipe)
    if not isinstance(model, SkeletonLocalizer):
        raise CheckpointError(
            f'{recipe.origin} holds a {kind}, which localizes nothing; '
            'expected a SkeletonLocalizer: train one with '
            'configs/custom/localize.py, which takes a pre-training '
            'checkpoint as MMSNIP_INIT'
        )
    num_classes, names = model.head.num_classes, recipe.metainfo['classes']
    if num_classes != len(names):
        raise CheckpointError(
            f'{recipe.origin}: the model has {num_classes} classes, the data '
            f'it was trained on {len(names)}: {names}'
        )
    _check_weights(recipe, model)
    model.load_state_dict(recipe.weights)
    return model


def _build_as_large_as_weights(recipe: Recipe) -> torch.nn.Module:
    """Build a checkpoint's model; it takes no more than its weights do.

    Built first without memory, on torch's device ``meta``: a file of a few
    bytes could name a width of a billion.
    """
    key = f"{recipe.origin}, meta['mmsnip']['model']"
    config = registered(recipe.model, MODELS, key, recipe.scope)
    kind = config.get('type') if isinstance(config, dict) else None
    if not (isinstance(kind, type) and issubclass(kind, SkeletonLocalizer)):
        return torch.nn.Identity()  # which is no localizer
    left = 1000 + 40 * len(recipe.weights)

    def count(*_: Any) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise CheckpointError(
                f'{key} describes far more layers than the '
                f'{len(recipe.weights)} weights of the file'
            )

    hook = torch_module.register_module_module_registration_hook(count)
    try:
        with torch.device('meta'):
            _check_weights(recipe, MODELS.build(config))
    except (TypeError, KeyError, AttributeError, IndexError) as error:
        raise CheckpointError(
            f'{key} cannot be built: {type(error).__name__}: {error}'
        ) from error
    finally:
        hook.remove()
    return MODELS.build(config)


def _check_weights(recipe: Recipe, model: torch.nn.Module) -> None:
    """Compare names and shapes."""
    found, expected = recipe.weights, model.state_dict()
    wrong = [
        f'{key} is missing'
        if key not in found
        else f'{key} has shape {tuple(found[key].shape)}, the model '
        f'{tuple(value.shape)}'
        for key, value in expected.items()
        if key not in found or found[key].shape != value.shape
    ]
    wrong += [f'{key} is unknown' for key in found if key not in expected]
    if wrong:
        raise CheckpointError(
            f'{recipe.origin} does not fit its config in {len(wrong)} '
            'weights; use the config that it was trained with\n'
            + first_few(wrong)
        )


def expected_input(
    recipe: Recipe, layout: SkeletonLayout, num_channels: int
) -> Expected:
    """What a model was trained on, read off its recipe.

    Data that do not say how gaps were filled count as prepared with the
    default.
    """
    flat = num_channels < 3
    scale_free, up, num_person = False, None, None
    for step in recipe.pipeline:
        kind = str(step.get('type')).rsplit('.', 1)[-1]
        flat |= bool(step.get('use_score')) or step.get('num_coords') == 2
        if kind == 'FormatSkeleton':
            num_person = step.get('num_person')
        elif kind == 'NormalizeSkeleton':
            scale = step.get('scale')
            scale_free |= flat if scale is None else bool(scale)
            if step.get('align', 'body') == 'heading':
                up = 'xyz'[step.get('up_axis', 1)]
        elif kind == 'SkeletonStream' and 'egocentric' in np.ravel(
            step.get('stream', 'joint')
        ):
            up = step.get('up', 'y')
    max_gap = recipe.metainfo.get('max_gap')
    persons = recipe.metainfo.get('persons')
    return Expected(
        layout=layout,
        fps=float(recipe.metainfo['fps']),
        unit=recipe.metainfo.get('unit'),
        up=None if flat else up,
        num_channels=num_channels,
        with_score=recipe.reads_scores,
        num_coords=2 if flat else 3,
        scale_free=scale_free,
        persons=persons if is_int(persons) and persons > 0 else None,
        num_person=num_person,
        max_gap=max_gap if is_int(max_gap) and max_gap >= 0 else MAX_GAP,
        of_model=True,
    )


class DeviceError(DataError):
    """A device cannot be used; the message says which ones can."""


def choose_device(device: str | torch.device | None = None) -> torch.device:
    """A device that a tensor was on; None takes a GPU if there is one."""
    device = get_device() if device is None else device
    try:
        chosen = torch.device(device)
    except (RuntimeError, TypeError):  # lists all kinds there ever were
        why = 'PyTorch knows no such device'
    else:
        try:
            torch.zeros(1, device=chosen).tolist()
            return chosen
        except (AssertionError, ImportError, RuntimeError) as error:
            why = (str(error) or type(error).__name__).splitlines()[0]
    there = ['cpu', *(f'cuda:{n}' for n in range(torch.cuda.device_count()))]
    if torch.backends.mps.is_available():
        there.append('mps')
    raise DeviceError(
        f'device {str(device)!r} cannot be used: {why.split(". ")[0][:200]}; '
        f'PyTorch {torch.__version__} finds {", ".join(there)} here, name '
        'one of these, or none'
    )
