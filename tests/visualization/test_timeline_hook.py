"""Timelines that a test leaves, in the backends and in its folder."""

from __future__ import annotations

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmengine.structures import BaseDataElement
from mmengine.visualization import Visualizer

from mmsnip.hooks import TimelineHook
from mmsnip.registry import VISUALIZERS
from mmsnip.visualization import hooks as hook_module

PARENTS = [-1, 0, 1, 1, 1]


@pytest.fixture
def runner():
    visualizer = Visualizer()
    visualizer.dataset_meta = {
        'classes': ['a', 'b', 'c'],
        'parents': PARENTS,
        'joint_names': ['Hips', 'Spine', 'Head', 'Hand_L', 'Hand_R'],
    }
    return SimpleNamespace(visualizer=visualizer, iter=40)


def answer(name, T=13, **metainfo):
    generator = torch.Generator().manual_seed(T)
    sample = BaseDataElement(metainfo=dict(frame_dir=name, **metainfo))
    sample.pred_frame_scores = torch.rand(T, 4, generator=generator)
    return sample


def batch(N, M=2, T=17, V=5, C=3):
    generator = torch.Generator().manual_seed(0)
    mask = torch.ones(N, M, T, dtype=torch.bool)
    mask[:, 1] = False
    return dict(
        inputs=torch.randn(N, M, T, V, C, generator=generator), body_mask=mask
    )


def names(folder):
    return sorted(p.name for p in folder.rglob('*') if p.is_file())


def test_each_tested_video_becomes_a_picture_of_the_right_width(
    runner, tmp_path
):
    hook = TimelineHook(show_dir=str(tmp_path))
    samples = [
        answer('one', segments=np.array([[0, 5]]), segment_labels=[2]),
        answer('two', T=9),
    ]
    hook.after_test_iter(runner, 0, batch(2), samples)
    assert names(tmp_path) == ['one.png', 'two.png']
    assert cv2.imread(str(tmp_path / 'one.png')).shape[1] == 1200


def test_pictures_stay_in_their_folder_whatever_the_video_is_called(
    runner, tmp_path
):
    folder = tmp_path / 'show'
    hook = TimelineHook(show_dir=str(folder))
    samples = [answer('../../evil'), answer('/abs/olute'), answer('..')]
    hook.after_test_iter(runner, 0, None, samples)
    assert len(list(folder.iterdir())) == len(names(tmp_path)) == 3


def test_every_nth_video_is_drawn_up_to_the_limit(runner, tmp_path):
    hook = TimelineHook(show_dir=str(tmp_path), max_videos=2, interval=3)
    for start in range(0, 12, 2):
        samples = [answer(f'v{start + i:02d}') for i in range(2)]
        hook.after_test_iter(runner, start, None, samples)
    assert names(tmp_path) == ['v00.png', 'v03.png']


def test_windows_of_one_video_do_not_overwrite_each_other(runner, tmp_path):
    hook = TimelineHook(show_dir=str(tmp_path))
    hook.after_test_iter(runner, 0, None, [answer('v'), answer('v')])
    assert names(tmp_path) == ['v-2.png', 'v.png']


def test_validation_draws_only_on_request(runner, tmp_path):
    quiet = TimelineHook(show_dir=str(tmp_path / 'quiet'))
    quiet.after_val_iter(runner, 0, None, [answer('v')])
    loud = TimelineHook(show_dir=str(tmp_path / 'loud'), during_val=True)
    loud.after_val_iter(runner, 0, None, [answer('v')])
    assert names(tmp_path) == ['v_40.png']


def test_only_the_main_process_draws(runner, tmp_path, monkeypatch):
    monkeypatch.setattr(hook_module, 'is_main_process', lambda: False)
    hook = TimelineHook(show_dir=str(tmp_path))
    hook.after_test_iter(runner, 0, None, [answer('v')])
    assert names(tmp_path) == []


def test_poses_are_the_valid_frames_of_the_input(runner):
    hook, data = TimelineHook(), batch(2)
    poses = hook.poses_of(runner, data, answer('v'), 1)
    np.testing.assert_array_equal(poses.joints, data['inputs'][1, :, :13])
    assert poses.body_mask.tolist() == [[True] * 13, [False] * 13]
    assert list(poses.parents) == PARENTS


@pytest.mark.parametrize(
    ('data', 'metainfo'),
    [
        (batch(2), {'stream': ('bone',)}),
        (batch(2, V=7), {}),
        (batch(2, T=5), {}),
        ({'inputs': [batch(2)['inputs']] * 2}, {}),
        (None, {}),
    ],
)
def test_inputs_that_are_no_positions_of_the_body_give_no_poses(
    runner, data, metainfo
):
    sample = answer('v', **metainfo)
    assert TimelineHook().poses_of(runner, data, sample, 0) is None


def test_registered_face_sends_the_picture_to_the_local_backend(tmp_path):
    visualizer = VISUALIZERS.build(
        dict(
            type='mmsnip.TimelineVisualizer',
            name=f'timeline of {tmp_path}',
            vis_backends=[dict(type='LocalVisBackend')],
            save_dir=str(tmp_path),
        )
    )
    visualizer.dataset_meta = {'classes': ['a', 'b', 'c'], 'fps': 10.0}
    out_file = tmp_path / 'more' / 'x.png'
    visualizer.add_datasample('../v', answer('v'), out_file=out_file, step=7)
    (kept,) = tmp_path.rglob('vis_image/*.png')
    assert kept.name.startswith('v-')
    assert kept.name.endswith('_7.png')
    assert cv2.imread(str(kept)).shape == cv2.imread(str(out_file)).shape
    assert cv2.imread(str(kept)).shape[1] == 1200
