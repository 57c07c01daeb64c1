from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys

import pytest
import torch
from mmaction.models.backbones import stgcn as mmaction_stgcn

from mmsnip.models import STGCN
from mmsnip.registry import MODELS
from tests.models.padding import check_padding

CHAIN = dict(parents=[-1, 0, 1, 1, 3])
SMALL = dict(
    graph_cfg=CHAIN,
    base_channels=12,
    num_stages=4,
    inflate_stages=(3,),
    down_stages=(2, 4),
    out_indices=(0, 2, 3),
)
MULTI_SCALE = dict(gcn_adaptive='init', gcn_with_res=True, tcn_type='mstcn')
UNIT_TCN = dict(
    gcn_adaptive='importance', gcn_with_res=False, tcn_type='unit_tcn'
)


def small(**changes):
    """A network with every parameter drawn, so that no path is silent."""
    torch.manual_seed(0)
    model = STGCN(**{**SMALL, **changes})
    with torch.no_grad():
        for name, value in model.named_parameters():
            value.copy_(torch.randn_like(value) * 0.3)
            if value.dim() == 1 and name.endswith('weight'):
                value.add_(1.0)
        for name, value in model.named_buffers():
            if name.endswith('running_mean'):
                value.copy_(torch.randn_like(value) * 0.3)
    return model.eval()


@pytest.mark.parametrize('data_bn_type', ['VC', 'MVC'])
@pytest.mark.parametrize('units', [MULTI_SCALE, UNIT_TCN])
def test_last_stage_is_the_output_of_mmaction(units, data_bn_type):
    torch.manual_seed(3)
    graph_cfg = dict(layout='nturgb+d', mode='stgcn_spatial')
    theirs = mmaction_stgcn.STGCN(
        graph_cfg, base_channels=12, data_bn_type=data_bn_type, **units
    ).eval()
    ours = STGCN(
        graph_cfg, base_channels=12, data_bn_type=data_bn_type, **units
    ).eval()
    ours.load_state_dict(theirs.state_dict())
    x = torch.randn(2, 2, 7, 25, 3)

    assert len(ours(x)) == 1
    torch.testing.assert_close(ours(x)[0], theirs(x))


def test_scopes_tell_both_classes_apart():
    graph_cfg = dict(layout='coco', mode='spatial')

    ours = MODELS.build(dict(type='mmsnip.STGCN', graph_cfg=graph_cfg))
    theirs = MODELS.build(dict(type='mmaction.STGCN', graph_cfg=graph_cfg))

    assert type(ours) is STGCN
    assert type(theirs) is mmaction_stgcn.STGCN
    assert 'branches' in str(list(ours.state_dict()))
    assert 'branches' not in str(list(theirs.state_dict()))


@pytest.mark.parametrize('data_bn_type', ['MVC', 'VC', None])
@pytest.mark.parametrize('units', [MULTI_SCALE, UNIT_TCN])
def test_padding_never_changes_valid_frames(units, data_bn_type):
    model = small(data_bn_type=data_bn_type, **units).double()

    check_padding(model, [1, 13, 6, 9])


@pytest.mark.parametrize('T', range(1, 10))
def test_any_length_passes_all_strides(T):
    model = small()

    stages = model(torch.randn(2, 3, T, 5, 3))

    assert model.temporal_strides_out == (1, 2, 4)
    assert model.out_channels == (12, 24, 24)
    assert [s.shape for s in stages] == [
        (2, 3, C, -(-T // stride), 5)
        for C, stride in zip(model.out_channels, model.temporal_strides_out)
    ]


def test_permuting_joints_with_the_graph_permutes_the_output():
    order = [3, 0, 4, 2, 1]
    model = small(data_bn_type=None).double()
    moved = small(
        data_bn_type=None, graph_cfg=dict(parents=[4, -1, 0, 4, 1])
    ).double()
    weights = model.state_dict()
    for name, value in weights.items():
        if name.endswith('.A'):
            weights[name] = value[:, order][:, :, order]
    moved.load_state_dict(weights)
    x = torch.randn(3, 2, 7, 5, 3, dtype=torch.float64)

    for ours, theirs in zip(model(x), moved(x[:, :, :, order])):
        torch.testing.assert_close(
            theirs, ours[..., order], rtol=0, atol=1e-12
        )


@pytest.mark.parametrize('units', [MULTI_SCALE, UNIT_TCN])
def test_copies_and_pickles_are_equal_and_independent(units):
    model = small(**units)
    x = torch.randn(2, 2, 7, 5, 3)
    expected = model(x)[-1]

    for other in (
        copy.deepcopy(model),
        pickle.loads(pickle.dumps(model)),  # noqa: S301
    ):
        assert torch.equal(other(x)[-1], expected)
        other.gcn[0].gcn.conv.weight.data.add_(1)
        assert torch.equal(model(x)[-1], expected)


def test_equal_input_and_base_channels_drop_the_first_block():
    model = STGCN(
        CHAIN, in_channels=12, base_channels=12, num_stages=3, down_stages=(3,)
    )

    assert model.out_indices == (1,)
    assert model(torch.randn(2, 2, 7, 5, 12))[0].shape == (2, 2, 12, 4, 5)


@pytest.mark.parametrize(
    ('changes', 'error', 'message'),
    [
        (dict(out_indices=(4,)), ValueError, r'out_indices=\(4,\)'),
        (dict(gcn_adpative=None), TypeError, 'gcn_adpative'),
        (dict(data_bn_type='CV'), ValueError, "data_bn_type='CV'"),
    ],
)
def test_malformed_arguments_are_refused(changes, error, message):
    with pytest.raises(error, match=message):
        small(**changes)


def test_other_joints_are_refused():
    with pytest.raises(ValueError, match=r'has 4 joints, .* built for 5'):
        small()(torch.zeros(2, 2, 7, 4, 3))


RECOGNIZER = """
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, init_default_scope
from mmengine.utils import import_modules_from_strings

config = Config(dict(
    default_scope='mmaction',
    custom_imports=dict(imports=['mmsnip']),
    model=dict(
        type='RecognizerGCN',
        backbone=dict(
            type='mmsnip.{name}',
            graph_cfg=dict(layout='nturgb+d', mode='spatial'),
        ),
        cls_head=dict(type='GCNHead', num_classes=60, in_channels=256),
    ),
))
import_modules_from_strings(**config.custom_imports)
init_default_scope(config.default_scope)
model = MODELS.build(config.model)
model.init_weights()
model.train()
from mmaction.structures import ActionDataSample
samples = [ActionDataSample() for _ in range(2)]
for n, sample in enumerate(samples):  # the setter's name is the version's
    set_label = getattr(sample, 'set_gt_label', None)
    (set_label or sample.set_gt_labels)(n)
losses = model(torch.randn(2, 1, 2, 8, 25, 3), samples, mode='loss')
loss, _ = model.parse_losses(losses)
loss.backward()
without = [n for n, p in model.named_parameters() if p.grad is None]
assert not without, without
model.eval()
results = model(torch.randn(2, 1, 2, 8, 25, 3), samples, mode='predict')
assert len(results) == 2
print('trained', loss.item())
"""


@pytest.mark.slow
@pytest.mark.parametrize('name', ['CTRGCN', 'AGCN', 'STGCN'])
def test_stock_mmaction_recognizer_trains_with_our_backbone(name, tmp_path):
    script = tmp_path / 'train.py'
    script.write_text(RECOGNIZER.replace('{name}', name))

    done = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, 'PYTHONPATH': os.pathsep.join(sys.path)},
        check=False,
    )

    assert 'trained' in done.stdout, done.stderr[-2000:]
