"""PKU-MMD's protocol and VOC's numbers against the official code."""

from __future__ import annotations

import numpy as np
import pytest

from mmsnip.evaluation import (
    evaluate_pkummd,
    evaluate_voc,
    pkummd_detections,
    smooth_scores,
)
from tests.evaluation.slow_oracles import mean_ap, random_videos
from tests.parity import SEEDS

NUM_VIDEOS, NUM_CLASSES = 10, 51
THETAS = (0.1, 0.3, 0.5)


def by_video(rows):
    """Rows of video, label (from 1), .. -> {video: label (from 0), ..}."""
    videos = {}
    for v in range(NUM_VIDEOS):
        own = rows[rows[:, 0] == v][:, 1:].copy()
        own[:, 0] -= 1
        videos[f'{v:04d}-L'] = own
    return videos


def parity_of_numbers(golden, parity):
    found, truth = by_video(golden['det']), by_video(golden['gt'])
    total = sum(map(len, found.values())) + sum(map(len, truth.values()))
    for theta in THETAS:
        name, case = f'theta{theta}', f'theta {theta}'
        report = evaluate_pkummd(found, truth, NUM_CLASSES, theta)
        mine = {
            key: report[key] for key in ('F1', 'AP', 'mAP_action', 'mAP_video')
        }
        mine['AP_class'] = [
            report[f'AP@{theta:.2f}/{c}'] for c in range(NUM_CLASSES)
        ]
        mine['AP_video'] = [
            evaluate_pkummd({v: found[v]}, {v: truth[v]}, NUM_CLASSES, theta)[
                'AP'
            ]
            for v in sorted(found)
        ]
        mine['positive'] = report['F1'] * total / 2
        mine['n_prop'] = sum(map(len, found.values()))
        mine['n_gt'] = sum(map(len, truth.values()))
        for key, value in mine.items():
            parity.close(case, value, golden[f'{name}/{key}'], 1e-9, key)
        assert report[f'mAP@{theta:.2f}'] == report['mAP_action']
        parity.close('2D-AP', report['2DAP'], golden['2DAP'], 1e-9, '2DAP')
    curve = [
        evaluate_pkummd(found, truth, NUM_CLASSES, (r + 1) * 0.05)['AP']
        for r in range(20)
    ]
    parity.close('2D-AP', curve, golden['AP_theta'], 1e-9, 'AP_theta')


def parity_of_segments(golden, cases, parity):
    for i in cases:
        scores = golden[f'seg/{i}/scores']
        for k in (5, 10):
            at = f'seg/{i}/smoothed_k{k}'
            found = smooth_scores(scores, k)
            parity.close('smoothing', found, golden[at], 1e-9, at)
        ours = np.roll(scores, -1, axis=1)  # background last
        for name, half_width, limit in (
            ('smoothed', 10, 1e-9),
            ('raw', 0, 1e-6),  # officially a float32 mean
        ):
            at = f'seg/{i}/segments_{name}'
            found = pkummd_detections(ours, half_width=half_width)
            official = golden[at] - [1, 0, 0, 0]
            case = f'segments, {name}'
            parity.close(case, found[:, :3], official[:, :3], 0.0, at)
            case = f'confidence, {name}'
            parity.close(case, found[:, 3], official[:, 3], limit, at)


@pytest.mark.parity
def test_pkummd_protocol_gives_the_committed_official_numbers(
    golden_dir, parity
):
    golden = np.load(golden_dir / 'pkummd_s0.npz')
    parity_of_numbers(golden, parity)
    parity_of_segments(golden, (1, 2, 3), parity)


@pytest.mark.parity
@pytest.mark.parametrize('seed', SEEDS['pkummd'])
def test_pkummd_protocol_gives_the_official_numbers(
    reference_dir, seed, parity
):
    golden = np.load(reference_dir / f'pkummd_s{seed}.npz')
    parity_of_numbers(golden, parity)
    parity_of_segments(golden, (0, 1, 2, 3), parity)


def slow_official_ap(found, truth, theta):
    """Drops one detection after another; rows as in the golden files.

    found: (video, label, start, end, score); truth: (video, label, start,
    end).
    """
    found = sorted(found, key=lambda row: row[4])
    match = []
    for v, c, s, e, _ in found:
        best, best_overlap = None, theta
        for g, (v2, c2, s2, e2) in enumerate(truth):
            if (v, c) != (v2, c2):
                continue
            overlap = (min(e, e2) - max(s, s2)) / (max(e, e2) - min(s, s2))
            if overlap >= best_overlap:
                best, best_overlap = g, overlap
        match.append(best)

    def state(first):
        kept = match[first:]
        if not kept:
            return 0.0, 0.0
        hits = len({g for g in kept if g is not None})
        return hits / len(kept), hits / len(truth)

    envelope, recall = state(0)
    area = 0.0
    for k, g in enumerate(match):
        if g is None:
            continue
        precision, lower = state(k + 1)
        envelope = max(envelope, precision)
        area += envelope * (recall - lower)
        recall = lower
    return area


@pytest.mark.parametrize('seed', range(5))
def test_evaluate_pkummd_drops_detections_as_the_loop_does(seed):
    detections, truth = random_videos(seed, num_classes=3)
    names = sorted(truth)
    found_rows = [(v, *row) for v in names for row in detections[v]]
    truth_rows = [(v, *row) for v in names for row in truth[v]]

    report = evaluate_pkummd(detections, truth, 3, theta=0.4)

    assert report['AP'] == pytest.approx(
        slow_official_ap(found_rows, truth_rows, 0.4), abs=1e-12
    )
    per_video = [
        slow_official_ap(
            [row for row in found_rows if row[0] == v],
            [row for row in truth_rows if row[0] == v],
            0.4,
        )
        for v in names
        if len(truth[v])
    ]
    assert report['mAP_video'] == pytest.approx(np.mean(per_video), abs=1e-12)


def test_clean_pkummd_is_plain_average_precision():
    detections, truth = random_videos(2, num_classes=3)

    report = evaluate_pkummd(detections, truth, 3, 0.5, convention='clean')

    expected = mean_ap(
        detections,
        truth,
        3,
        0.5,
        frames_of=lambda interval, _: {*range(*map(int, interval))},
    )
    assert report['mAP_action'] == pytest.approx(np.mean(expected))


def test_a_class_without_truth_counts_zero_officially_and_not_cleanly():
    found, truth = {'a': [[0, 0, 9, 1.0]]}, {'a': [[0, 0, 9]]}

    official = evaluate_pkummd(found, truth, 4)
    clean = evaluate_pkummd(found, truth, 4, convention='clean')

    assert (official['mAP_action'], clean['mAP_action']) == (0.25, 1.0)
    assert official['AP@0.50/3'] == 0.0
    assert np.isnan(clean['AP@0.50/3'])


@pytest.mark.parametrize('convention', ['official', 'clean'])
def test_empty_cases_of_evaluate_pkummd_are_named(convention):
    truth = {'a': [[0, 0, 9]], 'b': []}

    nothing_found = evaluate_pkummd({}, truth, 2, convention=convention)
    nothing_there = evaluate_pkummd(
        {'b': [[0, 0, 9, 1.0]]}, {'b': []}, 2, convention=convention
    )

    keys = ('mAP_action', 'mAP_video', 'AP', '2DAP', 'F1')
    assert [nothing_found[key] for key in keys] == [0.0] * 5
    assert all(np.isnan(nothing_there[key]) for key in keys)


@pytest.mark.parametrize('convention', ['official', 'clean'])
@pytest.mark.parametrize('T', [1, 2, 7, 23])
@pytest.mark.parametrize('k', [0, 1, 4, 30])
def test_smooth_scores_average_the_written_windows(T, k, convention):
    scores = np.random.default_rng(T).random((T, 3))

    smooth = smooth_scores(scores, k, convention)

    for i in range(T):
        if convention == 'official':
            end = i + k if i + k < T else T - 1
        else:
            end = min(i + k + 1, T)
        window = scores[max(0, i - k) : end]
        if k == 0 or T == 1:
            window = scores[i : i + 1]
        np.testing.assert_allclose(smooth[i], window.mean(axis=0), atol=1e-12)


@pytest.mark.parametrize('T', [0, 1, 5])
def test_pkummd_detections_of_background_alone_are_none(T):
    assert pkummd_detections(np.eye(4)[[3] * T]).shape == (0, 4)


def voc_parity(golden, parity):
    found, truth = by_video(golden['det']), by_video(golden['gt'])
    report = evaluate_voc(found, truth, NUM_CLASSES, THETAS)
    for theta in THETAS:
        name, key = f'voc{theta}', f'@{theta:.2f}'
        labels = golden[f'{name}/classes']
        ap = [report[f'AP{key}/{c - 1}'] for c in labels]
        # officially float32
        at = f'{name}/ap'
        parity.close('VOC', ap, golden[at], 1e-6, at)
        at = f'{name}/map'
        parity.close('VOC', report[f'mAP{key}'], golden[at], 1e-6, at)


@pytest.mark.parity
def test_voc_gives_the_committed_official_numbers(golden_dir, parity):
    voc_parity(np.load(golden_dir / 'pkummd_s0.npz'), parity)


@pytest.mark.parity
@pytest.mark.parametrize('seed', SEEDS['pkummd'])
def test_voc_gives_the_official_numbers(reference_dir, seed, parity):
    voc_parity(np.load(reference_dir / f'pkummd_s{seed}.npz'), parity)
