from __future__ import annotations

import numpy as np
import pytest

from mmsnip.structures import DataError
from tests.formats.ntu_text import (
    FIRST_ID,
    frames_of,
    ntu_text,
    random_frames,
    standing,
)
from tests.formats.plain_ntu import dense, read_by_dicts
from tests.formats.readers import read_ntu


@pytest.fixture
def write(tmp_path):
    def write_text(text, name='S001C002P003R002A013.skeleton'):
        path = tmp_path / name
        content = text if isinstance(text, bytes) else text.encode()
        path.write_bytes(content)
        return path

    return write_text


def small_text():
    """Two bodies, T=4; lines 1, 2, 3 and 4 are the four kinds of counts."""
    rng = np.random.default_rng(0)
    return ntu_text(
        frames_of(
            [
                (FIRST_ID, 0, standing(rng, 4)),
                (FIRST_ID + 1, 1, standing(rng, 2, x=1)),
            ],
            4,
        )
    )


@pytest.mark.parametrize('seed', range(4))
def test_all_bodies_are_those_of_a_plain_parser(write, seed):
    rng = np.random.default_rng(seed)
    path = write(ntu_text(random_frames(rng, 13, 4)))

    keypoint, metadata = read_ntu(path, None)

    num_frames, tracks = read_by_dicts(path)
    np.testing.assert_array_equal(keypoint, dense(num_frames, tracks))
    assert metadata['track_ids'] == list(tracks)
    assert keypoint.dtype == np.float32


def test_bodies_that_swap_places_are_followed_by_id(write):
    rng = np.random.default_rng(1)
    tracks = [(FIRST_ID + n, 0, standing(rng, 20, x=n)) for n in range(2)]
    frames = frames_of(tracks, 20)
    swapped = [bodies[:: (-1) ** (t // 3)] for t, bodies in enumerate(frames)]

    still, _ = read_ntu(write(ntu_text(frames)), None)
    moved, _ = read_ntu(write(ntu_text(swapped)), None)

    np.testing.assert_array_equal(moved, still)


def test_ids_that_float64_cannot_tell_apart_are_two_bodies(write):
    assert float(FIRST_ID) == float(FIRST_ID + 1)
    joints = np.ones((1, 25, 3))
    text = ntu_text(
        frames_of([(FIRST_ID, 0, joints), (FIRST_ID + 1, 0, 2 * joints)], 1)
    )

    keypoint, _ = read_ntu(write(text), None)

    assert keypoint[:, 0, 0, 0].tolist() == [1, 2]


def test_frames_without_a_body_stay_as_zeros(write):
    rng = np.random.default_rng(2)
    text = ntu_text(frames_of([(FIRST_ID, 3, standing(rng, 5))], 13))

    keypoint, _ = read_ntu(write(text))

    present = keypoint.any(axis=(0, 2, 3))
    assert np.flatnonzero(present).tolist() == [3, 4, 5, 6, 7]
    assert len(present) == 13


def test_a_body_listed_twice_in_a_frame_counts_once_and_is_reported(write):
    joints = np.ones((25, 3))
    text = ntu_text([[(5, joints)], [(5, 2 * joints), (5, 9 * joints)]])

    keypoint, metadata = read_ntu(write(text))

    assert keypoint[0, :, 0, 0].tolist() == [1, 2]
    assert metadata['mended'] == [
        'frame 1: body 5 is listed again; its first listing is kept'
    ]


@pytest.mark.parametrize(
    'change',
    [
        lambda text: text.replace('\n', '\r\n'),
        lambda text: text + '\n \r\n\n',
        lambda text: text.rstrip('\n'),
        lambda text: '\ufeff' + text,
        lambda text: text.replace(' ', '  '),
        lambda text: text.replace(' ', '\t'),
        lambda text: text.replace('\n', ' \n'),
        lambda text: text.replace('277.419', '-Infinity'),
    ],
    ids=[
        *('crlf', 'blank end', 'no end', 'bom', 'wide', 'tabs', 'trailing'),
        'infinite',
    ],
)
def test_the_ways_of_writing_do_not_matter(write, change):
    expected, _ = read_ntu(write(small_text()), None)

    keypoint, _ = read_ntu(write(change(small_text())), None)

    np.testing.assert_array_equal(keypoint, expected)


def line_as(number, new):
    """Change that puts ``new`` in place of a line."""

    def change(text):
        lines = text.split('\n')
        lines[number - 1] = new
        return '\n'.join(lines)

    return change


def joint_as(number, column, word):
    def change(text):
        words = text.split('\n')[number - 1].split()
        words[column] = word
        return line_as(number, ' '.join(words))(text)

    return change


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (line_as(1, '1000000000'), 'line 1: .* number of frames'),
        (line_as(1, '-1'), 'line 1: .* number of frames'),
        (line_as(1, 'x'), r"line 1: found 'x', expected the number of fr"),
        (line_as(1, '3'), r'line 140: text goes on after the 3 frames'),
        (line_as(1, '5'), 'line 168: .*end of the file.* number of b'),
        (line_as(2, '-1'), 'line 2: .* number of bodies'),
        (line_as(2, '99999'), 'line 2: .* number of bodies'),
        (line_as(2, '900'), 'line 2: .* number of bodies, 0 to 6'),
        (line_as(3, '7 0 1'), r"line 3: found 3 values in a body's line"),
        (line_as(4, '20'), 'line 4: .* number of joints, 25'),
        (line_as(4, '1e9'), "line 4: found '1e9'"),
        (line_as(7, '1 2 3'), "line 7: found '1 2 3'; .* joint 2"),
        (joint_as(7, 1, '0,5'), 'line 7: .* joint 2'),
        (joint_as(36, 0, 'NaN'), 'line 36: .* finite'),
        (joint_as(36, 2, '1e39'), 'line 36: .* finite'),
        (lambda text: text[:4000], r'line \d+: .*cut off'),
        (lambda text: '3\n0\n0\n0\n', r'no body in any of its 3 frames'),
        (lambda text: '0\n', 'line 1: .* number of frames'),
        (lambda text: '', r'it is empty'),
        (lambda text: b'4\n\xff\n', r'line 2: byte 0xff'),
    ],
)
def test_a_broken_file_is_refused_by_line(write, change, message):
    path = write(change(small_text()))

    with pytest.raises(DataError, match=message) as caught:
        read_ntu(path)

    assert str(path) in str(caught.value)


@pytest.mark.data
def test_real_files_equal_the_plain_parser(data_dir):
    paths = sorted((data_dir / 'ntu_samples').glob('*.skeleton'))
    assert len(paths) == 5
    for path in paths:
        keypoint, metadata = read_ntu(path)

        expected = dense(*read_by_dicts(path))
        np.testing.assert_array_equal(keypoint, expected)
        assert metadata['mended'] == []


@pytest.mark.data
@pytest.mark.parity
@pytest.mark.parametrize('action', [1, 2, 3])
def test_real_files_equal_the_golden_parse(
    data_dir, reference_dir, record_property, action
):
    golden = np.load(reference_dir / 'prenorm_s0.npz')
    joints = golden[f'ntu_A{action:03d}/joints']  # (2, T, 25, 3) float64
    name = f'S001C001P001R001A{action:03d}.skeleton'

    keypoint, _ = read_ntu(data_dir / 'ntu_samples' / name)

    deviation = float(np.abs(keypoint[0] - joints[0]).max())
    record_property('deviation in metres', deviation)
    assert keypoint.shape[0] == 1
    assert not joints[1].any()
    np.testing.assert_array_equal(keypoint[0], joints[0].astype(np.float32))
