"""A row of poses, each tied to the segment that it shows."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mmsnip.skeleton.naming import mirror_pairs
from mmsnip.visualization.canvas import FAINT_INK, add_axes_in
from mmsnip.visualization.palette import class_style
from mmsnip.visualization.pose import (
    Poses,
    draw_pose,
    project_pose,
    up_axis,
    view_across,
)

LINK_IN = 0.26
POSE_IN = 1.0
CAPTION_IN = 0.2
STRIP_IN = LINK_IN + POSE_IN + CAPTION_IN
SLOT_IN = 0.92
GROUP_SLOT_IN = 1.45
# Heights of a body between the centres of two, at most.
_MAX_APART = 0.8


def check_poses(poses: Poses, num_frames: int) -> Poses:
    """Poses with a mask, once their shapes fit the video.

    Args:
        poses (Poses): Skeletons, or a tuple in that order.
        num_frames (int): T of the video.

    Returns:
        Poses: The same with `body_mask` filled in.

    Raises:
        ValueError: If a shape does not fit; found and expected are named.
    """
    poses = Poses(*poses)
    joints = np.asarray(poses.joints)
    if joints.ndim != 4 or joints.shape[3] not in (2, 3):
        raise ValueError(
            f'poses.joints has shape {joints.shape}; expected (M, T, V, C) '
            'with C = 2 or 3'
        )
    if joints.shape[1] != num_frames:
        raise ValueError(
            f'poses.joints has {joints.shape[1]} frames and the video '
            f'{num_frames}; give the poses of the same frames as the segments'
        )
    if len(poses.parents) != joints.shape[2]:
        raise ValueError(
            f'poses.parents has {len(poses.parents)} entries for '
            f'{joints.shape[2]} joints; give one parent a joint'
        )
    mask = np.isfinite(joints).all((2, 3)) & (joints != 0).any((2, 3))
    if poses.body_mask is not None:
        given = np.asarray(poses.body_mask, dtype=bool)
        if given.shape != mask.shape:
            raise ValueError(
                f'poses.body_mask has shape {given.shape}; expected (M, T) = '
                f'{mask.shape}'
            )
        mask = given & np.isfinite(joints).any((2, 3))
    return poses._replace(joints=joints, body_mask=mask)


def pick_poses(
    segments: np.ndarray, body_mask: np.ndarray, max_poses: int
) -> list[tuple[int, int]]:
    """Segments that get a pose and the frame shown for each.

    The longest segments win where there are too many. The frame is the one
    nearest to the middle at which somebody is there.

    Args:
        segments (np.ndarray): (num_segments, 3) label, start, end.
        body_mask (np.ndarray): (M, T) bool.
        max_poses (int): Places in the strip.

    Returns:
        list[tuple[int, int]]: (row of `segments`, frame), in time's order.
    """
    present = body_mask.any(0)
    picked = []
    for row, (_, start, end) in enumerate(segments.astype(np.int64)):
        frames = np.flatnonzero(present[start:end])
        if len(frames):
            middle = (end - start - 1) / 2
            nearest = frames[np.abs(frames - middle).argmin()]
            picked.append((row, int(start + nearest)))
    lengths = segments[:, 2] - segments[:, 1]
    picked.sort(key=lambda item: (-lengths[item[0]], item[1]))
    return sorted(picked[: max(max_poses, 0)], key=lambda item: item[1])


def spread_places(wanted: np.ndarray, width: float, slot: float) -> np.ndarray:
    """Centres as near as can be to `wanted` that keep a slot's distance.

    Args:
        wanted (np.ndarray): (num_slots,) ascending centres.
        width (float): Length of the row.
        slot (float): Width of a slot; the slots must fit into the row.

    Returns:
        np.ndarray: (num_slots,) centres inside the row.

    Examples:
        >>> spread_places(np.array([5.0, 5.0, 9.5]), 10.0, 1.0).tolist()
        [4.5, 5.5, 9.5]
    """
    steps = np.arange(len(wanted)) * slot
    # Pool adjacent violators: the nearest non-decreasing row.
    pools: list[tuple[float, int]] = []
    for value in wanted - steps:
        mean, count = float(value), 1
        while pools and pools[-1][0] > mean:
            last, size = pools.pop()
            mean = (mean * count + last * size) / (count + size)
            count += size
        pools.append((mean, count))
    places = np.concatenate(
        [np.full(count, mean) for mean, count in pools] or [np.empty(0)]
    )
    low = slot / 2
    high = width - slot / 2 - slot * (len(wanted) - 1)
    return np.clip(places, low, max(low, high)) + steps


def draw_pose_strip(
    figure: Figure,
    rows_ax: Axes,
    segments: np.ndarray,
    row: int,
    poses: Poses,
    fps: float,
    left_in: float,
    top_in: float,
    width_in: float,
) -> list[Axes]:
    """Draw poses under the rows of segments.

    Args:
        figure (Figure): Figure of final size.
        rows_ax (Axes): Axes of the rows, x in seconds.
        segments (np.ndarray): (num_segments, 3) label, start, end.
        row (int): Row of `rows_ax` whose bars the poses belong to.
        poses (Poses): Answer of `check_poses`.
        fps (float): Frames a second.
        left_in (float): Left edge of the strip in inches.
        top_in (float): Upper edge of the strip in inches from the top.
        width_in (float): Width of the strip in inches.

    Returns:
        list[Axes]: One axes a pose, labelled ``pose``.
    """
    slot_in = GROUP_SLOT_IN if len(poses.joints) > 1 else SLOT_IN
    picked = pick_poses(segments, poses.body_mask, int(width_in // slot_in))
    if not picked:
        return []
    middles = segments[[r for r, _ in picked], 1:3].mean(1) / fps
    span = rows_ax.get_xlim()
    wanted = (middles - span[0]) / (span[1] - span[0]) * width_in
    places = spread_places(wanted, width_in, slot_in)
    up = up_axis(poses.joints, poses.up, poses.joint_names, poses.parents)
    pairs = mirror_pairs(poses.joint_names) if poses.joint_names else ()
    to_figure = figure.transFigure.inverted().transform
    height_in = figure.get_size_inches()[1]
    made, boxes = [], []
    for (which, frame), place, middle in zip(picked, places, middles):
        style = class_style(int(segments[which, 0]))
        ax = add_axes_in(
            figure,
            left_in + place - slot_in / 2,
            top_in + LINK_IN,
            slot_in,
            POSE_IN,
            'pose',
        )
        ax.set_axis_off()
        boxes.append(_draw_bodies(ax, poses, frame, up, pairs, slot_in))
        made.append(ax)
        ax.text(
            0.5,
            -0.02,
            f'{(frame + 0.5) / fps:.2f} s',
            transform=ax.transAxes,
            ha='center',
            va='top',
            size=8,
            color=FAINT_INK,
        )
        start = to_figure(rows_ax.transData.transform((middle, row + 0.86)))
        foot_in = top_in + LINK_IN
        figure.add_artist(
            Line2D(
                [start[0], (left_in + place) / figure.get_size_inches()[0]],
                [start[1], 1 - foot_in / height_in],
                color=style.color,
                lw=1.1,
                label='link',
            )
        )
    usual = float(np.median([half for _, half in boxes]))
    for ax, (centre, half) in zip(made, boxes):
        y = 1.06 * max(half, usual)
        x = y * slot_in / POSE_IN
        ax.set_xlim(centre[0] - x, centre[0] + x)
        ax.set_ylim(centre[1] - y, centre[1] + y)
    return made


def _draw_bodies(
    ax: Axes,
    poses: Poses,
    frame: int,
    up: tuple[int, int],
    pairs: tuple[tuple[int, int], ...],
    slot_in: float,
) -> tuple[np.ndarray, float]:
    """Draw who is there; returns their centre and the half height needed.

    Bodies far apart are drawn nearer to each other.
    """
    bodies = poses.joints[poses.body_mask[:, frame], frame]
    across = None
    if bodies.shape[-1] == 3:
        across = view_across(bodies, up, pairs)
    flat = np.stack([project_pose(body, up, across) for body in bodies])
    shifts = _bring_together(flat)
    points = np.concatenate(
        [
            draw_pose(
                ax,
                body,
                poses.parents,
                up=up,
                pairs=pairs,
                across=across,
                alpha=1.0 if which == 0 else 0.55,
                shift=shifts[which],
            )
            for which, body in enumerate(bodies)
        ]
    )
    low, high = np.nanmin(points, 0), np.nanmax(points, 0)
    half = (high - low) / 2
    return (low + high) / 2, max(half[1], half[0] * POSE_IN / slot_in, 1e-6)


def _bring_together(flat: np.ndarray) -> np.ndarray:
    """Horizontal shift of each body, (M, V, 2) -> (M,)."""
    centres = np.nanmean(flat[..., 0], axis=1)
    height = np.median(np.nanmax(flat[..., 1], 1) - np.nanmin(flat[..., 1], 1))
    order = np.argsort(centres, kind='stable')
    gaps = np.minimum(np.diff(centres[order]), _MAX_APART * height)
    placed = np.empty_like(centres)
    placed[order] = centres[order[0]] + np.concatenate([[0], np.cumsum(gaps)])
    return placed - centres
