"""What every encoder promises, whatever its blocks compute."""

from __future__ import annotations

import copy
import pickle
from contextlib import nullcontext

import numpy as np
import pytest
import torch
import torch._dynamo.testing

from mmsnip.apis.custom import OTHER_STRIDES, STRIDES
from mmsnip.models import AGCN, CTRGCN, STGCN
from mmsnip.models.backbones import ctrgcn
from mmsnip.models.sliding import block_strides
from mmsnip.registry import MODELS

CHAIN = dict(parents=[-1, 0, 1, 1, 3])
ORDER = [3, 0, 4, 2, 1]  # place p holds joint ORDER[p]
PERMUTED = [4, -1, 0, 4, 1]
ENCODERS = dict(AGCN=AGCN, CTRGCN=CTRGCN, STGCN=STGCN)
OURS = ['AGCN', 'CTRGCN']
OTHERS = ['CTRGCN', 'STGCN']
UNIT_TCN = dict(
    gcn_adaptive='importance', gcn_with_res=False, tcn_type='unit_tcn'
)
UNITS = [
    ('AGCN', {}),
    ('CTRGCN', {}),
    ('CTRGCN', dict(temporal_relu=True)),
    ('STGCN', {}),
    ('STGCN', UNIT_TCN),
    ('STGCN', dict(tcn_dropout=[0.0, 0.1, 0.2, 0.3])),
]
each_encoder = pytest.mark.parametrize('encoder', ENCODERS)
each_of_ours = pytest.mark.parametrize('encoder', OURS)
each_unit = pytest.mark.parametrize(('encoder', 'units'), UNITS)
each_norm = pytest.mark.parametrize('data_bn_type', ['MVC', 'VC', None])


def small(encoder, strides=(1, 2, 2, 1), **changes):
    """Four blocks, every parameter drawn, so that no path is silent."""
    options = dict(
        graph_cfg=CHAIN,
        base_channels=12,
        inflate_stages=(3,),
        temporal_strides=strides,
        out_indices=(0, 2, 3),
    )
    if encoder != 'AGCN':
        options.update(num_stages=len(strides or range(4)))
    model = ENCODERS[encoder](**{**options, **changes})
    torch.manual_seed(0)
    with torch.no_grad():
        for name, value in sorted(model.state_dict().items()):
            if value.is_floating_point() and not name.endswith('gcn1.A'):
                value.copy_(torch.randn_like(value) * 0.3)
            if name.endswith('running_var') or 'bn.weight' in name:
                value.abs_().add_(1)
    return model.eval()


def check_padding(model, lengths):
    """Valid frames get what they get alone, and padded ones are zero."""
    x = torch.randn(len(lengths), 2, max(lengths), 5, 3, dtype=torch.float64)

    padded = model(x, torch.tensor(lengths))

    for n, length in enumerate(lengths):
        alone = model(x[n : n + 1, :, :length])
        for stage, single in zip(padded, alone):
            size = single.shape[3]
            torch.testing.assert_close(
                stage[n : n + 1, :, :, :size], single, rtol=0, atol=1e-9
            )
            assert not stage[n, :, :, size:].any()


@each_norm
@each_unit
def test_padding_never_changes_valid_frames(encoder, units, data_bn_type):
    model = small(encoder, data_bn_type=data_bn_type, **units).double()

    check_padding(model, [1, 13, 6, 9])


@each_unit
def test_padding_never_changes_valid_frames_at_other_strides(encoder, units):
    check_padding(small(encoder, (2, 3, 4, 1), **units).double(), [1, 29, 25])


@each_encoder
def test_full_lengths_change_nothing(encoder):
    model = small(encoder).double()
    x = torch.randn(4, 2, 13, 5, 3, dtype=torch.float64)

    for masked, plain in zip(model(x, torch.full((4,), 13)), model(x)):
        torch.testing.assert_close(masked, plain, rtol=0, atol=1e-9)


@pytest.mark.parametrize('T', range(1, 10))
@each_encoder
def test_any_length_passes_all_strides(encoder, T):
    model = small(encoder, (1, 2, 2, 2))

    stages = model(torch.randn(2, 3, T, 5, 3))

    assert model.temporal_strides_out == (1, 4, 8)
    assert [s.shape for s in stages] == [
        (2, 3, C, -(-T // stride), 5)
        for C, stride in zip(model.out_channels, (1, 4, 8))
    ]


@each_norm
@pytest.mark.parametrize(('M', 'V'), [(1, 2), (2, 7), (3, 1), (5, 5)])
@each_of_ours
def test_any_persons_and_joints_pass(encoder, M, V, data_bn_type):
    parents = dict(parents=list(range(-1, V - 1)))
    model = small(encoder, graph_cfg=parents, data_bn_type=data_bn_type)

    stages = model(torch.randn(4, M, 6, V, 3))

    assert [tuple(s.shape[:3]) for s in stages] == [
        (4, M, C) for C in model.out_channels
    ]
    assert {s.shape[-1] for s in stages} == {V}


def test_one_person_gets_what_it_gets_beside_an_absent_one():
    model = small('CTRGCN')
    x = torch.randn(4, 2, 7, 5, 3)
    x[:, 1] = 0

    both, alone = model(x)[-1], model(x[:, :1])[-1]

    torch.testing.assert_close(both[:, :1], alone)


@each_encoder
def test_permuting_joints_with_the_graph_permutes_the_output(encoder):
    model = small(encoder, data_bn_type=None).double()
    moved = small(
        encoder, data_bn_type=None, graph_cfg=dict(parents=PERMUTED)
    ).double()
    weights = model.state_dict()
    for name, value in weights.items():
        if name.endswith(('.PA', '.A')):
            weights[name] = value[:, ORDER][:, :, ORDER]
    moved.load_state_dict(weights)
    x = torch.randn(3, 2, 7, 5, 3, dtype=torch.float64)

    for ours, theirs in zip(model(x), moved(x[:, :, :, ORDER])):
        torch.testing.assert_close(
            theirs, ours[..., ORDER], rtol=1e-9, atol=1e-9
        )


def test_graph_of_permuted_parents_is_the_permuted_graph():
    A = small('CTRGCN').adjacency()
    moved = small('CTRGCN', graph_cfg=dict(parents=PERMUTED)).adjacency()

    assert torch.equal(moved, A[:, ORDER][:, :, ORDER])
    assert not torch.equal(moved, A)


def test_fixed_graph_travels_with_the_weights():
    model = small('AGCN')
    other = small('AGCN', graph_cfg=dict(parents=[1, 2, 3, 4, -1]))
    x = torch.randn(2, 2, 7, 5, 3)

    other.load_state_dict(model.state_dict())

    assert torch.equal(other(x)[-1], model(x)[-1])


@each_of_ours
def test_new_network_trains_from_scratch(encoder):
    torch.manual_seed(1)
    model = ENCODERS[encoder](CHAIN, base_channels=8, out_indices=(9,))
    head = torch.nn.Linear(32, 2)
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


@each_unit
def test_copies_and_pickles_are_equal_and_independent(encoder, units):
    model = small(encoder, **units)
    x = torch.randn(2, 2, 7, 5, 3)
    expected = model(x)[-1]

    for other in (
        copy.deepcopy(model),
        pickle.loads(pickle.dumps(model)),  # noqa: S301
    ):
        assert torch.equal(other(x)[-1], expected)
        next(other.blocks.parameters()).data.add_(1)
        assert torch.equal(model(x)[-1], expected)


@each_of_ours
def test_encoder_compiles_without_a_graph_break(encoder):
    model = small(encoder).train()
    twin = copy.deepcopy(model)
    compiled = torch.compile(model, backend='eager', fullgraph=True)
    x = torch.randn(2, 2, 7, 5, 3)
    lengths = torch.tensor([3, 7])

    for ours, plain in zip(compiled(x, lengths), twin(x, lengths)):
        torch.testing.assert_close(ours, plain)


@each_of_ours
def test_compiled_encoder_takes_any_length_without_a_new_graph(encoder):
    torch._dynamo.reset()
    model = small(encoder).train()
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
@each_of_ours
def test_bfloat16_autocast_is_near_float32(encoder, training):
    model = small(encoder, base_channels=8).train(training)
    x = torch.randn(4, 2, 13, 5, 3)
    expected = copy.deepcopy(model)(x)

    with torch.autocast('cpu', torch.bfloat16):
        stages = model(x)
    loss = sum(y.float().square().mean() for y in stages)
    loss.backward()

    assert loss.dtype == torch.float32
    for ours, exact in zip(stages, expected):
        apart = (ours.float() - exact).abs().max()
        assert apart < 0.2 * exact.abs().max()
    assert all(p.grad.isfinite().all() for p in model.parameters())


WAYS = {
    'CPU': nullcontext,
    'other devices': nullcontext,
    'bfloat16': lambda: torch.autocast('cpu', torch.bfloat16),
    'float16': lambda: torch.autocast('cpu', torch.float16),
}


@pytest.mark.parametrize('way', WAYS)
@pytest.mark.parametrize('lengths', [None, [13, 4, 7, 1]])
@each_of_ours
def test_running_blocks_again_changes_neither_gradients_nor_statistics(
    encoder, lengths, way, monkeypatch
):
    if way == 'other devices':
        monkeypatch.setattr(ctrgcn, 'is_eager_cpu', lambda x: False)
    model = small(encoder).train()
    twin = small(encoder, with_cp=True).train()
    for net in (model, twin):
        net.blocks[2].gcn1.PA.requires_grad_(False)
    rest = () if lengths is None else (torch.tensor(lengths),)
    x = torch.randn(4, 2, 13, 5, 3)

    for net in (model, twin):
        with WAYS[way]():
            stages = net(x, *rest)
        sum(y.float().square().mean() for y in stages).backward()

    for ours, other in zip(model.parameters(), twin.parameters()):
        assert (ours.grad is None) == (other.grad is None)
        assert ours.grad is None or torch.equal(ours.grad, other.grad)
    for ours, other in zip(model.buffers(), twin.buffers()):
        assert torch.equal(ours, other)


@each_of_ours
def test_running_blocks_again_keeps_less_for_the_backward_pass(encoder):
    def kept(model):
        sizes = {}

        def note(x):
            memory = x.untyped_storage()
            sizes[memory.data_ptr()] = memory.nbytes()
            return x

        with torch.autograd.graph.saved_tensors_hooks(note, lambda x: x):
            y = model(torch.randn(4, 2, 13, 5, 3))
        return sum(sizes.values()), y

    whole, _ = kept(small(encoder).train())
    inputs, _ = kept(small(encoder, with_cp=True).train())

    assert inputs < 0.3 * whole


@each_encoder
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
    listed = small(encoder, (1, 2, 2, 1))
    x = torch.randn(2, 2, 13, 5, 3)

    assert list(named.state_dict()) == list(listed.state_dict())
    for one, other in zip(named(x), listed(x)):
        assert torch.equal(one, other)


@pytest.mark.parametrize('stride', [2, 3, 4])
@pytest.mark.parametrize(('encoder', 'units'), UNITS[1:])
def test_a_stride_keeps_every_nth_frame_of_a_block(encoder, units, stride):
    x = torch.randn(2, 2, 13, 5, 3, dtype=torch.float64)
    every = small(encoder, (1, 1, 1, 1), **units).double()
    last = small(encoder, (1, 1, stride, 1), **units).double()
    first = small(encoder, (stride, 1, 1, 1), **units).double()

    assert last.temporal_strides_out == (1, stride, stride)
    assert first.temporal_strides_out == (stride,) * 3
    assert block_strides(first) == [stride] * 4
    torch.testing.assert_close(last(x)[1], every(x)[1][:, :, :, ::stride])
    torch.testing.assert_close(first(x)[0], every(x)[0][:, :, :, ::stride])


@pytest.mark.parametrize('strides', [(1, 2), (1, 0, 2, 1), 'ab21'])
@pytest.mark.parametrize('encoder', OTHERS)
def test_strides_that_fit_no_block_are_refused(encoder, strides):
    with pytest.raises(ValueError, match='each of the 4 blocks'):
        small(encoder, strides, num_stages=4)


@pytest.mark.parametrize('strides', [(1, 0, 2), (1, 2.0, 2), 'ab2'])
def test_agcn_whose_strides_make_its_blocks_refuses_what_is_none(strides):
    with pytest.raises(ValueError, match='each of the 3 blocks'):
        AGCN(CHAIN, temporal_strides=strides, out_indices=(0, 2))


@pytest.mark.parametrize(
    ('shape', 'message'),
    [
        ((2, 2, 7, 6, 3), 'has 6 joints, the backbone was built for 5'),
        ((2, 2, 7, 5, 2), 'has 2 channels a joint, the .* built for 3'),
        ((2, 7, 5, 3), r'must be \(N, M, T, V, C\)'),
        ((2, 2, 0, 5, 3), 'no frame'),
    ],
)
@each_encoder
def test_inputs_that_do_not_fit_are_refused(encoder, shape, message):
    with pytest.raises(ValueError, match=message):
        small(encoder)(torch.zeros(shape))


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
@each_encoder
def test_malformed_arguments_are_refused(encoder, changes, message):
    with pytest.raises(ValueError, match=message):
        small(encoder, **changes)


@each_encoder
def test_unknown_keywords_are_refused(encoder):
    with pytest.raises(TypeError, match='tcn_dropuot'):
        ENCODERS[encoder](CHAIN, tcn_dropuot=0.5)


def test_too_few_channels_are_refused():
    with pytest.raises(ValueError, match='must be at least 4'):
        small('AGCN', base_channels=3)


@each_encoder
def test_lengths_must_be_one_per_sample(encoder):
    with pytest.raises(ValueError, match='one length a sample'):
        small(encoder)(torch.zeros(3, 2, 4, 5, 3), torch.tensor([4, 4]))


def test_mmaction_layout_dict_and_names_build_the_same_graph():
    from mmaction.models.utils import Graph

    graph = Graph(layout='nturgb+d', mode='spatial')
    layout = dict(num_node=25, inward=graph.inward, center=graph.center)

    for value in (layout, 'nturgb+d'):
        model = CTRGCN(
            dict(layout=value, mode='spatial'), num_stages=1, out_indices=(0,)
        )
        np.testing.assert_allclose(model.adjacency(), graph.A, atol=1e-7)


@each_encoder
def test_config_builds_it(encoder):
    model = MODELS.build(dict(type=f'mmsnip.{encoder}', graph_cfg=CHAIN))

    assert type(model) is ENCODERS[encoder]
    assert (model.num_joints, model.in_channels) == (5, 3)
    assert model.out_channels[-1] == 256


def test_default_stages_are_those_of_the_paper():
    model = AGCN(dict(layout='nturgb+d', mode='spatial'))

    assert model.out_channels == (64, 128, 256)
    assert model.temporal_strides_out == (1, 4, 8)
    assert isinstance(model.data_bn, torch.nn.Identity)


def test_initial_values_are_the_published_ones():
    torch.manual_seed(2)
    layout = dict(layout='nturgb+d')
    agcn, ctr = AGCN(layout).blocks, CTRGCN(layout, base_channels=64).blocks
    one, other = agcn[5].gcn1, ctr[5].gcn1

    assert torch.all(one.PA == 1e-6)
    assert torch.equal(one.A, AGCN(layout).adjacency())
    assert torch.equal(other.PA, AGCN(layout).adjacency())
    assert other.alpha.item() == 0
    assert torch.all(one.bn.weight == 1e-6)
    assert torch.all(other.bn.weight == 1e-6)
    for weight, fan in (
        (one.conv_d[1].weight, 128 * 128 * 3),
        (one.conv_a[1].weight, 32),
        (agcn[5].tcn1.conv.weight, 128 * 9),
        (agcn[4].residual.conv.weight, 128),
        (other.convs[1].conv3.weight, 128),
        (other.convs[1].conv2.weight, 16),
        (other.convs[1].conv4.weight, 128),
        (ctr[5].tcn1.branches[1][0].weight, 32),
        (ctr[5].tcn1.branches[1][3].conv.weight, 32 * 5),
        (ctr[4].residual.conv.weight, 128),
    ):
        assert weight.std().item() == pytest.approx((2 / fan) ** 0.5, rel=0.1)


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
