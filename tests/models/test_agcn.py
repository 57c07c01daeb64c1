from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch
import torch._dynamo.testing

from mmsnip.models import AGCN, load_official_state_dict
from mmsnip.models.backbones.agcn import AGCNBlock, GraphUnit
from mmsnip.registry import MODELS
from tests.models.golden_blocks import (
    case_of,
    deviations,
    report,
    unpacked,
)
from tests.models.padding import check_padding
from tests.parity import SEEDS

CHAIN = dict(parents=[-1, 0, 1, 1, 3])
ORDER = [3, 0, 4, 2, 1]  # place p holds joint ORDER[p]
PERMUTED = [4, -1, 0, 4, 1]
SMALL = dict(
    graph_cfg=CHAIN,
    base_channels=8,
    inflate_stages=(3,),
    temporal_strides=(1, 2, 2, 1),
    out_indices=(0, 2, 3),
)
UNITS = {
    'unit_gcn_3_8': (3, 8),
    'unit_gcn_8_8': (8, 8),
    'unit_gcn_8_16': (8, 16),
}
BLOCKS = {
    'tcn_gcn_3_8_s1_nores': (3, 8, 1, False),
    'tcn_gcn_8_8_s1_idres': (8, 8, 1, True),
    'tcn_gcn_8_16_s2_convres': (8, 16, 2, True),
    'tcn_gcn_8_8_s2_convres': (8, 8, 2, True),
}
DTYPES = [(torch.float32, 1e-5), (torch.float64, 1e-9)]


def small(**changes):
    """A network with every parameter drawn, so that no path is silent."""
    torch.manual_seed(0)
    model = AGCN(**{**SMALL, **changes})
    with torch.no_grad():
        for name, value in model.named_parameters():
            value.copy_(torch.randn_like(value) * 0.3)
            if 'bn' in name and name.endswith('weight'):
                value.add_(1.0)
    return model.eval()


@pytest.mark.parity
@pytest.mark.parametrize(('dtype', 'limit'), DTYPES)
@pytest.mark.parametrize('seed', SEEDS['agcn_blocks'])
@pytest.mark.parametrize('config', sorted(UNITS))
def test_graph_unit_matches_official(
    reference_dir, parity, config, seed, dtype, limit
):
    archive = np.load(reference_dir / f'agcn_blocks_s{seed}.npz')
    A = torch.tensor(archive['A'], dtype=torch.float32)

    found = deviations(
        case_of(archive, config),
        lambda: GraphUnit(*UNITS[config], A),
        dtype,
    )

    report(parity, config, dtype, found, limit)


@pytest.mark.parity
@pytest.mark.parametrize(('dtype', 'limit'), DTYPES)
@pytest.mark.parametrize('seed', SEEDS['agcn_blocks'])
@pytest.mark.parametrize('config', sorted(BLOCKS))
def test_block_matches_official(
    reference_dir, parity, config, seed, dtype, limit
):
    archive = np.load(reference_dir / f'agcn_blocks_s{seed}.npz')
    a, b, stride, residual = BLOCKS[config]
    A = torch.tensor(archive['A'], dtype=torch.float32)

    found = deviations(
        case_of(archive, config),
        lambda: AGCNBlock(a, b, A, stride, residual),
        dtype,
    )

    report(parity, config, dtype, found, limit)


@pytest.mark.parity
@pytest.mark.parametrize(('dtype', 'limit'), DTYPES)
def test_committed_block_matches_official(golden_dir, parity, dtype, limit):
    with np.load(golden_dir / 'agcn_block.npz') as archive:
        case = unpacked(archive)
    A = torch.tensor(case.pop('A'))

    found = deviations(
        case,
        lambda: AGCNBlock(8, 8, A, 2),
        dtype,
    )

    report(parity, 'block', dtype, found, limit)
    assert set(found) == {
        *('eval/y', 'train/y', 'train/dx_vjp', 'train/dp_vjp'),
        'train/buf_after',
    }


@pytest.mark.parity
def test_graph_of_the_network_is_the_committed_one(golden_dir, parity):
    golden = np.load(golden_dir / 'agcn_block.npz')

    model = small(graph_cfg=dict(layout='nturgb+d-official'))

    parity.close('graph', model.adjacency(), golden['A'], 0.0, 'A')


@pytest.mark.parity
@pytest.mark.parametrize(
    ('dtype', 'limit', 'exact'),
    [(torch.float32, 5e-5, 5e-5), (torch.float64, 1e-9, 1e-12)],
)
def test_every_layer_matches_official_network(
    reference_dir, parity, dtype, limit, exact
):
    golden = np.load(reference_dir / 'agcn_stack_s0.npz')
    weights = {
        key[3:]: torch.tensor(golden[key])
        for key in golden.files
        if key.startswith('sd/')
    }
    model = AGCN(dict(layout='nturgb+d'), out_indices=tuple(range(10)))
    load_official_state_dict(model, weights, 'agcn')
    x = torch.tensor(golden['x']).permute(0, 4, 2, 3, 1)
    precision = str(dtype).split('.')[-1]

    A = model.blocks[0].gcn1.A.clone()
    with torch.no_grad():
        stages = model.to(dtype).eval()(x.to(dtype))

    parity.close('graph', A, golden['A'].astype(np.float32), 0.0, 'A')
    for layer, stage in enumerate(stages, start=1):
        rows = stage.flatten(0, 1).numpy()
        wide = rows.astype(np.float64)
        case = f'mean and std of channels, {precision}'
        for key, value in (
            ('mean', wide.mean((0, 2, 3))),
            ('std', wide.std((0, 2, 3))),
        ):
            at = f'feat_{key}/l{layer}'
            parity.close(case, value, golden[at], exact, at, relative=True)
        if layer in (1, 7, 10):
            at = f'feat/l{layer}'
            parity.close(
                f'stages, {precision}', rows, golden[at], limit, at, True
            )


def test_default_stages_are_those_of_the_paper():
    model = AGCN(dict(layout='nturgb+d', mode='spatial'))

    assert model.out_channels == (64, 128, 256)
    assert model.temporal_strides_out == (1, 4, 8)
    assert isinstance(model.data_bn, torch.nn.Identity)


def test_permuting_joints_with_the_graph_permutes_the_output():
    model = small().double()
    moved = small(graph_cfg=dict(parents=PERMUTED)).double()
    weights = model.state_dict()
    for name, value in weights.items():
        if name.endswith('.PA'):
            weights[name] = value[:, ORDER][:, :, ORDER]
        elif name.endswith('.A'):
            weights[name] = moved.state_dict()[name]  # of its own parents
    moved.load_state_dict(weights)
    x = torch.randn(3, 2, 7, 5, 3, dtype=torch.float64)

    for ours, theirs in zip(model(x), moved(x[:, :, :, ORDER])):
        torch.testing.assert_close(
            theirs, ours[..., ORDER], rtol=0, atol=1e-12
        )


@pytest.mark.parametrize('data_bn_type', ['MVC', 'VC', None])
def test_padding_never_changes_valid_frames(data_bn_type):
    model = small(data_bn_type=data_bn_type).double()

    check_padding(model, [1, 13, 6, 9])


@pytest.mark.parametrize('T', range(1, 10))
def test_any_length_passes_all_strides(T):
    model = small(temporal_strides=(1, 2, 2, 2))

    stages = model(torch.randn(2, 2, T, 5, 3))

    assert [s.shape[3] for s in stages] == [T, -(-T // 4), -(-T // 8)]


@pytest.mark.parametrize(('M', 'V'), [(1, 2), (3, 1), (5, 7)])
def test_any_persons_and_joints_pass(M, V):
    model = small(graph_cfg=dict(parents=list(range(-1, V - 1))))

    stage = model(torch.randn(4, M, 6, V, 3))[-1]

    assert stage.shape == (4, M, 16, 2, V)


def test_fixed_graph_travels_with_the_weights():
    model = small()
    other = small(graph_cfg=dict(parents=[1, 2, 3, 4, -1]))
    x = torch.randn(2, 2, 7, 5, 3)

    other.load_state_dict(model.state_dict())

    assert torch.equal(other(x)[-1], model(x)[-1])


def test_initial_values_are_the_published_ones():
    torch.manual_seed(2)
    model = AGCN(dict(layout='nturgb+d'))
    unit = model.blocks[5].gcn1

    assert torch.all(unit.PA == 1e-6)
    assert torch.equal(unit.A, model.adjacency())
    assert torch.all(unit.bn.weight == 1e-6)
    for weight, fan in (
        (unit.conv_d[1].weight, 128 * 128 * 3),
        (unit.conv_a[1].weight, 32),
        (model.blocks[5].tcn1.conv.weight, 128 * 9),
        (model.blocks[4].residual.conv.weight, 128),
    ):
        assert weight.std().item() == pytest.approx((2 / fan) ** 0.5, rel=0.1)


def test_new_network_trains_from_scratch():
    torch.manual_seed(1)
    model = AGCN(**{**SMALL, 'out_indices': (3,)})
    head = torch.nn.Linear(16, 2)
    optimizer = torch.optim.SGD(
        [*model.parameters(), *head.parameters()], 0.05, momentum=0.9
    )
    x = torch.randn(8, 2, 9, 5, 3)
    x[::2, :, :, 2] += torch.linspace(-2, 2, 9)[:, None]
    target = torch.arange(8) % 2
    losses = []
    for _ in range(25):
        logits = head(model(x)[0].mean((1, 3, 4)))
        loss = torch.nn.functional.cross_entropy(logits, target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())

    assert losses[-1] < 0.1 * losses[0]


def test_copies_and_pickles_are_equal_and_independent():
    model = small()
    x = torch.randn(2, 2, 7, 5, 3)
    expected = model(x)[-1]

    for other in (
        copy.deepcopy(model),
        pickle.loads(pickle.dumps(model)),  # noqa: S301
    ):
        assert torch.equal(other(x)[-1], expected)
        other.blocks[0].gcn1.PA.data.add_(1)
        assert torch.equal(model(x)[-1], expected)


def test_encoder_compiles_without_a_graph_break():
    model = small().train()
    twin = copy.deepcopy(model)
    compiled = torch.compile(model, backend='eager', fullgraph=True)
    x = torch.randn(2, 2, 7, 5, 3)
    lengths = torch.tensor([3, 7])

    for ours, plain in zip(compiled(x, lengths), twin(x, lengths)):
        torch.testing.assert_close(ours, plain)


def test_too_few_channels_are_refused():
    with pytest.raises(ValueError, match='must be at least 4'):
        small(base_channels=3)


def test_out_of_range_stages_are_refused():
    with pytest.raises(ValueError, match=r'out_indices=\(0, 4\)'):
        small(out_indices=(0, 4))


def test_other_joints_are_refused():
    with pytest.raises(ValueError, match=r'has 4 joints, .* built for 5'):
        small()(torch.zeros(2, 2, 7, 4, 3))


def test_config_builds_it():
    model = MODELS.build(dict(type='mmsnip.AGCN', graph_cfg=CHAIN))

    assert isinstance(model, AGCN)
    assert (model.num_joints, model.in_channels) == (5, 3)


@pytest.mark.parametrize('with_lengths', [False, True])
def test_checkpointing_changes_neither_gradients_nor_statistics(with_lengths):
    model = small().train()
    twin = small(with_cp=True).train()
    x = torch.randn(4, 2, 13, 5, 3)
    rest = (torch.tensor([13, 4, 7, 1]),) if with_lengths else ()

    for net in (model, twin):
        sum(y.square().mean() for y in net(x, *rest)).backward()

    for ours, other in zip(model.parameters(), twin.parameters()):
        assert torch.equal(ours.grad, other.grad)
    for ours, other in zip(model.buffers(), twin.buffers()):
        assert torch.equal(ours, other)


def test_checkpointing_leaves_frozen_weights_without_gradients():
    model = small(with_cp=True).train()
    twin = small().train()
    for net in (model, twin):
        net.blocks[:2].requires_grad_(False)
        net.blocks[2].gcn1.PA.requires_grad_(False)
        net(torch.ones(4, 2, 13, 5, 3))[-1].square().mean().backward()

    for ours, other in zip(model.parameters(), twin.parameters()):
        assert (ours.grad is None) == (other.grad is None)
        assert ours.grad is None or torch.equal(ours.grad, other.grad)


def test_checkpointing_keeps_less_for_the_backward_pass():
    def kept(model):
        sizes = {}

        def note(x):
            memory = x.untyped_storage()
            sizes[memory.data_ptr()] = memory.nbytes()
            return x

        with torch.autograd.graph.saved_tensors_hooks(note, lambda x: x):
            y = model(torch.randn(4, 2, 13, 5, 3))
        return sum(sizes.values()), y

    whole, _ = kept(small().train())
    inputs, _ = kept(small(with_cp=True).train())

    assert inputs < 0.3 * whole


def test_compiled_encoder_takes_any_length_without_a_new_graph():
    torch._dynamo.reset()
    model = small().train()
    twin = copy.deepcopy(model)
    counter = torch._dynamo.testing.CompileCounter()
    compiled = torch.compile(
        model, backend=counter, fullgraph=True, dynamic=True
    )

    for T in (13, 16, 9):
        x = torch.randn(4, 2, T, 5, 3)
        ours, plain = compiled(x), twin(x)
        for net in (ours, plain):
            sum(y.square().mean() for y in net).backward()
        for one, other in zip(ours, plain):
            torch.testing.assert_close(one, other, rtol=0, atol=1e-4)

    assert counter.frame_count == 1
    for one, other in zip(model.parameters(), twin.parameters()):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-3, atol=1e-4)
    for one, other in zip(model.buffers(), twin.buffers()):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-5)


@pytest.mark.parametrize('training', [False, True])
def test_bfloat16_autocast_is_near_float32_and_has_finite_gradients(training):
    model = small().train(training)
    x = torch.randn(4, 2, 13, 5, 3)
    expected = copy.deepcopy(model)(x)

    with torch.autocast('cpu', torch.bfloat16):
        stages = model(x)
    loss = sum(y.float().square().mean() for y in stages)
    loss.backward()

    assert loss.dtype == torch.float32
    for ours, exact in zip(stages, expected):
        apart = (ours.float() - exact).abs().max()
        assert apart < 0.1 * exact.abs().max()
    assert all(p.grad.isfinite().all() for p in model.parameters())


@pytest.mark.parametrize('lengths', [None, [1500, 900]])
def test_long_windows_stay_finite_in_float16(lengths):
    """Sums of products over 1500 frames are beyond float16's 65504."""
    torch.manual_seed(0)
    model = AGCN(dict(layout='coco'), base_channels=8).train()
    x = 6 * torch.rand(2, 1, 1500, 17, 3)
    rest = () if lengths is None else (torch.tensor(lengths),)
    unit = model.blocks[0].gcn1
    rows = x.flatten(0, 1).permute(0, 3, 1, 2).contiguous()
    valid = None if lengths is None else rest[0]

    exact = unit.similarity(rows, 1, valid)
    with torch.autocast('cpu', torch.float16):
        found = unit.similarity(rows, 1, valid)
        stages = model(x, *rest)

    a, b = unit.conv_a[1](rows), unit.conv_b[1](rows)
    sums = torch.einsum('nctv,nctw->nvw', a, b)
    assert sums.abs().max() > 65504  # else this asks nothing
    assert all(torch.isfinite(y).all() for y in stages)
    assert (found - exact).abs().max() < 0.1
