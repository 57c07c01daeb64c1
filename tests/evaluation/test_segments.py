"""Runs, overlap, suppression, Viterbi, and what is refused."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from mmsnip.evaluation import (
    run_detections,
    segment_iou,
    segments_from_frames,
    suppress,
)
from mmsnip.evaluation.average_precision import collect
from mmsnip.evaluation.protocols import evaluate_scores
from mmsnip.evaluation.segments import viterbi_labels
from tests.evaluation.slow_oracles import greedy_suppression, runs_of, set_iou


def random_segments(rng, num, T=31, longest=12):
    starts = rng.integers(0, T, num)
    return np.stack([starts, starts + rng.integers(1, longest, num)], axis=1)


def test_segment_iou_is_that_of_frame_sets():
    rng = np.random.default_rng(0)
    a, b = random_segments(rng, 5), random_segments(rng, 8)

    iou = segment_iou(a, b)

    expected = [[set_iou({*range(*x)}, {*range(*y)}) for y in b] for x in a]
    np.testing.assert_array_equal(iou, expected)


@pytest.mark.parametrize(
    ('a', 'message'),
    [
        ([[3, 1]], 'a: found .*start <= end'),
        ([[0, 1], [0, np.nan]], 'a: found .*finite'),
        ([[0, 1, 2]], r'a: found .*\(1, 3\)'),
    ],
)
def test_segment_iou_refuses_malformed_intervals(a, message):
    with pytest.raises(ValueError, match=message):
        segment_iou(a, [[0, 1]])


def test_segments_from_frames_are_the_runs_of_each_label():
    labels = np.random.default_rng(1).integers(0, 3, 41)

    found = segments_from_frames(labels, background=2)

    expected = [
        (c, s, e) for c in (0, 1) for s, e in runs_of((labels == c).tolist())
    ]
    assert sorted(map(tuple, found.tolist())) == sorted(expected)
    assert (np.diff(found[:, 1]) > 0).all()
    assert found.dtype == np.int64


@pytest.mark.parametrize('labels', [[0.5, 1.0], [[0, 1]], [True, False]])
def test_segments_from_frames_refuse_other_than_integers_per_frame(labels):
    with pytest.raises(ValueError, match='an integer a frame'):
        segments_from_frames(labels, background=1)


def test_run_detections_score_is_the_mean_class_probability():
    scores = np.random.default_rng(5).dirichlet(np.ones(4), 53)
    scores = scores.astype(np.float32)

    found = run_detections(scores)

    best = scores.argmax(axis=1)
    expected = [
        (c, s, e, scores[s:e, c].mean(dtype=np.float64))
        for c in range(3)
        for s, e in runs_of((best == c).tolist())
    ]
    expected.sort(key=lambda row: row[1])
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def test_run_detections_refuse_what_is_not_a_finite_table():
    with pytest.raises(ValueError, match=r'scores: found nan at \[1, 2\]'):
        run_detections([[0, 1, 0], [0, 1, np.nan]])
    with pytest.raises(ValueError, match=r'\(T, num_classes \+ 1\)'):
        run_detections(np.zeros(5))


@pytest.mark.parametrize('threshold', [0.0, 0.2, 0.5, 1.0])
@pytest.mark.parametrize('seed', range(5))
def test_suppress_takes_the_greedy_steps(seed, threshold):
    rng = np.random.default_rng(seed)
    segments = random_segments(rng, 60, T=90, longest=25)
    scores = rng.random(60)
    if seed % 2:
        scores = np.round(scores, 1)

    kept = suppress(segments, scores, threshold)

    assert kept.tolist() == greedy_suppression(segments, scores, threshold)


def random_scores(T, K, seed):
    draws = np.random.default_rng(seed).gamma(0.3, size=(T, K)) + 1e-3
    return draws / draws.sum(axis=1, keepdims=True)


def cost_of(scores, labels, switch_cost):
    frames = -np.log(scores[np.arange(len(labels)), labels]).sum()
    return frames + switch_cost * np.count_nonzero(np.diff(labels))


@pytest.mark.parametrize('switch_cost', [0.0, 0.3, 1.0, 3.0, 50.0])
@pytest.mark.parametrize('seed', range(4))
def test_no_other_sequence_of_labels_costs_less(seed, switch_cost):
    scores = random_scores(6, 3, seed)

    found = viterbi_labels(scores, switch_cost)

    least = min(
        cost_of(scores, np.array(labels), switch_cost)
        for labels in product(range(3), repeat=6)
    )
    assert cost_of(scores, found, switch_cost) == pytest.approx(least)


def test_a_run_stays_where_its_frames_outweigh_two_changes():
    # 0.8 against 0.1: each frame speaks for its class by log 8 = 2.08 nats
    def labels(length):
        return [2] * 9 + [0] * length + [2] * 9

    kept = {
        length: 0 in viterbi_labels(np.eye(3)[labels(length)] * 0.7 + 0.1, 10)
        for length in (9, 10)
    }

    assert kept == {9: False, 10: True}


def test_an_evaluation_has_its_frame_metrics_beside_those_of_the_arg_max():
    labels = [1] * 12 + [0] * 9 + [1] + [0] * 9 + [1] * 12
    scores = {'a': np.eye(2)[labels] * 0.6 + 0.2}
    truth = {'a': np.array([[0, 12, 31]])}

    metrics, found = evaluate_scores(
        scores, truth, ['wave'], 'babel', {'runs': {}, 'viterbi': {}}
    )

    assert metrics['runs_per_segment'] == 2
    assert metrics['viterbi/runs_per_segment'] == 1
    assert metrics['edit'] == pytest.approx(0.5)
    assert metrics['viterbi/edit'] == metrics['viterbi/F1@50'] == 1
    assert metrics['viterbi/frame_accuracy'] == 1
    assert found['viterbi']['a'][0, :3].tolist() == [0, 12, 31]


GOOD = np.array([[0, 2, 9, 0.5], [1, 3, 7, 0.9]])
TRUTH = np.array([[0, 2, 9]])


def test_collect_sorts_by_score_and_keeps_order_of_videos_on_ties():
    found, truth = collect(
        {'b': [[0, 1, 2, 0.5]], 'a': [[0, 3, 4, 0.5], [0, 5, 6, 0.7]]},
        {'b': [[0, 1, 2]]},
        num_classes=1,
    )

    assert found.start.tolist() == [5, 3, 1]
    assert found.video.tolist() == [0, 0, 1]
    assert truth.video.tolist() == [1]


@pytest.mark.parametrize(
    ('column', 'value', 'rule'),
    [
        (0, 2, 'label 2; expected 0 to 1'),
        (0, -1, 'label -1'),
        (0, 0.5, 'labels must be whole'),
        (1, 7, 'start < end'),
        (1, 8, 'start < end'),
        (2, np.inf, 'start < end'),
        (3, np.nan, 'not finite'),
    ],
)
def test_collect_refuses_a_bad_row_and_names_its_video(column, value, rule):
    bad = GOOD.copy()
    bad[1, column] = value

    with pytest.raises(ValueError, match=rf"detections of video 'v7'.*{rule}"):
        collect({'v1': GOOD, 'v7': bad}, {'v1': TRUTH}, num_classes=2)


def test_collect_refuses_a_bad_shape_and_names_its_video():
    with pytest.raises(
        ValueError, match=r"ground_truth of video 'v2': found .*\(2, 4\)"
    ):
        collect({'v2': GOOD}, {'v2': GOOD}, num_classes=2)
