"""Indices that know their epoch."""

from __future__ import annotations

import pickle

import pytest

from mmsnip.datasets.sampling import Visit


def draw(visit):
    return visit.generator().integers(2**62, size=3).tolist()


def test_a_visit_is_its_index():
    assert ['a', 'b', 'c'][Visit(2, epoch=5, seed=3)] == 'c'
    assert Visit(2, 5, 3) == 2
    assert hash(Visit(2, 5, 3)) == hash(2)


def test_a_visit_survives_the_way_to_a_worker():
    visit = pickle.loads(pickle.dumps(Visit(7, 2, 9) - 3))  # noqa: S301

    assert type(visit) is Visit
    assert (int(visit), visit.epoch, visit.seed, visit.key) == (4, 2, 9, 7)


@pytest.mark.parametrize('other', [(8, 2, 9), (7, 3, 9), (7, 2, 8)])
def test_draws_differ_where_index_epoch_or_seed_differ(other):
    assert draw(Visit(7, 2, 9)) == draw(Visit(7, 2, 9))
    assert draw(Visit(7, 2, 9)) != draw(Visit(*other))


def test_wrapped_repetitions_of_a_sample_draw_differently():
    first, again = Visit(1, 0, 0) % 4, Visit(5, 0, 0) % 4

    assert first == again
    assert draw(first) != draw(again)
