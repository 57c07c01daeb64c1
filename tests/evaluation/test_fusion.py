"""Late fusion and merged networks, against loops."""

from __future__ import annotations

import math

import numpy as np
import pytest

from mmsnip.evaluation.fusion import (
    MODES,
    check_same_truth,
    fuse_scores,
    merge_binary_scores,
    merge_binary_truth,
)
from mmsnip.evaluation.protocols import evaluate_scores

NAMES = ['joint.npz', 'bone.npz', 'motion.npz']


def network(seed, width=4, videos=(13, 11), dtype=np.float32):
    rng = np.random.default_rng(seed)
    return {
        f'v{T}': rng.dirichlet(np.ones(width), T).astype(dtype) for T in videos
    }


def slow_fusion(inputs, weights, mode):
    """Frame by frame, column by column."""
    total = sum(weights)
    fused = {}
    for video, first in inputs[0].items():
        rows = []
        for t in range(len(first)):
            row = []
            for c in range(first.shape[1]):
                p = [float(scores[video][t, c]) for scores in inputs]
                if mode == 'average':
                    row.append(sum(w * x for w, x in zip(weights, p)) / total)
                elif mode == 'product':
                    row.append(
                        math.prod(x ** (w / total) for w, x in zip(weights, p))
                    )
                else:
                    odds = math.prod(
                        (x / (1 - x)) ** (w / total)
                        for w, x in zip(weights, p)
                    )
                    row.append(odds / (1 + odds))
            scale = 1 if mode == 'average' else sum(row)
            rows.append([x / scale for x in row])
        fused[video] = np.array(rows)
    return fused


@pytest.mark.parametrize('mode', MODES)
@pytest.mark.parametrize('weights', [[1, 1, 1], [2, 0.5, 0]])
def test_fusion_equals_a_loop_over_frames_and_columns(mode, weights):
    inputs = [network(seed) for seed in range(3)]

    fused = fuse_scores(inputs, weights, mode)

    expected = slow_fusion(inputs, weights, mode)
    assert list(fused) == list(expected)
    for video, array in fused.items():
        assert array.dtype == np.float64
        np.testing.assert_allclose(array, expected[video], rtol=1e-6)


@pytest.mark.parametrize('mode', MODES)
def test_certain_networks_that_disagree_stay_finite(mode):
    one, two = np.eye(3)[[0]], np.eye(3)[[1]]

    fused = fuse_scores([{'v': one}, {'v': two}], mode=mode)['v']

    assert fused[0, 0] == pytest.approx(0.5, abs=1e-3)
    assert fused[0, 1] == pytest.approx(0.5, abs=1e-3)


def with_video(array):
    return {**network(1), 'v11': array}


@pytest.mark.parametrize(
    ('other', 'message'),
    [
        ({'v13': network(1)['v13']}, r"'v11' has.*joint\.npz and bone\.npz"),
        ({**network(1), 'new': 0}, r"'new' has.*joint\.npz and bone\.npz"),
        (
            with_video(np.ones((7, 4))),
            r"bone\.npz, video 'v11' has scores of shape \(7, 4\), "
            r'joint\.npz of shape \(11, 4\)',
        ),
        (
            with_video(np.full((11, 4), np.nan)),
            r"bone\.npz, video 'v11': found .*finite",
        ),
        (
            with_video(np.full((11, 4), -3.0)),
            r"bone\.npz, video 'v11' has scores from -3 to 1; .*not logits",
        ),
    ],
)
def test_networks_that_disagree_are_refused_by_name(other, message):
    with pytest.raises(ValueError, match=message):
        fuse_scores([network(0), other], names=NAMES[:2])


@pytest.mark.parametrize('weights', [[1], [1, -1], [0, 0], [1, math.inf]])
def test_weights_that_are_none_are_refused(weights):
    with pytest.raises(ValueError, match='for each of 2 inputs'):
        fuse_scores([network(0), network(1)], weights)


def test_other_ground_truth_is_refused_by_segment():
    one = {'v': np.array([[0, 1, 4], [1, 5, 9]])}
    two = {'v': np.array([[0, 1, 4], [1, 5, 8]])}

    with pytest.raises(
        ValueError,
        match=r"bone\.npz, video 'v', segment 1 .*\[1, 5, 8\], in "
        r'joint\.npz \[1, 5, 9\]',
    ):
        check_same_truth([one, two], NAMES[:2])


def test_arg_max_of_merged_networks_is_the_best_class_from_one_half_up():
    walk = np.array([0.9, 0.2, 0.5, 0.49, 0.6])
    turn = np.array([0.8, 0.7, 0.1, 0.48, 0.6])

    merged = merge_binary_scores(
        [{'v': np.stack([p, 1 - p], axis=1)} for p in (walk, turn)]
    )['v']

    assert merged[:, 0].tolist() == walk.tolist()
    assert merged[:, 1].tolist() == turn.tolist()
    assert merged.argmax(axis=1).tolist() == [0, 1, 0, 2, 0]


@pytest.mark.parametrize('convention', ['official', 'clean'])
@pytest.mark.parametrize('protocol', ['babel', 'activitynet'])
def test_sweep_of_merged_networks_gives_each_class_its_own_ap(
    protocol, convention
):
    rng = np.random.default_rng(3)
    classes = ['walk', 'stand', 'turn']
    lengths = {f'v{n}': 60 + 7 * n for n in range(5)}
    inputs, truths = [], []
    for _ in classes:
        scores, truth = {}, {}
        for video, T in lengths.items():
            p = np.full(T, 0.01)
            rows = []
            for start in range(5, T - 15, 20):
                end = start + int(rng.integers(4, 14))
                rows.append([0, start, end])
                shift = int(rng.integers(-3, 4))
                p[start + shift : end + shift] = rng.uniform(0.02, 0.9)
            p = p.astype(np.float32)
            scores[video] = np.stack([p, 1 - p], axis=1)
            truth[video] = np.array(rows)
        inputs.append(scores)
        truths.append(truth)
    options = dict(
        protocol=protocol, proposals=['sweep'], convention=convention
    )

    merged, _ = evaluate_scores(
        merge_binary_scores(inputs),
        merge_binary_truth(truths),
        classes,
        **options,
    )

    own = {}
    for name, scores, truth in zip(classes, inputs, truths):
        own[name], _ = evaluate_scores(scores, truth, [name], **options)
        assert 0 < own[name]['sweep/mAP'] < 1
        for key, value in own[name].items():
            if key.endswith(f'/{name}'):
                assert merged[key] == value, key
    means = [own[name]['sweep/mAP@0.50'] for name in classes]
    assert merged['sweep/mAP@0.50'] == pytest.approx(np.mean(means))
