from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from mmsnip.models.backbones import row_operations
from mmsnip.models.backbones.aggregate import aggregate_rows, spread_rows
from mmsnip.models.backbones.blocks import (
    MultiScaleTemporalConv,
    TemporalConv,
    mask_frames,
    shortcut,
    temporal_conv,
)
from mmsnip.models.backbones.norms import norm_rows
from mmsnip.models.backbones.published import multi_scale_unit
from mmsnip.models.backbones.row_operations import (
    convolve_time,
    max_of_three,
)
from mmsnip.models.backbones.rows import from_rows, product, to_rows
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


@pytest.mark.parametrize('time_dim', [2, 3])
def test_rows_keep_every_value_and_come_back_without_a_copy(time_dim):
    x = torch.randn(4, 3, 7, 5)

    rows = to_rows(x, time_dim)
    back = from_rows(rows, time_dim)

    assert rows.shape == ((3, 4, 5, 7) if time_dim == 2 else (3, 4, 7, 5))
    assert torch.equal(back, x)
    assert to_rows(back, time_dim).data_ptr() == rows.data_ptr()


@pytest.mark.parametrize('transposed', [False, True])
def test_product_and_its_gradients_are_those_of_a_matrix_product(transposed):
    torch.manual_seed(0)
    a = torch.randn(7, 5) if not transposed else torch.randn(5, 7).t()
    b = torch.randn(5, 22)[:, ::2]  # neither axis is contiguous
    cotangent = torch.randn(7, 11)

    found = gradients(product, (a, b), cotangent)

    expected = gradients(torch.mm, (a.double(), b.double()), cotangent)
    for ours, exact in zip(found, expected):
        torch.testing.assert_close(ours.double(), exact, rtol=0, atol=1e-5)


@pytest.mark.parametrize('training', [False, True])
@pytest.mark.parametrize('relu', [False, True])
@pytest.mark.parametrize('has_bias', [False, True])
@pytest.mark.parametrize('has_residual', [False, True])
@pytest.mark.parametrize('tracked', [False, True])
def test_norm_of_rows_is_pytorchs(
    training, relu, has_bias, has_residual, tracked
):
    torch.manual_seed(1)
    bn = torch.nn.BatchNorm2d(3, momentum=0.3)
    torch.nn.init.uniform_(bn.weight, 0.5, 1.5)
    torch.nn.init.normal_(bn.bias)
    bn = bn.double().train(training)
    bn.track_running_stats = tracked or not training
    twin = copy.deepcopy(bn)
    x, residual = torch.randn(2, 3, 4, 5, 7).double().unbind()
    bias = torch.randn(3).double()
    cotangent = torch.randn(3, 4, 5, 7).double()

    def ours(x, residual, bias, *_):
        bias = bias if has_bias else None
        return norm_rows(bn, x, bias, residual if has_residual else None, relu)

    def published(x, residual, bias, *_):
        if has_bias:
            x = x + bias.view(3, 1, 1, 1)
        y = twin(x.transpose(0, 1)).transpose(0, 1)
        y = y + residual if has_residual else y
        return y.relu() if relu else y

    found = gradients(ours, (x, residual, bias), cotangent)
    expected = gradients(published, (x, residual, bias), cotangent)

    for one, other in zip(found, expected):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)
    for one, other in zip(
        [bn.weight.grad, bn.bias.grad, *bn.buffers()],
        [twin.weight.grad, twin.bias.grad, *twin.buffers()],
    ):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


@pytest.mark.parametrize('stride', [1, 2, 3])
@pytest.mark.parametrize('T', range(1, 9))
def test_maximum_of_three_is_max_pooling(T, stride):
    torch.manual_seed(2)
    x = torch.randn(3, 4, 5, T).double().relu()
    cotangent = torch.randn(3, 4, 5, -(-T // stride)).double()

    def pool(x):
        x = x.relu()  # as in the unit: where all are zero, none moves
        return torch.nn.functional.max_pool2d(x, (1, 3), (1, stride), (0, 1))

    found = gradients(
        lambda x: max_of_three(x.relu(), stride), (x,), cotangent
    )

    for ours, theirs in zip(found, gradients(pool, (x,), cotangent)):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=0)


def test_sum_over_the_graphs_is_its_formula():
    torch.manual_seed(3)
    value = torch.randn(2, 3, 4, 5, 7).double()
    shared = torch.randn(2, 3, 1, 5, 5).double()
    lift, relation = torch.randn(2, 3, 6), torch.randn(2, 6, 4, 5, 5)
    inputs = (value, shared, lift.double(), relation.double())
    cotangent = torch.randn(3, 4, 5, 7).double()

    def formula(value, shared, lift, relation):
        W = shared + torch.einsum('kcr,krnuv->kcnuv', lift, relation)
        return torch.einsum('kcnuv,kcnvt->cnut', W, value)

    found = gradients(aggregate_rows, inputs, cotangent)

    for ours, slow in zip(found, gradients(formula, inputs, cotangent)):
        torch.testing.assert_close(ours, slow, rtol=0, atol=1e-11)


def test_graphs_that_channels_share_move_all_of_them():
    torch.manual_seed(4)
    inputs = torch.randn(3, 4, 5, 7).double(), torch.randn(2, 4, 5, 5).double()
    cotangent = torch.randn(2, 3, 4, 5, 7).double()

    def formula(x, links):
        return torch.einsum('knuv,cnvt->kcnut', links, x)

    found = gradients(spread_rows, inputs, cotangent)

    for ours, slow in zip(found, gradients(formula, inputs, cotangent)):
        torch.testing.assert_close(ours, slow, rtol=0, atol=1e-11)


@pytest.mark.parametrize('stride', [1, 2])
@pytest.mark.parametrize('T', [1, 2, 13])
@pytest.mark.parametrize('samples', [1, 3, 4])
def test_wide_convolution_over_time_is_pytorchs(
    T, stride, samples, monkeypatch
):
    groups = row_operations.groups_of
    size = samples * 57 * 5 * T * 8  # bytes; the batch has 4
    monkeypatch.setattr(
        row_operations, 'groups_of', lambda x, _: groups(x, size)
    )
    torch.manual_seed(5)
    conv = temporal_conv(57, 6, 9, stride, 1, 3).double()  # 513 terms
    x = torch.randn(57, 4, 5, T).double()
    cotangent = torch.randn(6, 4, 5, -(-T // stride)).double()

    def published(x):
        y = twin(x.transpose(0, 1)).transpose(0, 1)
        return y - twin.bias.view(-1, 1, 1, 1)

    twin = copy.deepcopy(conv)
    found = gradients(lambda x: convolve_time(x, conv), (x,), cotangent)
    expected = gradients(published, (x,), cotangent)

    assert type(convolve_time(x, conv).grad_fn).__name__.startswith('_Wide')
    for ours, theirs in zip(
        [*found, conv.weight.grad], [*expected, twin.weight.grad]
    ):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-11)


@pytest.mark.parametrize(
    ('size', 'sizes'), [(1, [1] * 4), (1300, [3, 1]), (9999, [4])]
)
def test_groups_hold_every_sample_once_within_their_bytes(size, sizes):
    x = torch.zeros(3, 4, 5, 7)  # 420 bytes a sample

    groups = list(row_operations.groups_of(x, size))

    assert [group.stop - group.start for group in groups] == sizes
    assert [n for g in groups for n in range(4)[g]] == [0, 1, 2, 3]


def test_a_replaced_batch_norm_is_used():
    class Doubling(torch.nn.Module):
        def forward(self, x):
            return 2 * x

    x = torch.randn(3, 4, 5, 7)

    y = norm_rows(Doubling(), x, torch.ones(3))

    torch.testing.assert_close(y, 2 * (x + 1))


def gradients(function, inputs, cotangent):
    """The value, and the gradient of each input (zero where it has none)."""
    inputs = [x.detach().requires_grad_() for x in inputs]
    y = function(*inputs)
    y.backward(cotangent.to(y.dtype))
    return [
        y.detach(),
        *(torch.zeros_like(x) if x.grad is None else x.grad for x in inputs),
    ]
