"""The three carriers check themselves once, and say what is wrong where."""

import numpy as np
import pytest

from mmsnip.structures import (
    DataError,
    Recording,
    Scores,
    Segments,
    frames_of,
    seconds_of,
)
from mmsnip.structures.files import check_size, draft_of, read_json, safe_name


def bodies(M=2, T=13, V=5, C=3):
    return np.random.default_rng(0).normal(size=(M, T, V, C)) + 5


def test_recording_of_one_person_gets_its_axis_and_a_track():
    recording = Recording('walk', bodies()[0])

    assert recording.keypoint.shape == (1, 13, 5, 3)
    assert recording.keypoint.dtype == np.float32
    assert recording.tracks == ('0',)
    assert recording.fps is None


def test_nan_is_a_lost_joint_and_its_coordinates_are_zero():
    x = bodies()
    x[1, 4, 2, 0] = np.nan
    recording = Recording('walk', x)

    assert not recording.present[1, 4, 2]
    assert recording.present.sum() == 2 * 13 * 5 - 1
    assert (recording.keypoint[1, 4, 2] == 0).all()


def test_a_joint_at_zero_is_lost_unless_it_is_the_origin():
    x = bodies()
    x[0, 3:6, 1] = 0  # lost in three frames
    x[1, :, 2] = 0  # the origin of a centred body
    x[1, 9:] = 0  # who has left
    present = Recording('walk', x).present

    assert present[0, :, 1].tolist() == [True] * 3 + [False] * 3 + [True] * 7
    assert present[1, :9].all()
    assert not present[1, 9:].any()


def test_a_score_tells_a_joint_at_the_origin_from_a_lost_one():
    x = bodies(M=1)
    x[0, 3:5, 1] = 0
    score = np.ones((1, 13, 5))
    score[0, 4, 1] = 0

    present = Recording('walk', x, score=score).present

    assert present[0, 3, 1]
    assert not present[0, 4, 1]


def test_a_given_mask_keeps_a_joint_at_the_origin():
    x = bodies(M=1)
    x[0, 0, 0] = 0

    there = np.ones((1, 13, 5), bool)

    assert Recording('walk', x, there).present.all()


@pytest.mark.parametrize(
    ('field', 'value', 'message'),
    [
        ('keypoint', np.zeros((200, 2, 5, 3)), r'200 persons.*\(T, M, V, C\)'),
        ('keypoint', np.zeros((13, 5)), r'\(13, 5\).*expected \(T, V, C\)'),
        ('keypoint', np.zeros((0, 5, 3)), 'empty'),
        ('keypoint', [[1], [2, 3]], 'no array'),
        ('keypoint', np.full((4, 5, 3), np.inf), 'infinity.*person 0'),
        ('keypoint', np.array(['a']), 'numbers of shape'),
        ('fps', -1.0, 'fps.*positive'),
        ('fps', True, 'fps.*positive'),
        ('score', np.ones((2, 13, 4)), r'score.*\(2, 13, 5\)'),
        ('score', np.full((2, 13, 5), np.nan), 'score.*finite'),
        ('joint_names', ('a', 'b'), '5 joints.*2 names'),
        ('tracks', ('1',), '1 for 2 persons'),
    ],
)
def test_recording_refuses_by_file_and_field(field, value, message):
    fields = dict(name='walk', source='a/walk.csv', keypoint=bodies())

    with pytest.raises(DataError, match=f'(?s)a/walk.csv.*{message}'):
        Recording(**{**fields, field: value})


def test_equal_track_ids_become_different_ones():
    recording = Recording('walk', bodies(M=3), tracks=('7', '7', '7'))

    assert recording.tracks == ('7', '7-2', '7-3')


def test_a_note_beyond_five_percent_of_the_frames_is_to_be_looked_at():
    recording = Recording('walk', bodies(T=100)).noted('five', frames=5)
    recording = recording.noted('six', frames=6)

    assert [str(note) for note in recording.notes] == ['five', 'six']
    assert [str(note) for note in recording.look_at] == ['six']


def test_seconds_count_from_the_film_of_poses_only():
    facts = dict(keypoint=bodies(), first_frame=300)

    assert Recording('walk', of_film=True, **facts).film_start == 300
    assert Recording('walk', **facts).film_start == 0


def test_persons_takes_all_that_belongs_to_them():
    x = bodies(M=3)
    score = np.arange(3)[:, None, None] + np.ones((3, 13, 5))
    recording = Recording('walk', x, score=score, tracks='abc')

    kept = recording.persons([2, 0])

    assert kept.tracks == ('c', 'a')
    assert kept.score[:, 0, 0].tolist() == [3, 1]
    np.testing.assert_array_equal(kept.keypoint, recording.keypoint[[2, 0]])


@pytest.mark.parametrize(
    ('rows', 'labels', 'message'),
    [
        ([[3, 3]], [0], r'row 0: found \[3, 3\)'),
        ([[0, 2], [9, 14]], [0, 1], r'row 1: found \[9, 14\)'),
        ([[-1, 2]], [0], 'row 0'),
        ([[0, 2]], [4], r'row 0: found label 4; expected 0 to 3'),
        ([[0, 2]], [-1], 'label -1'),
        ([[0, 2]], [0, 1], '2 labels for 1 starts'),
        ([[0.5, 2]], [0], 'whole frames'),
        ([[0, 2]], [0.0], 'label'),
        ([0, 2, 4], [0], r'\(num_segments, 2\)'),
        ([[0], [1, 2]], [0], 'segments'),
    ],
)
def test_segments_refuse_a_row_by_number(rows, labels, message):
    with pytest.raises(DataError, match=f'walk.*{message}'):
        Segments.of(rows, labels, num_frames=13, num_classes=4, source='walk')


def test_no_segment_is_no_action():
    segments = Segments.of([], [], num_frames=13)

    assert len(segments) == 0
    assert segments.rows.shape == (0, 4)
    assert segments.frames(4).tolist() == [4] * 13


def test_a_frame_in_several_segments_follows_one_rule():
    # Starts last, then the shortest, then the lowest label.
    segments = Segments.of(
        [[0, 9], [2, 4], [2, 6], [10, 12], [10, 12]],
        [1, 2, 3, 3, 0],
        num_frames=13,
    )

    frames = segments.frames(7).tolist()

    assert frames == [1, 1, 2, 2, 3, 3, 1, 1, 1, 7, 0, 0, 7]
    settled = segments.one_label()
    assert settled.frames(7).tolist() == frames
    assert settled.label.tolist() == [1, 2, 3, 1, 0]


def test_one_label_takes_borders_of_any_size():
    segments = Segments.of_rows([[0, 0.5, 1e12], [1, 2.25, 4.0]])

    rows = segments.one_label().rows[:, :3].tolist()

    assert rows == [[0, 0.5, 2.25], [1, 2.25, 4.0], [0, 4.0, 1e12]]


def test_unknown_frames_are_neither_action_nor_background():
    segments = Segments.of([[2, 5]], [1], num_frames=8, unknown=[[4, 7]])

    assert segments.frames(3).tolist() == [3, 3, 1, 1, 1, -1, -1, 3]


def test_seconds_come_back_as_whole_frames():
    frames = np.arange(100_000)

    np.testing.assert_array_equal(
        frames_of(seconds_of(frames, 29.97), 29.97), frames
    )


def test_scores_at_another_rate_are_linear_in_between():
    scores = Scores('walk', np.array([[0.0, 1], [1, 0]]), 15.0, ('a',))

    finer = scores.resampled(num_frames=4, step=2.0)

    assert finer.fps == 30.0
    assert finer.values[:, 0].tolist() == [0, 0.5, 1, 1]


@pytest.mark.parametrize(
    'values', [np.zeros((3, 3)), np.full((3, 2), np.nan), np.zeros(3)]
)
def test_scores_refuse_what_is_no_row_of_classes_a_frame(values):
    with pytest.raises(DataError, match='walk'):
        Scores('walk', values, 30.0, ('a',))


@pytest.mark.parametrize(
    'name',
    ['walk 1', 'S001/a', 'می\u200cرود', 'a\u202fb', 'a\xa0b', '手']
    + ['\u200fשלם\u200e', 'so\xadft', '\U0001f1f3\U0001f1f1', 'a\uf022b'],
)
def test_a_name_of_any_language_is_a_name(name):
    assert safe_name(name, 'list.csv') == name


@pytest.mark.parametrize(
    'name',
    ['', ' ', '..', '../x', 'a/../b', '/abs', '\\abs', 'C:x', 'a\nb', 'a\x00']
    + ['a\u202eb', 'a\u2067b', 'a\u2028b', 'a\ud800', 'a\uffff', 'a\x85'],
)
def test_a_name_cannot_leave_its_folder_or_hide(name):
    with pytest.raises(DataError, match=r'list\.csv'):
        safe_name(name, 'list.csv')


def test_a_file_is_bounded_before_it_is_read(tmp_path):
    path = tmp_path / 'a.json'
    path.write_text('[1, 2')

    with pytest.raises(DataError, match='more than the 3'):
        check_size(path, 3)
    with pytest.raises(DataError, match=r'a\.json, line 1'):
        read_json(path)
    path.write_text('[' * 100_000)
    with pytest.raises(DataError, match=r'a\.json'):
        read_json(path)


def test_a_draft_that_fails_leaves_what_was_there(tmp_path):
    path = tmp_path / 'a.txt'
    path.write_text('old')

    with pytest.raises(TypeError), draft_of(path) as draft:  # noqa: PT012
        draft.write_text('new')
        draft.write_text(None)

    assert path.read_text() == 'old'
    assert list(tmp_path.iterdir()) == [path]
