from __future__ import annotations

import numpy as np
import pytest

from mmsnip.evaluation.voc import evaluate_voc
from tests.evaluation.slow_oracles import mean_ap, random_videos
from tests.evaluation.test_pkummd_protocol import NUM_CLASSES, THETAS, by_video


def parity_with(golden, record_property):
    found, truth = by_video(golden['det']), by_video(golden['gt'])
    report = evaluate_voc(found, truth, NUM_CLASSES, THETAS)
    for theta in THETAS:
        official = {f'mAP@{theta:.2f}': golden[f'voc{theta}/map']}
        labels = golden[f'voc{theta}/classes']
        for c, ap in zip(labels, golden[f'voc{theta}/ap']):
            official[f'AP@{theta:.2f}/{c - 1}'] = ap
        worst = max(abs(report[key] - official[key]) for key in official)
        record_property(f'deviation at {theta}', worst)
        assert worst < 1e-6  # officially float32


@pytest.mark.parity
def test_voc_gives_the_committed_official_numbers(golden_dir, record_property):
    parity_with(np.load(golden_dir / 'pkummd_s0.npz'), record_property)


@pytest.mark.parity
@pytest.mark.parametrize('seed', range(5))
def test_voc_gives_the_official_numbers(reference_dir, seed, record_property):
    parity_with(
        np.load(reference_dir / f'pkummd_s{seed}.npz'), record_property
    )


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
