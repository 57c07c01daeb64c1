"""Mixed precision and gradient accumulation of the pre-training models."""

from __future__ import annotations

import copy
import itertools

import pytest
import torch
from mmengine.model import ExponentialMovingAverage
from mmengine.optim import OptimWrapper
from torch import nn

from mmsnip.hooks import EpochHook
from mmsnip.models.averaging import MomentumEncoder
from tests.models.test_aimclr import views as three_views
from tests.models.test_skeleton_clr import pretrainer, views


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
@pytest.mark.parametrize(
    ('kind', 'make', 'count'),
    [('SkeletonCLR', views, 2), ('AimCLR', three_views, 3)],
)
def test_losses_under_autocast_are_float32_and_near_full_precision(
    dtype, kind, make, count
):
    model = pretrainer(type=f'mmsnip.{kind}')
    if kind == 'AimCLR':
        model.set_epoch(200)  # mines
    twin = copy.deepcopy(model)
    expected = twin(make()[:count], mode='loss')

    with torch.autocast('cpu', dtype):
        losses = model(make()[:count], mode='loss')
    total, _ = model.parse_losses(losses)
    total.backward()

    for name, value in losses.items():
        if 'loss' in name:
            assert value.dtype == torch.float32, name
            # 14 = 1 / temperature per unit of cosine
            assert abs(value - expected[name]) < 14 * 0.03, name
    for name, parameter in model.named_parameters():
        if parameter.grad is not None:
            assert torch.isfinite(parameter.grad).all(), name
    stored = model.global_head.queue.keys[:, :4]
    assert torch.allclose(stored.norm(dim=0), torch.ones(4), atol=1e-6)


class Small(nn.Module):
    """Weights and a buffer."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 5)
        self.bn = nn.BatchNorm1d(5)


def test_momentum_encoder_moves_as_mmengines_average_does():
    torch.manual_seed(0)
    model = Small()
    ours = MomentumEncoder(model, key_momentum=0.9)
    theirs = ExponentialMovingAverage(model, momentum=0.1)
    for step in range(3):
        with torch.no_grad():
            for tensor in (*model.parameters(), model.bn.running_mean):
                tensor.add_(torch.randn_like(tensor))
        ours.update_parameters(model)
        theirs.update_parameters(model)

        found, expected = ours.state_dict(), theirs.state_dict()
        assert list(found) == list(expected)
        for name, value in expected.items():
            assert torch.equal(found[name], value), (step, name)


def test_momentum_encoder_goes_on_from_a_checkpoint():
    torch.manual_seed(0)
    model = Small()
    ours = MomentumEncoder(model, key_momentum=0.9)
    ours.update_parameters(model)
    with torch.no_grad():
        model.linear.weight += 1.0
    other = MomentumEncoder(Small(), key_momentum=0.9)
    other.load_state_dict(copy.deepcopy(ours.state_dict()))

    for each in (ours, other):
        each.update_parameters(model)

    assert int(other.steps) == 2
    assert torch.equal(other.module.linear.weight, ours.module.linear.weight)


class Runner:
    """The parts of a runner that the hook reads."""

    def __init__(self, model, optim_wrapper):
        self.model, self.optim_wrapper = model, optim_wrapper


def accumulate(counts, iterations):
    """Key weights after each iteration of a run, and the model."""
    model = pretrainer(snippets=False)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    wrapper = OptimWrapper(optimizer, accumulative_counts=counts)
    wrapper.initialize_count_status(nn.Linear(1, 1), 0, iterations)
    hook, history = EpochHook(), []
    for iteration in range(iterations):
        hook.before_train_iter(Runner(model, wrapper), iteration)
        total, _ = model.parse_losses(
            model(views(seed=iteration), mode='loss')
        )
        wrapper.update_params(total)
        key = model.key_encoder.module['global_projector'].weight
        history.append(key.clone())
    return history, model


def test_key_encoder_moves_once_an_optimizer_step_under_accumulation():
    history, model = accumulate(counts=3, iterations=7)

    moved = [
        not torch.equal(before, after)
        for before, after in itertools.pairwise(history)
    ]

    assert moved == [False, False, True, False, False, True]
    assert int(model.key_encoder.steps) == 3


def test_queue_takes_the_keys_of_every_pass_under_accumulation():
    _, model = accumulate(counts=3, iterations=7)

    assert int(model.global_head.queue.pointer) == 7 * 4 % 11


def test_without_accumulation_the_key_encoder_moves_at_every_pass():
    _, model = accumulate(counts=1, iterations=3)

    assert int(model.key_encoder.steps) == 3
