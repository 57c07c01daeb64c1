"""AimCLR: divergence and mining beside the plug of the snippet head."""

from __future__ import annotations

import copy

import pytest
import torch

from mmsnip.losses import (
    distribution_divergence,
    mined_info_nce,
    nearest_keys,
    snippet_info_nce,
)
from mmsnip.models.pretrainers.momentum import View
from tests.models.test_skeleton_clr import PARENTS, pretrainer

TYPE = 'mmsnip.AimCLR'
TERMS = {'loss_global', 'loss_divergence', 'loss_snippet'}


def views(N=4, M=2, T=13, seed=0, count=3):
    generator = torch.Generator().manual_seed(seed)
    shape = (count, N, M, T, len(PARENTS), 3)
    return list(torch.randn(*shape, generator=generator))


def batch(**options):
    return [View(inputs) for inputs in views(**options)]


def without_running_statistics(model):
    return {
        key: value.clone()
        for key, value in model.state_dict().items()
        if 'running_' not in key and 'num_batches' not in key
    }


def test_a_step_gives_its_three_losses_and_stores_one_key_a_video():
    model = pretrainer(type=TYPE)

    losses = model(views(), mode='loss')

    assert {key for key in losses if 'loss' in key} == TERMS
    assert all(torch.isfinite(value) for value in losses.values())
    assert int(model.global_head.queue.pointer) == 4
    assert int(model.snippet_head.queue.pointer) == 4


def test_only_the_losses_are_added_to_the_objective():
    model = pretrainer(type=TYPE)
    losses = model(views(), mode='loss')

    total, _ = model.parse_losses(losses)

    assert total.item() == pytest.approx(
        sum(losses[key].item() for key in TERMS), rel=1e-5
    )


def test_without_the_snippet_head_the_framework_is_its_own_baseline():
    model = pretrainer(type=TYPE, snippets=False)

    losses = model(views(), mode='loss')

    assert {key for key in losses if 'loss' in key} == TERMS - {
        'loss_snippet'
    }
    assert not [key for key in model.state_dict() if 'snippet' in key]


@pytest.mark.parametrize('mining_epoch', [0, None])
def test_losses_reach_every_query_weight_and_no_key_weight(mining_epoch):
    model = pretrainer(type=TYPE, mining_epoch=mining_epoch)

    total, _ = model.parse_losses(model(views(), mode='loss'))
    total.backward()

    for name, parameter in model.named_parameters():
        if name.startswith('key_encoder'):
            assert parameter.grad is None, name
        else:
            assert parameter.grad is not None, name


def test_terms_are_those_of_the_formula():
    model = pretrainer(type=TYPE, divergence_weight=0.5).eval()
    model(views(), mode='loss')
    query_view, key_view, extreme_view = batch()
    query = model.embed_query(query_view)
    key = model.embed_key(key_view)
    extreme = model.embed_extreme(extreme_view)
    queue = model.global_head.queue.keys
    chosen = nearest_keys((query.video, extreme), queue, 2)
    model.global_head.num_neighbors = 2
    model.set_epoch(200)

    losses, stored = model.loss(batch())

    assert torch.equal(
        losses['loss_divergence'],
        0.5 * distribution_divergence(extreme, query.video, key.video, queue),
    )
    assert torch.equal(
        losses['loss_global'],
        mined_info_nce(query.video, key.video, queue, chosen),
    )
    assert torch.equal(stored.video, key.video)


def test_snippet_positives_come_from_the_key_view():
    model = pretrainer(type=TYPE).eval()
    q = model.embed_query(batch()[0]).snippets
    k = model.embed_key(batch()[1]).snippets

    losses, _ = model.loss(batch())

    queue = model.snippet_head.queue.keys
    expected = snippet_info_nce(
        q.embedding, k.embedding, q.features, k.features, queue
    )
    assert torch.allclose(losses['loss_snippet'], 1.5 * expected)


def test_mining_changes_global_and_snippet_term_from_its_epoch_on():
    model = pretrainer(type=TYPE, mining_epoch=3).eval()
    plain = pretrainer(type=TYPE, mining_epoch=None).eval()
    expected, _ = plain.loss(batch())

    for epoch in range(6):
        model.set_epoch(epoch)
        plain.set_epoch(epoch)
        losses, _ = model.loss(batch())
        for name in ('loss_global', 'loss_snippet'):
            same = torch.equal(losses[name], expected[name])
            assert same == (epoch < 3), (epoch, name)
        assert torch.equal(
            losses['loss_divergence'], expected['loss_divergence']
        )
        assert not plain.mining


def test_a_resumed_run_mines_as_soon_as_its_epoch_is_told():
    model = pretrainer(type=TYPE, mining_epoch=3)
    model.set_epoch(3)
    model(views(), mode='loss')
    other = pretrainer(type=TYPE, mining_epoch=3)
    other.load_state_dict(copy.deepcopy(model.state_dict()))
    other.set_epoch(3)

    found = other(views(seed=1), mode='loss')
    expected = model(views(seed=1), mode='loss')

    for key, value in expected.items():
        assert torch.equal(found[key], value), key
    assert int(other.global_head.queue.pointer) == 8


@pytest.mark.parametrize('epoch', [0, 200])
def test_loss_alone_changes_no_state(epoch):
    model = pretrainer(type=TYPE)
    model.set_epoch(epoch)
    model(views(), mode='loss')
    before = without_running_statistics(model)

    first, _ = model.loss(batch(seed=1))
    second, _ = model.loss(batch(seed=1))

    for key, value in first.items():
        assert torch.equal(value, second[key]), key
    for key, value in without_running_statistics(model).items():
        assert torch.equal(value, before[key]), key


def test_evaluation_advances_neither_queue_nor_key_encoder():
    model = pretrainer(type=TYPE)
    model(views(), mode='loss')
    model.eval()
    before = copy.deepcopy(model.state_dict())

    model(views(seed=1), mode='loss')

    for key, value in model.state_dict().items():
        assert torch.equal(value, before[key]), key


def test_weights_bear_the_names_of_skeleton_clr():
    model = pretrainer(type=TYPE)

    assert set(model.state_dict()) == set(pretrainer().state_dict())


def test_two_views_are_refused():
    with pytest.raises(ValueError, match=r'AimCLR compares 3 views'):
        pretrainer(type=TYPE)(views()[:2], mode='loss')


def test_more_neighbors_than_entries_are_refused_when_mining():
    model = pretrainer(type=TYPE)
    model.global_head.num_neighbors = 12
    model.set_epoch(200)

    with pytest.raises(ValueError, match=r'num_neighbors=12 must lie in'):
        model(views(), mode='loss')


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(mining_epoch=-1), r'mining_epoch=-1 must be 0 or later'),
        (dict(key_momentum=1.0), r'must lie in \(0, 1\)'),
        (
            dict(
                global_head=dict(
                    type='mmsnip.GlobalContrastHead', num_neighbors=-1
                )
            ),
            r'num_neighbors=-1 must not be negative',
        ),
    ],
)
def test_impossible_numbers_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        pretrainer(type=TYPE, **changes)


def recognised(model, base, noise, generator):
    """Share of extreme views whose nearest mild view is of their video."""
    hits = []
    for _ in range(5):
        drawn = torch.randn(3, *base.shape, generator=generator)
        query, _, extreme = base + noise * drawn
        with torch.no_grad():
            mild = model.embed_query(View(query)).video
            found = (model.embed_extreme(View(extreme)) @ mild.T).argmax(1)
        hits.append((found == torch.arange(len(base))).float().mean())
    return float(torch.stack(hits).mean())


@pytest.mark.slow
def test_pre_training_recognises_videos_in_their_extreme_views():
    model = pretrainer(type=TYPE, mining_epoch=None)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    generator = torch.Generator().manual_seed(4)
    base = torch.randn(8, 1, 13, 5, 3, generator=generator)
    noise = torch.tensor([0.05, 0.05, 0.5]).view(3, 1, 1, 1, 1, 1)
    before = recognised(model, base, noise, generator)

    for _ in range(40):
        drawn = torch.randn(3, *base.shape, generator=generator)
        total, _ = model.parse_losses(
            model(list(base + noise * drawn), mode='loss')
        )
        optimizer.zero_grad()
        total.backward()
        optimizer.step()

    assert recognised(model, base, noise, generator) > before + 0.2
