"""The seeded fraction of the labelled videos."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from mmsnip.datasets.sampling import stratified_fraction

rng = np.random.default_rng(0)
TRIMMED = [[int(c)] for c in rng.permutation([0] * 60 + [1] * 30 + [2] * 10)]
UNTRIMMED = [
    sorted(set(rng.integers(0, 7, size=rng.integers(0, 4)).tolist()))
    for _ in range(43)
]


def classes_of(labels, chosen):
    return {c for index in chosen for c in labels[index]}


@pytest.mark.parametrize('labels', [TRIMMED, UNTRIMMED])
@pytest.mark.parametrize('fraction', [0.01, 0.2, 0.5, 1.0])
@pytest.mark.parametrize('seed', [0, 1, 2])
def test_each_class_appears(labels, fraction, seed):
    chosen = stratified_fraction(labels, fraction, seed)

    everything = range(len(labels))
    assert classes_of(labels, chosen) == classes_of(labels, everything)
    assert chosen == sorted(set(chosen))


def test_the_shares_of_the_classes_are_kept():
    chosen = stratified_fraction(TRIMMED, 0.2, seed=0)

    counts = np.bincount([TRIMMED[i][0] for i in chosen])
    np.testing.assert_allclose(counts, [12, 6, 2], atol=1)
    assert counts.sum() == 20


def test_a_smaller_fraction_is_part_of_a_larger_one():
    chosen = [
        set(stratified_fraction(UNTRIMMED, f, seed=3))
        for f in (0.1, 0.2, 0.4, 0.8, 1.0)
    ]

    for small, large in itertools.pairwise(chosen):
        assert small < large


def test_the_choice_depends_on_the_seed_alone():
    choices = [stratified_fraction(TRIMMED, 0.2, s) for s in (0, 0, 1)]

    assert choices[0] == choices[1]
    assert choices[0] != choices[2]
