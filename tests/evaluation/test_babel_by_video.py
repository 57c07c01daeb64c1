from __future__ import annotations

import numpy as np
import pytest

from mmsnip.evaluation import sweep
from mmsnip.evaluation.babel import (
    babel_detections,
    babel_detections_by_video,
)


def frame_scores(T, seed, num_classes=3, dtype=np.float32):
    rng = np.random.default_rng(seed)
    walk = np.exp(0.7 * rng.normal(size=(T, num_classes + 1)).cumsum(axis=0))
    return (walk / walk.sum(axis=1, keepdims=True)).astype(dtype)


@pytest.mark.parametrize('convention', ['official', 'clean'])
@pytest.mark.parametrize('block_frames', [1, 200, 10_000])
def test_a_video_gets_the_same_bits_alone_and_among_others(
    convention, block_frames, monkeypatch
):
    monkeypatch.setattr(sweep, 'BLOCK_FRAMES', block_frames)
    scores = {
        f'v{T}_{seed}': frame_scores(T, seed)
        for seed in range(3)
        for T in (97, 5, 41, 2, 0)
    }

    found = babel_detections_by_video(scores, convention=convention)

    assert list(found) == list(scores)
    for video, array in scores.items():
        alone = babel_detections(array, convention=convention)
        np.testing.assert_array_equal(found[video], alone)


def test_a_swept_video_ends_where_it_ends():
    # the run reaches the last frame of the shorter video only
    short, long = np.full((7, 2), 0.5), np.full((29, 2), [0.0, 1.0])
    found = babel_detections_by_video({'a': short, 'b': long})
    assert found['a'].tolist() == [[0.0, 0.0, 8.0, 0.5]]
    assert not len(found['b'])


def test_videos_of_other_types_and_widths_are_swept_by_themselves():
    scores = {
        'a': frame_scores(31, 0),
        'b': frame_scores(31, 1, dtype=np.float64),
        'c': frame_scores(31, 2, num_classes=2),
    }
    found = babel_detections_by_video(scores)
    for video, array in scores.items():
        np.testing.assert_array_equal(found[video], babel_detections(array))


def test_no_videos_give_no_detections():
    assert babel_detections_by_video({}) == {}


def test_a_malformed_video_is_named():
    scores = {'a': frame_scores(9, 0), 'b': np.zeros(5)}
    with pytest.raises(ValueError, match=r"video 'b': scores has shape \(5,"):
        babel_detections_by_video(scores)
    with pytest.raises(ValueError, match="convention='paper' is unknown"):
        babel_detections_by_video({}, convention='paper')
