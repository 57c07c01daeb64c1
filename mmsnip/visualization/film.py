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
        title (str | None): Name of the recording.

    Returns:
        Path: The file written.

    Raises:
        ValueError: If the ending is unknown, or a shape or label does not
            fit.
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
    film = PoseFilm(poses, fps, classes, ground_truth, detections, title)
    step = max(fps / FRAME_RATE, 1.0)
    frames = np.arange(0, film.points.shape[1] - 1e-9, step) + 1e-9
    path.parent.mkdir(parents=True, exist_ok=True)
    made = writer(fps=min(FRAME_RATE, fps))
    with made.saving(film.figure, str(path), film.figure.dpi):
        for frame in frames.astype(np.int64).tolist():
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
        title: str | None = None,
    ) -> None:
        poses = check_poses(poses, partial=True)
        T = poses.joints.shape[1]
        self.fps, self.classes = float(fps), list(classes)
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
        self._centre, self._half, limits = follow(
            self.points, self.fps, width_in / _STAGE_IN
        )
        self.stage.set(xticks=[], yticks=[], ylim=limits)
        dress(self.stage, sides=())
        floor = np.nanmin(self.points[..., 1], initial=limits[1])
        self.stage.axhline(floor, color=RULE, lw=1.0, zorder=0)
        parents = np.asarray(poses.parents)
        children = np.flatnonzero(parents >= 0)
        self._bones = np.stack([children, parents[children]], axis=1)
        pairs = mirror_pairs(poses.joint_names or ())
        colors = np.array(joint_colors(len(parents), pairs))[children]
        self.bodies = [
            self.stage.add_collection(
                LineCollection(
                    [],
                    colors=colors,
                    capstyle='round',
                    alpha=0.6 if person else 1.0,
                ),
                autolim=False,
            )
            for person in range(len(self.points))
        ]
        top_in = _EDGE_IN + 0.1
        self._clock = self._write(_WIDTH_IN - _EDGE_IN, top_in, '', ha='right')
        if title:
            self._write(_EDGE_IN, top_in, title, _SIZE + 1)
            top_in += _LINE_IN
        self.captions, self._swatches = {}, {}
        for name in self.rows:
            self._write(_EDGE_IN, top_in, name, _SIZE - 1, color=FAINT_INK)
            left, bottom = _LEFT_IN + 0.02, height_in - top_in - 0.065
            patch = Rectangle(
                (left / _WIDTH_IN, bottom / height_in),
                0.2 / _WIDTH_IN,
                0.13 / height_in,
                transform=self.figure.transFigure,
            )
            self._swatches[name] = self.figure.add_artist(patch)
            self.captions[name] = self._write(_LEFT_IN + 0.3, top_in, '')
            top_in += _LINE_IN
        self._cursor = self._draw_rows(rows_in) if self.rows else None

    def show(self, frame: int) -> None:
        """Move everything to a frame."""
        for body, points in zip(self.bodies, self.points[:, frame]):
            bones = points[self._bones]
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
        ax.set(xlim=(0, length_s), ylim=(len(self.rows), 0))
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
    bodies = points[poses.body_mask[:, first], first]
    across = view_across(bodies, up, mirror_pairs(names or ()))
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
    centre = np.interp(np.arange(T), np.flatnonzero(there), middle)
    reach = max(int(fps) // 2, 1)
    window = np.ones(2 * reach + 1) / (2 * reach + 1)
    centre = np.convolve(np.pad(centre, reach, mode='edge'), window, 'valid')
    low, high = float(np.nanmin(y)), float(np.nanmax(y))
    tall = max((high - low) / 2, 1e-6) * _MARGIN
    wide = np.nanmax(np.abs(x - centre[None, :, None])) * _MARGIN
    tall = float(max(tall, wide / aspect))
    foot = low - (_MARGIN - 1) * (high - low) / 2
    return centre, tall * aspect, (foot, foot + 2 * tall)
