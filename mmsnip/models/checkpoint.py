"""Weights from elsewhere: files, pre-training runs, published networks."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmengine.fileio import get as read_bytes
from mmengine.logging import print_log
from torch import Tensor, nn

from mmsnip.compat import load_checkpoint
from mmsnip.models.backbones.agcn import AGCN
from mmsnip.models.backbones.ctrgcn import CTRGCN
from mmsnip.models.backbones.encoder import graph_subsets
from mmsnip.models.backbones.published import (
    MIRRORED,
    from_published,
    published_name,
    take_earlier_names,
)
from mmsnip.models.backbones.stgcn import STGCN
from mmsnip.skeleton import get_layout
from mmsnip.structures import DataError

__all__ = [
    'CheckpointError',
    'LoadReport',
    'first_few',
    'load_encoder',
    'load_official_state_dict',
    'read_checkpoint',
    'tensor_entries',
]

WRAPPERS = ('module.', '_orig_mod.')
ENCODER_PREFIXES = ('backbone.', 'encoder.', '')
# Each source's network, and the prefixes of what it holds beside it.
SOURCES: dict[str, tuple[type, tuple[str, ...]]] = {
    'ctrgcn': (CTRGCN, ('fc.',)),
    'agcn': (AGCN, ('fc.', 'classifier_1.', 'classifier_2.')),
    'pyskl-ctrgcn': (CTRGCN, ('cls_head.', 'A', 'data_preprocessor.')),
    'mmaction-ctrgcn': (CTRGCN, ('cls_head.', 'A', 'data_preprocessor.')),
    'mmaction-stgcn': (STGCN, ('cls_head.', 'data_preprocessor.')),
}


class CheckpointError(DataError):
    """A checkpoint is unreadable or does not fit the model."""


@dataclass
class LoadReport:
    """What became of the names of a checkpoint.

    Attributes:
        loaded (list[str]): Names that were loaded.
        dropped (list[str]): Names that were left, such as heads.
        notes (list[str]): What else was changed or is worth knowing.
    """

    loaded: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """Count of what was loaded, groups of what was left, notes."""
        text = f'loaded {len(self.loaded)} entries'
        groups: dict[str, int] = {}
        for name in self.dropped:
            group = name.split('.')[0]
            groups[group] = groups.get(group, 0) + 1
        if groups:
            left = ', '.join(f'{k} ({n})' for k, n in groups.items())
            text += f', left {left}'
        return '; '.join([text, *self.notes])


def read_checkpoint(path: str | Path) -> Any:
    """Content of a checkpoint file; nothing in it is executed.

    Args:
        path (str | Path): File, or an address that mmengine reads.

    Returns:
        Any: What the file holds, on the CPU.

    Raises:
        FileNotFoundError: If there is no such file.
        CheckpointError: If it is no checkpoint, or one with code in it.
    """
    try:
        data = read_bytes(str(path))
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f'{path}: there is no such checkpoint'
        ) from error
    except IsADirectoryError as error:
        raise CheckpointError(
            f'{path} is a folder; name a checkpoint file in it'
        ) from error
    try:
        return load_checkpoint(data)
    except Exception as error:
        reason = f'{type(error).__name__}: {error}'.splitlines()[0]
        raise CheckpointError(
            f'{path} is not a checkpoint that can be read without running '
            f'code from it ({len(data)} bytes; {reason})'
        ) from error


def tensor_entries(content: Any, origin: str) -> dict[str, Tensor]:
    """Tensors by name: wrappers stripped, earlier versions' names ours."""
    if isinstance(content, Mapping) and isinstance(
        content.get('state_dict'), Mapping
    ):
        content = content['state_dict']
    if not isinstance(content, Mapping):
        raise CheckpointError(
            f'{origin} holds a {type(content).__name__}; expected a dict of '
            'tensors, or a dict with such a dict as state_dict'
        )
    entries: dict[str, Tensor] = {}
    for name, value in content.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise CheckpointError(
                f'{origin}: entry {name!r} is a {type(value).__name__}; '
                'expected tensors by name, or a dict of them as state_dict'
            )
        for wrapper in WRAPPERS:
            if name.startswith(wrapper):
                name = name[len(wrapper) :]
        entries[name] = value
    if not entries:
        raise CheckpointError(f'{origin} holds no weights')
    try:
        take_earlier_names(entries)
    except (LookupError, RuntimeError) as error:
        raise CheckpointError(
            f'{origin}: its entries are not those of an encoder of an '
            f'earlier version ({error})'
        ) from error
    return entries


def first_few(lines: Sequence[str], count: int = 5) -> str:
    """The first of many lines as a list, and how many more there are."""
    shown = [f'- {line}' for line in lines[:count]]
    if len(lines) > count:
        shown.append(f'(and {len(lines) - count} more)')
    return '\n'.join(shown)


def _refuse_misfits(
    what: str, found: Mapping[str, Tensor], wanted: Mapping[str, Tensor]
) -> None:
    """Name all that is missing, unexpected or of another shape."""
    missing = [
        name
        for name in wanted
        if name not in found and not name.endswith('num_batches_tracked')
    ]
    misfits = [
        f'{name} {tuple(found[name].shape)} in the file, '
        f'{tuple(value.shape)} in the model'
        for name, value in wanted.items()
        if name in found and found[name].shape != value.shape
    ]
    unexpected = sorted(set(found) - set(wanted))
    parts = []
    if missing:
        parts.append(f'missing names: {", ".join(missing)}')
    if unexpected:
        parts.append(f'unexpected names: {", ".join(unexpected)}')
    if misfits:
        parts.append(f'other shapes: {"; ".join(misfits)}')
    if parts:
        raise CheckpointError('\n- '.join([what, *parts]))


def load_encoder(
    backbone: nn.Module,
    checkpoint: str | Path | Mapping[str, Any],
    prefixes: Sequence[str] = ENCODER_PREFIXES,
) -> LoadReport:
    """Load an encoder out of a checkpoint that holds more than it.

    Of a pre-training run this is the query encoder; the momentum encoder
    (``key_encoder.``), heads and queues are left. Localizers and
    mmaction2's recognizers work alike, and so does a bare encoder.

    Args:
        backbone (nn.Module): Encoder, changed in place.
        checkpoint (str | Path | Mapping[str, Any]): File, or what it holds.
        prefixes (Sequence[str]): Names of the encoder, the first one that
            occurs is taken; ``''`` is a bare encoder. Defaults to
            ``('backbone.', 'encoder.', '')``.

    Returns:
        LoadReport: Names that were loaded and that were left, as in the
        file.

    Raises:
        FileNotFoundError: If there is no such file.
        CheckpointError: If the file is no checkpoint or holds no encoder, if
            joints or channels disagree, or if names or shapes do; what the
            file has and what the backbone has is named, and the backbone
            is left as it was.
    """
    if isinstance(checkpoint, Mapping):
        origin, content = 'the checkpoint', checkpoint
    else:
        origin, content = str(checkpoint), read_checkpoint(checkpoint)
    entries = tensor_entries(content, origin)
    wanted = backbone.state_dict()
    prefix = next((p for p in prefixes if _holds(entries, p, wanted)), None)
    if prefix is None:
        raise CheckpointError(
            f'{origin} holds no encoder: none of its {len(entries)} names '
            f'begins with one of {tuple(prefixes)}; they are '
            f'{sorted(entries)[0]!r}, for example'
        )
    found = {
        name[len(prefix) :]: value
        for name, value in entries.items()
        if name.startswith(prefix)
    }
    _check_sizes(backbone, found, content, origin)
    _check_temporal_relu(backbone, content, origin)
    _refuse_misfits(
        f'{origin} does not fit {type(backbone).__name__}', found, wanted
    )
    backbone.load_state_dict(found, strict=False)
    report = LoadReport(
        loaded=[n for n in entries if n.startswith(prefix)],
        dropped=[n for n in entries if not n.startswith(prefix)],
    )
    note = _topology_note(backbone, content)
    if note:
        report.notes.append(note)
    print_log(
        f'{type(backbone).__name__} from {origin}: {report}',
        'current',
        logging.WARNING if note else logging.INFO,
    )
    return report


def _holds(
    entries: Mapping[str, Tensor], prefix: str, wanted: Mapping[str, Tensor]
) -> bool:
    """Whether an encoder goes by this prefix."""
    if prefix:
        return any(name.startswith(prefix) for name in entries)
    return any(name in entries for name in wanted)


def _check_sizes(
    backbone: nn.Module,
    found: Mapping[str, Tensor],
    content: Mapping[str, Any],
    origin: str,
) -> None:
    """Refuse other joints or channels, both named."""
    name = type(backbone).__name__
    meta = content.get('meta')
    data = meta.get('dataset_meta') if isinstance(meta, Mapping) else None
    names = data.get('joint_names') if isinstance(data, Mapping) else None
    joints = _joints(found) or (len(names) if names is not None else None)
    if names is not None and len(names) != backbone.num_joints:
        joints = len(names)
    if joints is not None and joints != backbone.num_joints:
        raise CheckpointError(
            f'{origin} was trained on {joints} joints, {name} was built for '
            f'{backbone.num_joints} (layout {backbone.layout.name!r}); use '
            'data and graph_cfg of the same joints, or pre-train on these'
        )
    channels = _channels(backbone, found)
    if channels is not None and channels != backbone.in_channels:
        raise CheckpointError(
            f'{origin} was trained on {channels} channels a joint, {name} '
            f'was built for {backbone.in_channels}; use the same streams'
        )
    for key, value in backbone.state_dict().items():
        if key.endswith('.bn.weight') and key in found:
            theirs, ours = len(found[key]), len(value)
            if theirs != ours:
                raise CheckpointError(
                    f'{origin} has {theirs} channels in its first block, '
                    f'{name} has {ours}; set base_channels alike'
                )
            break


def _joints(entries: Mapping[str, Tensor]) -> int | None:
    """V of the learned or fixed graph of an encoder's entries."""
    for name, value in entries.items():
        if name.split('.')[-1] in ('PA', 'A') and value.dim() >= 2:
            return value.shape[-1]
    return None


def _channels(
    backbone: nn.Module, entries: Mapping[str, Tensor]
) -> int | None:
    """C that the first convolution of an encoder's entries takes."""
    for name, value in backbone.state_dict().items():
        if value.dim() >= 3 and name.endswith('.weight'):
            ours, theirs = value, entries.get(name)
            if theirs is None or theirs.dim() != ours.dim():
                return None
            share = ours.shape[1] // backbone.in_channels
            return theirs.shape[1] // max(share, 1)
    return None


def _check_temporal_relu(
    backbone: nn.Module, content: Mapping[str, Any], origin: str
) -> None:
    """Refuse weights of the other kind of CTR-GCN; no weight tells them."""
    saved: Any = content
    for key in ('meta', 'mmsnip', 'model', 'backbone'):
        saved = saved.get(key) if isinstance(saved, Mapping) else None
    if not isinstance(saved, Mapping) or 'type' not in saved:
        return
    theirs = bool(saved.get('temporal_relu', False))
    ours = bool(getattr(backbone, 'temporal_relu', False))
    if theirs != ours:
        raise CheckpointError(
            f'{origin}: its {saved["type"]} was trained with '
            f'temporal_relu={theirs}, the {type(backbone).__name__} has '
            f'temporal_relu={ours}; set it alike in the config'
        )


def _topology_note(backbone: nn.Module, content: Mapping[str, Any]) -> str:
    """A remark where the file's skeleton has other parents."""
    meta = content.get('meta')
    data = meta.get('dataset_meta') if isinstance(meta, Mapping) else None
    parents = data.get('parents') if isinstance(data, Mapping) else None
    ours = [int(p) for p in backbone.layout.parents]
    if parents is None or [int(p) for p in parents] == ours:
        return ''
    return (
        f'parents differ: the file has {[int(p) for p in parents]}, the '
        f'backbone {ours}'
    )


def load_official_state_dict(
    model: nn.Module, state_dict: Mapping[str, Any], source: str
) -> LoadReport:
    """Load the weights of a published network.

    ``'agcn'`` checkpoints hold no fixed graph: with 25 joints the published
    NTU graph (layout ``'nturgb+d-official'``) replaces the model's, so that
    the loaded network is the published one; it is saved with the model.
    pyskl's CTR-GCN and the project of mmaction2 (``projects/ctrgcn``) share
    names, shapes and formulas, so either name serves both; their temporal
    units end in a ReLU, which is switched on. Build
    ``CTRGCN(..., temporal_relu=True)`` wherever the result is loaded again.

    Args:
        model (nn.Module): `CTRGCN`, `AGCN` or `STGCN`, changed in place.
        state_dict (Mapping[str, Any]): Published entries, or a checkpoint
            that holds them as ``state_dict``. ``module.``, and for the
            OpenMMLab sources ``backbone.``, is stripped from their names.
        source (str): ``'ctrgcn'``, ``'agcn'``, ``'pyskl-ctrgcn'``,
            ``'mmaction-ctrgcn'`` or ``'mmaction-stgcn'``.

    Returns:
        LoadReport: Published names that were loaded and that were left:
        classifiers, and an input norm where the model has none.

    Raises:
        CheckpointError: If the source is unknown, the model is not its
            network, names are missing or unexpected, or shapes differ; all are
            listed and the model is left as it was.
    """
    if source not in SOURCES:
        raise CheckpointError(
            f'source={source!r} is unknown; use one of {sorted(SOURCES)}'
        )
    network, heads = SOURCES[source]
    if not isinstance(model, network):
        raise CheckpointError(
            f'source={source!r} holds a {network.__name__}, the model is a '
            f'{type(model).__name__}'
        )
    entries = tensor_entries(state_dict, f'source={source!r}')
    if source.startswith(('pyskl-', 'mmaction-')):
        cut = len('backbone.')
        entries = {
            k[cut:] if k.startswith('backbone.') else k: v
            for k, v in entries.items()
        }
    report = LoadReport()
    if model.data_bn_type is None and 'data_bn.weight' in entries:
        heads = (*heads, 'data_bn.')
        report.notes.append('data_bn left, since data_bn_type is None')
    report.dropped = [
        name
        for name in entries
        if any(
            name.startswith(h) if h.endswith('.') else name == h for h in heads
        )
    ]
    for name in report.dropped:
        del entries[name]
    report.loaded = sorted(entries)
    wanted = model.state_dict()
    if source == 'agcn':  # its files hold no fixed graph
        wanted = {k: v for k, v in wanted.items() if not k.endswith('gcn1.A')}
    names = {published_name(name, source): name for name in wanted}
    _refuse_misfits(
        f'source={source!r} does not fit {type(model).__name__}',
        entries,
        {theirs: wanted[ours] for theirs, ours in names.items()},
    )
    found = {
        names[name]: from_published(names[name], value, source)
        for name, value in entries.items()
    }
    model.load_state_dict(found, strict=False)
    if source == 'agcn':
        _publish_graph(model, report)
    if source in MIRRORED and not model.temporal_relu:
        model.set_temporal_relu(True)
        report.notes.append(
            'temporal_relu switched on; build CTRGCN(temporal_relu=True) '
            'where these weights are loaded again'
        )
    print_log(f'{type(model).__name__} from {source}: {report}', 'current')
    return report


def _publish_graph(model: AGCN, report: LoadReport) -> None:
    """Set the fixed graph of the published 2s-AGCN where it is known."""
    if model.num_joints != 25 or model.graph_mode != 'spatial':
        report.notes.append("the fixed graph A stays the model's own")
        return
    A = graph_subsets(get_layout('nturgb+d-official'))
    for block in model.blocks:
        block.gcn1.A.copy_(A)
    report.notes.append("the fixed graph A is that of 'nturgb+d-official'")
