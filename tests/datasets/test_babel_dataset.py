"""The subsets of BABEL."""

from __future__ import annotations

import numpy as np
import pytest
from mmengine.registry import DATASETS

from mmsnip.datasets.benchmarks import (
    LABEL_RULES,
    BABELDataset,
    join_within_classes,
)
from mmsnip.prepare.job import convert
from mmsnip.prepare.published import BabelSource
from mmsnip.structures import DataError
from tests.formats.babel_files import entry, write_json

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


@pytest.mark.parametrize(
    ('rows', 'expected'),
    [
        # Classes do not touch each other's segments ...
        ([[0, 9, 1], [2, 4, 0]], [[0, 9, 1], [2, 4, 0]]),
        # ... segments of one class that overlap or touch are one ...
        ([[0, 5, 1], [3, 9, 1]], [[0, 9, 1]]),
        ([[0, 4, 1], [4, 9, 1], [3, 6, 0]], [[0, 9, 1], [3, 6, 0]]),
        ([[0, 4, 1], [5, 13, 1]], [[0, 4, 1], [5, 13, 1]]),
        # ... and of equal intervals the low label is painted last.
        ([[2, 4, 1], [2, 4, 2]], [[2, 4, 2], [2, 4, 1]]),
        ([], []),
    ],
)
def test_only_segments_of_one_class_are_joined(rows, expected):
    for order in (rows, rows[::-1]):
        table = np.array(order, np.int64).reshape(-1, 3)

        segments, labels = join_within_classes(table[:, :2], table[:, 2], 13)

        assert np.column_stack([segments, labels]).tolist() == expected


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


def test_overlaps_of_classes_stay_for_evaluation_only(overlapping_file):
    options = dict(subset=2, overlaps='multi-label')

    tested = BABELDataset(overlapping_file, test_mode=True, **options)
    trained = BABELDataset(overlapping_file, **options)

    assert rows_of(tested) == [[0, 9, 0], [5, 11, 1]]
    assert rows_of(trained) == rows_of(
        BABELDataset(overlapping_file, subset=2)
    )
    assert tested.metainfo['label_rule'] == LABEL_RULES['multi-label']
    assert trained.metainfo['label_rule'] == LABEL_RULES['one-label']


@pytest.mark.parametrize('overlaps', ['one-label', 'multi-label'])
@pytest.mark.parametrize('test_mode', [False, True])
def test_one_class_has_the_videos_and_segments_of_all_four(
    overlapping_file, overlaps, test_mode
):
    options = dict(subset=2, overlaps=overlaps, test_mode=test_mode)
    whole = BABELDataset(overlapping_file, **options)
    classes = whole.metainfo['classes']

    for label, name in enumerate(classes):
        dataset = BABELDataset(overlapping_file, only=name, **options)

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
def babel_folder(tmp_path):
    """BABEL's files with extracted joints, 60 frames a second."""
    split_of = {'1': 'train', '2': 'train', '3': 'val'}
    entries = {'train': [], 'val': []}
    for n, (sid, split) in enumerate(split_of.items()):
        feat_p = f'KIT/KIT/4/{sid}_poses.npz'
        spans = [(0, 1.0, ['walk']), (0.5, 1.5, ['turn', 'wave'])]
        if sid == '2':
            spans += [(1.0, 2.0, ['stand']), (1.5, 2.0, ['jump'])]
        entries[split].append(entry(sid, feat_p, 2.0 + n, spans))
        path = tmp_path / 'amass' / 'babel_joint_pos' / 'KIT' / '4'
        path.mkdir(parents=True, exist_ok=True)
        joints = np.random.default_rng(n).normal(size=(60 + 30 * n, 25, 3))
        np.savez(path / f'{sid}_poses.npz', joint_pos=joints)
    for split, rows in entries.items():
        write_json(tmp_path / 'babel_v1.0_release' / f'{split}.json', *rows)
    return tmp_path


def test_a_raw_folder_serves_what_its_converted_file_does(
    babel_folder, tmp_path
):
    path = tmp_path / 'babel.pkl'
    convert(BabelSource(babel_folder), path, progress=False)
    expected = BABELDataset(str(path), split='train')

    found = BABELDataset(str(babel_folder), split='train')

    assert names(found) == names(expected) == ['1', '2']
    assert found.metainfo == expected.metainfo
    for index in range(2):
        sample, wanted = found[index], expected[index]
        for key in ('keypoint', 'segments', 'segment_labels'):
            np.testing.assert_array_equal(sample[key], wanted[key])
