from __future__ import annotations

import numpy as np

from mmsnip.synthesis.body import (
    PARAMETERS,
    forward_kinematics,
    sample_body,
)
from mmsnip.synthesis.sensor import (
    Camera,
    add_noise,
    sample_camera,
    to_sensor,
)


def standing(T: int = 13) -> np.ndarray:
    body = sample_body(np.random.default_rng(0))
    return forward_kinematics(body, np.zeros((T, len(PARAMETERS))))


def test_sensor_keeps_distances():
    joints = standing()
    camera = sample_camera(np.random.default_rng(1), 'val')
    seen = to_sensor(joints, camera)
    np.testing.assert_allclose(
        np.linalg.norm(seen[:, 3] - seen[:, 19], axis=-1),
        np.linalg.norm(joints[:, 3] - joints[:, 19], axis=-1),
    )


def test_person_facing_the_sensor_has_the_left_side_at_negative_x():
    seen = to_sensor(standing(), Camera(0, 0, 0, 1.0, 2.5))
    assert seen[0, 4, 0] < seen[0, 8, 0]
    assert seen[0, 3, 1] > seen[0, 0, 1]
    np.testing.assert_allclose(seen[0, 0, [0, 2]], [0, 2.5], atol=1e-9)
    # The toes of a person who faces the sensor are nearer than the ankles.
    assert seen[0, 15, 2] < seen[0, 14, 2]


def test_downward_tilt_raises_the_feet_in_view():
    level = to_sensor(standing(), Camera(0, 0, 0, 1.0, 2.5))
    tilted = to_sensor(standing(), Camera(0, 20, 0, 1.0, 2.5))
    assert tilted[0, 15, 1] > level[0, 15, 1]


def test_viewpoints_of_val_never_occur_in_train():
    for seed in range(40):
        train = sample_camera(np.random.default_rng(seed), 'train')
        val = sample_camera(np.random.default_rng(seed), 'val')
        assert abs(train.azimuth) < 50 < abs(val.azimuth)
        assert train.pitch < 12 < val.pitch


def test_noise_is_correlated_in_time_and_millimetres_large():
    still = np.zeros((600, 25, 3))
    noise = add_noise(np.random.default_rng(2), still, strength=1.0)
    assert 0.004 < np.median(np.abs(noise)) < 0.02
    trunk = noise[:, 1, 0]
    assert np.corrcoef(trunk[1:], trunk[:-1])[0, 1] > 0.3
