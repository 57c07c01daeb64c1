"""The subsets of BABEL and the protocols of PKU-MMD."""

from __future__ import annotations

import numpy as np
import pytest
from mmengine.registry import DATASETS

from mmsnip.datasets import BABELDataset, PKUMMDDataset
from mmsnip.structures import DataError

# Subset 2 lies scattered among other classes.
CLASSES = ['walk', 'kick', 'sit', 'place', 'stand up', 'run', 'stand']


@pytest.fixture
def babel_file(write, make_video):
    return write(
        [
            make_video('a', 13, [[0, 4, 0], [3, 9, 5], [7, 13, 2]]),
            make_video('b', 11, [[0, 4, 0], [4, 11, 3]]),
            make_video('c', 1001, [[0, 4, 5]]),
            make_video('d', 1000, [[0, 1, 1]]),
            make_video('e', 7, []),
        ],
        classes=CLASSES,
    )


def names(dataset):
    return [dataset[i]['frame_dir'] for i in range(len(dataset))]


def test_subset_keeps_short_sequences_with_a_frame_of_its_classes(babel_file):
    dataset = DATASETS.build(
        dict(type='mmsnip.BABELDataset', ann_file=babel_file, subset=2)
    )

    assert names(dataset) == ['a', 'd']
    assert dataset.metainfo['classes'] == ['sit', 'run', 'stand up', 'kick']


def test_labels_are_those_of_the_subset_and_others_are_background(babel_file):
    sample = BABELDataset(babel_file, subset=2)[0]

    assert sample['segments'].tolist() == [[3, 7], [7, 13]]
    assert sample['segment_labels'].tolist() == [1, 0]
    assert sample['num_classes'] == 4


@pytest.mark.parametrize('subset', [1, 3])
def test_a_file_without_the_classes_is_refused(babel_file, subset):
    with pytest.raises(DataError, match=r"toy\.pkl.*lacks \['\w+'"):
        BABELDataset(babel_file, subset)


@pytest.fixture
def overlapping_file(write, make_video):
    """Sit 2, run 5; 'b' has run alone, which covers sit in part of 'a'."""
    return write(
        [
            make_video('a', 13, [[0, 8, 2], [5, 11, 5], [8, 9, 2]]),
            make_video('b', 11, [[4, 11, 5]]),
            make_video('c', 7, [[0, 4, 0]]),
            make_video('d', 9, [[0, 4, 1]]),
        ],
        classes=CLASSES,
    )


def rows_of(dataset, index=0):
    sample = dataset[index]
    return np.column_stack(
        [sample['segments'], sample['segment_labels']]
    ).tolist()


def test_one_class_has_the_videos_and_segments_of_all_four(overlapping_file):
    whole = BABELDataset(overlapping_file, subset=2)
    classes = whole.metainfo['classes']

    for label, name in enumerate(classes):
        dataset = BABELDataset(overlapping_file, subset=2, only=name)

        assert names(dataset) == names(whole) == ['a', 'b', 'd']
        assert dataset.metainfo['classes'] == [name]
        assert dataset.metainfo['label_rule'] == whole.metainfo['label_rule']
        assert dataset[0]['num_classes'] == 1
        for index in range(len(whole)):
            own = [r for r in rows_of(whole, index) if r[2] == label]
            assert rows_of(dataset, index) == [[s, e, 0] for s, e, _ in own]


def test_one_class_draws_the_same_fraction_as_all_four(write, make_video):
    path = write(
        [
            make_video(f'v{n:02}', 7 + n, [[0, 4, [1, 2, 4, 5][n % 4]]])
            for n in range(24)
        ],
        classes=CLASSES,
    )
    options = dict(subset=2, fraction=0.25, seed=3)

    whole = BABELDataset(path, **options)
    sit = BABELDataset(path, only='sit', **options)

    assert 4 <= len(whole) < 24
    assert names(sit) == names(whole)


@pytest.fixture
def pkummd_file(write, make_video):
    videos = ['0002-L', '0002-M', '0003-L', '0003-M']
    made = [
        make_video(name, 6 + n, [[1, 4, n % 3]])
        for n, name in enumerate(videos)
    ]
    split = dict(
        xsub_train=videos[:2],
        xsub_val=videos[2:],
        xview_train=videos[1::2],
        xview_val=videos[::2],
    )
    return write(made, split=split)


@pytest.mark.parametrize(
    ('protocol', 'phase', 'expected'),
    [
        ('cross-subject', 'train', ['0002-L', '0002-M']),
        ('cross-subject', 'val', ['0003-L', '0003-M']),
        ('cross-view', 'train', ['0002-M', '0003-M']),
        ('cross-view', 'val', ['0002-L', '0003-L']),
    ],
)
def test_protocol_and_phase_choose_the_split(
    pkummd_file, protocol, phase, expected
):
    dataset = DATASETS.build(
        dict(
            type='mmsnip.PKUMMDDataset',
            ann_file=pkummd_file,
            protocol=protocol,
            phase=phase,
        )
    )

    assert names(dataset) == expected


def test_a_file_without_the_split_lists_those_it_has(untrimmed_file):
    with pytest.raises(
        DataError,
        match=r"toy\.pkl(.|\n)*'xview_val'.*\['train', 'val'\]",
    ):
        PKUMMDDataset(untrimmed_file, 'cross-view', 'val')
