"""Weights from elsewhere: published networks and pre-training runs."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.logging import print_log
from torch import Tensor, nn

from mmsnip.models.backbones.entries import (
    CheckpointError,
    LoadReport,
    read_checkpoint,
    refuse,
    tensor_entries,
)
from mmsnip.models.backbones.official import load_official_state_dict

__all__ = [
    'CheckpointError',
    'LoadReport',
    'load_encoder',
    'load_official_state_dict',
    'read_checkpoint',
]

ENCODER_PREFIXES = ('backbone.', 'encoder.', '')


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
    missing = [
        n
        for n in wanted
        if n not in found and not n.endswith('num_batches_tracked')
    ]
    unexpected = sorted(set(found) - set(wanted))
    misfits = [
        f'{n} {tuple(found[n].shape)} in the file, '
        f'{tuple(value.shape)} in the backbone'
        for n, value in wanted.items()
        if n in found and found[n].shape != value.shape
    ]
    refuse(
        f'{origin} does not fit {type(backbone).__name__}',
        missing,
        unexpected,
        misfits,
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
