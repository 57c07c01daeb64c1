"""A file of each format, written to its public layout, and what it says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mmsnip.io.formats import (
    FORMATS,
    READERS,
    formats_table,
    group_frames,
    read,
)

GOLDEN = Path(__file__).parent / 'golden'


def grid(T=3, V=3, M=1, C=3, more=0.0):
    """Joint v of person m in frame t: (1 + t + v + 5m, 2 + 10v, 3 + v)."""
    m, t, v = np.ogrid[:M, :T, :V]
    axes = (
        1 + t + v + 5 * m,
        2 + 10 * v + 0 * t + 0 * m,
        3 + v + 0 * t + 0 * m,
    )
    return np.stack(np.broadcast_arrays(*axes)[:C], axis=-1) + more


def lost(keypoint, *places):
    for place in places:
        keypoint[place] = 0
    return keypoint


def ntu():
    v, t = np.arange(25.0)[None], np.arange(2.0)[:, None]
    axes = np.broadcast_arrays(v / 10, 1 - v / 20, 3 + t / 10)
    return np.stack(axes, axis=-1)[None]


def pkummd():
    second = ntu() + [1, 0, 0]
    return np.concatenate([ntu(), lost(second, (0, 0))])


def film(V, M=1, T=3):
    m, t, v = np.ogrid[:M, :T, :V]
    axes = (100 + 200 * m + v + t, 50 + 10 * v + 0 * t + 0 * m)
    return np.stack(np.broadcast_arrays(*axes), axis=-1).astype(float)


def blaze():
    t = np.array([0, 40, 80, 120, 160, 200, 240.0])[:, None]
    v = np.arange(33.0)[None]
    axes = np.broadcast_arrays((1 + v) / 10, v / 20 + t / 100, 0.5)
    return lost(np.stack(axes, axis=-1)[None], (0, slice(4, 6)))


def yolo():
    m, t, v = np.ogrid[:2, 1:5, :17]
    axes = (
        0.1 + 0.3 * m + 0.01 * v + 0 * t,
        0.2 + 0.02 * v + 0.01 * t + 0 * m,
    )
    return lost(np.stack(axes, axis=-1), (slice(None), 2))


HIP_NECK = [[[0, 0, 0], [0, 10, 0]], [[2, 3, 4], [-8, 3, 4]]]
BVH = np.array([[*HIP_NECK, [[4, 6, 8], [4, 16, 8]]]], float)
CHAIN = ('hip', 'neck', 'head')
CASES = {
    'walk.bvh': (BVH, dict(fps=30.0, unit=None, joint_names=CHAIN[:2])),
    'walk.csv': (grid(), dict(fps=50.0, joint_names=CHAIN)),
    'rows.csv': (
        grid(M=2, more=0.5),
        dict(fps=None, joint_names=CHAIN, tracks=('a', 'b')),
    ),
    'bare.txt': (grid(more=0.25), dict(first_frame=7, up=None)),
    'motive.csv': (
        grid(more=0.5),
        dict(fps=60.0, unit='mm', up='y', joint_names=CHAIN),
    ),
    'vicon.csv': (
        lost(grid(M=2), (1, 1, 2)),
        dict(fps=100.0, unit='mm', up='z', tracks=('Ann', 'Bob')),
    ),
    'deeplabcut.csv': (
        grid(C=2),
        dict(fps=None, unit='pixel', up='-y', of_film=True),
    ),
    'deeplabcut_two.csv': (
        lost(grid(M=2, C=2), (1, 2)),
        dict(tracks=('ann', 'bob'), first_frame=4),
    ),
    'walk.trc': (
        lost(grid(more=0.5), (0, 2, 0)),
        dict(fps=100.0, unit='mm', up='y', joint_names=CHAIN, first_frame=1),
    ),
    'ultralytics': (
        yolo(),
        dict(unit='normalized', tracks=('7', '8'), first_frame=1, fps=None),
    ),
    'mediapipe_body_3d_xyz.csv': (grid(V=33), dict(unit='mm', up='z')),
    'mediapipe_body_3d_xyz.npy': (grid(V=33), dict(unit='mm', up='z')),
    'walk.npy': (grid(), dict(fps=None, unit=None, up=None)),
    'walk.npz': (grid(M=2), dict(fps=25.0, unit='m', up='z')),
    'S001C001P001R001A001.skeleton': (ntu(), dict(fps=30.0, up='y')),
    '0002-L.txt': (pkummd(), dict(fps=30.0, unit='m', tracks=('0', '1'))),
    'mmpose.json': (film(17, M=2), dict(unit='pixel', up='-y', fps=None)),
    'mediapipe.json': (blaze(), dict(unit='m', up='-y', fps=25.0)),
    'alphapose.json': (film(17, M=2), dict(first_frame=7)),
    'openpose': (film(25), dict(unit='pixel', of_film=True)),
}
LAYOUTS = {
    'mediapipe_body_3d_xyz.csv': 'mediapipe',
    'mediapipe_body_3d_xyz.npy': 'mediapipe',
    'mediapipe.json': 'mediapipe',
    'alphapose.json': 'coco',
    'mmpose.json': 'coco',
    'ultralytics': 'coco',
    'openpose': 'openpose-25',
    'S001C001P001R001A001.skeleton': 'nturgb+d-official',
    '0002-L.txt': 'nturgb+d-official',
}


@pytest.mark.parametrize('name', CASES)
def test_the_golden_file_of_each_format_gives_what_it_says(name):
    keypoint, facts = CASES[name]

    recording = read(GOLDEN / name)

    np.testing.assert_allclose(recording.keypoint, keypoint, rtol=1e-6)
    assert {key: getattr(recording, key) for key in facts} == facts
    layout = recording.layout
    assert (layout and layout.name) == LAYOUTS.get(name, layout and 'custom')
    assert recording.name in (name, Path(name).stem)


def test_lost_joints_are_told_by_the_mask_and_never_filled():
    vicon = read(GOLDEN / 'vicon.csv')
    bvh = read(GOLDEN / 'walk.bvh')

    assert np.argwhere(~vicon.present).tolist() == [[1, 1, 2]]
    assert bvh.present.all()  # also where the hip is at the origin


def test_every_format_has_a_golden_file():
    stems = {GOLDEN / name: read for name in CASES}
    seen = set()
    for path in stems:
        ending = '.json' if path.name == 'openpose' else path.suffix
        ending = '.txt' if path.name == 'ultralytics' else ending
        seen.add(ending)
    assert set(READERS) - {'.tsv'} == seen
    titles = {known.title for known in FORMATS}
    assert all(f'| {title} |' in formats_table() for title in titles)


def test_parents_of_a_motive_export_are_its_layout():
    assert read(GOLDEN / 'motive.csv').layout.parents == (-1, 0, 1)


def test_a_column_map_says_which_lines_are_the_header():
    recording = read(GOLDEN / 'notes_first.csv', GOLDEN / 'columns.yaml')

    np.testing.assert_array_equal(recording.keypoint, grid(C=2)[:, :, [0, 2]])
    assert recording.fps == 24.0
    assert recording.layout.joint_names == ('hip', 'head')


def test_a_column_map_goes_before_a_header_that_is_known():
    columns = dict(header=False, joints={'a': [6, 7, 8], 'b': [13, 14, 15]})
    motive = read(GOLDEN / 'motive.csv', columns)
    half = read(GOLDEN / 'deeplabcut.csv', dict(fps=12.5))

    assert motive.joint_names == ('a', 'b')
    np.testing.assert_array_equal(motive.keypoint, grid(V=2, more=0.5))
    assert (motive.unit, motive.fps, half.fps) == ('mm', 60.0, 12.5)


def test_folders_of_frames_are_one_recording_each():
    files = [p for p in GOLDEN.rglob('*') if p.suffix in READERS]

    names = {path.name for path in group_frames(files)}

    assert {'openpose', 'ultralytics', 'walk.bvh', '0002-L.txt'} <= names
    assert not any('walk_' in name for name in names)


@pytest.mark.parametrize(
    'name', ['motive.csv', 'vicon.csv', 'deeplabcut_two.csv', 'walk.trc']
)
def test_a_column_map_adds_what_a_known_header_lacks(name):
    plain = read(GOLDEN / name)

    recording = read(GOLDEN / name, dict(parents=[-1, 0, 1], scale=0.5))

    np.testing.assert_allclose(recording.keypoint, 0.5 * plain.keypoint)
    assert recording.layout.parents == (-1, 0, 1)
    assert (recording.unit, recording.fps) == ('m', plain.fps)
    assert recording.tracks == plain.tracks
