"""Nearest queue entries as positives."""

from __future__ import annotations

import math

import pytest
import torch

from mmsnip.losses import (
    info_nce,
    mined_info_nce,
    mined_snippet_info_nce,
    nearest_keys,
)
from tests.losses.test_contrast import unit


def mined_row(q, k, queue, chosen, temperature):
    """Loss of one query by its definition."""
    logits = [float(q @ key) / temperature for key in [k, *queue.T]]
    total = math.log(sum(math.exp(value) for value in logits))
    positive = [0, *(1 + index for index in chosen)]
    return sum(total - logits[index] for index in positive) / len(positive)


def ranked(q, queue):
    """Queue entries, the nearest first."""
    similarity = [float(q @ key) for key in queue.T]
    return sorted(range(len(similarity)), key=lambda i: -similarity[i])


def test_nearest_keys_are_the_union_of_what_the_views_choose():
    first, second = unit(4, 3), unit(4, 3, seed=1)
    queue = unit(3, 7, dim=0, seed=2)

    chosen = nearest_keys((first, second), queue, 2)

    for n in range(4):
        expected = ranked(first[n], queue)[:2] + ranked(second[n], queue)[:2]
        found = chosen[n].nonzero().flatten().tolist()
        assert found == sorted(set(expected))


def test_mined_loss_equals_a_loop_over_positives():
    q, k, queue = unit(4, 3), unit(4, 3, seed=1), unit(3, 7, dim=0, seed=2)
    chosen = nearest_keys((q, unit(4, 3, seed=3)), queue, 2)
    rows = [
        mined_row(q[n], k[n], queue, chosen[n].nonzero().flatten(), 0.2)
        for n in range(4)
    ]

    loss = mined_info_nce(q, k, queue, chosen, 0.2)

    assert loss.item() == pytest.approx(sum(rows) / 4)


def test_mined_loss_without_neighbors_is_info_nce():
    q, k, queue = unit(4, 3), unit(4, 3, seed=1), unit(3, 7, dim=0, seed=2)
    nobody = nearest_keys((q,), queue, 0)

    loss = mined_info_nce(q, k, queue, nobody)

    assert loss.item() == pytest.approx(info_nce(q, k, queue).item())


def test_mined_loss_is_log_k_plus_one_when_all_keys_are_equal():
    q, k = unit(1, 3), unit(1, 3, seed=1)
    queue = k.T.expand(3, 11)
    chosen = torch.arange(11).unsqueeze(0) < 4

    assert mined_info_nce(q, k, queue, chosen).item() == pytest.approx(
        math.log(12)
    )


def test_key_and_mined_entries_share_the_pull_of_the_key():
    q = unit(4, 3).requires_grad_()
    k, queue = unit(4, 3, seed=1), unit(3, 7, dim=0, seed=2)
    chosen = nearest_keys((q,), queue, 3)

    mined_info_nce(q, k, queue, chosen, 0.2).backward()
    mined = q.grad.clone()
    q.grad = None
    info_nce(q, k, queue, 0.2).backward()

    gained = (q.grad - mined) * 4 * 0.2  # N and temperature taken out
    for n in range(4):
        centre = (k[n] + queue[:, chosen[n]].sum(dim=1)) / 4
        assert torch.allclose(gained[n], centre - k[n])


def snippets(N=4, D=3, C=6, S=5, K=7):
    return (
        unit(N, D, S),
        unit(N, D, S, seed=1),
        3 * unit(N, C, S, seed=2),
        3 * unit(N, C, S, seed=3),
        unit(D, K, dim=0, seed=4),
    )


@pytest.mark.parametrize('matching', ['feature', 'index'])
def test_mined_snippet_loss_equals_a_loop_over_snippets(matching):
    q, k, q_feat, k_feat, queue = snippets()
    rows = []
    for n in range(4):
        for i in range(5):
            match = [float(q_feat[n, :, i] @ key) for key in k_feat[n].T]
            best = i if matching == 'index' else match.index(max(match))
            one = q[n, :, i]
            chosen = ranked(one, queue)[:2]
            rows.append(mined_row(one, k[n, :, best], queue, chosen, 0.2))

    loss = mined_snippet_info_nce(
        q, k, q_feat, k_feat, queue, 2, 0.2, matching
    )

    assert loss.item() == pytest.approx(sum(rows) / len(rows))


def test_half_precision_gives_a_float32_loss():
    parts = [x.to(torch.bfloat16) for x in snippets()]

    loss = mined_snippet_info_nce(*parts)

    assert loss.dtype == torch.float32
    assert torch.isfinite(loss)


def test_mining_refuses_what_does_not_fit():
    q, k, q_feat, k_feat, queue = snippets()
    rows = unit(4, 3)
    chosen = torch.zeros(4, 6, dtype=torch.bool)

    with pytest.raises(ValueError, match=r'num_neighbors=8 must lie in 0..7'):
        nearest_keys((rows,), queue, 8)
    with pytest.raises(ValueError, match=r'expected one \(N, D\)'):
        nearest_keys((rows, rows[:2]), queue, 1)
    with pytest.raises(ValueError, match=r'neighbors have shape \(4, 6\)'):
        mined_info_nce(rows, rows, queue, chosen)
    with pytest.raises(ValueError, match=r'q has shape \(4, 3, 4\)'):
        mined_snippet_info_nce(
            q[..., :4], k[..., :4], q_feat, k_feat, queue, 1
        )
