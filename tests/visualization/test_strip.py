from __future__ import annotations

import numpy as np

from mmsnip.visualization.pose import Poses
from mmsnip.visualization.strip import (
    check_poses,
    pick_poses,
    spread_places,
)


def test_places_keep_their_distance_and_stay_inside():
    rng = np.random.default_rng(0)
    for count in (1, 4, 10):
        wanted = np.sort(rng.random(count) ** 3 * 10)
        places = spread_places(wanted, 10.0, 1.0)
        assert (np.diff(places) >= 1.0 - 1e-9).all()
        assert places.min() >= 0.5 - 1e-9
        assert places.max() <= 9.5 + 1e-9


def test_places_that_fit_do_not_move():
    wanted = np.array([1.0, 3.0, 6.5])
    np.testing.assert_allclose(spread_places(wanted, 10.0, 1.0), wanted)


def test_pose_comes_from_the_nearest_frame_with_a_body():
    mask = np.ones((1, 13), bool)
    mask[0, 3:8] = False
    segments = np.array([[0, 1, 10], [1, 4, 6]])
    assert pick_poses(segments, mask, 5) == [(0, 2)]


def test_longest_segments_win_the_places_in_order_of_time():
    segments = np.array([[0, 0, 2], [0, 2, 8], [0, 8, 9], [0, 9, 13]])
    mask = np.ones((2, 13), bool)
    assert [row for row, _ in pick_poses(segments, mask, 2)] == [1, 3]


def test_absent_and_broken_bodies_are_masked():
    joints = np.ones((2, 4, 5, 3))
    joints[1, 0] = 0
    joints[0, 2, 1] = np.nan
    checked = check_poses(Poses(joints, [-1, 0, 0, 0, 0]), 4)
    expected = [[True, True, False, True], [False, True, True, True]]
    assert checked.body_mask.tolist() == expected
