"""DETAD's kinds of errors against loops; curves."""

from __future__ import annotations

import numpy as np
import pytest

from mmsnip.evaluation import (
    diagnose_errors,
    evaluate_activitynet,
    judge_segments,
)
from mmsnip.evaluation.average_precision import collect
from mmsnip.evaluation.diagnosis import (
    KINDS,
    detection_kinds,
    mean_curve,
    precision_recall_curves,
)

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


def kinds_at(level):
    found, truth = collect(FOUND, TRUTH, 2)
    return [
        KINDS[kind] for kind in detection_kinds(found, truth, [level])[0][0]
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


def slow_mean_ap(rows, truth, num_classes, removed=None):
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
            weight = recall * mean_count
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


def test_of_equal_overlaps_a_segment_of_the_own_class_counts():
    truth = {'a': np.array([[0, 0, 10], [1, 0, 10]])}
    found = {'a': np.array([[1, 0, 10, 0.9], [1, 0, 9, 0.8]])}
    kinds, _ = detection_kinds(*collect(found, truth, 2), [0.5])
    assert [KINDS[kind] for kind in kinds[0]] == [
        'true positive',
        'double detection',
    ]


@pytest.mark.parametrize('seed', range(4))
def test_counts_and_gains_are_those_of_loops(seed):
    found, truth = random_case(seed)
    report = diagnose_errors(found, truth, 3, [0.5], num_groups=100)
    rows = slow_kinds(found, truth, 0.5)
    counts = [sum(kind == k for _, _, k in rows) for kind in KINDS]
    base = slow_mean_ap(rows, truth, 3)
    gains = [slow_mean_ap(rows, truth, 3, kind) - base for kind in KINDS[1:]]
    np.testing.assert_allclose(report.counts.sum(axis=0), counts)
    np.testing.assert_allclose(report.mean_ap, base, atol=1e-12)
    np.testing.assert_allclose(report.gains, gains, atol=1e-12)
    assert min(counts) > 0


def test_detections_of_classes_without_truth_are_left_out():
    report = diagnose_errors({'a': [[2, 0, 9, 0.5]]}, TRUTH, 3)
    assert report.counts.sum() == 0
    assert np.isnan(report.shares).all()
    assert report.mean_ap == 0


def test_curves_have_the_ap_of_the_evaluation():
    found, truth = random_case(1)
    curves = precision_recall_curves(found, truth, 3, 0.4)
    report = evaluate_activitynet(found, truth, 3, [0.4])
    assert [curve.ap for curve in curves] == [
        report[f'AP@0.40/{label}'] for label in range(3)
    ]


def test_the_area_under_the_mean_curve_is_map():
    found, truth = random_case(5)
    curves = precision_recall_curves(found, truth, 3, 0.3)
    middles = (np.arange(20000) + 0.5) / 20000
    mean_ap = np.mean([curve.ap for curve in curves])
    area = mean_curve(curves, middles).mean()
    assert area == pytest.approx(mean_ap, abs=1e-4)


# What is wrong with each segment, each kind by a case worked out by hand.

WALK, SIT, JUMP = 0, 1, 2
CASES = {
    # 10 shared frames of a union of 20
    'half the union is correct': (
        [[WALK, 0, 15, 0.9]], [[WALK, 5, 20]], ['correct'], ['found'], [0],
    ),
    # 9 shared frames of a union of 20
    'less is a bad boundary': (
        [[WALK, 0, 14, 0.9]], [[WALK, 5, 20]], ['boundary'], ['boundary'],
        [0],
    ),
    # 2 shared frames of a union of 20
    'a tenth of the union is still near': (
        [[WALK, 0, 8, 0.9]], [[WALK, 6, 20]], ['boundary'], ['boundary'], [0],
    ),
    'less than a tenth is not': (
        [[WALK, 0, 7, 0.9]], [[WALK, 6, 20]], ['false_alarm'], ['missed'],
        [-1],
    ),
    # IoU 3 / 100, but all of it lies inside
    'a short run inside its action is a bad boundary': (
        [[WALK, 40, 43, 0.9]], [[WALK, 0, 100]], ['boundary'], ['boundary'],
        [0],
    ),
    'two runs in one action are a split': (
        [[WALK, 0, 40, 0.7], [WALK, 60, 100, 0.8]], [[WALK, 0, 100]],
        ['split', 'split'], ['split'], [0, 0],
    ),
    # the first run has IoU 0.6
    'the rest of a split is split where a run is correct': (
        [[WALK, 0, 60, 0.7], [WALK, 70, 100, 0.8]], [[WALK, 0, 100]],
        ['correct', 'split'], ['found'], [0, 0],
    ),
    'the worse of two that overlap is double': (
        [[WALK, 0, 90, 0.7], [WALK, 5, 100, 0.8]], [[WALK, 0, 100]],
        ['double', 'correct'], ['found'], [0, 0],
    ),
    # IoU 0.3 and 0.4
    'the better of two bad ones that overlap is no double': (
        [[WALK, 0, 30, 0.7], [WALK, 10, 50, 0.8]], [[WALK, 0, 100]],
        ['double', 'boundary'], ['boundary'], [0, 0],
    ),
    'another class over an action is a wrong class': (
        [[SIT, 0, 10, 0.9]], [[WALK, 0, 10]], ['wrong_class'],
        ['wrong_class'], [0],
    ),
    # IoU 2 / 100 with the truth, but all of it lies inside
    'flicker of another class inside an action is a wrong class': (
        [[WALK, 0, 98, 0.9], [SIT, 98, 100, 0.8]], [[WALK, 0, 100]],
        ['correct', 'wrong_class'], ['found'], [0, 0],
    ),
    # IoU 0.25 with its class, 0.75 with the other
    'the true segment of highest IoU decides': (
        [[WALK, 0, 20, 0.9]], [[WALK, 15, 20], [SIT, 0, 15]],
        ['wrong_class'], ['boundary', 'wrong_class'], [1],
    ),
    # 4 of 100 frames: IoU 0.04 with each, and nothing is about them
    'an action under a long run is not missed': (
        [[WALK, 0, 100, 0.9]],
        [[WALK, 10, 14], [SIT, 40, 44], [SIT, 98, 106]],
        ['false_alarm'], ['boundary', 'wrong_class', 'missed'], [-1],
    ),
    # both reach IoU 0.5 with the one action
    'better scores choose first': (
        [[WALK, 0, 10, 0.1], [WALK, 10, 20, 0.9]], [[WALK, 0, 20]],
        ['split', 'correct'], ['found'], [0, 0],
    ),
    'of two actions the nearer one is taken': (
        [[WALK, 10, 20, 0.9]], [[WALK, 4, 20], [WALK, 10, 21]],
        ['correct'], ['boundary', 'found'], [1],
    ),
    'nothing at all': ([], [], [], [], []),
    'nothing found': ([], [[WALK, 0, 3]], [], ['missed'], []),
    'nothing there': ([[WALK, 0, 3, 0.5]], [], ['false_alarm'], [], [-1]),
}  # fmt: skip


@pytest.mark.parametrize('case', CASES)
def test_segments_are_judged_as_worked_out(case):
    found, truth, kinds, said, about = CASES[case]

    verdict = judge_segments(np.array(found), np.array(truth))

    assert (verdict.found, verdict.truth) == (kinds, said)
    assert verdict.about.tolist() == about


def test_kinds_do_not_depend_on_the_order_of_rows():
    rng = np.random.default_rng(0)
    start = rng.integers(0, 200, (40, 1))
    spans = np.hstack([start, start + rng.integers(1, 40, (40, 1))])
    labels = rng.integers(0, 3, (40, 1))
    found = np.hstack([labels, spans, rng.random((40, 1))])[:25]
    truth = np.hstack([labels, spans])[25:]
    order = rng.permutation(25)

    verdict = judge_segments(found, truth)
    shuffled = judge_segments(found[order], truth)

    assert shuffled.found == [verdict.found[i] for i in order]
    assert shuffled.truth == verdict.truth
