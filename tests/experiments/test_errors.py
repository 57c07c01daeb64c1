"""Errors of boundaries apart from errors of classes."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.errors import (
    error_metrics,
    main,
    with_true_boundaries,
    with_true_classes,
)
from experiments.scoring import measure_scores
from mmsnip.io.scores import save_scores

CLASSES = ['left', 'right']


def scores_of(labels):
    return np.eye(3)[labels] * 0.7 + 0.1


# Two segments of 'left'. The first is found two frames late;
# the second is found in place, and called 'right'.
TRUTH = {'a': np.array([[0, 2, 8], [0, 10, 14]])}
FOUND = {'a': scores_of([2] * 4 + [0] * 4 + [2] * 2 + [1] * 4 + [2] * 2)}


def test_each_kind_of_error_goes_with_its_own_cure():
    metrics = error_metrics(FOUND, TRUTH, CLASSES)

    # the second segment, four frames, is still 'right'
    assert metrics['true_boundaries/frame_accuracy'] == 12 / 16
    assert metrics['true_boundaries/runs/mAP'] == 0.5
    # the first two frames of the first are still background
    assert metrics['true_classes/frame_accuracy'] == 14 / 16
    assert metrics['true_classes/runs/mAP@0.50'] == 1


def test_boundaries_of_the_truth_mend_a_segment_with_most_of_it_found():
    late = {'a': scores_of([2] * 4 + [0] * 4 + [2] * 2 + [0] * 4 + [2] * 2)}

    metrics = error_metrics(late, TRUTH, CLASSES)

    assert metrics['true_boundaries/runs/mAP'] == 1
    assert metrics['true_boundaries/frame_accuracy'] == 1


def test_right_scores_stay_right():
    labels = np.array([2, 0, 0, 2, 1])
    scores = scores_of(labels)

    np.testing.assert_allclose(with_true_boundaries(scores, labels), scores)
    assert with_true_classes(scores, labels).argmax(1).tolist() == [*labels]


def test_an_empty_video_stays_empty():
    nothing = np.zeros((0, 3))

    assert with_true_boundaries(nothing, np.zeros(0, int)).shape == (0, 3)
    assert with_true_classes(nothing, np.zeros(0, int)).shape == (0, 3)


def test_rows_hold_both(tmp_path):
    path = tmp_path / 'scores.npz'
    save_scores(path, FOUND, CLASSES, TRUTH)

    metrics = measure_scores(path)

    for key, value in error_metrics(FOUND, TRUTH, CLASSES).items():
        assert metrics[key] == pytest.approx(value)


def test_the_command_prints_three_rows_a_file(tmp_path, capsys):
    path = tmp_path / 'scores.npz'
    save_scores(path, FOUND, CLASSES, TRUTH)

    main([str(path)])

    rows = capsys.readouterr().out.splitlines()[2:]
    assert [row.split(' | ')[1] for row in rows] == [
        'nothing', 'true boundaries', 'true classes',
    ]  # fmt: skip
    assert rows[2].endswith('| 100.0 | 87.5 | 100.0 |')


def test_scores_without_truth_are_refused(tmp_path, capsys):
    path = tmp_path / 'scores.npz'
    save_scores(path, FOUND, CLASSES)

    with pytest.raises(SystemExit):
        main([str(path)])

    assert 'it holds no ground truth' in capsys.readouterr().err
