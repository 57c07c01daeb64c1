"""The nested U-shape; what all necks keep is in test_necks.py."""

from __future__ import annotations

import pytest
import torch

from mmsnip.models.necks import UShapeFusionNeck
from tests.models.test_necks import conv, nearest, neck, stages, unit


def test_channels_of_the_paper_follow_from_its_stages():
    built = UShapeFusionNeck((64, 128, 256), 512)

    assert built.unit01.conv.in_channels == 192
    assert built.unit11.conv.in_channels == 384
    assert built.unit02.conv.in_channels == 640
    assert built.fuse.in_channels == 896
    assert built.fuse.out_channels == 512


@pytest.mark.parametrize('T', [1, 2, 13, 27])
@pytest.mark.parametrize('channels', [(2, 3, 5), (7, 4, 3)])
def test_neck_equals_the_published_formula(T, channels):
    built = neck('UShapeFusionNeck', channels)
    x0, x1, x2 = stages(T=T, channels=channels)
    state = built.state_dict()

    x01 = unit(state, 'unit01', x0, nearest(x1, x0))
    x11 = unit(state, 'unit11', x1, nearest(x2, x1))
    x02 = unit(state, 'unit02', x0, x01, nearest(x11, x0))
    expected = conv(state, 'fuse', torch.cat([x0, x01, x02], dim=1))

    assert torch.allclose(built((x0, x1, x2)), expected, atol=1e-5)


def test_names_in_a_checkpoint_stay():
    found = list(UShapeFusionNeck((2, 3, 5)).state_dict())

    assert found == [
        *(
            f'{unit}.{key}'
            for unit in ('unit01', 'unit11', 'unit02')
            for key in (
                'conv.weight',
                'conv.bias',
                'norm.weight',
                'norm.bias',
                'norm.running_mean',
                'norm.running_var',
                'norm.num_batches_tracked',
            )
        ),
        'fuse.weight',
        'fuse.bias',
    ]


def test_neck_refuses_two_stages():
    with pytest.raises(ValueError, match=r'three out_indices .* UNetFusion'):
        UShapeFusionNeck((64, 128))
