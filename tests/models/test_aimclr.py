"""AimCLR: divergence and mining beside the plug of the snippet head."""

from __future__ import annotations

import copy
import math

import pytest
import torch

from mmsnip.losses import (
    distribution_divergence,
    mined_info_nce,
    nearest_keys,
    snippet_info_nce,
)
from mmsnip.models.pretrainers.aimclr import attention_drop
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

    assert {key for key in losses if 'loss' in key} == TERMS - {'loss_snippet'}
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


def test_divergence_is_the_mean_over_both_extremes():
    model = pretrainer(type=TYPE, divergence_weight=0.5)
    axes = torch.eye(6)
    query = key = axes[[0, 0, 0, 0]]
    model.global_head.temperature = 1.0
    model.global_head.queue.keys.copy_(axes[1].unsqueeze(1))  # all alike

    found = model.divergence([query, axes[[1, 1, 1, 1]]], query, key)

    # Logits: (1, 0 x 11) of query and plain view, (0, 1 x 11) of the dropped.
    e = math.e
    plain = math.log(e + 11) - e / (e + 11)
    dropped = math.log(1 + 11 * e) - 11 / (e + 11)
    assert found['loss_divergence'].item() == pytest.approx(
        0.5 * (plain + dropped) / 2
    )


def test_query_and_both_extremes_choose_entries():
    model = pretrainer(type=TYPE, mining_epoch=0)
    model.global_head.num_neighbors = 1
    axes = torch.eye(6)
    keys = torch.cat([axes, -axes[:5]]).T  # (D, K)
    model.global_head.queue.keys.copy_(keys)

    chosen = model.mine(axes[:2], [axes[1:3], axes[4:]])

    assert [row.nonzero().flatten().tolist() for row in chosen] == [
        [0, 1, 4],
        [1, 2, 5],
    ]


def test_dropped_terms_are_those_of_the_formula():
    model = pretrainer(type=TYPE, attention_drop=dict(), mining_epoch=0)
    model.eval()
    view = batch()[2]
    query = model.embed_query(batch()[0]).video
    key = model.embed_key(batch()[1]).video
    features = model.backbone(view.inputs)[-1]  # (N, M, C, T', V)
    dropped = attention_drop(features.flatten(0, 1), threshold=0.7)
    extremes = [
        model.global_head(kind.mean(dim=(1, 4)))
        for kind in (features, dropped.view_as(features))
    ]
    queue = model.global_head.queue.keys
    first, second = (
        distribution_divergence(extreme, query, key, queue)
        for extreme in extremes
    )
    chosen = nearest_keys((query, *extremes), queue, 1)

    losses, _ = model.loss(batch())

    assert (dropped == 0).sum() > (features == 0).sum()
    assert torch.allclose(
        losses['loss_divergence'], (first + second) / 2, atol=1e-6
    )
    assert not torch.isclose(first, second, atol=1e-4)
    assert torch.allclose(
        losses['loss_global'],
        mined_info_nce(query, key, queue, chosen),
        atol=1e-6,
    )


def test_the_plain_extreme_is_embedded_as_without_the_drop():
    model = pretrainer(type=TYPE, attention_drop=dict()).eval()
    mask = torch.rand(4, 2, 13) > 0.4
    lengths = torch.tensor([13, 9, 13, 6])
    view = View(views()[2], mask, lengths)

    plain, dropped = model.embed_extremes(view)

    assert torch.equal(plain, model.embed_extreme(view))
    assert not torch.allclose(dropped, plain, atol=1e-3)


def test_a_drop_that_finds_nothing_is_the_extreme_view_alone():
    config = dict(type=TYPE, mining_epoch=0)
    plain = pretrainer(**config).eval()
    model = pretrainer(
        attention_drop=dict(threshold=0.999999), **config
    ).eval()

    losses, _ = model.loss(batch())
    expected, _ = plain.loss(batch())

    for key, value in expected.items():
        assert torch.allclose(losses[key], value, atol=1e-6), key


def test_absent_persons_and_padding_do_not_reach_the_dropped_view():
    model = pretrainer(type=TYPE, attention_drop=dict()).eval()
    alone = torch.randn(4, 1, 13, 5, 3)
    among = torch.cat([alone, 3 * torch.randn(4, 2, 13, 5, 3)], dim=1)
    among = torch.cat([among, torch.randn(4, 3, 8, 5, 3)], dim=2)
    mask = torch.zeros(4, 3, 21, dtype=torch.bool)
    mask[:, 0, :13] = True

    expected = model.embed_extremes(View(alone))
    found = model.embed_extremes(View(among, mask, torch.full((4,), 13)))

    for one, other in zip(expected, found):
        assert torch.allclose(one, other, atol=1e-5)


def test_features_and_weights_know_nothing_of_the_drop():
    plain, model = (
        pretrainer(type=TYPE, **changes).eval()
        for changes in (dict(), dict(attention_drop=dict()))
    )

    assert set(model.state_dict()) == set(plain.state_dict())
    assert torch.equal(model(views()), plain(views()))


def test_dropped_losses_reach_every_query_weight_and_no_key_weight():
    model = pretrainer(type=TYPE, attention_drop=dict(), mining_epoch=0)

    total, _ = model.parse_losses(model(views(), mode='loss'))
    total.backward()

    for name, parameter in model.named_parameters():
        absent = name.startswith('key_encoder')
        assert (parameter.grad is None) == absent, name


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
            dict(attention_drop=dict(keep_prob=0.7)),
            r"keys \['keep_prob'\] are unknown; it takes threshold",
        ),
        (
            dict(attention_drop=dict(threshold=0.5)),
            r'threshold=0.5 must lie between 0\.6792',
        ),
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
@pytest.mark.parametrize('drop', [None, dict()])
def test_pre_training_recognises_videos_in_their_extreme_views(drop):
    model = pretrainer(type=TYPE, mining_epoch=None, attention_drop=drop)
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
