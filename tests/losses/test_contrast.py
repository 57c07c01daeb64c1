"""Losses of the two branches, against closed forms and golden numbers."""

from __future__ import annotations

import functools
import itertools
import math

import numpy as np
import pytest
import torch

from mmsnip.losses import (
    info_nce,
    key_logits,
    match_by_time,
    match_snippets,
    mined_snippet_info_nce,
    snippet_info_nce,
)
from mmsnip.models.heads.contrast import SnippetContrastHead, Snippets
from tests.parity import SEEDS

LIMIT = 1e-9
FILES = ['contrast_small', *(f'contrast_s{n}' for n in SEEDS['contrast'])]
CASES = ('argmax', 'argmax_cosine', 'index')


def unit(*shape, dim=1, seed=0):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(*shape, generator=generator, dtype=torch.float64)
    return torch.nn.functional.normalize(x, dim=dim)


@pytest.fixture(params=FILES)
def golden(request):
    """Reads arrays of one golden file as tensors."""
    is_ours = request.param == 'contrast_small'
    folder = request.getfixturevalue(
        'golden_dir' if is_ours else 'reference_dir'
    )
    archive = np.load(folder / f'{request.param}.npz')

    def read(name):
        # what the small file leaves out follows from what it has
        if name in ('q_dense', 'k_dense') and name not in archive:
            raw = torch.from_numpy(archive[f'{name}_raw'])
            return torch.nn.functional.normalize(raw, dim=1)
        return torch.from_numpy(archive[name])

    read.names = set(archive.files)
    return read


def features(golden, case):
    """Features whose plain dot products choose as the case does."""
    q, k = golden('q_b'), golden('k_b')
    if case == 'argmax_cosine':
        q = torch.nn.functional.normalize(q, dim=1)
        k = torch.nn.functional.normalize(k, dim=1)
    return q, k


@pytest.mark.parity
def test_info_nce_matches_the_golden_loss_and_gradient(golden, parity):
    q = golden('q').requires_grad_()
    k, queue, t = golden('k'), golden('queue'), float(golden('T'))

    loss = info_nce(q, k, queue, t)
    loss.backward()
    rows = [
        info_nce(q[n : n + 1], k[n : n + 1], queue, t).item()
        for n in range(len(q))
    ]

    for at, found in (
        ('loss', loss.detach()),
        ('grad_q', q.grad),
        ('loss_rows', rows),
    ):
        parity.close('global', found, golden(at), LIMIT, at)
    if 'logits' in golden.names:
        found = key_logits(q.detach(), k, queue, t)
        parity.close('global', found, golden('logits'), LIMIT, 'logits')


@pytest.mark.parity
@pytest.mark.parametrize('case', CASES)
def test_matching_chooses_the_golden_snippets(golden, parity, case):
    matching = 'index' if case == 'index' else 'feature'
    arguments = golden('q_b'), golden('k_b'), matching

    index = match_snippets(*arguments, normalize=case == 'argmax_cosine')

    parity.close(case, index, golden(f'{case}/idx'), 0.0, 'idx')
    k = golden('k_dense')
    matched = k.gather(2, index[:, None].expand_as(k))
    if f'{case}/k_gathered' in golden.names:
        at = f'{case}/k_gathered'
        parity.close(case, matched, golden(at), 0.0, 'k_gathered')
    positive = (golden('q_dense') * matched).sum(1)
    parity.close(case, positive, golden(f'{case}/pos'), LIMIT, 'pos')


@pytest.mark.parity
@pytest.mark.parametrize('case', CASES[:2])
def test_matching_orders_all_pairs_as_the_golden_similarity(
    golden, parity, case
):
    # no function returns the similarity: offer any two keys to a query
    at = 'sim' if case == 'argmax' else 'sim_cosine'
    similarity, q, k = golden(at), golden('q_b'), golden('k_b')
    N, C, S = q.shape
    a, b = torch.triu_indices(S, S, 1)
    P = len(a)
    query = q.transpose(1, 2).reshape(N, S, 1, C, 1)
    query = query.expand(-1, -1, P, -1, 2).reshape(-1, C, 2)
    keys = torch.stack([k[..., a], k[..., b]], -1).transpose(1, 2)
    keys = keys[:, None].expand(-1, S, -1, -1, -1).reshape(-1, C, 2)

    index = match_snippets(query, keys, normalize=at == 'sim_cosine')

    expected = similarity[..., b] > similarity[..., a]  # (N, S, P)
    found = index[:, 0].view(N, S, P)
    parity.close(f'{case}, order only', found, expected, 0.0, at)


@pytest.mark.parity
@pytest.mark.parametrize('case', CASES)
def test_snippet_loss_matches_the_golden_loss_and_gradient(
    golden, parity, case
):
    q, k = golden('q_dense').requires_grad_(), golden('k_dense')
    q_feat, k_feat = features(golden, case)
    queue, t = golden('dense_queue'), float(golden('T'))
    matching = 'index' if case == 'index' else 'feature'

    loss = snippet_info_nce(q, k, q_feat, k_feat, queue, t, matching)
    loss.backward()

    found, expected = loss.detach(), golden(f'{case}/loss')
    parity.close(case, found, expected, LIMIT, 'loss')
    parity.close(
        case, q.grad, golden(f'{case}/grad_q_dense'), LIMIT, 'grad_q_dense'
    )


@pytest.mark.parity
@pytest.mark.parametrize('case', CASES)
def test_loss_of_each_snippet_matches_the_golden_one(golden, parity, case):
    q, k = golden('q_dense'), golden('k_dense')
    q_feat, k_feat = features(golden, case)
    queue, t = golden('dense_queue'), float(golden('T'))
    N, _, S = q.shape
    rows = torch.empty(N, S, dtype=torch.float64)

    for n, s in itertools.product(range(N), range(S)):
        # one query: alone, or S times where it has to choose among S keys
        one, many = slice(s, s + 1), slice(0, S)
        keys, times = (one, 1) if case == 'index' else (many, S)
        rows[n, s] = snippet_info_nce(
            q[n : n + 1, :, one].expand(-1, -1, times),
            k[n : n + 1, :, keys],
            q_feat[n : n + 1, :, one].expand(-1, -1, times),
            k_feat[n : n + 1, :, keys],
            queue,
            t,
            'index' if case == 'index' else 'feature',
        )

    parity.close(case, rows, golden(f'{case}/loss_rows'), LIMIT, 'loss_rows')


@pytest.mark.parity
@pytest.mark.parametrize('golden', FILES[1:], indirect=True)
@pytest.mark.parametrize('case', CASES)
def test_snippet_logits_match_the_golden_ones(golden, parity, case):
    q, k = golden('q_dense'), golden(f'{case}/k_gathered')
    queue, t = golden('dense_queue'), float(golden('T'))
    N, D, S = q.shape
    one_by_one = [x.transpose(1, 2).reshape(N * S, D) for x in (q, k)]

    found = key_logits(*one_by_one, queue, t).view(N, S, -1)

    parity.close(case, found, golden(f'{case}/logits'), LIMIT, 'logits')


@pytest.mark.parity
def test_queue_entries_match_the_golden_keys(golden, parity):
    raw, key = golden('k_dense_raw'), golden('k_dense')
    N, D, S = raw.shape
    snippets = Snippets(golden('k_b'), raw, key)
    sizes = dict(num_snippets=S, embed_dim=D, queue_size=7)
    head = SnippetContrastHead(8, **sizes)
    head_of_each = SnippetContrastHead(8, queue_entry='snippet', **sizes)

    mean = head.queue_keys(snippets)
    of_unit = head.queue_keys(snippets._replace(raw=key))
    each = head_of_each.queue_keys(snippets)

    for at, found, expected in (
        ('dense_queue_key', mean, golden('dense_queue_key')),
        (
            'dense_queue_key_of_normalised',
            of_unit,
            golden('dense_queue_key_of_normalised'),
        ),
        ('k_dense', each.view(N, S, D).transpose(1, 2), key),
    ):
        parity.close('queue entries', found, expected, LIMIT, at)


@pytest.mark.parity
def test_projected_snippets_are_normalised_as_the_golden_ones(golden, parity):
    C, D, S = 3, *golden('q_dense_raw').shape[1:]
    head = SnippetContrastHead(C, num_snippets=S, embed_dim=D, queue_size=7)
    for name in ('q_dense', 'k_dense'):
        raw = golden(f'{name}_raw')
        # a projector that gives these, whatever the features
        snippets = head(
            torch.zeros(len(raw), C, S), projector=lambda _, raw=raw: raw
        )
        parity.close(
            'embeddings', snippets.embedding, golden(name), LIMIT, name
        )


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


def timed_snippets(seed=0, N=3, D=4, S=5):
    q, k = (unit(N, D, S, seed=seed + each) for each in range(2))
    return q, k, unit(N, 6, S), unit(D, 7, dim=0)


def test_positives_by_time_are_those_of_the_same_moment():
    q, k, feat, queue = timed_snippets()
    q_time = torch.arange(5.0).mul(8).add(3.5).expand(3, 5)
    early, same, late = q_time[0] - 16, q_time[0], q_time[0] + 7
    k_time = torch.stack([early, same, late])
    shown = {0: {0: 2, 1: 3, 2: 4}, 1: {i: i for i in range(5)},
             2: {1: 0, 2: 1, 3: 2, 4: 3}}  # fmt: skip

    found = snippet_info_nce(
        q, k, feat, feat, queue, 0.1, 'time', (q_time, k_time)
    )

    rows = [
        info_nce(q[n : n + 1, :, i], k[n : n + 1, :, j], queue, 0.1)
        for n, pairs in shown.items()
        for i, j in pairs.items()
    ]
    assert len(rows) == 12
    assert found.item() == pytest.approx(torch.stack(rows).mean().item())


def test_a_mirrored_view_finds_moments_twice():
    index, shown = match_by_time(
        torch.tensor([[12.0, 4.0, 4.0, 12.0]]),  # back to 0 and on
        torch.tensor([[4.0, 12.0, 20.0, 28.0]]),
    )

    assert index.tolist() == [[1, 0, 0, 1]]
    assert shown.all()


def test_another_tempo_finds_the_same_moments():
    slow = torch.arange(6.0)[None] * 4
    fast = torch.arange(6.0)[None] * 8

    index, shown = match_by_time(fast, slow)

    assert index[0, :3].tolist() == [0, 2, 4]
    assert shown.tolist() == [[True] * 3 + [False] * 3]


def test_padding_is_nowhere_in_time():
    nan = float('nan')

    index, shown = match_by_time(
        torch.tensor([[0.0, 8.0, nan]]), torch.tensor([[8.0, nan, nan]])
    )
    single = match_by_time(torch.tensor([[3.0]]), torch.tensor([[9.0]]))

    assert index[0, 1] == 0
    assert shown.tolist() == [[False, True, False]]
    assert single[1].all()


@pytest.mark.parametrize('neighbors', [None, 0, 2])
def test_views_without_a_common_moment_cost_nothing(neighbors):
    q, k, feat, queue = timed_snippets()
    q.requires_grad_()
    time = torch.arange(5.0).expand(3, 5)
    loss = snippet_info_nce
    if neighbors is not None:
        loss = functools.partial(
            mined_snippet_info_nce, num_neighbors=neighbors
        )

    found = loss(
        q, k, feat, feat, queue, matching='time', times=(time, time + 99)
    )
    found.backward()

    assert found.item() == 0
    assert not q.grad.any()


@pytest.mark.parametrize(
    ('times', 'message'),
    [
        (None, "'time' needs times"),
        ((torch.zeros(3, 4), torch.zeros(3, 4)), r'expected \(N, S\) = '),
        ((torch.zeros(3, 5), torch.zeros(3, 4)), r'\(N, S\) for both'),
    ],
)
def test_times_that_do_not_fit_are_refused(times, message):
    q, k, feat, queue = timed_snippets()

    with pytest.raises(ValueError, match=message):
        snippet_info_nce(q, k, feat, feat, queue, matching='time', times=times)
