"""Random draws depend on seed, epoch and index, and on nothing else."""

from __future__ import annotations

import itertools
import pickle

import numpy as np
import pytest
import torch
from mmengine.dataset import DefaultSampler, InfiniteSampler, worker_init_fn
from mmengine.hooks import DistSamplerSeedHook
from torch.utils.data import DataLoader

from mmsnip.datasets.localization import SkeletonLocalizationDataset
from mmsnip.datasets.sampling import (
    InfiniteVisitSampler,
    LengthGroupSampler,
    Visit,
    VisitSampler,
    group_by_length,
    stratified_fraction,
    video_lengths,
)

ARGUMENTS = dict(LengthGroupSampler=dict(batch_size=2))


def padded_share(lengths, order, batch_size):
    """Share of the frames of all batches that is padding."""
    ordered = np.asarray(lengths)[np.asarray(order)]
    batches = np.split(ordered, range(batch_size, len(ordered), batch_size))
    return 1 - ordered.sum() / sum(len(b) * b.max() for b in batches)


class Lengths(list):
    """Data set that knows nothing but how long its videos are."""

    def get_data_info(self, index):
        return dict(total_frames=self[index])


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


def test_the_hook_of_mmengine_sets_the_epoch(dataset):
    class Loop:
        dataloader = loader(dataset)

    class Runner:
        train_loop = Loop
        epoch = 5

    DistSamplerSeedHook().before_train_epoch(Runner)

    visits = list(Loop.dataloader.sampler)
    assert {visit.epoch for visit in visits} == {5}
    assert {visit.seed for visit in visits} == {3}


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


@pytest.mark.parametrize('rank', [0, 1])
def test_infinite_visits_count_passes_as_epochs(monkeypatch, rank):
    import mmengine.dataset.sampler as theirs

    monkeypatch.setattr(theirs, 'get_dist_info', lambda: (rank, 2))
    ours = InfiniteVisitSampler(range(5), seed=1)
    default = InfiniteSampler(range(5), seed=1)

    visits = list(itertools.islice(ours, 10))

    assert visits == list(itertools.islice(default, 10))
    positions = np.arange(rank, 20, 2)
    assert [v.epoch for v in visits] == (positions // 5).tolist()


def test_numpy_state_of_the_workers_is_never_asked(dataset):
    """Reseeding all global generators changes nothing."""
    made = loader(dataset)
    np.random.seed(0)  # noqa: NPY002
    torch.manual_seed(0)
    first = draws(made, [0])
    np.random.seed(1)  # noqa: NPY002
    torch.manual_seed(1)

    assert draws(made, [0]) == first


def drawn_lengths(count=37, seed=5):
    return np.random.default_rng(seed).integers(60, 900, count)


def ranks_of(monkeypatch, lengths, world, epoch=0, **arguments):
    """Order of each process."""
    import mmengine.dataset.sampler as theirs

    orders = []
    for rank in range(world):
        monkeypatch.setattr(
            theirs, 'get_dist_info', lambda rank=rank: (rank, world)
        )
        made = LengthGroupSampler(Lengths(lengths), seed=1, **arguments)
        made.set_epoch(epoch)
        orders.append(list(made))
        assert len(made) == len(orders[-1])
    return orders


@pytest.mark.parametrize('shuffle', [True, False])
@pytest.mark.parametrize('world', [1, 3])
def test_grouping_visits_each_video_once(monkeypatch, shuffle, world):
    lengths = drawn_lengths()

    orders = ranks_of(
        monkeypatch, lengths, world, batch_size=4, shuffle=shuffle,
        round_up=False,
    )  # fmt: skip

    assert sorted(i for order in orders for i in order) == list(range(37))


def test_processes_have_equally_long_batches_at_each_step(monkeypatch):
    lengths = drawn_lengths(count=96)
    spread = lengths.max() - lengths.min()

    orders = ranks_of(monkeypatch, lengths, 2, batch_size=4)

    for step in range(0, 48, 4):
        longest = [lengths[order[step : step + 4]].max() for order in orders]
        assert abs(longest[0] - longest[1]) < spread / 10


@pytest.mark.parametrize('shuffle', [True, False])
def test_grouping_saves_padding(shuffle):
    lengths = drawn_lengths(count=96)
    rng = np.random.default_rng(0)
    drawn = padded_share(lengths, rng.permutation(96), 4)

    order = group_by_length(lengths, 4, rng if shuffle else None)

    assert drawn > 0.25
    assert padded_share(lengths, order, 4) < 0.04


def test_grouped_batches_differ_between_epochs_and_repeat_with_the_seed(
    monkeypatch,
):
    lengths = drawn_lengths(count=96)

    def members(epoch):
        (order,) = ranks_of(
            monkeypatch, lengths, 1, epoch, batch_size=4, pool=3
        )
        return [tuple(order[i : i + 4]) for i in range(0, 96, 4)]

    assert members(2) == members(2)
    assert len(set(map(frozenset, members(2))) & set(members(3))) < 6
    assert [v.epoch for v in members(2)[0]] == [2] * 4


def test_lengths_are_those_of_the_samples(dataset):
    expected = [
        dataset.get_data_info(i)['keypoint'].shape[1]
        for i in range(len(dataset))
    ]

    assert video_lengths(dataset).tolist() == expected


# The index that knows its epoch.


def first_number(visit):
    return visit.generator().integers(2**62, size=3).tolist()


def test_a_visit_is_its_index():
    assert ['a', 'b', 'c'][Visit(2, epoch=5, seed=3)] == 'c'
    assert Visit(2, 5, 3) == 2
    assert hash(Visit(2, 5, 3)) == hash(2)


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
