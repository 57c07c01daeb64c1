from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch
import torch._dynamo.testing

from mmsnip.models import CTRGCN, load_official_state_dict
from mmsnip.models.backbones.ctrgcn import CTRGC, CTRGCNBlock, GraphUnit
from mmsnip.models.ops.channel_topology import sum_of_subsets
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
    graph_cfg=CHAIN, base_channels=8, inflate_stages=(3,), num_stages=4
)
UNITS = {
    'unit_gcn_3_8': (3, 8, True),
    'unit_gcn_16_16': (16, 16, True),
    'unit_gcn_8_16': (8, 16, True),
    'unit_gcn_8_16_nores': (8, 16, False),
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
    model = CTRGCN(**{**SMALL, 'out_indices': (0, 2, 3), **changes})
    with torch.no_grad():
        for name, value in model.named_parameters():
            value.copy_(torch.randn_like(value) * 0.3)
            if 'bn' in name and name.endswith('weight'):
                value.add_(1.0)
    return model.eval()


def plain(unit, x, mean, A, alpha):
    return unit(x, mean, A, alpha)


def fast(unit, x, mean, A, alpha):
    return sum_of_subsets(x, mean, [unit], A[None], alpha)


@pytest.mark.parity
@pytest.mark.parametrize(('dtype', 'limit'), DTYPES)
@pytest.mark.parametrize('seed', SEEDS['ctrgcn_blocks'])
@pytest.mark.parametrize(
    'config', ['ctrgc_3_16', 'ctrgc_16_8', 'ctrgc_16_8_noA']
)
@pytest.mark.parametrize('subset', [plain, fast])
def test_topology_of_one_subset_matches_official(
    reference_dir, parity, subset, config, seed, dtype, limit
):
    archive = np.load(reference_dir / f'ctrgcn_blocks_s{seed}.npz')
    case = case_of(archive, config)
    sizes = [int(n) for n in config.split('_')[1:3]]
    A = torch.tensor(case.pop('A_arg', np.zeros((25, 25)))).to(dtype)
    alpha = torch.tensor(float(case.pop('alpha_arg', 1.0)), dtype=dtype)

    found = deviations(
        case,
        lambda: CTRGC(*sizes),
        dtype,
        lambda unit, x: subset(unit, x, x.mean(2, keepdim=True), A, alpha),
    )

    report(parity, config, dtype, found, limit)


@pytest.mark.parity
@pytest.mark.parametrize(('dtype', 'limit'), DTYPES)
@pytest.mark.parametrize('seed', SEEDS['ctrgcn_blocks'])
@pytest.mark.parametrize('config', sorted(UNITS))
def test_graph_unit_matches_official(
    reference_dir, parity, config, seed, dtype, limit
):
    archive = np.load(reference_dir / f'ctrgcn_blocks_s{seed}.npz')
    a, b, residual = UNITS[config]
    A = torch.zeros(3, 25, 25)

    found = deviations(
        case_of(archive, config),
        lambda: GraphUnit(a, b, A, residual),
        dtype,
    )

    report(parity, config, dtype, found, limit)


@pytest.mark.parity
@pytest.mark.parametrize(('dtype', 'limit'), DTYPES)
@pytest.mark.parametrize('seed', SEEDS['ctrgcn_blocks'])
@pytest.mark.parametrize('config', sorted(BLOCKS))
def test_block_matches_official(
    reference_dir, parity, config, seed, dtype, limit
):
    archive = np.load(reference_dir / f'ctrgcn_blocks_s{seed}.npz')
    a, b, stride, residual = BLOCKS[config]
    A = torch.zeros(3, 25, 25)

    found = deviations(
        case_of(archive, config),
        lambda: CTRGCNBlock(a, b, A, stride, residual),
        dtype,
    )

    report(parity, config, dtype, found, limit)


@pytest.mark.parity
@pytest.mark.parametrize(('dtype', 'limit'), DTYPES)
def test_committed_block_matches_official(golden_dir, parity, dtype, limit):
    with np.load(golden_dir / 'ctrgcn_block.npz') as archive:
        case = unpacked(archive)

    found = deviations(
        case,
        lambda: CTRGCNBlock(8, 16, torch.zeros(3, 25, 25), 2),
        dtype,
    )

    report(parity, 'block', dtype, found, limit)
    assert set(found) == {
        *('eval/y', 'train/y', 'train/dx_vjp', 'train/dp_vjp'),
        'train/buf_after',
    }


@pytest.mark.parity
@pytest.mark.parametrize('seed', SEEDS['ctrgcn_blocks'])
def test_graph_of_the_network_is_the_published_one(
    reference_dir, parity, seed
):
    golden = np.load(reference_dir / f'ctrgcn_blocks_s{seed}.npz')
    layout = dict(layout='nturgb+d-official')

    A = CTRGCN(layout, num_stages=1, out_indices=(0,)).adjacency()

    parity.close('graph', A, golden['A'].astype(np.float32), 0.0, 'A')


@pytest.mark.parity
@pytest.mark.parametrize(
    ('dtype', 'limit', 'exact'),
    [(torch.float32, 5e-5, 5e-5), (torch.float64, 1e-9, 1e-12)],
)
def test_every_layer_matches_official_network(
    reference_dir, parity, dtype, limit, exact
):
    golden = np.load(reference_dir / 'ctrgcn_model_s0.npz')
    weights = {
        key[3:]: torch.tensor(golden[key])
        for key in golden.files
        if key.startswith('sd/')
    }
    model = CTRGCN(
        dict(layout='nturgb+d', mode='spatial'), out_indices=tuple(range(10))
    )
    report = load_official_state_dict(model, weights, 'ctrgcn')
    x = torch.tensor(golden['x']).permute(0, 4, 2, 3, 1)
    precision = str(dtype).split('.')[-1]

    with torch.no_grad():
        stages = model.to(dtype).eval()(x.to(dtype))

    assert report.dropped == ['fc.weight', 'fc.bias']
    for layer, stage in enumerate(stages, start=1):
        rows = stage.flatten(0, 1).numpy()
        wide = rows.astype(np.float64)
        for key, value, bound in (
            ('sub', rows[:, ::4, ::2], limit),
            ('mean', wide.mean((0, 2, 3)), exact),
            ('std', wide.std((0, 2, 3)), exact),
        ):
            what = 'stages' if key == 'sub' else 'mean and std of channels'
            case = f'{what}, {precision}'
            at = f'feat_{key}/l{layer}'
            parity.close(case, value, golden[at], bound, at, relative=True)
    case = f'stages, {precision}'
    parity.close(case, rows, golden['feat/l10'], limit, 'feat/l10', True)
    pooled = wide.reshape(2, 2, 256, -1).mean((1, 3))
    logits = pooled @ golden['sd/fc.weight'].T.astype(float)
    logits = logits + golden['sd/fc.bias']
    for at, bound in (('logits', limit), ('logits_f64', exact)):
        parity.close(
            f'{at}, {precision}', logits, golden[at], bound, at, relative=True
        )


def test_permuting_joints_with_the_graph_permutes_the_output():
    model = small(data_bn_type=None).double()
    moved = small(data_bn_type=None, graph_cfg=dict(parents=PERMUTED)).double()
    weights = model.state_dict()
    for name, value in weights.items():
        if name.endswith('PA'):
            weights[name] = value[:, ORDER][:, :, ORDER]
    moved.load_state_dict(weights)
    x = torch.randn(3, 2, 7, 5, 3, dtype=torch.float64)

    for ours, theirs in zip(model(x), moved(x[:, :, :, ORDER])):
        torch.testing.assert_close(
            theirs, ours[..., ORDER], rtol=0, atol=1e-12
        )


def test_graph_of_permuted_parents_is_the_permuted_graph():
    A = small().adjacency()
    moved = small(graph_cfg=dict(parents=PERMUTED)).adjacency()

    assert torch.equal(moved, A[:, ORDER][:, :, ORDER])
    assert not torch.equal(moved, A)


@pytest.mark.parametrize('data_bn_type', ['MVC', 'VC', None])
@pytest.mark.parametrize('temporal_relu', [False, True])
def test_padding_never_changes_valid_frames(data_bn_type, temporal_relu):
    model = small(
        data_bn_type=data_bn_type,
        down_stages=(2, 3),
        temporal_relu=temporal_relu,
    ).double()

    check_padding(model, [1, 13, 6, 9])


def test_full_lengths_change_nothing():
    model = small().double()
    x = torch.randn(4, 2, 13, 5, 3, dtype=torch.float64)

    for masked, plain in zip(model(x, torch.full((4,), 13)), model(x)):
        torch.testing.assert_close(masked, plain, rtol=0, atol=1e-10)


@pytest.mark.parametrize('T', range(1, 10))
def test_any_length_passes_all_strides(T):
    model = small(down_stages=(2, 3, 4))

    stages = model(torch.randn(2, 2, T, 5, 3))

    assert model.temporal_strides_out == (1, 4, 8)
    assert [s.shape[3] for s in stages] == [T, -(-T // 4), -(-T // 8)]


@pytest.mark.parametrize('data_bn_type', ['MVC', 'VC', None])
@pytest.mark.parametrize('M', [1, 2, 3, 5])
def test_any_number_of_persons_passes(M, data_bn_type):
    model = small(data_bn_type=data_bn_type)

    stages = model(torch.randn(4, M, 7, 5, 3))

    assert [tuple(s.shape[:3]) for s in stages] == [
        (4, M, C) for C in model.out_channels
    ]


def test_one_person_gets_what_it_gets_beside_an_absent_one():
    model = small()
    x = torch.randn(4, 2, 7, 5, 3)
    x[:, 1] = 0

    both, alone = model(x)[-1], model(x[:, :1])[-1]

    torch.testing.assert_close(both[:, :1], alone)


@pytest.mark.parametrize('V', [1, 2, 7])
def test_any_number_of_joints_passes(V):
    model = small(graph_cfg=dict(parents=list(range(-1, V - 1))))

    assert model(torch.randn(2, 2, 4, V, 3))[-1].shape[-1] == V


def test_new_network_trains_from_scratch():
    torch.manual_seed(1)
    model = CTRGCN(**{**SMALL, 'out_indices': (3,)})
    head = torch.nn.Linear(16, 2)
    optimizer = torch.optim.SGD(
        [*model.parameters(), *head.parameters()], 0.05, momentum=0.9
    )
    x = torch.randn(8, 2, 9, 5, 3)
    x[::2, :, :, 2] += torch.linspace(-2, 2, 9)[:, None]
    target = torch.arange(8) % 2
    losses = []
    for _ in range(40):
        logits = head(model(x)[0].mean((1, 3, 4)))
        loss = torch.nn.functional.cross_entropy(logits, target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())

    assert losses[-1] < 0.1 * losses[0]


def test_initial_values_are_the_published_ones():
    torch.manual_seed(2)
    model = CTRGCN(CHAIN, base_channels=64)
    unit = model.blocks[5].gcn1

    assert unit.alpha.item() == 0
    assert torch.equal(unit.PA, model.adjacency())
    assert torch.all(unit.bn.weight == 1e-6)
    assert torch.all(model.data_bn.weight == 1)
    for weight, fan in (
        (unit.convs[1].conv3.weight, 128),
        (unit.convs[1].conv2.weight, 16),
        (unit.convs[1].conv4.weight, 128),
        (model.blocks[5].tcn1.branches[1][0].weight, 32),
        (model.blocks[5].tcn1.branches[1][3].conv.weight, 32 * 5),
        (model.blocks[4].residual.conv.weight, 128),
    ):
        assert weight.std().item() == pytest.approx((2 / fan) ** 0.5, rel=0.1)


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
    compiled = torch.compile(model, backend='eager', fullgraph=True)
    x = torch.randn(2, 2, 7, 5, 3)
    lengths = torch.tensor([3, 7])

    twin = copy.deepcopy(model)

    for ours, plain in zip(compiled(x, lengths), twin(x, lengths)):
        torch.testing.assert_close(ours, plain)


@pytest.mark.parametrize(
    ('shape', 'message'),
    [
        ((2, 2, 7, 6, 3), 'has 6 joints, the backbone was built for 5'),
        ((2, 2, 7, 5, 2), 'has 2 channels a joint, the .* built for 3'),
        ((2, 7, 5, 3), r'must be \(N, M, T, V, C\)'),
        ((2, 2, 0, 5, 3), 'no frame'),
    ],
)
def test_inputs_that_do_not_fit_are_refused(shape, message):
    with pytest.raises(ValueError, match=message):
        small()(torch.zeros(shape))


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(out_indices=(4,)), r'out_indices=\(4,\) must .* 0\.\.3'),
        (dict(out_indices=()), r'out_indices=\(\) must'),
        (dict(out_indices=(-1,)), 'must name blocks'),
        (dict(data_bn_type='CV'), "data_bn_type='CV'"),
        (dict(graph_cfg=dict(layout='coco', mod='x')), "unknown: .'mod'"),
        (dict(graph_cfg=dict(layout='coco', mode='x')), "mode='x'"),
        (dict(graph_cfg='coco'), 'must be a dict'),
        (dict(pretrained='a', init_cfg=dict(type='b')), 'both given'),
    ],
)
def test_malformed_arguments_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        small(**changes)


def test_unknown_keywords_are_refused():
    with pytest.raises(TypeError, match='tcn_dropuot'):
        CTRGCN(CHAIN, tcn_dropuot=0.5)


def test_lengths_must_be_one_per_sample():
    with pytest.raises(ValueError, match='one length a sample'):
        small()(torch.zeros(3, 2, 4, 5, 3), torch.tensor([4, 4]))


def test_mmaction_layout_dict_and_names_build_the_same_graph():
    from mmaction.models.utils import Graph

    graph = Graph(layout='nturgb+d', mode='spatial')
    layout = dict(num_node=25, inward=graph.inward, center=graph.center)

    for value in (layout, 'nturgb+d'):
        model = CTRGCN(
            dict(layout=value, mode='spatial'), num_stages=1, out_indices=(0,)
        )
        np.testing.assert_allclose(model.adjacency(), graph.A, atol=1e-7)


def test_config_builds_it():
    model = MODELS.build(dict(type='mmsnip.CTRGCN', graph_cfg=CHAIN))

    assert isinstance(model, CTRGCN)
    assert (model.num_joints, model.in_channels) == (5, 3)
    assert model.out_channels == (256,)
    assert model.temporal_strides_out == (4,)


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
