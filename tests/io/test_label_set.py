from __future__ import annotations

import numpy as np
import pytest

from mmsnip.io.labels.label_set import LabelRow, build_label_set
from mmsnip.structures import DataError
from tests.io.label_text import check_label_set


def rows_of(*rows):
    return [LabelRow(*row, f'line {line}') for line, row in enumerate(rows, 2)]


def test_rows_are_mended_and_each_is_reported():
    rows = rows_of(
        ('wave', 4.5, 2.0),
        ('sit', 7, 7),
        ('sit', -3, -1),
        ('sit', -1, 1.5),
        ('wave', 2, 4.5),
    )

    labels = build_label_set(dict(a=rows), 's', 'x.csv')

    check_label_set(labels)
    assert labels.videos['a'].segments.tolist() == [[2, 4.5], [0, 1.5]]
    assert labels.videos['a'].names == ['wave', 'sit']
    assert labels.mended == [
        "line 2: video 'a', 'wave' 4.5 to 2 s: start and end are swapped",
        "line 3: video 'a', 'sit' 7 to 7 s: dropped, it has no length",
        "line 4: video 'a', 'sit' -3 to -1 s: dropped, it ends before the "
        'recording',
        "line 5: video 'a', 'sit' -1 to 1.5 s: cut to start at 0",
        "line 6: video 'a', 'wave' 2 to 4.5 s: dropped, it repeats line 2",
    ]


def test_overlaps_stay_and_are_reported_with_video_and_times():
    rows = rows_of(('a', 0, 9), ('b', 2, 4), ('a', 3, 5), ('b', 9, 11))

    labels = build_label_set(dict(v=rows), 'frames', 'x.csv')

    assert len(labels.videos['v'].names) == 4
    assert labels.mended == [
        "video 'v', 'b' 2 to 4 frames: overlaps 'a' 0 to 9 frames",
        "video 'v', 'a' 3 to 5 frames: overlaps 'a' 0 to 9 frames",
    ]


def test_classes_come_by_first_appearance_or_in_the_given_order():
    videos = dict(
        b=rows_of(('wave', 0, 1)), a=rows_of(('sit', 0, 1), ('wave', 1, 2))
    )

    free = build_label_set(videos, 's', 'x')
    given = build_label_set(videos, 's', 'x', ['stand', 'sit', 'wave'])

    assert free.classes == ['wave', 'sit']
    assert list(free.videos) == ['b', 'a']
    assert given.classes == ['stand', 'sit', 'wave']


def test_a_video_without_a_row_stays():
    labels = build_label_set(dict(v=[]), 's', 'x', facts=dict(v=dict(fps=3.0)))

    assert labels.videos['v'].segments.shape == (0, 2)
    assert labels.videos['v'].fps == 3.0


@pytest.mark.parametrize(
    ('row', 'message'),
    [
        (('a', np.nan, 1), r'x.csv, line 2: the times nan and 1 are not fin'),
        (('a', 0, 2e9), r'x.csv, line 2: the times 0 and'),
        ((' ', 0, 1), r"x.csv, line 2: ' ' is no label"),
        (('a\x07', 0, 1), r"line 2: 'a\\x07' is no label"),
    ],
)
def test_a_row_that_cannot_be_mended_is_refused(row, message):
    with pytest.raises(DataError, match=message):
        build_label_set(dict(v=rows_of(row)), 's', 'x.csv')


def test_labels_of_no_video_are_refused():
    with pytest.raises(DataError, match=r'x\.csv has no video'):
        build_label_set({}, 's', 'x.csv')
