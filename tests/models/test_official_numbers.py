"""Units, blocks and networks against the official implementations' numbers."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from mmsnip.models import AGCN, CTRGCN, load_official_state_dict
from mmsnip.models.backbones import agcn, ctrgcn
from mmsnip.models.backbones.units import (
    MultiScaleTemporalConv,
    TemporalConv,
    block_shortcut,
    mask_frames,
)
from mmsnip.models.ops.channel_topology import is_eager_cpu, sum_of_subsets
from tests.models.golden_blocks import case_of, deviations, report, unpacked
from tests.parity import SEEDS

DTYPES = pytest.mark.parametrize(
    ('dtype', 'limit'), [(torch.float32, 1e-5), (torch.float64, 1e-9)]
)
FAMILIES = dict(agcn=agcn, ctrgcn=ctrgcn)
ARCHIVES = dict(agcn='agcn_blocks_s{}.npz', ctrgcn='ctrgcn_blocks_s{}.npz')
GRAPH_UNITS = {
    'agcn': {
        'unit_gcn_3_8': (3, 8),
        'unit_gcn_8_8': (8, 8),
        'unit_gcn_8_16': (8, 16),
    },
    'ctrgcn': {
        'unit_gcn_3_8': (3, 8, True),
        'unit_gcn_16_16': (16, 16, True),
        'unit_gcn_8_16': (8, 16, True),
        'unit_gcn_8_16_nores': (8, 16, False),
    },
}
BLOCKS = {
    'tcn_gcn_3_8_s1_nores': (3, 8, 1, False),
    'tcn_gcn_8_8_s1_idres': (8, 8, 1, True),
    'tcn_gcn_8_16_s2_convres': (8, 16, 2, True),
    'tcn_gcn_8_8_s2_convres': (8, 8, 2, True),
}
MULTI_SCALE = {
    'mstcn_8_8_k5_d12_s1_nores': (8, 8, 5, (1, 2), 1, False),
    'mstcn_8_8_k5_d12_s2_nores': (8, 8, 5, (1, 2), 2, False),
    'mstcn_8_8_k5_d12_s1_idres': (8, 8, 5, (1, 2), 1, True),
    'mstcn_8_12_k3_d1234_s2_convres': (8, 12, 3, (1, 2, 3, 4), 2, True),
}
TEMPORAL = {
    'ctrgcn': {'unit_tcn_8_12_k9_s2': (8, 12, 9, 2)},
    'agcn': {
        'unit_tcn_8_8_k9_s1': (8, 8, 9, 1),
        'unit_tcn_8_8_k9_s2': (8, 8, 9, 2),
        'unit_tcn_8_12_k1_s2': (8, 12, 1, 2),
    },
}


def golden(reference_dir, family, seed):
    """Archive of a family's blocks, and its graph."""
    archive = np.load(reference_dir / ARCHIVES[family].format(seed))
    return archive, torch.tensor(archive['A'], dtype=torch.float32)


def plain(unit, x, mean, A, alpha):
    return unit(x, mean, A, alpha)


def fast(unit, x, mean, A, alpha):
    return sum_of_subsets(x, mean, [unit], A[None], alpha)


@pytest.mark.parity
@DTYPES
@pytest.mark.parametrize('seed', SEEDS['ctrgcn_blocks'])
@pytest.mark.parametrize(
    'config', ['ctrgc_3_16', 'ctrgc_16_8', 'ctrgc_16_8_noA']
)
@pytest.mark.parametrize('subset', [plain, fast])
def test_topology_of_one_subset_matches_official(
    reference_dir, parity, subset, config, seed, dtype, limit
):
    case = case_of(golden(reference_dir, 'ctrgcn', seed)[0], config)
    sizes = [int(n) for n in config.split('_')[1:3]]
    A = torch.tensor(case.pop('A_arg', np.zeros((25, 25)))).to(dtype)
    alpha = torch.tensor(float(case.pop('alpha_arg', 1.0)), dtype=dtype)

    found = deviations(
        case,
        lambda: ctrgcn.CTRGC(*sizes),
        dtype,
        lambda unit, x: subset(unit, x, x.mean(2, keepdim=True), A, alpha),
    )

    report(parity, config, dtype, found, limit)


@pytest.mark.parity
@DTYPES
@pytest.mark.parametrize('seed', range(3))
@pytest.mark.parametrize(
    ('family', 'config'), [(f, c) for f in GRAPH_UNITS for c in GRAPH_UNITS[f]]
)
def test_graph_unit_matches_official(
    reference_dir, parity, family, config, seed, dtype, limit
):
    archive, A = golden(reference_dir, family, seed)
    a, b, *residual = GRAPH_UNITS[family][config]

    found = deviations(
        case_of(archive, config),
        lambda: FAMILIES[family].GraphUnit(a, b, A, *residual),
        dtype,
    )

    report(parity, f'{family} {config}', dtype, found, limit)


@pytest.mark.parity
@DTYPES
@pytest.mark.parametrize('seed', range(3))
@pytest.mark.parametrize('config', sorted(BLOCKS))
@pytest.mark.parametrize('family', FAMILIES)
def test_block_matches_official(
    reference_dir, parity, family, config, seed, dtype, limit
):
    archive, A = golden(reference_dir, family, seed)
    a, b, stride, residual = BLOCKS[config]
    block = dict(agcn=agcn.AGCNBlock, ctrgcn=ctrgcn.CTRGCNBlock)[family]

    found = deviations(
        case_of(archive, config),
        lambda: block(a, b, A, stride, residual),
        dtype,
    )

    report(parity, f'{family} {config}', dtype, found, limit)


class WithResidual(MultiScaleTemporalConv):
    """The published unit, whose residual has its own name in it."""

    def __init__(self, a, b, kernel, dilations, stride, residual):
        super().__init__(a, b, kernel, dilations, stride)
        self.residual = block_shortcut(a, b, stride, residual)

    def forward(self, x):
        y = super().forward(x)
        return y if self.residual is None else y + self.residual(x)


@pytest.mark.parity
@pytest.mark.parametrize(
    ('dtype', 'limit'), [(torch.float32, 1e-5), (torch.float64, 2e-7)]
)
@pytest.mark.parametrize('seed', range(3))
@pytest.mark.parametrize('config', sorted(MULTI_SCALE))
def test_multi_scale_unit_matches_official(
    reference_dir, parity, config, seed, dtype, limit
):
    case = case_of(golden(reference_dir, 'ctrgcn', seed)[0], config)

    found = deviations(case, lambda: WithResidual(*MULTI_SCALE[config]), dtype)

    report(parity, config, dtype, found, limit)


@pytest.mark.parity
@pytest.mark.parametrize(
    ('dtype', 'limit'), [(torch.float32, 1e-5), (torch.float64, 2e-7)]
)
@pytest.mark.parametrize('seed', range(3))
@pytest.mark.parametrize(
    ('family', 'config'), [(f, c) for f in TEMPORAL for c in TEMPORAL[f]]
)
def test_temporal_unit_matches_official(
    reference_dir, parity, family, config, seed, dtype, limit
):
    case = case_of(golden(reference_dir, family, seed)[0], config)

    found = deviations(
        case, lambda: TemporalConv(*TEMPORAL[family][config]), dtype
    )

    report(parity, f'{family} {config}', dtype, found, limit)


@pytest.mark.parity
@DTYPES
@pytest.mark.parametrize('file', ['agcn_block.npz', 'ctrgcn_block.npz'])
def test_committed_block_matches_official(
    golden_dir, parity, file, dtype, limit
):
    with np.load(golden_dir / file) as archive:
        case = unpacked(archive)
    A = torch.tensor(case.pop('A', np.zeros((3, 25, 25), np.float32)))

    found = deviations(
        case,
        lambda: (
            agcn.AGCNBlock(8, 8, A, 2)
            if file.startswith('agcn')
            else ctrgcn.CTRGCNBlock(8, 16, A, 2)
        ),
        dtype,
    )

    report(parity, file, dtype, found, limit)
    assert set(found) == {
        *('eval/y', 'train/y', 'train/dx_vjp', 'train/dp_vjp'),
        'train/buf_after',
    }


@pytest.mark.parity
def test_graphs_of_the_networks_are_the_published_ones(
    reference_dir, golden_dir, parity
):
    layout = dict(layout='nturgb+d-official')
    A = CTRGCN(layout, num_stages=1, out_indices=(0,)).adjacency()

    committed = np.load(golden_dir / 'agcn_block.npz')
    parity.close('graph', A, committed['A'], 0.0, 'A')
    for seed in SEEDS['ctrgcn_blocks']:
        archive = np.load(reference_dir / f'ctrgcn_blocks_s{seed}.npz')
        parity.close('graph', A, archive['A'].astype(np.float32), 0.0, 'A')


def stages_of(model, golden, source, dtype):
    """Load the official weights; all stages of the golden input."""
    weights = {
        key[3:]: torch.tensor(golden[key])
        for key in golden.files
        if key.startswith('sd/')
    }
    loaded = load_official_state_dict(model, weights, source)
    A = getattr(model.blocks[0].gcn1, 'A', torch.zeros(0)).clone()
    x = torch.tensor(golden['x']).permute(0, 4, 2, 3, 1)
    with torch.no_grad():
        stages = model.to(dtype).eval()(x.to(dtype))
    return loaded, A, [stage.flatten(0, 1).numpy() for stage in stages]


@pytest.mark.parity
@pytest.mark.parametrize(
    ('dtype', 'limit', 'exact'),
    [(torch.float32, 5e-5, 5e-5), (torch.float64, 1e-9, 1e-12)],
)
@pytest.mark.parametrize('file', ['agcn_stack_s0.npz', 'ctrgcn_model_s0.npz'])
def test_every_layer_matches_official_network(
    reference_dir, parity, file, dtype, limit, exact
):
    archive = np.load(reference_dir / file)
    source = file.split('_')[0]
    network = dict(agcn=AGCN, ctrgcn=CTRGCN)[source]
    model = network(dict(layout='nturgb+d'), out_indices=tuple(range(10)))
    precision = f'{source} {str(dtype).split(".")[-1]}'

    loaded, A, stages = stages_of(model, archive, source, dtype)

    for layer, rows in enumerate(stages, start=1):
        wide = rows.astype(np.float64)
        for key, value, bound in (
            ('feat_sub', rows[:, ::4, ::2], limit),
            ('feat', rows, limit),
            ('feat_mean', wide.mean((0, 2, 3)), exact),
            ('feat_std', wide.std((0, 2, 3)), exact),
        ):
            at = f'{key}/l{layer}'
            if at in archive.files:
                case = f'{key}, {precision}'
                parity.close(case, value, archive[at], bound, at, True)
    if source == 'agcn':
        parity.close('graph', A, archive['A'].astype(np.float32), 0.0, 'A')
        return
    assert loaded.dropped == ['fc.weight', 'fc.bias']
    pooled = wide.reshape(2, 2, 256, -1).mean((1, 3))
    logits = pooled @ archive['sd/fc.weight'].T.astype(float)
    logits = logits + archive['sd/fc.bias']
    for at, bound in (('logits', limit), ('logits_f64', exact)):
        parity.close(
            f'{at}, {precision}', logits, archive[at], bound, at, True
        )


def test_remaining_channels_go_to_the_last_branch():
    unit = MultiScaleTemporalConv(7, 11)

    y = unit(torch.randn(2, 7, 5, 6))

    assert y.shape == (2, 11, 5, 6)
    assert [len(branch[0].weight) for branch in unit.branches] == [2, 2, 2, 5]


def test_more_branches_than_channels_and_even_kernels_are_refused():
    with pytest.raises(ValueError, match='cannot be shared among the 4'):
        MultiScaleTemporalConv(7, 3)
    with pytest.raises(ValueError, match='kernel_size=4 must be odd'):
        TemporalConv(3, 5, 4)


def test_mask_removes_even_nan_padding():
    x = torch.ones(3, 2, 7, 5)
    x[1, :, 4:] = float('nan')

    masked = mask_frames(x, torch.tensor([0, 4, 7]))

    assert masked.sum((1, 3)).count_nonzero(1).tolist() == [0, 4, 7]
    assert bool((masked[1, :, :4] == 1).all())


def plain_sum(x, mean, convs, A, alpha):
    return sum(conv(x, mean, A[k], alpha) for k, conv in enumerate(convs))


@pytest.mark.parametrize(('N', 'V', 'T'), [(4, 5, 7), (1, 1, 1), (2, 25, 13)])
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_fast_channel_topology_equals_its_plain_twin(N, V, T, dtype):
    torch.manual_seed(3)
    unit = ctrgcn.GraphUnit(6, 9, torch.randn(3, V, V)).to(dtype)
    torch.nn.init.constant_(unit.alpha, 0.7)
    twin = copy.deepcopy(unit)
    x = torch.randn(N, 6, T, V, dtype=dtype)
    cotangent = torch.randn(N, 9, T, V, dtype=dtype)
    limit = 1e-4 if dtype == torch.float32 else 1e-11

    found = []
    for module, subsets in ((unit, sum_of_subsets), (twin, plain_sum)):
        inputs = x.clone().requires_grad_()
        mean = inputs.mean(2, keepdim=True)
        y = subsets(inputs, mean, module.convs, module.PA, module.alpha)
        y.backward(cotangent)
        grads = {n: p.grad for n, p in module.named_parameters()}
        found.append({'y': y.detach(), 'x': inputs.grad, **grads})

    for name, value in found[0].items():
        other = found[1][name]
        assert (value is None) == (other is None), name
        if value is not None:
            torch.testing.assert_close(value, other, rtol=limit, atol=limit)


def test_fast_channel_topology_is_for_eager_cpus_alone():
    x = torch.zeros(1)

    assert is_eager_cpu(x)
    assert not is_eager_cpu(x.to('meta'))
    with torch.autocast('cpu', torch.bfloat16):
        assert not is_eager_cpu(x)
