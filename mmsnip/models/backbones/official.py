"""Weights of published networks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmengine.logging import print_log
from torch import Tensor, nn

from mmsnip.models.backbones.agcn import AGCN
from mmsnip.models.backbones.ctrgcn import CTRGCN
from mmsnip.models.backbones.encoder import graph_subsets
from mmsnip.models.backbones.entries import (
    CheckpointError,
    LoadReport,
    refuse,
    tensor_entries,
)
from mmsnip.models.backbones.published import (
    PublishedNames,
    agcn_network,
    ctrgcn_network,
)
from mmsnip.models.backbones.stgcn import STGCN
from mmsnip.skeleton import get_layout

# Each source's network, and the prefixes of what it holds beside it.
SOURCES: dict[str, tuple[type, tuple[str, ...]]] = {
    'ctrgcn': (CTRGCN, ('fc.',)),
    'agcn': (AGCN, ('fc.', 'classifier_1.', 'classifier_2.')),
    'pyskl-ctrgcn': (CTRGCN, ('cls_head.', 'A', 'data_preprocessor.')),
    'mmaction-ctrgcn': (CTRGCN, ('cls_head.', 'A', 'data_preprocessor.')),
    'mmaction-stgcn': (STGCN, ('cls_head.', 'data_preprocessor.')),
}


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
    left = set(report.dropped)
    names = PublishedNames(
        {k: v for k, v in entries.items() if k not in left},
        model.state_dict(),
    )
    _MAPS[source](names, model)
    unexpected = sorted(set(names.entries) - set(names.used))
    refuse(
        f'source={source!r} does not fit {type(model).__name__}',
        names.missing,
        unexpected,
        names.misfits,
    )
    model.load_state_dict(names.mapped, strict=False)
    report.loaded = sorted(set(names.used))
    if source == 'agcn':
        _publish_graph(model, report)
    if _MAPS[source] is _pyskl_ctrgcn and not model.temporal_relu:
        model.set_temporal_relu(True)
        report.notes.append(
            'temporal_relu switched on; build CTRGCN(temporal_relu=True) '
            'where these weights are loaded again'
        )
    print_log(f'{type(model).__name__} from {source}: {report}', 'current')
    return report


def _mmaction_stgcn(names: PublishedNames, model: STGCN) -> None:
    """Our STGCN keeps mmaction2's names."""
    for name in names.targets:
        if name in names.entries or not name.endswith('num_batches_tracked'):
            names.put(name, [name], _only)


def _only(parts: list[Tensor]) -> Tensor:
    return parts[0]


def _pyskl_ctrgcn(names: PublishedNames, model: CTRGCN) -> None:
    ctrgcn_network(names, model, mirrored=True)


_MAPS: dict[str, Any] = {
    'ctrgcn': ctrgcn_network,
    'agcn': agcn_network,
    'pyskl-ctrgcn': _pyskl_ctrgcn,
    'mmaction-ctrgcn': _pyskl_ctrgcn,
    'mmaction-stgcn': _mmaction_stgcn,
}


def _publish_graph(model: AGCN, report: LoadReport) -> None:
    """Set the fixed graph of the published 2s-AGCN where it is known."""
    if model.num_joints != 25 or model.graph_mode != 'spatial':
        report.notes.append("the fixed graph A stays the model's own")
        return
    A = graph_subsets(get_layout('nturgb+d-official'))
    for block in model.blocks:
        block.gcn1.A.copy_(A)
    report.notes.append("the fixed graph A is that of 'nturgb+d-official'")
