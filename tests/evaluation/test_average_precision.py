"""Matching and average precision, in ActivityNet's, VOC's and BABEL's ways."""

from __future__ import annotations

import numpy as np
import pytest

from mmsnip.evaluation import evaluate_activitynet, evaluate_voc
from mmsnip.evaluation.average_precision import (
    IOU_THRESHOLDS,
    check_thresholds,
    collect,
    first_claims,
    match_detections,
)
from tests.evaluation.slow_oracles import (
    greedy_matches,
    mean_ap,
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


@pytest.mark.parametrize('levels', [[], [0.0], [1.1], [np.nan], 0.5])
def test_thresholds_outside_the_unit_interval_are_refused(levels):
    with pytest.raises(ValueError, match='iou_thresholds='):
        check_thresholds(levels)


@pytest.mark.parametrize('ties', [False, True])
@pytest.mark.parametrize('seed', range(3))
def test_evaluate_activitynet_takes_the_greedy_steps(seed, ties):
    detections, truth = random_videos(seed, num_classes=3, ties=ties)

    report = evaluate_activitynet(detections, truth, 3)

    means = []
    for iou in IOU_THRESHOLDS:
        per_class = mean_ap(detections, truth, 3, iou, frames_of=frames)
        means.append(np.mean(per_class))
        assert report[f'mAP@{iou:.2f}'] == pytest.approx(means[-1], abs=1e-12)
    assert report['mAP'] == pytest.approx(np.mean(means), abs=1e-12)


def test_empty_cases_of_evaluate_activitynet_are_named():
    truth = {'a': [[0, 0, 9]]}

    assert evaluate_activitynet({'a': []}, truth, 2)['mAP'] == 0.0
    assert np.isnan(evaluate_activitynet({'a': []}, truth, 2)['AP@0.50/1'])
    assert np.isnan(evaluate_activitynet({}, {}, 2)['mAP'])


@pytest.mark.parametrize('convention', ['official', 'clean'])
def test_voc_looks_only_at_the_best_ground_truth(convention):
    detections, truth = random_videos(5, num_classes=3)
    extra = int(convention == 'official')

    report = evaluate_voc(detections, truth, 3, convention=convention)

    expected = mean_ap(
        detections,
        truth,
        3,
        0.5,
        frames_of=lambda x, _: {*range(int(x[0]), int(x[1]) + extra)},
        free_only=False,
    )
    assert report['mAP'] == pytest.approx(np.mean(expected), abs=1e-12)


def test_empty_cases_of_evaluate_voc_are_named():
    assert evaluate_voc({}, {'a': [[0, 0, 9]]}, 1)['mAP'] == 0.0
    assert np.isnan(evaluate_voc({'a': [[0, 0, 9, 1]]}, {}, 1)['mAP'])
