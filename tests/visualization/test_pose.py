"""Skeletons: sides, views, and which way is up."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex

from mmsnip.visualization.canvas import new_figure
from mmsnip.visualization.pose import (
    LEFT_COLOR,
    MIDDLE_COLOR,
    RIGHT_COLOR,
    draw_pose,
    project_pose,
    up_axis,
    view_across,
)

NAMES = ['Hips', 'Spine', 'Hand_L', 'Hand_R', 'Foot_L', 'Foot_R']
PARENTS = [-1, 0, 1, 1, 0, 0]
# y is up, the body looks along +z, so its left is +x.
BODY = np.array(
    [[0, 1, 0], [0, 2, 0], [1, 2, 0], [-1, 2, 0], [0.3, 0, 0], [-0.3, 0, 0]]
)
PAIRS = [(2, 3), (4, 5)]


def rotation(axis, degrees):
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    i, j = (axis + 1) % 3, (axis + 2) % 3
    matrix = np.eye(3)
    matrix[[i, i, j, j], [i, j, i, j]] = c, -s, s, c
    return matrix


def bones_of(ax):
    (lines,) = ax.collections
    return lines


def test_bones_wear_the_colour_of_their_side():
    ax = new_figure(2, 2).add_subplot()
    draw_pose(ax, BODY, PARENTS, joint_names=NAMES)
    colors = [to_hex(c).upper() for c in bones_of(ax).get_colors()]
    left, right, middle = LEFT_COLOR, RIGHT_COLOR, MIDDLE_COLOR
    assert colors == [middle, left, right, left, right]


@pytest.mark.parametrize('heading', [0, 37, 145, 260])
def test_the_view_turns_with_the_body(heading):
    turned = BODY @ rotation(1, heading).T
    views = [
        project_pose(b, (1, 1), view_across(b[None], (1, 1), PAIRS))
        for b in (BODY, turned)
    ]
    np.testing.assert_allclose(views[0], views[1], atol=1e-9)


@pytest.mark.parametrize('up', [(0, 1), (1, 1), (2, 1), (0, -1), (2, -1)])
def test_no_choice_of_axis_mirrors_the_body(up):
    axis, sign = up
    points = project_pose(np.eye(3), up, np.array([1.0, 0.0]), turn_deg=0)
    # Picture plane and line of sight: a rotation has determinant +1.
    right, above = points.T
    sight = np.cross(right, above)
    assert np.linalg.det([right, above, sight]) == pytest.approx(1)
    assert above[axis] == sign


@pytest.mark.parametrize('axis', [0, 1, 2])
def test_up_is_found_from_names_and_without(axis):
    body = np.roll(BODY, axis - 1, axis=1)
    body[:, axis] *= 1.5
    assert up_axis(body) == (axis, 1)
    assert up_axis(body, joint_names=NAMES) == (axis, 1)
    flipped = body.copy()
    flipped[:, axis] *= -1
    assert up_axis(flipped, joint_names=NAMES) == (axis, -1)


@pytest.mark.parametrize('up', ['w', 'z', 'yy'])
def test_an_axis_that_the_joints_lack_is_refused(up):
    with pytest.raises(ValueError, match='no axis of joints with C=2'):
        up_axis(BODY[:, :2], up)
