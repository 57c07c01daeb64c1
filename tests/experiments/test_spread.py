"""Means, spreads and intervals against numbers worked out by hand."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from experiments.results import bootstrap_interval, paired


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


def test_pairing_is_not_the_difference_of_two_spreads():
    # seeds differ a lot, the gap does not
    gap = paired({0: 1.5, 1: 10.5, 2: 90.5}, {0: 1.0, 1: 10.0, 2: 90.0})

    assert gap.interval == (0.5, 0.5)


def test_seeds_of_one_draw_are_no_independent_pairs():
    values = {0.0: 1.0, 0.1: 3.0, 1.0: 2.0, 1.1: 2.0, 2.0: 5.0, 2.1: 7.0}

    gap = paired(values, dict.fromkeys(values, 1.0))

    assert gap.pairs == 6
    assert gap.mean == pytest.approx((1 + 1 + 5) / 3)
    assert gap.interval == (1.0, 5.0)  # of three draws, their range
