from __future__ import annotations

import numpy as np
import pytest

from mmsnip.synthesis.body import (
    COLUMN,
    PARAMETERS,
    forward_kinematics,
    sample_body,
)
from mmsnip.synthesis.reach import reach

GUESS = dict(arm=45, abduct=20, rotate=-40, elbow=120)


@pytest.mark.parametrize('split', ['train', 'val'])
@pytest.mark.parametrize(('side', 'hand'), [('left', 7), ('right', 11)])
def test_reach_brings_the_hand_to_the_mouth_of_any_body(split, side, hand):
    for seed in range(8):
        body = sample_body(np.random.default_rng(seed), split)
        angles = reach(body, side, 3, (0.01, -0.025, 0.075), GUESS)
        pose = np.zeros((2, len(PARAMETERS)))
        for name, angle in angles.items():
            pose[:, COLUMN[name]] = angle
        joints = forward_kinematics(body, pose)[0]
        sign = 1 if side == 'left' else -1
        mouth = joints[3] + body.height * np.array(
            [0.01 * sign, -0.025, 0.075]
        )
        assert np.linalg.norm(joints[hand] - mouth) < 0.02


def test_unknown_side_is_refused():
    body = sample_body(np.random.default_rng(0))
    with pytest.raises(ValueError, match="side='up' is unknown"):
        reach(body, 'up', 3, (0, 0, 0), GUESS)
