"""Kinds of errors, each by a case that was worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from mmsnip.report.errors import covered_share, judge_segments

WALK, SIT, JUMP = 0, 1, 2


def judge(found, truth):
    """Kinds of predictions and truth, and what predictions are about."""
    verdict = judge_segments(np.array(found), np.array(truth))
    return verdict.found, verdict.truth, verdict.about.tolist()


def test_half_the_union_is_correct():
    # 10 shared frames of a union of 20
    found = judge([[WALK, 0, 15, 0.9]], [[WALK, 5, 20]])

    assert found == (['correct'], ['found'], [0])


def test_less_than_half_the_union_is_a_bad_boundary():
    # 9 shared frames of a union of 20
    found = judge([[WALK, 0, 14, 0.9]], [[WALK, 5, 20]])

    assert found == (['boundary'], ['boundary'], [0])


def test_a_tenth_of_the_union_is_still_near():
    # 2 shared frames of a union of 20; the next case shares 1
    near = judge([[WALK, 0, 8, 0.9]], [[WALK, 6, 20]])
    far = judge([[WALK, 0, 7, 0.9]], [[WALK, 6, 20]])

    assert near == (['boundary'], ['boundary'], [0])
    assert far == (['false_alarm'], ['missed'], [-1])


def test_a_short_run_inside_its_action_is_a_bad_boundary():
    # IoU 3 / 100, but all of it lies inside
    found = judge([[WALK, 40, 43, 0.9]], [[WALK, 0, 100]])

    assert found == (['boundary'], ['boundary'], [0])


def test_two_runs_in_one_action_are_a_split():
    found = judge([[WALK, 0, 40, 0.7], [WALK, 60, 100, 0.8]], [[WALK, 0, 100]])

    assert found == (['split', 'split'], ['split'], [0, 0])


def test_the_rest_of_a_split_is_split_where_a_run_is_correct():
    # the first run has IoU 0.6
    found = judge([[WALK, 0, 60, 0.7], [WALK, 70, 100, 0.8]], [[WALK, 0, 100]])

    assert found == (['correct', 'split'], ['found'], [0, 0])


def test_the_worse_of_two_that_overlap_is_double():
    found = judge([[WALK, 0, 90, 0.7], [WALK, 5, 100, 0.8]], [[WALK, 0, 100]])

    assert found == (['double', 'correct'], ['found'], [0, 0])


def test_the_better_of_two_bad_ones_that_overlap_is_no_double():
    # IoU 0.3 and 0.4
    found = judge([[WALK, 0, 30, 0.7], [WALK, 10, 50, 0.8]], [[WALK, 0, 100]])

    assert found == (['double', 'boundary'], ['boundary'], [0, 0])


def test_another_class_over_an_action_is_a_wrong_class():
    found = judge([[SIT, 0, 10, 0.9]], [[WALK, 0, 10]])

    assert found == (['wrong_class'], ['wrong_class'], [0])


def test_flicker_of_another_class_inside_an_action_is_a_wrong_class():
    # IoU 2 / 100 with the truth, but all of it lies inside
    found = judge([[WALK, 0, 98, 0.9], [SIT, 98, 100, 0.8]], [[WALK, 0, 100]])

    assert found == (['correct', 'wrong_class'], ['found'], [0, 0])


def test_half_in_two_other_actions_together_is_a_wrong_class():
    # 3 of 12 frames in each, IoU 3 / 109
    found = judge([[JUMP, 97, 109, 0.9]], [[WALK, 0, 100], [SIT, 106, 206]])

    assert found == (['wrong_class'], ['wrong_class', 'missed'], [0])


def test_its_own_class_comes_before_another():
    # IoU 0.25 with its class, 0.75 with the other
    found = judge([[WALK, 0, 20, 0.9]], [[WALK, 15, 20], [SIT, 0, 15]])

    assert found == (['boundary'], ['boundary', 'wrong_class'], [0])


def test_a_prediction_on_background_is_a_false_alarm():
    found = judge([[WALK, 50, 60, 0.9]], [[WALK, 0, 10]])

    assert found == (['false_alarm'], ['missed'], [-1])


def test_an_action_under_a_long_run_is_not_missed():
    # 4 of 100 frames: IoU 0.04 with each, and nothing is about them
    verdict = judge(
        [[WALK, 0, 100, 0.9]], [[WALK, 10, 14], [SIT, 40, 44], [SIT, 98, 106]]
    )

    assert verdict == (
        ['false_alarm'],
        ['boundary', 'wrong_class', 'missed'],
        [-1],
    )


def test_better_scores_choose_first():
    # both reach IoU 0.5 with the one action
    found = judge([[WALK, 0, 10, 0.1], [WALK, 10, 20, 0.9]], [[WALK, 0, 20]])

    assert found == (['split', 'correct'], ['found'], [0, 0])


def test_of_two_actions_the_nearer_one_is_taken():
    found = judge([[WALK, 10, 20, 0.9]], [[WALK, 4, 20], [WALK, 10, 21]])

    assert found == (['correct'], ['boundary', 'found'], [1])


@pytest.mark.parametrize(
    ('found', 'truth', 'expected'),
    [
        ([], [], ([], [], [])),
        ([], [[WALK, 0, 3]], ([], ['missed'], [])),
        ([[WALK, 0, 3, 0.5]], [], (['false_alarm'], [], [-1])),
    ],
)
def test_nothing_to_compare_is_judged_too(found, truth, expected):
    assert judge(found, truth) == expected


def test_covered_share_counts_shared_frames_once():
    others = np.array([[2, 5], [4, 6], [4, 5], [9, 30], [-4, 1]])

    # 0..1, 2..6 and 9..10 of ten frames
    assert covered_share(np.array([0, 10]), others) == pytest.approx(0.6)


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
