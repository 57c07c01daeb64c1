"""Metrics find their tables, and are those of the project."""

from __future__ import annotations

import numpy as np
import pytest

from mmsnip.evaluation.protocols import evaluate_scores
from mmsnip.report.look import COLORS, class_looks
from mmsnip.report.numbers import compute_metrics, metric_tables

CLASSES = ['walk', 'sit']
SCORES = {
    'a': np.repeat([[0.8, 0.1, 0.1], [0.1, 0.2, 0.7]], [6, 7], axis=0),
    'b': np.repeat([[0.1, 0.7, 0.2], [0.3, 0.2, 0.5]], [4, 9], axis=0),
}
TRUTH = {'a': np.array([[0, 0, 6]]), 'b': np.array([[0, 0, 4]])}
FOUND = {
    'a': np.array([[0, 0, 6, 0.8]]),
    'b': np.array([[1, 0, 4, 0.7]]),
    'c': np.array([[1, 0, 4, 0.7]]),
}
LABELS = {
    'a': np.repeat([0, 2], [6, 7]),
    'b': np.repeat([1, 2], [4, 9]),
}


def test_scores_are_evaluated_as_their_file_says():
    settings = dict(
        protocol='voc',
        proposals={'runs': {}},
        convention='clean',
        iou_thresholds=[0.3, 0.6],
        label_rule='any',
    )

    found = compute_metrics(FOUND, SCORES, TRUTH, LABELS, CLASSES, settings)

    del settings['label_rule']
    expected = evaluate_scores(SCORES, TRUTH, CLASSES, **settings)[0]
    np.testing.assert_equal(found, expected)


def test_detections_alone_have_map_and_frame_metrics():
    found = compute_metrics(FOUND, {}, TRUTH, LABELS, CLASSES, {})

    # one of two walks is found; 'c' has no truth and is not counted
    assert found['shown/AP@0.50/walk'] == pytest.approx(0.5)
    assert found['frame_accuracy'] == pytest.approx(22 / 26)
    assert found['runs_per_segment'] == 1


def test_tables_sort_metrics_by_iou_and_class():
    metrics = {
        'sweep/mAP@0.50': 0.3,
        'sweep/mAP@0.10': 0.5,
        'sweep/mAP': 0.4,
        'sweep/AP@0.50/sit/down': 0.2,
        'sweep/AP@0.10/sit/down': float('nan'),
        'runs/mAP': 0.1,
        'F1@50': 0.7,
        'runs_per_segment': 2.5,
        'odd': 3.0,
    }

    tables = metric_tables(metrics, ['walk', 'sit/down'])

    sweep, runs = tables['proposals']
    assert sweep['ious'] == ['0.10', '0.50']
    assert sweep['maps'] == [0.5, 0.3]
    assert sweep['mean'] == 0.4
    assert sweep['classes'] == [[1, [None, 0.2]]]
    assert (runs['name'], runs['mean'], runs['ious']) == ('runs', 0.1, [])
    assert [row[::2] for row in tables['frames']] == [
        ['F1@50', 0.7],
        ['runs_per_segment', 2.5],
    ]
    assert tables['others'] == [['odd', 3.0]]


def test_classes_look_as_in_the_pictures():
    palette = pytest.importorskip('mmsnip.visualization.canvas')

    looks = class_looks(40)

    assert palette.COLORS == COLORS
    for index, look in enumerate(looks):
        style = palette.class_style(index)
        assert look['color'] == style.color
        assert look['ink'] == style.ink
        assert (look['pattern'] == 'plain') == (style.hatch == '')
