from __future__ import annotations

import numpy as np
import pytest

from mmsnip.skeleton.augment import BAND_FRAMES, blur_kernel, blur_time

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
