"""Labels of any kind: what is read, mended, and put to frames."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmsnip.io.labels import (
    LABEL_READERS,
    VideoLabels,
    read_labels,
    to_frames,
)
from mmsnip.io.labels.elan import save_elan
from mmsnip.io.labels.label_set import LabelRow, build_label_set
from mmsnip.structures import DataError, seconds_of
from tests.io.label_text import check_label_set, labels_or_refuse, mutated

FPS = 20.0


@pytest.fixture
def folder(tmp_path):
    """The same two segments of video 'v' in every format."""
    (tmp_path / 'a.csv').write_text('v,take,0.1,0.2\nv,pour,0.2,0.35\n')
    (tmp_path / 'a.tsv').write_text(
        'video\tlabel\tstart_frame\tend_frame\nv\ttake\t2\t4\nv\tpour\t4\t7\n'
    )
    segments = [('take', 0.1, 0.2), ('pour', 0.2, 0.35)]
    annotations = [dict(label=n, segment=s) for n, *s in segments]
    (tmp_path / 'a.json').write_text(
        json.dumps(dict(database=dict(v=dict(annotations=annotations))))
    )
    frames = ['background'] * 2 + ['take'] * 2 + ['pour'] * 3
    (tmp_path / 'text').mkdir()
    (tmp_path / 'text' / 'v.txt').write_text('\n'.join(frames))
    save_elan(
        tmp_path / 'elan' / 'v.eaf',
        np.array([[0, 2, 4], [1, 4, 7]]),
        ['take', 'pour'],
        FPS,
    )
    return tmp_path


@pytest.mark.parametrize(
    ('name', 'options'),
    [
        ('a.csv', dict(unit='s')),
        ('a.tsv', {}),
        ('a.json', {}),
        ('text', {}),
        ('text/v.txt', {}),
        ('elan', {}),
        ('elan/v.eaf', dict(tiers='action')),
    ],
)
def test_every_format_says_the_same(folder, name, options):
    labels = read_labels(folder / name, **options)

    assert list(labels.videos) == ['v']
    assert labels.classes == ['take', 'pour']
    segments, names, mended = to_frames(labels.videos['v'], FPS, 7)
    assert segments.tolist() == [[2, 4], [4, 7]]
    assert names == ['take', 'pour']
    assert labels.mended + mended == []


def test_a_kind_goes_before_the_ending(folder):
    (folder / 'a.csv').rename(folder / 'a.dat')

    labels = read_labels(folder / 'a.dat', 'table', unit='s')

    assert list(labels.videos) == ['v']
    with pytest.raises(DataError, match=r"ends in '\.dat'; expected one of"):
        read_labels(folder / 'a.dat')
    with pytest.raises(ValueError, match="kind='csv' is unknown; use one of"):
        read_labels(folder / 'a.dat', 'csv')


def test_a_folder_of_two_kinds_or_none_is_refused(folder):
    (folder / 'empty').mkdir()
    (folder / 'elan' / 'notes.txt').write_text('x')

    with pytest.raises(DataError, match=r'holds neither'):
        read_labels(folder / 'empty')
    with pytest.raises(DataError, match="name it, 'elan' or 'frames'"):
        read_labels(folder / 'elan')


@pytest.mark.parametrize('kind', sorted(LABEL_READERS))
def test_a_missing_file_is_named(tmp_path, kind):
    with pytest.raises(FileNotFoundError, match='none: there is no such'):
        read_labels(tmp_path / 'none', kind)


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

    facts = dict(c=dict(fps=3.0))
    free = build_label_set({**videos, 'c': []}, 's', 'x', facts=facts)
    given = build_label_set(videos, 's', 'x', ['stand', 'sit', 'wave'])

    assert free.classes == ['wave', 'sit']
    assert list(free.videos) == ['b', 'a', 'c']
    assert free.videos['c'].segments.shape == (0, 2)
    assert free.videos['c'].fps == 3.0
    with pytest.raises(DataError, match='x has no video'):
        build_label_set({}, 's', 'x')
    assert given.classes == ['stand', 'sit', 'wave']


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


def labels_of(segments, names=None, unit='s', **facts):
    segments = np.array(segments, np.float64).reshape(-1, 2)
    names = ['wave'] * len(segments) if names is None else names
    return VideoLabels('v', segments, names, unit, **facts)


@pytest.mark.parametrize('fps', [30, 29.97, 23.976, 120.0])
def test_whole_frames_written_as_seconds_come_back(fps):
    frames = np.arange(0, 5000).reshape(-1, 2)

    found, _, mended = to_frames(labels_of(seconds_of(frames, fps)), fps, 5000)

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
    found, _, mended = to_frames(labels_of([segment]), 10)

    assert found.tolist() == [expected]
    assert len(mended) == (expected[1] - expected[0] == 1)
    # The file's own rate, where none is given.
    again, _, _ = to_frames(labels_of([segment], fps=10.0))
    assert again.tolist() == [expected]
    assert to_frames(labels_of([[1, 2]], fps=4.0), 2)[0].tolist() == [[2, 4]]


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
        (7, 9, None),  # a few frames are told
        (30, 60, r'1/2 of the frame rate'),
        (121, 60, r'at 2 of the frame rate'),
        (12, 600, r'1/50 of the frame rate'),
        (60, 90, 'another recording'),
        (66, 60, 'another recording'),
    ],
)
def test_frame_labels_of_another_length_are_refused(labelled, recorded, cause):
    labels = VideoLabels(
        'take', np.array([[2.0, 5]]), ['a'], 'frames', num_frames=labelled
    )
    if cause is None:
        found, _, mended = to_frames(labels, num_frames=recorded)
        assert found.tolist() == [[2, 5]]
        assert 'labels of 7 frames, 9 are recorded' in mended[0]
        return
    with pytest.raises(DataError, match=rf'labels of {labelled}.*{cause}'):
        to_frames(labels, num_frames=recorded)


TABLE = 'video,label,start_s,end_s,split\nv1,wave,0.5,2,train\nv2,,,,val\n'
EVENTS = (
    'Time\tMedia file path\tSubject\tBehavior\tStatus\n1.5\tC:\\a\\x.mp4\t'
    'hen\tpeck\tSTART\n2.5\tC:\\a\\x.mp4\then\tpeck\tSTOP\n'
)
DATABASE = json.dumps(
    {
        'database': {
            'v_b': {
                'subset': 'training',
                'duration': 12.5,
                'annotations': [
                    {'segment': [1.5, 4], 'label': 'Long jump'},
                    {'segment': ['6', 13.0], 'label': 'Archery'},
                ],
            },
            'v_a': {'subset': 'Validation', 'annotations': []},
        }
    }
)
EAF = (
    '<ANNOTATION_DOCUMENT>\n<TIME_ORDER>\n'
    '<TIME_SLOT TIME_SLOT_ID="t1" TIME_VALUE="0"/>\n'
    '<TIME_SLOT TIME_SLOT_ID="t2"/>\n'
    '<TIME_SLOT TIME_SLOT_ID="t3" TIME_VALUE="90"/>\n</TIME_ORDER>\n'
    '<TIER TIER_ID="x" LINGUISTIC_TYPE_REF="y">\n'
    '<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a" '
    'TIME_SLOT_REF1="t1" TIME_SLOT_REF2="t2"><ANNOTATION_VALUE>wave'
    '</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>\n'
    '<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="b" '
    'TIME_SLOT_REF1="t2" TIME_SLOT_REF2="t3"><ANNOTATION_VALUE>sit'
    '</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>\n'
    '<ANNOTATION><REF_ANNOTATION ANNOTATION_ID="c" ANNOTATION_REF="a">'
    '<ANNOTATION_VALUE>fast</ANNOTATION_VALUE></REF_ANNOTATION>'
    '</ANNOTATION>\n</TIER>\n</ANNOTATION_DOCUMENT>'
)
FRAMES = 'background\ntake\ntake\npour\npour\npour\nbackground\n'
GOOD = {
    'a.csv': TABLE,
    'a.tsv': EVENTS,
    'a.json': DATABASE,
    'a.eaf': EAF,
    'a.txt': FRAMES,
}


@pytest.mark.parametrize('name', GOOD)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_bytes_give_labels_or_our_own_error(name, data):
    text = GOOD[name]
    assert labels_or_refuse(read_labels, text.encode(), name) is not None
    parts = [mutated(text, sign) for sign in (b'\n', b' ', b'"', b',')]
    content = data.draw(st.one_of(st.binary(max_size=80), *parts))
    labels_or_refuse(read_labels, content, name)
