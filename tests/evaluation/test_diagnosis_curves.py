"""Precision-recall curves and the confusion of frames."""

from __future__ import annotations

import numpy as np
import pytest

from mmsnip.evaluation import evaluate_activitynet
from mmsnip.evaluation.diagnosis_curves import (
    mean_curve,
    precision_recall_curves,
)
from mmsnip.evaluation.diagnosis_frames import frame_confusion, row_shares
from tests.evaluation.test_diagnosis import random_case


def test_curves_have_the_ap_of_the_evaluation():
    found, truth = random_case(1)
    curves = precision_recall_curves(found, truth, 3, 0.4)
    report = evaluate_activitynet(found, truth, 3, [0.4])
    assert [curve.ap for curve in curves] == [
        report[f'AP@0.40/{label}'] for label in range(3)
    ]


def test_points_are_precision_and_recall_so_far():
    truth = {'a': np.array([[0, 0, 10], [0, 20, 30]])}
    found = {
        'a': np.array([[0, 20, 30, 0.9], [0, 50, 60, 0.8], [0, 0, 10, 0.7]])
    }
    (curve,) = precision_recall_curves(found, truth, 1)
    assert curve.recall.tolist() == [0.5, 0.5, 1.0]
    assert curve.precision.tolist() == [1.0, 0.5, 2 / 3]
    assert curve.envelope.tolist() == [1.0, 2 / 3, 2 / 3]
    assert curve.score.tolist() == [0.9, 0.8, 0.7]


def test_classes_without_truth_or_detections_have_their_own_values():
    truth = {'a': np.array([[0, 0, 10]])}
    empty, absent = precision_recall_curves(
        {'a': np.array([[1, 0, 10, 0.5]])}, truth, 2
    )
    assert (empty.ap, empty.num_truth, len(empty.recall)) == (0, 1, 0)
    assert np.isnan(absent.ap)
    assert np.isnan(absent.recall).all()


def test_the_area_under_the_mean_curve_is_map():
    found, truth = random_case(5)
    curves = precision_recall_curves(found, truth, 3, 0.3)
    middles = (np.arange(20000) + 0.5) / 20000
    mean_ap = np.mean([curve.ap for curve in curves])
    area = mean_curve(curves, middles).mean()
    assert area == pytest.approx(mean_ap, abs=1e-4)


def test_the_mean_of_no_class_is_undefined():
    curves = precision_recall_curves({}, {}, 2)
    assert np.isnan(mean_curve(curves, np.array([0.0, 1.0]))).all()


def test_confusion_counts_every_pair_of_labels():
    rng = np.random.default_rng(0)
    truth = {name: rng.integers(0, 4, T) for name, T in (('a', 13), ('b', 7))}
    found = {name: rng.integers(0, 4, len(x)) for name, x in truth.items()}
    counts = np.zeros((4, 4), dtype=int)
    for name, labels in truth.items():
        for true, predicted in zip(labels, found[name]):
            counts[true, predicted] += 1
    np.testing.assert_array_equal(frame_confusion(found, truth, 3), counts)


def test_empty_videos_are_counted_as_nothing():
    none = np.zeros(0, dtype=int)
    counts = frame_confusion({'a': none}, {'a': none}, 2)
    assert counts.shape == (3, 3)
    assert np.isnan(row_shares(counts)).all()


@pytest.mark.parametrize(
    ('found', 'message'),
    [
        ({'b': [0]}, "video 'a' has no counterpart"),
        ({'a': [0, 0]}, "video 'a' has 2 predicted and 1 true frames"),
        ({'a': [3]}, "video 'a' holds labels 0 to 3; expected 0..2"),
    ],
)
def test_labels_that_do_not_fit_are_refused(found, message):
    with pytest.raises(ValueError, match=message):
        frame_confusion(found, {'a': [0]}, 2)
