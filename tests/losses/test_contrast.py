"""Losses of the two branches, against closed forms and golden numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from mmsnip.losses import info_nce, match_snippets, snippet_info_nce

SEEDS = (0, 1, 2, 3, 4)


def unit(*shape, dim=1, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(*shape, generator=generator, dtype=torch.float64)
    return torch.nn.functional.normalize(x, dim=dim)


def case(folder, seed):
    with np.load(folder / f'contrast_s{seed}.npz') as file:
        return {key: torch.from_numpy(file[key]) for key in file.files}


def assert_close(found, expected, name, record_property):
    deviation = float((found - expected).abs().max())
    record_property(f'deviation of {name}', deviation)
    assert deviation < 1e-9


@pytest.mark.parity
@pytest.mark.parametrize('seed', SEEDS)
def test_info_nce_matches_the_golden_loss_and_gradient(
    reference_dir, seed, record_property
):
    golden = case(reference_dir, seed)
    q = golden['q'].requires_grad_()

    loss = info_nce(
        q, golden['k'], golden['queue'], float(golden['T'])
    )
    loss.backward()

    assert_close(loss.detach(), golden['loss'], 'loss', record_property)
    assert_close(q.grad, golden['grad_q'], 'gradient', record_property)


@pytest.mark.parity
@pytest.mark.parametrize('seed', SEEDS)
@pytest.mark.parametrize(
    ('name', 'matching', 'normalize'),
    [
        ('argmax', 'feature', False),
        ('argmax_cosine', 'feature', True),
        ('index', 'index', False),
    ],
)
def test_matching_chooses_the_golden_snippets(
    reference_dir, seed, name, matching, normalize
):
    golden = case(reference_dir, seed)

    index = match_snippets(
        golden['q_b'], golden['k_b'], matching, normalize
    )

    assert torch.equal(index, golden[f'{name}/idx'].long())


@pytest.mark.parity
@pytest.mark.parametrize('seed', SEEDS)
@pytest.mark.parametrize(
    ('name', 'matching'), [('argmax', 'feature'), ('index', 'index')]
)
def test_snippet_loss_matches_the_golden_loss_and_gradient(
    reference_dir, seed, name, matching, record_property
):
    golden = case(reference_dir, seed)
    q = golden['q_dense'].requires_grad_()

    loss = snippet_info_nce(
        q,
        golden['k_dense'],
        golden['q_b'],
        golden['k_b'],
        golden['dense_queue'],
        float(golden['T']),
        matching,
    )
    loss.backward()

    gradient = golden[f'{name}/grad_q_dense']
    assert_close(
        loss.detach(), golden[f'{name}/loss'], 'loss', record_property
    )
    assert_close(q.grad, gradient, 'gradient', record_property)


def test_info_nce_is_log_k_plus_one_when_all_keys_are_equal():
    q = unit(4, 3)
    k = q.clone()
    queue = q[:1].T.expand(3, 11)

    loss = info_nce(q[:1], k[:1], queue, temperature=0.3)

    assert loss.item() == pytest.approx(math.log(12))


def test_snippet_loss_equals_a_loop_over_snippets():
    N, D, C, S, K = 4, 3, 6, 5, 7
    q, k = unit(N, D, S), unit(N, D, S, seed=1)
    q_feat, k_feat = unit(N, C, S, seed=2) * 3, unit(N, C, S, seed=3) * 3
    queue = unit(D, K, dim=0, seed=4)
    rows = []
    for n in range(N):
        for i in range(S):
            one = q[n, :, i]
            match = [float(q_feat[n, :, i] @ key) for key in k_feat[n].T]
            best = match.index(max(match))
            logits = [float(one @ k[n, :, best]) / 0.07]
            logits += [float(one @ key) / 0.07 for key in queue.T]
            rows.append(math.log(sum(map(math.exp, logits))) - logits[0])

    loss = snippet_info_nce(q, k, q_feat, k_feat, queue, 0.07)

    assert loss.item() == pytest.approx(sum(rows) / len(rows))


def test_matching_views_of_one_video_beat_shuffled_videos():
    N, D, S = 8, 16, 5
    q = unit(N, D, S)
    k = torch.nn.functional.normalize(q + 0.1 * unit(N, D, S, seed=1), dim=1)
    queue = unit(D, 64, dim=0, seed=2)
    shuffled = k.roll(1, dims=0)

    same = snippet_info_nce(q, k, q, k, queue)
    other = snippet_info_nce(q, shuffled, q, shuffled, queue)

    assert same < 0.5 * other


def test_half_precision_gives_a_float32_loss():
    q = unit(4, 3).to(torch.bfloat16)

    loss = info_nce(q, q, unit(3, 7, dim=0).to(torch.bfloat16), 0.07)

    assert loss.dtype == torch.float32
    assert torch.isfinite(loss)


def test_no_gradient_reaches_the_matching_features():
    q, k = unit(4, 3, 5).requires_grad_(), unit(4, 3, 5, seed=1)
    feat = unit(4, 6, 5, seed=2).requires_grad_()

    snippet_info_nce(q, k, feat, feat, unit(3, 7, dim=0)).backward()

    assert feat.grad is None
    assert q.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(temperature=0.0), r'temperature=0.0 must be positive'),
        (dict(matching='nearest'), r"matching='nearest' is unknown"),
        (dict(queue=torch.zeros(4, 7)), r'queue has shape \(4, 7\).*D=3'),
        (dict(k=torch.zeros(4, 3, 6)), r'q has shape .* and k'),
        (dict(q_feat=torch.zeros(4, 6, 6)), r'q_feat has shape'),
    ],
)
def test_snippet_loss_refuses_what_does_not_fit(arguments, message):
    right = dict(
        q=torch.zeros(4, 3, 5),
        k=torch.zeros(4, 3, 5),
        q_feat=torch.zeros(4, 6, 5),
        k_feat=torch.zeros(4, 6, 5),
        queue=torch.zeros(3, 7),
    )

    with pytest.raises(ValueError, match=message):
        snippet_info_nce(**{**right, **arguments})
