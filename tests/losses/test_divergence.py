"""The divergence of an extreme view from a mild one."""

from __future__ import annotations

import math

import pytest
import torch

from mmsnip.losses import distribution_divergence, key_logits
from tests.losses.test_contrast import unit


def batch(N=4, D=3, K=7):
    return (
        unit(N, D),
        unit(N, D, seed=1),
        unit(N, D, seed=2),
        unit(D, K, dim=0, seed=3),
    )


def softmax(row):
    exponents = [math.exp(value) for value in row]
    return [value / sum(exponents) for value in exponents]


def test_divergence_equals_a_loop_over_videos_and_keys():
    extreme, q, k, queue = batch()
    rows = []
    for n in range(4):
        keys = [k[n], *queue.T]
        teacher = softmax([float(q[n] @ key) / 0.2 for key in keys])
        student = softmax([float(extreme[n] @ key) / 0.2 for key in keys])
        rows.append(-sum(p * math.log(r) for p, r in zip(teacher, student)))

    loss = distribution_divergence(extreme, q, k, queue, 0.2)

    assert loss.item() == pytest.approx(sum(rows) / 4)


def test_divergence_is_log_k_plus_one_when_all_keys_are_equal():
    extreme, q, k, _ = batch()
    queue = k[:1].T.expand(3, 11)

    loss = distribution_divergence(extreme[:1], q[:1], k[:1], queue, 0.3)

    assert loss.item() == pytest.approx(math.log(12))


def test_divergence_is_least_where_both_views_agree():
    extreme, q, k, queue = batch()
    same = q.clone().requires_grad_()

    least = distribution_divergence(same, q, k, queue, 0.2)
    least.backward()
    teacher = key_logits(q, k, queue, 0.2).softmax(dim=1)
    entropy = -(teacher * teacher.log()).sum(dim=1).mean()

    assert least.item() == pytest.approx(entropy.item())
    assert same.grad.abs().max() < 1e-12
    assert distribution_divergence(extreme, q, k, queue, 0.2) > least


def test_divergence_teaches_the_extreme_view_only():
    extreme, q, k, queue = batch()
    extreme.requires_grad_()
    q.requires_grad_()

    distribution_divergence(extreme, q, k, queue).backward()

    assert extreme.grad.abs().sum() > 0
    assert q.grad is None


def test_half_precision_gives_a_float32_loss():
    extreme, q, k, queue = (x.to(torch.bfloat16) for x in batch())

    loss = distribution_divergence(extreme, q, k, queue)

    assert loss.dtype == torch.float32
    assert torch.isfinite(loss)


@pytest.mark.parametrize(
    ('place', 'value', 'message'),
    [
        (1, torch.zeros(4, 5), r'q has shape \(4, 5\)'),
        (3, torch.zeros(5, 7), r'queue has shape \(5, 7\).*D=3'),
        (4, 0.0, r'temperature=0.0 must be positive'),
    ],
)
def test_divergence_refuses_what_does_not_fit(place, value, message):
    arguments = [*batch(), 0.07]
    arguments[place] = value

    with pytest.raises(ValueError, match=message):
        distribution_divergence(*arguments)
