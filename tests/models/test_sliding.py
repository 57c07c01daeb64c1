"""Windows of a long video against one pass over it."""

from __future__ import annotations

import pytest
import torch
from mmaction.structures import ActionDataSample
from torch import nn

from mmsnip.models.persons import encode_persons
from mmsnip.models.sliding import (
    ChunkRule,
    block_strides,
    chunk_rule,
    encoder_reach,
    logits_in_chunks,
    plan_chunks,
    receptive_field,
)
from tests.models.test_localizer import BACKBONES, localizer, skeletons

NECKS = {
    'none': None,
    'ushape': dict(type='mmsnip.UShapeFusionNeck', out_channels=9),
    'unet': dict(type='mmsnip.UNetFusionNeck', out_channels=9),
    'pyramid': dict(
        type='mmsnip.PyramidFusionNeck', out_channels=9, pyramid_channels=7
    ),
}
FIXED = dict(topology=False)
HEADS = {
    'linear': dict(type='mmsnip.FrameLocalizationHead', num_classes=4),
    'dilated': dict(type='mmsnip.DilatedLocalizationHead', num_classes=4),
}


def model(
    backbone='STGCN',
    neck='ushape',
    topology=True,
    data_bn_type=None,
    test_cfg=None,
    head='linear',
    **encoder,
):
    """A localizer; without topology no link depends on the sample."""
    made = localizer(
        backbone,
        neck=NECKS[neck],
        encoder=dict(data_bn_type=data_bn_type, **encoder),
        test_cfg=test_cfg,
        head=HEADS[head],
    ).eval()
    generator = torch.Generator().manual_seed(2)
    for name, value in made.backbone.named_parameters():
        if name.endswith('alpha'):  # the published start hides the topology
            value.data.fill_(float(topology))
        elif name.endswith('PA'):
            value.data.add_(
                torch.randn(value.shape, generator=generator) * 0.1
            )
        elif ('conv_a' in name or 'conv_b' in name) and not topology:
            value.data.zero_()
    return made


def video(M=2, T=523, seed=3):
    """Two persons who come and go; nobody at times."""
    x = skeletons(N=1, M=M, T=T, seed=seed)[0]
    mask = torch.ones(M, T, dtype=torch.bool)
    mask[0, 100:300] = False
    mask[1:, 250:] = False
    return x * mask[..., None, None], mask


def one_pass(made, x, mask):
    with torch.no_grad():
        return made(x[None], body_mask=mask[None])[0]


def deviation(found, expected):
    found, expected = found.detach(), expected.detach()
    return float((found - expected).abs().max() / expected.abs().max())


def test_chunks_tile_the_video_and_begin_at_strided_frames():
    for T in (1, 7, 8, 9, 64, 65):
        plan = plan_chunks(T, chunk_size=13, overlap=5, stride=8)

        assert [c.start for c in plan] == list(range(0, T, 16))
        assert [c.stop for c in plan[:-1]] == [c.start for c in plan[1:]]
        assert plan[-1].stop == plan[-1].last == T
        for c in plan:
            assert c.first == max(c.start - 8, 0)
            assert c.last in (c.stop + 8, T)
            assert c.first % 8 == 0


@pytest.mark.parametrize('backbone', list(BACKBONES))
def test_reach_is_the_receptive_field(backbone):
    """Its oracle: which input frames have a gradient."""
    made = model(backbone, **FIXED).backbone.double()
    reach, stride = encoder_reach(made), block_strides(made)[-1]
    x = skeletons(N=1, M=1, T=8 * (reach // 4) + 1).double()
    frame = x.shape[2] // 2 // stride
    x.requires_grad_()

    made(x)[-1][0, 0, :, frame].sum().backward()

    seen = x.grad.abs().sum((0, 1, 3, 4)).nonzero().flatten()
    assert seen.min() >= frame * stride - reach
    assert seen.max() <= frame * stride + reach
    assert seen.max() - seen.min() >= 1.8 * reach


@pytest.mark.parametrize('T', [512, 523])
@pytest.mark.parametrize('neck', list(NECKS))
@pytest.mark.parametrize('backbone', list(BACKBONES))
def test_chunks_score_as_one_pass_where_the_graph_is_fixed(backbone, neck, T):
    made = model(backbone, neck, **FIXED)
    x, mask = video(T=T)
    expected = one_pass(made, x, mask)

    for size in (64, 100):
        found = logits_in_chunks(made, x, mask, ChunkRule(size))

        assert found.shape == (T, 5)
        assert deviation(found, expected) < 1e-5


@pytest.mark.parametrize('neck', list(NECKS))
def test_chunks_hold_the_frames_that_a_dilated_head_sees(neck):
    made = model('STGCN', neck, head='dilated')
    x, mask = video(T=1051)
    expected = one_pass(made, x, mask)

    for size in (64, 300):
        found = logits_in_chunks(made, x, mask, ChunkRule(size))

        assert found.shape == (1051, 5)
        assert deviation(found, expected) < 1e-5


@pytest.mark.parametrize('T', [1040, 1051])
def test_chunks_of_features_at_half_the_frame_rate_score_as_one_pass(T):
    strides = (2, 2, 1, 1, 2, 1, 1, 2, 1, 1)
    made = model('AGCN', head='dilated', temporal_strides=strides, **FIXED)
    x, mask = video(T=T)

    found = logits_in_chunks(made, x, mask, ChunkRule(64))

    assert found.shape == (T, 5)
    assert deviation(found, one_pass(made, x, mask)) < 1e-5


def test_without_its_reach_a_dilated_head_would_score_otherwise(monkeypatch):
    import mmsnip.models.sliding as module

    made = model('STGCN', head='dilated')
    x, mask = video()
    monkeypatch.setattr(module, 'head_reach', lambda head, stride: 0)

    found = logits_in_chunks(made, x, mask, ChunkRule(64))

    assert deviation(found, one_pass(made, x, mask)) > 1e-4


@pytest.mark.parametrize('backbone', ['AGCN', 'CTRGCN'])
def test_what_remains_is_the_topology_of_the_chunk(backbone):
    """Its mean is taken over the chunk and not over the video."""
    made = model(backbone, 'ushape')
    x, mask = video()

    found = logits_in_chunks(made, x, mask, ChunkRule(64))

    assert deviation(found, one_pass(made, x, mask)) > 1e-4


@pytest.mark.parametrize('overlap', [0, 16])
def test_less_overlap_than_the_network_sees_changes_scores(overlap):
    made = model('STGCN')
    x, mask = video()
    rule = ChunkRule(64, overlap)

    found = logits_in_chunks(made, x, mask, rule)

    assert deviation(found, one_pass(made, x, mask)) > 1e-4


def test_a_person_absent_from_a_chunk_counts_as_in_one_pass():
    made = model('STGCN')
    x, mask = video(M=3)
    mask[2] = False  # never there: does not pass at all
    mask[:, 300:400] = False  # nobody: the mean over those of the sample

    found = logits_in_chunks(made, x, mask, ChunkRule(64))

    assert deviation(found, one_pass(made, x, mask)) < 1e-5


@pytest.mark.parametrize('head', list(HEADS))
@pytest.mark.parametrize('strides', [(1, 2), (2, 2)])
def test_the_receptive_field_bounds_what_a_score_depends_on(strides, head):
    """Its oracle: which input frames have a gradient."""
    strides = (*strides, 1, 1, 2, 1, 1, 2, 1, 1)
    made = model('AGCN', head=head, temporal_strides=strides, **FIXED).double()
    reach = receptive_field(made)
    x = skeletons(N=1, M=1, T=8 * (reach // 3) + 1).double()
    frame = x.shape[2] // 2
    x.requires_grad_()

    made(x)[0, frame].sum().backward()

    seen = x.grad.abs().sum((0, 1, 3, 4)).nonzero().flatten()
    assert frame - reach <= seen.min() <= seen.max() <= frame + reach


@pytest.mark.parametrize('backbone', list(BACKBONES))
def test_an_input_norm_over_the_persons_keeps_their_places(backbone):
    made = model(backbone, data_bn_type='MVC', **FIXED)
    norm = made.backbone.data_bn
    nn.init.uniform_(norm.weight, 0.5, 2.0)
    x, mask = video()
    mask[0] = False  # the second person alone, normed as the second

    found = logits_in_chunks(made, x, mask, ChunkRule(64))

    assert deviation(found, one_pass(made, x, mask)) < 1e-5


@pytest.mark.parametrize('head', list(HEADS))
def test_a_neck_of_another_kind_sees_the_whole_video(head):
    class Last(nn.Module):
        def forward(self, stages, lengths=None):
            return stages[-1] - stages[-1].mean(2, keepdim=True)

    made = model('STGCN', 'none', head=head)
    made.neck = Last()
    x, mask = video()
    stages = encode_persons(made.backbone, x[None], mask[None])
    expected = made.head(made.neck(stages), x.shape[1])[0]

    found = logits_in_chunks(made, x, mask, ChunkRule(64))

    assert deviation(found, expected) < 1e-5


@pytest.mark.parametrize('head', list(HEADS))
@pytest.mark.parametrize('smooth_frames', [1, 31])
def test_predict_cuts_the_videos_of_a_batch_one_by_one(smooth_frames, head):
    made = model(
        'STGCN', test_cfg=dict(smooth_frames=smooth_frames), head=head
    )
    x = skeletons(N=3, T=311)
    lengths = torch.tensor([311, 50, 203])

    def scores(size):
        made.chunk_rule = ChunkRule(size)
        samples = [ActionDataSample() for _ in range(3)]
        with torch.no_grad():
            made(x, samples, num_frames=lengths, mode='predict')
        return [sample.pred_frame_scores for sample in samples]

    for found, whole, T in zip(scores(64), scores(None), lengths):
        assert found.shape == (T, 5)
        assert torch.allclose(found, whole, atol=1e-5)


def test_short_videos_pass_at_once(monkeypatch):
    import mmsnip.models.localizer as module

    made = model('AGCN', test_cfg=dict(chunk_size=64))
    monkeypatch.setattr(module, 'logits_in_chunks', None)

    made(skeletons(T=64), [ActionDataSample()] * 3, mode='predict')

    with pytest.raises(TypeError, match='not callable'):
        made(skeletons(T=65), [ActionDataSample()] * 3, mode='predict')


@pytest.mark.parametrize(
    ('test_cfg', 'message'),
    [
        (dict(chunks=5), r"keys \['chunks'\] are unknown"),
        (dict(chunk_size=0), 'chunk_size=0 must be a positive number'),
        (dict(chunk_size=1.5), 'chunk_size=1.5 must be a positive'),
        (dict(overlap=-1), "overlap=-1 must be 'auto' or a number"),
        (dict(overlap='all'), "overlap='all' must be 'auto'"),
    ],
)
def test_a_malformed_test_cfg_is_refused(test_cfg, message):
    with pytest.raises(ValueError, match=message):
        chunk_rule(test_cfg)
