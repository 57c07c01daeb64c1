"""The localizer: shapes, padding, freezing, losses."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from mmaction.structures import ActionDataSample

from mmsnip.evaluation import smooth_frames
from mmsnip.models import time
from mmsnip.registry import MODELS

PARENTS = [-1, 0, 1, 1, 0]
BACKBONES = {
    'AGCN': dict(type='mmsnip.AGCN', out_indices=(0, 6, 9)),
    'CTRGCN': dict(
        type='mmsnip.CTRGCN', out_indices=(3, 6, 9), data_bn_type=None
    ),
    'STGCN': dict(type='mmsnip.STGCN', out_indices=(3, 6, 9)),
}


def localizer(
    backbone='AGCN', neck=True, parents=PARENTS, encoder=None, **changes
):
    torch.manual_seed(0)
    config = dict(
        type='mmsnip.SkeletonLocalizer',
        backbone=dict(
            graph_cfg=dict(layout=dict(parents=parents)),
            base_channels=12,
            **{**BACKBONES[backbone], **(encoder or {})},
        ),
        head=dict(type='mmsnip.FrameLocalizationHead', num_classes=4),
    )
    if neck:
        ushape = dict(type='mmsnip.UShapeFusionNeck', out_channels=9)
        config['neck'] = ushape if neck is True else neck
    config.update(changes)
    model = MODELS.build(config)
    model.init_weights()
    generator = torch.Generator().manual_seed(1)
    for module in model.modules():  # published inits hide most of the net
        if hasattr(module, 'running_var'):
            module.weight.data.uniform_(0.5, 1.5, generator=generator)
            module.running_mean.uniform_(-0.2, 0.2, generator=generator)
    return model


def assert_close(found, expected):
    atol = 1e-5 * float(expected.detach().abs().max())
    assert torch.allclose(found, expected, atol=atol)


def skeletons(N=3, M=2, T=13, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(N, M, T, len(PARENTS), 3, generator=generator)


def samples(lengths, seed=0):
    generator = torch.Generator().manual_seed(seed)
    made = []
    for n, length in enumerate(lengths):
        sample = ActionDataSample()
        sample.gt_frame_labels = torch.randint(
            5, (length,), generator=generator
        )
        sample.set_metainfo(dict(frame_dir=f'video_{n}'))
        made.append(sample)
    return made


@pytest.mark.parametrize('backbone', list(BACKBONES))
@pytest.mark.parametrize('neck', [True, False])
@pytest.mark.parametrize('T', [1, 2, 13])
def test_every_frame_gets_a_score_of_each_class_and_background(
    backbone, neck, T
):
    model = localizer(backbone, neck).eval()

    logits = model(skeletons(T=T))

    assert logits.shape == (3, T, 5)


@pytest.mark.parametrize('backbone', list(BACKBONES))
@pytest.mark.parametrize('neck', [True, False])
def test_padding_never_changes_the_scores_of_valid_frames(backbone, neck):
    model = localizer(backbone, neck).eval()
    lengths = [13, 7, 10]
    x = skeletons()
    alone = [model(x[n : n + 1, :, :T]) for n, T in enumerate(lengths)]
    padded = torch.cat([x, 9 * torch.randn(3, 2, 4, 5, 3)], dim=2)
    padded[1, :, 7:], padded[2, :, 10:] = 5.0, -5.0

    logits = model(padded, num_frames=torch.tensor(lengths))

    for n, T in enumerate(lengths):
        assert_close(logits[n, :T], alone[n][0])


@pytest.mark.parametrize('backbone', list(BACKBONES))
@pytest.mark.parametrize('T', [5, 9, 11])
def test_padding_changes_nothing_where_one_of_the_persons_leaves(backbone, T):
    model = localizer(backbone).eval()
    x = skeletons(N=1, T=T)
    padded = torch.cat([x, torch.randn(1, 2, 13 - T, 5, 3)], dim=2)
    mask = torch.zeros(1, 2, 13, dtype=torch.bool)
    mask[0, 0, :T] = mask[0, 1, : T // 2] = True

    found = model(padded, None, mask, torch.tensor([T]))[:, :T]

    assert_close(found, model(x, None, mask[:, :, :T]))


def test_padding_adds_nothing_to_the_loss():
    model = localizer().eval()
    x, truth = skeletons(N=1), samples([13])
    padded = torch.cat([x, torch.randn(1, 2, 4, 5, 3)], dim=2)

    alone = model(x, truth, mode='loss')['loss_frame']
    found = model(padded, truth, num_frames=torch.tensor([13]), mode='loss')[
        'loss_frame'
    ]

    assert found.item() == pytest.approx(alone.item(), rel=1e-5)


def test_predictions_are_probabilities_of_the_valid_frames():
    model = localizer().eval()

    predicted = model(
        skeletons(),
        samples([13, 7, 10]),
        num_frames=torch.tensor([13, 7, 10]),
        mode='predict',
    )

    for sample, length in zip(predicted, (13, 7, 10)):
        scores = sample.pred_frame_scores
        assert scores.shape == (length, 5)
        assert torch.allclose(scores.sum(1), torch.ones(length))


def test_permuting_joints_with_the_graph_permutes_nothing_in_the_output():
    order = [3, 1, 4, 0, 2]  # new joint v was joint order[v]
    place = {old: new for new, old in enumerate(order)}
    moved = [-1 if p < 0 else place[p] for p in (PARENTS[o] for o in order)]
    model = localizer().eval()
    other = localizer(parents=moved).eval()
    state = model.state_dict()
    for key, value in state.items():
        if key.endswith(('.A', '.PA')):
            state[key] = value[:, order][:, :, order]
    assert torch.equal(
        state['backbone.blocks.0.gcn1.A'],
        other.state_dict()['backbone.blocks.0.gcn1.A'],
    )
    other.load_state_dict(state)
    x = skeletons()

    assert_close(other(x[..., order, :]), model(x))


def test_linear_probe_trains_neck_and_head_alone():
    model = localizer(frozen_stages=9).train()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    optimizer = torch.optim.SGD(
        [p for p in model.parameters() if p.requires_grad], lr=0.1
    )

    model(skeletons(), samples([13] * 3), mode='loss')['loss_frame'].backward()
    optimizer.step()

    for key, value in model.state_dict().items():
        if key.startswith('backbone.'):
            assert torch.equal(value, before[key]), key
    assert not torch.equal(
        model.head.classifier.weight, before['head.classifier.weight']
    )


def test_frozen_stages_freeze_the_first_blocks_only():
    model = localizer(frozen_stages=2).train()

    blocks = model.backbone.blocks
    assert not any(p.requires_grad for b in blocks[:3] for p in b.parameters())
    assert all(p.requires_grad for b in blocks[3:] for p in b.parameters())
    assert not blocks[2].training
    assert blocks[3].training


def test_frozen_stages_beyond_the_backbone_are_refused():
    with pytest.raises(ValueError, match=r'frozen_stages=10 .* -1..9'):
        localizer(frozen_stages=10)


def test_a_video_without_labels_is_named():
    truth = samples([13, 13])
    unlabelled = ActionDataSample()
    unlabelled.set_metainfo(dict(frame_dir='video_x'))

    with pytest.raises(ValueError, match='video_x has no frame labels'):
        localizer()(skeletons(), [*truth, unlabelled], mode='loss')


@pytest.mark.parametrize('found', [3, 6])
def test_data_with_another_number_of_classes_is_refused(found):
    truth = samples([13, 13, 13])
    truth[1].set_metainfo(dict(num_classes=found))

    with pytest.raises(ValueError, match=f'video_1 .* {found} classes.* is 4'):
        localizer()(skeletons(), truth, mode='loss')


def test_class_weights_of_another_length_are_refused():
    with pytest.raises(ValueError, match=r'4 numbers.*num_classes.* = 5'):
        localizer(
            head=dict(
                type='mmsnip.FrameLocalizationHead',
                num_classes=4,
                class_weight=[1.0] * 4,
            )
        )


def test_smoothing_loss_is_an_option():
    model = localizer(
        head=dict(
            type='mmsnip.FrameLocalizationHead',
            num_classes=4,
            smoothing_weight=0.15,
            label_smoothing=0.1,
            dropout=0.5,
        )
    )

    losses = model(skeletons(), samples([13] * 3), mode='loss')

    assert losses['loss_smoothing'] > 0


def window_means(scores, size):
    """Frame by frame the mean of those around it that are there."""
    half = size // 2
    rows = [
        scores[max(t - half, 0) : t + half + 1].mean(0)
        for t in range(len(scores))
    ]
    return np.stack(rows)


@pytest.mark.parametrize('size', [1, 3, 31])
@pytest.mark.parametrize('T', [1, 2, 13, 67])
def test_scores_are_smoothed_alike_in_numpy_and_torch(T, size):
    rng = np.random.default_rng(0)
    scores = rng.dirichlet(np.ones(5), T)

    found = smooth_frames(scores, size)
    single = time.smooth_frames(torch.tensor(scores).float(), size)

    np.testing.assert_allclose(found, window_means(scores, size), atol=1e-12)
    np.testing.assert_allclose(single.numpy(), found, atol=1e-6)
    np.testing.assert_allclose(single.sum(1).numpy(), 1, atol=1e-6)


@pytest.mark.parametrize('size', [5, 31])
def test_predictions_are_smoothed_within_each_video(size):
    lengths = torch.tensor([13, 7, 1])

    def predict(test_cfg):
        model = localizer(test_cfg=test_cfg).eval()
        made = model(
            skeletons(), samples(lengths), num_frames=lengths, mode='predict'
        )
        return [sample.pred_frame_scores.detach().numpy() for sample in made]

    plain, smooth = predict(None), predict(dict(smooth_frames=size))

    for one, other, length in zip(plain, smooth, lengths):
        assert other.shape == (length, 5)
        np.testing.assert_allclose(other, window_means(one, size), atol=1e-6)


def test_logits_and_losses_are_not_smoothed():
    plain, smooth = localizer(), localizer(test_cfg=dict(smooth_frames=31))
    x, truth = skeletons(), samples([13] * 3)

    assert torch.equal(plain(x), smooth(x))
    expected = plain(x, truth, mode='loss')['loss_frame']
    assert torch.equal(smooth(x, truth, mode='loss')['loss_frame'], expected)


@pytest.mark.parametrize('size', [0, -3, 30, 31.0, '31', None])
def test_a_window_without_a_middle_is_refused(size):
    with pytest.raises(
        ValueError, match=rf'test_cfg: smooth_frames={size!r} must be an odd'
    ):
        localizer(test_cfg=dict(smooth_frames=size))
    with pytest.raises(ValueError, match=r'size=.* must be an odd number'):
        smooth_frames(np.ones((3, 2)), size)


@pytest.mark.parametrize(
    ('share', 'frozen'), [(1.0, -1), (0.5, -1), (0.5, 1), (0.5, 9)]
)
def test_the_backbone_starts_with_a_share_of_the_pretrained(
    tmp_path, share, frozen
):
    start = localizer()
    for parameter in start.backbone.parameters():
        parameter.data.add_(1.0)
    torch.save(dict(state_dict=start.state_dict()), tmp_path / 'a.pth')
    fresh = localizer().backbone.state_dict()

    model = localizer(
        pretrained=str(tmp_path / 'a.pth'),
        pretrained_share=share,
        frozen_stages=frozen,
    )

    for block in range(4):
        name = f'blocks.{block}.tcn1.conv.weight'
        found = model.backbone.state_dict()[name]
        taken = 1.0 if block <= frozen else share
        assert torch.allclose(found, fresh[name] + taken, atol=1e-6)


@pytest.mark.parametrize('share', [0.0, 1.5])
def test_an_impossible_share_is_refused(share):
    with pytest.raises(ValueError, match=r'must lie in \(0, 1\]'):
        localizer(pretrained_share=share)
