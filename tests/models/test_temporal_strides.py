"""Strides over time of every encoder, chosen block by block."""

from __future__ import annotations

import pytest
import torch

from mmsnip.apis.custom import OTHER_STRIDES, STRIDES
from mmsnip.models import AGCN, CTRGCN, STGCN
from mmsnip.models.sliding import block_strides
from tests.models.padding import check_padding

CHAIN = dict(parents=[-1, 0, 1, 1, 3])
ENCODERS = dict(AGCN=AGCN, CTRGCN=CTRGCN, STGCN=STGCN)
OTHERS = ['CTRGCN', 'STGCN']
UNITS = [
    ('CTRGCN', {}),
    ('STGCN', {}),
    ('STGCN', dict(tcn_type='unit_tcn', gcn_with_res=False)),
    ('STGCN', dict(tcn_dropout=[0.0, 0.1, 0.2])),
]


def small(encoder, strides, **changes):
    """Three blocks, the last one wider, every parameter drawn."""
    options = dict(
        base_channels=12,
        inflate_stages=(3,),
        num_stages=3,
        down_stages=(),
        out_indices=(0, 1, 2),
        temporal_strides=strides,
    )
    model = ENCODERS[encoder](CHAIN, **{**options, **changes})
    torch.manual_seed(0)
    with torch.no_grad():
        for name, value in sorted(model.state_dict().items()):
            if value.is_floating_point():
                value.copy_(torch.randn_like(value) * 0.3)
            if name.endswith('running_var') or 'bn.weight' in name:
                value.abs_().add_(1)
    return model.double().eval()


@pytest.mark.parametrize('encoder', ENCODERS)
def test_no_choice_of_the_custom_configs_changes_the_weights(encoder):
    def shapes(**options):
        model = ENCODERS[encoder](CHAIN, base_channels=8, **options)
        return {k: tuple(v.shape) for k, v in model.state_dict().items()}

    for total, strides in (
        STRIDES if encoder == 'AGCN' else OTHER_STRIDES
    ).items():
        assert torch.tensor(strides).prod() == total
        assert shapes(temporal_strides=strides) == shapes()


@pytest.mark.parametrize('encoder', OTHERS)
def test_strides_in_place_of_down_stages_build_the_same(encoder):
    named = small(encoder, None, down_stages=(2, 3))
    listed = small(encoder, (1, 2, 2))
    x = torch.randn(2, 2, 13, 5, 3, dtype=torch.float64)

    assert list(named.state_dict()) == list(listed.state_dict())
    for one, other in zip(named(x), listed(x)):
        assert torch.equal(one, other)


@pytest.mark.parametrize('stride', [2, 3, 4])
@pytest.mark.parametrize(('encoder', 'units'), UNITS)
def test_a_stride_keeps_every_nth_frame_of_a_block(encoder, units, stride):
    x = torch.randn(2, 2, 13, 5, 3, dtype=torch.float64)
    every = small(encoder, (1, 1, 1), **units)
    last = small(encoder, (1, 1, stride), **units)
    first = small(encoder, (stride, 1, 1), **units)

    assert last.temporal_strides_out == (1, 1, stride)
    assert first.temporal_strides_out == (stride,) * 3
    assert block_strides(first) == [stride] * 3
    torch.testing.assert_close(last(x)[2], every(x)[2][:, :, :, ::stride])
    torch.testing.assert_close(first(x)[0], every(x)[0][:, :, :, ::stride])


@pytest.mark.parametrize(('encoder', 'units'), UNITS)
def test_padding_never_changes_valid_frames(encoder, units):
    model = small(encoder, (2, 3, 4), **units)

    check_padding(model, [1, 29, 6, 25])


def test_where_stgcn_drops_its_first_block_each_other_has_a_stride():
    model = small('STGCN', (2, 3), in_channels=12, out_indices=(0, 1))

    stages = model(torch.rand(1, 1, 12, 5, 12, dtype=torch.float64))

    assert [stage.shape[3] for stage in stages] == [6, 2]


@pytest.mark.parametrize('strides', [(1, 2), (1, 2, 2, 1), (1, 0, 2), 'ab2'])
@pytest.mark.parametrize('encoder', OTHERS)
def test_strides_that_fit_no_block_are_refused(encoder, strides):
    with pytest.raises(ValueError, match='each of the 3 blocks'):
        small(encoder, strides)


@pytest.mark.parametrize('strides', [(1, 0, 2), (1, 2.0, 2), 'ab2'])
def test_agcn_whose_strides_make_its_blocks_refuses_what_is_none(strides):
    with pytest.raises(ValueError, match='each of the 3 blocks'):
        AGCN(CHAIN, temporal_strides=strides, out_indices=(0, 2))
