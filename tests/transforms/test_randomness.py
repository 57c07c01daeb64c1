from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from mmengine.dataset import worker_init_fn
from torch.utils.data import DataLoader, Dataset

from mmsnip.transforms.sample import sample_rng
from mmsnip.transforms.space import RandomNoise


class Noisy(Dataset):
    """Eight times the same still body, with noise."""

    def __init__(self):
        self.noise = RandomNoise(std=1.0, prob=1.0)

    def __len__(self):
        return 8

    def __getitem__(self, index):
        sample = dict(keypoint=np.ones((1, 2, 3, 3), np.float32))
        return self.noise(sample)['keypoint'].ravel()


def draws(seed, num_workers, persistent=False, epochs=3, init=None):
    """Noise of each epoch, (epochs, 8, 18)."""
    torch.manual_seed(seed)
    loader = DataLoader(
        Noisy(),
        batch_size=2,
        num_workers=num_workers,
        persistent_workers=persistent,
        worker_init_fn=init,
    )
    found = [torch.cat(list(loader)).numpy() for _ in range(epochs)]
    return np.stack(found)


MODES = [
    pytest.param(0, False, None, id='main process'),
    pytest.param(2, False, None, id='two workers'),
    pytest.param(2, True, None, id='two persistent workers'),
    pytest.param(
        2,
        False,
        partial(worker_init_fn, num_workers=2, rank=0, seed=7),
        id='two workers of mmengine',
    ),
    pytest.param(
        2,
        True,
        partial(worker_init_fn, num_workers=2, rank=0, seed=7),
        id='two persistent workers of mmengine',
    ),
]


@pytest.mark.parametrize(('workers', 'persistent', 'init'), MODES)
def test_no_two_samples_of_any_worker_and_epoch_draw_alike(
    workers, persistent, init
):
    found = draws(0, workers, persistent, init=init)
    rows = found.reshape(-1, found.shape[-1])
    assert len(np.unique(rows, axis=0)) == len(rows)


@pytest.mark.parametrize(('workers', 'persistent', 'init'), MODES)
def test_equal_seeds_draw_alike_and_others_do_not(workers, persistent, init):
    first = draws(0, workers, persistent, 2, init)
    again = draws(0, workers, persistent, 2, init)
    other = draws(1, workers, persistent, 2, init)
    np.testing.assert_array_equal(first, again)
    assert not (first == other).any()


def test_numpys_global_state_is_neither_read_nor_changed():
    np.random.seed(0)  # noqa: NPY002
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    a = sample_rng({}).random()
    np.testing.assert_array_equal(
        np.random.get_state()[1],  # noqa: NPY002
        state,
    )
    assert a != sample_rng({}).random()


def test_ranks_draw_differently(monkeypatch):
    drawn = []
    for rank in ('0', '1'):
        monkeypatch.setenv('RANK', rank)
        torch.manual_seed(0)
        drawn.append(sample_rng({}).random())
    assert drawn[0] != drawn[1]
