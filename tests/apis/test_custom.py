"""What the custom configs read from an annotation file."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from mmsnip.apis.custom import describe_annotation
from mmsnip.io.annotation import AnnotationError, save_annotation
from tests.tools.conftest import annotation


def write(tmp_path, change=None):
    data = copy.deepcopy(annotation())
    if change is not None:
        change(data)
    path = tmp_path / 'mine.pkl'
    save_annotation(path, data, validate=False)
    return str(path)


def trim(data):
    for video in data['annotations']:
        del video['segments'], video['segment_labels']
        video['label'] = 1


def make_2d(data):
    for video in data['annotations']:
        video['keypoint'] = video['keypoint'][..., :2]
        video['keypoint_score'] = np.ones(
            video['keypoint'].shape[:3], np.float32
        )


def test_summary_states_what_shapes_a_model(tmp_path):
    summary = describe_annotation(write(tmp_path))

    assert summary.classes == ['left', 'right']
    assert summary.in_channels == 3
    assert not summary.use_score
    assert summary.num_train == 8
    assert (summary.train_split, summary.val_split) == ('train', 'val')
    layout = summary.graph_cfg['layout']
    assert list(layout['parents']) == [-1, 0, 1, 1, 0]


def test_an_epoch_sees_about_every_frame_once(tmp_path):
    summary = describe_annotation(write(tmp_path))

    assert summary.visits(10) == round(summary.mean_frames / 10)
    assert summary.visits(10**6) == 1


def test_views_are_never_longer_than_the_papers(tmp_path):
    summary = describe_annotation(write(tmp_path))

    assert summary.view_frames(150) == int(summary.median_frames)
    assert summary.view_frames(64) == 64


def test_scores_of_2d_joints_are_a_channel(tmp_path):
    summary = describe_annotation(write(tmp_path, make_2d))

    assert summary.in_channels == 3
    assert summary.use_score


def test_other_names_of_splits_are_understood(tmp_path):
    def rename(data):
        splits = data['split']
        data['split'] = dict(
            xsub_train=splits['train'], xsub_val=splits['val']
        )

    summary = describe_annotation(write(tmp_path, rename))

    assert summary.train_split == 'xsub_train'
    assert summary.val_split == 'xsub_val'


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (trim, "key 'segments': no video of split 'train' has any"),
        (lambda data: data['split'].pop('val'), "expected one named 'val'"),
        (
            lambda data: data['split'].update(train=[]),
            "'train' names no video",
        ),
    ],
)
def test_a_file_that_cannot_be_localized_on_is_refused(
    tmp_path, change, message
):
    with pytest.raises(AnnotationError, match=message):
        describe_annotation(write(tmp_path, change), untrimmed=True)


def test_a_trimmed_file_serves_pre_training(tmp_path):
    assert describe_annotation(write(tmp_path, trim)).num_train == 8


def test_no_file_at_all_names_the_environment_variable():
    with pytest.raises(AnnotationError, match='MMSNIP_ANN_FILE'):
        describe_annotation(None)
