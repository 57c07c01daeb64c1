"""Blocks that run again, wherever they do."""

from __future__ import annotations

import copy
from contextlib import nullcontext

import pytest
import torch

from mmsnip.models import AGCN, CTRGCN
from mmsnip.models.backbones import ctrgcn
from tests.models.test_skeleton_clr import pretrainer, views

WAYS = {
    'CPU': nullcontext,
    'other devices': nullcontext,
    'bfloat16': lambda: torch.autocast('cpu', torch.bfloat16),
    'float16': lambda: torch.autocast('cpu', torch.float16),
}


@pytest.fixture(params=WAYS)
def way(request, monkeypatch):
    """Autocast, or the path of a GPU in full precision."""
    if request.param == 'other devices':
        monkeypatch.setattr(ctrgcn, 'is_eager_cpu', lambda x: False)
    return WAYS[request.param]


@pytest.mark.parametrize('lengths', [None, [13, 4, 7, 1]])
@pytest.mark.parametrize('encoder', [AGCN, CTRGCN])
def test_gradients_and_statistics_are_those_of_blocks_that_are_kept(
    encoder, lengths, way
):
    torch.manual_seed(0)
    model = encoder(dict(layout='coco'), base_channels=8).train()
    twin = copy.deepcopy(model)
    twin.with_cp = True
    rest = () if lengths is None else (torch.tensor(lengths),)
    x = torch.randn(4, 2, 13, 17, 3)

    for net in (model, twin):
        with way():
            stages = net(x, *rest)
        sum(y.float().square().mean() for y in stages).backward()

    for (name, ours), other in zip(
        model.named_parameters(), twin.parameters()
    ):
        assert torch.equal(ours.grad, other.grad), name
    for (name, ours), other in zip(model.named_buffers(), twin.buffers()):
        assert torch.equal(ours, other), name


def test_a_pretraining_learns_with_less_memory_under_autocast():
    model = pretrainer()
    model.backbone.with_cp = True

    with torch.autocast('cpu', torch.bfloat16):
        total, _ = model.parse_losses(model(views()[:2], mode='loss'))
    total.backward()

    grads = [p.grad for p in model.backbone.parameters()]
    assert all(torch.isfinite(g).all() for g in grads if g is not None)
