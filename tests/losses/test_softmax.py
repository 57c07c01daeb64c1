"""Softmax over keys without its matrix."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from mmsnip.losses import info_nce, key_logits, key_softmax
from mmsnip.losses.contrast import mined_snippet_info_nce


def batch(N=4, D=3, K=7, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)

    def unit(*shape, dim):
        x = torch.randn(*shape, generator=generator, dtype=torch.float64)
        return functional.normalize(x, dim=dim).to(dtype)

    return unit(N, D, dim=1), unit(N, D, dim=1), unit(D, K, dim=0)


def by_matrix(q, k, queue, temperature):
    logits = key_logits(q, k, queue, temperature)
    keys = torch.cat([k.unsqueeze(1), queue.T.expand(len(q), -1, -1)], dim=1)
    share = logits.softmax(dim=1).unsqueeze(1)  # (N, 1, 1 + K)
    return logits.logsumexp(dim=1), (share @ keys).squeeze(1)


@pytest.mark.parametrize('at_hand', [1, 14, 21, 1000])
@pytest.mark.parametrize('temperature', [0.001, 0.07, 5.0])
def test_softmax_in_pieces_is_that_of_the_whole_matrix(
    monkeypatch, at_hand, temperature
):
    module = 'mmsnip.losses.softmax'
    monkeypatch.setattr(f'{module}.CHUNK_CPU', at_hand)
    q, k, queue = batch()

    log_sum, mean = key_softmax(q, k, queue, temperature)

    expected, mean_key = by_matrix(q, k, queue, temperature)
    assert torch.allclose(log_sum, expected)
    assert torch.allclose(mean, mean_key)


def test_gradients_of_query_and_key_are_those_of_differences():
    q, k, queue = batch()

    assert torch.autograd.gradcheck(
        lambda q, k: key_softmax(q, k, queue, 0.3)[0],
        (q.requires_grad_(), k.requires_grad_()),
    )


def test_a_queue_that_requires_gradients_gets_them():
    q, k, queue = batch()
    queue.requires_grad_()

    info_nce(q, k, queue, 0.2).backward()

    share = key_logits(q, k, queue, 0.2).softmax(dim=1)[:, 1:]
    assert torch.allclose(queue.grad, (share / 0.2 / 4).T.matmul(q).T)


def test_the_queue_may_be_written_before_the_backward_pass():
    q, k, queue = batch()
    q.requires_grad_()
    info_nce(q, k, queue).backward()
    expected, q.grad = q.grad, None

    loss = info_nce(q, k, queue)
    queue.zero_()
    loss.backward()

    assert torch.equal(q.grad, expected)


def test_no_similarity_is_kept_for_the_backward_pass():
    q, k, queue = batch(K=1000)
    q.requires_grad_()
    sizes = []

    def note(tensor):
        sizes.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda x: x):
        info_nce(q, k, queue)

    assert max(sizes) < 1000


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_autocast_computes_similarities_in_float32(dtype):
    q, k, queue = batch(N=5, D=8, K=300, dtype=torch.float32)
    expected = info_nce(q, k, queue)

    with torch.autocast('cpu', dtype):
        found = info_nce(q, k, queue)

    assert torch.equal(found, expected)


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_half_precision_rows_lose_no_more_than_their_rounding(dtype):
    q, k, queue = batch(N=5, D=8, K=300, dtype=dtype)
    exact = [x.float() for x in (q, k, queue)]
    q.requires_grad_()

    loss = info_nce(q, k, queue)
    (1024 * loss).backward()  # as a loss scaler does

    assert torch.equal(loss, info_nce(*exact))
    assert torch.isfinite(q.grad).all()
    leaf = exact[0].requires_grad_()
    info_nce(*exact).backward()
    error = (q.grad.float() / 1024 - leaf.grad).abs().max()
    assert error <= 0.01 * leaf.grad.abs().max()


def test_mined_snippets_choose_in_float32_under_autocast():
    generator = torch.Generator().manual_seed(1)
    q, k, q_feat, k_feat, queue = (
        torch.randn(*shape, generator=generator)
        for shape in ((4, 3, 5), (4, 3, 5), (4, 6, 5), (4, 6, 5), (3, 70))
    )
    q, k = functional.normalize(q, dim=1), functional.normalize(k, dim=1)
    queue = functional.normalize(queue, dim=0)
    parts = q, k, q_feat * 1e3, k_feat * 1e3, queue
    expected = mined_snippet_info_nce(*parts)

    with torch.autocast('cpu', torch.bfloat16):
        found = mined_snippet_info_nce(*parts)

    assert torch.equal(found, expected)


def test_softmax_refuses_what_does_not_fit():
    q, k, queue = batch()

    with pytest.raises(ValueError, match=r'k \(3, 3\), expected \(N, D\)'):
        key_softmax(q, k[:3], queue)
    with pytest.raises(ValueError, match=r'queue has shape \(7, 3\)'):
        key_softmax(q, k, queue.T)
    with pytest.raises(ValueError, match=r'temperature=0 must be positive'):
        key_softmax(q, k, queue, 0)


@pytest.mark.slow
def test_losses_compile_without_graph_breaks():
    q, k, queue = batch()
    q.requires_grad_()
    expected = info_nce(q, k, queue)
    expected.backward()
    gradient, q.grad = q.grad, None

    compiled = torch.compile(info_nce, fullgraph=True, backend='aot_eager')
    found = compiled(q, k, queue)
    found.backward()

    assert torch.allclose(found, expected)
    assert torch.allclose(q.grad, gradient)
