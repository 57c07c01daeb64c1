"""DETAD's kinds of errors against loops; curves and bins."""

from __future__ import annotations

import numpy as np
import pytest

from mmsnip.evaluation import (
    analyze_sensitivity,
    diagnose_errors,
    evaluate_activitynet,
    measure_truth,
    precision_recall_curves,
)
from mmsnip.evaluation.diagnosis import KINDS, detection_kinds, mean_curve
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
        for kind in detection_kinds(found, truth, [level], min_iou)[0][0]
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


def test_without_least_overlap_only_untouched_frames_are_background():
    assert kinds_at(0.5, min_iou=0.0)[5:] == ['localization', 'background']


def test_of_equal_overlaps_a_segment_of_the_own_class_counts():
    truth = {'a': np.array([[0, 0, 10], [1, 0, 10]])}
    found = {'a': np.array([[1, 0, 10, 0.9], [1, 0, 9, 0.8]])}
    kinds, _ = detection_kinds(*collect(found, truth, 2), [0.5])
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


def test_detections_of_classes_without_truth_are_left_out():
    report = diagnose_errors({'a': [[2, 0, 9, 0.5]]}, TRUTH, 3)
    assert report.counts.sum() == 0
    assert np.isnan(report.shares).all()
    assert report.mean_ap == 0


def test_wrong_numbers_are_refused():
    with pytest.raises(ValueError, match='num_groups=0'):
        diagnose_errors(FOUND, TRUTH, 2, num_groups=0)
    with pytest.raises(ValueError, match=r'min_iou=1 must lie in \[0, 1\)'):
        diagnose_errors(FOUND, TRUTH, 2, min_iou=1)


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


def test_characteristics_are_those_of_the_videos_sorted_by_name():
    truth = {
        'b': np.array([[1, 0, 30]]),
        'a': np.array([[0, 10, 20], [0, 20, 50], [2, 0, 5]]),
        'c': np.zeros((0, 3)),
    }
    measured = measure_truth(
        truth, {'a': 100, 'b': 60, 'c': 9}, {'a': 10.0, 'b': 5.0, 'c': 5.0}
    )
    np.testing.assert_allclose(measured['length'], [1, 3, 0.5, 6])
    np.testing.assert_allclose(measured['coverage'], [0.1, 0.3, 0.05, 0.5])
    assert measured['instances'].tolist() == [2, 2, 1, 1]


def test_a_bin_is_judged_by_its_own_segments_alone():
    truth = {'a': np.array([[0, 0, 10], [0, 100, 200]])}
    found = {
        'a': np.array(
            [[0, 100, 200, 0.9], [0, 300, 310, 0.8], [0, 0, 10, 0.7]]
        )
    }
    measured = {'length': np.array([10.0, 100.0])}
    report = analyze_sensitivity(
        found,
        truth,
        measured,
        1,
        bins={'length': (0, 50, 500)},
        normalize=False,
    )
    (part,) = report.parts
    # short: one false positive before it; long: nothing before it
    assert part.mean_ap.tolist() == [0.5, 1.0]
    assert part.recall.tolist() == [1.0, 1.0]
    assert part.counts.tolist() == [1, 1]


def test_recall_stops_where_precision_has_fallen():
    truth = {'a': np.array([[0, 0, 10]])}
    rows = [[0, 100 + 10 * i, 109 + 10 * i, 0.9] for i in range(19)]
    found = {'a': np.array([*rows, [0, 0, 10, 0.1]])}
    measured = {'length': np.array([1.0])}

    def recall(limit):
        report = analyze_sensitivity(
            found, truth, measured, 1, min_precision=limit
        )
        return report.recall, report.parts[0].recall[0]

    # one hit in twenty: precision 0.05 exactly
    assert recall(0.049) == (1, 1)
    assert recall(0.05) == (0, 0)


def test_one_bin_of_all_segments_has_the_scores_of_all():
    found, truth = random_case(3)
    size = sum(map(len, truth.values()))
    report = analyze_sensitivity(
        found,
        truth,
        {'any': np.arange(float(size))},
        3,
        [0.3, 0.6],
        num_bins=1,
    )
    assert report.parts[0].mean_ap[0] == report.mean_ap
    assert report.parts[0].recall[0] == report.recall
    whole = diagnose_errors(found, truth, 3, [0.3, 0.6], num_groups=1000)
    assert report.mean_ap == pytest.approx(whole.mean_ap, abs=1e-12)


def test_empty_bins_and_empty_truth_are_undefined():
    none = np.zeros(0)
    report = analyze_sensitivity(
        {}, {'a': np.zeros((0, 3))}, {'length': none}, 2, bins='thumos14'
    )
    assert np.isnan(report.parts[0].mean_ap).all()
    assert np.isnan([report.mean_ap, report.recall]).all()
    report = analyze_sensitivity({}, {}, {'length': none}, 2)
    assert report.parts[0].labels == ()


@pytest.mark.parametrize(
    ('bins', 'message'),
    [
        ('hoiem', "bins='hoiem' is unknown"),
        ({'coverage': (0, 1)}, "no edges of 'length', only of"),
        ({'length': (0, 3, 3)}, 'must ascend'),
        ({'length': (3,)}, 'must ascend'),
    ],
)
def test_wrong_bins_are_refused(bins, message):
    truth = {'a': np.array([[0, 0, 10]])}
    with pytest.raises(ValueError, match=message):
        analyze_sensitivity({}, truth, {'length': np.ones(1)}, 1, bins=bins)
