from __future__ import annotations

import numpy as np
import torch

from mmsnip.registry import TRANSFORMS

from .conftest import make_sample


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


def test_read_only_arrays_become_writable_tensors():
    keypoint = np.ones((1, 2, 5, 3), np.float32)
    keypoint.flags.writeable = False
    packed = run(dict(keypoint=keypoint))
    packed['inputs'] += 1
    assert keypoint.max() == 1


def test_packing_copies_what_it_must_not_write_to():
    rng = np.random.default_rng(0)
    stored = rng.normal(size=(2, 13, 5, 3)).astype(np.float32)
    before = stored.copy()
    stored.flags.writeable = False

    run(dict(keypoint=stored))['inputs'].zero_()

    np.testing.assert_array_equal(stored, before)
