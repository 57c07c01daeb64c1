from __future__ import annotations

import numpy as np
import pytest

from mmsnip.io.labels import VideoLabels, to_frames
from mmsnip.structures import DataError, seconds_of


def labels_of(segments, names=None, unit='s', **facts):
    segments = np.array(segments, np.float64).reshape(-1, 2)
    names = ['wave'] * len(segments) if names is None else names
    return VideoLabels('v', segments, names, unit, **facts)


@pytest.mark.parametrize('fps', [30, 29.97, 23.976, 120.0])
def test_whole_frames_written_as_seconds_come_back(fps):
    frames = np.arange(0, 5000).reshape(-1, 2)

    found, _, mended = to_frames(
        labels_of(seconds_of(frames, fps)), fps, 5000
    )

    np.testing.assert_array_equal(found, frames)
    assert found.dtype == np.int64
    assert mended == []


@pytest.mark.parametrize(
    ('segment', 'expected'),
    [
        ([0.26, 0.74], [3, 7]),  # 2.6 and 7.4 frames
        ([0.25, 0.75], [3, 8]),  # halves up
        ([0.0, 0.04], [0, 1]),  # the frame that holds the middle
        ([0.28, 0.33], [3, 4]),
    ],
)
def test_borders_go_to_the_nearest_one_and_a_frame_stays(segment, expected):
    found, _, _ = to_frames(labels_of([segment]), 10)

    assert found.tolist() == [expected]


def test_segments_that_touch_still_touch():
    rng = np.random.default_rng(0)
    times = np.cumsum(rng.uniform(0.2, 3, 40))  # all longer than a frame

    found, _, mended = to_frames(
        labels_of(np.stack([times[:-1], times[1:]], 1)), 12.5
    )

    np.testing.assert_array_equal(found[1:, 0], found[:-1, 1])
    assert mended == []


def test_what_lies_outside_is_cut_or_dropped_and_reported():
    found, names, mended = to_frames(
        labels_of([[1, 3], [4, 9], [8, 9]], ['a', 'b', 'c']), 2, 13
    )

    assert found.tolist() == [[2, 6], [8, 13]]
    assert names == ['a', 'b']
    assert mended == [
        "video 'v', 'b' frames 8 to 18: cut to frames 8 to 13",
        "video 'v', 'c' frames 16 to 18: dropped, it has no frame among "
        'the 13',
    ]


def test_a_segment_that_is_lengthened_is_reported():
    _, _, mended = to_frames(labels_of([[1.01, 1.02]]), 10)

    assert mended == [
        "video 'v', 'wave' frames 10 to 11: lengthened to this frame"
    ]


def test_frames_need_no_rate_and_other_lengths_are_reported():
    labels = labels_of([[2, 5]], unit='frames', num_frames=7)

    found, _, mended = to_frames(labels, num_frames=9)

    assert found.tolist() == [[2, 5]]
    assert mended == [
        "video 'v': labels of 7 frames, 9 are recorded; what is beyond is "
        'background, or cut off'
    ]


def test_the_rate_of_the_file_is_taken_where_none_is_given():
    labels = labels_of([[1, 2]], fps=4.0)

    assert to_frames(labels)[0].tolist() == [[4, 8]]
    assert to_frames(labels, fps=2)[0].tolist() == [[2, 4]]


def test_one_label_settles_overlaps_by_the_order_of_the_classes():
    labels = labels_of([[0, 9], [0, 9], [2, 4]], ['b', 'a', 'b'], 'frames')

    kept = to_frames(labels)
    alphabet = to_frames(labels, overlaps='one-label')
    given = to_frames(labels, overlaps='one-label', classes=['b', 'a'])

    assert kept[0].tolist() == [[0, 9], [0, 9], [2, 4]]
    assert alphabet[0].tolist() == [[0, 2], [2, 4], [4, 9]]
    assert alphabet[1] == ['a', 'b', 'a']
    assert alphabet[2] == ["video 'v': 'one-label' made 3 segments of 3"]
    assert given[0].tolist() == [[0, 9]]
    assert alphabet[0].dtype == np.int64


def test_one_label_of_segments_apart_changes_and_reports_nothing():
    labels = labels_of([[5, 7], [0, 2]], ['a', 'b'], 'frames')

    found, names, mended = to_frames(labels, overlaps='one-label')

    assert found.tolist() == [[0, 2], [5, 7]]
    assert names == ['b', 'a']
    assert mended == []


@pytest.mark.parametrize('overlaps', ['keep', 'one-label'])
def test_no_segment_gives_no_frames(overlaps):
    found, names, mended = to_frames(labels_of([]), 30, 13, overlaps)

    assert found.shape == (0, 2)
    assert (found.dtype, names, mended) == (np.int64, [], [])


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(), "video 'v' are in seconds; pass fps="),
        (dict(fps=0), 'fps=0 must be a positive'),
        (dict(fps=1e300), 'fps=1e.300 must be a positive'),
        (dict(fps=30, num_frames=0), 'num_frames=0 must be at least 1'),
        (dict(fps=30, overlaps='last'), "overlaps='last' is unknown"),
        (
            dict(fps=30, overlaps='one-label', classes=['sit']),
            "has 'wave', which is none of the classes",
        ),
    ],
)
def test_arguments_that_do_not_fit_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        to_frames(labels_of([[1, 2]]), **arguments)


@pytest.mark.parametrize(
    ('labelled', 'recorded', 'cause'),
    [
        (30, 60, r'1/2 of the frame rate'),
        (121, 60, r'at 2 of the frame rate'),
        (12, 600, r'1/50 of the frame rate'),
        (60, 90, 'another recording'),
        (66, 60, 'another recording'),
    ],
)
def test_frame_labels_of_another_length_are_refused(labelled, recorded, cause):
    labels = VideoLabels(
        'take', np.array([[0.0, 9]]), ['a'], 'frames', num_frames=labelled
    )

    with pytest.raises(DataError, match=rf'labels of {labelled}.*{cause}'):
        to_frames(labels, num_frames=recorded)
