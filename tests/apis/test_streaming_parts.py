"""What a stream is made of, against the same on whole arrays."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from mmsnip.apis.streaming import (
    LiveResampler,
    LiveRuns,
    LiveSmoother,
    PoseMemory,
)
from mmsnip.evaluation import run_detections
from mmsnip.evaluation.segments import smooth_frames
from mmsnip.prepare.fit import resample
from mmsnip.structures import Recording


def pieces(T, seed):
    """Bounds that cut T frames into pieces of 0 to 6."""
    rng = np.random.default_rng(seed)
    bounds = [0]
    while bounds[-1] < T:
        bounds.append(min(T, bounds[-1] + int(rng.integers(7))))
    return list(itertools.pairwise(bounds))


def numbers(T=53, num_classes=3, seed=0):
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(T, num_classes + 1)).cumsum(axis=0)
    chance = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (chance / chance.sum(axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize('T', [1, 2, 53])
@pytest.mark.parametrize('step', [0.4, 25 / 30, 1.0, 1.2, 2.0, 7.3])
def test_live_resampling_is_that_of_the_whole_video(step, T):
    rng = np.random.default_rng(1)
    keypoint = rng.normal(size=(2, T, 5, 3)).astype(np.float32)
    keypoint[1, T // 3 : T // 2] = 0
    keypoint[0, T // 4 : T // 3, 2] = 0
    live = LiveResampler(step)

    found = [live.push(keypoint[:, a:b]) for a, b in pieces(T, 2) if a < b]
    found = np.concatenate(found, axis=1)

    whole = resample(Recording('a', keypoint, fps=30 * step), 30)
    np.testing.assert_allclose(found, whole.keypoint, rtol=0, atol=1e-5)
    assert live.num_read == T


@pytest.mark.parametrize('T', [1, 4, 53])
@pytest.mark.parametrize('size', [1, 3, 9])
def test_live_smoothing_is_that_of_the_whole_video(size, T):
    scores = numbers(T)
    live, found = LiveSmoother(size), []

    for a, b in pieces(T, 3):
        found.append(live.push(torch.from_numpy(scores[a:b])))
        assert live.num_final == max(b - size // 2, 0)
        assert len(live._rows) <= size
    found.append(live.push(torch.zeros(0, 4), closing=True))

    np.testing.assert_allclose(
        torch.cat(found), smooth_frames(scores, size), atol=1e-6
    )


def test_preview_of_smoothing_is_what_closing_would_give():
    scores = torch.from_numpy(numbers(20))
    live, other = LiveSmoother(7), LiveSmoother(7)
    live.push(scores[:12])
    other.push(scores[:12])

    preview = live.preview(scores[12:])

    torch.testing.assert_close(preview, other.push(scores[12:], closing=True))
    assert live.num_final == 9


def test_live_runs_are_those_of_all_scores():
    scores = numbers(200, seed=4)
    live, found = LiveRuns(3), []

    for a, b in pieces(200, 5):
        found += live.push(scores[a:b])
    found += live.close()

    rows = run_detections(scores)
    assert len(rows) > 3
    assert [run[:3] for run in found] == [
        tuple(row) for row in rows[:, :3].astype(int).tolist()
    ]
    np.testing.assert_allclose([run.score for run in found], rows[:, 3])
    assert live.open is None


def test_memory_keeps_first_and_last_poses_and_an_even_sample():
    T = 1000
    keypoint = np.zeros((2, T, 1, 1), np.float32)
    keypoint[0, :, 0, 0] = np.arange(1, T + 1)
    keypoint[1, 300:700, 0, 0] = -np.arange(300, 700)
    memory = PoseMemory(10)

    for a, b in pieces(T, 6):
        memory.add(keypoint[:, a:b])

    found = memory.frames()[..., 0, 0]
    assert found[:, 0].tolist() == [1, -300]
    assert found[:, -1].tolist() == [1000, -699]
    assert np.unique(np.diff(found[0, 1:-1])).tolist() == [128]
    assert 5 <= found.shape[1] - 2 <= 10


def test_memory_of_no_frames_still_keeps_first_and_last_poses():
    memory = PoseMemory(0)
    assert memory.frames() is None

    memory.add(np.arange(1, 31, dtype=np.float32).reshape(1, 5, 3, 2))

    assert memory.frames()[0, :, 0, 0].tolist() == [1, 25]
