"""A store serves the samples that its pickle serves."""

from __future__ import annotations

import pickle
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.dataset import ConcatDataset
from torch.utils.data import DataLoader

from mmsnip.apis.custom import describe_annotation
from mmsnip.datasets import (
    BABELDataset,
    SkeletonLocalizationDataset,
)
from mmsnip.datasets.sampling import Visit
from mmsnip.io.annotation import load_annotation
from mmsnip.io.store import SkeletonStore
from mmsnip.io.store_writer import write_store
from mmsnip.skeleton import SkeletonLayout
from mmsnip.transforms import PackSkeletonInputs  # noqa: F401  (registers)

CUT = dict(type='mmsnip.RandomWindow', size=4)
LOAD = [
    dict(type='mmsnip.FormatSkeleton'),
    dict(type='mmsnip.NormalizeSkeleton'),
]
PACK = [
    dict(type='mmsnip.FrameLabels'),
    dict(type='mmsnip.SkeletonStream', stream='bone'),
    dict(type='mmsnip.PackSkeletonInputs'),
]


def pack(path):
    """The store of a pickle, beside it."""
    data = load_annotation(path)
    store = str(Path(path).with_suffix('.safetensors'))
    write_store(store, data['annotations'], data['metainfo'], data['split'])
    return store


def both(path, kind=SkeletonLocalizationDataset, **kwargs):
    """The data set of a pickle, and that of its store."""
    return kind(path, **kwargs), kind(pack(path), **kwargs)


def same(one, other):
    """Equal in type, shape and every value."""
    assert type(one) is type(other)
    if isinstance(one, dict):
        assert list(map(str, sorted(one))) == list(map(str, sorted(other)))
        for key, value in one.items():
            same(value, other[key])
    elif isinstance(one, np.ndarray):
        assert one.dtype == other.dtype
        assert one.flags.writeable == other.flags.writeable
        np.testing.assert_array_equal(one, other)
    elif isinstance(one, torch.Tensor):
        assert one.dtype == other.dtype
        assert torch.equal(one, other)
    elif isinstance(one, np.random.Generator):
        assert one.bit_generator.state == other.bit_generator.state
    elif isinstance(one, SkeletonLayout):
        assert one == other
    elif hasattr(one, 'all_items'):  # a data sample
        same(dict(one.all_items()), dict(other.all_items()))
    else:
        assert one == other


def same_datasets(one, other):
    assert len(one) == len(other)
    same(one.metainfo, other.metainfo)
    for i in range(len(one)):
        for index in (i, Visit(i, 2, 7)):
            same(one.get_data_info(index), other.get_data_info(index))
        same(one[Visit(i, 2, 7)], other[Visit(i, 2, 7)])


@pytest.mark.parametrize(
    'kwargs',
    [
        dict(),
        dict(split='train'),
        dict(split='train', samples_per_video=2),
        dict(indices=2),
        dict(fraction=0.5, seed=1),
        dict(metainfo=dict(classes=['sit', 'wave'])),
        dict(metainfo=dict(parents=[1, -1, 1, 2, 1])),
        dict(serialize_data=False),
        dict(test_mode=True, split='val'),
        dict(pipeline=LOAD),
        dict(pipeline=[*LOAD, CUT, *PACK]),
        dict(pipeline=[CUT, *LOAD, *PACK]),
    ],
    ids=str,
)
def test_samples_of_a_store_are_those_of_its_pickle(untrimmed_file, kwargs):
    same_datasets(*both(untrimmed_file, **kwargs))


def test_2d_samples_are_those_of_the_pickle(tmp_path):
    path = tmp_path / 'hmdb.pkl'
    rng = np.random.default_rng(0)
    entry = dict(
        frame_dir='a',
        label=2,
        img_shape=(340, 512),
        original_shape=(340, 512),
        keypoint=rng.normal(size=(1, 6, 17, 2)).astype(np.float16),
        keypoint_score=rng.uniform(size=(1, 6, 17)).astype(np.float16),
        total_frames=6,
    )
    path.write_bytes(
        pickle.dumps(dict(split=dict(train1=['a']), annotations=[entry]))
    )
    pipeline = [dict(type='mmsnip.FormatSkeleton', use_score=True)]

    same_datasets(*both(str(path), split='train1'))
    same_datasets(*both(str(path), pipeline=pipeline))


@pytest.mark.parametrize(
    'kwargs',
    [
        dict(subset=1),
        dict(subset=1, max_frames=12),
        dict(subset=1, only='turn'),
    ],
    ids=str,
)
def test_babel_samples_are_those_of_the_pickle(write, make_video, kwargs):
    path = write(
        [
            make_video('v0', 13, [[1, 9, 0], [6, 13, 2]]),
            make_video('v1', 7, [[0, 7, 4]]),
            make_video('v2', 11, [[2, 5, 2], [3, 5, 4]]),
        ],
        classes=['walk', 'stand', 'turn', 'jump', 'fly'],
    )

    one, other = both(path, BABELDataset, **kwargs)

    assert len(one) == (1 if 'max_frames' in kwargs else 2)
    same_datasets(one, other)


def test_custom_configs_learn_the_same_from_a_store(untrimmed_file):
    store = pack(untrimmed_file)

    one = describe_annotation(untrimmed_file, untrimmed=True)
    other = describe_annotation(store, untrimmed=True)

    assert other.ann_file == store
    assert {**vars(one), 'ann_file': ''} == {**vars(other), 'ann_file': ''}


def test_building_a_dataset_reads_no_joints(untrimmed_file):
    path = pack(untrimmed_file)
    content = bytearray(Path(path).read_bytes())
    size = SkeletonStore(path)._tensors['keypoint'].nbytes  # the first tensor
    begin = 8 + int.from_bytes(content[:8], 'little')
    content[begin : begin + size] = b'\xff' * size
    Path(path).write_bytes(content)

    dataset = SkeletonLocalizationDataset(path, 'train', pipeline=LOAD)

    assert len(dataset) == 3  # all joints are NaN, and nobody has looked
    with pytest.raises(ValueError, match=r'v0: .* expected finite'):
        dataset[0]


@pytest.mark.parametrize(
    ('pipeline', 'whole'), [([CUT, *LOAD], False), ([*LOAD, CUT], True)]
)
def test_a_window_that_comes_first_copies_its_frames_only(
    write, make_video, pipeline, whole
):
    path = pack(write([make_video('long', 20_000, [[0, 9, 1]])]))
    dataset = SkeletonLocalizationDataset(path, pipeline=pipeline)
    size = 20_000 * 2 * 5 * 3 * 4
    dataset[Visit(0, 0, 0)]

    tracemalloc.start()
    sample = dataset[Visit(0, 1, 0)]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert sample['keypoint'].shape == (2, 4, 5, 3)
    assert (peak > size) == whole
    assert whole or peak < size / 4


def test_changing_a_sample_leaves_the_store_alone(untrimmed_file):
    one, other = both(untrimmed_file, pipeline=[CUT])

    other.get_data_info(0)['keypoint'][:] = 0
    other.get_data_info(0)['segments'][:] = 0
    other[0]['keypoint'][:] = 0

    same_datasets(one, other)


def test_subsets_and_joined_datasets_read_their_stores(untrimmed_file):
    one, other = both(untrimmed_file)

    part = other.get_subset([2, 0])
    joined = ConcatDataset([other, part])

    for i, index in enumerate((0, 1, 2, 3, 2, 0)):
        expected = one[index]['keypoint']
        np.testing.assert_array_equal(joined[i]['keypoint'], expected)


@pytest.mark.parametrize(
    'context', ['fork', pytest.param('spawn', marks=pytest.mark.slow)]
)
def test_workers_read_the_same_file(untrimmed_file, context):
    one, other = both(untrimmed_file)
    loader = DataLoader(
        other,
        batch_size=None,
        num_workers=2,
        multiprocessing_context=context,
        collate_fn=only_keypoint,
    )

    found = list(loader)

    for i, keypoint in enumerate(found):
        np.testing.assert_array_equal(keypoint, one[i]['keypoint'])


def only_keypoint(sample):
    return sample['keypoint']


def test_real_sequences_are_the_same_samples(data_dir, tmp_path):
    data = load_annotation(data_dir / 'bandai_stitched.pkl')
    path = tmp_path / 'bandai.safetensors'
    write_store(path, data['annotations'], data['metainfo'], data['split'])
    pipeline = [*LOAD, dict(CUT, size=64), *PACK]

    one, other = (
        SkeletonLocalizationDataset(str(p), 'val', pipeline=pipeline)
        for p in (data_dir / 'bandai_stitched.pkl', path)
    )

    same_datasets(one, other)
