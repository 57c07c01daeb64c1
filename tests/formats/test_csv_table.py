from __future__ import annotations

import re
import time

import numpy as np
import pytest

from mmsnip.io.formats.column_map import load_column_map
from mmsnip.skeleton.layout import get_layout
from mmsnip.structures import DataError
from tests.formats.readers import load_sequence
from tests.formats.readers import read_any as read_csv

NAMES = ['hip', 'spine', 'neck', 'head', 'left hand']


def poses(T=13, V=5, C=3, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(T, V, C)).astype(np.float32)


def save(folder, text, name='walk.csv'):
    path = folder / name
    path.write_bytes(text.encode())
    return path


def wide(values, header, delimiter=',', before=()):
    """Text of a row a frame; `before` holds columns to put in front."""
    lines = [delimiter.join(header)] if header else []
    for t, pose in enumerate(values):
        words = [str(column[t]) for column in before]
        words += [repr(float(value)) for value in pose.ravel()]
        lines.append(delimiter.join(words))
    return '\n'.join(lines) + '\n'


def coordinates(pattern, V=5, C=3):
    return [
        pattern.format(v=v, c='xyz'[c]) for v in range(V) for c in range(C)
    ]


@pytest.mark.parametrize('delimiter', [',', ';', '\t', ' '])
@pytest.mark.parametrize(
    'pattern',
    [
        '{v}_{c}',
        '{c}{v}',
        '{v}{c}',
        '{c}_{v}',
        'joint {v}.{c}',
        'J{v}-pos_{c}',
    ],
)
def test_wide_tables_of_any_naming_and_delimiter(tmp_path, delimiter, pattern):
    if delimiter == ' ':
        pattern = pattern.replace(' ', '')
    text = wide(poses(), coordinates(pattern), delimiter)

    keypoint, metadata = read_csv(save(tmp_path, text))

    np.testing.assert_array_equal(keypoint, poses()[None])
    assert len(metadata['joint_names']) == 5
    assert metadata['mended'] == []


def test_decimal_commas_comments_and_blank_lines(tmp_path):
    text = (
        '# lab 3\r\n\r\nx0;y0;x1;y1\r\n1,5;-2;3,25;4\r\n# gap\r\n5;6;7;8\r\n'
    )

    keypoint, _ = read_csv(save(tmp_path, text))

    assert keypoint.tolist() == [[[[1.5, -2], [3.25, 4]], [[5, 6], [7, 8]]]]


def test_columns_that_are_no_joints_are_left_out_and_reported(tmp_path):
    values = poses(V=2)
    header = ['label', *coordinates('j{v}_{c}', V=2)]
    text = wide(values, header, before=[['walk'] * 13])

    keypoint, metadata = read_csv(save(tmp_path, text))

    np.testing.assert_array_equal(keypoint, values[None])
    assert metadata['mended'] == ["1 columns were left out: ['label']"]


def test_long_tables_give_persons_joints_and_frames(tmp_path):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(2, 7, 5, 3)).astype(np.float32)
    rows = [
        f'{40 + t},{"ab"[m]},{NAMES[v]},'
        + ','.join(repr(float(x)) for x in values[m, t, v])
        + f',{m + t + v}'
        for m in range(2)
        for t in range(7)
        for v in range(5)
        if (m, t) != (1, 3)
    ]
    rng.shuffle(rows[5:])
    header = 'Frame,Person ID,joint,X,Y,Z,confidence\n'

    keypoint, metadata = read_csv(save(tmp_path, header + '\n'.join(rows)))

    values[1, 3] = 0
    np.testing.assert_array_equal(keypoint, values)
    assert metadata['joint_names'] == NAMES
    assert metadata['track_ids'] == ['a', 'b']
    assert metadata['first_frame'] == 40
    assert metadata['keypoint_score'][1, 2].tolist() == [3, 4, 5, 6, 7]
    assert not metadata['keypoint_score'][1, 3].any()


def test_utkinect_rows_are_frame_number_and_kinect_joints(tmp_path):
    values = poses(T=6, V=20)
    # Frame 253 comes twice, 255 is missing.
    frames = [252, 253, 253, 254, 256, 257]
    text = wide(values, None, '  ', before=[frames])

    keypoint, metadata = read_csv(save(tmp_path, text, 'joints_s01_e01.txt'))

    assert keypoint.shape == (1, 6, 20, 3)
    np.testing.assert_array_equal(
        keypoint[0, [0, 1, 2, 4, 5]], values[[0, 2, 3, 4, 5]]
    )
    assert not keypoint[0, 3].any()
    assert metadata['layout'] == 'kinect-v1'
    assert metadata['first_frame'] == 252
    assert [
        any(part in note for note in metadata['mended'])
        for part in (
            'as in UTKinect the 20 of Kinect v1',
            '1 rows repeat another one (first at line 3)',
            '1 frame numbers are missing; nobody is there in these '
            'frames: 255',
        )
    ] == [True] * 3


@pytest.mark.parametrize(
    ('width', 'shape'), [(15, (5, 3)), (12, (4, 3)), (10, (5, 2)), (8, (4, 2))]
)
def test_tables_without_header_are_read_by_their_width(tmp_path, width, shape):
    values = poses(V=1, C=width)

    keypoint, _ = read_csv(save(tmp_path, wide(values, None)))

    np.testing.assert_array_equal(keypoint, values.reshape(1, 13, *shape))


def test_long_tables_without_header_are_not_taken_for_wide_ones(tmp_path):
    rows = [f'{t} {v} 1 2 3' for t in range(4) for v in range(5)]

    with pytest.raises(DataError, match='column map'):
        read_csv(save(tmp_path, '\n'.join(rows)))


@pytest.mark.parametrize(
    ('name', 'steps', 'fps', 'guess'),
    [
        ('t', [0.04] * 4, 25.0, ['steps of 0.04 were taken for s']),
        ('time', [33, 33, 34, 33, 33, 34], 30.0, ['taken for ms']),
        ('time_us', [33366] * 4, 29.97, []),
        ('Timestamp (ns)', [10**7] * 4, 100.0, []),
    ],
)
def test_times_give_the_rate(tmp_path, name, steps, fps, guess):
    times = np.concatenate([[5], 5 + np.cumsum(steps)])
    header = [name, *coordinates('{c}{v}')]
    text = wide(poses(T=len(times)), header, before=[times])

    metadata = read_csv(save(tmp_path, text))[1]

    assert metadata['fps'] == fps
    assert len(metadata['mended']) == len(guess)
    assert all(f"'{name}' says no unit" in n for n in metadata['mended'])
    assert all(part in n for part, n in zip(guess, metadata['mended']))


def test_times_that_count_frames_are_frame_numbers(tmp_path):
    header = ['t', *coordinates('{c}{v}')]
    text = wide(poses(T=5), header, before=[[3, 4, 5, 7, 8]])
    path = save(tmp_path, text)

    keypoint, metadata = read_csv(path)

    assert 'fps' not in metadata
    assert metadata['first_frame'] == 3
    np.testing.assert_array_equal(keypoint[0, [0, 1, 2, 4, 5]], poses(T=5))
    assert "'t' says no unit and counts by 1" in metadata['mended'][0]
    assert 'taken for the frame number' in metadata['mended'][0]
    assert read_csv(path, dict(fps=20))[1]['fps'] == 20.0
    assert read_csv(path, dict(time_unit='ms'))[1]['fps'] == 1000.0


def test_words_in_a_time_column_are_left_out(tmp_path):
    header = ['time', *coordinates('{c}{v}')]
    text = wide(poses(T=3), header, before=[['12:00', '12:01', '12:02']])

    found = read_csv(save(tmp_path, text))[1]

    assert 'fps' not in found
    assert "column 'time' holds no numbers" in found['mended'][0]


@pytest.mark.parametrize('offset', [0, 1.6e9 + 0.0037])
@pytest.mark.parametrize('digits', [2, 3, 6])
@pytest.mark.parametrize(
    'fps', [15, 25, 30, 50, 60, 70, 80, 90, 100, 120, 144, 200, 240]
)
def test_times_of_few_digits_give_the_rate(tmp_path, fps, digits, offset):
    times = [f'{offset + t / fps:.{digits}f}' for t in range(601)]
    header = ['time_s', *coordinates('{c}{v}', V=2)]
    text = wide(poses(T=601, V=2), header, before=[times])

    metadata = read_csv(save(tmp_path, text))[1]

    assert metadata['fps'] == fps
    assert metadata['mended'] == []


@pytest.mark.parametrize('fps', [10, 100])
@pytest.mark.parametrize('lost', [0.01, 0.1, 0.2, 0.3])
def test_frames_that_are_lost_are_no_rounding(tmp_path, fps, lost):
    kept = np.flatnonzero(np.random.default_rng(0).random(900) >= lost)
    kept -= kept[0]

    frames, _, metadata = timed([f'{t / fps:.2f}' for t in kept], tmp_path)

    assert metadata['fps'] == fps
    np.testing.assert_array_equal(frames, kept)


def test_a_clock_that_goes_back_or_stands_gives_no_rate(tmp_path):
    header = ['time_s', *coordinates('{c}{v}')]
    for times in ([3, 2, 1, 0], [5, 5, 5, 5], [0, 'nan', 1e308, -1e308]):
        text = wide(poses(T=4), header, before=[times])

        metadata = read_csv(save(tmp_path, text))[1]

        assert 'fps' not in metadata
        assert 'gives no frame rate' in metadata['mended'][0]


def test_uneven_times_of_numbered_frames_are_reported(tmp_path):
    times = [0, 0.04, 0.08, 0.3, 0.34, 0.38]
    header = ['frame', 'time_s', *coordinates('{c}{v}')]
    text = wide(poses(T=6), header, before=[range(6), times])

    metadata = read_csv(save(tmp_path, text))[1]

    assert metadata['fps'] == 25.0
    assert '1 of 5 time steps' in metadata['mended'][0]
    assert 'at line 5' in metadata['mended'][0]


def timed(times, folder, name='time_s', V=2):
    """A table of as many frames, and where `read_csv` puts them."""
    header = [name, *coordinates('{c}{v}', V=V)]
    values = 1 + np.arange(len(times) * V * 3.0).reshape(-1, V, 3)
    path = save(folder, wide(values, header, before=[times]))
    keypoint, metadata = read_csv(path)
    there = keypoint[0].any(axis=(1, 2))
    np.testing.assert_array_equal(keypoint[0, there], values)
    return np.flatnonzero(there), len(there), metadata


def test_times_that_are_left_out_are_frames_of_zeros(tmp_path):
    kept = np.r_[:150, 240:300, 301:450]

    frames, T, metadata = timed([f'{t / 30:.3f}' for t in kept], tmp_path)

    np.testing.assert_array_equal(frames, kept)
    np.testing.assert_array_equal(metadata['row_frames'], kept)
    assert (T, metadata['fps']) == (450, 30.0)
    assert metadata['mended'] == [
        'the times leave out 91 frames, first in a step of 3.033 at line 152, '
        'where 0.0333333 is usual; nobody is there in these frames'
    ]


@pytest.mark.parametrize('fps', [30, 100, 240])
@pytest.mark.parametrize('digits', [2, 3, 6])
def test_a_gap_is_as_long_at_any_number_of_digits(tmp_path, fps, digits):
    kept = np.r_[:200, 500:800]

    frames, _, metadata = timed(
        [f'{t / fps:.{digits}f}' for t in kept], tmp_path
    )

    late = frames - kept
    assert not late[:200].any()
    assert (late[200:] == late[-1]).all()
    assert abs(late[-1]) <= fps * 0.1**digits + 1e-6  # the last digit
    assert metadata['fps'] == pytest.approx(fps, rel=3e-3)


@pytest.mark.parametrize('seed', range(5))
def test_jitter_below_half_a_step_moves_nothing(tmp_path, seed):
    rng = np.random.default_rng(seed)
    kept = np.flatnonzero(rng.random(900) > 0.02)
    kept -= kept[0]
    clock = (kept + rng.uniform(-0.24, 0.24, len(kept))) / 30 + 5

    even, T, metadata = timed(
        (np.arange(900) + rng.uniform(-0.24, 0.24, 900)) / 30, tmp_path
    )
    frames, _, _ = timed(clock, tmp_path)

    assert T == len(even) == 900
    assert 'row_frames' not in metadata
    np.testing.assert_array_equal(frames, kept)


def test_a_row_that_was_written_late_lost_nothing(tmp_path):
    times = np.arange(40) * 33.0
    times[20:23] = [20.9 * 33, 21.9 * 33, 22.05 * 33]

    _, T, metadata = timed(times, tmp_path, 'time_ms')

    assert T == 40
    assert 'row_frames' not in metadata
    assert '2 of 39 time steps differ by more' in metadata['mended'][0]


def test_empty_times_lie_between_those_that_are_told(tmp_path):
    times = [f'{t / 25:.2f}' for t in np.r_[:20, 30:50]]
    times[5], times[-1] = '', ''

    frames, T, metadata = timed(times, tmp_path)

    np.testing.assert_array_equal(frames, np.r_[:20, 30:50])
    assert (T, metadata['fps']) == (50, 25.0)


def test_long_tables_have_room_for_times_that_are_left_out(tmp_path):
    kept = [0, 1, 2, 3, 7, 8, 9]
    rows = [f'{t * 40},{v},{t + 1},{v}' for t in kept for v in range(3)]
    text = 'time_ms,joint,x,y\n' + '\n'.join(rows)

    keypoint, metadata = read_csv(save(tmp_path, text))

    assert keypoint.shape == (1, 10, 3, 2)
    assert keypoint[0, 7, 2].tolist() == [8, 2]
    assert not keypoint[0, 4:7].any()
    assert metadata['row_frames'].tolist() == kept
    assert metadata['fps'] == 25.0


def test_lost_joints_stay_lost(tmp_path):
    values = np.zeros((7, 2, 3))
    values[:, 0] = np.arange(7)[:, None] + [1, 10, 100]
    values[:, 1] = 5
    text = wide(values, coordinates('{c}{v}', V=2)).split('\n')
    text[1] = ',,,5,5,5'
    text[4] = '4,nan,103,5,5,5'  # joint 0 of frame 3
    text[6] = 'NaN,,-,,n/a,'  # all of frame 5

    keypoint, metadata = read_csv(save(tmp_path, '\n'.join(text)))

    values[[0, 3], 0] = 0
    values[5] = 0
    np.testing.assert_allclose(keypoint[0], values)
    assert metadata['mended'] == []


def test_frame_numbers_in_steps_are_counted_in_steps(tmp_path):
    header = ['frame', *coordinates('{c}{v}')]
    frames = [10, 14, 18, 12, 16]
    text = wide(poses(T=5), header, before=[frames])

    keypoint, metadata = read_csv(save(tmp_path, text))

    np.testing.assert_array_equal(keypoint[0], poses(T=5)[[0, 3, 1, 4, 2]])
    assert (metadata['first_frame'], metadata['frame_step']) == (10, 2)
    assert 'sorted by frame (line 5 goes back)' in metadata['mended'][0]


def test_joints_named_as_a_built_in_layout_take_its_order(tmp_path):
    names = get_layout('kinect-v1').joint_names
    order = np.random.default_rng(0).permutation(20)
    camel = [names[v].title().replace('_', '') for v in order]
    header = [f'{name}_{c}' for name in camel for c in 'xyz']
    values = poses(V=20)

    keypoint, metadata = read_csv(
        save(tmp_path, wide(values[:, order], header))
    )

    np.testing.assert_array_equal(keypoint, values[None])
    assert metadata['layout'] == 'kinect-v1'
    assert metadata['joint_names'] == list(names)


def test_units_in_brackets_are_understood(tmp_path):
    text = wide(poses(), coordinates('{v}_{c} [cm]'))

    keypoint, metadata = read_csv(save(tmp_path, text))

    np.testing.assert_allclose(keypoint[0], poses())
    assert metadata['unit'] == 'cm'


MAP = """
delimiter: '|'
frame: nr
time: clock
time_unit: ms
scale: 0.001
up: z
joints:
  head: [hx, hy, 4, hs]
  hip: {x: px, y: py, z: pz, score: ps}
joint_names: [hip, head]
parents: [-1, 0]
"""


def test_a_column_map_tells_everything(tmp_path):
    header = 'nr clock hx hy hz hs px py pz ps'.replace(' ', '|')
    rows = [f'{t}|{20 * t}|1|2|3|.5|4|5|{t}|.7' for t in range(4)]
    path = save(tmp_path, '\n'.join([header, *rows]))

    keypoint, metadata = read_csv(path, save(tmp_path, MAP, 'lab.yaml'))

    np.testing.assert_allclose(
        keypoint[0, 3], [[0.004, 0.005, 0.003], [0.001, 0.002, 0.003]]
    )
    np.testing.assert_allclose(metadata['keypoint_score'][0, 0], [0.7, 0.5])
    assert metadata['fps'] == 50.0
    assert (metadata['unit'], metadata['up']) == ('m', 'z')
    assert metadata['layout'] == dict(
        joint_names=['hip', 'head'], parents=[-1, 0]
    )


def test_a_map_names_the_layout_of_a_bare_table(tmp_path):
    values = poses(V=17, C=2)
    path = save(tmp_path, wide(values, None))

    keypoint, metadata = read_csv(path, dict(layout='coco', unit='pixel'))

    np.testing.assert_array_equal(keypoint, values[None])
    assert (metadata['layout'], metadata['unit']) == ('coco', 'pixel')


def test_a_map_tells_a_long_table(tmp_path):
    rows = [f'{t} {v} 1 2 {t + v}' for t in range(4) for v in range(3)]
    columns = dict(header=False, frame=0, joint=1, coordinates=[2, 3, 4])

    keypoint, _ = read_csv(save(tmp_path, '\n'.join(rows)), columns)

    assert keypoint[0, 3].tolist() == [[1, 2, 3], [1, 2, 4], [1, 2, 5]]


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('colour: red', "unknown keys .*'colour'.*the keys are"),
        ('- 1', 'expected keys and values'),
        ('frame: [a', 'cannot be read as YAML'),
        ('up: north', "key 'up': found str 'north'"),
        ('unit: inch', "key 'unit'"),
        ('fps: 0', "key 'fps'"),
        ('scale: -1', "key 'scale'"),
        ('frame: yes', "key 'frame': found bool True"),
        ('delimiter: [1]', "key 'delimiter'"),
        ('joints: {hip: [1]}', r"key 'joints.hip'.*expected \[x, y\]"),
        ('joints: {hip: [1, 2, -3]}', "key 'joints.hip.z"),
        ('{joints: {hip: [1, 2]}, joint: 3}', 'give one of them'),
        ('{layout: coco, parents: [-1]}', "give 'layout', or 'joint_names'"),
        ('a: !!python/object/apply:os.getcwd []', 'cannot be read as YAML'),
        ('[' * 3000, 'cannot be read as YAML'),
    ],
)
def test_a_wrong_column_map_is_refused_by_key(tmp_path, text, message):
    with pytest.raises(DataError, match=message) as caught:
        load_column_map(save(tmp_path, text, 'lab.yaml'))

    assert 'lab.yaml' in str(caught.value)


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('x0,y0\n1,2\n3\n', 'line 3: found 1 cells, expected 2'),
        ('x0,y0\n1,2\n3,four\n', "line 3: column 'y0' holds 'four'"),
        ('x0,y0\n', 'holds a header only'),
        ('# none\n', 'holds comments only'),
        ('a,b\n1,2\n', 'no coordinates are found in the header'),
        ('1,2,3,4,5,6,7\n', '7 columns without a header are not'),
        ('3,1,9,2\n5,9,20,1\n', '4 columns without a header are not'),
        ('frame,x0,y0\n1.5,1,2\n', 'line 2: frame number 1.5 is not whole'),
        ('frame,x0,y0\n1,1,2\n9,1,2\n8000000001,1,2\n', 'only 3 of the'),
        ('joint,x,y\n1,1,2\n', 'no column tells the frame'),
        ('ax,ay,bx_,a_x,a_y,a_z,b_x,b_y\n1,2,3,4,5,6,7,8\n', "joint 'b'"),
        ('x0,y0\n1e39,2\n', 'holds infinity'),
    ],
)
def test_a_broken_table_is_refused(tmp_path, text, message):
    with pytest.raises(DataError, match=re.escape(message)):
        read_csv(save(tmp_path, text))


@pytest.mark.parametrize('cell', ['_' * 8000, 'x' + '_' * 8000, 'a (' * 2500])
def test_a_long_header_cell_costs_no_time(tmp_path, cell):
    path = tmp_path / 'take.csv'
    path.write_text(f'frame,{cell},b_x,b_y\n0,1,2,3\n1,1,2,3\n')
    started = time.process_time()

    joints, _ = load_sequence(path)

    assert joints.shape == (1, 2, 1, 2)
    assert time.process_time() - started < 0.5
