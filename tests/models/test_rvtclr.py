"""RVTCLR: two tempi, two heads, and the dense plug at the other tempo."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from mmsnip.losses import (
    distribution_divergence,
    info_nce,
    mined_info_nce,
    mined_snippet_info_nce,
    nearest_keys,
    tempo_ranking,
)
from mmsnip.models.pretrainers.momentum import View
from tests.models.test_aimclr import without_running_statistics
from tests.models.test_skeleton_clr import PARENTS, pretrainer

TYPE = 'mmsnip.RVTCLR'
TERMS = {
    *('loss_global', 'loss_global_other', 'loss_motion', 'loss_divergence'),
    'loss_snippet',
}


def rvtclr(**changes):
    return pretrainer(
        type=TYPE,
        motion_head=dict(type='mmsnip.TempoRankingHead', embed_dim=7),
        **changes,
    )


def views(N=4, M=2, T=13, seed=0):
    """Three views of T frames and a longer one, as RelativeTempo gives."""
    generator = torch.Generator().manual_seed(seed)
    lengths = (T, T, T, 2 * T + 1)
    return [
        torch.randn(N, M, length, len(PARENTS), 3, generator=generator)
        for length in lengths
    ]


def batch(**options):
    return [View(inputs) for inputs in views(**options)]


def test_a_step_gives_its_five_losses_and_stores_one_key_a_video():
    model = rvtclr()

    losses = model(views(), mode='loss')

    assert {key for key in losses if 'loss' in key} == TERMS
    assert all(torch.isfinite(value) for value in losses.values())
    assert int(model.global_head.queue.pointer) == 4
    assert int(model.snippet_head.queue.pointer) == 4


def test_only_the_losses_are_added_to_the_objective():
    model = rvtclr()
    losses = model(views(), mode='loss')

    total, _ = model.parse_losses(losses)

    assert total.item() == pytest.approx(
        sum(losses[key].item() for key in TERMS), rel=1e-5
    )


def test_without_the_snippet_head_the_framework_is_its_own_baseline():
    model = rvtclr(snippets=False)

    losses = model(views(), mode='loss')

    assert {key for key in losses if 'loss' in key} == TERMS - {'loss_snippet'}
    assert not [key for key in model.state_dict() if 'snippet' in key]


@pytest.mark.parametrize('mining_epoch', [0, None])
def test_losses_reach_every_query_weight_and_no_key_weight(mining_epoch):
    model = rvtclr(mining_epoch=mining_epoch)

    total, _ = model.parse_losses(model(views(), mode='loss'))
    total.backward()

    for name, parameter in model.named_parameters():
        if name.startswith('key_encoder'):
            assert parameter.grad is None, name
        else:
            assert parameter.grad is not None, name


def test_terms_before_mining_are_those_of_the_formula():
    model = rvtclr().eval()
    query = model.embed_query(batch()[0])
    same, other = (model.embed_key(view) for view in batch()[1:3])
    extreme = model.embed_extreme(batch()[3])
    queue = model.global_head.queue.keys

    losses, _ = model.loss(batch())

    expected = dict(
        loss_global=info_nce(query.video, same.video, queue),
        loss_global_other=info_nce(query.video, other.video, queue),
        loss_motion=tempo_ranking(query.motion, same.motion, other.motion),
        loss_divergence=distribution_divergence(
            extreme, query.video, same.video, queue
        ),
    )
    for key, value in expected.items():
        assert torch.equal(losses[key], value), key


def test_mined_terms_share_the_entries_and_snippets_mine_their_own():
    model = rvtclr().eval()
    model.set_epoch(200)
    query = model.embed_query(batch()[0])
    same, other = (model.embed_key(view) for view in batch()[1:3])
    extreme = model.embed_extreme(batch()[3])
    queue = model.global_head.queue.keys
    chosen = nearest_keys((query.video, extreme), queue, 1)

    losses, _ = model.loss(batch())

    expected = dict(
        loss_global=mined_info_nce(query.video, same.video, queue, chosen),
        loss_global_other=mined_info_nce(
            query.video, other.video, queue, chosen
        ),
        loss_snippet=1.5
        * mined_snippet_info_nce(
            query.snippets.embedding,
            other.snippets.embedding,
            query.snippets.features,
            other.snippets.features,
            model.snippet_head.queue.keys,
            num_neighbors=5,
        ),
    )
    for key, value in expected.items():
        assert torch.equal(losses[key], value), key


def test_snippets_and_queues_take_the_key_of_the_other_tempo():
    model = rvtclr()
    model(views(), mode='loss')  # the first step copies the encoder
    changed = batch(seed=1)
    changed[1] = View(changed[1].inputs + 1)
    model.eval()

    losses, stored = model.loss(batch(seed=1))
    found, again = model.loss(changed)
    other = model.embed_key(batch(seed=1)[2])

    assert torch.equal(losses['loss_snippet'], found['loss_snippet'])
    assert not torch.equal(losses['loss_global'], found['loss_global'])
    assert torch.equal(stored.video, other.video)
    assert torch.equal(again.snippets.raw, other.snippets.raw)


def test_mining_changes_its_terms_from_its_epoch_on():
    model = rvtclr(mining_epoch=3).eval()
    expected, _ = model.loss(batch())
    mined = {'loss_global', 'loss_global_other', 'loss_snippet'}

    for epoch in range(6):
        model.set_epoch(epoch)
        losses, _ = model.loss(batch())
        for name in TERMS:
            same = torch.equal(losses[name], expected[name])
            assert same == (epoch < 3 or name not in mined), (epoch, name)


def test_key_encoder_follows_the_motion_projector():
    model = rvtclr()
    model(views(), mode='loss')  # the first step copies
    weight = model.motion_head.projector.weight
    before = weight.detach().clone()
    with torch.no_grad():
        weight += 1.0

    model(views(), mode='loss')

    key = model.key_encoder.module['motion_projector'].weight
    assert torch.allclose(key, 0.9 * before + 0.1 * weight, atol=1e-6)


def test_motion_and_appearance_differ():
    model = rvtclr().eval()

    query = model.embed_query(batch()[0])

    assert query.motion.shape == (4, 7)
    assert query.video.shape == (4, 6)
    assert torch.allclose(query.motion.norm(dim=1), torch.ones(4))


@pytest.mark.parametrize('epoch', [0, 200])
def test_loss_alone_changes_no_state(epoch):
    model = rvtclr()
    model.set_epoch(epoch)
    model(views(), mode='loss')
    before = without_running_statistics(model)

    first, _ = model.loss(batch(seed=1))
    second, _ = model.loss(batch(seed=1))

    for key, value in first.items():
        assert torch.equal(value, second[key]), key
    for key, value in without_running_statistics(model).items():
        assert torch.equal(value, before[key]), key


def test_checkpoint_holds_queues_pointers_and_key_encoder():
    model = rvtclr()
    model(views(), mode='loss')
    other = rvtclr()

    other.load_state_dict(copy.deepcopy(model.state_dict()))
    found = other(views(seed=1), mode='loss')
    expected = model(views(seed=1), mode='loss')

    for key, value in expected.items():
        assert torch.equal(found[key], value), key
    assert int(other.global_head.queue.pointer) == 8


def test_padded_frames_do_not_reach_the_losses():
    model = rvtclr(snippets=False).eval()
    short = views(T=9)
    lengths = [torch.full((4,), x.shape[2]) for x in short]
    padded = [torch.cat([x, torch.randn(4, 2, 5, 5, 3)], 2) for x in short]

    alone = model(short, mode='loss')
    found = model(padded, num_frames=lengths, mode='loss')

    for key, value in alone.items():
        assert torch.allclose(found[key], value, atol=1e-4), key


def test_three_views_are_refused():
    with pytest.raises(ValueError, match=r'RVTCLR compares 4 views'):
        rvtclr()(views()[:3], mode='loss')


def test_motion_head_refuses_impossible_numbers():
    with pytest.raises(ValueError, match='margin=0 must be'):
        pretrainer(
            type=TYPE,
            motion_head=dict(type='mmsnip.TempoRankingHead', margin=0),
        )


@pytest.mark.slow
def test_pre_training_tells_the_tempi_apart():
    model = rvtclr(mining_epoch=None)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    generator = torch.Generator().manual_seed(3)
    phase = torch.rand(4, 1, 1, 5, 3, generator=generator) * 6
    slow = torch.arange(26.0).view(1, 1, 26, 1, 1)
    videos = torch.sin(0.4 * slow + phase)  # (N, M, T, V, C)
    first, second = videos[:, :, :13], videos[:, :, ::2]
    query = torch.cat([first[:2], second[2:]])
    other = torch.cat([second[:2], first[2:]])
    history = []

    for _ in range(60):
        made = [
            view + 0.05 * torch.randn(view.shape, generator=generator)
            for view in (query, query, other, videos)
        ]
        total, logs = model.parse_losses(model(made, mode='loss'))
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        history.append(
            [logs['loss_motion'].item(), logs['loss_snippet'].item()]
        )

    start, end = torch.tensor(history[:5]), torch.tensor(history[-5:])
    assert end[:, 0].mean() < 0.8 * start[:, 0].mean()
    assert end[:, 1].mean() < 0.8 * np.log(10)  # by chance, with 9 negatives
    assert logs['tempo_accuracy'].item() == 1
