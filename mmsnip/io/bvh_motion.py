"""The frames of a BVH file, and joint positions from them."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence

import numpy as np

from mmsnip.io.bvh_hierarchy import Hierarchy
from mmsnip.io.reading import MAX_BYTES, SequenceError, read_numbers

__all__ = ['POSITIONS', 'forward_kinematics', 'read_motion']

POSITIONS = ('auto', 'replace', 'add')
_FRAMES = re.compile(r'\s*frames\s*:?\s*(\S+)\s*', re.IGNORECASE)
_TIME = re.compile(r'\s*frame\s*time\s*:?\s*(\S+)\s*', re.IGNORECASE)


def read_motion(
    lines: list[str],
    first_line: int,
    num_channels: int,
    path: str | os.PathLike[str],
) -> tuple[np.ndarray, float, list[str]]:
    """Parse the text after ``MOTION``.

    Rows beyond the announced number are kept and reported; fewer mean a file
    that is cut off, which is refused. Rows that are broken over several
    lines are joined and reported where the total fits the announced number.

    Args:
        lines (list[str]): Lines after ``MOTION``.
        first_line (int): Line of the file that ``lines[0]`` is.
        num_channels (int): Numbers that a frame has.
        path (str | os.PathLike[str]): File, for messages.

    Returns:
        tuple[np.ndarray, float, list[str]]: Channel values
            (T, num_channels) float64, all finite; seconds a frame; and what
            was mended.

    Raises:
        SequenceError: If something is missing, no number, or the rows do not
            fit the hierarchy or the announced number; the line is named.
    """
    filled = [n for n, line in enumerate(lines) if line.strip()]
    declared, frame_time = _read_head(lines, filled[:2], first_line, path)
    rows = [lines[n] for n in filled[2:]]
    if not rows or declared == 0:
        raise SequenceError(
            f'{path} has no frames: {declared} are announced, {len(rows)} '
            'rows follow'
        )
    mended = []
    values = _parse(rows, num_channels)
    if values is None:
        count = sum(len(row.split()) for row in rows)
        joined = count == declared * num_channels and len(rows) != declared
        values = _parse_each(
            lines,
            filled[2:],
            first_line,
            path,
            None if joined else num_channels,
        ).reshape(-1, num_channels)
        if joined:
            mended.append(
                f'{len(rows)} lines of motion were joined to {declared} '
                f'frames of {num_channels} channels'
            )
    if len(values) < declared:
        raise SequenceError(
            f'{path}, line {first_line + filled[0]}: {declared} frames are '
            f'announced and {len(values)} follow; is the file cut off? To '
            f"use it as it is write 'Frames: {len(values)}'"
        )
    if len(values) > declared:
        mended.append(
            f'{declared} frames are announced and {len(values)} follow; all '
            'were read'
        )
    lost = ~np.isfinite(values)
    if lost.any():
        row, column = np.unravel_index(int(lost.argmax()), lost.shape)
        place = filled[2] if mended else filled[2 + row]
        raise SequenceError(
            f'{path}, line {first_line + place}, frame {row}: channel '
            f'{column} is {values[row, column]}, expected a finite number'
        )
    return values, frame_time, mended


def _read_head(
    lines: list[str],
    filled: list[int],
    first_line: int,
    path: str | os.PathLike[str],
) -> tuple[int, float]:
    """Number of frames and seconds a frame."""
    found = []
    for place, (pattern, text, kind) in enumerate(
        ((_FRAMES, 'Frames: <number>', int), (_TIME, 'Frame Time: <s>', float))
    ):
        line = lines[filled[place]] if place < len(filled) else ''
        number = first_line + (filled[place] if line else len(lines))
        match = pattern.fullmatch(line)
        try:
            value = kind(match.group(1)) if match else -1
        except ValueError:
            value = -1
        if not 0 <= value < float('inf'):
            raise SequenceError(
                f'{path}, line {number}: found {line.strip()[:40]!r}, '
                f'expected {text!r}'
            )
        found.append(value)
    return found[0], found[1]


def _parse(rows: list[str], columns: int) -> np.ndarray | None:
    """Rows of numbers, None if they are not all of one width."""
    if len(rows[0].split()) != columns:
        return None
    try:
        values = np.loadtxt(rows, np.float64, comments=None, ndmin=2)
    except Exception:  # the caller finds the line
        return None
    return values if values.shape == (len(rows), columns) else None


def _parse_each(
    lines: list[str],
    places: list[int],
    first_line: int,
    path: str | os.PathLike[str],
    columns: int | None,
) -> np.ndarray:
    """All numbers, line by line; the first wrong line is named."""
    return np.concatenate(
        [
            read_numbers([lines[n]], path, first_line + n, columns)[0]
            for n in places
        ]
    )


def forward_kinematics(
    hierarchy: Hierarchy,
    values: np.ndarray,
    positions: str,
    path: str | os.PathLike[str],
) -> tuple[np.ndarray, list[str]]:
    """Positions of all nodes; a loop over joints, all frames at once.

    A node's frame is that of its parent, shifted, then turned by its
    rotation channels in file order (each about an axis that the ones before
    have turned). See `mmsnip.io.bvh.read_bvh` for the shift.

    Args:
        hierarchy (Hierarchy): V nodes.
        values (np.ndarray): Channels (T, num_channels), degrees and lengths.
        positions (str): ``auto``, ``replace`` or ``add``.
        path (str | os.PathLike[str]): File, for messages.

    Returns:
        tuple[np.ndarray, list[str]]: (T, V, 3) float64 in the file's unit;
            and names of joints whose position channels were taken for
            shifts from OFFSET.

    Raises:
        SequenceError: If the result would not fit in memory.
    """
    T, V = len(values), len(hierarchy.nodes)
    if T * V * 16 * values.itemsize > MAX_BYTES:
        raise SequenceError(
            f'{path}: {T:,} frames of {V:,} joints are more than is read at '
            'once; split the recording'
        )
    values = np.ascontiguousarray(values.T)  # (num_channels, T)
    children = {node.parent for node in hierarchy.nodes}
    position = np.empty((V, 3, T))
    turned: dict[int, np.ndarray] = {}
    added = []
    begin = 0
    for index, node in enumerate(hierarchy.nodes):
        channels = node.channels or ()
        rows = values[begin : begin + len(channels)]
        begin += len(channels)
        shift, is_added = _shift(node.offset, channels, rows, positions)
        if is_added:
            added.append(node.name)
        axes = np.eye(3)[:, :, None]  # [k] is where axis k points
        if node.parent >= 0:
            axes = turned[node.parent]
            shift = position[node.parent] + sum(
                s * axis for s, axis in zip(shift, axes)
            )
        position[index] = shift
        if index in children:
            turned[index] = _turn(axes, channels, rows)
    return np.ascontiguousarray(position.transpose(2, 0, 1)), added


def _shift(
    offset: Sequence[float] | None,
    channels: tuple[str, ...],
    rows: np.ndarray,
    positions: str,
) -> tuple[np.ndarray, bool]:
    """Shift from the parent, (3, T), and whether OFFSET was added."""
    rest = np.array(offset)
    shift = np.repeat(rest[:, None], rows.shape[1], axis=1)
    places = [
        (n, 'xyz'.index(name[0]))
        for n, name in enumerate(channels)
        if name.endswith('position')
    ]
    if not places:
        return shift, False
    axes = [axis for _, axis in places]
    moved = rows[[n for n, _ in places]]
    add = positions == 'add'
    if positions == 'auto':
        length = np.linalg.norm(rest[axes])
        add = length > 0 and np.abs(moved).max() <= 0.01 * length
    shift[axes] = moved + (rest[axes, None] if add else 0.0)
    return shift, bool(add and positions == 'auto')


def _turn(
    axes: np.ndarray, channels: tuple[str, ...], rows: np.ndarray
) -> np.ndarray:
    """Turn a frame about its own axes, one channel after the other.

    Args:
        axes (np.ndarray): (3, 3, T or 1), ``axes[k]`` is axis k in space.
        channels (tuple[str, ...]): Names.
        rows (np.ndarray): Degrees, (len(channels), T).

    Returns:
        np.ndarray: (3, 3, T or 1).
    """
    axes = list(axes)
    for name, degrees in zip(channels, rows):
        if name.endswith('rotation'):
            k = 'xyz'.index(name[0])
            a, b = (k + 1) % 3, (k + 2) % 3
            radians = np.deg2rad(degrees)
            cosine, sine = np.cos(radians), np.sin(radians)
            axes[a], axes[b] = (
                cosine * axes[a] + sine * axes[b],
                cosine * axes[b] - sine * axes[a],
            )
    T = max(axis.shape[-1] for axis in axes)
    return np.stack([np.broadcast_to(axis, (3, T)) for axis in axes])
