from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch
from mmaction.models.backbones import stgcn as mmaction_stgcn

from mmsnip.models import STGCN
from mmsnip.registry import MODELS

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


def test_equal_input_and_base_channels_drop_the_first_block():
    model = STGCN(
        CHAIN, in_channels=12, base_channels=12, num_stages=3, down_stages=(3,)
    )

    assert model.out_indices == (1,)
    assert model(torch.randn(2, 2, 7, 5, 12))[0].shape == (2, 2, 12, 4, 5)


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


def test_where_it_drops_its_first_block_each_other_has_a_stride():
    model = STGCN(
        CHAIN,
        in_channels=12,
        base_channels=12,
        num_stages=3,
        temporal_strides=(2, 3),
        out_indices=(0, 1),
    )

    stages = model(torch.rand(1, 1, 12, 5, 12))

    assert [stage.shape[3] for stage in stages] == [6, 2]
