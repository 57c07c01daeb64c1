"""The k-NN vote, silhouette and plane of a feature space, against loops."""

from __future__ import annotations

from collections import Counter
from math import exp

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from mmsnip.evaluation.neighbors import (
    cross_knn_accuracy,
    knn_accuracy,
    knn_predict,
    majority_labels,
    principal_plane,
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
            weight = (
                1.0 if temperature is None else exp(row[index] / temperature)
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


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(bank=np.zeros((0, C)), bank_labels=[]), 'bank: found'),
        (dict(bank_labels=[1, 2]), r'labels: found .*\(2,\)'),
        (dict(queries=np.zeros(C)), r'queries: found .*\(5,\)'),
        (dict(queries=np.full((1, C), np.nan)), 'queries: found .* diverged'),
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


def test_the_plane_is_that_of_the_covariance():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(31, 5)) * [3, 1, 0.5, 2, 0.1]
    plane, share = principal_plane(features)
    values, axes = np.linalg.eigh(np.cov(features.T))
    centred = features - features.mean(axis=0)
    for place in (0, 1):
        expected = centred @ axes[:, -1 - place]
        np.testing.assert_allclose(
            np.abs(plane[:, place]), np.abs(expected), atol=1e-10
        )
        assert share[place] == pytest.approx(values[-1 - place] / values.sum())


def test_separate_classes_are_told_apart_in_other_videos():
    rng = np.random.default_rng(2)
    labels = np.tile([0, 1, 2], 20)
    features = 5 * np.eye(3)[labels] + 0.1 * rng.normal(size=(60, 3))
    videos = np.repeat([f'v{i}' for i in range(6)], 10)
    assert cross_knn_accuracy(features, labels, videos, 3) == 1


def test_snippets_of_the_own_video_have_no_vote():
    # Features name the video alone, and its label occurs in no other.
    labels = np.repeat([0, 1, 2], 5)
    assert cross_knn_accuracy(np.eye(3)[labels], labels, labels, 3) == 0
