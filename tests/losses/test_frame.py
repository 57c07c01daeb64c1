"""Losses of the frame classifier."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from mmsnip.losses.frame import (
    IGNORE,
    frame_cross_entropy,
    frame_smoothing,
)


def batch(N=4, T=13, num_classes=5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(N, T, num_classes + 1, generator=generator)
    labels = torch.randint(num_classes + 1, (N, T), generator=generator)
    return logits, labels


def test_cross_entropy_of_equal_logits_is_log_of_the_classes():
    _, labels = batch()

    loss = frame_cross_entropy(torch.zeros(4, 13, 6), labels)

    assert loss.item() == pytest.approx(math.log(6))


@pytest.mark.parametrize('label_smoothing', [0.0, 0.2])
@pytest.mark.parametrize('weighted', [False, True])
def test_cross_entropy_equals_torch_on_the_frames_that_count(
    label_smoothing, weighted
):
    logits, labels = batch()
    labels[1, 7:] = IGNORE
    weight = torch.arange(1.0, 7.0) if weighted else None
    counted = labels != IGNORE

    loss = frame_cross_entropy(logits, labels, weight, label_smoothing)
    expected = functional.cross_entropy(
        logits[counted],
        labels[counted],
        weight=weight,
        label_smoothing=label_smoothing,
    )

    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize('function', [frame_cross_entropy, frame_smoothing])
def test_padding_adds_nothing(function):
    logits, labels = batch()
    padded = torch.cat([logits, torch.randn(4, 6, 6) * 9], dim=1)
    ignored = functional.pad(labels, (0, 6), value=IGNORE)

    assert function(padded, ignored).item() == pytest.approx(
        function(logits, labels).item(), rel=1e-6
    )


@pytest.mark.parametrize('function', [frame_cross_entropy, frame_smoothing])
def test_a_batch_without_valid_frames_costs_nothing(function):
    logits, labels = batch()
    logits.requires_grad_()

    loss = function(logits, torch.full_like(labels, IGNORE))
    loss.backward()

    assert loss.item() == 0
    assert logits.grad.abs().sum() == 0


def test_smoothing_is_zero_on_constant_scores_and_truncated_on_jumps():
    labels = torch.zeros(1, 13, dtype=torch.long)
    constant = torch.randn(1, 1, 6).expand(1, 13, 6)
    jumps = torch.zeros(1, 13, 6)
    jumps[:, ::2, 0] = 100.0
    jumps[:, 1::2, 0] = -100.0

    assert frame_smoothing(constant, labels).item() == 0
    assert frame_smoothing(jumps, labels, truncation=3.0).item() <= 9


def test_loss_refuses_labels_of_another_length():
    with pytest.raises(ValueError, match=r'\(N, T, num_classes \+ 1\)'):
        frame_cross_entropy(torch.zeros(4, 13, 6), torch.zeros(4, 12).long())
