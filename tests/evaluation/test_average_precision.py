from __future__ import annotations

import numpy as np
import pytest

from mmsnip.evaluation.average_precision import (
    average_precision,
    check_thresholds,
    class_names,
    first_claims,
    iou_key,
    match_detections,
    summarize,
)
from mmsnip.evaluation.records import collect
from tests.evaluation.slow_oracles import (
    all_point_ap,
    greedy_matches,
    random_videos,
)


def frames(interval, _):
    return {*range(*map(int, interval))}


@pytest.mark.parametrize('rule', ['best_free', 'best'])
@pytest.mark.parametrize('ties', [False, True])
@pytest.mark.parametrize('seed', range(6))
def test_matching_takes_the_greedy_steps(seed, ties, rule):
    found, truth = collect(*random_videos(seed, 5, 1, T=60, ties=ties), 1)
    levels = (0.1, 0.5, 0.75, 1.0)

    taken = match_detections(found, truth, levels, rule)

    claims = first_claims(taken)
    for level, row in zip(levels, claims):
        expected = greedy_matches(
            list(zip(found.video, found.start, found.end)),
            list(zip(truth.video, truth.start, truth.end)),
            level,
            frames,
            free_only=rule == 'best_free',
        )
        assert row.tolist() == expected


def test_free_matching_never_takes_a_ground_truth_twice():
    found, truth = collect(*random_videos(9, 11, 3), 3)

    taken = match_detections(found, truth, [0.2])[0]

    used = taken[taken >= 0]
    assert len(used) > 20
    assert len(np.unique(used)) == len(used)


def test_ties_of_overlap_go_where_they_are_told():
    found, truth = collect(
        {'a': [[0, 4, 8, 1.0]]}, {'a': [[0, 2, 6], [0, 6, 10]]}, 1
    )

    first = match_detections(found, truth, [0.1], ties='first')
    last = match_detections(found, truth, [0.1], ties='last')

    assert (first.item(), last.item()) == (0, 1)


@pytest.mark.parametrize('seed', range(4))
def test_average_precision_is_the_area_under_the_envelope(seed):
    hits = np.random.default_rng(seed).random((3, 29)) < 0.4

    ap = average_precision(hits, 31)

    expected = [all_point_ap(row.tolist(), 31) for row in hits]
    np.testing.assert_allclose(ap, expected, rtol=0, atol=1e-12)


def test_average_precision_of_the_empty_cases():
    assert np.isnan(average_precision(np.zeros((2, 3), bool), 0)).all()
    assert average_precision(np.zeros((2, 0), bool), 4).tolist() == [0, 0]


def test_summary_leaves_undefined_classes_out_of_the_mean():
    ap = np.array([[0.5, np.nan, 1.0], [0.25, np.nan, 0.0]])

    report = summarize(ap, (0.5, 0.75), ['walk', 'sit', 'run'])

    assert report['mAP@0.50'] == 0.75
    assert report['mAP'] == (0.75 + 0.125) / 2
    assert report['AP@0.75/walk'] == 0.25
    assert np.isnan(report['AP@0.50/sit'])
    assert all(type(value) is float for value in report.values())


@pytest.mark.parametrize('levels', [[], [0.0], [1.1], [np.nan], 0.5])
def test_thresholds_outside_the_unit_interval_are_refused(levels):
    with pytest.raises(ValueError, match='iou_thresholds='):
        check_thresholds(levels)


def test_keys_have_two_decimals_and_stay_distinct():
    assert [iou_key(0.5), iou_key(0.3), iou_key(0.125)] == [
        '0.50',
        '0.30',
        '0.125',
    ]


def test_class_names_refuse_another_number_of_classes():
    with pytest.raises(ValueError, match='2 names; expected 3'):
        class_names(['a', 'b'], 3)


def test_unknown_rules_are_refused():
    found, truth = collect({}, {}, 1)
    with pytest.raises(ValueError, match="rule='worst'"):
        match_detections(found, truth, [0.5], rule='worst')
    with pytest.raises(ValueError, match="ties='middle'"):
        match_detections(found, truth, [0.5], ties='middle')
