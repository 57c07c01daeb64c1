"""Batches of samples of unequal length."""

from __future__ import annotations

import pytest
import torch
from mmengine.structures import BaseDataElement
from torch.utils.data import DataLoader

from mmsnip.datasets.collate import pad_collate

V, C = 5, 3


def packed(name, M, T, seed, V=V, C=C):
    generator = torch.Generator().manual_seed(seed)
    return dict(
        inputs=torch.randn(M, T, V, C, generator=generator),
        body_mask=torch.rand(M, T, generator=generator) > 0.3,
        num_frames=T,
        data_samples=BaseDataElement(metainfo=dict(frame_dir=name)),
    )


SIZES = [(2, 13), (1, 7), (2, 9), (1, 11)]


@pytest.fixture
def samples():
    return [packed(f'v{n}', *size, n) for n, size in enumerate(SIZES)]


def test_valid_parts_are_kept_and_the_rest_is_zero(samples):
    batch = pad_collate(samples)

    assert batch['inputs'].shape == (4, 2, 13, V, C)
    assert batch['inputs'].dtype == torch.float32
    assert batch['body_mask'].shape == (4, 2, 13)
    assert batch['body_mask'].dtype == torch.bool
    assert batch['num_frames'].tolist() == [13, 7, 9, 11]
    assert batch['num_frames'].dtype == torch.int64
    for n, (M, T) in enumerate(SIZES):
        inputs, mask = batch['inputs'][n], batch['body_mask'][n]
        torch.testing.assert_close(inputs[:M, :T], samples[n]['inputs'])
        assert torch.equal(mask[:M, :T], samples[n]['body_mask'])
        assert not inputs[M:].any()
        assert not inputs[:, T:].any()
        assert not mask[M:].any()
        assert not mask[:, T:].any()


def test_views_are_batched_one_by_one():
    samples = []
    for n, lengths in enumerate([(6, 9), (8, 4), (7, 7)]):
        views = [packed(f'v{n}', 2, T, 10 * n + T) for T in lengths]
        sample = {
            key: [view[key] for view in views]
            for key in ('inputs', 'body_mask', 'num_frames')
        }
        samples.append(dict(sample, data_samples=views[0]['data_samples']))

    batch = pad_collate(samples)

    assert [x.shape for x in batch['inputs']] == [
        (3, 2, 8, V, C),
        (3, 2, 9, V, C),
    ]
    assert [x.tolist() for x in batch['num_frames']] == [[6, 8, 7], [9, 4, 7]]
    assert [x.shape for x in batch['body_mask']] == [(3, 2, 8), (3, 2, 9)]
    assert len(batch['data_samples']) == 3
    torch.testing.assert_close(
        batch['inputs'][1][1, :, :4], samples[1]['inputs'][1]
    )


@pytest.mark.parametrize(
    'change',
    [
        dict(inputs=torch.ones(2, 8, V + 1, C)),
        dict(
            inputs=[torch.ones(2, 8, V, C)] * 2,
            body_mask=[torch.ones(2, 8)] * 2,
        ),
        dict(body_mask=torch.ones(2, 7)),
    ],
)
def test_a_sample_that_does_not_fit_is_named(samples, change):
    samples.append({**packed('w', 2, 8, 9), 'num_frames': None, **change})

    with pytest.raises(ValueError, match="video 'w' has views of"):
        pad_collate(samples)


def packed_views(n, M=2, T=13):
    generator = torch.Generator().manual_seed(n)
    views = [
        torch.randn((M, T - k, V, C), generator=generator) for k in range(2)
    ]
    masks = [torch.ones(view.shape[:2], dtype=torch.bool) for view in views]
    return dict(
        inputs=views, body_mask=masks, num_frames=[T, T - 1], data_samples=n
    )


def samples_of(lengths):
    return [packed_views(n, 1 + n % 2, T) for n, T in enumerate(lengths)]


def equal(one, other):
    keys = ('inputs', 'body_mask', 'num_frames')
    return one['data_samples'] == other['data_samples'] and all(
        a.dtype == b.dtype and torch.equal(a, b)
        for key in keys
        for a, b in zip(one[key], other[key])
    )


@pytest.mark.parametrize('lengths', [(13, 13, 13, 13), (13, 7, 9, 4)])
def test_a_worker_makes_the_batch_of_the_main_process(lengths):
    samples = samples_of(lengths)
    loaders = [
        DataLoader(
            samples, batch_size=2, num_workers=workers, collate_fn=pad_collate
        )
        for workers in (0, 1)
    ]
    main, worker = map(list, loaders)
    assert len(main) == len(worker) == 2
    assert all(map(equal, main, worker))


def test_a_worker_collates_into_shared_memory():
    seen = []

    def collate(samples):
        batch = pad_collate(samples)
        return [batch['inputs'][0].is_shared(), batch['body_mask'][0]]

    loader = DataLoader(
        samples_of((13, 7)), 2, num_workers=1, collate_fn=collate
    )
    for shared, mask in loader:
        seen.append(shared)
        assert mask.sum() == 13 + 2 * 7
    assert seen == [True]
