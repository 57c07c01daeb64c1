"""The dilated head: layers by hand, reach, padding, dropout."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from mmsnip.models.sliding import head_reach
from mmsnip.registry import MODELS
from tests.models.test_localizer import localizer, samples, skeletons

HEAD = dict(type='mmsnip.DilatedLocalizationHead', num_classes=4)


def head(**changes):
    torch.manual_seed(0)
    return MODELS.build(dict(HEAD, in_channels=6, **changes))


def features(N=3, C=6, T=41, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(N, C, T, generator=generator)


def frame_by_frame(layer, x, dilation):
    """A dilated layer written out for one sample, (C, T)."""
    T = x.shape[1]
    rows = []
    for t in range(T):
        total = layer.conv.bias.clone()
        for tap, place in enumerate((t - dilation, t, t + dilation)):
            if 0 <= place < T:
                total += layer.conv.weight[:, :, tap] @ x[:, place]
        rows.append(
            x[:, t]
            + layer.out.weight[:, :, 0] @ total.clamp(min=0)
            + layer.out.bias
        )
    return torch.stack(rows, 1)


@pytest.mark.parametrize('hidden_channels', [None, 7])
def test_layers_look_at_frames_two_to_the_power_of_their_place_apart(
    hidden_channels,
):
    made = head(num_layers=3, hidden_channels=hidden_channels).double().eval()
    x = features(N=1, T=13).double()
    expected = x[0]
    if hidden_channels:
        entry = made.entry
        expected = entry.weight[:, :, 0] @ expected + entry.bias[:, None]
    for layer, dilation in zip(made.layers, (1, 2, 4)):
        expected = frame_by_frame(layer, expected, dilation)
    weight, bias = made.classifier.weight[:, :, 0], made.classifier.bias
    expected = (weight @ expected).t() + bias

    found = made(x, 13)[0]

    assert torch.allclose(found, expected, atol=1e-12)


def test_logits_are_interpolated_to_the_frames_of_the_input():
    made = head(num_layers=2).eval()
    x = features(T=21)

    found = made(x, 41)

    expected = functional.interpolate(
        made(x, 21).transpose(1, 2), size=41, mode='linear'
    ).transpose(1, 2)
    assert found.shape == (3, 41, 5)
    assert torch.equal(found, expected)


@pytest.mark.parametrize('num_layers', [1, 4, 7])
def test_reach_is_that_of_all_layers_in_a_row(num_layers):
    """Its oracle: which frames of the features have a gradient."""
    made = head(num_layers=num_layers).double().eval()
    x = features(N=1, T=301).double().requires_grad_()

    made(x, 301)[0, 150].square().sum().backward()

    seen = x.grad.abs().sum((0, 1)).nonzero().flatten()
    reach = 2**num_layers - 1
    assert (150 - int(seen.min()), int(seen.max()) - 150) == (reach, reach)
    assert head_reach(made, stride=2) == 2 * reach


@pytest.mark.parametrize('stride', [1, 2, 3])
def test_a_padded_video_gets_what_it_gets_alone(stride):
    made = head().double().eval()
    x = features().double()
    source, size = torch.tensor([41, 17, 1]), 41 * stride
    target = [size, 17 * stride - stride // 2, stride]
    for n, T in enumerate(source.tolist()):
        x[n, :, T:] = 99.0

    found = made(x, size, source, torch.tensor(target))

    for n, (T, frames) in enumerate(zip(source.tolist(), target)):
        alone = made(x[n : n + 1, :, :T], frames)[0]
        assert (found[n, :frames] - alone).abs().max() < 1e-12


@pytest.mark.parametrize('T', [1, 2, 13, 27])
@pytest.mark.parametrize('neck', [True, False])
def test_a_localizer_of_any_length_scores_as_it_does_alone(neck, T):
    strides = (2, 2, 1, 1, 2, 1, 1, 2, 1, 1)
    model = localizer(
        'AGCN', neck, encoder=dict(temporal_strides=strides), head=HEAD
    ).eval()
    x = skeletons(M=3, T=T)
    padded = torch.cat([x, torch.full((3, 3, 6, 5, 3), 7.0)], dim=2)

    found = model(padded, num_frames=torch.tensor([T] * 3))[:, :T]

    assert found.shape == (3, T, 5)
    assert torch.allclose(found, model(x), atol=1e-5)


def test_whole_channels_of_the_features_are_dropped_in_training():
    made = head(feature_dropout=0.5, layer_dropout=0.0, num_layers=1)
    made.layers = torch.nn.ModuleList()
    made.classifier = torch.nn.Identity()

    found = made.train()(torch.ones(3, 6, 41), 41).transpose(1, 2)

    assert set(found.unique().tolist()) == {0.0, 2.0}
    assert torch.equal(found, found[:, :, :1].expand(-1, -1, 41))


def test_nothing_is_dropped_at_test_time():
    made = head(feature_dropout=0.5, layer_dropout=0.5, dropout=0.5)
    x = features()

    assert not torch.equal(made(x, 41), made(x, 41))
    made.eval()
    assert torch.equal(made(x, 41), made(x, 41))


def test_the_head_keeps_the_losses_of_its_base():
    model = localizer(
        head=dict(HEAD, smoothing_weight=0.15, class_weight=[1.0] * 5)
    ).train()

    losses = model(skeletons(), samples([13, 7, 10]), mode='loss')
    sum(v for k, v in losses.items() if 'loss' in k).backward()

    assert set(losses) == {'loss_frame', 'loss_smoothing', 'frame_accuracy'}
    for name, value in model.head.named_parameters():
        assert value.grad is not None, name


def test_a_frame_is_learned_from_what_happens_around_it():
    """Around 18 frames behind a mark, where its own features say nothing."""
    made = head(num_layers=5, feature_dropout=0.0, layer_dropout=0.0).train()
    x, labels = torch.zeros(4, 6, 61), torch.full((4, 61), 4)
    for n, mark in enumerate((3, 11, 24, 37)):
        x[n, n, mark] = 3.0
        labels[n, mark + 14 : mark + 22] = n
    optimizer = torch.optim.Adam(made.parameters(), lr=0.01)

    for _ in range(200):
        optimizer.zero_grad()
        losses = made.loss(made(x, 61), labels)
        losses['loss_frame'].backward()
        optimizer.step()

    assert losses['frame_accuracy'] == 1.0


@pytest.mark.parametrize(
    'wrong', [dict(num_layers=0), dict(hidden_channels=0)]
)
def test_a_head_without_layers_is_refused(wrong):
    with pytest.raises(ValueError, match=r'=0.*must be positive'):
        head(**wrong)
