"""The k-NN vote and what it is scored by."""

from __future__ import annotations

from collections import Counter
from math import exp

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from mmsnip.evaluation.neighbors import (
    knn_accuracy,
    knn_predict,
    majority_labels,
)

B, Q, C = 29, 11, 5


def clouds(seed):
    rng = np.random.default_rng(seed)
    labels = rng.choice([0, 2, 7], B)
    bank = rng.normal(size=(B, C)) + 0.8 * labels[:, None]
    return bank, labels, rng.normal(size=(Q, C)) + 1.0


def slow_vote(bank, labels, queries, k, temperature):
    similarity = 1 - cdist(queries, bank, 'cosine')
    predictions = []
    for row in similarity:
        votes = Counter()
        for index in sorted(range(len(bank)), key=lambda b: -row[b])[:k]:
            weight = 1.0 if temperature is None else exp(
                row[index] / temperature
            )
            votes[labels[index]] += weight
        most = max(votes.values())
        predictions.append(min(c for c in votes if votes[c] == most))
    return predictions


@pytest.mark.parametrize('temperature', [0.07, 1.3, None])
@pytest.mark.parametrize('k', [1, 4, 20, 100])
@pytest.mark.parametrize('seed', range(3))
def test_the_vote_is_the_one_of_a_slow_loop(seed, k, temperature):
    bank, labels, queries = clouds(seed)

    found = knn_predict(bank, labels, queries, k, temperature)

    assert found.tolist() == slow_vote(bank, labels, queries, k, temperature)


@pytest.mark.parametrize('chunk_size', [1, 4, Q, 3 * Q])
def test_chunks_do_not_change_the_labels(chunk_size):
    bank, labels, queries = clouds(5)

    found = knn_predict(bank, labels, queries, 3, chunk_size=chunk_size)

    assert np.array_equal(found, knn_predict(bank, labels, queries, 3))


def test_equal_votes_go_to_the_lowest_label():
    bank = np.eye(4)[[0, 1, 2]]

    found = knn_predict(bank, [9, 3, 5], [[1, 1, 1, 0]], 3, None)

    assert found.tolist() == [3]


def test_equally_near_entries_at_the_edge_come_in_the_order_of_the_bank():
    bank = np.eye(4)[[1, 0, 0, 0, 0]]  # four entries tie

    found = knn_predict(bank, [0, 6, 6, 4, 4], [[1, 0, 0, 0]], 2, None)

    assert found.tolist() == [6]


def test_a_near_neighbour_outweighs_many_far_ones_at_low_temperature():
    bank = np.array([[1, 0], [0.5, 1], [0.5, 1], [0.5, 1]])
    query = [[1, 0.0]]

    plain = knn_predict(bank, [1, 0, 0, 0], query, 4, None)
    sharp = knn_predict(bank, [1, 0, 0, 0], query, 4, 1e-4)

    assert (plain.tolist(), sharp.tolist()) == ([0], [1])


def test_length_of_a_feature_does_not_matter():
    bank, labels, queries = clouds(1)
    scale = np.random.default_rng(2).uniform(0.1, 9, B)

    found = knn_predict(bank * scale[:, None], labels, queries * 3, 4)

    assert np.array_equal(found, knn_predict(bank, labels, queries, 4))


def test_no_query_gives_no_label():
    bank, labels, _ = clouds(0)

    assert knn_predict(bank, labels, np.zeros((0, C))).shape == (0,)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(bank=np.zeros((0, C)), bank_labels=[]), 'B of at least 1'),
        (dict(bank_labels=[1, 2]), r'bank_labels \(2,\)'),
        (dict(queries=np.zeros((2, C + 1))), 'have 6 channels and the bank 5'),
        (dict(queries=np.zeros(C)), r'queries has shape \(5,\)'),
        (dict(queries=np.full((1, C), np.nan)), 'queries holds .* diverged'),
        (dict(num_neighbors=0), 'num_neighbors=0'),
        (dict(temperature=0.0), 'temperature=0.0 must be positive, or None'),
    ],
)
def test_the_vote_refuses_what_it_cannot_count(changes, message):
    bank, labels, queries = clouds(0)
    arguments = dict(bank=bank, bank_labels=labels, queries=queries)

    with pytest.raises(ValueError, match=message):
        knn_predict(**{**arguments, **changes})


def test_accuracies_are_counted_as_they_are_defined():
    labels = [3] * 6 + [0] * 3 + [1]
    predictions = [3] * 6 + [0, 1, 3] + [0]

    report = knn_accuracy(predictions, labels, background=3)

    assert report == dict(
        accuracy=pytest.approx(7 / 10),
        balanced_accuracy=pytest.approx((6 / 6 + 1 / 3 + 0 / 1) / 3),
        action_accuracy=pytest.approx(1 / 4),
    )


def test_without_background_all_snippets_are_actions():
    report = knn_accuracy([0, 1, 1], [0, 1, 0])

    assert report['action_accuracy'] == report['accuracy'] == 2 / 3


def test_background_alone_has_no_action_accuracy():
    report = knn_accuracy([2, 0], [2, 2], background=2)

    assert np.isnan(report.pop('action_accuracy'))
    assert report == dict(accuracy=0.5, balanced_accuracy=0.5)


def test_accuracies_need_as_many_predictions_as_labels():
    with pytest.raises(ValueError, match=r'\(1,\) and labels \(2,\)'):
        knn_accuracy([1], [1, 2])


@pytest.mark.parametrize('size', [1, 4, 13, 20])
def test_majority_of_a_window_is_the_most_frequent_counted_label(size):
    rng = np.random.default_rng(size)
    labels = rng.choice([-100, 0, 1, 4], 13)

    found = majority_labels(labels, size)

    expected = []
    for start in range(0, 13, size):
        window = [x for x in labels[start : start + size] if x != -100]
        counts = Counter(window)
        most = max(counts.values(), default=0)
        tied = [label for label in counts if counts[label] == most]
        expected.append(min(tied, default=-100))
    assert found.tolist() == expected


def test_majority_needs_windows_of_a_frame():
    with pytest.raises(ValueError, match='size=0'):
        majority_labels([1, 2], 0)
