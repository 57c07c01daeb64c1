"""Files of people, and what they mean: persons, time, gaps, names."""

from __future__ import annotations

import json

import numpy as np
import pytest

from mmsnip.io.formats import read
from mmsnip.structures import DataError

POSE = np.stack([np.arange(17) % 4, np.arange(17) // 4], 1) * 10.0 + 100


def write(folder, name, content):
    path = folder / name
    text = content if isinstance(content, str) else json.dumps(content)
    path.write_text(text)
    return path


def person(x=0.0, **more):
    points = (POSE + [x, 0]).tolist()
    return dict(keypoints=points, keypoint_scores=[0.9] * 17, **more)


def mmpose(frames, **more):
    return dict(
        instance_info=[
            dict(frame_id=t, instances=own) for t, own in enumerate(frames)
        ],
        **more,
    )


def alphapose(names, idx=None):
    flat = np.concatenate([POSE, np.full((17, 1), 0.9)], 1).ravel().tolist()
    more = {} if idx is None else dict(idx=idx)
    return [dict(image_id=name, keypoints=flat, **more) for name in names]


def notes(recording):
    return ' '.join(note.text for note in recording.notes)


def test_a_person_who_leaves_and_returns_is_one(tmp_path):
    frames = [[person(t)] if t % 45 < 10 else [] for t in range(145)]

    recording = read(write(tmp_path, 'visits.json', mmpose(frames)))

    assert recording.bodies.sum(axis=1).tolist() == [40]
    assert recording.tracks == ('0+1+2+3',)


def test_a_person_whose_id_changes_is_one(tmp_path):
    frames = [[person(t, track_id=t // 100)] for t in range(300)]
    json_file = write(tmp_path, 'ids.json', mmpose(frames))
    rows = [f'{t},{t // 100},{t + 1},2,3,4' for t in range(300)]
    head = 'frame,person,a_x,a_y,b_x,b_y'
    table = write(tmp_path, 'ids.csv', '\n'.join([head, *rows]))
    array = np.zeros((3, 300, 5, 3))
    for m in range(3):
        array[m, 100 * m : 100 * m + 100] = 1 + m
    np.save(tmp_path / 'ids.npy', array)

    for path in (json_file, table, tmp_path / 'ids.npy'):
        recording = read(path)
        assert recording.bodies.sum(axis=1).tolist() == [300]
        assert recording.tracks == ('0+1+2',)


def test_two_who_are_there_at_once_stay_two(tmp_path):
    frames = [
        [person(t, track_id=1), person(400 + t, track_id=2)] for t in range(9)
    ]
    frames += [[person(t, track_id=3)] for t in range(9, 20)]

    recording = read(write(tmp_path, 'two.json', mmpose(frames)))

    assert recording.tracks == ('1+3', '2')  # 3 goes on where 1 was
    assert recording.bodies.sum(axis=1).tolist() == [20, 9]


def test_who_returns_elsewhere_takes_no_place_of_a_passer_by(tmp_path):
    frames = [
        [person(track_id='a'), person(900, track_id='b')] for _ in range(20)
    ]
    frames[9] = [*frames[9], person(2000, track_id='passer-by')]
    frames += [[person(900, track_id='b')]] * 5
    frames += [
        [person(1700 + 15 * t, track_id='c'), person(900, track_id='b')]
        for t in range(9)
    ]

    recording = read(write(tmp_path, 'three.json', mmpose(frames)))

    assert recording.tracks == ('a+c', 'b', 'passer-by')


def test_an_id_that_stands_twice_in_a_frame_is_no_id(tmp_path):
    frames = [
        [person(3 * t, track_id=0), person(300 + 3 * t, track_id=0)][
            :: 1 - 2 * (t % 2)
        ]
        for t in range(12)
    ]
    rows = [
        f'{t},0,{x + t},2,{x + t + 9},40' for t in range(12) for x in (5, 400)
    ]
    head = 'frame,person,a_x,a_y,b_x,b_y'

    for path in (
        write(tmp_path, 'all.json', mmpose(frames)),
        write(tmp_path, 'all.csv', '\n'.join([head, *rows])),
    ):
        recording = read(path)
        assert recording.bodies.sum(axis=1).tolist() == [12, 12]
        # No body jumps to the other person.
        steps = np.abs(np.diff(recording.keypoint, axis=1)).max()
        assert steps < 10
        assert 'names nobody' in notes(recording)


@pytest.mark.parametrize('key', ['timestamp_ms', 'timestamp', 'time_s', 'ts'])
def test_time_stamps_of_json_place_the_frames_and_tell_the_rate(tmp_path, key):
    times = [40 * t for t in range(25) if not 8 <= t < 18]
    scale = 1 if key == 'timestamp_ms' else 1000
    document = [
        {key: t / scale, 'people': [{'pose_keypoints_2d': [5, 6, 0.9] * 25}]}
        for t in times
    ]

    recording = read(write(tmp_path, 'drop.json', document))

    assert recording.fps == 25.0
    there = np.flatnonzero(recording.bodies[0]).tolist()
    assert there == [*range(8), *range(18, 25)]
    np.testing.assert_array_equal(recording.rows, there)
    assert recording.look_at


def test_seconds_of_a_film_count_from_its_first_time_stamp(tmp_path):
    body = {'people': [{'pose_keypoints_2d': [5, 6, 0.9] * 25}]}
    stamps = [2000 + 40 * t for t in range(9)]
    late = [{'timestamp_ms': t, **body} for t in stamps]
    clock = [{'timestamp_ms': t + 1.7e12, **body} for t in stamps]

    assert read(write(tmp_path, 'late.json', late)).film_start == 50
    assert read(write(tmp_path, 'live.json', clock)).film_start == 0


def test_a_stated_rate_that_time_stamps_deny_is_looked_at(tmp_path):
    body = {'people': [{'pose_keypoints_2d': [5, 6, 0.9] * 25}]}
    frames = [{'timestamp_ms': 40 * t, **body} for t in range(9)]

    found = read(write(tmp_path, 'two.json', dict(fps=30, frames=frames)))

    assert found.fps == 30.0
    assert 'time stamps tell 25' in found.look_at[0].text


def test_time_stamps_beside_the_frames_are_read_too(tmp_path):
    frames = [{'people': [{'pose_keypoints_2d': [5, 6, 0.9] * 25}]}] * 3
    document = dict(frames=frames, timestamps=[0.0, 0.05, 0.2])

    recording = read(write(tmp_path, 'beside.json', document))

    assert (recording.num_frames, recording.fps) == (5, 20.0)


def test_time_stamps_of_numbered_frames_tell_the_rate_alone(tmp_path):
    document = mmpose([[person()]] * 5)
    for t, frame in enumerate(document['instance_info']):
        frame['timestamp_ms'] = 20 * t

    recording = read(write(tmp_path, 'both.json', document))

    assert (recording.num_frames, recording.fps) == (5, 50.0)


def test_an_unknown_rate_stays_unknown(tmp_path):
    recording = read(write(tmp_path, 'no.json', mmpose([[person()]] * 5)))

    assert recording.fps is None


def test_every_fifth_frame_of_a_film_has_a_fifth_of_its_rate(tmp_path):
    document = dict(fps=30, frames=alphapose(f'{n}.jpg' for n in (10, 15, 20)))

    recording = read(write(tmp_path, 'fifth.json', document))

    assert (recording.num_frames, recording.fps) == (3, 6.0)
    assert (recording.first_frame, recording.frame_step) == (10, 5)
    assert recording.film_start == 2


@pytest.mark.parametrize(
    ('names', 'numbers'),
    [
        ('cam_{:04d}_rgb_1080.jpg', [0, 1, 2, 3]),
        ('cam2_1920x1080_{:d}_v2.png', [8, 9, 10, 12]),
        ('S01/take3_{:06d}.jpg', [5, 6, 9, 10]),
        ('{:d}', [0, 1, 3, 4]),
    ],
)
def test_the_frame_is_the_number_that_changes(tmp_path, names, numbers):
    document = alphapose(names.format(n) for n in numbers)

    recording = read(write(tmp_path, 'names.json', document))

    there = np.flatnonzero(recording.bodies[0]) + numbers[0]
    assert there.tolist() == numbers
    assert recording.first_frame == numbers[0]


def test_numbers_that_are_mostly_gaps_count_in_order_and_are_looked_at(
    tmp_path,
):
    numbers = [17, 1143, 2290, 3301, 4555, 9000]
    document = alphapose(f'img_{n}.jpg' for n in numbers)

    recording = read(write(tmp_path, 'gaps.json', document))

    assert recording.bodies.sum() == recording.num_frames == 6
    assert 'counted in order' in recording.look_at[0].text


def test_names_that_number_nothing_lose_no_image(tmp_path):
    names = ['a1b7.jpg', 'c22.jpg', 'ee7.jpg', 'x-7.jpg']

    recording = read(write(tmp_path, 'hash.json', alphapose(names)))

    assert recording.bodies.sum() == recording.num_frames == 4
    assert 'do not number the images' in recording.look_at[0].text


def test_frames_that_come_twice_are_looked_at(tmp_path):
    document = mmpose([[person()]] * 6)
    document['instance_info'][4]['frame_id'] = 3

    recording = read(write(tmp_path, 'twice.json', document))

    assert 'come twice' in recording.look_at[0].text


def test_no_reader_fills_a_gap(tmp_path):
    rows = ['1,2,3,4' if not 5 <= t < 505 else ',,3,4' for t in range(600)]
    path = write(tmp_path, 'gap.csv', '\n'.join(['a_x,a_y,b_x,b_y', *rows]))

    recording = read(path)

    assert (~recording.present[0, :, 0]).sum() == 500
    assert not recording.keypoint[0, 5:505, 0].any()
    assert recording.present[0, :, 1].all()


def test_time_before_persons_is_refused_with_advice(tmp_path):
    np.save(tmp_path / 'tm.npy', np.ones((200, 2, 25, 3)))

    with pytest.raises(DataError, match=r'swapaxes\(0, 1\)'):
        read(tmp_path / 'tm.npy')


def test_a_header_of_several_rows_names_the_remedy(tmp_path):
    path = write(tmp_path, 'rows.csv', 'a,b\nc,d,e\n1,2,3\n')

    with pytest.raises(DataError, match='header_rows'):
        read(path)


def test_a_small_archive_cannot_ask_for_much_memory(tmp_path):
    np.savez(tmp_path / 'a.npz', keypoint=np.ones((4, 5, 3)))
    content = (tmp_path / 'a.npz').read_bytes()
    small, large = b'(4, 5, 3), }    ', b'(4, 5, 3000000)}'
    assert content.count(small) == 1
    (tmp_path / 'a.npz').write_bytes(content.replace(small, large))

    with pytest.raises(DataError, match='cut off'):
        read(tmp_path / 'a.npz')
