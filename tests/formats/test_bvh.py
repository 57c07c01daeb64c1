from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mmsnip.io.annotation import load_annotation
from mmsnip.structures import DataError
from tests.formats.bvh_text import XYZ, ZXY, slow_positions, write_bvh
from tests.formats.readers import read_any as read_bvh

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
CHANNELS = 15


def draw_rows(T=13, channels=CHANNELS, seed=0):
    return np.random.default_rng(seed).uniform(-170, 170, (T, channels))


def save(folder, text):
    path = Path(folder) / 'walk.bvh'
    path.write_bytes(text.encode())
    return path


def test_forward_kinematics_match_a_slow_loop(tmp_path):
    rows = draw_rows()

    keypoint, metadata = read_bvh(save(tmp_path, write_bvh(TREE, rows)))

    expected = slow_positions(TREE, rows)[None, :, JOINTS]
    assert keypoint.dtype == np.float32
    assert keypoint.shape == (1, 13, 5, 3)
    np.testing.assert_allclose(keypoint, expected, atol=1e-4)
    assert metadata == dict(
        layout=dict(
            joint_names=['Hips', 'Spine 1', 'Neck', 'Leg', 'Foot'],
            parents=[-1, 0, 1, 0, 3],
        ),
        joint_names=['Hips', 'Spine 1', 'Neck', 'Leg', 'Foot'],
        fps=30.0,
        track_ids=['0'],
        mended=[],
    )


def test_positions_are_those_of_pybvh(tmp_path):
    pybvh = pytest.importorskip('pybvh')
    tree = [
        ('Hips', -1, (3.0, 90.0, -2.0), f'{XYZ} {ZXY}'),
        ('Spine', 0, (1.0, 9.0, 0.5), ZXY),
        ('Head', 1, (0.0, 7.0, -1.0), ZXY),
        (None, 2, (0.0, 4.0, 0.0), ''),
    ]
    path = save(tmp_path, write_bvh(tree, draw_rows(channels=12)))

    other = pybvh.read_bvh_file(path, world_up='+y')

    keypoint, _ = read_bvh(path, end_sites=True)
    np.testing.assert_allclose(keypoint[0], other.node_positions(), atol=1e-4)


@pytest.mark.parametrize('order', ['XYZ', 'XZY', 'YXZ', 'YZX', 'ZXY', 'ZYX'])
def test_rotation_channels_turn_about_turned_axes(tmp_path, order):
    channels = ' '.join(f'{axis}rotation' for axis in order)
    tree = [('a', -1, (0, 0, 0), channels), ('b', 0, (1, 2, 3), '')]
    angles = draw_rows(T=7, channels=3)

    keypoint, _ = read_bvh(save(tmp_path, write_bvh(tree, angles)))

    turns = Rotation.from_euler(order, angles, degrees=True)
    np.testing.assert_allclose(
        keypoint[0, :, 1], turns.apply([1, 2, 3]), atol=1e-5
    )


def test_position_channels_replace_the_offset_or_add_to_it(tmp_path):
    tree = [
        ('a', -1, (3, 90, -2), XYZ),
        ('b', 0, (0, 10, 0), XYZ),
        ('c', 1, (0, 8, 0), XYZ),
    ]
    # b repeats its offset, c stays near zero.
    rows = [[1, 2, 3, 0, 10, 0, 0, 0.01, 0], [4, 5, 6, 0, 10, 0, 0, 0, 0.02]]
    path = save(tmp_path, write_bvh(tree, rows))

    auto, metadata = read_bvh(path)
    replaced, _ = read_bvh(path, positions='replace')
    added, _ = read_bvh(path, positions='add')

    np.testing.assert_allclose(auto[0], slow_positions(tree, rows, add={2}))
    np.testing.assert_allclose(replaced[0], slow_positions(tree, rows))
    np.testing.assert_allclose(
        added[0], slow_positions(tree, rows, add={0, 1, 2})
    )
    assert "['c'] stay near zero" in metadata['mended'][0]


def test_two_alike_roots_are_two_persons(tmp_path):
    tree = [
        ('A', -1, (0, 0, 0), XYZ),
        ('A_head', 0, (0, 2, 0), ''),
        ('B', -1, (0, 0, 0), XYZ),
        ('B_head', 2, (0, 3, 0), ''),
    ]
    rows = draw_rows(T=7, channels=6)

    keypoint, metadata = read_bvh(save(tmp_path, write_bvh(tree, rows)))

    expected = slow_positions(tree, rows).reshape(7, 2, 2, 3)
    np.testing.assert_allclose(
        keypoint, expected.transpose(1, 0, 2, 3), rtol=1e-6
    )
    assert metadata['track_ids'] == ['A', 'B']
    assert metadata['layout'] == dict(
        joint_names=['A', 'A_head'], parents=[-1, 0]
    )


def test_unlike_roots_become_one_tree(tmp_path):
    tree = [
        ('body', -1, (0, 0, 0), XYZ),
        ('head', 0, (0, 2, 0), ''),
        ('ball', -1, (0, 0, 0), XYZ),
    ]
    rows = draw_rows(T=7, channels=6)

    keypoint, metadata = read_bvh(save(tmp_path, write_bvh(tree, rows)))

    assert keypoint.shape == (1, 7, 3, 3)
    assert metadata['layout']['parents'] == [-1, 0, 0]
    assert "roots ['ball'] were hung on 'body'" in metadata['mended'][0]


@pytest.mark.parametrize(
    ('arguments', 'joints', 'parents', 'note'),
    [
        (dict(drop=['Hips', 'Spine 1']), [2, 4, 5], [-1, 0, 1], "['Leg'] los"),
        (dict(joints=['Foot', 'Neck', 'Hips']), [5, 2, 0], [2, 2, -1], ''),
        (dict(end_sites=True), range(6), [-1, 0, 1, 2, 0, 4], ''),
    ],
)
def test_joints_are_dropped_picked_or_added(
    tmp_path, arguments, joints, parents, note
):
    rows = draw_rows()

    keypoint, metadata = read_bvh(
        save(tmp_path, write_bvh(TREE, rows)), **arguments
    )

    expected = slow_positions(TREE, rows)[:, joints]
    np.testing.assert_allclose(keypoint[0], expected, atol=1e-4)
    assert metadata['layout']['parents'] == parents
    assert note in ''.join(metadata['mended'])
    ends = 'Neck_end' in metadata['joint_names']
    assert ends == ('end_sites' in arguments)


def test_case_tabs_line_ends_and_braces_do_not_matter(tmp_path):
    rows = draw_rows()
    text = write_bvh(TREE, rows)
    head, motion = text.split('MOTION')
    head = re.sub(r'\s*\n\s*\{\s*\n\s*', ' {\n', head.upper())
    head = head.replace('END SITE', 'End site').replace('OFFSET', 'offset\t')
    motion = motion.replace('Frames:', 'FRAMES :').replace(' ', '\t')
    odd = f'\ufeff{head}motion\n\n{motion}\n\n'.replace('\n', '\r\n')
    odd = odd.replace('Frame\tTime:', 'frame  time:')

    keypoint, metadata = read_bvh(save(tmp_path, odd))

    expected = slow_positions(TREE, rows)[None, :, JOINTS]
    np.testing.assert_allclose(keypoint, expected, atol=1e-4)
    assert metadata['layout']['joint_names'][1] == 'SPINE 1'
    assert metadata['mended'] == []


def test_frames_broken_over_lines_are_joined_and_reported(tmp_path):
    rows = draw_rows()
    text = write_bvh(TREE, rows)
    head, motion = text.split('0.0333333\n')
    words = motion.split()
    lines = [' '.join(words[n : n + 5]) for n in range(0, len(words), 5)]

    keypoint, metadata = read_bvh(
        save(tmp_path, head + '0.0333333\n' + '\n'.join(lines))
    )

    expected = slow_positions(TREE, rows)[None, :, JOINTS]
    np.testing.assert_allclose(keypoint, expected, atol=1e-4)
    assert metadata['mended'] == [
        '39 lines of motion were joined to 13 frames of 15 channels'
    ]


def test_more_rows_than_announced_are_read_and_reported(tmp_path):
    text = write_bvh(TREE, draw_rows(), frames=11)

    keypoint, metadata = read_bvh(save(tmp_path, text))

    assert keypoint.shape[1] == 13
    assert '11 frames are announced and 13 follow' in metadata['mended'][0]


def test_fewer_rows_than_announced_are_refused(tmp_path):
    text = write_bvh(TREE, draw_rows(), frames=10**9)

    with pytest.raises(
        DataError, match=r"line \d+: 1000000000 frames .*'Frames: 13'"
    ):
        read_bvh(save(tmp_path, text))


@pytest.mark.parametrize(
    ('old', 'new', 'message'),
    [
        ('HIERARCHY', 'MODEL', "line 1: expected 'HIERARCHY'"),
        ('MOTION', 'MOVES', "without a line 'MOTION'"),
        ('CHANNELS 6 X', 'CHANNELS 7 X', "line 5: CHANNELS of 'Hips'"),
        ('Xposition Y', 'Xscale Y', "line 5: CHANNELS of 'Hips': 'xscale'"),
        ('Xposition Y', 'Yposition Y', "of 'Hips' has 'yposition' twice"),
        ('OFFSET 3.0 90.0', 'OFFSET 3.0', "line 4: OFFSET of 'Hips' is"),
        ('OFFSET 3.0', 'OFFSET nan', "line 4: OFFSET of 'Hips' is"),
        ('\tOFFSET 3.0 90.0 -2.0\n', '', "'Hips' has no OFFSET"),
        ('ROOT Hips', 'JOINT Hips', 'line 2: a JOINT cannot stand here'),
        ('JOINT Leg', 'JOINT', 'the JOINT has no name'),
        ('}\nMOTION', 'MOTION', "line 2: 'Hips' is not closed"),
        ('}\nMOTION', '}\n}\nMOTION', "it closes nothing; found '}'"),
        ('End Site', 'End Cap', "expected 'End Site'"),
        ('Frames: 13', 'Frames: -3', "line 32: found 'Frames: -3'"),
        ('Frames: 13', 'Frames: 13.5', "expected 'Frames: <number>'"),
        ('Frames: 13', 'Frames: 0', 'has no frames: 0 are announced'),
        ('Frame Time: 0.0333333\n', '', "expected 'Frame Time: <s>'"),
    ],
)
def test_a_broken_file_is_refused_by_line(tmp_path, old, new, message):
    text = write_bvh(TREE, draw_rows())
    assert old in text

    with pytest.raises(DataError, match=re.escape(message)):
        read_bvh(save(tmp_path, text.replace(old, new, 1)))


@pytest.mark.parametrize(
    ('word', 'message'),
    [
        ('nan', 'line 34, frame 0: channel 0 is nan'),
        ('1,5', "line 34: '1,5' is no number"),
        ('1.0 2.0', 'line 34: found 16 values, expected 15'),
        ('', 'line 34: found 14 values, expected 15'),
    ],
)
def test_a_wrong_number_is_refused_by_line(tmp_path, word, message):
    lines = write_bvh(TREE, draw_rows()).split('\n')
    assert lines[32].startswith('Frame Time')
    lines[33] = re.sub(r'^\S+', word, lines[33])

    with pytest.raises(DataError, match=re.escape(message)):
        read_bvh(save(tmp_path, '\n'.join(lines)))


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(positions='sum'), "positions='sum' is unknown"),
        (dict(drop=['Tail']), r"drop=\['Tail'\] must be a list of joints"),
        (dict(drop='Hips'), "drop='Hips' must be a list"),
        (dict(joints=['Leg', 'Leg']), 'names a joint twice'),
        (dict(joints=[]), 'leave no joint'),
    ],
)
def test_a_wrong_argument_is_refused(tmp_path, arguments, message):
    path = save(tmp_path, write_bvh(TREE, draw_rows()))

    with pytest.raises(DataError, match=message):
        read_bvh(path, **arguments)


def test_a_small_file_cannot_ask_for_much_memory(tmp_path):
    joint = 'JOINT a\n{\nOFFSET 0 0 0\n'
    root = 'HIERARCHY\nROOT a\n{\nOFFSET 0 0 0\nCHANNELS 1 Xposition\n'
    head = root + joint * 20000 + '}\n' * 20001
    text = f'{head}MOTION\nFrames: 50000\nFrame Time: 1\n' + '0\n' * 50000

    with pytest.raises(DataError, match='split the recording'):
        read_bvh(save(tmp_path, text))


@pytest.mark.data
def test_bandai_files_give_the_published_joints(data_dir, record_property):
    content = load_annotation(data_dir / 'bandai_trimmed.pkl')
    videos = {v['frame_dir']: v for v in content['annotations']}
    paths = sorted((data_dir / 'bvh_samples').glob('*.bvh'))

    worst = 0.0
    for path in paths:
        keypoint, metadata = read_bvh(path, drop=['joint_Root'])
        expected = videos[path.stem]['keypoint'].astype(np.float32)
        worst = max(worst, float(np.abs(0.01 * keypoint - expected).max()))
        layout = metadata['layout']
        assert layout['joint_names'] == content['metainfo']['joint_names']
        assert layout['parents'] == list(content['metainfo']['parents'])
        assert metadata['fps'] == 30.0

    record_property('deviation from the published joints in m', worst)
    assert len(paths) == 3
    assert worst < 2e-3
