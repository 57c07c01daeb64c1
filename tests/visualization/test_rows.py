from __future__ import annotations

import numpy as np

from mmsnip.visualization.rows import best_non_overlapping, clip_rows


def test_kept_detections_never_overlap_and_include_the_best():
    rng = np.random.default_rng(3)
    start = rng.integers(0, 90, 50)
    rows = np.column_stack(
        [
            rng.integers(0, 4, 50),
            start,
            start + rng.integers(1, 20, 50),
            rng.random(50),
        ]
    )
    kept = best_non_overlapping(rows)
    assert (kept[1:, 1] >= kept[:-1, 2]).all()
    assert rows[:, 3].max() in kept[:, 3]
    for row in rows:
        meets = (kept[:, 1] < row[2]) & (kept[:, 2] > row[1])
        assert kept[meets, 3].max() >= row[3]


def test_no_detections_stay_no_detections():
    assert best_non_overlapping(np.zeros((0, 4))).shape == (0, 4)


def test_clipping_drops_what_lies_outside_the_video():
    rows = np.array([[0, -3, 2], [1, 11, 15], [2, 13, 20]])
    assert clip_rows(rows, 13).tolist() == [[0, 0, 2], [1, 11, 13]]
