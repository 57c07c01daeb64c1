"""Masks and resampling of padded batches."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from mmsnip.models.time import frame_mask, resample_frames, strided_length


def test_strided_length_is_what_a_padded_convolution_leaves():
    conv = torch.nn.Conv1d(1, 1, 5, stride=2, padding=2)
    lengths = torch.arange(1, 14)

    found = strided_length(lengths, 2)

    assert found.tolist() == [
        conv(torch.zeros(1, 1, n)).shape[2] for n in range(1, 14)
    ]


def test_frame_mask_is_true_at_the_valid_frames():
    mask = frame_mask(torch.tensor([2, 0, 3]), 3)

    assert mask.int().tolist() == [[1, 1, 0], [0, 0, 0], [1, 1, 1]]


@pytest.mark.parametrize('mode', ['nearest', 'linear'])
@pytest.mark.parametrize('size', [1, 4, 13, 29])
@pytest.mark.parametrize('length', [1, 2, 7, 13])
def test_resampling_with_lengths_equals_torch_without_padding(
    mode, size, length
):
    x = torch.randn(2, 3, 13, generator=torch.Generator().manual_seed(0))
    alone = x[:1, :, :length]
    options = {} if mode == 'nearest' else dict(align_corners=False)
    expected = functional.interpolate(alone, size=size, mode=mode, **options)

    found = resample_frames(
        x,
        size + 5,
        torch.tensor([length, 13]),
        torch.tensor([size, size + 5]),
        mode,
    )

    assert torch.allclose(found[:1, :, :size], expected, atol=1e-6)


def test_resampling_refuses_an_unknown_mode():
    with pytest.raises(ValueError, match="mode='cubic'; use 'nearest'"):
        resample_frames(torch.zeros(1, 1, 2), 4, mode='cubic')


def test_resampling_refuses_half_of_the_lengths():
    with pytest.raises(ValueError, match='given together'):
        resample_frames(torch.zeros(1, 1, 2), 4, source=torch.tensor([2]))


def test_nearest_takes_torchs_frame_where_rounding_crosses_a_border():
    different = []
    for T in range(1, 600):
        for stride in (2, 4, 8):
            length = -(-T // stride)
            x = torch.arange(length, dtype=torch.float32).view(1, 1, -1)
            alone = torch.nn.functional.interpolate(x, size=T)
            with_lengths = resample_frames(
                x, T, torch.tensor([length]), torch.tensor([T])
            )
            if not torch.equal(alone, with_lengths):
                different.append((length, T))

    assert different == []


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_half_precision_moves_no_frame(dtype):
    # the ramp says which frame a result was read at
    source, target = torch.tensor([259, 90]), torch.tensor([2067, 901])
    ramp = torch.linspace(0, 1, 259).expand(2, 1, -1)

    found = resample_frames(ramp.to(dtype), 2067, source, target, 'linear')
    exact = resample_frames(ramp, 2067, source, target, 'linear')

    assert found.dtype == dtype
    # four roundings of numbers below 1, no frame of 1 / 258
    assert (found - exact).abs().max() < 4 * torch.finfo(dtype).eps
