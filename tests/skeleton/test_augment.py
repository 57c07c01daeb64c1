from __future__ import annotations

import numpy as np
import pytest

from mmsnip.skeleton.augment import (
    add_noise,
    blur_kernel,
    blur_time,
    draw_shear,
    flip_space,
    mask_axis,
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
