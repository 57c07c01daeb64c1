from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from mmengine.structures import BaseDataElement

from mmsnip.registry import VISUALIZERS
from mmsnip.visualization.visualizer import draw_data_sample


def answer(T=13, num_classes=3, seed=0, **metainfo):
    generator = torch.Generator().manual_seed(seed)
    scores = torch.rand(T, num_classes + 1, generator=generator).softmax(1)
    sample = BaseDataElement(metainfo=dict(frame_dir='video 1', **metainfo))
    sample.pred_frame_scores = scores
    return sample


def segment_bars(figure, row):
    return [
        patch
        for ax in figure.axes
        if ax.get_label() == 'segments'
        for patch in ax.patches
        if patch.get_gid() == row
    ]


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
    visualizer.add_datasample('../v', answer(), out_file=out_file, step=7)
    (kept,) = tmp_path.rglob('vis_image/*.png')
    assert kept.name.startswith('v-')
    assert kept.name.endswith('_7.png')
    assert cv2.imread(str(kept)).shape == cv2.imread(str(out_file)).shape
    assert cv2.imread(str(kept)).shape[1] == 1200


def test_truth_comes_from_the_metainfo_in_seconds_of_its_rate():
    sample = answer(
        segments=np.array([[2, 7], [9, 13]]),
        segment_labels=np.array([1, 0]),
        fps=5.0,
    )
    figure = draw_data_sample(sample, ['a', 'b', 'c'])
    drawn = [
        (bar.get_label(), bar.get_x())
        for bar in segment_bars(figure, 'ground truth')
    ]
    assert drawn == [('b', 0.4), ('a', 1.8)]


def test_a_video_without_truth_has_no_row_of_it():
    figure = draw_data_sample(answer(), ['a', 'b', 'c'])
    (ax,) = [ax for ax in figure.axes if ax.get_label() == 'segments']
    assert [t.get_text() for t in ax.get_yticklabels()] == ['prediction']


def test_half_precision_scores_are_drawn():
    sample = answer()
    sample.pred_frame_scores = sample.pred_frame_scores.bfloat16()
    assert segment_bars(draw_data_sample(sample), 'prediction')


def test_a_data_sample_without_scores_is_refused():
    with pytest.raises(KeyError, match='no pred_frame_scores'):
        draw_data_sample(BaseDataElement(metainfo={'frame_dir': 'v'}))
