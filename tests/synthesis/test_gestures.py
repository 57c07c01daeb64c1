from __future__ import annotations

import numpy as np

from mmsnip.synthesis.body import sample_body
from mmsnip.synthesis.curves import sample_style
from mmsnip.synthesis.gestures import SEATED_GESTURES, raise_hand


def test_seated_gestures_leave_the_legs_alone():
    rng = np.random.default_rng(8)
    for make in SEATED_GESTURES:
        program = make(rng, sample_style(rng), sample_body(rng))
        names = {*program.curves, *program.offsets}
        assert not any(name.endswith(('leg', 'knee')) for name in names)
        assert program.yaw is None


def test_raised_hand_is_held_stiller_than_a_wave():
    rng = np.random.default_rng(9)
    for _ in range(20):
        program = raise_hand(rng, sample_style(rng), sample_body(rng))
        assert np.ptp(program.curves['right_elbow']) < 20
