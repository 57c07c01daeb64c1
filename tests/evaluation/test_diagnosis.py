"""DETAD's kinds of false positives, in closed cases and against loops."""

from __future__ import annotations

import numpy as np
import pytest

from mmsnip.evaluation.average_precision import average_precision
from mmsnip.evaluation.diagnosis import (
    KINDS,
    detection_kinds,
    diagnose_errors,
    normalized_average_precision,
)
from mmsnip.evaluation.records import collect

TRUTH = {'a': np.array([[0, 0, 100], [1, 200, 300]])}
FOUND = {
    'a': np.array(
        [
            [0, 0, 100, 0.9],
            [0, 0, 90, 0.8],  # IoU 0.9 with a segment that is taken
            [1, 0, 80, 0.7],  # IoU 0.8 with a segment of class 0
            [0, 60, 140, 0.6],  # IoU 40 / 140
            [0, 270, 330, 0.5],  # IoU 30 / 130 with class 1
            [0, 95, 195, 0.4],  # IoU 5 / 195
        ]
    ),
    'b': np.array([[0, 0, 100, 0.3]]),
}


def kinds_at(level, min_iou=0.1):
    found, truth = collect(FOUND, TRUTH, 2)
    return [
        KINDS[kind]
        for kind in detection_kinds(found, truth, [level], min_iou)[0]
    ]


def random_case(seed, num_classes=3):
    rng = np.random.default_rng(seed)
    found, truth = {}, {}
    for video in ('u', 'v', 'w'):
        size = int(rng.integers(2, 7))
        start = rng.integers(0, 90, size)
        labels = rng.integers(0, num_classes, size)
        truth[video] = np.column_stack(
            [labels, start, start + rng.integers(5, 40, size)]
        )
        near = truth[video][rng.integers(0, size, 30)].astype(float)
        near[:, 1:] += rng.integers(-12, 13, (30, 2))
        near[:, 2] = np.maximum(near[:, 2], near[:, 1] + 1)
        swap = rng.random(30) < 0.4
        near[swap, 0] = rng.integers(0, num_classes, swap.sum())
        found[video] = np.column_stack([near, rng.permutation(30) / 30 + 0.01])
        found[video][:, 3] += {'u': 0, 'v': 0.003, 'w': 0.006}[video]
    return found, truth


def iou_of(a, b):
    inter = len(set(range(*a)) & set(range(*b)))
    return inter / (a[1] - a[0] + b[1] - b[0] - inter)


def slow_kinds(found, truth, level, min_iou=0.1):
    """(score, label, kind) in descending score, as the paper tells it."""
    rows = sorted(
        (
            (score, video, int(label), (int(s), int(e)))
            for video, part in found.items()
            for label, s, e, score in part
        ),
        reverse=True,
    )
    taken, out = set(), []
    for score, video, label, span in rows:
        overlaps = [
            (iou_of(span, (int(s), int(e))), int(c), place)
            for place, (c, s, e) in enumerate(truth.get(video, []))
        ]
        free = [
            (iou, -place)
            for iou, c, place in overlaps
            if c == label and iou >= level and (video, place) not in taken
        ]
        if free:
            taken.add((video, -max(free)[1]))
            out.append((score, label, 'true positive'))
            continue
        top = max((iou for iou, _, _ in overlaps), default=0)
        own = any(c == label for iou, c, _ in overlaps if iou == top)
        if top >= level:
            kind = 'double detection' if own else 'wrong label'
        elif top >= min_iou:
            kind = 'localization' if own else 'confusion'
        else:
            kind = 'background'
        out.append((score, label, kind))
    return out


def slow_mean_ap(rows, truth, num_classes, removed=None, normalize=True):
    counts = [
        sum(int(c) == label for part in truth.values() for c, _, _ in part)
        for label in range(num_classes)
    ]
    present = [label for label in range(num_classes) if counts[label]]
    mean_count = sum(counts) / len(present)
    values = []
    for label in present:
        points, hits, misses = [], 0, 0
        for _, own, kind in rows:
            if own != label or kind == removed:
                continue
            hits += kind == 'true positive'
            misses += kind != 'true positive'
            recall = hits / counts[label]
            weight = recall * (mean_count if normalize else counts[label])
            points.append((recall, weight / (weight + misses)))
        area, last = 0.0, 0.0
        for recall in sorted({r for r, _ in points}):
            best = max(p for r, p in points if r >= recall)
            area += (recall - last) * best
            last = recall
        values.append(area)
    return sum(values) / len(values)


def test_every_kind_of_detection_is_told_apart():
    assert kinds_at(0.5) == [
        'true positive',
        'double detection',
        'wrong label',
        'localization',
        'confusion',
        'background',
        'background',
    ]


def test_a_lower_threshold_turns_localization_into_double_detection():
    assert kinds_at(0.25)[3] == 'double detection'


def test_without_least_overlap_only_untouched_frames_are_background():
    assert kinds_at(0.5, min_iou=0.0)[5:] == ['localization', 'background']


def test_of_equal_overlaps_a_segment_of_the_own_class_counts():
    truth = {'a': np.array([[0, 0, 10], [1, 0, 10]])}
    found = {'a': np.array([[1, 0, 10, 0.9], [1, 0, 9, 0.8]])}
    kinds = detection_kinds(*collect(found, truth, 2), [0.5])
    assert [KINDS[kind] for kind in kinds[0]] == [
        'true positive',
        'double detection',
    ]


@pytest.mark.parametrize('seed', range(4))
@pytest.mark.parametrize('normalize', [True, False])
def test_counts_and_gains_are_those_of_loops(seed, normalize):
    found, truth = random_case(seed)
    report = diagnose_errors(
        found, truth, 3, [0.5], num_groups=100, normalize=normalize
    )
    rows = slow_kinds(found, truth, 0.5)
    counts = [sum(kind == k for _, _, k in rows) for kind in KINDS]
    base = slow_mean_ap(rows, truth, 3, normalize=normalize)
    gains = [
        slow_mean_ap(rows, truth, 3, kind, normalize) - base
        for kind in KINDS[1:]
    ]
    np.testing.assert_allclose(report.counts.sum(axis=0), counts)
    np.testing.assert_allclose(report.mean_ap, base, atol=1e-12)
    np.testing.assert_allclose(report.gains, gains, atol=1e-12)
    assert min(counts) > 0


def test_several_thresholds_are_averaged():
    found, truth = random_case(7)
    alone = [diagnose_errors(found, truth, 3, [x]) for x in (0.3, 0.7)]
    both = diagnose_errors(found, truth, 3, [0.3, 0.7])
    np.testing.assert_allclose(
        both.counts, (alone[0].counts + alone[1].counts) / 2
    )
    np.testing.assert_allclose(
        both.gains, (alone[0].gains + alone[1].gains) / 2
    )


def test_groups_hold_as_many_detections_as_the_class_has_segments():
    report = diagnose_errors(FOUND, TRUTH, 2, num_groups=3)
    assert report.counts.sum(axis=1).tolist() == [2, 1, 1]
    assert report.shares[0].tolist() == [0.5, 0, 0.5, 0, 0, 0]


def test_detections_of_classes_without_truth_are_left_out():
    report = diagnose_errors({'a': [[2, 0, 9, 0.5]]}, TRUTH, 3)
    assert report.counts.sum() == 0
    assert np.isnan(report.shares).all()
    assert report.mean_ap == 0


def test_removing_a_leading_background_detection_doubles_ap():
    truth = {'a': np.array([[0, 0, 10]])}
    found = {'a': np.array([[0, 50, 60, 0.9], [0, 0, 10, 0.8]])}
    report = diagnose_errors(found, truth, 1)
    assert report.mean_ap == 0.5
    assert report.gains.tolist() == [0, 0, 0, 0, 0.5]


def test_without_truth_all_is_undefined():
    report = diagnose_errors({}, {'a': np.zeros((0, 3))}, 2)
    assert np.isnan(report.mean_ap)
    assert np.isnan(report.gains).all()


def test_ap_is_the_usual_one_where_classes_are_equally_frequent():
    rng = np.random.default_rng(0)
    hits = rng.random((2, 40)) < 0.3
    np.testing.assert_allclose(
        normalized_average_precision(hits, 17, 17.0),
        average_precision(hits, 17),
    )


def test_wrong_numbers_are_refused():
    with pytest.raises(ValueError, match='num_groups=0'):
        diagnose_errors(FOUND, TRUTH, 2, num_groups=0)
    with pytest.raises(ValueError, match=r'min_iou=1 must lie in \[0, 1\)'):
        diagnose_errors(FOUND, TRUTH, 2, min_iou=1)
