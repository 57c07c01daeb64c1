"""State dict keys: of published networks, and of our earlier versions."""

from __future__ import annotations

import re
from collections.abc import MutableMapping

import torch
from torch import Tensor

NORM_KEYS = (
    'weight',
    'bias',
    'running_mean',
    'running_var',
    'num_batches_tracked',
)


MIRRORED = ('pyskl-ctrgcn', 'mmaction-ctrgcn')


def published_name(name: str, source: str) -> str:
    """Under which name a source publishes one of our parameters.

    Units have the published names; blocks are counted otherwise. pyskl's and
    mmaction2's CTR-GCN sum over the row index of the topology where the
    published network sums over the column index. Theirs is ours with the two
    projections exchanged and negated (tanh is odd, so tanh(x1[v] - x2[u]) =
    tanh(-x2[u] - (-x1[v]))) and the learned graph transposed.
    """
    if source in MIRRORED:
        name = re.sub(r'^blocks\.', 'net.', name)
        name = re.sub(r'gcn1\.PA$', 'gcn1.A', name)
        swap = {'conv1': 'conv2', 'conv2': 'conv1'}
        return re.sub(
            r'(gcn1\.convs\.\d+\.)(conv[12])',
            lambda m: m[1] + swap[m[2]],
            name,
        )
    return re.sub(r'^blocks\.(\d+)', lambda m: f'l{int(m[1]) + 1}', name)


def from_published(name: str, value: Tensor, source: str) -> Tensor:
    """The value of one of our parameters, from the published one."""
    if source in MIRRORED and name.endswith('gcn1.PA'):
        return value.transpose(-1, -2)
    if source in MIRRORED and re.search(r'\.conv[12]\.', name):
        return -value
    return value


def take_earlier_names(
    entries: MutableMapping[str, Tensor], prefix: str = ''
) -> None:
    """Split, in place, what earlier versions stored as one parameter."""
    for name in list(entries):
        if not name.startswith(prefix):
            continue
        if name.endswith('gcn1.relate.weight'):
            unit = name[: -len('relate.weight')]
            if f'{unit}lift_weight' in entries:
                _split_channel_topology(entries, unit)
            else:
                _split_adaptive(entries, unit)
        elif name.endswith('tcn1.squeeze.weight'):
            _split_branches(entries, name[: -len('squeeze.weight')])


def _split_channel_topology(
    entries: MutableMapping[str, Tensor], unit: str
) -> None:
    """CTR-GCN's graph unit; its values' rows are (channel, subset)."""
    K = len(entries[f'{unit}PA'])
    for key in ('weight', 'bias'):
        relate = entries.pop(f'{unit}relate.{key}').chunk(2 * K)
        value = entries.pop(f'{unit}value.{key}').unflatten(0, (-1, K))
        lift = entries.pop(f'{unit}lift_{key}')
        for k in range(K):
            parts = (relate[k], relate[K + k], value[:, k], lift[k])
            for number, part in enumerate(parts, start=1):
                if key == 'weight':
                    part = part.reshape(*part.shape[:2], 1, 1)
                entries[f'{unit}convs.{k}.conv{number}.{key}'] = part.clone()


def _split_adaptive(entries: MutableMapping[str, Tensor], unit: str) -> None:
    """AGCN's graph unit; the last projections' biases were one sum."""
    K = len(entries[f'{unit}PA'])
    last = entries.pop(f'{unit}value.weight').chunk(K, dim=1)
    shift = entries.pop(f'{unit}value.bias')
    for key in ('weight', 'bias'):
        relate = entries.pop(f'{unit}relate.{key}').chunk(2 * K)
        for k in range(K):
            entries[f'{unit}conv_a.{k}.{key}'] = relate[k].clone()
            entries[f'{unit}conv_b.{k}.{key}'] = relate[K + k].clone()
    for k in range(K):
        entries[f'{unit}conv_d.{k}.weight'] = last[k].clone()
        entries[f'{unit}conv_d.{k}.bias'] = shift * float(k == 0)


def _split_branches(entries: MutableMapping[str, Tensor], unit: str) -> None:
    """CTR-GCN's temporal unit."""
    convs = [n for n in entries if n.startswith(f'{unit}convs.')]
    D = sum(name.endswith('.weight') for name in convs)
    width = len(entries[f'{unit}squeeze_bn.weight']) // (D + 1)
    sizes = [width] * (D + 1)
    sizes.append(len(entries[f'{unit}bn.weight']) - sum(sizes))
    branches = [f'{unit}branches.{i}.' for i in range(D + 2)]
    closing = [f'{b}3.bn' for b in branches[:D]]
    closing += [f'{branches[D]}4', f'{branches[D + 1]}1']
    opening = [f'{b}1' for b in branches[:-1]]
    for key in ('weight', 'bias'):
        _split(entries, f'{unit}squeeze.{key}', branches, f'0.{key}', sizes)
        for i in range(D):
            value = entries.pop(f'{unit}convs.{i}.{key}')
            if key == 'weight':  # (.., 1, kernel) then
                value = value.transpose(2, 3)
            entries[f'{branches[i]}3.conv.{key}'] = value.clone()
    for key in NORM_KEYS:
        _split(entries, f'{unit}squeeze_bn.{key}', opening, f'.{key}', sizes)
        _split(entries, f'{unit}bn.{key}', closing, f'.{key}', sizes)


def _split(
    entries: MutableMapping[str, Tensor],
    name: str,
    targets: list[str],
    key: str,
    sizes: list[int],
) -> None:
    """Share the rows of an entry among some targets; a counter is copied."""
    value = entries.pop(name, None)
    if value is None:
        return
    count = len(targets)
    parts = [value] * count if value.dim() == 0 else None
    parts = parts or torch.split(value, sizes[:count])
    for target, part in zip(targets, parts):
        entries[f'{target}{key}'] = part.clone()
