from __future__ import annotations

import numpy as np
import pytest

from mmsnip.skeleton.augment import (
    BAND_FRAMES,
    add_noise,
    blur_kernel,
    blur_time,
    draw_noise,
    draw_shear,
    flip_space,
    mask_axis,
    mask_joints,
    shear_joints,
    shear_matrix,
)
from mmsnip.skeleton.geometry import euler_rotation, rotate
from mmsnip.skeleton.layout import get_layout
from mmsnip.skeleton.resample import mirror_crop_map, reverse_map
from tests.parity import SEEDS

TOLERANCE = 1e-12


def to_sample(array):
    return np.ascontiguousarray(array.transpose(3, 1, 2, 0))


def check_joint_by_joint(parity, z):
    def check(case, ours, at):
        parity.close(case, ours, z[at], TOLERANCE, at)

    def check_sample(case, ours, at):
        parity.close(case, ours, to_sample(z[at]), TOLERANCE, at)

    x = to_sample(z['x'])
    T = x.shape[1]
    for ratio in (6, 4):
        key = f'temperal_crop/r{ratio}'
        padding = T // ratio
        check('crop', padding, f'{key}/padding_len')
        frames = mirror_crop_map(T, padding, int(z[f'{key}/frame_start']))
        check_sample('crop', x[:, frames], f'{key}/y')
    matrix = shear_matrix(np.stack((z['shear/s1'], z['shear/s2'])))
    check('shear', matrix, 'shear/matrix')
    check_sample('shear', rotate(x, matrix), 'shear/y')
    for axis in range(3):
        key = f'random_rotate/{axis}'
        matrix = euler_rotation(z[f'{key}/angles_deg_xyz'])
        check('rotation', matrix, f'{key}/matrix')
        check_sample('rotation', rotate(x, matrix), f'{key}/y')
    noisy = add_noise(x, to_sample(z['gaus_noise/noise']))
    check_sample('noise', noisy, 'gaus_noise/y')
    for name in ('applied', 'skipped'):
        key = f'gaus_filter/{name}'
        kernel = blur_kernel(float(z[f'{key}/sigma']))
        check('blur', kernel, f'{key}/kernel')
        if f'{key}/y' in z:
            blurred = blur_time(x, kernel, normalize=False)
            check_sample('blur', blurred, f'{key}/y')
    masked = mask_axis(x, int(z['axis_mask/axis']))
    check_sample('axis mask', masked, 'axis_mask/y')
    flipped = x[:, reverse_map(T)]
    check_sample('time flip', flipped, 'random_time_flip/y')
    order = get_layout('nturgb+d').mirror_order
    check('mirror', order, 'random_spatial_flip/order')
    # the committed slice has five joints, but two frames of all of them
    whole = to_sample(z['flip_x']) if 'flip_x' in z else x
    check_sample('mirror', flip_space(whole, order), 'random_spatial_flip/y')


@pytest.mark.parity
def test_augmentations_equal_the_published_ones_on_a_slice(golden_dir, parity):
    check_joint_by_joint(parity, np.load(golden_dir / 'augment_small.npz'))


@pytest.mark.parity
@pytest.mark.parametrize('seed', SEEDS['augment'])
def test_augmentations_equal_the_published_ones(reference_dir, parity, seed):
    check_joint_by_joint(
        parity, np.load(reference_dir / f'augment_s{seed}.npz')
    )


@pytest.mark.parity
@pytest.mark.parametrize('seed', SEEDS['augment'])
def test_joint_corruptions_equal_the_published_ones(
    reference_dir, parity, seed
):
    z = np.load(reference_dir / f'augment_s{seed}.npz')
    x = to_sample(z['x'])
    M, T, V, _ = x.shape
    for mode in ('zero', 'shear'):
        key = f'ssd_joint_corruption/{mode}'
        drawn = np.isin(np.arange(V), z[f'{key}/joints'])
        if mode == 'zero':
            ours = mask_joints(x, drawn)
        else:
            ours = shear_joints(x, drawn, z[f'{key}/matrix'])
        golden = to_sample(z[f'{key}/y'])
        parity.close('joint corruption', ours, golden, TOLERANCE, key)
    for key in ('ssd_jointmask', 'ssd_jointmask2'):
        frame = int(z[f'{key}/frame'])
        drawn = np.zeros((T, V), bool)
        joints = np.broadcast_to(
            z[f'{key}/joints'], (frame, z[f'{key}/joints'].shape[-1])
        )
        np.put_along_axis(drawn[:frame], joints, True, axis=1)
        ours = mask_joints(np.ones((M, T, V, 3)), drawn)
        golden = z[f'{key}/mask_NTMVC'][0].transpose(1, 0, 2, 3)
        parity.close('joint mask', ours, golden, TOLERANCE, key)


@pytest.fixture
def x():
    return np.random.default_rng(0).normal(size=(2, 13, 5, 3))


def test_noise_leaves_absent_bodies_zero(x):
    mask = np.ones((2, 13), bool)
    mask[1, 3:] = False
    x[~mask] = 0
    noisy = add_noise(x, np.ones((2, 13, 5, 3)), mask)
    assert not noisy[~mask].any()
    np.testing.assert_array_equal(noisy[mask], x[mask] + 1)


def test_true_mirror_keeps_all_distances_of_a_symmetric_pair(x):
    order = np.array([0, 2, 1, 4, 3])
    flipped = flip_space(x, order, mirror_axis=0)
    inner = np.linalg.norm(x[:, :, 1] - x[:, :, 3], axis=-1)
    outer = np.linalg.norm(flipped[:, :, 2] - flipped[:, :, 4], axis=-1)
    np.testing.assert_allclose(inner, outer)
    np.testing.assert_array_equal(flip_space(flipped, order, 0), x)


def test_no_function_changes_its_input(x):
    before = x.copy()
    add_noise(x, np.ones_like(x))
    blur_time(x, blur_kernel(1.0))
    mask_axis(x, 1)
    flip_space(x, np.arange(5), 0)
    np.testing.assert_array_equal(x, before)


def test_drawn_shear_has_ones_on_its_diagonal():
    matrix = draw_shear(0.3, np.random.default_rng(0), 2)
    np.testing.assert_array_equal(np.diag(matrix), 1)
    assert 0 < np.abs(matrix[[0, 1], [1, 0]]).max() <= 0.3


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


M, V, C = 2, 5, 4


def slow_blur(x, kernel, mask, normalize, num_coords):
    """Frame by frame, from the sentence in the docstring."""
    blurred = x.astype(np.float64)
    radius = len(kernel) // 2
    for m in range(x.shape[0]):
        for t in np.flatnonzero(mask[m]):
            total, share = np.zeros((V, num_coords)), 0.0
            for tap, weight in enumerate(kernel):
                source = t + tap - radius
                if 0 <= source < x.shape[1] and mask[m, source]:
                    total += weight * x[m, source, :, :num_coords]
                    share += weight
            total = total / share if normalize else total
            blurred[m, t, :, :num_coords] = total
    return blurred


@pytest.mark.parametrize('normalize', [True, False])
@pytest.mark.parametrize('num_coords', [3, 4])
@pytest.mark.parametrize('present', [1.0, 0.6])
@pytest.mark.parametrize(
    'T', [1, 6, BAND_FRAMES - 1, BAND_FRAMES, 2 * BAND_FRAMES + 3]
)
def test_blur_equals_the_slow_loop(T, present, num_coords, normalize):
    rng = np.random.default_rng(T)
    x = rng.normal(size=(M, T, V, C))
    mask = rng.random((M, T)) < present
    kernel = blur_kernel(1.4)

    blurred = blur_time(x, kernel, mask, normalize, num_coords)

    expected = slow_blur(x, kernel, mask, normalize, num_coords)
    np.testing.assert_allclose(blurred, expected, atol=1e-13)


def test_blur_of_float32_stays_float32_and_close():
    x = np.random.default_rng(0).normal(size=(M, 47, V, C))
    blurred = blur_time(x.astype(np.float32), blur_kernel(2.0))
    assert blurred.dtype == np.float32
    np.testing.assert_allclose(
        blurred, blur_time(x, blur_kernel(2.0)), atol=2e-6
    )


def test_a_kernel_that_is_not_symmetric_is_not_mirrored():
    x = np.zeros((1, 9, 1, 3))
    x[0, 4] = 1.0
    kernel = np.array([1.0, 2.0, 4.0])
    blurred = blur_time(x, kernel, normalize=False)
    # a correlation: the frame before sees the impulse under its last tap
    assert blurred[0, 3:6, 0, 0].tolist() == [4.0, 2.0, 1.0]
