from __future__ import annotations

import numpy as np
import pytest

from mmsnip.skeleton.geometry import pre_normalize

CASES = (
    *('ntu_A001', 'ntu_A002', 'ntu_A003', 'front_mid_tail_null'),
    *('mid_tail_null', 'two_persons', 'long_tail', 'two_mixed', 'empty'),
)


@pytest.mark.parity
@pytest.mark.parametrize('case', CASES)
def test_pre_normalize_equals_the_published_numbers(
    reference_dir, parity, case
):
    golden = np.load(reference_dir / 'prenorm_s0.npz')

    result = pre_normalize(golden[f'{case}/joints'])

    names = {'keypoint': 'normalized'}
    missing = not golden[f'{case}/joints'].any()
    parity.close(case, missing, golden[f'{case}/missing'], 0.0, 'missing')
    if not missing:
        names.update(matrix_z='matrix_z', matrix_x='matrix_x')
    for ours, theirs in names.items():
        found, expected = getattr(result, ours), golden[f'{case}/{theirs}']
        parity.close(case, found, expected, 1e-12, theirs)


def test_source_frames_say_where_frames_went():
    x = np.random.default_rng(0).normal(size=(2, 6, 9, 3))
    x[0, [0, 2, 5]] = 0
    x[1, [4, 5]] = 0
    result = pre_normalize(x)
    assert result.source_frame[0].tolist() == [1, 3, 4, 1, 3, 4]
    assert result.source_frame[1].tolist() == [0, 1, 2, 3, 0, 1]


def test_without_quirks_frames_stay():
    x = np.random.default_rng(0).normal(size=(1, 5, 9, 3))
    x[0, [0, 4]] = 0
    result = pre_normalize(
        x, compact=False, repeat_tail=False, zero_joints_stay=False
    )
    assert result.source_frame[0].tolist() == [0, 1, 2, 3, 4]
    assert not result.keypoint[0, [0, 4]].any()
