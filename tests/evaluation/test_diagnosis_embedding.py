"""Planes and numbers of feature spaces."""

from __future__ import annotations

import numpy as np
import pytest

from mmsnip.evaluation.diagnosis_embedding import (
    cross_knn_accuracy,
    principal_plane,
    silhouette,
)


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


def test_the_plane_does_not_depend_on_the_sign_that_svd_chose():
    features = np.random.default_rng(0).normal(size=(9, 4))
    plane, _ = principal_plane(features)
    flipped, _ = principal_plane(-features)
    np.testing.assert_allclose(plane, -flipped, atol=1e-12)


def test_missing_axes_are_zero():
    plane, share = principal_plane(np.arange(4.0)[:, None])
    assert plane[:, 1].tolist() == [0, 0, 0, 0]
    assert share.tolist() == [1, 0]
    assert principal_plane(np.ones((3, 2)))[1].tolist() == [0, 0]


def slow_silhouette(features, labels):
    def far(a, b):
        return 1 - a @ b / np.linalg.norm(a) / np.linalg.norm(b)

    values = []
    for i, label in enumerate(labels):
        means = {}
        for other in set(labels):
            rows = [j for j, x in enumerate(labels) if x == other and j != i]
            if rows:
                means[other] = np.mean(
                    [far(features[i], features[j]) for j in rows]
                )
        if label not in means:
            values.append(0.0)
            continue
        own = means.pop(label)
        near = min(means.values())
        values.append((near - own) / max(own, near))
    return np.mean(values)


def test_silhouette_is_that_of_loops():
    rng = np.random.default_rng(1)
    features = rng.normal(size=(23, 4))
    labels = np.r_[rng.integers(0, 3, 22), 7]  # label 7 stands alone
    assert silhouette(features, labels) == pytest.approx(
        slow_silhouette(features, labels.tolist())
    )


def test_silhouette_of_one_label_is_undefined():
    assert np.isnan(silhouette(np.eye(3), np.zeros(3)))


def test_silhouette_of_labels_on_two_rays_is_one():
    features = np.array([[1.0, 0], [2, 0], [0, 1], [0, 3]])
    assert silhouette(features, [0, 0, 1, 1]) == pytest.approx(1)


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


def test_a_single_video_has_no_accuracy():
    assert np.isnan(cross_knn_accuracy(np.eye(3), [0, 1, 2], [0, 0, 0]))


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match=r'features has shape \(0, 4\)'):
        principal_plane(np.zeros((0, 4)))
    with pytest.raises(ValueError, match='not finite'):
        silhouette([[np.nan, 1.0]], [0])
    with pytest.raises(ValueError, match=r'labels has shape \(1,\)'):
        silhouette(np.eye(2), [0])
    with pytest.raises(ValueError, match='num_folds=1'):
        cross_knn_accuracy(np.eye(2), [0, 1], [0, 1], num_folds=1)
    with pytest.raises(ValueError, match='videos has shape'):
        cross_knn_accuracy(np.eye(2), [0, 1], [0])
    with pytest.raises(ValueError, match='num_axes=0'):
        principal_plane(np.eye(2), 0)
