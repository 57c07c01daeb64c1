"""Which frames a film shows, and what is said of each."""

from __future__ import annotations

from typing import Any

import numpy as np

from mmsnip.visualization.pose import Poses
from mmsnip.visualization.rows import (
    best_non_overlapping,
    check_rows,
    clip_rows,
)
from mmsnip.visualization.strip import check_poses


def film_frames(
    span: tuple[int, int], fps: float, frame_rate: float
) -> np.ndarray:
    """Frames of a recording that a film shows.

    Args:
        span (tuple[int, int]): Frames [start, end).
        fps (float): Frames a second of the recording.
        frame_rate (float): Pictures a second of the film.

    Returns:
        np.ndarray: Ascending, (num_pictures,) int64.

    Raises:
        ValueError: If `frame_rate` is not positive.

    Examples:
        >>> film_frames((4, 10), fps=30.0, frame_rate=12.5).tolist()
        [4, 6, 8]
    """
    if not frame_rate > 0:
        raise ValueError(f'frame_rate={frame_rate!r} must be positive')
    step = max(fps / frame_rate, 1.0)
    count = max(int(np.ceil((span[1] - span[0]) / step - 1e-9)), 1)
    return span[0] + np.floor(np.arange(count) * step + 1e-9).astype(np.int64)


def labels_at(rows: np.ndarray, frame: int) -> list[int]:
    """Labels of the segments that hold a frame, each once.

    Args:
        rows (np.ndarray): (num, 3 or 4) label, start, end and maybe score.
        frame (int): Frame.

    Returns:
        list[int]: In the order of the rows.

    Examples:
        >>> labels_at(np.array([[2, 0, 5], [0, 3, 9]]), 3)
        [2, 0]
    """
    inside = (rows[:, 1] <= frame) & (frame < rows[:, 2])
    return list(dict.fromkeys(rows[inside, 0].astype(int).tolist()))


def check_film_poses(poses: Poses | tuple[Any, ...]) -> Poses:
    """Poses whose mask keeps persons that lack some joints.

    Args:
        poses (Poses | tuple): Skeletons (M, T, V, C), T at least 1.

    Returns:
        Poses: With `body_mask`.

    Raises:
        ValueError: If a shape does not fit.
    """
    poses = Poses(*poses)
    joints = np.asarray(poses.joints)
    if joints.ndim != 4 or not joints.shape[1]:
        raise ValueError(
            f'poses.joints has shape {joints.shape}; expected (M, T, V, C), '
            'one frame or more'
        )
    if poses.body_mask is None:
        mask = (np.nan_to_num(joints) != 0).any((2, 3))
        poses = poses._replace(body_mask=mask)
    return check_poses(poses, joints.shape[1])


def check_span(span: tuple[int, int] | None, T: int) -> tuple[int, int]:
    """Frames of a film, once they lie in the video.

    Args:
        span (tuple[int, int] | None): Frames [start, end); None takes all.
        T (int): Frames of the video.

    Returns:
        tuple[int, int]: Frames [start, end).

    Raises:
        ValueError: If they are empty or outside.
    """
    start, end = (0, T) if span is None else (int(span[0]), int(span[1]))
    if not 0 <= start < end <= T:
        raise ValueError(
            f'span=({start}, {end}) must name frames of a video of {T}, '
            '0 <= start < end'
        )
    return start, end


def label_rows(
    ground_truth: np.ndarray | None,
    detections: np.ndarray | None,
    num_classes: int,
    T: int,
) -> dict[str, np.ndarray]:
    """Rows of labels under a film.

    Args:
        ground_truth (np.ndarray | None): (num_segments, 3) label, start,
            end.
        detections (np.ndarray | None): (num_detections, 4) with the score.
        num_classes (int): Number of classes.
        T (int): Frames of the video.

    Returns:
        dict[str, np.ndarray]: ``ground truth`` and ``prediction``, cut to
        the video, where they are given.

    Raises:
        ValueError: If a shape or label does not fit.
    """
    rows = {}
    if ground_truth is not None:
        truth = check_rows('ground_truth', ground_truth, 3, num_classes)
        rows['ground truth'] = clip_rows(truth, T)
    if detections is not None:
        found = check_rows('detections', detections, 4, num_classes)
        rows['prediction'] = clip_rows(best_non_overlapping(found), T)
    return rows
