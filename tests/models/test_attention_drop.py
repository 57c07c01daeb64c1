"""Attention-guided drop: energy, choice, scale and what it leaves alone."""

from __future__ import annotations

import math

import pytest
import torch
from torch.testing import assert_close

from mmsnip.models.pretrainers.aimclr import (
    LOWEST_THRESHOLD,
    attention_drop,
    energy_attention,
)


def features(P=4, C=3, T=13, V=5, seed=0):
    """Joint 2 stands out of the channels of the last person."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(P, C, T, V, generator=generator)
    x[-1] *= 0.1
    x[-1, :, :, 2] += 5
    return x


def presence(P=4, T=13):
    valid = torch.ones(P, T, dtype=torch.bool)
    valid[1, 9:] = False
    valid[2, :4] = False
    return valid


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def slow_attention(x, valid, epsilon):
    """Channel by channel, value by value, in Python's numbers."""
    P, C, T, V = x.shape
    found = [[[[0.0] * V for _ in range(T)] for _ in range(C)] for _ in x]
    for p in range(P):
        frames = [t for t in range(T) if valid[p, t]]
        for c in range(C):
            values = [float(x[p, c, t, v]) for t in frames for v in range(V)]
            mean = sum(values) / len(values)
            squares = sum((value - mean) ** 2 for value in values)
            variance = squares / (len(values) - 1)
            for t in frames:
                for v in range(V):
                    square = (float(x[p, c, t, v]) - mean) ** 2
                    energy = square / (4 * (variance + epsilon)) + 0.5
                    found[p][c][t][v] = sigmoid(energy)
    return found


def slow_drop(x, valid, threshold, epsilon):
    """The published two steps: joints first, then single features."""
    P, C, T, V = x.shape
    attention = slow_attention(x, valid, epsilon)
    joints, singles = {}, {}
    for p in range(P):
        frames = [t for t in range(T) if valid[p, t]]
        for v in range(V):
            seen = [attention[p][c][t][v] for c in range(C) for t in frames]
            joints[p, v] = sum(seen) / len(seen) < threshold
        for c in range(C):
            for t in frames:
                for v in range(V):
                    value = attention[p][c][t][v]
                    singles[p, c, t, v] = value < threshold
    joint_scale = len(joints) / sum(joints.values())
    single_scale = len(singles) / sum(singles.values())
    found = x.clone()
    for (p, c, t, v), keep in singles.items():
        value = float(x[p, c, t, v]) * joint_scale * single_scale
        found[p, c, t, v] = value if keep and joints[p, v] else 0.0
    return found, joints


def test_attention_matches_the_slow_loop():
    x, valid = features().double(), presence()

    found = energy_attention(x, valid, epsilon=0.01)

    expected = torch.tensor(slow_attention(x, valid, 0.01)).to(x)
    assert_close(found, expected)


def test_attention_of_a_lone_peak_follows_from_the_number_of_features():
    x = torch.zeros(2, 3, 4, 5)
    x[1, 2, 3, 4] = 7.0

    found = energy_attention(x, epsilon=1e-12)

    n = 4 * 5  # variance 49 / n, distance 7 (1 - 1/n) and 7 / n
    peak = sigmoid(0.5 + n * (1 - 1 / n) ** 2 / 4)
    rest = sigmoid(0.5 + 1 / n / 4)
    assert found[1, 2, 3, 4].item() == pytest.approx(peak)
    assert found[1, 2, 0, 0].item() == pytest.approx(rest)
    assert found[0].unique().tolist() == pytest.approx([sigmoid(0.5)])


@pytest.mark.parametrize('given', [True, False])
@pytest.mark.parametrize('threshold', [0.69, 0.7, 0.9])
def test_drop_matches_the_slow_loop(given, threshold):
    x = features().double()
    valid = presence() if given else None

    found = attention_drop(x, valid, threshold, epsilon=0.01)

    every = torch.ones(4, 13, dtype=torch.bool)
    expected, joints = slow_drop(x, valid if given else every, threshold, 0.01)
    assert_close(found, expected)
    assert joints[3, 2] == (threshold > 0.7)  # a whole joint goes, or stays
    assert ((found == 0) & (x != 0)).any()


def test_uniform_features_stay_as_they_are():
    x = torch.arange(1.0, 13).view(4, 3, 1, 1).expand(4, 3, 13, 5)

    assert torch.equal(attention_drop(x), x)


def test_a_lone_peak_is_dropped_and_the_rest_scaled_by_the_count():
    x = torch.ones(4, 3, 13, 5)
    x[1, 2, 6, 3] = 9.0

    found = attention_drop(x)

    expected = torch.full_like(x, 780 / 779)  # 4 x 3 x 13 x 5 features
    expected[1, 2, 6, 3] = 0
    assert_close(found, expected)


def test_a_joint_that_stands_out_is_dropped_in_every_channel_and_frame():
    x = torch.ones(4, 3, 13, 5)
    x[0, :, :, 1] = -2.0

    found = attention_drop(x)

    joints, singles = 20 / 19, 780 / 741  # 39 of the features went with it
    expected = torch.full_like(x, joints * singles)
    expected[0, :, :, 1] = 0
    assert_close(found, expected)


def test_of_normal_features_the_share_beyond_the_threshold_is_dropped():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(4, 3, 1300, 50, generator=generator)

    dropped = (attention_drop(x, threshold=0.7) == 0).double().mean()

    # sigmoid(z^2 / 4 + 1/2) >= 0.7 where |z| >= 2 sqrt(log(7/3) - 1/2)
    z = 2 * math.sqrt(math.log(7 / 3) - 0.5)
    assert dropped.item() == pytest.approx(math.erfc(z / 2**0.5), abs=2e-3)


def test_frames_that_do_not_count_are_neither_changed_nor_felt():
    x, valid = features(), presence()
    changed = torch.where(valid[:, None, :, None], x, 100 * x + 3)

    found = attention_drop(x, valid)
    other = attention_drop(changed, valid)

    away = ~valid[:, None, :, None].expand_as(x)
    assert torch.equal(found[~away], other[~away])
    assert torch.equal(other[away], changed[away])


def test_padding_changes_nothing():
    x = features()
    padded = torch.cat([x, torch.randn(4, 3, 7, 5)], dim=2)
    valid = torch.arange(20).expand(4, 20) < 13

    found = attention_drop(padded, valid)

    assert_close(found[:, :, :13], attention_drop(x))


def test_every_person_keeps_something_at_the_lowest_threshold():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(50, 3, 7, 5, generator=generator) ** 5
    x[:20] = x[:20].sign()  # everything equally far from the mean

    found = attention_drop(x, threshold=LOWEST_THRESHOLD + 1e-6)

    assert (found != 0).flatten(1).any(dim=1).all()


def test_no_gradient_passes_through_the_choice():
    x = features().double().requires_grad_()
    found = attention_drop(x)

    (gradient,) = torch.autograd.grad(found.sum(), x)

    assert_close(gradient, (found / x).detach())  # the factor alone


def test_nothing_is_drawn():
    state = torch.get_rng_state()

    found = attention_drop(features())

    assert torch.equal(found, attention_drop(features()))
    assert torch.equal(torch.get_rng_state(), state)


def test_half_precision_chooses_as_single_precision_does():
    x = features().half()

    found = attention_drop(x)

    expected = attention_drop(x.float())
    assert found.dtype == torch.float16
    assert torch.equal(found == 0, expected == 0)
    assert_close(found.float(), expected, rtol=2e-3, atol=1e-3)


def test_nobody_gives_nobody():
    assert attention_drop(torch.zeros(0, 3, 13, 5)).shape == (0, 3, 13, 5)


@pytest.mark.parametrize('threshold', [0.3, LOWEST_THRESHOLD, 1.0])
def test_a_threshold_that_drops_all_or_nothing_is_refused(threshold):
    with pytest.raises(ValueError, match=r'must lie between 0\.6792'):
        attention_drop(features(), threshold=threshold)


def test_an_epsilon_that_divides_by_zero_is_refused():
    with pytest.raises(ValueError, match=r'epsilon=0 must be positive'):
        attention_drop(features(), epsilon=0)
