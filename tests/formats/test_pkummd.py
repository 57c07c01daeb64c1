from __future__ import annotations

import numpy as np
import pytest

from mmsnip.io.formats.pkummd import PKUMMD_CLASSES, read_pkummd_labels
from mmsnip.structures import DataError
from tests.formats.pkummd_text import label_text, skeleton_text
from tests.formats.readers import read_pkummd


@pytest.fixture
def write(tmp_path):
    def write_text(text, name='0002-L.txt'):
        path = tmp_path / name
        content = text if isinstance(text, bytes) else text.encode()
        path.write_bytes(content)
        return path

    return write_text


@pytest.fixture
def keypoint():
    """M=2, T=7; person 1 comes in frame 3."""
    x = np.random.default_rng(0).normal(size=(2, 7, 25, 3)).round(6)
    x[1, :3] = 0
    return x


@pytest.mark.parametrize(
    'style',
    [
        dict(delimiter=','),
        dict(delimiter=', '),
        dict(delimiter='\t'),
        dict(delimiter='  '),
        dict(newline=' \r\n'),
        dict(newline=',\n'),
    ],
    ids=str,
)
def test_delimiters_and_line_ends_do_not_matter(write, keypoint, style):
    read, _ = read_pkummd(write(skeleton_text(keypoint, **style) + '\n\n'))

    np.testing.assert_array_equal(read, keypoint.astype(np.float32))


def test_a_person_who_is_never_seen_is_left_out(write, keypoint):
    alone, metadata = read_pkummd(write(skeleton_text(keypoint[:1])))

    assert alone.shape == (1, 7, 25, 3)
    assert metadata['track_ids'] == ['0']
    second, metadata = read_pkummd(
        write(skeleton_text(keypoint * [[[[0]]], [[[1]]]]))
    )
    assert metadata['track_ids'] == ['1']
    assert metadata['mended'] == [
        'person 0 is never seen; person 1 comes first'
    ]
    np.testing.assert_array_equal(second[0], keypoint[1].astype(np.float32))


@pytest.mark.parametrize(
    ('row', 'message'),
    [
        ('1 2 3', r'line 3: found 3 values, expected 150'),
        ('', r'line 3: found 0 values, expected 150'),
        (' '.join(['1'] * 149 + ['x']), r"line 3: value 149 is 'x'"),
        (' '.join(['nan'] * 150), "line 3: value 0 is 'nan'"),
        (' '.join(['1e39'] * 150), 'holds infinity'),
        (';'.join(['1'] * 150), r'line 3: found 1 values, expected 150'),
    ],
)
def test_a_broken_row_is_refused_by_line(write, keypoint, row, message):
    lines = skeleton_text(keypoint).split('\n')
    lines[2] = row

    with pytest.raises(DataError, match=message):
        read_pkummd(write('\n'.join(lines)))


def test_a_file_without_a_body_is_refused(write, keypoint):
    with pytest.raises(DataError, match='no body in any of its 7 frames'):
        read_pkummd(write(skeleton_text(0 * keypoint)))


def test_labels_are_half_open_segments_and_classes_from_zero(write):
    rows = [(51, 0, 40), (1, 30, 77)]

    segments, labels, mended = read_pkummd_labels(write(label_text(rows)), 77)

    assert segments.tolist() == [[0, 40], [30, 77]]
    assert labels.tolist() == [50, 0]
    assert segments.dtype == labels.dtype == np.int64
    assert mended == []
    assert PKUMMD_CLASSES[labels[0]] == 'writing'
    assert len(set(PKUMMD_CLASSES)) == 51


@pytest.mark.parametrize(
    'style', [dict(delimiter=' '), dict(delimiter=', '), dict(confidence=None)]
)
def test_label_rows_may_be_written_otherwise(write, style):
    text = label_text([(7, 3, 9)], **style) + '\r\n\n'

    segments, labels, _ = read_pkummd_labels(write(text))

    assert (segments.tolist(), labels.tolist()) == ([[3, 9]], [6])


def test_labels_are_mended_and_each_mended_row_is_reported(write):
    rows = [
        *((5, 80, 20), (5, 20, 80), (6, -4, 9), (6, 90, 130)),
        *((7, 40, 40), (7, 100, 120), (8, 1, 2)),
    ]

    segments, labels, mended = read_pkummd_labels(write(label_text(rows)), 100)

    assert segments.tolist() == [[20, 80], [0, 9], [90, 100], [1, 2]]
    assert labels.tolist() == [4, 5, 5, 7]
    assert mended == [
        'line 1 (label 5, frames 80 to 20): start and end are swapped',
        'line 2 (label 5, frames 20 to 80): dropped, it repeats line 1',
        'line 3 (label 6, frames -4 to 9): cut to frames 0 to 9',
        'line 4 (label 6, frames 90 to 130): cut to frames 90 to 100',
        'line 5 (label 7, frames 40 to 40): dropped, it has no frame among '
        'the 100',
        'line 6 (label 7, frames 100 to 120): dropped, it has no frame among '
        'the 100',
    ]


def test_labels_without_a_length_are_cut_at_zero_only(write):
    text = label_text([(6, -4, 9), (6, 90, 130)])

    segments, _, mended = read_pkummd_labels(write(text))

    assert segments.tolist() == [[0, 9], [90, 130]]
    assert len(mended) == 1


@pytest.mark.parametrize(
    ('line', 'message'),
    [
        ('52,1,2,1', 'line 2: found '),
        ('0,1,2,1', 'line 2: found '),
        ('3,1', 'line 2: found '),
        ('3,1,2,1,1', 'line 2: found '),
        ('3,1.5,2,1', 'line 2: found '),
        ('3,1,nan,1', 'line 2: found '),
        ('3,1,1e300,1', 'line 2: found '),
        ('wave,1,2,1', 'line 2: found '),
    ],
)
def test_a_broken_label_row_is_refused_by_line(write, line, message):
    with pytest.raises(DataError, match=message):
        read_pkummd_labels(write(f'1,2,3,1\n{line}\n'))
