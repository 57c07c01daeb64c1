from __future__ import annotations

import numpy as np

from mmsnip.visualization.score_curves import curve_classes


def test_classes_with_a_segment_come_before_higher_peaks():
    scores = np.full((7, 21), 0.2)
    scores[0, 3] = 0.0
    scores[:, 3] = 0.05
    chosen = curve_classes(scores, [3])
    assert len(chosen) == 12
    assert 3 in chosen


def test_classes_that_never_rise_are_left_out():
    scores = np.zeros((7, 5))
    scores[2, 1] = 0.5
    assert curve_classes(scores, []) == [1]
