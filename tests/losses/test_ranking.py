"""Margin ranking of two tempi."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from mmsnip.losses import tempo_ranking


def unit(N=4, D=3, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(N, D, generator=generator, dtype=torch.float64)
    return functional.normalize(x, dim=1)


@pytest.mark.parametrize('temperature', [0.07, 1.0])
def test_ranking_equals_torchs_margin_ranking_of_the_similarities(
    temperature,
):
    q, same, other = unit(), unit(seed=1), unit(seed=2)
    near = (q * same).sum(dim=1) / temperature
    far = (q * other).sum(dim=1) / temperature
    first = torch.ones(4)

    loss = tempo_ranking(q, same, other, 0.8, temperature)

    expected = functional.margin_ranking_loss(near, far, first, margin=0.8)
    assert loss.item() == pytest.approx(expected.item())


def test_ranking_is_the_margin_when_both_keys_are_equal():
    q, key = unit(), unit(seed=1)

    assert tempo_ranking(q, key, key, 0.7).item() == pytest.approx(0.7)


def test_ranking_is_zero_beyond_the_margin_and_linear_before():
    q = torch.tensor([[1.0, 0.0]])
    ahead = torch.tensor([[1.0, 0.0]])
    behind = torch.tensor([[0.0, 1.0]])

    assert tempo_ranking(q, ahead, behind, 1.0, 0.5).item() == 0
    assert tempo_ranking(q, ahead, behind, 1.0, 4.0).item() == 0.75
    assert tempo_ranking(q, behind, ahead, 1.0, 0.5).item() == 3


def test_ranking_pulls_the_query_to_its_own_tempo():
    q, same, other = unit().requires_grad_(), unit(seed=1), unit(seed=2)

    tempo_ranking(q, same, other, margin=50.0, temperature=0.1).backward()

    assert torch.allclose(q.grad, -(same - other) / 0.1 / 4)


def test_ranking_refuses_keys_of_another_shape():
    with pytest.raises(ValueError, match=r'k_other \(4, 5\)'):
        tempo_ranking(unit(), unit(), unit(D=5))
    with pytest.raises(ValueError, match=r'temperature=0 must be positive'):
        tempo_ranking(unit(), unit(), unit(), temperature=0)
