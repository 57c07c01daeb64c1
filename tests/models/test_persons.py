"""Pooling over joints and persons."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mmsnip.models.backbones import AGCN
from mmsnip.models.persons import (
    PersonStages,
    encode_each_person,
    encode_persons,
    person_frames,
    pool_persons,
)

PARENTS = [-1, 0, 1, 1, 0]


class Frames(nn.Module):
    """Returns its input as one stage of stride 1, and counts the rows."""

    temporal_strides_out = (1,)

    def forward(self, x, num_frames=None):
        self.rows = x.shape[0] * x.shape[1]
        return (x.permute(0, 1, 4, 2, 3),)  # (N, M, C, T, V)


def encoder():
    torch.manual_seed(0)
    return AGCN(dict(layout=dict(parents=PARENTS)), base_channels=8).eval()


def test_an_absent_person_is_not_averaged_in():
    x = torch.randn(4, 2, 13, 5, 3)
    mask = torch.ones(4, 2, 13, dtype=torch.bool)
    mask[1, 1] = False

    (pooled,) = encode_persons(Frames(), x, mask)

    assert torch.allclose(pooled[1], x[1, 0].mean(1).T, atol=1e-6)
    assert torch.allclose(pooled[2], x[2].mean(dim=(0, 2)).T, atol=1e-6)


def test_an_absent_person_does_not_pass_through_the_network():
    backbone = Frames()
    mask = torch.ones(4, 2, 13, dtype=torch.bool)
    mask[:, 1] = False

    encode_persons(backbone, torch.randn(4, 2, 13, 5, 3), mask)

    assert backbone.rows == 4


def test_a_person_who_leaves_counts_only_while_there():
    x = torch.randn(1, 2, 13, 5, 3)
    mask = torch.ones(1, 2, 13, dtype=torch.bool)
    mask[0, 1, 6:] = False

    (pooled,) = encode_persons(Frames(), x, mask)

    assert torch.allclose(
        pooled[0, :, :6], x[0, :, :6].mean(dim=(0, 2)).T, atol=1e-6
    )
    assert torch.allclose(pooled[0, :, 6:], x[0, 0, 6:].mean(1).T, atol=1e-6)


def test_a_frame_that_shows_nobody_keeps_a_finite_feature():
    x = torch.randn(4, 2, 13, 5, 3)
    mask = torch.ones(4, 2, 13, dtype=torch.bool)
    mask[0, :, 5] = False
    mask[2] = False

    (pooled,) = encode_persons(Frames(), x, mask)

    assert torch.isfinite(pooled).all()
    assert torch.allclose(
        pooled[0, :, 5], x[0, :, 5].mean(dim=(0, 1)), atol=1e-6
    )


@pytest.mark.parametrize('absent', [1, 2, 3])
def test_more_slots_for_absent_persons_change_nothing(absent):
    backbone = encoder()
    x = torch.randn(2, 1, 13, 5, 3)
    padded = torch.cat([x, torch.randn(2, absent, 13, 5, 3)], dim=1)
    mask = torch.zeros(2, 1 + absent, 13, dtype=torch.bool)
    mask[:, 0] = True

    with torch.no_grad():
        alone = encode_persons(backbone, x)
        among = encode_persons(backbone, padded, mask)

    for expected, found in zip(alone, among):
        assert torch.allclose(expected, found, atol=1e-6)


def test_the_order_of_persons_does_not_matter():
    backbone = encoder()
    x = torch.randn(2, 3, 13, 5, 3)
    mask = torch.rand(2, 3, 13) > 0.3

    with torch.no_grad():
        forward = encode_persons(backbone, x, mask)
        backward = encode_persons(backbone, x.flip(1), mask.flip(1))

    for expected, found in zip(forward, backward):
        assert torch.allclose(expected, found, atol=1e-5)


def test_presence_follows_the_stride_of_a_stage():
    features = torch.zeros(2, 1, 4, 1)
    features[0], features[1] = 1.0, 3.0
    mask = torch.ones(2, 13, dtype=torch.bool)
    mask[1, 4:] = False  # stride 4: there in the first step only

    pooled = pool_persons(features, mask, torch.tensor([0, 0]), 1, 4)

    assert pooled[0, 0].tolist() == [2, 1, 1, 1]


def test_presence_does_not_guess_the_stride_from_the_lengths():
    features = torch.zeros(2, 1, 3, 1)
    features[0], features[1] = 1.0, 3.0
    mask = torch.ones(2, 9, dtype=torch.bool)
    mask[1, 4:] = False  # 9 frames are 3 at stride 4, and at stride 3

    pooled = pool_persons(features, mask, torch.tensor([0, 0]), 1, 4)

    assert pooled[0, 0].tolist() == [2, 1, 1]


@pytest.mark.parametrize('batch_norm', ['VC', 'MVC'])
def test_features_of_each_person_pool_to_those_of_the_sample(batch_norm):
    torch.manual_seed(0)
    backbone = AGCN(
        dict(layout=dict(parents=PARENTS)),
        base_channels=8,
        data_bn_type=batch_norm,
        num_person=3,
    ).eval()
    x = torch.randn(4, 3, 13, 5, 3)
    mask = torch.rand(4, 3, 13) > 0.3
    mask[1, 1:] = mask[2] = False
    lengths = torch.tensor([13, 9, 13, 5])

    with torch.no_grad():
        persons = encode_each_person(backbone, x, mask, lengths)
        expected = encode_persons(backbone, x, mask, lengths)

    assert {len(stage) for stage in persons.stages} == {8}  # who is there
    assert persons.owner.tolist() == [0, 0, 0, 1, 2, 3, 3, 3]
    for stage, found in enumerate(expected):
        assert torch.equal(persons.pool(stage), found)


def test_frames_of_a_person_are_the_seen_ones_that_are_not_padded():
    mask = torch.ones(4, 13, dtype=torch.bool)
    mask[1, 3:] = False
    mask[2] = False  # stands for a sample that shows nobody
    owner = torch.tensor([0, 0, 1, 2])
    persons = PersonStages((), mask, owner, 3, (1, 4))

    found = person_frames(persons, 1, torch.tensor([4, 2, 3]))

    assert found.int().tolist() == [
        [1, 1, 1, 1],
        [1, 0, 0, 0],
        [1, 1, 0, 0],
        [1, 1, 1, 0],
    ]
    assert person_frames(persons, 1)[2:].all()


def test_a_foreign_encoder_that_says_no_strides_is_pooled_by_its_lengths():
    class Foreign(torch.nn.Module):
        def forward(self, x):
            return (x.permute(0, 1, 4, 2, 3)[:, :, :, ::4],)

    x = torch.randn(2, 2, 13, 5, 3)
    mask = torch.ones(2, 2, 13, dtype=torch.bool)
    mask[0, 1, 8:] = False  # leaves at the third of four steps

    (pooled,) = encode_persons(Foreign(), x, mask)

    frames = x[:, :, ::4].mean(dim=3)  # (N, M, T', C)
    expected = frames.mean(dim=1)
    expected[0, 2:] = frames[0, 0, 2:]
    torch.testing.assert_close(pooled, expected.transpose(1, 2))
