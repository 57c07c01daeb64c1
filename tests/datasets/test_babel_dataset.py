"""The subsets of BABEL."""

from __future__ import annotations

import numpy as np
import pytest
from mmengine.registry import DATASETS

from mmsnip.datasets.babel import BABELDataset, one_label_per_frame
from mmsnip.io.annotation import AnnotationError

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


def test_the_longest_sequence_is_an_argument(babel_file):
    assert names(BABELDataset(babel_file, 2, max_frames=None)) == [
        *'acd'
    ]


@pytest.mark.parametrize('subset', [1, 3])
def test_a_file_without_the_classes_is_refused(babel_file, subset):
    with pytest.raises(AnnotationError, match=r"toy\.pkl.*lacks \['\w+'"):
        BABELDataset(babel_file, subset)


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(subset=4), r'subset=4 is unknown; use one of \[1, 2, 3\]'),
        (dict(metainfo=dict(classes=['sit'])), 'disagree with subset=1'),
    ],
)
def test_unknown_arguments_are_refused(babel_file, arguments, message):
    with pytest.raises(ValueError, match=message):
        BABELDataset(babel_file, **arguments)


@pytest.mark.parametrize(
    ('rows', 'expected'),
    [
        # The one that starts last wins ...
        ([[0, 9, 1], [2, 4, 0]], [[0, 2, 1], [2, 4, 0], [4, 9, 1]]),
        ([[0, 5, 0], [3, 9, 1]], [[0, 3, 0], [3, 9, 1]]),
        # ... then the shorter ...
        ([[2, 9, 0], [2, 4, 1]], [[2, 4, 1], [4, 9, 0]]),
        # ... then the lower label.
        ([[2, 4, 2], [2, 4, 1]], [[2, 4, 1]]),
        # Adjacent runs of one class are one.
        ([[0, 4, 1], [4, 9, 1]], [[0, 9, 1]]),
        ([[0, 4, 1], [5, 13, 1]], [[0, 4, 1], [5, 13, 1]]),
        ([], []),
    ],
)
def test_a_frame_has_one_label_in_whatever_order_the_rows_come(rows, expected):
    for order in (rows, rows[::-1]):
        table = np.array(order, np.int64).reshape(-1, 3)

        segments, labels = one_label_per_frame(table[:, :2], table[:, 2], 13)

        found = np.column_stack([segments, labels]).tolist()
        assert found == expected
