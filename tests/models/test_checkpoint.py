from __future__ import annotations

import collections
import logging
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.logging.history_buffer import HistoryBuffer
from mmengine.runner.checkpoint import load_state_dict

from mmsnip.models import AGCN, CTRGCN, STGCN, load_official_state_dict
from mmsnip.models.checkpoint import CheckpointError, load_encoder

CHAIN = dict(parents=[-1, 0, 1, 1, 3])
SIZES = dict(base_channels=8, inflate_stages=(3,))
V, K = 5, 3


def ctrgcn(**changes):
    return CTRGCN(
        **{
            'graph_cfg': CHAIN,
            **SIZES,
            'num_stages': 3,
            'down_stages': (3,),
            'out_indices': (0, 2),
            **changes,
        }
    ).eval()


def agcn(**changes):
    return AGCN(
        **{
            'graph_cfg': CHAIN,
            **SIZES,
            'temporal_strides': (1, 1, 2),
            'out_indices': (0, 2),
            **changes,
        }
    ).eval()


class Draw:
    """Published entries of random values, written down name by name."""

    def __init__(self, seed=0):
        self.entries = collections.OrderedDict()
        self.generator = torch.Generator().manual_seed(seed)

    def tensor(self, name, *shape):
        value = torch.randn(*shape, generator=self.generator) * 0.4
        self.entries[name] = value.double()

    def conv(self, name, out, inn, *kernel):
        self.tensor(f'{name}.weight', out, inn, *(kernel or (1, 1)))
        self.tensor(f'{name}.bias', out)

    def norm(self, name, channels):
        for key in ('weight', 'bias', 'running_mean'):
            self.tensor(f'{name}.{key}', channels)
        self.tensor(f'{name}.running_var', channels)
        self.entries[f'{name}.running_var'].abs_().add_(0.5)
        self.entries[f'{name}.num_batches_tracked'] = torch.tensor(7)


# in, out, stride of each block
PLAN = [(3, 8, 1), (8, 8, 1), (8, 16, 2)]
# Up to 16 channels pyskl and mmaction2 relate 8, ours fewer; from there on
# the shapes are theirs.
OPENMMLAB_PLAN = [(3, 24, 1), (24, 24, 1), (24, 48, 2)]


def published_ctrgcn(layer, graph, plan=PLAN):
    draw = Draw()
    draw.norm('data_bn', 2 * V * 3)
    for i, (a, b, stride) in enumerate(plan):
        name = layer.format(i, i + 1)
        rel = 8 if a == 3 else a // 8
        draw.tensor(f'{name}.gcn1.{graph}', K, V, V)
        draw.tensor(f'{name}.gcn1.alpha', 1)
        for k in range(K):
            conv = f'{name}.gcn1.convs.{k}'
            for which in ('conv1', 'conv2'):
                draw.conv(f'{conv}.{which}', rel, a)
            draw.conv(f'{conv}.conv3', b, a)
            draw.conv(f'{conv}.conv4', b, rel)
        draw.norm(f'{name}.gcn1.bn', b)
        if a != b:
            draw.conv(f'{name}.gcn1.down.0', b, a)
            draw.norm(f'{name}.gcn1.down.1', b)
        for d in range(4):
            branch = f'{name}.tcn1.branches.{d}'
            draw.conv(f'{branch}.0', b // 4, b)
            draw.norm(f'{branch}.1', b // 4)
            if d < 2:
                draw.conv(f'{branch}.3.conv', b // 4, b // 4, 5, 1)
                draw.norm(f'{branch}.3.bn', b // 4)
        draw.norm(f'{name}.tcn1.branches.2.4', b // 4)
        if i > 0 and (a != b or stride > 1):
            draw.conv(f'{name}.residual.conv', b, a)
            draw.norm(f'{name}.residual.bn', b)
    return draw.entries


def batch_norm(x, sd, name):
    shape = (1, -1) + (1,) * (x.dim() - 2)
    value = [
        sd[f'{name}.{key}'].view(shape)
        for key in ('running_mean', 'running_var', 'weight', 'bias')
    ]
    return (x - value[0]) / (value[1] + 1e-5).sqrt() * value[2] + value[3]


def pointwise(x, sd, name, stride=1):
    w, b = sd[f'{name}.weight'], sd[f'{name}.bias']
    return torch.nn.functional.conv2d(x, w, b, stride=(stride, 1))


def plain_openmmlab(sd, x, plan):
    """pyskl's and mmaction2's CTR-GCN, straight from their formulas.

    x is (N, M, T, V, C).
    """
    N, M, T = x.shape[:3]
    x = x.permute(0, 1, 3, 4, 2).reshape(N, -1, T)
    x = batch_norm(x, sd, 'data_bn')
    x = x.view(N * M, V, 3, T).permute(0, 2, 3, 1)
    for i, (a, b, stride) in enumerate(plan):
        name = f'net.{i}'
        y = 0
        for k in range(K):
            conv = f'{name}.gcn1.convs.{k}'
            x1 = pointwise(x, sd, f'{conv}.conv1').mean(2)
            x2 = pointwise(x, sd, f'{conv}.conv2').mean(2)
            relation = torch.tanh(x1[..., :, None] - x2[..., None, :])
            W = pointwise(relation, sd, f'{conv}.conv4')
            W = W * sd[f'{name}.gcn1.alpha'] + sd[f'{name}.gcn1.A'][k]
            # the row index is summed: the published network sums columns
            x3 = pointwise(x, sd, f'{conv}.conv3')
            y = y + torch.einsum('ncuv,nctu->nctv', W, x3)
        y = batch_norm(y, sd, f'{name}.gcn1.bn')
        if a != b:
            down = pointwise(x, sd, f'{name}.gcn1.down.0')
            y = y + batch_norm(down, sd, f'{name}.gcn1.down.1')
        else:
            y = y + x
        y = y.relu()
        outs = []
        for d in range(4):
            branch = f'{name}.tcn1.branches.{d}'
            z = pointwise(y, sd, f'{branch}.0', stride if d == 3 else 1)
            z = batch_norm(z, sd, f'{branch}.1')
            if d < 2:
                z = torch.nn.functional.conv2d(
                    z.relu(),
                    sd[f'{branch}.3.conv.weight'],
                    sd[f'{branch}.3.conv.bias'],
                    (stride, 1),
                    (2 * (d + 1), 0),
                    (d + 1, 1),
                )
                z = batch_norm(z, sd, f'{branch}.3.bn')
            elif d == 2:
                z = torch.nn.functional.max_pool2d(
                    z.relu(), (3, 1), (stride, 1), (1, 0)
                )
                z = batch_norm(z, sd, f'{branch}.4')
            outs.append(z)
        y = torch.cat(outs, 1).relu()  # the ReLU that ends the unit
        if i > 0 and a == b:
            y = y + x
        elif i > 0:
            z = pointwise(x, sd, f'{name}.residual.conv', stride)
            y = y + batch_norm(z, sd, f'{name}.residual.bn')
        x = y.relu()
    return x.unflatten(0, (N, M))


@pytest.mark.parametrize(
    ('source', 'classifier'),
    [('pyskl-ctrgcn', 'fc_cls'), ('mmaction-ctrgcn', 'fc')],
)
def test_openmmlab_weights_give_what_their_network_computes(
    source, classifier
):
    published = published_ctrgcn('net.{0}', 'A', OPENMMLAB_PLAN)
    checkpoint = {f'backbone.{k}': v for k, v in published.items()}
    checkpoint['backbone.A'] = torch.zeros(K, V, V)
    checkpoint[f'cls_head.{classifier}.weight'] = torch.zeros(4, 48)
    checkpoint[f'cls_head.{classifier}.bias'] = torch.zeros(4)
    model = ctrgcn(base_channels=24).double()
    x = torch.randn(2, 2, 7, V, 3, dtype=torch.float64)

    report = load_official_state_dict(
        model, {'state_dict': checkpoint, 'meta': {}}, source
    )

    assert report.loaded == sorted(published)
    assert report.dropped == [
        'A',
        f'cls_head.{classifier}.weight',
        f'cls_head.{classifier}.bias',
    ]
    assert 'temporal_relu' in str(report)
    assert model.temporal_relu
    torch.testing.assert_close(
        model(x)[-1],
        plain_openmmlab(published, x, OPENMMLAB_PLAN),
        rtol=0,
        atol=1e-9,
    )


def test_relations_of_another_width_are_named():
    published = published_ctrgcn('net.{0}', 'A')
    for which in ('conv1', 'conv2'):
        for part, shape in (('weight', (8, 8, 1, 1)), ('bias', (8,))):
            for k in range(K):
                name = f'net.1.gcn1.convs.{k}.{which}.{part}'
                published[name] = torch.zeros(shape)

    with pytest.raises(ValueError, match='other shapes') as error:
        load_official_state_dict(ctrgcn(), published, 'mmaction-ctrgcn')

    assert 'net.1.gcn1.convs.0.conv2.bias (8,)' in str(error.value)


def test_every_entry_of_ctrgcn_is_used_once_and_heads_are_reported():
    published = published_ctrgcn('l{1}', 'PA')
    wrapped = {f'module.{name}': value for name, value in published.items()}
    wrapped['module.fc.weight'] = torch.zeros(60, 16)
    wrapped['module.fc.bias'] = torch.zeros(60)
    model = ctrgcn()
    before = {k: v.clone() for k, v in model.state_dict().items()}

    report = load_official_state_dict(model, wrapped, 'ctrgcn')

    assert sorted(report.loaded) == sorted(published)
    assert report.dropped == ['fc.weight', 'fc.bias']
    unchanged = [
        k for k, v in model.state_dict().items() if (v == before[k]).all()
    ]
    assert unchanged == []


@pytest.mark.parametrize(
    'source', ['ctrgcn', 'pyskl-ctrgcn', 'mmaction-ctrgcn']
)
def test_missing_and_unexpected_names_are_listed_and_nothing_is_loaded(source):
    layer, graph = ('l{1}', 'PA') if source == 'ctrgcn' else ('net.{0}', 'A')
    published = published_ctrgcn(layer, graph)
    name = layer.format(1, 2)
    del published[f'{name}.gcn1.convs.2.conv4.bias']
    published[f'{name}.gcn1.extra'] = torch.zeros(1)
    model = ctrgcn()
    before = {k: v.clone() for k, v in model.state_dict().items()}

    with pytest.raises(ValueError, match='missing names') as error:
        load_official_state_dict(model, published, source)

    assert f'{name}.gcn1.convs.2.conv4.bias' in str(error.value)
    assert f'unexpected names: {name}.gcn1.extra' in str(error.value)
    assert all((v == before[k]).all() for k, v in model.state_dict().items())


def test_other_shapes_are_named_on_both_sides():
    published = published_ctrgcn('l{1}', 'PA')
    published['l1.gcn1.PA'] = torch.zeros(K, 6, 6)

    with pytest.raises(ValueError, match='other shapes') as error:
        load_official_state_dict(ctrgcn(), published, 'ctrgcn')

    assert 'l1.gcn1.PA (3, 6, 6) in the file, (3, 5, 5)' in str(error.value)


@pytest.mark.parametrize(
    ('source', 'model', 'message'),
    [
        ('ctr-gcn', ctrgcn, "source='ctr-gcn' is unknown"),
        ('agcn', ctrgcn, 'holds a AGCN, the model is a CTRGCN'),
        ('mmaction-ctrgcn', agcn, 'holds a CTRGCN, the model is a AGCN'),
        ('ctrgcn', agcn, 'holds a CTRGCN, the model is a AGCN'),
    ],
)
def test_wrong_sources_are_refused(source, model, message):
    with pytest.raises(ValueError, match=message):
        load_official_state_dict(model(), {'a': torch.zeros(1)}, source)


def published_agcn(model):
    """Entries of the published shape for a model, each of its own values."""
    draw = Draw()
    draw.norm('data_bn', 2 * model.num_joints * 3)
    for i, block in enumerate(model.blocks, start=1):
        unit, width = block.gcn1, block.out_channels
        inn = unit.conv_a[0].in_channels
        draw.tensor(f'l{i}.gcn1.PA', *unit.PA.shape)
        for k in range(K):
            for which in 'ab':
                draw.conv(f'l{i}.gcn1.conv_{which}.{k}', width // 4, inn)
            draw.conv(f'l{i}.gcn1.conv_d.{k}', width, inn)
        draw.norm(f'l{i}.gcn1.bn', width)
        if inn != width:
            draw.conv(f'l{i}.gcn1.down.0', width, inn)
            draw.norm(f'l{i}.gcn1.down.1', width)
        draw.conv(f'l{i}.tcn1.conv', width, width, 9, 1)
        draw.norm(f'l{i}.tcn1.bn', width)
        if i > 1 and (inn != width or block.stride > 1):
            draw.conv(f'l{i}.residual.conv', width, inn)
            draw.norm(f'l{i}.residual.bn', width)
    draw.tensor('classifier_1.ac_center', 5, 16)
    return draw.entries


def test_agcn_takes_the_published_graph_and_leaves_the_unused_input_norm():
    model = agcn(graph_cfg=dict(layout='nturgb+d'))
    own = model.blocks[0].gcn1.A.clone()

    report = load_official_state_dict(model, published_agcn(model), 'agcn')

    official = agcn(graph_cfg=dict(layout='nturgb+d-official'))
    assert not torch.equal(own, official.adjacency())
    assert all(
        torch.equal(block.gcn1.A, official.adjacency())
        for block in model.blocks
    )
    assert {name.split('.')[0] for name in report.dropped} == {
        'data_bn',
        'classifier_1',
    }


def test_agcn_with_an_input_norm_loads_it():
    model = agcn(data_bn_type='MVC')
    published = published_agcn(model)

    load_official_state_dict(model, published, 'agcn')

    torch.testing.assert_close(
        model.data_bn.bias.double(),
        published['data_bn.bias'],
        rtol=0,
        atol=1e-6,
    )


def test_mmaction_stgcn_checkpoint_loads():
    from mmaction.models.backbones import stgcn as mmaction_stgcn

    units = dict(gcn_adaptive='init', gcn_with_res=True, tcn_type='mstcn')
    torch.manual_seed(4)
    theirs = mmaction_stgcn.STGCN(
        dict(layout='coco', mode='spatial'), base_channels=12, **units
    ).eval()
    checkpoint = {f'backbone.{k}': v for k, v in theirs.state_dict().items()}
    checkpoint['cls_head.fc.weight'] = torch.zeros(4, 48)
    ours = STGCN(dict(layout='coco'), base_channels=12).eval()
    x = torch.randn(2, 2, 7, 17, 3)

    report = load_official_state_dict(ours, checkpoint, 'mmaction-stgcn')

    torch.testing.assert_close(ours(x)[0], theirs(x))
    assert report.dropped == ['cls_head.fc.weight']
    with pytest.raises(ValueError, match=r'unexpected names: gcn\.0'):
        load_official_state_dict(
            STGCN(dict(layout='coco'), base_channels=12, tcn_type='unit_tcn'),
            checkpoint,
            'mmaction-stgcn',
        )


def pretraining(backbone, **meta):
    """What mmengine saves of a pre-training run."""
    query = {f'backbone.{k}': v for k, v in backbone.state_dict().items()}
    key = {
        f'key_encoder.backbone.{k}': torch.zeros_like(v)
        for k, v in backbone.state_dict().items()
    }
    history = HistoryBuffer([0.5, 0.25], [1, 1])
    return {
        'meta': {
            'epoch': 3,
            'dataset_meta': {
                'classes': ('a', 'b'),
                'joint_names': [f'joint_{v}' for v in range(V)],
                'parents': [-1, 0, 1, 1, 3],
                **meta,
            },
        },
        'state_dict': {
            **query,
            **key,
            'global_head.queue.keys': torch.zeros(4, 7),
        },
        'message_hub': {'log_scalars': {'train/loss': history}},
    }


@pytest.mark.parametrize('build', [ctrgcn, agcn])
def test_query_encoder_is_taken_out_of_a_pretraining_file(build, tmp_path):
    torch.manual_seed(5)
    source = build()
    path = tmp_path / 'epoch_3.pth'
    torch.save(pretraining(source), path)
    target = build()
    x = torch.randn(2, 2, 7, V, 3)
    assert not torch.equal(target(x)[-1], source(x)[-1])

    report = load_encoder(target, path)

    assert torch.equal(target(x)[-1], source(x)[-1])
    assert len(report.loaded) == len(source.state_dict())
    assert {n.split('.')[0] for n in report.dropped} == {
        'key_encoder',
        'global_head',
    }
    assert 'left key_encoder (' in str(report)


def test_pretrained_argument_loads_with_init_weights(tmp_path):
    source = ctrgcn()
    torch.save(pretraining(source), tmp_path / 'a.pth')
    target = ctrgcn(pretrained=str(tmp_path / 'a.pth'))

    target.init_weights()

    x = torch.randn(2, 2, 7, V, 3)
    assert torch.equal(target.eval()(x)[-1], source(x)[-1])


def test_bare_encoder_and_wrapped_model_load_alike():
    source, target = ctrgcn(), ctrgcn()
    x = torch.randn(2, 2, 7, V, 3)

    for content in (
        source.state_dict(),
        {f'module.backbone.{k}': v for k, v in source.state_dict().items()},
    ):
        target.load_state_dict(ctrgcn().state_dict())
        load_encoder(target, content)
        assert torch.equal(target(x)[-1], source(x)[-1])


@pytest.mark.parametrize(
    ('changes', 'meta', 'message'),
    [
        (
            dict(graph_cfg=dict(parents=[-1, 0, 1])),
            {},
            r'a\.pth was trained on 3 joints, CTRGCN was built for 5',
        ),
        (
            dict(in_channels=2),
            {},
            r'a\.pth was trained on 2 channels .* built for 3',
        ),
        (
            dict(base_channels=16),
            {},
            r'a\.pth has 16 channels in its first block, CTRGCN has 8',
        ),
        (
            {},
            dict(joint_names=['a', 'b'], parents=[-1, 0]),
            r'a\.pth was trained on 2 joints, CTRGCN was built for 5',
        ),
        (dict(num_stages=4), {}, 'unexpected names: blocks.3'),
        (dict(data_bn_type=None), {}, 'missing names: data_bn.weight'),
    ],
)
def test_encoders_that_disagree_are_refused(changes, meta, message, tmp_path):
    torch.save(pretraining(ctrgcn(**changes), **meta), tmp_path / 'a.pth')
    target = ctrgcn()
    before = {k: v.clone() for k, v in target.state_dict().items()}

    with pytest.raises(CheckpointError, match=message):
        load_encoder(target, tmp_path / 'a.pth')

    assert all((v == before[k]).all() for k, v in target.state_dict().items())


def test_weights_of_the_other_kind_of_ctrgcn_are_refused():
    content = pretraining(ctrgcn(temporal_relu=True))
    content['meta']['mmsnip'] = dict(
        model=dict(backbone=dict(type='CTRGCN', temporal_relu=True))
    )

    with pytest.raises(CheckpointError, match='temporal_relu=True, the CTRG'):
        load_encoder(ctrgcn(), content)

    load_encoder(ctrgcn(temporal_relu=True), content)


def test_another_skeleton_of_as_many_joints_is_said(caplog):
    content = pretraining(ctrgcn(), parents=[-1, 0, 0, 0, 0])

    with caplog.at_level(logging.WARNING):
        report = load_encoder(ctrgcn(), content)

    assert 'parents differ' in str(report)


class Evil:
    def __reduce__(self):
        return (print, ('executed',))


def test_files_that_are_no_checkpoints_end_in_our_error(tmp_path, capsys):
    (tmp_path / 'text.pth').write_text('hello')
    (tmp_path / 'empty.pth').write_bytes(b'')
    (tmp_path / 'evil.pth').write_bytes(pickle.dumps(Evil()))
    torch.save({'state_dict': {'a': Evil()}}, tmp_path / 'evil2.pth')
    torch.save([1, 2], tmp_path / 'list.pth')
    torch.save({'epoch': 3}, tmp_path / 'counter.pth')
    torch.save({'state_dict': {}}, tmp_path / 'nothing.pth')
    torch.save({'head.weight': torch.zeros(2)}, tmp_path / 'head.pth')
    np.save(tmp_path / 'array.npy', np.zeros(3))

    for path in sorted(tmp_path.iterdir()):
        with pytest.raises(CheckpointError, match=path.name):
            load_encoder(ctrgcn(), path)

    assert 'executed' not in capsys.readouterr().out


def test_missing_files_and_folders_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'none\.pth'):
        load_encoder(ctrgcn(), tmp_path / 'none.pth')
    with pytest.raises(CheckpointError, match='is a folder'):
        load_encoder(ctrgcn(), tmp_path)


EARLIER = Path(__file__).with_name('earlier_names.npz')


def earlier(name):
    """Weights of version 0.1, drawn, and the stages that it computed."""
    with np.load(EARLIER) as archive:
        arrays = {
            key[len(name) + 1 :]: torch.as_tensor(archive[key])
            for key in archive.files
            if key.startswith(f'{name}/')
        }
    weights = {k[3:]: v for k, v in arrays.items() if k.startswith('sd/')}
    return weights, [arrays['y0'], arrays['y1']]


@pytest.mark.parametrize('way', ['model', 'encoder', 'runner'])
@pytest.mark.parametrize('name', ['agcn', 'ctrgcn'])
def test_weights_of_an_earlier_version_compute_what_they_did(name, way):
    weights, expected = earlier(name)
    options = dict(graph_cfg=CHAIN, inflate_stages=(2,), out_indices=(0, 1))
    if name == 'agcn':
        options.update(
            base_channels=4, temporal_strides=(1, 2), data_bn_type='VC'
        )
        model = AGCN(**options)
    else:
        options.update(base_channels=6, num_stages=2, down_stages=(2,))
        model = CTRGCN(**options)
    prefixed = {f'backbone.{k}': v.float() for k, v in weights.items()}
    if way == 'encoder':
        load_encoder(model, {'state_dict': prefixed})
    else:
        whole = torch.nn.ModuleDict({'backbone': model})
        if way == 'model':
            whole.load_state_dict(prefixed)
        else:
            load_state_dict(whole, prefixed, strict=True)
    x = torch.linspace(-1, 1, 120, dtype=torch.float64).sin().mul(5).cos()

    stages = model.double().eval()(x.view(1, 2, 4, 5, 3))

    assert any('relate' in key for key in weights)
    for found, value in zip(stages, expected):
        torch.testing.assert_close(found, value, rtol=0, atol=1e-9)


def test_half_of_an_earlier_version_is_refused():
    weights, _ = earlier('ctrgcn')
    del weights['blocks.0.gcn1.PA']

    with pytest.raises(CheckpointError, match='of an earlier version'):
        load_encoder(ctrgcn(), weights)
