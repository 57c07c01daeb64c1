from __future__ import annotations

import numpy as np
import pytest

from mmsnip.evaluation.activitynet import IOU_THRESHOLDS, evaluate_activitynet
from tests.evaluation.slow_oracles import mean_ap, random_videos


@pytest.mark.parametrize('ties', [False, True])
@pytest.mark.parametrize('seed', range(3))
def test_evaluate_activitynet_takes_the_greedy_steps(seed, ties):
    detections, truth = random_videos(seed, num_classes=3, ties=ties)

    report = evaluate_activitynet(detections, truth, 3)

    means = []
    for iou in IOU_THRESHOLDS:
        per_class = mean_ap(
            detections,
            truth,
            3,
            iou,
            frames_of=lambda interval, _: {*range(*map(int, interval))},
        )
        means.append(np.mean(per_class))
        assert report[f'mAP@{iou:.2f}'] == pytest.approx(means[-1], abs=1e-12)
    assert report['mAP'] == pytest.approx(np.mean(means), abs=1e-12)


def test_default_thresholds_are_the_literals():
    assert (
        *(0.5, 0.55, 0.6, 0.65, 0.7),
        *(0.75, 0.8, 0.85, 0.9, 0.95),
    ) == IOU_THRESHOLDS


def test_perfect_detections_reach_one_at_every_threshold():
    rng = np.random.default_rng(0)
    truth = {}
    for v in range(5):
        starts = np.cumsum(rng.integers(3, 9, 6))
        truth[f'v{v}'] = np.stack([np.arange(6) % 4, starts, starts + 2], 1)
    found = {
        v: np.column_stack([rows, rng.random(6)]) for v, rows in truth.items()
    }

    report = evaluate_activitynet(found, truth, 4)

    assert set(report.values()) == {1.0}


def test_empty_cases_of_evaluate_activitynet_are_named():
    truth = {'a': [[0, 0, 9]]}

    assert evaluate_activitynet({'a': []}, truth, 2)['mAP'] == 0.0
    assert np.isnan(evaluate_activitynet({'a': []}, truth, 2)['AP@0.50/1'])
    assert np.isnan(evaluate_activitynet({}, {}, 2)['mAP'])
