"""Contrastive pre-training: momentum, queues and the plug of the head."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from mmaction.structures import ActionDataSample

from mmsnip.losses import info_nce
from mmsnip.models.heads.contrast import (
    Snippets,
    pool_snippets,
    pool_times,
)
from mmsnip.models.pretrainers.momentum import View
from mmsnip.registry import MODELS

PARENTS = [-1, 0, 1, 1, 0]


def pretrainer(snippets=True, seed=0, **changes):
    torch.manual_seed(seed)
    config = dict(
        type='mmsnip.SkeletonCLR',
        backbone=dict(
            type='mmsnip.AGCN',
            graph_cfg=dict(layout=dict(parents=PARENTS)),
            base_channels=8,
            out_indices=(9,),
        ),
        global_head=dict(
            type='mmsnip.GlobalContrastHead', embed_dim=6, queue_size=11
        ),
        snippet_head=dict(
            type='mmsnip.SnippetContrastHead',
            num_snippets=2,
            embed_dim=6,
            hidden_channels=7,
            queue_size=9,
        ),
        key_momentum=0.9,
    )
    if not snippets:
        config.pop('snippet_head')
    config.update(changes)
    model = MODELS.build(config)
    model.init_weights()
    return model.train()


def views(N=4, M=2, T=13, seed=0):
    generator = torch.Generator().manual_seed(seed)
    shape = (2, N, M, T, len(PARENTS), 3)
    return list(torch.randn(*shape, generator=generator))


def test_a_step_gives_both_losses_and_stores_one_entry_a_video():
    model = pretrainer()

    losses = model(views(), mode='loss')

    assert {'loss_global', 'loss_snippet'} <= set(losses)
    assert all(torch.isfinite(value) for value in losses.values())
    assert int(model.global_head.queue.pointer) == 4
    assert int(model.snippet_head.queue.pointer) == 4


def test_only_losses_are_added_to_the_objective():
    model = pretrainer()
    losses = model(views(), mode='loss')

    total, _ = model.parse_losses(losses)

    assert total.item() == pytest.approx(
        losses['loss_global'].item() + losses['loss_snippet'].item()
    )


def test_without_the_snippet_head_the_framework_is_its_own_baseline():
    model = pretrainer(snippets=False)

    losses = model(views(), mode='loss')

    assert 'loss_snippet' not in losses
    assert not [key for key in model.state_dict() if 'snippet' in key]


def test_losses_reach_every_query_weight_and_no_key_weight():
    model = pretrainer()

    total, _ = model.parse_losses(model(views(), mode='loss'))
    total.backward()

    for name, parameter in model.named_parameters():
        if name.startswith('key_encoder'):
            assert parameter.grad is None, name
        else:
            assert parameter.grad is not None, name


def test_key_encoder_keeps_the_share_that_key_momentum_names():
    model = pretrainer()
    model(views(), mode='loss')  # the first step copies
    weight = model.global_head.projector.weight
    before = weight.detach().clone()
    with torch.no_grad():
        weight += 1.0

    model(views(), mode='loss')

    key = model.key_encoder.module['global_projector'].weight
    assert torch.allclose(key, 0.9 * before + 0.1 * weight, atol=1e-6)


def test_loss_alone_changes_no_state():
    model = pretrainer()
    model(views(), mode='loss')
    before = copy.deepcopy(model.state_dict())
    batch = [View(inputs) for inputs in views(seed=1)]
    first, _ = model.loss(batch)
    second, _ = model.loss(batch)

    assert torch.equal(first['loss_global'], second['loss_global'])
    assert torch.equal(first['loss_snippet'], second['loss_snippet'])
    for key, value in model.state_dict().items():
        if 'running_' not in key and 'num_batches' not in key:
            assert torch.equal(value, before[key]), key


def test_evaluation_advances_neither_queue_nor_key_encoder():
    model = pretrainer()
    model(views(), mode='loss')
    model.eval()
    before = copy.deepcopy(model.state_dict())

    model(views(seed=1), mode='loss')

    for key, value in model.state_dict().items():
        assert torch.equal(value, before[key]), key


def test_checkpoint_holds_queues_pointers_and_key_encoder():
    model = pretrainer()
    model(views(), mode='loss')
    other = pretrainer(key_momentum=0.9)

    other.load_state_dict(copy.deepcopy(model.state_dict()))
    found = other(views(seed=1), mode='loss')
    expected = model(views(seed=1), mode='loss')

    for key, value in expected.items():
        assert torch.equal(found[key], value), key
    assert int(other.global_head.queue.pointer) == 8


def test_queue_entry_of_a_video_is_the_normalised_mean_of_raw_snippets():
    head = pretrainer().snippet_head
    raw = torch.randn(4, 6, 2)
    key = Snippets(None, raw, torch.nn.functional.normalize(raw, dim=1))

    entry = head.queue_keys(key)

    expected = torch.nn.functional.normalize(raw.mean(2), dim=1)
    assert torch.allclose(entry, expected)


def test_queue_entries_can_be_the_snippets_themselves():
    model = pretrainer()
    model.snippet_head.queue_entry = 'snippet'

    model(views(), mode='loss')

    assert int(model.snippet_head.queue.pointer) == 8  # 4 videos, 2 snippets


def test_padded_frames_do_not_reach_the_embeddings():
    model = pretrainer().eval()
    short = views(T=9)[0]
    padded = torch.cat([short, torch.randn(4, 2, 4, 5, 3)], dim=2)
    lengths = torch.full((4,), 9)

    alone = model(short)
    found = model(padded, num_frames=lengths)

    assert torch.allclose(found[:, :, : alone.shape[2]], alone, atol=1e-5)


def test_snippets_are_adaptive_averages_and_ignore_padding():
    features = torch.randn(4, 3, 7)
    mask = torch.ones(4, 7, dtype=torch.bool)

    plain = pool_snippets(features, 3)

    assert torch.allclose(pool_snippets(features, 3, mask), plain, atol=1e-6)
    mask[:, 6:] = False
    changed = features.clone()
    changed[:, :, 6:] = 100.0
    assert torch.allclose(
        pool_snippets(changed, 3, mask), pool_snippets(features, 3, mask)
    )


def test_a_single_view_is_refused():
    with pytest.raises(ValueError, match=r'compares 2 views.*set MultiView'):
        pretrainer()(views()[0], mode='loss')


def test_more_snippets_than_frames_are_refused():
    model = pretrainer()
    model.snippet_head.num_snippets = 3

    with pytest.raises(ValueError, match=r'num_snippets=3 must lie in 1..2'):
        model(views(), mode='loss')


def test_views_padded_so_far_that_a_snippet_is_empty_are_refused():
    head = pretrainer().snippet_head
    features, mask = torch.rand(3, 32, 8), torch.ones(3, 8, dtype=torch.bool)
    mask[1, 5:] = False
    head(features, mask)

    mask[1, 4:] = False

    with pytest.raises(ValueError, match='4 of its 8 frames that'):
        head(features, mask)


@pytest.mark.parametrize('key_momentum', [0.0, 1.0, -0.1])
def test_key_momentum_out_of_range_is_refused(key_momentum):
    with pytest.raises(ValueError, match='must lie in'):
        pretrainer(key_momentum=key_momentum)


@pytest.mark.slow
def test_pre_training_pulls_views_of_one_video_together():
    model = pretrainer(seed=303)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    base = torch.randn(4, 1, 13, 5, 3)
    generator = torch.Generator().manual_seed(3)
    history = []

    for _ in range(60):
        noise = 0.05 * torch.randn(2, *base.shape, generator=generator)
        total, logs = model.parse_losses(
            model(list(base + noise), mode='loss')
        )
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        history.append(float(logs['loss_snippet']))

    # The queue holds the same four videos, so the floor is far above zero.
    assert sum(history[-5:]) < 0.8 * sum(history[:5])


def sample(*rows):
    data_sample = ActionDataSample()
    data_sample.set_metainfo(dict(view_frame_index=list(rows)))
    return data_sample


def timed_model():
    head = dict(
        type='mmsnip.SnippetContrastHead', num_snippets=2, embed_dim=6,
        queue_size=9, matching='time',
    )  # fmt: skip
    return pretrainer(snippet_head=head).eval()


def test_snippets_are_matched_by_the_frames_that_the_views_show():
    model = timed_model()
    batch = views(N=3, T=16)
    first, second = np.arange(16), np.arange(8, 24)
    shown = [(first, first), (first, second), (second, first)]
    samples = [sample(*rows) for rows in shown]

    found = model(batch, samples, mode='loss')['loss_snippet']

    q = model.embed_query(View(batch[0])).snippets.embedding
    k = model.embed_key(View(batch[1])).snippets.embedding
    pairs = [(0, 0, 0), (0, 1, 1), (1, 1, 0), (2, 0, 1)]
    rows = [torch.stack(x) for x in zip(*(
        (q[n, :, i], k[n, :, j]) for n, i, j in pairs
    ))]  # fmt: skip
    expected = 1.5 * info_nce(*rows, model.snippet_head.queue.keys)
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)


def test_a_batch_that_does_not_say_which_frames_it_shows_is_refused():
    model = timed_model()

    with pytest.raises(ValueError, match='PackSkeletonInputs'):
        model(views(), mode='loss')


def test_padded_frames_are_left_out_of_the_times():
    index = torch.tensor([[2.0, 3, 4, -1, -1, -1, -1, -1]])

    times = pool_times(index, 4)

    assert times[0, :2].tolist() == [2.5, 4.0]
    assert times[0, 2:].isnan().all()
