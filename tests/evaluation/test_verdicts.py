"""What is wrong with each segment, each kind by a case worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from mmsnip.evaluation import judge_segments

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
