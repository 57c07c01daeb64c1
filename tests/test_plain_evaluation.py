"""The yardstick of BABEL's evaluation gives the official numbers."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.plain.babel_evaluation import (
    average_precision,
    evaluate,
    propose,
    true_segments,
)
from mmsnip.evaluation import babel_ground_truth, evaluate_babel
from mmsnip.evaluation.babel import babel_detections_by_video
from mmsnip.evaluation.segments import segments_from_frames
from tests.parity import SEEDS

NUM_CLASSES = 4


def videos_of(z):
    count = sum(key.startswith('L/') for key in z.files)
    scores = [z[f'scores/{v}'] for v in range(count)]
    return scores, [z[f'L/{v}'] for v in range(count)]


@pytest.mark.parity
@pytest.mark.parametrize('seed', SEEDS['babel_segmap'])
def test_plain_evaluation_gives_the_official_numbers(
    reference_dir, seed, parity
):
    z = np.load(reference_dir / f'babel_segmap_s{seed}.npz')
    scores, labels = videos_of(z)

    proposals = propose(scores, NUM_CLASSES + 1)

    for label, rows in enumerate(proposals):
        at = f'proposals/{label}'
        # equal candidates of two thresholds and of tied scores keep order
        parity.close('plain proposals', rows, z[at], 1e-6, at)
    ap = evaluate(scores, labels, z['ious'])
    parity.close('plain AP', ap, z['AP'], 1e-12, 'AP')
    mean = 100 * np.nanmean(ap, axis=1)
    parity.close('plain mAP', mean, z['mAP'], 1e-10, 'mAP')


@pytest.mark.parity
@pytest.mark.parametrize('seed', SEEDS['babel_segmap'])
def test_plain_matching_of_ready_detections_is_official(
    reference_dir, seed, parity
):
    z = np.load(reference_dir / f'babel_segmap_s{seed}.npz')
    truth = true_segments(videos_of(z)[1], NUM_CLASSES)
    ap = [
        [
            average_precision(z[f'det_only/proposals/{c}'], truth[c], iou)
            for c in range(NUM_CLASSES)
        ]
        for iou in z['ious']
    ]
    parity.close('plain AP', ap, z['det_only/AP'], 1e-12, 'det_only/AP')


def test_plain_evaluation_equals_ours():
    rng = np.random.default_rng(0)
    scores, labels = {}, {}
    for video in 'abcde':
        T = int(rng.integers(40, 90))
        walk = np.exp(rng.normal(size=(T, NUM_CLASSES + 1)).cumsum(axis=0))
        chance = walk / walk.sum(axis=1, keepdims=True)
        scores[video] = chance.astype(np.float32)
        labels[video] = rng.integers(NUM_CLASSES + 1, size=9).repeat(10)[:T]
    ious = (0.1, 0.4, 0.7)

    plain = evaluate(list(scores.values()), list(labels.values()), ious)

    truth = {
        video: babel_ground_truth(segments_from_frames(frames, NUM_CLASSES))
        for video, frames in labels.items()
    }
    found = babel_detections_by_video(scores)
    report = evaluate_babel(found, truth, NUM_CLASSES, ious)
    ours = [
        [report[f'AP@{iou:.2f}/{c}'] for c in range(NUM_CLASSES)]
        for iou in ious
    ]
    np.testing.assert_allclose(plain, ours, atol=1e-12)
