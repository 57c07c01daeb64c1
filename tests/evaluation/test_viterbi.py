"""Labels of least cost against all sequences there are."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from mmsnip.evaluation import (
    run_detections,
    viterbi_detections,
    viterbi_labels,
)
from mmsnip.evaluation.protocols import evaluate_scores


def random_scores(T, K, seed):
    draws = np.random.default_rng(seed).gamma(0.3, size=(T, K)) + 1e-3
    return draws / draws.sum(axis=1, keepdims=True)


def cost_of(scores, labels, switch_cost):
    frames = -np.log(scores[np.arange(len(labels)), labels]).sum()
    return frames + switch_cost * np.count_nonzero(np.diff(labels))


@pytest.mark.parametrize('switch_cost', [0.0, 0.3, 1.0, 3.0, 50.0])
@pytest.mark.parametrize('seed', range(4))
def test_no_other_sequence_of_labels_costs_less(seed, switch_cost):
    scores = random_scores(6, 3, seed)

    found = viterbi_labels(scores, switch_cost)

    least = min(
        cost_of(scores, np.array(labels), switch_cost)
        for labels in product(range(3), repeat=6)
    )
    assert cost_of(scores, found, switch_cost) == pytest.approx(least)


def test_without_a_price_it_is_the_arg_max():
    scores = random_scores(200, 5, 7)

    np.testing.assert_array_equal(
        viterbi_detections(scores, 0.0), run_detections(scores)
    )


def test_a_run_stays_where_its_frames_outweigh_two_changes():
    # 0.8 against 0.1: each frame speaks for its class by log 8 = 2.08 nats
    def labels(length):
        return [2] * 9 + [0] * length + [2] * 9

    kept = {
        length: 0 in viterbi_labels(np.eye(3)[labels(length)] * 0.7 + 0.1, 10)
        for length in (9, 10)
    }

    assert kept == {9: False, 10: True}


def test_impossible_for_one_frame_is_not_forbidden_for_ever():
    scores = np.eye(2)[[0] * 5 + [1] + [0] * 5]

    assert viterbi_labels(scores, 10).tolist() == [0] * 11


@pytest.mark.parametrize('T', [0, 1])
def test_short_videos(T):
    scores = np.full((T, 2), 0.5)

    assert viterbi_labels(scores).tolist() == [0] * T
    assert viterbi_detections(scores).shape == (T, 4)


@pytest.mark.parametrize('switch_cost', [-1.0, np.nan, np.inf])
def test_a_price_that_is_none_is_refused(switch_cost):
    with pytest.raises(ValueError, match='must be finite and 0 or more'):
        viterbi_labels(np.full((4, 2), 0.5), switch_cost)


def test_scores_that_are_none_are_refused():
    with pytest.raises(ValueError, match='expected finite numbers'):
        viterbi_labels(np.array([[np.nan, 1.0]]))


def test_an_evaluation_has_its_frame_metrics_beside_those_of_the_arg_max():
    labels = [1] * 12 + [0] * 9 + [1] + [0] * 9 + [1] * 12
    scores = {'a': np.eye(2)[labels] * 0.6 + 0.2}
    truth = {'a': np.array([[0, 12, 31]])}

    metrics, found = evaluate_scores(
        scores, truth, ['wave'], 'babel', {'runs': {}, 'viterbi': {}}
    )

    assert metrics['runs_per_segment'] == 2
    assert metrics['viterbi/runs_per_segment'] == 1
    assert metrics['edit'] == pytest.approx(0.5)
    assert metrics['viterbi/edit'] == metrics['viterbi/F1@50'] == 1
    assert metrics['viterbi/frame_accuracy'] == 1
    assert found['viterbi']['a'][0, :3].tolist() == [0, 12, 31]
