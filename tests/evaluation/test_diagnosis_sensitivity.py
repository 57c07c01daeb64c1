"""Scores by bins of length, coverage and number of segments."""

from __future__ import annotations

import numpy as np
import pytest

from mmsnip.evaluation.diagnosis import diagnose_errors
from mmsnip.evaluation.diagnosis_bins import (
    PUBLISHED_BINS,
    assign_bins,
    bin_edges,
    measure_truth,
)
from mmsnip.evaluation.diagnosis_sensitivity import analyze_sensitivity
from tests.evaluation.test_diagnosis import random_case

INF = float('inf')


def test_characteristics_are_those_of_the_videos_sorted_by_name():
    truth = {
        'b': np.array([[1, 0, 30]]),
        'a': np.array([[0, 10, 20], [0, 20, 50], [2, 0, 5]]),
        'c': np.zeros((0, 3)),
    }
    measured = measure_truth(
        truth, {'a': 100, 'b': 60, 'c': 9}, {'a': 10.0, 'b': 5.0, 'c': 5.0}
    )
    np.testing.assert_allclose(measured['length'], [1, 3, 0.5, 6])
    np.testing.assert_allclose(measured['coverage'], [0.1, 0.3, 0.05, 0.5])
    assert measured['instances'].tolist() == [2, 2, 1, 1]


def test_published_bins_take_their_upper_edges_and_the_lowest():
    edges = np.array(PUBLISHED_BINS['activitynet']['length'])
    values = np.array([0.0, 30.0, 30.1, 180.0, 181.0, np.nan])
    assert assign_bins(values, edges).tolist() == [0, 0, 1, 3, 4, -1]


def test_published_numbers_of_segments_are_whole():
    labels, edges = bin_edges('instances', np.zeros(1), 'activitynet')
    assert labels == ('XS', 'S', 'M', 'L')
    values = np.array([1.0, 2, 4, 5, 8, 9])
    assert assign_bins(values, edges).tolist() == [0, 1, 1, 2, 2, 3]


def test_quantile_bins_hold_equal_numbers_of_different_values():
    values = np.random.default_rng(0).permutation(40) / 7
    labels, edges = bin_edges('length', values, 'quantile', 4)
    assert labels == ('Q1', 'Q2', 'Q3', 'Q4')
    assert np.bincount(assign_bins(values, edges)).tolist() == [10] * 4


def test_quantile_bins_of_repeated_values_merge():
    labels, edges = bin_edges(
        'instances', np.array([1.0, 1, 1, 3]), 'quantile'
    )
    assert (labels, edges.tolist()) == (('Q1',), [1, 3])
    labels, edges = bin_edges('instances', np.ones(5), 'quantile')
    assert labels == ('Q1',)
    assert assign_bins(np.ones(2), edges).tolist() == [0, 0]


def test_a_bin_is_judged_by_its_own_segments_alone():
    truth = {'a': np.array([[0, 0, 10], [0, 100, 200]])}
    found = {
        'a': np.array(
            [[0, 100, 200, 0.9], [0, 300, 310, 0.8], [0, 0, 10, 0.7]]
        )
    }
    measured = {'length': np.array([10.0, 100.0])}
    report = analyze_sensitivity(
        found,
        truth,
        measured,
        1,
        bins={'length': (0, 50, 500)},
        normalize=False,
    )
    (part,) = report.parts
    # short: one false positive before it; long: nothing before it
    assert part.mean_ap.tolist() == [0.5, 1.0]
    assert part.recall.tolist() == [1.0, 1.0]
    assert part.counts.tolist() == [1, 1]


def test_normalized_precision_counts_the_segments_of_all_bins():
    truth = {'a': np.array([[0, 0, 10], [0, 100, 200]])}
    found = {'a': np.array([[0, 300, 310, 0.8], [0, 0, 10, 0.7]])}
    measured = {'length': np.array([10.0, 100.0])}
    report = analyze_sensitivity(
        found, truth, measured, 1, bins={'length': (0, 50, 500)}
    )
    # R = 1, N = 2, F = 1: precision 2 / 3
    np.testing.assert_allclose(report.parts[0].mean_ap, [2 / 3, 0])


def test_recall_stops_where_precision_has_fallen():
    truth = {'a': np.array([[0, 0, 10]])}
    rows = [[0, 100 + 10 * i, 109 + 10 * i, 0.9] for i in range(19)]
    found = {'a': np.array([*rows, [0, 0, 10, 0.1]])}
    measured = {'length': np.array([1.0])}

    def recall(limit):
        report = analyze_sensitivity(
            found, truth, measured, 1, min_precision=limit
        )
        return report.recall, report.parts[0].recall[0]

    # one hit in twenty: precision 0.05 exactly
    assert recall(0.049) == (1, 1)
    assert recall(0.05) == (0, 0)


def test_one_bin_of_all_segments_has_the_scores_of_all():
    found, truth = random_case(3)
    size = sum(map(len, truth.values()))
    report = analyze_sensitivity(
        found,
        truth,
        {'any': np.arange(float(size))},
        3,
        [0.3, 0.6],
        num_bins=1,
    )
    assert report.parts[0].mean_ap[0] == report.mean_ap
    assert report.parts[0].recall[0] == report.recall
    whole = diagnose_errors(found, truth, 3, [0.3, 0.6], num_groups=1000)
    assert report.mean_ap == pytest.approx(whole.mean_ap, abs=1e-12)


def test_empty_bins_and_empty_truth_are_undefined():
    none = np.zeros(0)
    report = analyze_sensitivity(
        {}, {'a': np.zeros((0, 3))}, {'length': none}, 2, bins='thumos14'
    )
    assert np.isnan(report.parts[0].mean_ap).all()
    assert np.isnan([report.mean_ap, report.recall]).all()
    report = analyze_sensitivity({}, {}, {'length': none}, 2)
    assert report.parts[0].labels == ()


@pytest.mark.parametrize(
    ('bins', 'message'),
    [
        ('hoiem', "bins='hoiem' is unknown"),
        ({'coverage': (0, 1)}, "no edges of 'length', only of"),
        ({'length': (0, 3, 3)}, 'must ascend'),
        ({'length': (3,)}, 'must ascend'),
    ],
)
def test_wrong_bins_are_refused(bins, message):
    truth = {'a': np.array([[0, 0, 10]])}
    with pytest.raises(ValueError, match=message):
        analyze_sensitivity({}, truth, {'length': np.ones(1)}, 1, bins=bins)


def test_numbers_that_are_not_one_a_segment_are_refused():
    with pytest.raises(ValueError, match=r"measured\['x'\] has shape \(2,\)"):
        analyze_sensitivity({}, {'a': [[0, 0, 9]]}, {'x': np.ones(2)}, 1)


def test_a_video_without_a_rate_is_refused():
    truth = {'a': np.array([[0, 0, 10]])}
    with pytest.raises(ValueError, match="video 'a' has fps=None"):
        measure_truth(truth, {'a': 20}, {})
    with pytest.raises(ValueError, match="video 'a' has num_frames=None"):
        measure_truth(truth, {}, 30.0)
