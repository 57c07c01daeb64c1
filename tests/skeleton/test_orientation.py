"""Which side is left, and which way is up."""

from __future__ import annotations

import numpy as np
import pytest

from mmsnip.io.formats import read
from mmsnip.skeleton.layout import SkeletonLayout, from_metainfo, get_layout
from mmsnip.skeleton.orientation import left_right_frames, up_of_bodies
from mmsnip.synthesis import synthesize_trimmed

NAMES = (
    *('pelvis', 'head', 'left_shoulder', 'right_shoulder', 'left_hip'),
    *('right_hip', 'left_ankle', 'right_ankle', 'left_foot', 'right_foot'),
)
LAYOUT = SkeletonLayout('stick', NAMES, (-1,) + (0,) * 9)
# y up, the toes point to z, so that left is x.
STICK = np.array([
    [0, 1.0, 0], [0, 1.7, 0], [0.2, 1.4, 0], [-0.2, 1.4, 0], [0.1, 1.0, 0],
    [-0.1, 1.0, 0], [0.1, 0.1, 0], [-0.1, 0.1, 0], [0.1, 0.02, 0.2],
    [-0.1, 0.02, 0.2],
])  # fmt: skip


def bodies(pose=STICK):
    return np.tile(pose, (2, 13, 1, 1)) + np.array([3.0, 1.0, 2.0])


def rotation(seed):
    matrix, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return matrix * np.linalg.det(matrix)


@pytest.mark.parametrize('seed', range(4))
def test_left_is_left_however_the_body_is_turned(seed):
    turned = bodies() @ rotation(seed).T

    assert left_right_frames(turned, LAYOUT) == (26, 26)


def test_a_mirrored_body_is_found():
    assert left_right_frames(bodies() * [-1, 1, 1], LAYOUT) == (0, 26)


def test_swapped_names_are_found():
    names = [NAMES[v] for v in (0, 1, 3, 2, 5, 4, 7, 6, 9, 8)]
    swapped = SkeletonLayout('swapped', names, LAYOUT.parents)

    assert left_right_frames(bodies(), swapped) == (0, 26)


def test_absent_bodies_and_lost_joints_tell_nothing():
    keypoint = bodies()
    keypoint[1] = 0
    keypoint[0, :4, 8] = 0

    assert left_right_frames(keypoint, LAYOUT) == (9, 9)


def test_feet_along_the_trunk_tell_nothing():
    pointed = STICK.copy()
    pointed[8:] = pointed[6:8] - [0, 0.2, 0]

    assert left_right_frames(bodies(pointed), LAYOUT) == (0, 0)


def test_layouts_without_feet_and_two_dimensions_tell_nothing():
    coco = get_layout('coco')

    assert left_right_frames(np.ones((1, 13, 17, 3)), coco) == (0, 0)
    assert left_right_frames(bodies()[..., :2], LAYOUT) == (0, 0)


def test_synthetic_people_have_left_on_the_left():
    data = synthesize_trimmed(3, 1, seed=0)
    layout = from_metainfo(data['metainfo'])
    for video in data['annotations']:
        agree, told = left_right_frames(video['keypoint'], layout)
        assert told > 0
        assert agree == told


@pytest.mark.data
def test_real_recordings_have_left_on_the_left(data_dir, record_property):
    layout = get_layout('nturgb+d')
    shares = []
    for path in sorted((data_dir / 'ntu_samples').glob('*.skeleton')):
        agree, told = left_right_frames(read(path).keypoint, layout)
        shares.append(agree / told)
    record_property('least share', min(shares))

    assert len(shares) == 5
    assert min(shares) > 0.95


def lying(N=4, V=5, C=3):
    """Bodies whose joints lie one behind the other along x."""
    bodies = np.random.default_rng(0).normal(0, 0.01, (N, V, C))
    bodies[..., 0] += np.arange(V)
    return bodies


@pytest.mark.parametrize(('spine', 'sign'), [((1, 3), 1), ((3, 1), -1)])
def test_up_is_where_the_trunk_points(spine, sign):
    assert up_of_bodies(lying(), spine) == (0, sign)
    assert up_of_bodies(lying(C=2), spine) == (0, sign)


def test_without_a_trunk_the_longest_axis_points_up_and_pixel_rows_down():
    assert up_of_bodies(lying()) == (0, 1)
    assert up_of_bodies(np.zeros((4, 5, 3)), (1, 3)) == (0, 1)
    assert up_of_bodies(lying(C=2)) == (1, -1)


@pytest.mark.parametrize(('C', 'expected'), [(3, (1, 1)), (2, (1, -1))])
def test_nobody_stands_as_is_usual(C, expected):
    assert up_of_bodies(np.zeros((0, 5, C)), (1, 3)) == expected
