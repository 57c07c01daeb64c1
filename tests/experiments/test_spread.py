"""Means, spreads and intervals against numbers worked out by hand."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from experiments.results import bootstrap_interval, mean_and_spread, paired


def test_mean_and_spread_of_three_seeds():
    mean, spread = mean_and_spread([0.61, 0.58, 0.64])

    assert mean == pytest.approx(0.61)
    assert spread == pytest.approx(math.sqrt((0 + 9e-4 + 9e-4) / 2))


def test_one_seed_has_no_spread_and_none_no_mean():
    assert math.isnan(mean_and_spread([0.5])[1])
    assert math.isnan(mean_and_spread([])[0])


def test_the_interval_of_equal_values_is_that_value():
    assert bootstrap_interval([2.0] * 5) == (2.0, 2.0)


def test_three_values_have_their_range_as_interval():
    # each end comes up in 1 of 27 draws, 3.7 %, more than 2.5 %
    assert bootstrap_interval([4.0, -1.0, 2.0]) == (-1.0, 4.0)


def test_four_values_leave_the_draws_of_one_value_out():
    # 1 of 256 draws is the smallest value four times, 0.4 %; up to three
    # times and one of the next it is 5 of 256, 2.0 %; the next mean is 2.5
    values = [0.0, 10.0, 100.0, 1000.0]

    low, high = bootstrap_interval(values)

    means = sorted(
        sum(draw) / 4 for draw in itertools.product(values, repeat=4)
    )
    # the 7th of 256 (6 / 256 < 2.5 %), and the 250th (249 / 256 < 97.5 %)
    assert low == means[math.ceil(0.025 * 256) - 1] == 5.0
    assert high == means[math.ceil(0.975 * 256) - 1]


def test_many_values_are_drawn_and_come_near_the_normal_interval():
    values = np.random.default_rng(3).normal(size=40)

    low, high = bootstrap_interval(values)

    half = 1.96 * values.std() / math.sqrt(40)
    assert low == pytest.approx(values.mean() - half, abs=0.03)
    assert high == pytest.approx(values.mean() + half, abs=0.03)
    assert bootstrap_interval(values) == (low, high)


@pytest.mark.parametrize(('values', 'level'), [([], 0.95), ([1.0], 1.0)])
def test_intervals_of_nothing_are_refused(values, level):
    with pytest.raises(ValueError, match=r'needs a value and a level in'):
        bootstrap_interval(values, level)


def test_pairs_are_the_seeds_that_both_have():
    gap = paired({0: 5.0, 1: 7.0, 2: 9.0, 4: 0.0}, {2: 3.0, 0: 4.0, 1: 5.0})

    assert gap.mean == pytest.approx((1 + 2 + 6) / 3)
    assert gap.pairs == 3
    assert gap.interval == (1.0, 6.0)


def test_pairing_is_not_the_difference_of_two_spreads():
    # seeds differ a lot, the gap does not
    gap = paired({0: 1.5, 1: 10.5, 2: 90.5}, {0: 1.0, 1: 10.0, 2: 90.0})

    assert gap.interval == (0.5, 0.5)


@pytest.mark.parametrize('pairs', [0, 1, 2])
def test_fewer_than_three_pairs_have_no_interval(pairs):
    values = dict.fromkeys(range(pairs), 1.0)

    assert paired(values, {0: 0.0, 1: 0.0, 2: 0.0}).interval is None


def test_seeds_of_one_draw_are_no_independent_pairs():
    values = {0.0: 1.0, 0.1: 3.0, 1.0: 2.0, 1.1: 2.0, 2.0: 5.0, 2.1: 7.0}

    gap = paired(values, dict.fromkeys(values, 1.0))

    assert gap.pairs == 6
    assert gap.mean == pytest.approx((1 + 1 + 5) / 3)
    assert gap.interval == (1.0, 5.0)  # of three draws, their range
