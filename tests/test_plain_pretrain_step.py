"""The yardstick of the pre-training step against the golden numbers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from benchmarks.plain.pretrain_step import (
    PlainPretrainer,
    contrast_logits,
    contrast_loss,
    dense_logits,
    divergence_loss,
)
from mmsnip.losses import distribution_divergence
from tests.parity import SEEDS

LIMIT = 1e-9


@pytest.fixture(params=SEEDS['contrast'])
def golden(request, reference_dir):
    """Reads arrays of one golden file as tensors."""
    archive = np.load(reference_dir / f'contrast_s{request.param}.npz')
    return lambda name: torch.from_numpy(archive[name])


@pytest.mark.parity
def test_plain_global_loss_and_gradient_are_the_golden_ones(golden, parity):
    q = golden('q').requires_grad_()
    logits = contrast_logits(
        q, golden('k'), golden('queue'), float(golden('T'))
    )

    loss = contrast_loss(logits)
    loss.backward()

    for at, found in (
        ('logits', logits.detach()),
        ('loss', loss.detach()),
        ('grad_q', q.grad),
    ):
        parity.close('yardstick', found, golden(at), LIMIT, at)


@pytest.mark.parity
def test_plain_dense_loss_and_gradient_are_the_golden_ones(golden, parity):
    q = golden('q_dense').requires_grad_()
    loss = contrast_loss(
        dense_logits(
            q,
            golden('k_dense'),
            golden('q_b'),
            golden('k_b'),
            golden('dense_queue'),
            float(golden('T')),
        )
    )
    loss.backward()

    for at, found in (('loss', loss.detach()), ('grad_q_dense', q.grad)):
        at = f'argmax/{at}'
        parity.close('yardstick', found, golden(at), LIMIT, at)


def test_plain_divergence_is_ours():
    generator = torch.Generator().manual_seed(0)
    extreme, q, k, queue = (
        torch.randn(*shape, generator=generator, dtype=torch.float64)
        for shape in ((4, 5), (4, 5), (4, 5), (5, 11))
    )
    found = divergence_loss(
        contrast_logits(extreme, k, queue, 0.2),
        contrast_logits(q, k, queue, 0.2),
    )

    expected = distribution_divergence(extreme, q, k, queue, 0.2)
    assert found.item() == pytest.approx(expected.item())


class Averages(nn.Module):
    """Stands for an encoder: (N, M, T, V, 3) to (N, M, 256, T, V)."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 256)

    def forward(self, x):
        return self.linear(x).permute(0, 1, 4, 2, 3)


def test_plain_step_fills_both_queues_and_moves_the_key_branch():
    torch.manual_seed(0)
    model = PlainPretrainer(Averages(), num_snippets=3, queue_size=8)
    with torch.no_grad():
        model.query.fc.weight += 1.0
    before = model.key.fc.weight.clone()

    losses = model(torch.randn(3, 4, 2, 13, 5, 3))

    assert set(losses) == {'loss_global', 'loss_divergence', 'loss_snippet'}
    moved = before * 0.999 + model.query.fc.weight.detach() * 0.001
    assert torch.allclose(model.key.fc.weight, moved)
    assert int(model.pointer) == 4
    lengths = torch.cat([model.queue, model.dense_queue]).view(2, 128, 8)
    assert torch.allclose(lengths.norm(dim=1), torch.ones(2, 8))
