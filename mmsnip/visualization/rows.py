"""Rows of coloured bars, one bar a segment."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from mmsnip.visualization.canvas import BAND, text_width_in
from mmsnip.visualization.palette import class_style

BAR = 0.72
_NAME_SIZE = 9.0


def best_non_overlapping(detections: np.ndarray) -> np.ndarray:
    """Detections left when each yields to a better one that it overlaps.

    Args:
        detections (np.ndarray): (num_detections, 4) label, start, end, score.

    Returns:
        np.ndarray: The kept rows, ordered by start.

    Examples:
        >>> best_non_overlapping(
        ...     np.array([[0, 0, 9, 0.5], [1, 5, 12, 0.8], [2, 12, 14, 0.1]])
        ... )[:, 0].tolist()
        [1.0, 2.0]
    """
    kept: list[np.ndarray] = []
    for row in detections[np.argsort(-detections[:, 3], kind='stable')]:
        if all(row[1] >= other[2] or row[2] <= other[1] for other in kept):
            kept.append(row)
    kept.sort(key=lambda row: row[1])
    return np.array(kept).reshape(-1, 4)


def check_rows(
    key: str, rows: np.ndarray, width: int, num_classes: int
) -> np.ndarray:
    """Rows as float64, once their shape and labels fit.

    Args:
        key (str): Name of the argument, for the error.
        rows (np.ndarray): (num, width) label, start, end and maybe score.
        width (int): 3, or 4 with scores.
        num_classes (int): Number of classes.

    Returns:
        np.ndarray: (num, width) float64.

    Raises:
        ValueError: If the shape or a label does not fit.
    """
    array = np.asarray(rows, dtype=np.float64)
    if array.size == 0:
        return np.empty((0, width))
    if array.ndim != 2 or array.shape[1] != width:
        names = 'label, start, end' + (', score' if width == 4 else '')
        raise ValueError(
            f'{key} has shape {array.shape}; expected (num, {width}) of '
            f'{names}'
        )
    labels = array[:, 0]
    bad = labels[(labels < 0) | (labels >= num_classes) | (labels % 1 != 0)]
    if len(bad):
        raise ValueError(
            f'{key} has label {bad[0]:g}; expected 0..{num_classes - 1}, one '
            'of the classes given'
        )
    return array


def clip_rows(rows: np.ndarray, num_frames: int) -> np.ndarray:
    """Rows cut to the video; those that are empty then are left out.

    Args:
        rows (np.ndarray): (num, 3 or 4) label, start, end and maybe score.
        num_frames (int): T of the video.

    Returns:
        np.ndarray: The rows left.
    """
    rows = rows.copy()
    rows[:, 1:3] = rows[:, 1:3].clip(0, num_frames)
    return rows[rows[:, 2] > rows[:, 1]]


def draw_rows(
    figure: Figure,
    ax: Axes,
    rows: list[tuple[str, np.ndarray]],
    classes: Sequence[str],
    width_in: float,
    num_frames: int,
    fps: float,
) -> None:
    """Draw bars, with the class name inside where it fits.

    Args:
        figure (Figure): Figure that measures the names.
        ax (Axes): Axes of the rows.
        rows (list[tuple[str, np.ndarray]]): Name of the row and its bars
            (num, 3 or 4) label, start, end; each bar's gid is that name.
        classes (Sequence[str]): Names.
        width_in (float): Width of the axes in inches.
        num_frames (int): T of the video.
        fps (float): Frames a second.
    """
    duration_s = num_frames / fps
    ax.set_xlim(0, duration_s)
    ax.set_ylim(len(rows), 0)
    ax.set_yticks(
        np.arange(len(rows)) + 0.5, [name for name, _ in rows], size=9.5
    )
    ax.tick_params(axis='y', length=0)
    for spine in ax.spines.values():
        spine.set_visible(False)
    for row, (key, part) in enumerate(rows):
        top = row + (1 - BAR) / 2
        ax.add_patch(
            Rectangle((0, top), duration_s, BAR, fc=BAND, ec='none', lw=0)
        )
        for label, start, end in part[:, :3]:
            style = class_style(int(label))
            bar_in = (end - start) / fps / duration_s * width_in
            # An outline or a hatch would swallow a bar of a few pixels.
            wide = bar_in > 0.06
            edge = 'white' if wide else style.color
            hatch = style.hatch if wide else ''
            ax.add_patch(
                Rectangle(
                    (start / fps, top),
                    (end - start) / fps,
                    BAR,
                    facecolor=style.color,
                    edgecolor=style.ink if hatch else edge,
                    hatch=hatch,
                    linewidth=0 if hatch else 0.8,
                    gid=key,
                    label=str(classes[int(label)]),
                )
            )
            name = ' '.join(str(classes[int(label)]).split())
            if text_width_in(figure, name, _NAME_SIZE) + 0.16 < bar_in:
                ax.text(
                    (start + end) / 2 / fps,
                    row + 0.5,
                    name,
                    size=_NAME_SIZE,
                    color=style.ink,
                    ha='center',
                    va='center_baseline',
                    parse_math=False,
                    bbox=dict(fc=style.color, ec='none', pad=1.5)
                    if style.hatch
                    else None,
                )
