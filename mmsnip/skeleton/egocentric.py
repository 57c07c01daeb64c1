"""Poses as the body itself sees them: turned to where it faces.

Where somebody stands and which way the scene is turned says little about what
they do; where they go, how fast, and how high their hands are says much.
Coordinates here are (lateral, up, backward) for 3D: to the right of the body,
up, and behind it; and (across, up) for 2D.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmsnip.skeleton.geometry import bones, motion
from mmsnip.skeleton.layout import SkeletonLayout
from mmsnip.skeleton.naming import find_hips

UP_AXES = ('x', '-x', 'y', '-y', 'z', '-z')
HEADING_LINES = ('shoulders', 'hips')
HEADING_SECONDS = 0.3  # shoulders sway; the heading is a mean over this long
VELOCITY_SECONDS = (1 / 30, 4 / 30)  # either side of a frame
TURNING_SECONDS = (0.25, 1.0)  # either side; longer than the sway of a step
FLOOR_SHARE = 0.05  # of the frames have a joint below what counts as ground
STRETCH = 8192  # frames at a time, where float64 would be large


def upright(coords: np.ndarray, up: str) -> np.ndarray:
    """Name the axes (x, up, z); right-handed stays right-handed."""
    D = coords.shape[-1]
    axis = 'xyz'.find(up.lstrip('-')) if up in UP_AXES else -1
    if axis < 0 or (D == 2 and axis != 1):
        allowed = UP_AXES if D == 3 else ('y', '-y')
        raise ValueError(
            f'up={up!r} is no axis of {D}D coordinates; use one of {allowed}'
        )
    sign = -1.0 if up.startswith('-') else 1.0
    if D == 2:
        return coords * np.array([1.0, sign], coords.dtype)
    order = [(axis + 2) % 3, axis, (axis + 1) % 3]
    return coords[..., order] * np.array([1.0, sign, sign], coords.dtype)


def heading_joints(
    layout: SkeletonLayout, line: str = 'shoulders'
) -> tuple[int, int] | None:
    """Joints whose line tells where a body faces."""
    hips = None
    if line == 'hips':
        hips = find_hips(layout.joint_names, layout.pairs)
    return hips or layout.shoulders


def heading(
    coords: np.ndarray,
    body_mask: np.ndarray,
    line: tuple[int, int] | None,
    width: int = 9,
) -> np.ndarray:
    """Direction of a line across the body, seen from above."""
    M, T = coords.shape[:2]
    unknown = np.array([1.0, 0.0], coords.dtype)
    if line is None or T == 0:
        return np.broadcast_to(unknown, (M, T, 2))
    right, left = line
    across = (coords[:, :, right] - coords[:, :, left])[..., ::2]
    across = _unit(across) * body_mask[..., None]
    half = width // 2
    across = np.pad(across, ((0, 0), (half + 1, half), (0, 0)), mode='edge')
    total = across.astype(np.float64).cumsum(axis=1)
    mean = (total[:, width:] - total[:, :-width]) / width
    return _unit(mean, unknown)


def _unit(v: np.ndarray, otherwise: float | np.ndarray = 0.0) -> np.ndarray:
    norm = np.linalg.norm(v, axis=-1, keepdims=True)
    return np.where(norm > 1e-6, v / np.maximum(norm, 1e-6), otherwise)


def turn(coords: np.ndarray, facing: np.ndarray) -> np.ndarray:
    """Turn about the vertical so that a direction becomes x."""
    c, s = facing[..., None, 0], facing[..., None, 1]
    x, y, z = coords[..., 0], coords[..., 1], coords[..., 2]
    return np.stack([c * x + s * z, y, c * z - s * x], axis=-1)


def central_difference(
    coords: np.ndarray, body_mask: np.ndarray, gap: int
) -> np.ndarray:
    """Change a frame, over ``gap`` frames on either side."""
    after, before, both = _ends(body_mask, gap)
    share = both / np.maximum(after - before, 1)
    share = share[..., None, None].astype(coords.dtype)
    return (coords[:, after] - coords[:, before]) * share


def egocentric(
    coords: np.ndarray,
    body_mask: np.ndarray,
    layout: SkeletonLayout,
    fps: float = 30.0,
    up: str = 'y',
    heading_seconds: float = HEADING_SECONDS,
    heading_line: str = 'shoulders',
) -> np.ndarray:
    """Pose, bones and velocities in the frame of each person's heading.

    Four parts of D channels: joints relative to the root, with the
    height above the ground (the level that hardly any frame has a joint
    below) in place of that above the root; bones; velocities of the joints
    in the world, over a short and a longer stretch, a second. In 3D two more
    channels, the same at all joints: how fast the heading turns, radians a
    second, over the same kind of stretches; sway that hides in the joints'
    velocities tells left from right turns badly.

    Nothing changes when the scene is moved or turned about the vertical. 2D
    bodies are not turned.

    Args:
        coords (np.ndarray): (M, T, V, D), D of 2 or 3.
        body_mask (np.ndarray): (M, T) bool.
        layout (SkeletonLayout): Of the joints; one without the line leaves
            the heading as it is.
        fps (float): Frames a second.
        up (str): Axis that points up, see `upright`.
        heading_seconds (float): The heading is a running mean over this
            long. A longer one leaves in the joints what the body does
            within that time, as when it swings.
        heading_line (str): Of `HEADING_LINES`, see `heading_joints`.

    Returns:
        np.ndarray: (M, T, V, `num_channels`), zero where the person is
        absent.

    Source:
        The recipe of ``docs/evidence.md``; root-local frames after Holden et
        al., Phase-Functioned Neural Networks, SIGGRAPH 2017.
    """
    D = coords.shape[-1]
    world = upright(coords, up)
    if D == 3:
        width = 2 * round(heading_seconds * fps / 2) + 1
        line = heading_joints(layout, heading_line)
        facing = heading(world, body_mask, line, width)
    root = world[:, :, layout.root, None]
    joint = world - root
    joint[..., 1] = world[..., 1] - _floor(world[..., 1], body_mask)
    parts = [
        lambda: joint,
        lambda: bones(world, layout.bone_parents, D),
        *(
            lambda s=s: (
                fps
                * central_difference(world, body_mask, max(1, round(s * fps)))
            )
            for s in VELOCITY_SECONDS
        ),
    ]
    found = np.zeros((*joint.shape[:3], num_channels(D)), coords.dtype)
    for n, make in enumerate(parts):
        part, channels = make(), slice(n * D, (n + 1) * D)
        # in stretches: an hour in float64 would be gigabytes
        for t in range(0, part.shape[1], STRETCH):
            some = part[:, t : t + STRETCH]
            if D == 3:
                some = turn(some, facing[:, t : t + STRETCH])
            found[:, t : t + STRETCH, :, channels] = some
    if D == 3:
        for n, seconds in enumerate(TURNING_SECONDS):
            gap = max(1, round(seconds * fps))
            rate = turning(facing, body_mask, gap) * fps
            found[..., len(parts) * D + n] = rate[..., 0]
    found[~body_mask] = 0
    return found


def turning(facing: np.ndarray, body_mask: np.ndarray, gap: int) -> np.ndarray:
    """Radians that the heading turns a frame, (M, T, 1, 1)."""
    after, before, both = _ends(body_mask, gap)
    (a, b), (c, d) = (
        np.moveaxis(facing[:, ends], -1, 0) for ends in (before, after)
    )
    angle = np.arctan2(a * d - b * c, a * c + b * d)
    return (angle * both / np.maximum(after - before, 1))[..., None, None]


def _ends(
    body_mask: np.ndarray, gap: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frames after and before each, (T,), and who is at both, (M, T)."""
    T = body_mask.shape[1]
    frames = np.arange(T)
    after = np.minimum(frames + gap, max(T - 1, 0))
    before = np.maximum(frames - gap, 0)
    return after, before, body_mask[:, after] & body_mask[:, before]


def num_channels(num_coords: int) -> int:
    """Channels of `egocentric`."""
    parts = num_coords * (2 + len(VELOCITY_SECONDS))
    return parts + (len(TURNING_SECONDS) if num_coords == 3 else 0)


def _floor(height: np.ndarray, body_mask: np.ndarray) -> np.ndarray:
    """Level of the ground of each person, (M, 1, 1)."""
    lowest = height.min(axis=2)
    level = np.zeros((len(height), 1, 1), height.dtype)
    for person, mask in enumerate(body_mask):
        if mask.any():
            level[person] = np.quantile(lowest[person, mask], FLOOR_SHARE)
    return level


def vertical_axis(
    coords: np.ndarray, body_mask: np.ndarray, layout: SkeletonLayout
) -> np.ndarray:
    """Sum of the directions of the trunk, for finding which way is up."""
    starts = range(0, coords.shape[1], STRETCH)
    if len(starts) > 1:
        return sum(
            vertical_axis(
                coords[:, t : t + STRETCH],
                body_mask[:, t : t + STRETCH],
                layout,
            )
            for t in starts
        )
    line = layout.shoulders or (layout.spine[1:] if layout.spine else None)
    if line is None:
        return np.zeros(coords.shape[-1])
    spine = layout.spine[:1] if layout.spine else layout.origin
    hips = find_hips(layout.joint_names, layout.pairs)
    below = spine if hips is None or set(hips) == set(line) else hips
    top = coords[:, :, list(line)].mean(axis=2)
    bottom = coords[:, :, list(below)].mean(axis=2)
    trunk = _unit((top - bottom)[body_mask].astype(np.float64))
    return trunk.sum(axis=0)


def stack_streams(
    keypoint: np.ndarray,
    body_mask: np.ndarray,
    layout: SkeletonLayout,
    streams: Sequence[str] = ('joint',),
    num_coords: int = 3,
    fps: float = 30.0,
    up: str = 'y',
    heading_seconds: float = HEADING_SECONDS,
    heading_line: str = 'shoulders',
) -> np.ndarray:
    """Joints, bones or their motion, side by side on channels."""
    parts = []
    for stream in streams:
        part = keypoint
        if stream == 'egocentric':
            coords = part[..., :num_coords]
            own = egocentric(
                coords,
                body_mask,
                layout,
                fps,
                up,
                heading_seconds,
                heading_line,
            )
            part = np.concatenate([own, part[..., num_coords:]], axis=-1)
        if stream.startswith('bone'):
            part = bones(part, layout.bone_parents, num_coords)
        if stream.endswith('motion'):
            part = motion(part, body_mask, num_coords)
        parts.append(part)
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=-1)
