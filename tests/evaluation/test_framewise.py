"""Scores of one label a frame, against loops."""

from __future__ import annotations

import numpy as np
import pytest

from mmsnip.evaluation import evaluate_boundaries, evaluate_frames
from mmsnip.evaluation.framewise import frame_confusion
from tests.evaluation.slow_oracles import runs_of, set_iou


def slow_runs(labels, background):
    runs = [
        (c, s, e)
        for c in sorted(set(labels))
        if c != background
        for s, e in runs_of([label == c for label in labels])
    ]
    return sorted(runs, key=lambda run: run[1])


def slow_edit(a, b):
    table = {(i, 0): i for i in range(len(a) + 1)}
    table.update({(0, j): j for j in range(len(b) + 1)})
    for i in range(1, len(a) + 1):
        for j in range(1, len(b) + 1):
            table[i, j] = min(
                table[i - 1, j] + 1,
                table[i, j - 1] + 1,
                table[i - 1, j - 1] + (a[i - 1] != b[j - 1]),
            )
    longest = max(len(a), len(b))
    return 1 - table[len(a), len(b)] / longest if longest else 1.0


def random_timelines(seed, num_videos=5, num_classes=3):
    rng = np.random.default_rng(seed)
    predictions, truth = {}, {}
    for v in range(num_videos):
        labels = np.repeat(
            rng.integers(0, num_classes + 1, 7), rng.integers(1, 12, 7)
        )
        noisy = np.where(
            rng.random(len(labels)) < 0.2,
            rng.integers(0, num_classes + 1, len(labels)),
            labels,
        )
        predictions[f'v{v}'], truth[f'v{v}'] = noisy, labels
    return predictions, truth


@pytest.mark.parametrize('seed', range(5))
def test_evaluate_frames_follows_the_written_rules(seed):
    predictions, truth = random_timelines(seed)

    report = evaluate_frames(predictions, truth, 3)

    hits = {10: 0, 25: 0, 50: 0}
    num_found = num_truth = 0
    edits = []
    for v, labels in truth.items():
        found = slow_runs(predictions[v].tolist(), 3)
        there = slow_runs(labels.tolist(), 3)
        num_found, num_truth = num_found + len(found), num_truth + len(there)
        edits.append(
            slow_edit([run[0] for run in found], [run[0] for run in there])
        )
        for k in hits:
            used = set()
            for c, s, e in found:
                ious = [
                    (c == c2) * set_iou({*range(s, e)}, {*range(s2, e2)})
                    for c2, s2, e2 in there
                ]
                best = int(np.argmax(ious))
                if ious[best] >= k / 100 and best not in used:
                    used.add(best)
                    hits[k] += 1
    for k, hit in hits.items():
        precision, recall = hit / num_found, hit / num_truth
        f1 = 2 * precision * recall / (precision + recall)
        assert report[f'F1@{k}'] == pytest.approx(f1, abs=1e-12)
    assert report['edit'] == pytest.approx(np.mean(edits), abs=1e-12)


def test_frame_accuracy_with_and_without_background_frames():
    report = evaluate_frames(
        {'a': [0, 0, 2, 2], 'b': [1]}, {'a': [0, 2, 2, 1], 'b': [1]}, 2
    )

    assert report['frame_accuracy'] == 3 / 5
    assert report['frame_accuracy_action'] == 2 / 3


def test_background_alone_is_a_defined_case():
    report = evaluate_frames({'a': [2, 2, 2]}, {'a': [2, 2, 2]}, 2)

    assert report['frame_accuracy'] == report['edit'] == 1.0
    assert np.isnan(report['frame_accuracy_action'])
    assert np.isnan(report['F1@50'])
    assert np.isnan(report['runs_per_segment'])


@pytest.mark.parametrize(
    ('predictions', 'message'),
    [
        ({'a': [0, 1]}, "video 'b' has no counterpart"),
        ({'a': [0, 1], 'b': [0]}, "video 'b' has 1 predicted and 2 true"),
        ({'a': [0, 3], 'b': [0, 0]}, "predictions of video 'a'.*0..2"),
        (
            {'a': [0, 0.5], 'b': [0, 0]},
            "predictions of video 'a': .*a label a frame",
        ),
    ],
)
def test_evaluate_frames_refuses_and_names_the_video(predictions, message):
    with pytest.raises(ValueError, match=message):
        evaluate_frames(predictions, {'a': [0, 1], 'b': [0, 2]}, 2)


def test_confusion_counts_every_pair_of_labels():
    rng = np.random.default_rng(0)
    truth = {name: rng.integers(0, 4, T) for name, T in (('a', 13), ('b', 7))}
    found = {name: rng.integers(0, 4, len(x)) for name, x in truth.items()}
    counts = np.zeros((4, 4), dtype=int)
    for name, labels in truth.items():
        for true, predicted in zip(labels, found[name]):
            counts[true, predicted] += 1
    np.testing.assert_array_equal(frame_confusion(found, truth, 3), counts)


def slow_boundaries(found, truth, num_classes, fps):
    """(length, start error, end error) of each true segment, in seconds."""
    rows = []
    for name in truth:
        runs = slow_runs(found[name].tolist(), num_classes)
        for label, start, end in slow_runs(truth[name].tolist(), num_classes):
            best, error = 0.0, (np.inf, np.inf)
            for other, a, b in runs:
                inside = min(end, b) - max(start, a)
                iou = inside / (max(end, b) - min(start, a))
                if other == label and iou > best:
                    best = iou
                    error = abs(a - start) / fps, abs(b - end) / fps
            rows.append(((end - start) / fps, *error))
    return np.array(rows)


def test_boundary_errors_are_those_of_a_slow_loop():
    rng = np.random.default_rng(0)

    def make():
        labels, lengths = rng.integers(0, 4, 30), rng.integers(1, 40, 30)
        return np.repeat(labels, lengths)[:300]

    found, truth = ({n: make() for n in 'abc'} for _ in range(2))
    rows = slow_boundaries(found, truth, 3, 10.0)
    seen = rows[:, 1:][np.isfinite(rows[:, 1:])]
    short = rows[(rows[:, 0] >= 1) & (rows[:, 0] < 2), 1:]

    report = evaluate_boundaries(found, truth, 3, 10.0)

    assert report['boundary/median_s'] == pytest.approx(np.median(seen))
    assert report['boundary/within_0.25s'] == pytest.approx(
        (rows[:, 1:] <= 0.25 + 1e-9).mean()
    )
    assert report['boundary1-2s/within_0.1s'] == pytest.approx(
        (short <= 0.1 + 1e-9).mean()
    )


def test_a_missed_segment_has_no_error_and_is_within_no_tolerance():
    truth = {'a': np.array([2, 0, 0, 2, 1, 1, 1, 2])}
    found = {'a': np.array([2, 0, 0, 2, 0, 0, 2, 2])}

    report = evaluate_boundaries(found, truth, 2, {'a': 4.0})

    assert report['boundary/median_s'] == 0
    assert report['boundary/within_0.1s'] == 0.5
    assert np.isnan(report['boundary>4s/median_s'])
