"""The yardstick of the views gives the official numbers."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.plain.pipeline import (
    MIRRORED,
    add_noise,
    blur,
    crop,
    flip_space,
    flip_time,
    mask_axis,
    rotate,
    shear,
    three_views,
)
from mmsnip.skeleton.augment import blur_kernel, blur_time, shear_matrix
from mmsnip.skeleton.augment import flip_space as our_flip_space
from mmsnip.skeleton.rotation import euler_rotation
from mmsnip.skeleton.rotation import rotate as our_rotate
from tests.parity import SEEDS

TOLERANCE = 1e-12


@pytest.mark.parity
@pytest.mark.parametrize('seed', SEEDS['augment'])
def test_plain_views_change_motion_as_published(reference_dir, parity, seed):
    z = np.load(reference_dir / f'augment_s{seed}.npz')
    x = z['x']
    found = {
        'shear/y': shear(x, z['shear/s1'], z['shear/s2']),
        'gaus_noise/y': add_noise(x, z['gaus_noise/noise']),
        'gaus_filter/applied/y': blur(x, z['gaus_filter/applied/sigma']),
        'axis_mask/y': mask_axis(x, int(z['axis_mask/axis'])),
        'random_spatial_flip/y': flip_space(x),
        'random_time_flip/y': flip_time(x),
    }
    for ratio in (6, 4):
        start = int(z[f'temperal_crop/r{ratio}/frame_start'])
        found[f'temperal_crop/r{ratio}/y'] = crop(x, ratio, start)
    for axis in range(3):
        angles = z[f'random_rotate/{axis}/angles_deg_xyz']
        found[f'random_rotate/{axis}/y'] = rotate(x, angles)
    for at, ours in found.items():
        parity.close('plain views', ours, z[at], TOLERANCE, at)


def test_plain_changes_equal_ours():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, 31, 25, 2))
    sample = np.ascontiguousarray(x.transpose(3, 1, 2, 0))
    s1, s2 = rng.uniform(-0.5, 0.5, (2, 3))
    matrix = shear_matrix(np.stack((s1, s2)))
    angles = [0.7, 21.0, 0.2]

    pairs = (
        (shear(x, s1, s2), our_rotate(sample, matrix)),
        (rotate(x, angles), our_rotate(sample, euler_rotation(angles))),
        (flip_space(x), our_flip_space(sample, np.array(MIRRORED))),
        (
            blur(x, 1.3),
            blur_time(sample, blur_kernel(1.3), normalize=False),
        ),
    )

    for plain, ours in pairs:
        np.testing.assert_allclose(
            plain.transpose(3, 1, 2, 0), ours, atol=1e-13
        )


def test_plain_views_differ_and_keep_their_shape():
    x = np.random.default_rng(1).normal(size=(3, 31, 25, 2))
    views = three_views(x, np.random.default_rng(2))
    assert [view.shape for view in views] == [x.shape] * 3
    assert not np.allclose(views[0], views[1])
