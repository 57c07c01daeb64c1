"""BABEL's protocol against official numbers and the written rule."""

from __future__ import annotations

import numpy as np
import pytest

from mmsnip.evaluation import (
    babel,
    babel_detections,
    babel_ground_truth,
    evaluate_babel,
    segments_from_frames,
)
from mmsnip.evaluation.babel import SWEEP, babel_detections_by_video
from tests.evaluation.slow_oracles import (
    babel_candidates,
    greedy_suppression,
)
from tests.parity import SEEDS

NUM_VIDEOS, NUM_CLASSES = 12, 4


def videos_of(golden):
    """Frame labels and frame scores of each video."""
    if 'lengths' in golden:  # the committed file has them end to end
        cuts = np.cumsum(golden['lengths'])[:-1]
        labels = np.split(golden['L'], cuts)
        scores = np.split(golden['scores'], cuts)
    else:
        labels = [golden[f'L/{v}'] for v in range(NUM_VIDEOS)]
        scores = [golden[f'scores/{v}'] for v in range(NUM_VIDEOS)]
    return (
        {str(v): rows for v, rows in enumerate(labels)},
        {str(v): rows for v, rows in enumerate(scores)},
    )


def parity_with(golden, parity):
    labels, scores = videos_of(golden)
    ious = golden['ious'].tolist()
    parity.close('proposals', SWEEP, golden['thresholds'], 1e-15, 'thresholds')
    truth = {
        v: babel_ground_truth(
            segments_from_frames(frames, background=NUM_CLASSES)
        )
        for v, frames in labels.items()
    }
    listed = np.concatenate(
        [np.insert(rows, 0, int(v), axis=1) for v, rows in truth.items()]
    )
    official = golden['gt_segments']
    parity.close(
        'ground truth',
        listed[np.lexsort(listed.T)],
        official[np.lexsort(official.T)],
        0.0,
        'gt_segments',
    )
    found = {v: babel_detections(array) for v, array in scores.items()}
    # officially the background is swept as well: make it class 4 of 5
    swept = {
        v: babel_detections(np.pad(array, [(0, 0), (0, 1)]))
        for v, array in scores.items()
    }
    for v, rows in found.items():
        actions = swept[v][:, 0] < NUM_CLASSES
        np.testing.assert_array_equal(rows, swept[v][actions])
    for c in range(NUM_CLASSES + 1):
        mine = np.concatenate(
            [
                np.insert(rows[rows[:, 0] == c][:, 1:], 0, int(v), axis=1)
                for v, rows in swept.items()
            ]
        )
        official, at = golden[f'proposals/{c}'], f'proposals/{c}'
        parity.close('proposals', mine[:, :3], official[:, :3], 0.0, at)
        # officially means in float32
        parity.close('scores', mine[:, 3], official[:, 3], 1e-6, at)

    ready = {v: [] for v in truth}
    for c in range(NUM_CLASSES):
        for v, s, e, score in golden[f'det_only/proposals/{c}']:
            ready[str(int(v))].append((c, s, e, score))
    for name, detections in (('', found), ('det_only/', ready)):
        report = evaluate_babel(detections, truth, NUM_CLASSES, ious)
        ap = [
            [report[f'AP@{iou:.2f}/{c}'] for c in range(NUM_CLASSES)]
            for iou in ious
        ]
        means = [100 * report[f'mAP@{iou:.2f}'] for iou in ious]
        for at, ours in ((f'{name}AP', ap), (f'{name}mAP', means)):
            parity.close(at, ours, golden[at], 1e-9, at)


@pytest.mark.parity
def test_babel_protocol_gives_the_committed_official_numbers(
    golden_dir, parity
):
    parity_with(np.load(golden_dir / 'babel_segmap_s0.npz'), parity)


@pytest.mark.parity
@pytest.mark.parametrize('seed', SEEDS['babel_segmap'])
def test_babel_protocol_gives_the_official_numbers(
    reference_dir, seed, parity
):
    parity_with(np.load(reference_dir / f'babel_segmap_s{seed}.npz'), parity)


def frame_scores(T, seed, num_classes=3, dtype=np.float32):
    rng = np.random.default_rng(seed)
    walk = np.exp(0.7 * rng.normal(size=(T, num_classes + 1)).cumsum(axis=0))
    return (walk / walk.sum(axis=1, keepdims=True)).astype(dtype)


@pytest.mark.parametrize('convention', ['official', 'clean'])
@pytest.mark.parametrize('seed', range(6))
def test_babel_detections_follow_the_written_rule(seed, convention):
    scores = frame_scores(97, seed)

    found = babel_detections(scores, convention=convention)

    expected = []
    for c in range(3):
        rows = babel_candidates(scores[:, c], SWEEP, convention)
        extra = 2 if convention == 'official' else 0
        kept = greedy_suppression(
            [(s, e + extra) for s, e, _ in rows],
            # equal up to rounding is a tie here as it is there
            [round(score, 12) for _, _, score in rows],
            0.2,
        )
        late = 1 if convention == 'official' else 0
        expected += [
            (c, s, e + late, score) for s, e, score in (rows[k] for k in kept)
        ]
    assert len(found) > 3
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)


def test_babel_detections_of_runs_that_tie_keep_the_higher_threshold():
    # [2, 9) at 0.03 and [2, 8) at 0.05 read the same frames inside and the
    # same margin, since officially the last frame is no margin
    scores = np.zeros((9, 2), dtype=np.float32)
    scores[2:8, 0], scores[8, 0] = 0.5, 0.04

    found = babel_detections(scores, thresholds=(0.03, 0.05))

    assert found[:, :3].tolist() == [[0, 2, 9]]  # the run [2, 8)


@pytest.mark.parametrize('convention', ['official', 'clean'])
@pytest.mark.parametrize('T', [0, 1, 2, 3])
def test_babel_detections_of_short_videos_do_not_fail(T, convention):
    scores = np.full((T, 3), 1 / 3, dtype=np.float32)

    found = babel_detections(scores, convention=convention)

    assert found.shape == (2 if T == 3 else 0, 4)


def test_official_truth_of_a_single_frame_can_not_be_matched():
    found, truth = {'a': [[0, 4, 5, 1.0]]}, np.array([[0, 4, 5]])

    official = evaluate_babel(found, {'a': babel_ground_truth(truth)}, 1)
    clean = evaluate_babel(found, {'a': babel_ground_truth(truth, 'clean')}, 1)

    assert (official['mAP'], clean['mAP']) == (0.0, 1.0)


@pytest.mark.parametrize('convention', ['official', 'clean'])
@pytest.mark.parametrize('block_frames', [1, 200, 10_000])
def test_a_video_gets_the_same_bits_alone_and_among_others(
    convention, block_frames, monkeypatch
):
    monkeypatch.setattr(babel, 'BLOCK_FRAMES', block_frames)
    scores = {
        f'v{T}_{seed}': frame_scores(T, seed)
        for seed in range(3)
        for T in (97, 5, 41, 2, 0)
    }

    found = babel_detections_by_video(scores, convention=convention)

    assert list(found) == list(scores)
    for video, array in scores.items():
        alone = babel_detections(array, convention=convention)
        np.testing.assert_array_equal(found[video], alone)


def test_a_swept_video_ends_where_it_ends():
    # the run reaches the last frame of the shorter video only
    short, long = np.full((7, 2), 0.5), np.full((29, 2), [0.0, 1.0])
    found = babel_detections_by_video({'a': short, 'b': long})
    assert found['a'].tolist() == [[0.0, 0.0, 8.0, 0.5]]
    assert not len(found['b'])
