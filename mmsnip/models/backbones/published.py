"""Published parameter names, mapped on our fused parameters.

Each function reads one network out of a `PublishedNames`; what it asks for
and does not find is missing, what nobody asks for is unexpected.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from mmsnip.models.backbones.agcn import AGCN, AdaptiveGC
from mmsnip.models.backbones.blocks import MultiScaleTemporalConv
from mmsnip.models.backbones.ctrgcn import CTRGCN, ChannelTopologyGC

NORM_KEYS = ('weight', 'bias', 'running_mean', 'running_var')
COUNTER = 'num_batches_tracked'


class PublishedNames:
    """Published entries on their way to the names of a model.

    Args:
        entries (Mapping[str, Tensor]): Published state dict.
        targets (Mapping[str, Tensor]): State dict of the model.
    """

    def __init__(
        self, entries: Mapping[str, Tensor], targets: Mapping[str, Tensor]
    ) -> None:
        self.entries = entries
        self.targets = targets
        self.mapped: dict[str, Tensor] = {}
        self.used: list[str] = []
        self.missing: list[str] = []
        self.misfits: list[str] = []

    def put(
        self,
        target: str,
        names: Sequence[str],
        join: Callable[[list[Tensor]], Tensor] = torch.cat,
    ) -> None:
        """Join published entries into one of the model's.

        Args:
            target (str): Name in the model.
            names (Sequence[str]): Published names.
            join (Callable): Makes one tensor of theirs; axes of size 1 may
                be elsewhere than in the model. Defaults to a concatenation
                over the first axis.
        """
        missing = [name for name in names if name not in self.entries]
        self.missing += missing
        self.used += [name for name in names if name in self.entries]
        if missing:
            return
        parts = [self.entries[name] for name in names]
        wanted = self.targets[target].shape
        try:
            value = join(parts)
        except (RuntimeError, IndexError):
            value = None
        if value is None or _without_ones(value) != _without_ones(
            self.targets[target]
        ):
            found = ', '.join(
                f'{name} {tuple(part.shape)}'
                for name, part in zip(names, parts)
            )
            self.misfits.append(
                f'{found} -> {target} {tuple(wanted)} in the model'
            )
            return
        self.mapped[target] = value.reshape(wanted)

    def put_norm(self, target: str, names: Sequence[str]) -> None:
        """Join published batch norms; the counter may be absent.

        Args:
            target (str): Name in the model.
            names (Sequence[str]): Published names.
        """
        for key in NORM_KEYS:
            self.put(f'{target}.{key}', [f'{name}.{key}' for name in names])
        counters = [f'{name}.{COUNTER}' for name in names]
        counters = [name for name in counters if name in self.entries]
        self.used += counters
        if counters:
            self.mapped[f'{target}.{COUNTER}'] = self.entries[counters[0]]
        else:
            self.mapped[f'{target}.{COUNTER}'] = torch.tensor(0)

    def put_conv(self, target: str, names: Sequence[str]) -> None:
        """Join published convolutions over their output channels.

        Args:
            target (str): Name in the model.
            names (Sequence[str]): Published names.
        """
        self.put(f'{target}.weight', [f'{name}.weight' for name in names])
        self.put(f'{target}.bias', [f'{name}.bias' for name in names])


def _without_ones(x: Tensor) -> tuple[int, ...]:
    return tuple(size for size in x.shape if size > 1)


def _interleave(parts: list[Tensor]) -> Tensor:
    """Rows of several subsets in the order (channel, subset)."""
    return torch.stack(parts, dim=1).flatten(0, 1)


def _negated(parts: list[Tensor]) -> Tensor:
    return -torch.cat(parts)


def _transposed(parts: list[Tensor]) -> Tensor:
    return parts[0].transpose(-1, -2)


def _summed(parts: list[Tensor]) -> Tensor:
    return torch.stack(parts).sum(0)


def _columns(parts: list[Tensor]) -> Tensor:
    return torch.cat(parts, dim=1)


def _residual(
    names: PublishedNames, target: str, source: str, block: nn.Module
) -> None:
    """The residual path of a block, where it has parameters."""
    if any(True for _ in block.parameters()):
        names.put_conv(f'{target}.conv', [f'{source}.conv'])
        names.put_norm(f'{target}.bn', [f'{source}.bn'])


def _down(
    names: PublishedNames, target: str, source: str, unit: nn.Module | None
) -> None:
    """The residual path of a graph unit, where it has parameters."""
    if unit is not None and any(True for _ in unit.parameters()):
        names.put_conv(f'{target}.0', [f'{source}.0'])
        names.put_norm(f'{target}.1', [f'{source}.1'])


def ctrgc_unit(
    names: PublishedNames,
    target: str,
    source: str,
    unit: ChannelTopologyGC,
    mirrored: bool = False,
) -> None:
    """CTR-GCN's ``unit_gcn``.

    pyskl's and mmaction2's sum over the row index of the topology where the
    published network sums over the column index. Theirs is ours with the
    two projections exchanged and negated (tanh is odd, so tanh(x1[v] -
    x2[u]) = tanh(-x2[u] - (-x1[v]))) and the learned graph transposed.

    Args:
        names (PublishedNames): The entries.
        target (str): Prefix in the model, with its dot or empty.
        source (str): Published prefix, with its dot or empty.
        unit (ChannelTopologyGC): The unit to fill.
        mirrored (bool): pyskl's orientation and names. Defaults to False.
    """
    convs = [f'{source}convs.{k}' for k in range(unit.num_subsets)]
    pair = ('conv2', 'conv1') if mirrored else ('conv1', 'conv2')
    relate = [f'{conv}.{which}' for which in pair for conv in convs]
    join = _negated if mirrored else torch.cat
    for key in ('weight', 'bias'):
        names.put(
            f'{target}relate.{key}', [f'{name}.{key}' for name in relate], join
        )
        names.put(
            f'{target}value.{key}',
            [f'{conv}.conv3.{key}' for conv in convs],
            _interleave,
        )
        names.put(
            f'{target}lift_{key}',
            [f'{conv}.conv4.{key}' for conv in convs],
            torch.stack,
        )
    if mirrored:
        names.put(f'{target}PA', [f'{source}A'], _transposed)
    else:
        names.put(f'{target}PA', [f'{source}PA'])
    names.put(f'{target}alpha', [f'{source}alpha'])
    names.put_norm(f'{target}bn', [f'{source}bn'])
    _down(names, f'{target}down', f'{source}down', unit.down)


def multi_scale_unit(
    names: PublishedNames,
    target: str,
    source: str,
    unit: MultiScaleTemporalConv,
) -> None:
    """CTR-GCN's ``MultiScale_TemporalConv``, without its residual.

    Args:
        names (PublishedNames): The entries.
        target (str): Prefix in the model, with its dot or empty.
        source (str): Published prefix, with its dot or empty.
        unit (MultiScaleTemporalConv): The unit to fill.
    """
    D = len(unit.convs)
    branches = [f'{source}branches.{i}' for i in range(D + 2)]
    names.put_conv(f'{target}squeeze', [f'{b}.0' for b in branches])
    names.put_norm(f'{target}squeeze_bn', [f'{b}.1' for b in branches[:-1]])
    for i in range(D):
        names.put_conv(f'{target}convs.{i}', [f'{branches[i]}.3.conv'])
    closing = [f'{b}.3.bn' for b in branches[:D]]
    closing += [f'{branches[D]}.4', f'{branches[D + 1]}.1']
    names.put_norm(f'{target}bn', closing)


def adaptive_unit(
    names: PublishedNames, target: str, source: str, unit: AdaptiveGC
) -> None:
    """2s-AGCN's ``unit_gcn``, all but its fixed graph.

    Args:
        names (PublishedNames): The entries.
        target (str): Prefix in the model, with its dot or empty.
        source (str): Published prefix, with its dot or empty.
        unit (AdaptiveGC): The unit to fill.
    """
    K = unit.num_subsets
    names.put_conv(
        f'{target}relate',
        [f'{source}conv_{which}.{k}' for which in 'ab' for k in range(K)],
    )
    last = [f'{source}conv_d.{k}' for k in range(K)]
    names.put(f'{target}value.weight', [f'{d}.weight' for d in last], _columns)
    names.put(f'{target}value.bias', [f'{d}.bias' for d in last], _summed)
    names.put(f'{target}PA', [f'{source}PA'])
    names.put_norm(f'{target}bn', [f'{source}bn'])
    _down(names, f'{target}down', f'{source}down', unit.down)


def ctrgcn_network(
    names: PublishedNames, model: CTRGCN, mirrored: bool = False
) -> None:
    """CTR-GCN's whole encoder.

    Args:
        names (PublishedNames): The entries.
        model (CTRGCN): The network to fill.
        mirrored (bool): pyskl's names (``net.0``) instead of the published
            ones (``l1``). Defaults to False.
    """
    if model.data_bn_type is not None:
        names.put_norm('data_bn', ['data_bn'])
    for i, block in enumerate(model.blocks):
        source = f'net.{i}' if mirrored else f'l{i + 1}'
        target = f'blocks.{i}'
        ctrgc_unit(
            names, f'{target}.gcn1.', f'{source}.gcn1.', block.gcn1, mirrored
        )
        multi_scale_unit(
            names, f'{target}.tcn1.', f'{source}.tcn1.', block.tcn1
        )
        if block.residual is not None:
            _residual(
                names,
                f'{target}.residual',
                f'{source}.residual',
                block.residual,
            )


def agcn_network(names: PublishedNames, model: AGCN) -> None:
    """2s-AGCN's whole encoder.

    Args:
        names (PublishedNames): The entries.
        model (AGCN): The network to fill.
    """
    if model.data_bn_type is not None:
        names.put_norm('data_bn', ['data_bn'])
    for i, block in enumerate(model.blocks):
        source, target = f'l{i + 1}', f'blocks.{i}'
        adaptive_unit(names, f'{target}.gcn1.', f'{source}.gcn1.', block.gcn1)
        names.put_conv(f'{target}.tcn1.conv', [f'{source}.tcn1.conv'])
        names.put_norm(f'{target}.tcn1.bn', [f'{source}.tcn1.bn'])
        if block.residual is not None:
            _residual(
                names,
                f'{target}.residual',
                f'{source}.residual',
                block.residual,
            )
