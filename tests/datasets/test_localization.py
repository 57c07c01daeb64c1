"""Samples of an annotation file."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.dataset import ConcatDataset, RepeatDataset

from mmsnip.datasets.localization import SkeletonLocalizationDataset
from mmsnip.datasets.sampling import Visit
from mmsnip.skeleton import SkeletonLayout
from mmsnip.structures import DataError

SUBSET = ['sit', 'wave']


def names(dataset):
    return [dataset.get_data_info(i)['frame_dir'] for i in range(len(dataset))]


def rewrite(path, change):
    with open(path, 'rb') as file:
        data = pickle.load(file)  # noqa: S301  (written by the fixture)
    change(data)
    with open(path, 'wb') as file:
        pickle.dump(data, file)


@pytest.mark.parametrize('serialize_data', [True, False])
def test_an_untrimmed_sample_has_every_field(untrimmed_file, serialize_data):
    dataset = SkeletonLocalizationDataset(
        untrimmed_file, 'train', serialize_data=serialize_data
    )

    sample = dataset[0]

    assert sample['frame_dir'] == 'v0'
    assert sample['total_frames'] == 13
    assert sample['keypoint'].shape == (2, 13, 5, 3)
    assert sample['keypoint'].dtype == np.float32
    assert sample['keypoint'].flags.writeable
    assert sample['body_mask'].shape == (2, 13)
    assert sample['body_mask'].dtype == bool
    assert sample['frame_index'].tolist() == list(range(13))
    assert sample['segments'].tolist() == [[1, 4], [6, 13]]
    assert sample['segment_labels'].tolist() == [0, 2]
    assert sample['segment_labels'].dtype == np.int64
    assert sample['fps'] == 25.0
    assert sample['num_classes'] == 3
    assert isinstance(sample['layout'], SkeletonLayout)
    assert sample['layout'].num_joints == 5
    assert sample['metainfo']['classes'] == ['wave', 'jump', 'sit']
    assert 'label' not in sample
    assert 'rng' not in sample


def test_changing_a_sample_leaves_the_dataset_alone(untrimmed_file):
    dataset = SkeletonLocalizationDataset(untrimmed_file, serialize_data=False)

    dataset[0]['keypoint'][:] = 0
    dataset[0]['segments'][:] = 0

    assert dataset[0]['body_mask'].all()
    assert dataset[0]['segments'].tolist() == [[1, 4], [6, 13]]


def test_body_mask_is_false_where_all_joints_are_zero(untrimmed_file):
    def change(data):
        keypoint = data['annotations'][0]['keypoint']
        keypoint[1, 3:] = 0
        keypoint[0, 5, :4] = 0  # one joint is still there

    rewrite(untrimmed_file, change)

    mask = SkeletonLocalizationDataset(untrimmed_file)[0]['body_mask']

    expected = np.ones((2, 13), bool)
    expected[1, 3:] = False
    np.testing.assert_array_equal(mask, expected)


def test_pyskl_files_serve_as_they_are(tmp_path):
    path = tmp_path / 'hmdb.pkl'
    entry = dict(
        frame_dir='a',
        label=2,
        img_shape=(340, 512),
        keypoint=np.ones((1, 6, 17, 2), np.float16),
        keypoint_score=np.full((1, 6, 17), 0.5, np.float16),
        total_frames=6,
    )
    path.write_bytes(
        pickle.dumps(dict(split=dict(train1=['a']), annotations=[entry]))
    )

    dataset = SkeletonLocalizationDataset(str(path), 'train1')
    sample = dataset[0]

    assert sample['keypoint'].shape == (1, 6, 17, 2)
    assert sample['keypoint_score'].dtype == np.float32
    assert sample['img_shape'] == (340, 512)
    assert sample['layout'].name == 'coco'
    assert sample['fps'] == 30.0
    assert dataset.metainfo['classes'] == ['class_0', 'class_1', 'class_2']


def test_given_classes_choose_by_name(untrimmed_file):
    dataset = SkeletonLocalizationDataset(
        untrimmed_file, metainfo=dict(classes=SUBSET)
    )

    assert dataset.metainfo['classes'] == SUBSET
    assert dataset[0]['segment_labels'].tolist() == [1, 0]
    assert dataset[1]['segments'].tolist() == []  # jump is background now
    assert len(dataset) == 4


def test_given_classes_name_those_of_a_file_that_does_not(write):
    from_file = write([dict_of_label(label) for label in (0, 1)], classes=None)

    dataset = SkeletonLocalizationDataset(
        from_file, metainfo=dict(classes=['fall', 'rise'])
    )

    assert dataset.metainfo['classes'] == ['fall', 'rise']
    assert dataset[1]['label'] == 1
    with pytest.raises(DataError, match=r'toy\.pkl.*name all labels'):
        SkeletonLocalizationDataset(from_file, metainfo=dict(classes=['fall']))


def test_a_class_that_the_file_lacks_is_refused(untrimmed_file):
    with pytest.raises(
        DataError,
        match=r"toy\.pkl.*lacks \['fly'\].*\['wave', 'jump', 'sit'\]",
    ):
        SkeletonLocalizationDataset(
            untrimmed_file, metainfo=dict(classes=['wave', 'fly'])
        )


def test_malformed_files_are_refused_when_the_dataset_is_built(
    untrimmed_file,
):
    def change(data):
        data['annotations'][1]['segments'][0] = [3, 8]

    rewrite(untrimmed_file, change)

    with pytest.raises(
        DataError,
        match=r"toy\.pkl.*\n.*video 'v1', key 'segments': row 0.*3, 8",
    ):
        SkeletonLocalizationDataset(untrimmed_file, 'train')
    assert len(SkeletonLocalizationDataset(untrimmed_file, 'val')) == 1


def test_an_epoch_visits_each_video_as_often_as_asked(untrimmed_file):
    dataset = SkeletonLocalizationDataset(
        untrimmed_file, 'train', samples_per_video=3
    )

    assert len(dataset) == 9
    assert dataset.num_videos == 3
    assert names(dataset) == ['v0', 'v1', 'v3'] * 3
    assert len(list(dataset)) == 9


def test_visits_of_one_video_in_one_epoch_draw_differently(untrimmed_file):
    dataset = SkeletonLocalizationDataset(
        untrimmed_file, 'train', samples_per_video=2
    )

    draws = [
        dataset[Visit(index, 0, 0)]['rng'].random() for index in (0, 3, 0)
    ]

    assert draws[0] == draws[2]
    assert draws[0] != draws[1]


def test_the_fraction_is_seeded_nested_and_shows_each_class(trimmed_file):
    chosen = {
        (fraction, seed): names(
            SkeletonLocalizationDataset(
                trimmed_file, fraction=fraction, seed=seed
            )
        )
        for fraction in (0.1, 0.5)
        for seed in (0, 1, 2)
    }

    for (fraction, seed), videos in chosen.items():
        labels = {int(name[1:]) % 3 for name in videos}
        assert labels == {0, 1, 2}
        assert len(videos) == (3 if fraction == 0.1 else 6)
        assert set(chosen[0.1, seed]) <= set(videos)
    assert len({tuple(chosen[0.5, seed]) for seed in (0, 1, 2)}) > 1


def test_a_visit_keeps_its_generator_through_mmengine_wrappers(
    untrimmed_file,
):
    parts = [
        SkeletonLocalizationDataset(untrimmed_file, split)
        for split in ('train', 'val')
    ]
    joined = ConcatDataset(parts)
    repeated = RepeatDataset(parts[0], times=2)

    assert joined[Visit(3, 0, 0)]['frame_dir'] == 'v2'
    draws = [repeated[Visit(i, 0, 0)]['rng'].random() for i in (1, 4)]
    assert draws[0] != draws[1]


def test_an_epoch_of_few_videos_is_drawn_out(untrimmed_file):
    plain = SkeletonLocalizationDataset(untrimmed_file, 'train')
    videos = len(plain)

    longer = SkeletonLocalizationDataset(
        untrimmed_file, 'train', min_samples=2 * videos + 1
    )

    assert names(longer) == 2 * names(plain) + names(plain)[:1]
    shorter = SkeletonLocalizationDataset(
        untrimmed_file, 'train', min_samples=1, samples_per_video=3
    )
    assert len(shorter) == 3 * videos


def test_labelled_and_unlabelled_videos_share_a_file(write, make_video):
    path = write(
        [
            make_video('labelled', 13, [[1, 4, 0]]),
            make_video('unlabelled', 9),
            make_video('background', 7, []),
            make_video('trimmed', 5, label=1),
        ],
        split=dict(train=['labelled', 'unlabelled', 'background', 'trimmed']),
    )

    every = SkeletonLocalizationDataset(path, 'train')
    learnt = SkeletonLocalizationDataset(path, 'train', labelled=True)

    assert len(every) == 4
    assert 'segments' not in every[1]
    assert every[2]['segments'].shape == (0, 2)
    assert names(learnt) == ['labelled', 'background']
    rewrite(path, lambda d: d['split'].update(train=['trimmed']))
    with pytest.raises(DataError, match=r"'train': 0 of 1 videos have seg"):
        SkeletonLocalizationDataset(path, 'train', labelled=True)


def test_metainfo_travels_in_a_checkpoint(untrimmed_file, tmp_path):
    dataset = SkeletonLocalizationDataset(
        untrimmed_file, metainfo=ConfigDict(normalization=dict(center=[0, 1]))
    )
    path = tmp_path / 'checkpoint.pth'
    torch.save(dict(meta=dict(dataset_meta=dataset.metainfo)), path)

    loaded = torch.load(path, weights_only=True)['meta']['dataset_meta']

    assert loaded == dataset.metainfo
    assert loaded['parents'] == [-1, 0, 1, 2, 1]
    assert loaded['fps'] == 25.0
    assert loaded['normalization'] == dict(center=[0, 1])
    assert SkeletonLayout.from_dict(loaded['layout']).origin == (0, 1)
    assert type(loaded['normalization']) is dict


def dict_of_label(label):
    keypoint = np.ones((1, 4 + label, 5, 3), np.float32)
    return dict(
        frame_dir=f'x{label}',
        total_frames=4 + label,
        keypoint=keypoint,
        label=label,
    )


def validate_data(*arguments):
    tool = Path(__file__).resolve().parents[2] / 'tools' / 'validate_data.py'
    path = os.pathsep.join(p for p in sys.path if p)
    return subprocess.run(
        [sys.executable, str(tool), *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, 'PYTHONPATH': path},
    )


def test_the_command_summarizes_sound_files_and_refuses_others(untrimmed_file):
    sound = validate_data(untrimmed_file, '--split', 'train')
    rewrite(
        untrimmed_file, lambda d: d['annotations'][2].update(total_frames=3)
    )
    malformed = validate_data(untrimmed_file)

    assert sound.returncode == 0, sound.stderr
    rows = [line.split() for line in sound.stdout.splitlines()]
    assert ['content', '3', 'videos,', '29', 'frames,', '0.00', 'h'] in rows
    assert rows[-1] == ['no', 'problems', 'found']
    assert malformed.returncode == 1
    assert "video 'v2', key 'total_frames': found 3" in malformed.stdout
