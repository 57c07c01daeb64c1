"""Moving skeletons with the true and predicted label of each frame."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.animation import FFMpegWriter, PillowWriter
from matplotlib.collections import LineCollection
from matplotlib.patches import Rectangle

from mmsnip.visualization.canvas import (
    FAINT_INK,
    INK,
    RULE,
    add_axes_in,
    fit_text,
    new_figure,
)
from mmsnip.visualization.film_camera import follow, project_bodies
from mmsnip.visualization.film_plan import (
    check_film_poses,
    check_span,
    film_frames,
    label_rows,
    labels_at,
)
from mmsnip.visualization.palette import BACKGROUND_COLOR, class_style
from mmsnip.visualization.pose import Poses, bone_colors
from mmsnip.visualization.rows import draw_rows

__all__ = ['PoseFilm', 'save_film']

WRITERS = {'.gif': PillowWriter, '.mp4': FFMpegWriter}
_WIDTH_IN, _STAGE_IN, _ROW_IN, _LINE_IN, _EDGE_IN = 5.2, 3.4, 0.24, 0.26, 0.12
_LEFT_IN, _FOOT_IN, _SIZE = 1.0, 0.46, 10.0
# A GIF counts hundredths of a second: 8 a frame.
FRAME_RATE = 12.5


def save_film(
    path: str | Path,
    poses: Poses | tuple[Any, ...],
    fps: float = 30.0,
    classes: Sequence[str] = (),
    ground_truth: np.ndarray | None = None,
    detections: np.ndarray | None = None,
    span: tuple[int, int] | None = None,
    frame_rate: float = FRAME_RATE,
    title: str | None = None,
) -> Path:
    """Write an animation at the speed of the recording.

    Args:
        path (str | Path): File ending in ``.gif``, or in ``.mp4`` where
            ffmpeg is installed; its folder is made where missing.
        poses (Poses | tuple): Skeletons (M, T, V, C), several persons too;
            bones of joints that are not finite are left out.
        fps (float): Frames a second of the recording.
        classes (Sequence[str]): Names, one a label.
        ground_truth (np.ndarray | None): (num_segments, 3) label, start,
            end in frames; None leaves its row out.
        detections (np.ndarray | None): (num_detections, 4) label, start,
            end, score; of those that overlap the best are shown.
        span (tuple[int, int] | None): Frames [start, end); None takes all.
        frame_rate (float): Pictures a second, no more than `fps`.
        title (str | None): Name of the recording.

    Returns:
        Path: The file written.

    Raises:
        ValueError: If the ending is unknown, a shape or label does not fit,
            or `span` names no frames of the video.
        RuntimeError: If ``.mp4`` is asked for without ffmpeg.
    """
    path = Path(path)
    writer = WRITERS.get(path.suffix.lower())
    if writer is None:
        raise ValueError(
            f'{path} ends in {path.suffix!r}; use one of {sorted(WRITERS)}'
        )
    if not writer.isAvailable():
        raise RuntimeError(
            f'{path}: ffmpeg is not installed, which .mp4 needs; install it '
            'or write a .gif'
        )
    film = PoseFilm(poses, fps, classes, ground_truth, detections, span, title)
    frames = film_frames(film.span, fps, frame_rate)
    path.parent.mkdir(parents=True, exist_ok=True)
    made = writer(fps=min(frame_rate, fps))
    with made.saving(film.figure, str(path), film.figure.dpi):
        for frame in frames:
            film.show(int(frame))
            made.grab_frame()
    return path


class PoseFilm:
    """A figure that shows one frame at a time.

    Args:
        poses (Poses | tuple): As in `save_film`, and the next ones.
        fps (float): The same.
        classes (Sequence[str]): The same.
        ground_truth (np.ndarray | None): The same.
        detections (np.ndarray | None): The same.
        span (tuple[int, int] | None): The same.
        title (str | None): The same.

    Attributes:
        figure (Figure): Axes labelled ``stage``, and ``segments`` where there
            is a row of them.
        span (tuple[int, int]): Frames [start, end).
        bodies (list[LineCollection]): One a person.
        captions (dict[str, Text]): Label of the frame by row's name.
    """

    def __init__(
        self,
        poses: Poses | tuple[Any, ...],
        fps: float = 30.0,
        classes: Sequence[str] = (),
        ground_truth: np.ndarray | None = None,
        detections: np.ndarray | None = None,
        span: tuple[int, int] | None = None,
        title: str | None = None,
    ) -> None:
        poses = check_film_poses(poses)
        T = poses.joints.shape[1]
        self.fps, self.classes = float(fps), list(classes)
        self.span = check_span(span, T)
        self.rows = label_rows(ground_truth, detections, len(classes), T)
        lines = max(len(self.rows), 1)
        stage_in = _EDGE_IN + _LINE_IN * (lines + bool(title))
        rows_in = stage_in + _STAGE_IN + 0.08
        height_in = rows_in + 0.06
        if self.rows:
            height_in = rows_in + _ROW_IN * len(self.rows) + _FOOT_IN
        self.figure = new_figure(_WIDTH_IN, height_in)
        width_in = _WIDTH_IN - 2 * _EDGE_IN
        self.stage = add_axes_in(
            self.figure, _EDGE_IN, stage_in, width_in, _STAGE_IN, 'stage'
        )
        self._points = project_bodies(poses)
        self._parents = np.asarray(poses.parents)
        self._centre, self._half = follow(
            self._points, self.fps, width_in / _STAGE_IN
        )
        self._dress_stage(poses)
        if title:
            self._write(_EDGE_IN, _EDGE_IN + 0.1, title, _SIZE + 1)
        self._clock = self._write(
            _WIDTH_IN - _EDGE_IN, _EDGE_IN + 0.1, '', _SIZE, ha='right'
        )
        self.captions, self._swatches = {}, {}
        top_in = _EDGE_IN + 0.1 + (_LINE_IN if title else 0)
        for place, name in enumerate(self.rows):
            self._add_caption(name, top_in + place * _LINE_IN)
        self._cursor = self._draw_rows(rows_in) if self.rows else None
        self.show(self.span[0])

    def show(self, frame: int) -> None:
        """Move everything to a frame.

        Args:
            frame (int): Frame of the recording.
        """
        children = np.flatnonzero(self._parents >= 0)
        for body, points in zip(self.bodies, self._points[:, frame]):
            bones = points[np.stack([children, self._parents[children]], 1)]
            body.set_segments(np.nan_to_num(bones))
            there = np.isfinite(bones).all((1, 2))
            body.set_linewidths(np.where(there, 2.6, 0.0))
        centre = self._centre[frame]
        self.stage.set_xlim(centre - self._half[0], centre + self._half[0])
        self._clock.set_text(f'{frame / self.fps:.2f} s')
        for name, rows in self.rows.items():
            labels = labels_at(rows, frame)
            text = ' + '.join(str(self.classes[label]) for label in labels)
            text = fit_text(self.figure, text or 'background', _SIZE, 3.0)
            self.captions[name].set_text(text)
            color = BACKGROUND_COLOR
            self._swatches[name].set_facecolor(
                class_style(labels[0]).color if labels else color
            )
        if self._cursor is not None:
            at = (frame + 0.5) / self.fps
            self._cursor.set_xdata([at, at])

    def _dress_stage(self, poses: Poses) -> None:
        self.stage.set_xticks([])
        self.stage.set_yticks([])
        for spine in self.stage.spines.values():
            spine.set_visible(False)
        low, high = self._half[1]
        self.stage.set_ylim(low, high)
        floor = np.nanmin(self._points[..., 1], initial=high)
        self.stage.axhline(floor, color=RULE, lw=1.0, zorder=0)
        colors = bone_colors(poses)
        colors = [colors[i] for i in np.flatnonzero(self._parents >= 0)]
        self.bodies = []
        for person in range(len(self._points)):
            body = LineCollection(
                [],
                colors=colors,
                capstyle='round',
                alpha=1.0 if person == 0 else 0.6,
                gid=f'person {person}',
            )
            self.stage.add_collection(body, autolim=False)
            self.bodies.append(body)

    def _write(
        self, left_in: float, top_in: float, text: str, size: float, **kw: Any
    ) -> Any:
        height_in = self.figure.get_size_inches()[1]
        return self.figure.text(
            left_in / _WIDTH_IN,
            1 - top_in / height_in,
            fit_text(self.figure, text, size, _WIDTH_IN - 1.2),
            size=size,
            color=INK,
            va='center',
            parse_math=False,
            **kw,
        )

    def _add_caption(self, name: str, top_in: float) -> None:
        head = self._write(_EDGE_IN, top_in, name, _SIZE - 1)
        head.set_color(FAINT_INK)
        height_in = self.figure.get_size_inches()[1]
        swatch = Rectangle(
            ((_LEFT_IN + 0.02) / _WIDTH_IN, 1 - (top_in + 0.065) / height_in),
            0.2 / _WIDTH_IN,
            0.13 / height_in,
            transform=self.figure.transFigure,
            linewidth=0,
        )
        self.figure.add_artist(swatch)
        self._swatches[name] = swatch
        self.captions[name] = self._write(_LEFT_IN + 0.3, top_in, '', _SIZE)

    def _draw_rows(self, top_in: float) -> Any:
        width_in = _WIDTH_IN - _LEFT_IN - 2 * _EDGE_IN
        place = (_LEFT_IN, top_in, width_in, _ROW_IN * len(self.rows))
        ax = add_axes_in(self.figure, *place, label='segments')
        # Names stand above; bars without them stay clear under the cursor.
        blank = [''] * len(self.classes)
        T = self._points.shape[1]
        rows = list(self.rows.items())
        draw_rows(self.figure, ax, rows, blank, width_in, T, self.fps)
        ax.tick_params(axis='y', labelsize=_SIZE - 1, labelcolor=FAINT_INK)
        ax.set_xlim(self.span[0] / self.fps, self.span[1] / self.fps)
        ax.locator_params(axis='x', nbins=7)
        ax.set_xlabel('time (s)', size=_SIZE - 1, color=INK, labelpad=1)
        return ax.axvline(0, color=INK, lw=1.4, gid='cursor')
