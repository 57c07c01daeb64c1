"""Timelines of data samples, sent where mmengine keeps its pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from mmengine.dist import master_only
from mmengine.structures import BaseDataElement
from mmengine.visualization import Visualizer

from mmsnip.evaluation.records import to_numpy
from mmsnip.registry import VISUALIZERS
from mmsnip.structures.files import safe_file_name
from mmsnip.visualization.canvas import (
    figure_to_array,
    save_figure,
)
from mmsnip.visualization.pose import Poses
from mmsnip.visualization.timeline import draw_timeline

DEFAULT_FPS = 30.0


@VISUALIZERS.register_module(
    name=['TimelineVisualizer', 'SkeletonLocalizationVisualizer']
)
class TimelineVisualizer(Visualizer):
    """mmengine's visualizer, whose data samples are untrimmed videos."""

    @master_only
    def add_datasample(
        self, name: str, data_sample: Any, **given: Any
    ) -> None:
        """Draw a video's timeline; send it to every backend, and to a file."""
        record_timeline(self, name, data_sample, **given)

    @master_only
    def add_figures(
        self, figures: Mapping[str, Figure], step: int = 0
    ) -> None:
        """Send pictures to every backend."""
        record_figures(self, figures, step)


def record_figures(
    visualizer: Visualizer, figures: Mapping[str, Figure], step: int = 0
) -> None:
    """Send pictures to the backends of any visualizer."""
    for name, figure in figures.items():
        image = figure_to_array(figure)
        visualizer.add_image(safe_file_name(name), image, step=step)


def record_timeline(
    visualizer: Visualizer,
    name: str,
    data_sample: BaseDataElement,
    classes: Sequence[str] | None = None,
    fps: float | None = None,
    poses: Poses | tuple[Any, ...] | None = None,
    out_file: str | Path | None = None,
    step: int = 0,
) -> None:
    """Send a timeline to the backends of any visualizer, and to a file."""
    meta = visualizer.dataset_meta or {}
    classes = meta.get('classes') if classes is None else classes
    fps = fps or data_sample.get('fps') or meta.get('fps')
    figure = draw_data_sample(data_sample, classes, fps, poses, name)
    record_figures(visualizer, {name: figure}, step)
    if out_file is not None:
        save_figure(figure, out_file)


def draw_data_sample(
    data_sample: BaseDataElement,
    classes: Sequence[str] | None = None,
    fps: float | None = None,
    poses: Poses | tuple[Any, ...] | None = None,
    title: str | None = None,
) -> Figure:
    """Timeline of a data sample."""
    scores = data_sample.get('pred_frame_scores')
    name = data_sample.get('frame_dir')
    if scores is None:
        raise KeyError(
            f'data sample of {name!r} has no pred_frame_scores, found '
            f'{sorted(data_sample.keys())}; draw what SkeletonLocalizer '
            'answers in mode predict'
        )
    scores = to_numpy(scores)
    if classes is None:
        classes = [f'class {i}' for i in range(scores.shape[1] - 1)]
    segments, truth = data_sample.get('segments'), None
    labels = data_sample.get('segment_labels')
    if segments is not None and labels is not None:
        bounds = to_numpy(segments).reshape(-1, 2)
        truth = np.column_stack([to_numpy(labels).reshape(-1), bounds])
    rate = float(fps or data_sample.get('fps') or DEFAULT_FPS)
    about = dict(scores=scores, poses=poses, title=title or name)
    return draw_timeline(truth, None, classes, len(scores), rate, **about)
