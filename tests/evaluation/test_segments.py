from __future__ import annotations

import numpy as np
import pytest

from mmsnip.evaluation.segments import (
    mask_runs,
    run_detections,
    segment_iou,
    segments_from_frames,
    suppress,
)
from mmsnip.skeleton.resample import paint_segments
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


def test_segment_iou_of_touching_and_empty_intervals_is_zero():
    iou = segment_iou([[0, 5], [5, 5]], [[5, 9], [5, 5]])

    np.testing.assert_array_equal(iou, np.zeros((2, 2)))


def test_segment_iou_of_nothing_keeps_the_other_axis():
    assert segment_iou(np.zeros((0, 2)), [[0, 1]]).shape == (0, 1)
    assert segment_iou([[0, 1]], []).shape == (1, 0)


@pytest.mark.parametrize(
    ('a', 'message'),
    [
        ([[3, 1]], r'a row 0 is \[3.0, 1.0\]'),
        ([[0, 1], [0, np.nan]], 'a row 1 is'),
        ([[0, 1, 2]], r'a has shape \(1, 3\)'),
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


def test_segments_from_frames_tile_the_video_without_background():
    labels = np.random.default_rng(2).integers(0, 3, 17)

    found = segments_from_frames(labels, background=None)

    np.testing.assert_array_equal(
        np.repeat(found[:, 0], found[:, 2] - found[:, 1]), labels
    )


@pytest.mark.parametrize('labels', [[], [4, 4, 4], [4]])
def test_segments_from_frames_of_background_alone_are_none(labels):
    assert segments_from_frames(labels, background=4).shape == (0, 3)


@pytest.mark.parametrize('labels', [[0.5, 1.0], [[0, 1]], [True, False]])
def test_segments_from_frames_refuse_other_than_integers_per_frame(labels):
    with pytest.raises(ValueError, match='one integer per frame'):
        segments_from_frames(labels, background=1)


def test_segments_from_frames_are_painted_back_to_the_frames():
    labels = np.random.default_rng(3).integers(0, 4, 37)

    segments = segments_from_frames(labels, background=3)

    painted = paint_segments(segments[:, 1:], segments[:, 0], 37, 3)
    np.testing.assert_array_equal(painted, labels)


def test_mask_runs_are_those_of_each_row():
    mask = np.random.default_rng(4).random((5, 23)) < 0.6

    rows, starts, ends = mask_runs(mask)

    expected = [
        (r, s, e) for r in range(5) for s, e in runs_of(mask[r].tolist())
    ]
    assert list(zip(rows, starts, ends)) == expected


def test_mask_runs_of_no_frames_are_none():
    assert [len(part) for part in mask_runs(np.zeros((3, 0), bool))] == [0] * 3


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


def test_run_detections_drop_runs_below_the_minimum_length():
    scores = np.eye(3)[[0, 0, 2, 1, 2, 1, 1, 1]]

    found = run_detections(scores, min_length=2)

    assert found.tolist() == [[0, 0, 2, 1], [1, 5, 8, 1]]


@pytest.mark.parametrize('scores', [np.zeros((0, 4)), np.eye(4)[[3] * 6]])
def test_run_detections_without_an_action_are_none(scores):
    assert run_detections(scores).shape == (0, 4)


def test_run_detections_refuse_what_is_not_a_finite_table():
    with pytest.raises(ValueError, match=r'scores\[1, 2\] is nan'):
        run_detections([[0, 1, 0], [0, 1, np.nan]])
    with pytest.raises(ValueError, match=r'\(T, num_classes \+ 1\)'):
        run_detections(np.zeros(5))


@pytest.mark.parametrize('overlap', ['candidate', 'union'])
@pytest.mark.parametrize('threshold', [0.0, 0.2, 0.5, 1.0])
@pytest.mark.parametrize('seed', range(5))
def test_suppress_takes_the_greedy_steps(seed, threshold, overlap):
    rng = np.random.default_rng(seed)
    segments = random_segments(rng, 60, T=90, longest=25)
    scores = rng.random(60)
    if seed % 2:
        scores = np.round(scores, 1)

    kept = suppress(segments, scores, threshold, overlap=overlap)

    assert kept.tolist() == greedy_suppression(
        segments, scores, threshold, overlap
    )


def test_suppress_keeps_labels_apart():
    rng = np.random.default_rng(6)
    segments, scores = random_segments(rng, 50), rng.random(50)
    labels = rng.integers(0, 3, 50)

    kept = suppress(segments, scores, 0.2, labels)

    apart = []
    for label in range(3):
        own = np.flatnonzero(labels == label)
        apart += own[suppress(segments[own], scores[own], 0.2)].tolist()
    assert sorted(kept.tolist()) == sorted(apart)
    assert (np.diff(scores[kept]) <= 0).all()


def test_suppress_follows_a_chain_to_its_end():
    # each one overlaps its neighbours: the 1st, 3rd, 5th .. survive
    starts = np.arange(41) * 5
    segments = np.stack([starts, starts + 8], axis=1)

    kept = suppress(segments, np.linspace(1, 0, 41), 0.2)

    assert kept.tolist() == list(range(0, 41, 2))


def test_suppress_of_nothing_is_nothing():
    assert suppress(np.zeros((0, 2)), np.zeros(0), 0.2).shape == (0,)


def test_suppress_refuses_an_unknown_overlap():
    with pytest.raises(ValueError, match="overlap='hull' is unknown"):
        suppress([[0, 1]], [1.0], 0.2, overlap='hull')
