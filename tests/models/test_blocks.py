from __future__ import annotations

import numpy as np
import pytest
import torch

from mmsnip.models.backbones.blocks import (
    MultiScaleTemporalConv,
    TemporalConv,
    mask_frames,
    shortcut,
    temporal_conv,
)
from mmsnip.models.backbones.published import multi_scale_unit
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


class WithResidual(torch.nn.Module):
    def __init__(self, a, b, kernel, dilations, stride, residual, dim):
        super().__init__()
        self.unit = MultiScaleTemporalConv(
            a, b, kernel, dilations, stride, time_dim=dim
        )
        self.residual = shortcut(a, b, stride, residual, dim)

    def forward(self, x):
        y = self.unit(x)
        return y if self.residual is None else y + self.residual(x)


def map_multi_scale(names, module):
    multi_scale_unit(names, 'unit.', '', module.unit)
    if isinstance(module.residual, TemporalConv):
        names.put_conv('residual.conv', ['residual.conv'])
        names.put_norm('residual.bn', ['residual.bn'])


def map_temporal(names, module):
    names.put_conv('conv', ['conv'])
    names.put_norm('bn', ['bn'])


def golden(reference_dir, family, seed, config):
    archive = np.load(reference_dir / f'{family}_blocks_s{seed}.npz')
    return {
        key[len(config) + 1 :]: archive[key]
        for key in archive.files
        if key.startswith(f'{config}/')
    }


@pytest.mark.parity
@pytest.mark.parametrize('dim', [2, 3])
@pytest.mark.parametrize(
    ('dtype', 'limit'), [(torch.float32, 1e-5), (torch.float64, 2e-7)]
)
@pytest.mark.parametrize('seed', [0, 1, 2])
@pytest.mark.parametrize('config', sorted(MULTI_SCALE))
def test_multi_scale_unit_matches_official(
    reference_dir, record_property, config, seed, dtype, limit, dim
):
    case = golden(reference_dir, 'ctrgcn', seed, config)

    found = deviations(
        case,
        lambda: WithResidual(*MULTI_SCALE[config], dim),
        map_multi_scale,
        lambda module, x: module(x),
        dtype,
        swapped=dim == 3,
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
        map_temporal,
        lambda module, x: module(x),
        dtype,
        swapped=False,
    )

    record_property('largest deviation', check(found, limit))


def test_remaining_channels_go_to_the_last_branch():
    unit = MultiScaleTemporalConv(7, 11)

    y = unit(torch.randn(2, 7, 5, 6))

    assert y.shape == (2, 11, 5, 6)
    assert unit.width == 2
    assert unit.squeeze.weight[unit.num_wide :].shape[0] == 5


def test_more_branches_than_channels_are_refused():
    with pytest.raises(ValueError, match='cannot be shared among the 4'):
        MultiScaleTemporalConv(7, 3)


def test_even_kernels_are_refused():
    with pytest.raises(ValueError, match='kernel_size=4 must be odd'):
        temporal_conv(3, 5, 4, 1, 1, 2)


@pytest.mark.parametrize('dim', [2, 3])
@pytest.mark.parametrize('stride', [1, 2])
@pytest.mark.parametrize('T', range(1, 10))
def test_temporal_units_keep_one_frame_per_stride(T, stride, dim):
    shape = (2, 5, T, 4) if dim == 2 else (2, 5, 4, T)

    long = TemporalConv(5, 8, 9, stride, dim)(torch.randn(shape))
    multi = MultiScaleTemporalConv(5, 8, stride=stride, time_dim=dim)(
        torch.randn(shape)
    )

    assert long.shape[dim] == multi.shape[dim] == -(-T // stride)


@pytest.mark.parametrize('dim', [2, 3])
def test_mask_zeroes_exactly_the_padded_frames(dim):
    x = torch.ones(3, 2, 7, 5) if dim == 2 else torch.ones(3, 2, 5, 7)

    masked = mask_frames(x, torch.tensor([0, 4, 7]), dim)

    per_row = masked.sum((1, 5 - dim))  # (3, T)
    assert per_row.count_nonzero(1).tolist() == [0, 4, 7]
    assert bool((per_row[1, :4] == 10).all())


def test_mask_removes_even_nan_padding():
    x = torch.full((1, 2, 3, 4), float('nan'))
    x[:, :, :2] = 1.0

    assert bool(mask_frames(x, torch.tensor([2]), 2).isfinite().all())
