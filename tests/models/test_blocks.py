from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from mmsnip.models.backbones.ctrgcn import GraphUnit
from mmsnip.models.backbones.units import (
    MultiScaleTemporalConv,
    TemporalConv,
    block_shortcut,
    mask_frames,
)
from mmsnip.models.ops.channel_topology import is_eager_cpu, sum_of_subsets
from tests.models.golden_blocks import check, deviations

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


class WithResidual(MultiScaleTemporalConv):
    """The published unit, whose residual has its own name in it."""

    def __init__(self, a, b, kernel, dilations, stride, residual):
        super().__init__(a, b, kernel, dilations, stride)
        self.residual = block_shortcut(a, b, stride, residual)

    def forward(self, x):
        y = super().forward(x)
        return y if self.residual is None else y + self.residual(x)


def golden(reference_dir, family, seed, config):
    archive = np.load(reference_dir / f'{family}_blocks_s{seed}.npz')
    return {
        key[len(config) + 1 :]: archive[key]
        for key in archive.files
        if key.startswith(f'{config}/')
    }


@pytest.mark.parity
@pytest.mark.parametrize(
    ('dtype', 'limit'), [(torch.float32, 1e-5), (torch.float64, 2e-7)]
)
@pytest.mark.parametrize('seed', [0, 1, 2])
@pytest.mark.parametrize('config', sorted(MULTI_SCALE))
def test_multi_scale_unit_matches_official(
    reference_dir, record_property, config, seed, dtype, limit
):
    case = golden(reference_dir, 'ctrgcn', seed, config)

    found = deviations(
        case,
        lambda: WithResidual(*MULTI_SCALE[config]),
        dtype,
    )

    record_property('largest deviation', check(found, limit))


@pytest.mark.parity
@pytest.mark.parametrize(
    ('dtype', 'limit'), [(torch.float32, 1e-5), (torch.float64, 2e-7)]
)
@pytest.mark.parametrize('seed', [0, 1, 2])
@pytest.mark.parametrize(
    ('family', 'config'), [(f, c) for f in TEMPORAL for c in TEMPORAL[f]]
)
def test_temporal_unit_matches_official(
    reference_dir, record_property, family, config, seed, dtype, limit
):
    case = golden(reference_dir, family, seed, config)

    found = deviations(
        case,
        lambda: TemporalConv(*TEMPORAL[family][config]),
        dtype,
    )

    record_property('largest deviation', check(found, limit))


def test_remaining_channels_go_to_the_last_branch():
    unit = MultiScaleTemporalConv(7, 11)

    y = unit(torch.randn(2, 7, 5, 6))

    assert y.shape == (2, 11, 5, 6)
    assert [len(branch[0].weight) for branch in unit.branches] == [2, 2, 2, 5]


def test_more_branches_than_channels_are_refused():
    with pytest.raises(ValueError, match='cannot be shared among the 4'):
        MultiScaleTemporalConv(7, 3)


def test_even_kernels_are_refused():
    with pytest.raises(ValueError, match='kernel_size=4 must be odd'):
        TemporalConv(3, 5, 4)


def test_mask_removes_even_nan_padding():
    x = torch.ones(3, 2, 7, 5)
    x[1, :, 4:] = float('nan')

    masked = mask_frames(x, torch.tensor([0, 4, 7]))

    assert masked.sum((1, 3)).count_nonzero(1).tolist() == [0, 4, 7]
    assert bool((masked[1, :, :4] == 1).all())


@pytest.mark.parametrize(('N', 'V', 'T'), [(4, 5, 7), (1, 1, 1), (2, 25, 13)])
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_fast_channel_topology_equals_its_plain_twin(N, V, T, dtype):
    torch.manual_seed(3)
    unit = GraphUnit(6, 9, torch.randn(3, V, V)).to(dtype)
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
        if other is None:
            assert value is None, name
            continue
        torch.testing.assert_close(
            value, other, rtol=limit, atol=limit, msg=name
        )


def plain_sum(x, mean, convs, A, alpha):
    return sum(conv(x, mean, A[k], alpha) for k, conv in enumerate(convs))


def test_fast_channel_topology_is_for_eager_cpus_alone():
    x = torch.zeros(1)

    assert is_eager_cpu(x)
    assert not is_eager_cpu(x.to('meta'))
    with torch.autocast('cpu', torch.bfloat16):
        assert not is_eager_cpu(x)
