"""Moving skeletons with the true and predicted label of each frame."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.animation import FFMpegWriter, PillowWriter
from matplotlib.collections import LineCollection
from matplotlib.patches import Rectangle

from mmsnip.skeleton.naming import mirror_pairs
from mmsnip.visualization.canvas import (
    BACKGROUND_COLOR,
    BAND,
    FAINT_INK,
    INK,
    RULE,
    add_axes_in,
    class_style,
    dress,
    fit_text,
    new_figure,
)
from mmsnip.visualization.pose import (
    Poses,
    check_poses,
    joint_colors,
    project_pose,
    up_axis,
    view_across,
)
from mmsnip.visualization.timeline import BAR, draw_bars, label_rows

WRITERS = {'.gif': PillowWriter, '.mp4': FFMpegWriter}
_WIDTH_IN, _STAGE_IN, _ROW_IN, _LINE_IN, _EDGE_IN = 5.2, 3.4, 0.24, 0.26, 0.12
_LEFT_IN, _FOOT_IN, _SIZE = 1.0, 0.46, 10.0
_MARGIN = 1.12
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
    if not frame_rate > 0:
        raise ValueError(f'frame_rate={frame_rate!r} must be positive')
    step, (start, end) = max(fps / frame_rate, 1.0), film.span
    count = max(int(np.ceil((end - start) / step - 1e-9)), 1)
    frames = start + np.floor(np.arange(count) * step + 1e-9).astype(np.int64)
    path.parent.mkdir(parents=True, exist_ok=True)
    made = writer(fps=min(frame_rate, fps))
    with made.saving(film.figure, str(path), film.figure.dpi):
        for frame in frames.tolist():
            film.show(frame)
            made.grab_frame()
    return path


class PoseFilm:
    """A figure that shows one frame at a time."""

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
        poses = check_poses(poses, partial=True)
        T = poses.joints.shape[1]
        self.fps, self.classes = float(fps), list(classes)
        self.span = (0, T) if span is None else (int(span[0]), int(span[1]))
        if not 0 <= self.span[0] < self.span[1] <= T:
            raise ValueError(
                f'span={self.span} must name frames of a video of {T}, '
                '0 <= start < end'
            )
        self.rows = label_rows(ground_truth, detections, len(classes), T)
        stage_in = _LINE_IN * (max(len(self.rows), 1) + bool(title)) + _EDGE_IN
        rows_in = stage_in + _STAGE_IN + 0.08
        height_in = rows_in + 0.06
        if self.rows:
            height_in += _ROW_IN * len(self.rows) + _FOOT_IN - 0.06
        self.figure = new_figure(_WIDTH_IN, height_in)
        width_in = _WIDTH_IN - 2 * _EDGE_IN
        self.stage = add_axes_in(
            self.figure, _EDGE_IN, stage_in, width_in, _STAGE_IN, 'stage'
        )
        self.points = project_bodies(poses)
        self._parents = np.asarray(poses.parents)
        self._children = np.flatnonzero(self._parents >= 0)
        self._centre, self._half, limits = follow(
            self.points, self.fps, width_in / _STAGE_IN
        )
        self.stage.set(xticks=[], yticks=[], ylim=limits)
        dress(self.stage, sides=())
        floor = np.nanmin(self.points[..., 1], initial=limits[1])
        self.stage.axhline(floor, color=RULE, lw=1.0, zorder=0)
        names = poses.joint_names
        pairs = () if names is None else mirror_pairs(names)
        colors = np.array(joint_colors(len(self._parents), pairs))
        self.bodies = []
        for person in range(len(self.points)):
            alpha = 1.0 if person == 0 else 0.6
            look = dict(colors=colors[self._children], capstyle='round')
            body = LineCollection([], alpha=alpha, **look)
            self.stage.add_collection(body, autolim=False)
            self.bodies.append(body)
        line_in = _EDGE_IN + 0.1
        right = dict(ha='right')
        self._clock = self._write(_WIDTH_IN - _EDGE_IN, line_in, '', **right)
        if title:
            self._write(_EDGE_IN, line_in, title, _SIZE + 1)
            line_in += _LINE_IN
        self.captions, self._swatches = {}, {}
        for place, name in enumerate(self.rows):
            top_in = line_in + place * _LINE_IN
            self._write(_EDGE_IN, top_in, name, _SIZE - 1, color=FAINT_INK)
            spot = (
                (_LEFT_IN + 0.02) / _WIDTH_IN,
                1 - (top_in + 0.065) / height_in,
            )
            size = 0.2 / _WIDTH_IN, 0.13 / height_in
            patch = Rectangle(spot, *size, transform=self.figure.transFigure)
            self._swatches[name] = self.figure.add_artist(patch)
            self.captions[name] = self._write(_LEFT_IN + 0.3, top_in, '')
        self._cursor = self._draw_rows(rows_in) if self.rows else None
        self.show(self.span[0])

    def show(self, frame: int) -> None:
        """Move everything to a frame."""
        ends = np.stack([self._children, self._parents[self._children]], 1)
        for body, points in zip(self.bodies, self.points[:, frame]):
            bones = points[ends]
            body.set_segments(np.nan_to_num(bones))
            there = np.isfinite(bones).all((1, 2))
            body.set_linewidths(np.where(there, 2.6, 0.0))
        centre = self._centre[frame]
        self.stage.set_xlim(centre - self._half, centre + self._half)
        self._clock.set_text(f'{frame / self.fps:.2f} s')
        for name, rows in self.rows.items():
            inside = (rows[:, 1] <= frame) & (frame < rows[:, 2])
            labels = dict.fromkeys(rows[inside, 0].astype(int).tolist())
            text = ' + '.join(str(self.classes[label]) for label in labels)
            text = fit_text(self.figure, text or 'background', _SIZE, 3.0)
            self.captions[name].set_text(text)
            colors = [class_style(label).color for label in labels]
            self._swatches[name].set_color([*colors, BACKGROUND_COLOR][0])
        if self._cursor is not None:
            self._cursor.set_xdata([(frame + 0.5) / self.fps] * 2)

    def _write(
        self,
        left_in: float,
        top_in: float,
        text: str,
        size: float = _SIZE,
        **options: Any,
    ) -> Any:
        return self.figure.text(
            left_in / _WIDTH_IN,
            1 - top_in / self.figure.get_figheight(),
            fit_text(self.figure, text, size, _WIDTH_IN - 1.2),
            size=size,
            va='center',
            parse_math=False,
            **{'color': INK, **options},
        )

    def _draw_rows(self, top_in: float) -> Any:
        width_in = _WIDTH_IN - _LEFT_IN - 2 * _EDGE_IN
        place = (_LEFT_IN, top_in, width_in, _ROW_IN * len(self.rows))
        ax = add_axes_in(self.figure, *place, label='segments')
        dress(ax, sides=(), size=_SIZE - 1, xlabel='time (s)')
        # Names stand above; bars without them stay clear under the cursor.
        blank = [''] * len(self.classes)
        length_s = self.points.shape[1] / self.fps
        for row, part in enumerate(self.rows.values()):
            top = row + (1 - BAR) / 2
            ax.add_patch(Rectangle((0, top), length_s, BAR, fc=BAND, lw=0))
            scale = width_in / length_s
            draw_bars(ax, part, blank, self.fps, top, BAR, scale)
        ax.set_yticks(np.arange(len(self.rows)) + 0.5, list(self.rows))
        ax.tick_params(axis='y', labelcolor=FAINT_INK)
        ax.set_ylim(len(self.rows), 0)
        ax.set_xlim(self.span[0] / self.fps, self.span[1] / self.fps)
        ax.locator_params(axis='x', nbins=7)
        return ax.axvline(0, color=INK, lw=1.4, gid='cursor')


def project_bodies(poses: Poses) -> np.ndarray:
    """Bodies on the picture plane, (M, T, V, 2); the viewer never turns."""
    M, T, V, C = poses.joints.shape
    there = poses.body_mask[..., None, None]
    points = np.where(there, np.asarray(poses.joints, np.float64), np.nan)
    present = poses.body_mask.sum(axis=0)
    if not present.any():
        return np.full((M, T, V, 2), np.nan)
    first = int(present.argmax())
    names = poses.joint_names
    up = up_axis(poses.joints, poses.up, names, poses.parents)
    across = None
    if C == 3:
        bodies = points[poses.body_mask[:, first], first]
        across = view_across(bodies, up, mirror_pairs(names) if names else ())
    flat = project_pose(points.reshape(-1, C), up, across)
    return flat.reshape(M, T, V, 2)


def follow(
    points: np.ndarray, fps: float, aspect: float
) -> tuple[np.ndarray, float, tuple[float, float]]:
    """A camera that keeps its distance and walks along with the bodies."""
    x, y = points[..., 0], points[..., 1]
    T = points.shape[1]
    there = np.isfinite(x).any(axis=(0, 2))
    if not there.any():
        return np.zeros(T), aspect, (-1.0, 1.0)
    seen = x[:, there]
    middle = (np.nanmin(seen, (0, 2)) + np.nanmax(seen, (0, 2))) / 2
    frames = np.arange(T)
    centre = np.interp(frames, frames[there], middle)
    reach = max(int(fps) // 2, 1)
    window = np.ones(2 * reach + 1) / (2 * reach + 1)
    centre = np.convolve(np.pad(centre, reach, mode='edge'), window, 'valid')
    low, high = float(np.nanmin(y)), float(np.nanmax(y))
    tall = max((high - low) / 2, 1e-6) * _MARGIN
    wide = np.nanmax(np.abs(x - centre[None, :, None])) * _MARGIN
    tall = float(max(tall, wide / aspect))
    foot = low - (_MARGIN - 1) * (high - low) / 2
    return centre, tall * aspect, (foot, foot + 2 * tall)
