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

from mmsnip.registry import VISUALIZERS
from mmsnip.visualization.canvas import figure_to_array, save_figure
from mmsnip.visualization.file_names import safe_file_name
from mmsnip.visualization.pose import Poses
from mmsnip.visualization.timeline import draw_timeline

DEFAULT_FPS = 30.0


@VISUALIZERS.register_module(
    name=['TimelineVisualizer', 'SkeletonLocalizationVisualizer']
)
class TimelineVisualizer(Visualizer):
    """mmengine's visualizer, whose data samples are untrimmed videos.

    Takes the arguments of ``mmengine.visualization.Visualizer``; the
    picture itself is made by `draw_timeline`. Configs may also call it
    ``mmsnip.SkeletonLocalizationVisualizer``.
    """

    @master_only
    def add_datasample(
        self,
        name: str,
        data_sample: BaseDataElement,
        classes: Sequence[str] | None = None,
        fps: float | None = None,
        poses: Poses | tuple[Any, ...] | None = None,
        out_file: str | Path | None = None,
        step: int = 0,
    ) -> None:
        """Draw a video's timeline; send it to every backend, and to a file.

        Args:
            name (str): Name of the video, shown as the title; backends file
                the picture under its safe form.
            data_sample (BaseDataElement): Answer of a localizer, see
                `draw_data_sample`.
            classes (Sequence[str] | None): Names; None takes those of
                `dataset_meta`, else ``class 0``, ``class 1`` and so on.
            fps (float | None): Frames a second; None takes the data
                sample's, else `dataset_meta`'s, else 30.
            poses (Poses | tuple | None): Skeletons of the video.
            out_file (str | Path | None): File to write beside the backends.
            step (int): Step that the backends record.
        """
        record_timeline(
            self, name, data_sample, classes, fps, poses, out_file, step
        )

    @master_only
    def add_figures(
        self, figures: Mapping[str, Figure], step: int = 0
    ) -> None:
        """Send pictures, such as those of `draw_diagnosis`, to every backend.

        Args:
            figures (Mapping[str, Figure]): Pictures by name.
            step (int): Step that the backends record.
        """
        record_figures(self, figures, step)


def record_figures(
    visualizer: Visualizer, figures: Mapping[str, Figure], step: int = 0
) -> None:
    """What `TimelineVisualizer.add_figures` does, for any visualizer.

    Args:
        visualizer (Visualizer): Owner of the backends.
        figures (Mapping[str, Figure]): Pictures by name.
        step (int): Step that the backends record.
    """
    for name, figure in figures.items():
        visualizer.add_image(
            safe_file_name(name), figure_to_array(figure), step=step
        )


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
    """What `TimelineVisualizer.add_datasample` does, for any visualizer.

    Args:
        visualizer (Visualizer): Owner of the backends and `dataset_meta`.
        name (str): Name of the video.
        data_sample (BaseDataElement): See `draw_data_sample`.
        classes (Sequence[str] | None): Names.
        fps (float | None): Frames a second.
        poses (Poses | tuple | None): Skeletons of the video.
        out_file (str | Path | None): File to write beside the backends.
        step (int): Step that the backends record.
    """
    meta = visualizer.dataset_meta or {}
    if classes is None:
        classes = meta.get('classes')
    if fps is None:
        fps = data_sample.get('fps') or meta.get('fps')
    figure = draw_data_sample(
        data_sample, classes, fps, poses=poses, title=name
    )
    visualizer.add_image(
        safe_file_name(name), figure_to_array(figure), step=step
    )
    if out_file is not None:
        save_figure(figure, out_file)


def draw_data_sample(
    data_sample: BaseDataElement,
    classes: Sequence[str] | None = None,
    fps: float | None = None,
    poses: Poses | tuple[Any, ...] | None = None,
    title: str | None = None,
) -> Figure:
    """Timeline of a data sample.

    Args:
        data_sample (BaseDataElement): With `pred_frame_scores` (T,
            num_classes + 1), background last, and, where the truth is
            known, `segments` (num_segments, 2) and `segment_labels`.
        classes (Sequence[str] | None): Names; None numbers them.
        fps (float | None): Frames a second; None takes the data sample's
            `fps`, else 30.
        poses (Poses | tuple | None): Skeletons of the same T frames.
        title (str | None): One line above; None takes `frame_dir`.

    Returns:
        Figure: See `draw_timeline`.

    Raises:
        KeyError: If there are no `pred_frame_scores`.
    """
    scores = data_sample.get('pred_frame_scores')
    name = data_sample.get('frame_dir')
    if scores is None:
        raise KeyError(
            f'data sample of {name!r} has no pred_frame_scores, found '
            f'{sorted(data_sample.keys())}; draw what SkeletonLocalizer '
            'answers in mode predict'
        )
    scores = _to_numpy(scores)
    if classes is None:
        classes = [f'class {i}' for i in range(scores.shape[1] - 1)]
    return draw_timeline(
        _truth(data_sample),
        None,
        classes,
        len(scores),
        float(fps or data_sample.get('fps') or DEFAULT_FPS),
        scores=scores,
        poses=poses,
        title=name if title is None else title,
    )


def _truth(data_sample: BaseDataElement) -> np.ndarray | None:
    segments = data_sample.get('segments')
    labels = data_sample.get('segment_labels')
    if segments is None or labels is None:
        return None
    labels = _to_numpy(labels).reshape(-1, 1)
    return np.concatenate([labels, _to_numpy(segments).reshape(-1, 2)], 1)


def _to_numpy(value: Any) -> np.ndarray:
    if hasattr(value, 'detach'):
        value = value.detach().cpu()
        value = value.float() if value.is_floating_point() else value
    return np.asarray(value)
