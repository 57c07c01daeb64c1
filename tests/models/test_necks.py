"""What every fusion neck keeps, and the formulas of U-Net and pyramid."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from torch import nn
from torch.nn import functional

from mmsnip.models.necks import FusionNeck, PyramidFusionNeck, UNetFusionNeck
from mmsnip.registry import MODELS

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
NECKS = {
    'UShapeFusionNeck': {},
    'UNetFusionNeck': {},
    'PyramidFusionNeck': dict(pyramid_channels=6),
}
STRIDES = (1, 4, 8, 20)
every_neck = pytest.mark.parametrize('name', list(NECKS))


def neck(name, channels=(2, 3, 5), out_channels=7, seed=0):
    """A neck in eval mode in which no weight is at its trivial value."""
    built = MODELS.build(
        dict(
            type=f'mmsnip.{name}',
            in_channels=channels,
            out_channels=out_channels,
            **NECKS[name],
        )
    )
    generator = torch.Generator().manual_seed(seed)
    for key, value in built.state_dict().items():
        if key.endswith(('norm.weight', 'running_var')):
            value.uniform_(0.5, 1.5, generator=generator)
        elif value.is_floating_point():
            value.uniform_(-0.5, 0.5, generator=generator)
    return built.eval()


def stages(T=13, N=4, channels=(2, 3, 5), seed=1):
    generator = torch.Generator().manual_seed(seed)
    return [
        torch.randn(N, C, -(-T // stride), generator=generator)
        for C, stride in zip(channels, STRIDES)
    ]


def nearest(x, partner):
    """Slow nearest interpolation to the length of the partner."""
    source, target = x.shape[2], partner.shape[2]
    frames = [x[:, :, t * source // target] for t in range(target)]
    return torch.stack(frames, dim=2)


def conv(state, name, x):
    """Convolution by its definition, a frame and a tap at a time."""
    weight, bias = state[f'{name}.weight'], state[f'{name}.bias']
    half = weight.shape[2] // 2
    frames = []
    for t in range(x.shape[2]):
        total = bias.expand(x.shape[0], -1)
        for tap in range(weight.shape[2]):
            if 0 <= t + tap - half < x.shape[2]:
                frame = x[:, :, t + tap - half]
                total = total + frame @ weight[:, :, tap].T
        frames.append(total)
    return torch.stack(frames, dim=2)


def unit(state, name, *parts):
    """Convolution, batch norm, ReLU of concatenated parts."""
    x = conv(state, f'{name}.conv', torch.cat(parts, dim=1))
    x = functional.batch_norm(
        x,
        state[f'{name}.norm.running_mean'],
        state[f'{name}.norm.running_var'],
        state[f'{name}.norm.weight'],
        state[f'{name}.norm.bias'],
    )
    return x.clamp(min=0)


@pytest.mark.parametrize('T', [1, 2, 13, 27])
@pytest.mark.parametrize('channels', [(2, 3), (2, 3, 5), (5, 2, 4, 3)])
def test_unet_equals_its_formula_for_any_number_of_stages(T, channels):
    built = neck('UNetFusionNeck', channels)
    x = stages(T=T, channels=channels)
    state = built.state_dict()

    d = x[-1]
    for i in reversed(range(len(x) - 1)):
        d = unit(state, f'units.{i}', x[i], nearest(d, x[i]))
    expected = conv(state, 'fuse', d)

    assert expected.shape == (4, 7, T)
    assert torch.allclose(built(x), expected, atol=1e-5)


@pytest.mark.parametrize('T', [1, 2, 13, 27])
@pytest.mark.parametrize('channels', [(2, 3), (2, 3, 5), (5, 2, 4, 3)])
def test_pyramid_equals_its_formula_for_any_number_of_stages(T, channels):
    built = neck('PyramidFusionNeck', channels)
    x = stages(T=T, channels=channels)
    state = built.state_dict()

    levels = [conv(state, f'laterals.{i}', y) for i, y in enumerate(x)]
    for i in reversed(range(len(x) - 1)):
        levels[i] = levels[i] + nearest(levels[i + 1], levels[i])
    smooth = [unit(state, f'units.{i}', p) for i, p in enumerate(levels)]
    expected = conv(state, 'fuse', sum(nearest(s, x[0]) for s in smooth))

    assert expected.shape == (4, 7, T)
    assert torch.allclose(built(x), expected, atol=1e-5)


def test_channel_sums_of_the_unet_follow_from_its_stages():
    built = UNetFusionNeck((64, 128, 256))

    assert [u.conv.in_channels for u in built.units] == [448, 384]
    assert built.fuse.in_channels == 448
    assert built.fuse.out_channels == 512


def test_every_level_of_the_pyramid_has_its_channels():
    built = PyramidFusionNeck((64, 128, 256), pyramid_channels=96)

    assert [c.in_channels for c in built.laterals] == [64, 128, 256]
    assert {c.out_channels for c in built.laterals} == {96}
    assert {u.conv.in_channels for u in built.units} == {96}
    assert built.fuse.in_channels == 96
    assert built.fuse.out_channels == 512


@every_neck
def test_neck_says_its_channels(name):
    built = neck(name, channels=[2, 3, 5])

    assert built.in_channels == (2, 3, 5)
    assert built.out_channels == 7


@every_neck
@pytest.mark.parametrize('longest', [1, 2, 7, 8, 9, 13, 27])
def test_padding_never_changes_valid_frames(name, longest):
    built = neck(name)
    frames = [longest, -(-longest // 2), 1]
    alone = [stages(T=T, N=1, seed=n) for n, T in enumerate(frames)]
    padded = [9 * x for x in stages(T=longest + 5, N=3, seed=8)]
    for n, sample in enumerate(alone):
        for stage, x in zip(padded, sample):
            stage[n, :, : x.shape[2]] = x[0]
    lengths = [torch.tensor([x[i].shape[2] for x in alone]) for i in range(3)]

    found = built(padded, lengths)

    assert found.shape == (3, 7, longest + 5)
    for n, T in enumerate(frames):
        assert torch.allclose(found[n, :, :T], built(alone[n])[0], atol=1e-5)


@every_neck
def test_gradients_reach_every_stage_and_weight(name):
    built = neck(name).train()
    x = [stage.requires_grad_() for stage in stages()]

    built(x).square().sum().backward()

    for tensor in (*x, *built.parameters()):
        assert tensor.grad is not None
        assert torch.isfinite(tensor.grad).all()
    assert all(stage.grad.abs().max() > 0 for stage in x)


@every_neck
def test_neck_refuses_stages_of_other_channels(name):
    with pytest.raises(ValueError, match=r'\(2, 3, 4\) channels.*\(2, 3, 5\)'):
        neck(name)(stages(channels=(2, 3, 4)))


@every_neck
def test_neck_refuses_another_number_of_stages(name):
    with pytest.raises(ValueError, match=r'\(2, 3\) channels.*\(2, 3, 5\)'):
        neck(name)(stages()[:2])


@every_neck
def test_neck_refuses_another_number_of_lengths(name):
    lengths = [torch.full((4,), 13), torch.full((4,), 4)]

    with pytest.raises(ValueError, match='2 entries for 3 stages; give one'):
        neck(name)(stages(), lengths)


@pytest.mark.parametrize('name', ['UNetFusionNeck', 'PyramidFusionNeck'])
def test_neck_refuses_a_single_stage(name):
    with pytest.raises(ValueError, match=r'\(5,\) names 1 .* out_indices'):
        neck(name, channels=(5,))


def test_pyramid_refuses_levels_without_channels():
    with pytest.raises(ValueError, match='pyramid_channels=0 must be posit'):
        PyramidFusionNeck((2, 3), pyramid_channels=0)


def test_a_neck_that_merges_nothing_is_named():
    class LazyNeck(FusionNeck):
        fuse = nn.Identity()

    with pytest.raises(NotImplementedError, match=r'LazyNeck .* decode\(\)'):
        LazyNeck((2, 3, 5))(stages())


def localizer(**neck_config):
    torch.manual_seed(0)
    model = MODELS.build(
        dict(
            type='mmsnip.SkeletonLocalizer',
            backbone=dict(
                type='mmsnip.AGCN',
                graph_cfg=dict(layout=dict(parents=[-1, 0, 1, 1, 0])),
                base_channels=12,
                out_indices=(0, 6, 9),
            ),
            neck=dict(out_channels=9, **neck_config),
            head=dict(type='mmsnip.FrameLocalizationHead', num_classes=4),
        )
    )
    for module in model.modules():  # published inits hide most of the net
        if hasattr(module, 'running_var'):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.running_mean, -0.2, 0.2)
    return model.eval()


@every_neck
def test_localizer_scores_a_padded_video_as_it_does_alone(name):
    model = localizer(type=f'mmsnip.{name}', **NECKS[name])
    lengths = [13, 7, 10]
    x = torch.randn(3, 2, 17, 5, 3)
    alone = [model(x[n : n + 1, :, :T]) for n, T in enumerate(lengths)]

    logits = model(x, num_frames=torch.tensor(lengths))

    assert logits.shape == (3, 17, 5)
    for n, T in enumerate(lengths):
        atol = 1e-5 * alone[n].abs().max().item()
        assert torch.allclose(logits[n, :T], alone[n][0], atol=atol)


@every_neck
def test_a_neck_is_swapped_by_one_line_of_the_config(name):
    cfg = Config.fromfile(CONFIGS / '_base_' / 'models' / 'agcn_ushape.py')
    cfg.model.backbone.base_channels = 12
    before = MODELS.build(cfg.model).state_dict()

    cfg.merge_from_dict({'model.neck.type': name})
    model = MODELS.build(cfg.model).eval()

    assert type(model.neck).__name__ == name
    assert model.neck.in_channels == tuple(model.backbone.out_channels)
    after = model.state_dict()
    for key in {*before, *after}:  # the rest of a checkpoint still fits
        if not key.startswith('neck.'):
            assert before[key].shape == after[key].shape
    assert model(torch.randn(2, 1, 13, 25, 3)).shape == (2, 13, 5)
