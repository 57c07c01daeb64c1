from __future__ import annotations

import pytest
import torch
from torch.utils.data import DataLoader

from mmsnip.datasets.collate import pad_collate

V, C = 5, 3


def packed(n, M=2, T=13):
    generator = torch.Generator().manual_seed(n)
    views = [
        torch.randn((M, T - k, V, C), generator=generator) for k in range(2)
    ]
    masks = [torch.ones(view.shape[:2], dtype=torch.bool) for view in views]
    return dict(
        inputs=views, body_mask=masks, num_frames=[T, T - 1], data_samples=n
    )


def samples_of(lengths):
    return [packed(n, 1 + n % 2, T) for n, T in enumerate(lengths)]


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


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a GPU')
def test_batches_are_pinned():
    loader = DataLoader(
        samples_of((13, 7)), 2, collate_fn=pad_collate, pin_memory=True
    )
    batch = next(iter(loader))
    for key in ('inputs', 'body_mask', 'num_frames'):
        assert all(part.is_pinned() for part in batch[key])
