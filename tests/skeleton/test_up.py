"""Which way is up."""

from __future__ import annotations

import numpy as np
import pytest

from mmsnip.skeleton.orientation import up_of_bodies


def lying(N=4, V=5, C=3):
    """Bodies whose joints lie one behind the other along x."""
    bodies = np.random.default_rng(0).normal(0, 0.01, (N, V, C))
    bodies[..., 0] += np.arange(V)
    return bodies


@pytest.mark.parametrize(('spine', 'sign'), [((1, 3), 1), ((3, 1), -1)])
def test_up_is_where_the_trunk_points(spine, sign):
    assert up_of_bodies(lying(), spine) == (0, sign)
    assert up_of_bodies(lying(C=2), spine) == (0, sign)


def test_without_a_trunk_the_longest_axis_points_up_and_pixel_rows_down():
    assert up_of_bodies(lying()) == (0, 1)
    assert up_of_bodies(np.zeros((4, 5, 3)), (1, 3)) == (0, 1)
    assert up_of_bodies(lying(C=2)) == (1, -1)


@pytest.mark.parametrize(('C', 'expected'), [(3, (1, 1)), (2, (1, -1))])
def test_nobody_stands_as_is_usual(C, expected):
    assert up_of_bodies(np.zeros((0, 5, C)), (1, 3)) == expected
