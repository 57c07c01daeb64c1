from __future__ import annotations

import numpy as np
import pytest

from mmsnip.io.formats.ntu import (
    NTU_CLASSES,
    Body,
    NTUName,
    ntu_name,
    read_name_list,
    select_bodies,
)
from mmsnip.structures import DataError
from tests.formats.ntu_text import (
    FIRST_ID,
    frames_of,
    ntu_text,
    random_frames,
    standing,
)
from tests.formats.readers import read_ntu

INFO = ('id', 'clipped', 'lc', 'ls', 'rc', 'rs', 'restricted', 'lx', 'ly', 's')
JOINT = ('x', 'y', 'z', 'dx', 'dy', 'cx', 'cy', 'qw', 'qx', 'qy', 'qz', 's')


def read_by_dicts(path):
    """Every number a float in a dict, a dict a joint; {id: {frame: xyz}}.

    The manner of the ST-GCN line of preparations, with ids kept as text.
    """
    frames = []
    with open(path) as stream:
        for _ in range(int(stream.readline())):
            bodies = []
            for _ in range(int(stream.readline())):
                words = stream.readline().split()
                body = dict(zip(INFO, words))
                body['joints'] = []
                for _ in range(int(stream.readline())):
                    words = stream.readline().split()
                    joint = {k: float(w) for k, w in zip(JOINT, words)}
                    body['joints'].append(joint)
                bodies.append(body)
            frames.append(bodies)
    tracks = {}
    for t, bodies in enumerate(frames):
        for body in bodies:
            xyz = np.zeros((25, 3), np.float32)
            for v, joint in enumerate(body['joints']):
                xyz[v] = joint['x'], joint['y'], joint['z']
            tracks.setdefault(body['id'], {}).setdefault(t, xyz)
    return len(frames), tracks


def dense(num_frames, tracks):
    """(M, T, 25, 3) in order of appearance, zeros where absent."""
    out = np.zeros((len(tracks), num_frames, 25, 3), np.float32)
    for m, frames in enumerate(tracks.values()):
        for t, xyz in frames.items():
            out[m, t] = xyz
    return out


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


def body(name, first, joints):
    frames = np.arange(first, first + len(joints))
    return Body(name, frames, joints.astype(np.float32))


def names(persons):
    return [[own.track_id for own in person] for person in persons]


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_a_body_of_eleven_frames_is_dropped_and_one_of_twelve_is_not(rng):
    bodies = [
        body('a', 0, standing(rng, 30)),
        body('b', 0, standing(rng, 11, motion=9)),
        body('c', 0, standing(rng, 12, motion=0.01)),
    ]

    persons, mended = select_bodies(bodies)

    assert names(persons) == [['a'], ['c']]
    assert mended == [
        'body b is left out: it is listed in 11 frames, fewer than 12'
    ]


def test_a_joined_person_carries_both_ids(tmp_path, rng):
    path = tmp_path / 'a.skeleton'
    tracks = [(7, 0, standing(rng, 20)), (8, 25, standing(rng, 15))]
    path.write_text(ntu_text(frames_of(tracks, 40)))

    keypoint, metadata = read_ntu(path)

    assert sorted(metadata['track_ids'][0].split('+')) == ['7', '8']
    assert len(keypoint) == len(metadata['mended']) == 1
    present = keypoint[0].any(axis=(1, 2))
    assert np.flatnonzero(~present).tolist() == [20, 21, 22, 23, 24]


@pytest.mark.parametrize(('motion', 'kept'), [(0.0, 1), (0.5, 2), (3.0, 1)])
def test_the_motion_rule_drops_still_and_wild_bodies_on_request(motion, kept):
    rng = np.random.default_rng(1)
    thin = standing(rng, 400) * (0.01, 0.01, 0.01)
    moved = thin + rng.normal(size=(400, 1, 3)) * (motion / 3) ** 0.5
    main = thin + rng.normal(size=(400, 1, 3)) * 9
    bodies = [body('main', 0, main), body('other', 0, moved)]

    persons, mended = select_bodies(bodies, motion_rule=True)

    assert len(persons) == kept
    assert len(mended) == 2 - kept
    assert len(select_bodies(bodies)[0]) == 2


def slow_selection(tracks, num_frames):
    """The published rules once more, in loops over frames and joints."""
    alive = {n: j for n, _, j in tracks if len(j) > 11}
    first = {n: t for n, t, _ in tracks}
    motion = {}
    for name in list(alive):
        points = alive[name].reshape(-1, 3)
        motion[name] = sum(np.var(points[:, c]) for c in range(3))
        if len(alive) == 1:
            break
        good = []
        for xyz in alive[name]:
            width = max(xyz[:, 0]) - min(xyz[:, 0])
            height = max(xyz[:, 1]) - min(xyz[:, 1])
            if width <= 0.8 * height:
                good.append(xyz)
        if 1 - len(good) / len(alive[name]) >= 0.69754:
            del alive[name]
        elif len(good) < len(alive[name]):
            points = np.concatenate(good)
            part = sum(np.var(points[:, c]) for c in range(3))
            motion[name] = min(motion[name], part)
    out = np.zeros((2, num_frames, 25, 3))
    spans = [None, None]
    for name in sorted(alive, key=lambda name: -motion[name]):
        start, end = first[name], first[name] + len(alive[name]) - 1
        for slot in range(2):
            span = spans[slot]
            if span is None or min(span[1], end) - max(span[0], start) <= 0:
                out[slot, start : end + 1] = alive[name]
                span = span or (start, end)
                spans[slot] = min(span[0], start), max(span[1], end)
                break
    return out


@pytest.mark.parametrize('seed', range(12))
def test_reading_follows_the_published_rules_in_loops(tmp_path, seed):
    rng = np.random.default_rng(seed)
    T = 60
    tracks = []
    for n in range(6):
        start = int(rng.integers(0, 40))
        joints = standing(rng, int(rng.integers(5, 61 - start)))
        flat = rng.random(len(joints)) < rng.choice([0, 0.3, 0.9])
        joints[flat] = joints[flat][..., [1, 0, 2]]
        tracks.append((n, start, joints.astype(np.float32)))
    tracks[0] = (0, 0, standing(rng, T).astype(np.float32))
    tracks.sort(key=lambda track: track[1])
    path = tmp_path / 'a.skeleton'
    path.write_text(ntu_text(frames_of(tracks, T)))

    keypoint, _ = read_ntu(path)

    expected = slow_selection(tracks, T)
    np.testing.assert_allclose(
        keypoint, expected[: len(keypoint)], rtol=0, atol=2e-6
    )
    assert not expected[len(keypoint) :].any()


MISSING = """\
3 of the captured samples in the "NTU RGB+D" dataset have missing skeletons.
If you are working on skeleton-based analysis, please ignore these files.

S001C002P005R002A008
S001C002P006R001A008
S001C003P002R001A055
"""
NAMES = MISSING.split('\n')[3:6]


@pytest.mark.parametrize(
    'name',
    [
        'S001C002P003R002A013',
        'S001C002P003R002A013.skeleton',
        '/a/b/S001C002P003R002A013.skeleton',
        'a\\S001C002P003R002A013.npy',
    ],
)
def test_a_name_gives_its_five_numbers(name):
    assert ntu_name(name) == NTUName(1, 2, 3, 2, 13)


@pytest.mark.parametrize(
    ('name', 'message'),
    [
        ('S001C002P003R002', 'is no name of NTU'),
        ('S001C002P003R002A13', 'is no name of NTU'),
        ('xS001C002P003R002A013', 'is no name of NTU'),
        ('', 'is no name of NTU'),
        ('S033C002P003R002A013', 'has setup 33; expected 1 to 32'),
        ('S001C000P003R002A013', 'has camera 0; expected 1 to 3'),
        ('S001C001P107R002A013', 'has performer 107; expected 1 to 106'),
        ('S001C001P003R003A013', 'has replication 3; expected 1 to 2'),
        ('S001C001P003R002A121', 'has action 121; expected 1 to 120'),
    ],
)
def test_other_names_are_refused(name, message):
    with pytest.raises(DataError, match=message):
        ntu_name(name)


def test_the_classes_are_those_of_the_readme():
    assert len(NTU_CLASSES) == len(set(NTU_CLASSES)) == 120
    assert NTU_CLASSES[0] == 'drink water'
    assert NTU_CLASSES[59] == 'walking apart from each other'
    assert NTU_CLASSES[60] == 'put on headphone'
    assert NTU_CLASSES[98] == 'running on the spot'


def test_a_list_gives_its_names_once(tmp_path):
    path = tmp_path / 'missing.txt'
    text = f'{MISSING}\n{NAMES[0]}.skeleton\n'
    path.write_bytes(text.replace('\n', '\r\n').encode())

    assert read_name_list(path) == NAMES


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('a\nb c\n', "line 2: found 'b c', expected one name a line"),
        ('only some prose\n', 'holds no name'),
        ('a\n../../b\n', 'line 2: .* cannot name a recording'),
        ('a\n.skeleton\n', 'line 2: .* cannot name a recording'),
    ],
)
def test_other_lists_are_refused(tmp_path, text, message):
    path = tmp_path / 'missing.txt'
    path.write_text(text)

    with pytest.raises(DataError, match=message):
        read_name_list(path)
