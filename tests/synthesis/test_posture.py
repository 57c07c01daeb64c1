from __future__ import annotations

import numpy as np
import pytest

from mmsnip.synthesis.body import COLUMN, forward_kinematics, sample_body
from mmsnip.synthesis.curves import sample_style
from mmsnip.synthesis.posture import idle_motion, postures


@pytest.mark.parametrize('seed', range(5))
def test_seated_thighs_are_level_and_the_pelvis_at_knee_height(seed):
    rng = np.random.default_rng(seed)
    body = sample_body(rng)
    pose = postures(sample_style(rng), rng)
    joints = forward_kinematics(body, pose)
    assert joints[0, 12, 1] - joints[0, 13, 1] > 0.3
    assert abs(joints[1, 12, 1] - joints[1, 13, 1]) < 0.1


def test_idle_motion_is_small_and_leaves_the_path_alone():
    rng = np.random.default_rng(6)
    motion = idle_motion(rng, 700, sample_style(rng))
    for name in ('yaw', 'hop', 'surge', 'slip'):
        assert not motion[:, COLUMN[name]].any()
    assert 0.3 < motion[:, COLUMN['left_arm']].std() < 8
    assert motion[:, COLUMN['left_leg']].std() < 1
