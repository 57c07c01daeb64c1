"""What a data set gives becomes what a model takes."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch

from mmsnip.registry import TRANSFORMS

from .conftest import METAINFO, make_sample


def form(**args):
    return TRANSFORMS.build(dict(type='mmsnip.FormatSkeleton', **args))


def test_raw_annotation_gets_all_fields():
    raw = make_sample(C=3)
    keypoint = raw['keypoint'].astype(np.float16)
    out = form()(dict(frame_dir='a', keypoint=keypoint, metainfo=METAINFO))
    assert out['keypoint'].dtype == np.float32
    np.testing.assert_array_equal(out['body_mask'], raw['body_mask'])
    np.testing.assert_array_equal(out['frame_index'], np.arange(13))
    assert out['total_frames'] == 13
    assert out['num_coords'] == 3
    assert out['layout'].pairs == ((2, 3),)


def test_truncation_keeps_the_persons_seen_most_in_their_order():
    keypoint = np.ones((3, 13, 5, 3), np.float32)
    keypoint *= np.array([1, 2, 3])[:, None, None, None]
    keypoint[0, 4:] = 0
    out = form(num_person=2)(dict(keypoint=keypoint))
    assert out['keypoint'][:, 0, 0, 0].tolist() == [2, 3]
    assert out['body_mask'].all()


def test_score_becomes_a_channel_that_is_no_coordinate():
    sample = make_sample(C=2, num_coords=None)
    score = np.random.default_rng(1).random((2, 13, 5))
    sample.pop('num_coords')
    out = form(use_score=True)({**sample, 'keypoint_score': score})
    assert out['keypoint'].shape[-1] == 3
    assert out['num_coords'] == 2
    np.testing.assert_allclose(out['keypoint'][..., 2], score, rtol=1e-6)
    assert 'keypoint_score' not in out
    assert form()(out)['num_coords'] == 2


def test_samples_of_mmaction2_pass(tmp_path):
    pytest.importorskip('mmaction')
    from mmaction.datasets import PoseDataset

    import mmsnip.registry  # noqa: F401

    rng = np.random.default_rng(0)
    names = [f'v{i}' for i in range(3)]
    videos = [
        dict(
            frame_dir=name,
            label=i,
            img_shape=(64, 48),
            original_shape=(64, 48),
            total_frames=9 + i,
            keypoint=rng.random((1 + i % 2, 9 + i, 17, 2)).astype('float16'),
            keypoint_score=rng.random((1 + i % 2, 9 + i, 17)),
        )
        for i, name in enumerate(names)
    ]
    path = tmp_path / 'pose.pkl'
    path.write_bytes(
        pickle.dumps(dict(split=dict(train=names), annotations=videos))
    )
    dataset = PoseDataset(
        str(path),
        [
            dict(
                type='mmsnip.FormatSkeleton',
                num_person=2,
                use_score=True,
                layout='coco',
            ),
            dict(type='mmsnip.NormalizeSkeleton'),
            dict(type='mmsnip.SkeletonStream', stream='bone'),
            dict(type='mmsnip.PackSkeletonInputs'),
        ],
        split='train',
    )
    packed = dataset[1]
    assert packed['inputs'].shape == (2, 10, 17, 3)
    assert packed['data_samples'].label == 1


@pytest.mark.parametrize(
    ('change', 'args', 'message'),
    [
        (dict(keypoint=np.ones((5, 3))), {}, r'of toy.*expected finite'),
        (dict(keypoint=np.full((1, 2, 5, 3), np.nan)), {}, 'of toy'),
        ({}, dict(layout='coco'), "has 5 joints, but layout 'coco' has 17"),
        ({}, dict(use_score=True), 'of toy: found'),
        (
            dict(keypoint_score=np.ones((1, 13, 5))),
            dict(use_score=True),
            r'expected \(M, T, V\)',
        ),
    ],
)
def test_malformed_samples_are_refused_by_name(sample, change, args, message):
    with pytest.raises(ValueError, match=message):
        form(**args)({**sample, **change})


def run(sample, *steps):
    for step in (*steps, dict(type='mmsnip.PackSkeletonInputs')):
        sample = TRANSFORMS.build(step)(sample)
    return sample


def test_packed_sample_has_what_the_models_take():
    packed = run(make_sample(), dict(type='mmsnip.FrameLabels'))
    assert set(packed) == {'inputs', 'body_mask', 'num_frames', 'data_samples'}
    assert packed['inputs'].shape == (2, 13, 5, 3)
    assert packed['inputs'].dtype == torch.float32
    assert packed['body_mask'].dtype == torch.bool
    assert packed['num_frames'] == 13
    data_sample = packed['data_samples']
    assert data_sample.gt_frame_labels.tolist() == [
        *(3, 2, 2, 2, 2, 3, 3, 0, 0, 3, 3, 3, 3)
    ]
    assert data_sample.frame_dir == 'toy'
    assert data_sample.num_classes == 3
    assert data_sample.fps == 25.0
    np.testing.assert_array_equal(data_sample.segments, [[1, 5], [7, 9]])


def test_padding_at_the_end_does_not_count():
    window = dict(type='mmsnip.RandomWindow', size=20, pad=True)
    packed = run(make_sample(), window, dict(type='mmsnip.FrameLabels'))
    assert packed['inputs'].shape[1] == 20
    assert packed['num_frames'] == 13
    labels = packed['data_samples'].gt_frame_labels
    assert labels[13:].tolist() == [-100] * 7


def test_views_are_packed_as_lists_with_their_maps():
    views = [[dict(type='mmsnip.TemporalCrop')], []]
    packed = run(make_sample(), dict(type='mmsnip.MultiView', views=views))
    assert [x.shape for x in packed['inputs']] == [(2, 13, 5, 3)] * 2
    assert packed['num_frames'] == [13, 13]
    assert packed['data_samples'].view_frame_index.shape == (2, 13)


def test_packing_copies_what_it_must_not_write_to():
    rng = np.random.default_rng(0)
    stored = rng.normal(size=(2, 13, 5, 3)).astype(np.float32)
    before = stored.copy()
    stored.flags.writeable = False

    run(dict(keypoint=stored))['inputs'].zero_()

    np.testing.assert_array_equal(stored, before)
