"""The function that is exported, against the localizer itself."""

from __future__ import annotations

import pytest
import torch

from mmsnip.export.frame_scorer import FrameScorer, PersonNorm
from mmsnip.models.backbones.encoder import normalize_input
from tests.export.checkpoints import BACKBONES, NECKS, localizer


def batch(lengths, M=2, seed=0):
    """Noise in which persons come and go; the last video shows nobody."""
    generator = torch.Generator().manual_seed(seed)
    N, T = len(lengths), max(lengths)
    keypoint = torch.randn(N, M, T, 5, 3, generator=generator)
    mask = torch.rand(N, M, T, generator=generator) > 0.5
    mask[0, -1] = M == 1
    mask[-1] = mask[-1] & (N == 1)
    for n, length in enumerate(lengths):
        keypoint[n, :, length:] = 0
        mask[n, :, length:] = False
    return keypoint, mask, torch.tensor(lengths)


def expected(model, keypoint, mask, lengths):
    if bool((lengths == keypoint.shape[2]).all()):
        lengths = None  # the localizer's own way without padding
    with torch.no_grad():
        return torch.softmax(model(keypoint, None, mask, lengths), 2)


def largest_gap(found, wanted, lengths):
    return max(
        float((found[n, :size] - wanted[n, :size]).abs().max())
        for n, size in enumerate(lengths.tolist())
    )


@pytest.mark.parametrize('backbone', list(BACKBONES))
@pytest.mark.parametrize('neck', list(NECKS))
def test_scores_are_those_of_the_localizer(backbone, neck):
    model, _ = localizer(backbone, neck)
    scorer = FrameScorer(model)

    for lengths, M in (
        ([1], 1), ([3], 2), ([5], 3), ([41], 2), ([13, 7, 1], 2)
    ):  # fmt: skip
        inputs = batch(lengths, M)
        found = scorer(*inputs)
        gap = largest_gap(found, expected(model, *inputs), inputs[2])
        assert gap < 1e-5, (lengths, M)
        assert torch.allclose(found.sum(2), torch.ones(found.shape[:2]))


@pytest.mark.parametrize('backbone', list(BACKBONES))
@pytest.mark.parametrize('T', [5, 9])
def test_presence_follows_the_true_stride_of_a_short_video(backbone, T):
    model, _ = localizer(backbone)
    keypoint, mask, lengths = batch([T, 13])
    mask[0, :, :T] = True
    mask[0, 1, T // 2 :] = False

    scorer = FrameScorer(model)
    found = scorer(keypoint, mask, lengths)[0, :T]
    alone = scorer(keypoint[:1, :, :T], mask[:1, :, :T], lengths[:1])[0]

    assert torch.allclose(found, alone, atol=1e-5)


def test_the_localizer_is_left_as_it_was():
    model, _ = localizer('CTRGCN')
    inputs = batch([9, 6])
    before = expected(model, *inputs)
    FrameScorer(model)

    assert torch.equal(expected(model, *inputs), before)
    assert isinstance(model.backbone.data_bn, torch.nn.BatchNorm1d)


@pytest.mark.parametrize('persons', [1, 2])
@pytest.mark.parametrize('M', [1, 2, 3, 5])
def test_person_norm_is_the_encoders_input_norm(persons, M):
    bn = torch.nn.BatchNorm1d(persons * 5 * 3).eval()
    generator = torch.Generator().manual_seed(0)
    for values in (bn.weight.data, bn.bias.data, bn.running_mean):
        values.normal_(generator=generator)
    bn.running_var.uniform_(0.5, 2, generator=generator)
    x = torch.randn(4, M, 13, 5, 3, generator=generator)

    found = PersonNorm(bn, 5, 3)(x)

    wanted = normalize_input(x, bn).view(4, M, 3, 13, 5)
    assert torch.allclose(found, wanted.permute(0, 1, 3, 4, 2), atol=1e-5)


def test_a_head_may_do_more_than_classify():
    """Whatever the head's forward returns is what is exported."""
    model, _ = localizer()

    class Smoothing(type(model.head)):
        def forward(self, features, size, source=None, target=None):
            logits = super().forward(features, size, source, target)
            return logits + logits.roll(1, dims=1)

    model.head.__class__ = Smoothing
    inputs = batch([11, 11])

    gap = largest_gap(
        FrameScorer(model)(*inputs), expected(model, *inputs), inputs[2]
    )

    assert gap < 1e-5
