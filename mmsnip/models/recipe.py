"""What a config out of a checkpoint may build, and how large it may be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmengine.registry import Registry

from mmsnip.models.checkpoint import CheckpointError

__all__ = ['SCOPES', 'registered']

# Keys that would make a recipe read or fetch weights, which it carries.
WEIGHT_KEYS = ('init_cfg', 'load_from', 'pretrained', 'pretrained2d')
SCOPES = ('mmsnip', 'mmaction')
MAX_NODES, MAX_DEPTH, MAX_NUMBER = 100_000, 40, 2**20
# What others have registered and a recipe may name: layers, transforms of
# poses. Others of theirs fetch weights, read files or import by name.
FOREIGN = dict(
    model=(
        'torch.', 'mmengine.model.base_model.', 'mmcv.cnn.',
        'mmaction.models.backbones.stgcn', 'mmaction.models.backbones.aagcn',
        'mmaction.models.data_preprocessors.',
    ),
    transform=('mmcv.transforms.wrappers.', 'mmaction.datasets.transforms.'),
)  # fmt: skip
POSE_TRANSFORMS = (
    'FormatGCNInput', 'GenSkeFeat', 'JointToBone', 'MergeSkeFeat',
    'PackActionInputs', 'PadTo', 'PoseDecode', 'PreNormalize2D',
    'PreNormalize3D', 'ToMotion', 'UniformSampleFrames',
)  # fmt: skip


def registered(
    config: Any, registry: Registry | None, key: str, scope: str = 'mmsnip'
) -> Any:
    """A config out of a file, each type in it replaced by its class.

    A file decides neither what is imported, nor read, nor called: a type is
    looked up in tables of what is registered, never imported by its name.
    Weights to load are left out; numbers are bounded.

    Args:
        config (Any): Builtin containers, text and numbers.
        registry (Registry | None): `MODELS` or `TRANSFORMS`. None: the
            config is to be read, not built; only its size is bounded.
        key (str): File and key, for messages.
        scope (str): Where a type without a scope is looked up first.

    Returns:
        Any: A copy.

    Raises:
        CheckpointError: If anything else is in it; the key is named.
    """
    if registry is not None:
        registry.import_from_location()
    left = MAX_NODES

    def copy(value: Any, key: str, depth: int) -> Any:
        nonlocal left
        left -= 1
        if left < 0 or depth > MAX_DEPTH:
            raise CheckpointError(
                f'{key} is no config: more than {MAX_NODES:,} entries, or '
                f'{MAX_DEPTH} inside of each other'
            )
        if value is None or type(value) in (str, bool):
            return value
        if type(value) in (int, float):
            if registry and type(value) is int and abs(value) > MAX_NUMBER:
                raise CheckpointError(
                    f'{key} is {value:.3g}; a recipe holds numbers up to '
                    f'{MAX_NUMBER:,}'
                )
            return value
        if type(value) in (list, tuple):
            return [
                copy(v, f'{key}[{n}]', depth + 1) for n, v in enumerate(value)
            ]
        if not isinstance(value, Mapping):
            raise CheckpointError(
                f'{key} is a {type(value).__name__}; expected text, numbers, '
                'lists and dicts'
            )
        found = {}
        for name, item in value.items():
            where = f'{key}[{name!r:.40}]'
            if registry is None:
                found[name] = copy(item, where, depth + 1)
                continue
            if name in WEIGHT_KEYS:
                continue
            if type(name) is not str or name == '_scope_':
                raise CheckpointError(
                    f'{where} cannot stand in a checkpoint; write the scope '
                    "into the type, such as type='mmsnip.CTRGCN'"
                )
            if name == 'type':
                found[name] = _class(item, registry, where, scope)
            else:
                found[name] = copy(item, where, depth + 1)
        return found

    return copy(config, key, 0)


def _class(name: Any, registry: Registry, key: str, scope: str) -> type:
    """What is registered by a name, in tables alone."""
    root = registry.root
    found = None
    if isinstance(name, str):
        prefix, _, bare = name.rpartition('.')
        tables = [prefix] if prefix else [scope, 'mmengine', 'mmsnip']
        for table in tables:
            kind = root if table == 'mmengine' else root.children.get(table)
            if kind is not None and table in (*SCOPES, 'mmengine'):
                if table == 'mmaction':
                    kind.import_from_location()
                found = found or kind.module_dict.get(bare)
    if isinstance(found, type) and _harmless(found, registry.name):
        return found
    raise CheckpointError(
        f'{key} asks for {name!r:.80}, which is not registered in '
        f'{" or ".join(SCOPES)} for poses; a checkpoint makes nothing be '
        'imported. If it is a class of your own, import it first and register '
        'it in mmsnip.registry, or pass the config: CONFIG and CHECKPOINT'
    )


def _harmless(kind: type, registry: str) -> bool:
    """Ours, the user's own, or one of theirs that reads no file."""
    home = kind.__module__
    if home.split('.')[0] not in ('mmaction', 'mmengine', 'mmcv', 'torch'):
        return True
    if home.startswith('mmaction.') and registry == 'transform':
        return kind.__name__ in POSE_TRANSFORMS
    return home.startswith(FOREIGN[registry])
