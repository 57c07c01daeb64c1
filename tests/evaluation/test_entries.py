from __future__ import annotations

import numpy as np
import pytest
import torch

from mmsnip.evaluation.entries import each_video_once, video_entry


def sample(**changes):
    scores = torch.full((13, 4), 0.25)
    base = dict(
        frame_dir='v1',
        pred_frame_scores=scores,
        segments=np.array([[2, 5], [7, 13]]),
        segment_labels=np.array([0, 2]),
        total_frames=13,
        fps=25.0,
    )
    return {**base, **changes}


def test_entry_holds_truth_and_scores_as_numpy():
    entry = video_entry(sample(segments=torch.tensor([[2, 5], [7, 13]])))

    assert entry['scores'].dtype == np.float32
    assert entry['segments'].tolist() == [[0, 2, 5], [2, 7, 13]]
    assert entry['fps'] == 25.0


def test_entry_reads_half_precision_scores():
    scores = torch.full((13, 4), 0.25, dtype=torch.bfloat16)

    entry = video_entry(sample(pred_frame_scores=scores))

    assert entry['scores'].dtype == np.float32


@pytest.mark.parametrize('segments', [[], np.zeros((0, 2)), torch.empty(0, 2)])
def test_entry_of_a_video_without_actions_has_no_segments(segments):
    entry = video_entry(sample(segments=segments, segment_labels=[]))

    assert entry['segments'].shape == (0, 3)


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'pred_frame_scores': None}, "'v1' lacks 'pred_frame_scores'"),
        ({'segments': None}, "'v1' lacks 'segments'"),
        ({'total_frames': 14}, "'v1' has 13 scored frames, .* is 14"),
        ({'segment_labels': [0]}, "'v1' has segments of shape"),
        ({'segment_labels': [0, 3]}, r"'v1', segment 1 is label 3.*0\.\.2"),
        ({'segments': [[2, 5], [7, 14]]}, "'v1', segment 1"),
        ({'segments': [[5, 5], [7, 13]]}, "'v1', segment 0"),
        (
            {'pred_frame_scores': torch.full((13, 4), float('nan'))},
            "'v1': scores.0, 0. is nan",
        ),
    ],
)
def test_entry_refuses_a_malformed_sample_and_names_it(changes, message):
    with pytest.raises(ValueError, match=message):
        video_entry(sample(**changes))


def test_entry_refuses_a_sample_without_a_name():
    with pytest.raises(ValueError, match="lacks 'frame_dir'"):
        video_entry(sample(frame_dir=None))


def test_entry_without_frame_rate_is_refused_where_one_is_needed():
    unknown = sample(fps=None)

    assert video_entry(unknown)['fps'] is None
    assert video_entry(unknown, 30, needs_fps=True)['fps'] == 30.0
    with pytest.raises(ValueError, match="'v1' has no 'fps'"):
        video_entry(unknown, needs_fps=True)


def test_each_video_counts_once_and_the_first_entry_stays():
    again = sample(pred_frame_scores=torch.full((13, 4), 0.3))
    entries = [
        video_entry(sample(frame_dir='v2')),
        video_entry(sample()),
        video_entry(again),
    ]

    videos = each_video_once(entries)

    assert list(videos) == ['v1', 'v2']
    assert videos['v1']['scores'][0, 0] == 0.25


@pytest.mark.parametrize(
    'changes',
    [
        {'frame_index': torch.arange(5, 18)},
        {'segments': [[2, 6], [7, 13]]},
        {'segments': [[2, 5]], 'segment_labels': [0]},
    ],
)
def test_windows_under_one_name_are_refused(changes):
    entries = [video_entry(sample()), video_entry(sample(**changes))]

    with pytest.raises(ValueError, match="'v1' came twice with different"):
        each_video_once(entries)
