from __future__ import annotations

import numpy as np
import pytest

from mmsnip.io.formats.babel import (
    BabelSegment,
    BabelSequence,
    act_categories,
    babel_segments,
    read_babel_json,
    seconds_to_frames,
)
from mmsnip.structures import DataError
from tests.formats.babel_files import entry, write_json

MOTION = 'KIT/KIT/4/RightTurn01_poses.npz'


def sequence(*segments, dur=2.0):
    return BabelSequence('7', MOTION, dur, tuple(segments), True)


def published_labels(rows, duration, fps=30.0):
    """Slow loop of the benchmark: the categories of each frame."""
    frames = []
    for n in range(int(fps * duration)):
        time = float(n / fps)
        frames.append([])
        for start, end, cats in rows:
            if start <= time < end:
                frames[-1] += cats
    return frames


def test_a_dense_sequence_has_its_segments_in_the_order_of_the_file(tmp_path):
    rows = [(1.5, 3.25, ['turn', 'walk']), (0, 1.5, ['stand'])]
    path = write_json(tmp_path / 'train.json', entry('7', MOTION, 3.25, rows))

    (found,) = read_babel_json(path)

    assert (found.sid, found.feat_p, found.duration_s) == ('7', MOTION, 3.25)
    assert found.dense
    assert found.segments == (
        BabelSegment(1.5, 3.25, ('turn', 'walk')),
        BabelSegment(0.0, 1.5, ('stand',)),
    )


def test_a_sequence_without_frame_ann_is_one_segment_and_not_dense(tmp_path):
    rows = [(None, None, ['walk'])]
    sparse = entry('7', MOTION, 3.25, rows, dense=False)

    (found,) = read_babel_json(write_json(tmp_path / 'train.json', sparse))

    assert not found.dense
    assert found.segments == (BabelSegment(0.0, 3.25, ('walk',)),)


def test_extra_files_give_the_first_dense_annotation(tmp_path):
    extra = entry('9', MOTION, 2.0, [(0, 1, ['walk'])])
    frames = extra.pop('frame_ann')
    extra['seq_anns'] = [extra.pop('seq_ann')]
    extra['frame_anns'] = [None, frames]

    (found,) = read_babel_json(write_json(tmp_path / 'extra_val.json', extra))

    assert found.dense
    assert found.segments[0].act_cats == ('walk',)


def test_a_label_without_category_is_no_class(tmp_path):
    rows = [(0, 1, None), (1, 2, []), (0, 2, ['walk', 'walk'])]
    path = write_json(tmp_path / 'val.json', entry('7', MOTION, 2.0, rows))

    (found,) = read_babel_json(path)

    assert [s.act_cats for s in found.segments] == [(), (), ('walk',)]
    assert act_categories([found]) == ['walk']


def test_frames_of_intervals_are_those_of_the_published_loop():
    rng = np.random.default_rng(0)
    for duration in (0.5, 1.7, 4.1):
        T = int(30.0 * duration)
        starts = rng.uniform(0, duration, 40).round(3)
        ends = starts + rng.uniform(0, 1, 40).round(2)
        # Borders on a frame, where rounding could decide otherwise.
        starts[:20] = rng.integers(0, T, 20) / 30.0
        ends[5:15] = rng.integers(0, T, 10) / 30.0
        rows = list(zip(starts, ends, [[n] for n in range(40)]))
        frames = seconds_to_frames(starts, ends, T)

        slow = published_labels(rows, duration)

        assert len(slow) == T
        fast = [
            [k for k, (a, b) in enumerate(frames) if a <= n < b]
            for n in range(T)
        ]
        assert fast == slow


def test_a_segment_of_two_categories_becomes_two_that_overlap():
    found = sequence(
        BabelSegment(0.0, 1.0, ('walk', 'transition', 'turn')),
        BabelSegment(1.0, 2.0, ()),
    )

    segments, labels, mended = babel_segments(found, ['turn', 'walk'], 60)

    assert segments.tolist() == [[0, 30], [0, 30]]
    assert labels.tolist() == [1, 0]
    assert segments.dtype == labels.dtype == np.int64
    assert mended == []


def test_segments_are_cut_to_the_sequence_and_that_is_reported():
    found = sequence(
        BabelSegment(-0.5, 0.4, ('walk',)),
        BabelSegment(0.4, 0.404, ('turn',)),
        BabelSegment(1.0, 1.32, ('walk',)),  # ends on the half frame: rounding
        BabelSegment(1.0, 2.0, ('turn',)),
        BabelSegment(1.6, 2.0, ('turn',)),
        BabelSegment(0.9, 0.2, ('walk',)),
    )

    segments, labels, mended = babel_segments(found, ['turn', 'walk'], 39)

    assert segments.tolist() == [[0, 12], [12, 13], [30, 39], [30, 39]]
    assert labels.tolist() == [1, 0, 1, 0]
    assert mended == [
        'segment walk from -0.5 to 0.4 s: cut to frames 0 to 12',
        'segment turn from 1 to 2 s: cut to frames 30 to 39',
        'segment turn from 1.6 to 2 s: dropped, it has no frame among the 39',
        'segment walk from 0.9 to 0.2 s: dropped, it has no frame among '
        'the 39',
    ]


def damaged(change):
    one = entry('7', MOTION, 2.0, [(0, 1, ['walk']), (1, 2, ['turn'])])
    change(one)
    return one


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda e: e.pop('dur'), "sid '7', key 'dur'"),
        (lambda e: e.update(dur=0), "key 'dur': found int 0"),
        (lambda e: e.update(dur=True), "key 'dur': found bool True"),
        (lambda e: e.update(dur=10**400), "key 'dur': found int"),
        (lambda e: e.update(dur=float('nan')), "key 'dur': found float nan"),
        (lambda e: e.update(feat_p=3), "key 'feat_p': found int 3"),
        (lambda e: e.update(feat_p='../a'), "'../a' cannot name a recording"),
        (lambda e: e.update(feat_p='/etc/a'), 'cannot name a recording'),
        (lambda e: e.update(frame_ann=[]), "key 'frame_ann': found list"),
        (lambda e: e['frame_ann'].pop('labels'), "key 'frame_ann.labels'"),
        (
            lambda e: e['frame_ann']['labels'][1].pop('end_t'),
            "sid '7', label 1: no start_t and end_t",
        ),
        (
            lambda e: e['frame_ann']['labels'].append('walk'),
            "key 'frame_ann.labels.2': found str 'walk'",
        ),
        (
            lambda e: e['frame_ann']['labels'][0].update(act_cat=[1]),
            "key 'frame_ann.labels.0.act_cat",
        ),
    ],
)
def test_a_malformed_entry_is_refused_by_file_sid_and_key(
    tmp_path, change, message
):
    path = write_json(tmp_path / 'train.json', damaged(change))

    with pytest.raises(DataError, match=message) as raised:
        read_babel_json(path)

    assert str(path) in str(raised.value)


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('[1, 2]', 'holds a list'),
        ('{"7": [1]}', "sid '7', key"),
        ('{"7": {', 'line 1'),
        ('[' * 100_000, 'is no JSON'),
        ('', 'it is empty'),
    ],
)
def test_what_is_no_babel_json_is_refused(tmp_path, text, message):
    path = tmp_path / 'train.json'
    path.write_text(text)

    with pytest.raises(DataError, match=message):
        read_babel_json(path)
