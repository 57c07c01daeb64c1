from __future__ import annotations

import numpy as np
import pytest

from mmsnip.evaluation.voc import evaluate_voc
from tests.evaluation.slow_oracles import mean_ap, random_videos
from tests.evaluation.test_pkummd_protocol import NUM_CLASSES, THETAS, by_video
from tests.parity import SEEDS


def parity_with(golden, parity):
    found, truth = by_video(golden['det']), by_video(golden['gt'])
    report = evaluate_voc(found, truth, NUM_CLASSES, THETAS)
    for theta in THETAS:
        name, key = f'voc{theta}', f'@{theta:.2f}'
        labels = golden[f'{name}/classes']
        ap = [report[f'AP{key}/{c - 1}'] for c in labels]
        # officially float32
        at = f'{name}/ap'
        parity.close('VOC', ap, golden[at], 1e-6, at)
        at = f'{name}/map'
        parity.close('VOC', report[f'mAP{key}'], golden[at], 1e-6, at)


@pytest.mark.parity
def test_voc_gives_the_committed_official_numbers(golden_dir, parity):
    parity_with(np.load(golden_dir / 'pkummd_s0.npz'), parity)


@pytest.mark.parity
@pytest.mark.parametrize('seed', SEEDS['pkummd'])
def test_voc_gives_the_official_numbers(reference_dir, seed, parity):
    parity_with(np.load(reference_dir / f'pkummd_s{seed}.npz'), parity)


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
