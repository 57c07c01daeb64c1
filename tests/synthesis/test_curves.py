from __future__ import annotations

import numpy as np
import pytest

from mmsnip.synthesis.curves import (
    Program,
    ease,
    keyed,
    plateau,
    sample_style,
    smooth_noise,
)


def test_keyed_passes_through_its_keys():
    curve = keyed(101, (0, 0.2, 0.7, 1), (3, -5, 8, 8))
    np.testing.assert_allclose(curve[[0, 20, 70, 100]], (3, -5, 8, 8))


def test_ease_starts_and_ends_at_rest():
    x = ease(np.linspace(-0.5, 1.5, 401))
    assert x[0] == 0
    assert x[-1] == 1
    assert np.all(np.diff(x) >= 0)
    assert np.abs(np.diff(x)[[100, 299]]).max() < 1e-4


def test_plateau_is_zero_at_both_ends_and_one_between():
    envelope = plateau(50, 10, 15)
    assert envelope[0] == envelope[-1] == 0
    np.testing.assert_array_equal(envelope[10:34], 1)


def test_program_spans_the_frames_with_weight():
    weight = np.array([0, 0, 0.05, 0.2, 1, 0.5, 0.01])
    assert Program({}, weight).span == (3, 6)


def test_smooth_noise_has_unit_variance_and_small_steps():
    noise = smooth_noise(np.random.default_rng(0), 9000, 40, 0.1, 0.5)
    assert noise.std() == pytest.approx(1, abs=0.15)
    assert np.abs(np.diff(noise, axis=0)).max() < 0.5


def test_val_styles_lie_outside_the_ranges_of_train():
    for seed in range(30):
        style = sample_style(np.random.default_rng(seed), 'val')
        assert not 0.8 < style.speed < 1.25
        assert not 0.8 < style.energy < 1.15
        assert not -2 < style.slouch < 8


def test_unknown_split_is_refused():
    with pytest.raises(ValueError, match="split='test' is unknown"):
        sample_style(np.random.default_rng(0), 'test')
