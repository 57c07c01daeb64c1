from __future__ import annotations

import numpy as np
import pytest
import torch
from mmengine.logging import MessageHub

from mmsnip.models.preprocessor import BatchAugment, SkeletonPreprocessor
from mmsnip.skeleton.augment import add_noise, blur_time, flip_space
from mmsnip.skeleton.geometry import rotate
from mmsnip.skeleton.layout import get_layout

N, M, T, V, C = 6, 2, 13, 25, 4
ALL = dict(
    shear=0.5,
    flip_prob=0.5,
    main_angle=30.0,
    other_angle=1.0,
    noise_std=0.1,
    noise_prob=0.5,
    blur_prob=0.5,
    axis_mask_prob=0.5,
    layout='nturgb+d',
)


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    mask = rng.random((N, M, T)) < 0.8
    x = rng.normal(size=(N, M, T, V, C)) * mask[..., None, None]
    return torch.from_numpy(x), torch.from_numpy(mask)


@pytest.mark.parametrize('normalize', [True, False])
def test_a_batch_is_changed_as_its_samples_are(batch, normalize):
    x, mask = batch
    augment = BatchAugment(**ALL, normalize=normalize)
    drawn = augment.draw(N, np.random.default_rng(1))
    noise = torch.from_numpy(
        np.random.default_rng(2).normal(size=(N, M, T, V, 3))
    )

    changed = augment.apply(x, mask, drawn, noise)

    # every change acts on some samples and leaves out others
    blurred = drawn.kernel.sum(axis=1) > 1
    masked = drawn.kept.min(axis=1) == 0
    for acts in (drawn.flipped, drawn.noisy > 0, blurred, masked):
        assert 0 < acts.sum() < N
    order = get_layout('nturgb+d').mirror_order
    for n in range(N):
        one, there = x[n].numpy(), mask[n].numpy()
        if drawn.flipped[n]:
            one = flip_space(one, order)
        one = rotate(one, drawn.matrix[n])
        one = add_noise(one, drawn.noisy[n] * noise[n].numpy(), there)
        one = blur_time(one, drawn.kernel[n], there, normalize)
        one[..., :3] *= drawn.kept[n]
        np.testing.assert_allclose(changed[n], one, atol=1e-12)


def test_nothing_is_changed_by_default(batch):
    x, mask = batch
    changed = BatchAugment()(x, mask, np.random.default_rng(0))
    torch.testing.assert_close(changed, x, rtol=0, atol=0)


def test_a_flip_without_a_layout_is_refused():
    with pytest.raises(ValueError, match='needs a layout'):
        BatchAugment(flip_prob=0.5)


def at_iteration(number, data, training=True, **options):
    model = SkeletonPreprocessor(augment=[None, ALL], **options)
    hub = MessageHub.get_current_instance()
    hub.update_info('iter', number)
    try:
        return model(data, training)['inputs']
    finally:
        del hub.runtime_info['iter']


def test_draws_are_keyed_by_seed_and_iteration(batch):
    x, mask = batch
    lengths = torch.full((N,), T)
    data = dict(
        inputs=[x.float()] * 2,
        body_mask=[mask] * 2,
        num_frames=[lengths] * 2,
        data_samples=[],
    )

    plain, first = at_iteration(3, data)

    torch.testing.assert_close(plain, data['inputs'][0], rtol=0, atol=0)
    assert torch.equal(at_iteration(3, data)[1], first)
    assert not torch.allclose(at_iteration(4, data)[1], first)
    assert not torch.allclose(at_iteration(3, data, seed=1)[1], first)
    tested = at_iteration(3, data, training=False)[1]
    torch.testing.assert_close(tested, data['inputs'][1], rtol=0, atol=0)


def test_another_number_of_views_is_refused(batch):
    x, mask = batch
    data = dict(inputs=x, body_mask=mask, num_frames=torch.full((N,), T))
    with pytest.raises(ValueError, match='for 2 views, but a batch has 1'):
        at_iteration(0, data)
