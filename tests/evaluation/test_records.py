from __future__ import annotations

import numpy as np
import pytest

from mmsnip.evaluation.records import check_convention, check_scores, collect

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


def test_collect_takes_empty_arrays_of_any_shape():
    found, truth = collect(
        {'a': [], 'b': np.zeros((0, 4))}, {'a': np.zeros((0, 3))}, 2
    )

    assert (len(found), len(truth)) == (0, 0)


@pytest.mark.parametrize(
    ('column', 'value', 'rule'),
    [
        (0, 2, r'label must be an integer in 0\.\.1'),
        (0, -1, 'label must be an integer'),
        (0, 0.5, 'label must be an integer'),
        (1, 7, 'start must be below end'),
        (1, 8, 'start must be below end'),
        (2, np.inf, 'must be finite'),
        (3, np.nan, 'must be finite'),
    ],
)
def test_collect_refuses_a_bad_row_and_names_its_video(column, value, rule):
    bad = GOOD.copy()
    bad[1, column] = value

    with pytest.raises(
        ValueError, match=rf"detections of video 'v7', row 1 .*{rule}"
    ):
        collect({'v1': GOOD, 'v7': bad}, {'v1': TRUTH}, num_classes=2)


def test_collect_refuses_a_bad_shape_and_names_its_video():
    with pytest.raises(
        ValueError,
        match=r"ground_truth of video 'v2' has shape \(2, 4\).*label, start",
    ):
        collect({'v2': GOOD}, {'v2': GOOD}, num_classes=2)


def test_collect_refuses_zero_classes():
    with pytest.raises(ValueError, match='num_classes=0'):
        collect({}, {}, 0)


def test_check_scores_refuses_a_single_column():
    with pytest.raises(ValueError, match=r'shape \(3, 1\)'):
        check_scores(np.zeros((3, 1)))


def test_check_convention_names_the_choices():
    with pytest.raises(ValueError, match=r"'odd' is unknown.*official.*clean"):
        check_convention('odd')
