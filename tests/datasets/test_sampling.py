"""Random draws depend on seed, epoch and index, and on nothing else."""

from __future__ import annotations

import pickle
from functools import partial

import numpy as np
import pytest
import torch
from mmengine.dataset import DefaultSampler, worker_init_fn
from torch.utils.data import DataLoader, Dataset

from mmsnip.datasets.localization import SkeletonLocalizationDataset
from mmsnip.datasets.sampling import (
    HalfLabelledSampler,
    Visit,
    VisitSampler,
    stratified_fraction,
)
from mmsnip.transforms.sample import sample_rng
from mmsnip.transforms.space import RandomNoise


class Draw:
    """The last transform: name of the video and one random number."""

    def __call__(self, sample):
        return sample['frame_dir'], float(sample['rng'].random())


@pytest.fixture
def dataset(untrimmed_file):
    return SkeletonLocalizationDataset(
        untrimmed_file, pipeline=[Draw()], samples_per_video=2
    )


def loader(dataset, num_workers=0, persistent=False, seed=3, **kwargs):
    def seeded(worker_id):  # as mmengine's runner does it
        worker_init_fn(worker_id, num_workers=num_workers, rank=0, seed=seed)

    return DataLoader(
        dataset,
        batch_size=3,
        sampler=VisitSampler(dataset, seed=seed, **kwargs),
        num_workers=num_workers,
        persistent_workers=persistent,
        worker_init_fn=seeded if num_workers else None,
        collate_fn=list,
    )


def draws(made, epochs):
    """All (video, number) of each epoch."""
    found = []
    for epoch in epochs:
        made.sampler.set_epoch(epoch)
        found.append([pair for batch in made for pair in batch])
    return found


@pytest.mark.parametrize(
    ('num_workers', 'persistent'), [(1, False), (2, False), (2, True)]
)
def test_draws_do_not_depend_on_the_workers(dataset, num_workers, persistent):
    alone = draws(loader(dataset), epochs=[0, 1, 2])

    shared = draws(loader(dataset, num_workers, persistent), epochs=[0, 1, 2])

    assert shared == alone


def test_draws_differ_between_epochs_of_persistent_workers(dataset):
    first, second = draws(
        loader(dataset, 2, True, shuffle=False), epochs=[0, 1]
    )

    assert [name for name, _ in first] == [name for name, _ in second]
    assert {n for _, n in first}.isdisjoint(n for _, n in second)


def test_a_resumed_run_draws_what_the_uninterrupted_one_drew(dataset):
    whole = draws(loader(dataset, 2), epochs=[0, 1, 2])

    resumed = draws(loader(dataset, 2), epochs=[2])

    assert resumed == whole[2:]


@pytest.mark.parametrize('shuffle', [True, False])
@pytest.mark.parametrize('round_up', [True, False])
@pytest.mark.parametrize('rank', [0, 1, 2])
def test_order_is_that_of_the_default_sampler(
    monkeypatch, shuffle, round_up, rank
):
    import mmengine.dataset.sampler as theirs

    monkeypatch.setattr(theirs, 'get_dist_info', lambda: (rank, 3))
    arguments = dict(shuffle=shuffle, seed=1, round_up=round_up)
    ours = VisitSampler(range(13), **arguments)
    default = DefaultSampler(range(13), **arguments)

    for epoch in (0, 4):
        ours.set_epoch(epoch)
        default.set_epoch(epoch)

        visits = list(ours)

        assert visits == list(default)
        assert len(ours) == len(default) == len(visits)
        assert all(type(visit) is Visit for visit in visits)


def test_numpy_state_of_the_workers_is_never_asked(dataset):
    """Reseeding all global generators changes nothing."""
    made = loader(dataset)
    np.random.seed(0)  # noqa: NPY002
    torch.manual_seed(0)
    first = draws(made, [0])
    np.random.seed(1)  # noqa: NPY002
    torch.manual_seed(1)

    assert draws(made, [0]) == first


# The index that knows its epoch.


def first_number(visit):
    return visit.generator().integers(2**62, size=3).tolist()


def test_a_visit_survives_the_way_to_a_worker():
    visit = pickle.loads(pickle.dumps(Visit(7, 2, 9) - 3))  # noqa: S301

    assert type(visit) is Visit
    assert (int(visit), visit.epoch, visit.seed, visit.key) == (4, 2, 9, 7)


@pytest.mark.parametrize('other', [(8, 2, 9), (7, 3, 9), (7, 2, 8)])
def test_draws_differ_where_index_epoch_or_seed_differ(other):
    assert first_number(Visit(7, 2, 9)) == first_number(Visit(7, 2, 9))
    assert first_number(Visit(7, 2, 9)) != first_number(Visit(*other))


def test_wrapped_repetitions_of_a_sample_draw_differently():
    first, again = Visit(1, 0, 0) % 4, Visit(5, 0, 0) % 4

    assert first == again
    assert first_number(first) != first_number(again)


# The seeded fraction of the labelled videos.

_rng = np.random.default_rng(0)
TRIMMED = [[int(c)] for c in _rng.permutation([0] * 60 + [1] * 30 + [2] * 10)]
UNTRIMMED = [
    sorted(set(_rng.integers(0, 7, size=_rng.integers(0, 4)).tolist()))
    for _ in range(43)
]


def classes_of(labels, chosen):
    return {c for index in chosen for c in labels[index]}


@pytest.mark.parametrize('labels', [TRIMMED, UNTRIMMED])
@pytest.mark.parametrize('fraction', [0.01, 0.2, 0.5, 1.0])
@pytest.mark.parametrize('seed', [0, 1, 2])
def test_each_class_appears(labels, fraction, seed):
    chosen = stratified_fraction(labels, fraction, seed)

    everything = range(len(labels))
    assert classes_of(labels, chosen) == classes_of(labels, everything)
    assert chosen == sorted(set(chosen))


def test_the_shares_of_the_classes_are_kept():
    chosen = stratified_fraction(TRIMMED, 0.2, seed=0)

    counts = np.bincount([TRIMMED[i][0] for i in chosen])
    np.testing.assert_allclose(counts, [12, 6, 2], atol=1)
    assert counts.sum() == 20


# Samples without a visit draw from their worker.


class Noisy(Dataset):
    """Eight times the same still body, with noise."""

    def __init__(self):
        self.noise = RandomNoise(std=1.0, prob=1.0)

    def __len__(self):
        return 8

    def __getitem__(self, index):
        sample = dict(keypoint=np.ones((1, 2, 3, 3), np.float32))
        return self.noise(sample)['keypoint'].ravel()


def noise(seed, num_workers, persistent=False, epochs=3, init=None):
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
    found = noise(0, workers, persistent, init=init)
    rows = found.reshape(-1, found.shape[-1])
    assert len(np.unique(rows, axis=0)) == len(rows)


@pytest.mark.parametrize(('workers', 'persistent', 'init'), MODES)
def test_equal_seeds_draw_alike_and_others_do_not(workers, persistent, init):
    first = noise(0, workers, persistent, 2, init)
    again = noise(0, workers, persistent, 2, init)
    other = noise(1, workers, persistent, 2, init)
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


@pytest.fixture
def half_labelled(write, make_video):
    """Two videos with labels, one of them all background, and five without."""
    rows = {0: [[1, 4, 0]], 4: []}
    videos = [make_video(f'v{n}', 9, rows.get(n)) for n in range(7)]
    return SkeletonLocalizationDataset(write(videos))


def test_each_batch_is_half_of_videos_with_labels(half_labelled):
    sampler = HalfLabelledSampler(half_labelled, num_visits=20, seed=3)

    visits = list(sampler)

    assert len(visits) == len(sampler) == 20
    assert {int(visit) for visit in visits[::2]} == {0, 4}
    # Nobody comes again before all have come.
    assert sorted(map(int, visits[1:10:2])) == [1, 2, 3, 5, 6]
    assert len({visit.key for visit in visits}) == 20


def test_ranks_share_the_visits_of_one_process(half_labelled, monkeypatch):
    def sampler(rank, world):
        info = 'mmengine.dataset.sampler.get_dist_info'
        monkeypatch.setattr(info, lambda: (rank, world))
        return HalfLabelledSampler(half_labelled, num_visits=12, seed=3)

    def seen(visits):
        return [(int(v), v.key) for v in visits]

    alone = seen(sampler(0, 1))
    first, second = (seen(sampler(rank, 2)) for rank in (0, 1))

    assert first == alone[0:2] + alone[4:6] + alone[8:10]
    assert second == alone[2:4] + alone[6:8] + alone[10:12]


def test_videos_of_one_kind_need_no_halves(untrimmed_file):
    dataset = SkeletonLocalizationDataset(untrimmed_file, labelled=True)

    with pytest.raises(ValueError, match='0 have none; it needs both'):
        HalfLabelledSampler(dataset, num_visits=4, seed=0)
