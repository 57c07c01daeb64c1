"""What is done in few calls equals what it says, one item at a time."""

from __future__ import annotations

import numpy as np
import pytest

from mmsnip.skeleton.augment import (
    add_noise,
    draw_noise,
    draw_shear,
    flip_space,
    shear_matrix,
)
from mmsnip.skeleton.geometry import (
    axis_rotation,
    draw_rotation,
    euler_rotation,
    rotate,
)
from mmsnip.skeleton.resample import (
    compose_maps,
    map_segments,
    mirror_crop_map,
    take_frames,
)


@pytest.mark.parametrize(
    'shape', [(2, 13, 5), (1, 1, 1), (1, 3, 7), (1, 2, 2)]
)
@pytest.mark.parametrize(('C', 'D'), [(3, 3), (4, 3), (3, 2), (2, 2)])
def test_a_linear_map_is_applied_joint_by_joint(shape, C, D):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(*shape, C))
    matrix = rng.normal(size=(D, D))
    expected = x.copy()
    for at in np.ndindex(*shape):
        expected[at][:D] = matrix @ x[at][:D]
    mapped = rotate(x, matrix)
    np.testing.assert_allclose(mapped, expected, atol=1e-14)
    mapped = rotate(x[:, ::-1], matrix)
    np.testing.assert_allclose(mapped, expected[:, ::-1], atol=1e-14)


def test_euler_rotation_is_the_product_of_three():
    angles = [20.0, -31.0, 47.0]
    x, y, z = (axis_rotation(i, -angle) for i, angle in enumerate(angles))
    np.testing.assert_allclose(euler_rotation(angles), z @ y @ x, atol=1e-15)


def test_angles_are_drawn_in_the_order_x_y_z():
    expected = np.random.default_rng(4)
    limits = np.full(3, 1.0)
    limits[expected.integers(3)] = 30.0
    found = draw_rotation(np.random.default_rng(4))
    np.testing.assert_array_equal(found, expected.uniform(0.0, limits))


@pytest.mark.parametrize('D', [2, 3, 4])
def test_shear_entries_stand_row_by_row_off_the_diagonal(D):
    entries = np.arange(1.0, D * (D - 1) + 1).reshape(D - 1, D)
    matrix = shear_matrix(entries)
    for i in range(D):
        assert matrix[i, i] == 1
        assert np.delete(matrix[i], i).tolist() == entries[:, i].tolist()
    assert draw_shear(0.5, np.random.default_rng(0), D).shape == (D, D)


def test_noise_is_normal_and_reproducible():
    noise = draw_noise((2, 301, 25, 3), 0.5, np.random.default_rng(0))
    again = draw_noise((2, 301, 25, 3), 0.5, np.random.default_rng(0))
    z = noise.astype(np.float64) / 0.5
    assert noise.dtype == np.float32
    np.testing.assert_array_equal(noise, again)
    # moments of a normal distribution: four standard errors of 45,150 draws
    assert abs(z.mean()) < 4 / np.sqrt(z.size)
    assert abs((z**2).mean() - 1) < 4 * np.sqrt(2 / z.size)
    assert abs((z**3).mean()) < 4 * np.sqrt(15 / z.size)
    assert abs((z**4).mean() - 3) < 4 * np.sqrt(96 / z.size)
    # neighbours, which come of one pair or of two, are not related
    flat = z.ravel()
    half = flat.size // 2
    assert abs((flat[1:] * flat[:-1]).mean()) < 4 / np.sqrt(flat.size)
    assert abs((flat[:half] * flat[half:]).mean()) < 4 / np.sqrt(half)


def test_noise_of_an_odd_size_and_of_no_width():
    rng = np.random.default_rng(0)
    assert draw_noise((1, 1, 1, 3), 1.0, rng).shape == (1, 1, 1, 3)
    assert not draw_noise((1, 2, 5, 3), 0.0, rng).any()


def test_float64_noise_leaves_the_type_of_the_motion():
    x = np.ones((1, 4, 5, 3), np.float32)
    noisy = add_noise(x, np.full(x.shape, 1e-9))
    assert noisy.dtype == np.float32
    np.testing.assert_array_equal(noisy, x)


def test_flip_of_a_view_that_is_not_contiguous():
    x = np.random.default_rng(0).normal(size=(2, 13, 5, 3))[:, ::2]
    order = np.array([0, 2, 1, 4, 3])
    flipped = flip_space(x, order, mirror_axis=0)
    expected = x[:, :, order] * [-1, 1, 1]
    np.testing.assert_array_equal(flipped, expected)


def test_mirror_crop_is_a_slice_of_the_padded_frames():
    T, padding = 13, 4
    frames = list(range(T))
    padded = [*frames[:padding][::-1], *frames, *frames[-padding:][::-1]]
    for start in range(2 * padding + 1):
        found = mirror_crop_map(T, padding, start).tolist()
        assert found == padded[start : start + T]


@pytest.mark.parametrize('contiguous', [True, False])
def test_whole_and_fractional_maps_take_the_same_frames(contiguous):
    x = np.random.default_rng(0).normal(size=(2, 13, 5, 3))
    x = x if contiguous else x[:, :, ::-1]
    mask = np.random.default_rng(1).random((2, 13)) < 0.7
    whole = np.array([3, 3, 0, -1, 12, 7, -1])
    taken, there = take_frames(x, mask, whole)
    expected, expected_mask = take_frames(x, mask, whole.astype(float))
    np.testing.assert_array_equal(taken, expected)
    np.testing.assert_array_equal(there, expected_mask)
    outer = np.array([5, 6, 7, -1, 9, 10, 11, 12, 13, 14, 15, 16, 17])
    composed = compose_maps(outer, whole)
    assert composed.dtype == outer.dtype
    np.testing.assert_array_equal(
        composed, compose_maps(outer, whole.astype(float))
    )


def test_segments_follow_a_map_frame_by_frame():
    segments = np.array([[2, 5], [4, 9], [0, 13], [7, 7], [12, 13]])
    frame_map = np.array([4, 3, 2, 2, 3, 8, 8, -1, 12, 12, 0])
    found, which = map_segments(segments, frame_map)
    expected = []
    for index, (start, end) in enumerate(segments):
        inside = [0, *((start <= f < end) for f in frame_map), 0]
        steps = np.diff(inside)
        for a, b in zip(
            np.flatnonzero(steps == 1), np.flatnonzero(steps == -1)
        ):
            expected.append((index, a, b))
    assert [(w, *s) for w, s in zip(which, found.tolist())] == expected
    nothing, of_none = map_segments(np.zeros((0, 2), int), frame_map)
    assert nothing.shape == (0, 2)
    assert not len(of_none)
