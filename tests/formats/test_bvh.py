from __future__ import annotations

import re

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mmsnip.io.annotation import load_annotation
from mmsnip.io.formats import read
from mmsnip.structures import DataError

XYZ = 'Xposition Yposition Zposition'
ZXY = 'Zrotation Xrotation Yrotation'


def write_bvh(tree, rows, frames=None):
    """Text of (name, parent, offset, channels) nodes, parents first.

    A name of None is an End Site.
    """
    lines = ['HIERARCHY']

    def node(index, depth):
        name, parent, offset, channels = tree[index]
        pad = '\t' * depth
        kind = 'ROOT' if parent < 0 else 'JOINT'
        lines.append(pad + (f'{kind} {name}' if name else 'End Site'))
        lines.append(pad + '{')
        lines.append(pad + '\tOFFSET ' + ' '.join(map(repr, offset)))
        if name:
            words = channels.split()
            lines.append(pad + f'\tCHANNELS {len(words)} {channels}')
        for child, (_, above, _, _) in enumerate(tree):
            if above == index:
                node(child, depth + 1)
        lines.append(pad + '}')

    for index, (_, parent, _, _) in enumerate(tree):
        if parent < 0:
            node(index, 0)
    lines += [
        'MOTION',
        f'Frames: {len(rows) if frames is None else frames}',
        'Frame Time: 0.0333333',
    ]
    lines += [' '.join(map(repr, map(float, row))) for row in rows]
    return '\n'.join(lines) + '\n'


def slow_positions(tree, rows, add=()):
    """Joint by joint and frame by frame, with scipy's rotations.

    Nodes must stand in file order (depth first). Position channels replace
    the offset, except at the nodes of `add`.
    """
    positions = np.zeros((len(rows), len(tree), 3))
    for t, row in enumerate(rows):
        values = list(row)
        turned = []
        for v, (_, parent, offset, channels) in enumerate(tree):
            shift, rotation = np.array(offset, float), Rotation.identity()
            for channel in channels.lower().split():
                axis, value = 'xyz'.index(channel[0]), values.pop(0)
                if channel.endswith('rotation'):
                    step = Rotation.from_euler(channel[0], value, degrees=True)
                    rotation = rotation * step
                elif v in add:
                    shift[axis] += value
                else:
                    shift[axis] = value
            if parent >= 0:
                above = turned[parent]
                shift = positions[t, parent] + above.apply(shift)
                rotation = above * rotation
            positions[t, v] = shift
            turned.append(rotation)
    return positions


# Orders, counts and position channels all differ; V = 5 joints.
TREE = [
    ('Hips', -1, (3.0, 90.0, -2.0), f'{XYZ} {ZXY}'),
    ('Spine 1', 0, (1.0, 9.0, 0.5), 'Yrotation Xrotation'),
    ('Neck', 1, (0.0, 7.0, -1.0), 'Xrotation Yrotation Xrotation'),
    (None, 2, (0.0, 4.0, 0.0), ''),
    ('Leg', 0, (6.0, -5.0, 0.0), 'Zrotation Zposition Yrotation Xposition'),
    ('Foot', 4, (0.0, -40.0, 2.0), ''),
]
JOINTS = [0, 1, 2, 4, 5]
ROWS = np.random.default_rng(0).uniform(-170, 170, (13, 15))
TEXT = write_bvh(TREE, ROWS)


@pytest.fixture
def read_bvh(tmp_path):
    def read_text(text, **options):
        path = tmp_path / 'walk.bvh'
        path.write_bytes(text.encode())
        return read(path, **options)

    return read_text


def test_forward_kinematics_match_a_slow_loop(read_bvh):
    found = read_bvh(TEXT)

    expected = slow_positions(TREE, ROWS)[None, :, JOINTS]
    np.testing.assert_allclose(found.keypoint, expected, atol=1e-4)
    assert found.joint_names == ('Hips', 'Spine 1', 'Neck', 'Leg', 'Foot')
    assert list(found.layout.parents) == [-1, 0, 1, 0, 3]
    assert (found.fps, found.notes, found.tracks) == (30.0, (), ('0',))


@pytest.mark.parametrize('order', ['XYZ', 'XZY', 'YXZ', 'YZX', 'ZXY', 'ZYX'])
def test_rotation_channels_turn_about_turned_axes(read_bvh, order):
    channels = ' '.join(f'{axis}rotation' for axis in order)
    tree = [('a', -1, (0, 0, 0), channels), ('b', 0, (1, 2, 3), '')]

    found = read_bvh(write_bvh(tree, ROWS[:, :3]))

    turns = Rotation.from_euler(order, ROWS[:, :3], degrees=True)
    np.testing.assert_allclose(
        found.keypoint[0, :, 1], turns.apply([1, 2, 3]), atol=1e-5
    )


def test_position_channels_replace_the_offset_unless_they_stay_zero(read_bvh):
    tree = [
        ('a', -1, (3, 90, -2), XYZ),
        ('b', 0, (0, 10, 0), XYZ),
        ('c', 1, (0, 8, 0), XYZ),
    ]
    # b repeats its offset, c stays near zero.
    rows = [[1, 2, 3, 0, 10, 0, 0, 0.01, 0], [4, 5, 6, 0, 10, 0, 0, 0, 0.02]]

    found = read_bvh(write_bvh(tree, rows))

    expected = slow_positions(tree, rows, add={2})
    np.testing.assert_allclose(found.keypoint[0], expected)
    assert "['c'] stay near zero" in found.notes[0].text


@pytest.mark.parametrize(
    ('positions', 'add'), [('replace', ()), ('add', range(6))]
)
def test_the_user_says_what_position_channels_do(read_bvh, positions, add):
    found = read_bvh(TEXT, positions=positions)

    expected = slow_positions(TREE, ROWS, add=add)[None, :, JOINTS]
    np.testing.assert_allclose(found.keypoint, expected, atol=1e-4)


def test_joints_are_kept_in_the_order_named(read_bvh):
    found = read_bvh(TEXT, joints=['Foot', 'Neck', 'Hips'])

    expected = slow_positions(TREE, ROWS)[None, :, [5, 2, 0]]
    np.testing.assert_allclose(found.keypoint, expected, atol=1e-4)
    assert found.joint_names == ('Foot', 'Neck', 'Hips')
    assert list(found.layout.parents) == [2, 2, -1]
    with pytest.raises(DataError, match=r"has no joint \['Toe'\]"):
        read_bvh(TEXT, joints=['Toe'])


def test_two_alike_roots_are_two_persons(read_bvh):
    tree = [
        ('A', -1, (0, 0, 0), XYZ),
        ('A_head', 0, (0, 2, 0), ''),
        ('B', -1, (0, 0, 0), XYZ),
        ('B_head', 2, (0, 3, 0), ''),
    ]

    found = read_bvh(write_bvh(tree, ROWS[:, :6]))

    expected = slow_positions(tree, ROWS[:, :6]).reshape(13, 2, 2, 3)
    np.testing.assert_allclose(
        found.keypoint, expected.transpose(1, 0, 2, 3), rtol=1e-6
    )
    assert found.tracks == ('A', 'B')
    assert found.joint_names == ('A', 'A_head')


def test_unlike_roots_become_one_tree(read_bvh):
    tree = [
        ('body', -1, (0, 0, 0), XYZ),
        ('head', 0, (0, 2, 0), ''),
        ('ball', -1, (0, 0, 0), XYZ),
    ]

    found = read_bvh(write_bvh(tree, ROWS[:, :6]))

    assert found.keypoint.shape == (1, 13, 3, 3)
    assert list(found.layout.parents) == [-1, 0, 0]
    assert "['ball'] have nothing above" in found.notes[0].text


@pytest.mark.parametrize(
    ('options', 'joints', 'parents', 'note'),
    [
        (dict(drop=['Hips', 'Spine 1']), [2, 4, 5], [-1, 0, 1], "['Leg'] hav"),
        (dict(end_sites=True), range(6), [-1, 0, 1, 2, 0, 4], ''),
    ],
)
def test_joints_are_dropped_or_added(read_bvh, options, joints, parents, note):
    found = read_bvh(TEXT, **options)

    expected = slow_positions(TREE, ROWS)[:, joints]
    np.testing.assert_allclose(found.keypoint[0], expected, atol=1e-4)
    assert list(found.layout.parents) == parents
    assert note in ''.join(map(str, found.notes))
    assert ('Neck_end' in found.joint_names) == ('end_sites' in options)
    with pytest.raises(DataError, match=r"walk.bvh has no joint \['Tail'\]"):
        read_bvh(TEXT, drop=['Tail'])


def test_case_tabs_line_ends_and_braces_do_not_matter(read_bvh):
    head, motion = TEXT.split('MOTION')
    head = re.sub(r'\s*\n\s*\{\s*\n\s*', ' {\n', head.upper())
    head = head.replace('END SITE', 'End site').replace('OFFSET', 'offset\t')
    motion = motion.replace('Frames:', 'FRAMES :').replace(' ', '\t')
    odd = f'\ufeff{head}motion\n\n{motion}\n\n'.replace('\n', '\r\n')

    found = read_bvh(odd.replace('Frame\tTime:', 'frame  time:'))

    expected = slow_positions(TREE, ROWS)[None, :, JOINTS]
    np.testing.assert_allclose(found.keypoint, expected, atol=1e-4)
    assert found.joint_names[1] == 'SPINE 1'
    assert found.notes == ()


def test_frames_broken_over_lines_are_joined_and_reported(read_bvh):
    head, motion = TEXT.split('0.0333333\n')
    words = motion.split()
    lines = [' '.join(words[n : n + 5]) for n in range(0, len(words), 5)]

    found = read_bvh(head + '0.0333333\n' + '\n'.join(lines))

    expected = slow_positions(TREE, ROWS)[None, :, JOINTS]
    np.testing.assert_allclose(found.keypoint, expected, atol=1e-4)
    assert '39 lines of motion were joined to 13' in found.notes[0].text


def test_the_number_of_rows_is_checked_and_all_are_read(read_bvh):
    more = read_bvh(write_bvh(TREE, ROWS, frames=11))

    assert more.num_frames == 13
    assert '11 frames are announced and 13 follow' in more.notes[0].text
    with pytest.raises(
        DataError, match=r"line \d+: 1000000000 .*'Frames: 13'"
    ):
        read_bvh(write_bvh(TREE, ROWS, frames=10**9))


@pytest.mark.parametrize(
    ('old', 'new', 'message'),
    [
        ('HIERARCHY', 'MODEL', "line 1: found 'MODEL', expected 'HIERARCHY'"),
        ('MOTION', 'MOVES', "without a line 'MOTION'"),
        ('CHANNELS 6 X', 'CHANNELS 7 X', "line 5: found 'CHANNELS 7 X"),
        ('Xposition Y', 'Xscale Y', 'line 5: found'),
        ('Xposition Y', 'Yposition Y', 'no position twice'),
        ('OFFSET 3.0 90.0', 'OFFSET 3.0', 'line 4: found'),
        ('OFFSET 3.0', 'OFFSET nan', 'OFFSET once in a joint, and three'),
        ('\tOFFSET 3.0 90.0 -2.0\n', '', "in 'Hips', expected a brace that"),
        ('ROOT Hips', 'JOINT Hips', "line 2: found 'JOINT Hips', expected"),
        ('JOINT Leg', 'JOINT', 'expected JOINT and a name'),
        ('}\nMOTION', 'MOTION', "line 2: 'Hips' is not closed"),
        ('}\nMOTION', '}\n}\nMOTION', "found '}', expected"),
        ('End Site', 'End Cap', "expected 'End Site'"),
        ('Frames: 13', 'Frames: -3', "line 32: found 'Frames: -3'"),
        ('Frames: 13', 'Frames: 13.5', "expected 'Frames: <number>'"),
        ('Frames: 13', 'Frames: 0', 'has no frames: 0 are announced'),
        ('Frame Time: 0.0333333\n', '', "expected 'Frame Time: <s>'"),
        (str(ROWS[0, 0]), 'nan', "line 34: value 0 is 'nan'"),
        (str(ROWS[0, 0]), '1,5', "line 34: value 0 is '1,5'"),
        (str(ROWS[0, 0]), '1 2', 'line 34: found 16 values, expected 15'),
    ],
)
def test_a_broken_file_is_refused_by_line(read_bvh, old, new, message):
    assert old in TEXT

    with pytest.raises(DataError, match=re.escape(message)) as raised:
        read_bvh(TEXT.replace(old, new, 1))

    assert 'walk.bvh' in str(raised.value)


def test_a_small_file_cannot_ask_for_much_memory(read_bvh):
    joint = 'JOINT a\n{\nOFFSET 0 0 0\n'
    root = 'HIERARCHY\nROOT a\n{\nOFFSET 0 0 0\nCHANNELS 1 Xposition\n'
    head = root + joint * 20000 + '}\n' * 20001

    with pytest.raises(DataError, match='split the recording'):
        read_bvh(
            f'{head}MOTION\nFrames: 50000\nFrame Time: 1\n' + '0\n' * 50000
        )


@pytest.mark.data
def test_bandai_files_give_the_published_joints(data_dir, record_property):
    content = load_annotation(data_dir / 'bandai_trimmed.pkl')
    videos = {v['frame_dir']: v for v in content['annotations']}
    paths = sorted((data_dir / 'bvh_samples').glob('*.bvh'))

    worst = 0.0
    for path in paths:
        found = read(path, drop=['joint_Root'])
        expected = videos[path.stem]['keypoint'].astype(np.float32)
        deviation = np.abs(0.01 * found.keypoint - expected).max()
        worst = max(worst, float(deviation))
        assert found.joint_names == tuple(content['metainfo']['joint_names'])
        assert found.layout.parents == tuple(content['metainfo']['parents'])
        assert found.fps == 30.0

    record_property('deviation from the published joints in m', worst)
    assert len(paths) == 3
    assert worst < 2e-3
