"""The yardsticks of ``benchmarks/plain`` equal the golden numbers."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.models.golden_blocks import arrays_of, case_of, relative

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.plain.agcn import PlainAGCN, PlainAGCNBlock
from benchmarks.plain.ctrgcn import PlainCTRBlock, PlainCTRGCN

BLOCKS = {
    'tcn_gcn_3_8_s1_nores': (3, 8, 1, False),
    'tcn_gcn_8_8_s1_idres': (8, 8, 1, True),
    'tcn_gcn_8_16_s2_convres': (8, 16, 2, True),
    'tcn_gcn_8_8_s2_convres': (8, 8, 2, True),
}
FAMILIES = {'ctrgcn': PlainCTRBlock, 'agcn': PlainAGCNBlock}


def load(module, entries):
    """Load published entries; only counters may be absent."""
    found = module.load_state_dict(entries, strict=False)
    assert not found.unexpected_keys
    assert all('num_batches' in key for key in found.missing_keys)
    return module


def block_names(entries):
    """The names of a whole network, ``l1`` as ``blocks.0``."""
    return {
        f'blocks.{int(key[1 : key.index(".")]) - 1}{key[key.index(".") :]}'
        if key[0] == 'l'
        else key: value
        for key, value in entries.items()
        if not key.startswith('fc.')
    }


@pytest.mark.parity
@pytest.mark.parametrize('mode', ['eval', 'train'])
@pytest.mark.parametrize('seed', range(3))
@pytest.mark.parametrize('config', sorted(BLOCKS))
@pytest.mark.parametrize('family', sorted(FAMILIES))
def test_plain_block_matches_official(
    reference_dir, parity, family, config, seed, mode
):
    archive = np.load(reference_dir / f'{family}_blocks_s{seed}.npz')
    case = case_of(archive, config)
    A = torch.tensor(archive['A'], dtype=torch.float32)
    a, b, stride, residual = BLOCKS[config]
    block = FAMILIES[family](a, b, A, stride, residual)
    block = load(block, arrays_of(case, 'sd/')).double().train(mode == 'train')
    x = torch.tensor(case['x']).double().requires_grad_()

    y = block(x)
    y.backward(torch.tensor(case['gy']).double())

    parity.add(
        f'plain {family} {config}',
        relative(y, torch.tensor(case[f'{mode}/y'])),
        1e-9,
        f'{mode}/y',
    )
    parity.add(
        f'plain {family} {config}',
        relative(x.grad, torch.tensor(case[f'{mode}/dx_vjp'])),
        1e-9,
        f'{mode}/dx_vjp',
    )
    expected = arrays_of(case, f'{mode}/dp_vjp/')
    largest = max(g.abs().max().item() for g in expected.values())
    found = {name: p.grad for name, p in block.named_parameters()}
    assert set(found) == set(expected)
    for name, gradient in expected.items():
        is_zero = gradient.abs().max() < 1e-9 * largest
        parity.add(
            f'plain {family} {config}',
            relative(found[name], gradient, largest if is_zero else 0.0),
            1e-9,
            f'{mode}/dp_vjp/{name}',
        )


@pytest.mark.parity
@pytest.mark.parametrize(
    ('file', 'network', 'layer'),
    [
        ('ctrgcn_model_s0', PlainCTRGCN, 'l10'),
        ('agcn_stack_s0', PlainAGCN, 'l10'),
    ],
)
def test_plain_network_matches_official(
    reference_dir, parity, file, network, layer
):
    golden = np.load(reference_dir / f'{file}.npz')
    A = golden['A'] if 'A' in golden.files else None
    if A is None:
        A = np.load(reference_dir / 'ctrgcn_blocks_s0.npz')['A']
    model = network(torch.tensor(A, dtype=torch.float32))
    weights = arrays_of(golden, 'sd/')
    model = load(model, block_names(weights)).double().eval()
    x = torch.tensor(golden['x']).permute(0, 4, 2, 3, 1).double()

    with torch.no_grad():
        y = model(x).flatten(0, 1)

    found = relative(y, torch.tensor(golden[f'feat/{layer}']))
    parity.add(f'plain {file}', found, 1e-9, f'feat/{layer}')
