"""The nested U-shape."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from mmsnip.models.necks import UShapeFusionNeck
from mmsnip.registry import MODELS


def neck(channels=(2, 3, 5), out_channels=7):
    torch.manual_seed(0)
    built = MODELS.build(
        dict(
            type='mmsnip.UShapeFusionNeck',
            in_channels=channels,
            out_channels=out_channels,
        )
    )
    for module in built.modules():
        if isinstance(module, nn.BatchNorm1d):
            nn.init.uniform_(module.running_mean)
            nn.init.uniform_(module.bias)
    return built.eval()


def stages(T=13, N=4, channels=(2, 3, 5), seed=1):
    generator = torch.Generator().manual_seed(seed)
    sizes = (T, -(-T // 4), -(-T // 8))
    return [
        torch.randn(N, C, size, generator=generator)
        for C, size in zip(channels, sizes)
    ]


def test_channels_of_the_paper_follow_from_its_stages():
    built = UShapeFusionNeck((64, 128, 256), 512)

    assert built.unit01.conv.in_channels == 192
    assert built.unit11.conv.in_channels == 384
    assert built.unit02.conv.in_channels == 640
    assert built.fuse.in_channels == 896
    assert built.fuse.out_channels == 512


def test_neck_equals_the_published_formula():
    built = neck()
    x0, x1, x2 = stages()

    def unit(module, *parts):
        return functional.relu(module.norm(module.conv(torch.cat(parts, 1))))

    def up(x, partner):
        return functional.interpolate(x, size=partner.shape[2])

    x01 = unit(built.unit01, x0, up(x1, x0))
    x11 = unit(built.unit11, x1, up(x2, x1))
    x02 = unit(built.unit02, x0, x01, up(x11, x0))
    expected = built.fuse(torch.cat([x0, x01, x02], 1))

    assert torch.allclose(built((x0, x1, x2)), expected, atol=1e-6)


@pytest.mark.parametrize('T', [1, 2, 7, 8, 9, 13])
def test_padding_never_changes_valid_frames(T):
    built = neck()
    alone = stages(T=T)
    padded = [
        torch.cat([x, torch.randn(*x.shape[:2], 4)], dim=2) for x in alone
    ]
    lengths = [torch.full((4,), x.shape[2]) for x in alone]

    found = built(padded, lengths)

    assert torch.allclose(found[:, :, :T], built(alone), atol=1e-5)


def test_neck_refuses_two_stages():
    with pytest.raises(ValueError, match='set three out_indices'):
        UShapeFusionNeck((64, 128))


def test_neck_refuses_stages_of_other_channels():
    with pytest.raises(ValueError, match=r'\(2, 3, 4\) channels.*\(2, 3, 5\)'):
        neck()(stages(channels=(2, 3, 4)))
