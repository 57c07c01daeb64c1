"""Biovision BVH: a tree of joints and its channels -> joint positions."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmsnip.io.bvh_hierarchy import Hierarchy, read_hierarchy
from mmsnip.io.bvh_motion import POSITIONS, forward_kinematics, read_motion
from mmsnip.io.reading import (
    MAX_PERSONS,
    SequenceError,
    as_sequence,
    read_text,
)
from mmsnip.io.recording import check_scale, nice_rate, turn_y_up

__all__ = ['read_bvh']

_LINE_END = re.compile(r'\r\n?|\n')


def read_bvh(
    path: str | os.PathLike[str],
    scale: float = 1.0,
    up: str | None = None,
    positions: str = 'auto',
    drop: Sequence[str] = (),
    order: Sequence[str] | None = None,
    end_sites: bool = False,
    unit: str | None = None,
) -> tuple[np.ndarray, dict[str, Any]]:
    """Joint positions of a BVH file by forward kinematics.

    The format states neither unit nor upright axis: most files are in
    centimetres (``scale=0.01``), some in metres or inches, most have y up.

    Position channels are read in two ways by the tools there are: as the
    shift from the parent, in place of OFFSET (Blender), or on top of OFFSET
    (three.js). Motion capture exports hold whole shifts: an inner joint's
    channels repeat its OFFSET, and adding both would double each bone; a
    root's OFFSET is often its place in some rest pose. So ``auto`` replaces,
    axis by axis; only where a joint's position channels stay within 1 % of
    the length of its OFFSET in all frames, which would fold that bone to
    nothing, they are added, and `mended` names the joint.

    Several ROOTs whose trees have one shape are several persons; others
    become one body, whose further roots hang on the first.

    Args:
        path (str | os.PathLike[str]): File.
        scale (float): Factor on all lengths. Defaults to 1.0.
        up (str, optional): Axis of the file that points up, ``y``, ``z``,
            ``-y`` or so; the result is turned so that y does. None turns
            nothing and says nothing.
        positions (str): ``auto``, ``replace`` or ``add``: what position
            channels do to OFFSET.
        drop (Sequence[str]): Joints to leave out once they have moved their
            children, such as a ``joint_Root`` on the floor; the children
            hang on the nearest joint above.
        order (Sequence[str], optional): Joints to keep, in this order; None
            keeps all in file order.
        end_sites (bool): Whether End Sites are joints, called
            ``<parent>_end``. Defaults to False.
        unit (str, optional): Name of the unit after `scale`; None says
            ``m`` where `scale` is not 1 and nothing where it is.

    Returns:
        tuple[np.ndarray, dict[str, Any]]: Keypoints (M, T, V, 3) float32, M
            = 1 unless several ROOTs are alike; and ``layout`` (dict of
            ``joint_names`` and ``parents``), ``fps`` where the frame time is
            positive (a whole rate where it is 0.15 % off at most), ``unit``
            and ``up`` as above, ``track_ids`` (names of the ROOTs) where M
            is above 1, ``mended`` (list[str]).

    Raises:
        FileNotFoundError: If there is no such file.
        SequenceError: If it is no sound BVH file, or an argument is wrong;
            the line or the joint is named.
    """
    path = Path(path)
    scale = check_scale(scale, str(path))
    if positions not in POSITIONS:
        raise SequenceError(
            f'{path}: positions={positions!r} is unknown; use one of '
            f'{list(POSITIONS)}'
        )
    lines = _LINE_END.split(read_text(path))
    cut = next(
        (
            n
            for n, line in enumerate(lines)
            if line.strip().lower() == 'motion'
        ),
        None,
    )
    if cut is None:
        raise SequenceError(
            f'{path}, line {len(lines)}: the file ends without a line '
            "'MOTION'; is it a BVH file, and whole?"
        )
    hierarchy = read_hierarchy(lines[:cut], path)
    if not hierarchy.num_channels:
        raise SequenceError(f'{path}: no joint has CHANNELS, so none moves')
    values, frame_time, mended = read_motion(
        lines[cut + 1 :], cut + 2, hierarchy.num_channels, path
    )
    with np.errstate(all='ignore'):  # as_sequence refuses what overflows
        points, added = forward_kinematics(hierarchy, values, positions, path)
        points = scale * points
    if added:
        mended.append(
            f'position channels of {added} stay near zero and were added to '
            'OFFSET'
        )
    bodies, names, parents, notes = _bodies(hierarchy, end_sites)
    mended += notes
    chosen, parents, notes = _choose(names, parents, drop, order, path)
    mended += notes
    keypoint = np.stack([points[:, body][:, chosen] for body in bodies])
    metadata: dict[str, Any] = dict(
        layout=dict(joint_names=[names[v] for v in chosen], parents=parents)
    )
    if up is not None:
        keypoint = turn_y_up(keypoint, up, str(path))
        metadata['up'] = 'y'
    if unit is not None or scale != 1.0:
        metadata['unit'] = unit or 'm'
    fps = nice_rate(frame_time)
    if fps is None:
        mended.append(f'a frame time of {frame_time:g} s gives no frame rate')
    else:
        metadata['fps'] = fps
    if len(bodies) > 1:
        metadata['track_ids'] = [hierarchy.nodes[b[0]].name for b in bodies]
    metadata['mended'] = mended
    return as_sequence(keypoint, str(path)), metadata


def _bodies(
    hierarchy: Hierarchy, end_sites: bool
) -> tuple[list[list[int]], list[str], list[int], list[str]]:
    """Nodes of each body, names and parents within one, notes."""
    nodes = hierarchy.nodes
    bodies = [
        [v for v in body if end_sites or not nodes[v].is_end]
        for body in hierarchy.bodies()
    ]
    place = {v: n for body in bodies for n, v in enumerate(body)}
    trees = {tuple(place.get(nodes[v].parent, -1) for v in b) for b in bodies}
    notes = []
    if len(trees) > 1 or len(bodies) > MAX_PERSONS:
        roots = [nodes[body[0]].name for body in bodies]
        notes.append(f'roots {roots[1:]} were hung on {roots[0]!r}')
        bodies = [sorted(v for body in bodies for v in body)]
        place = {v: n for n, v in enumerate(bodies[0])}
    body = bodies[0]
    parents = [place.get(nodes[v].parent, 0 if v else -1) for v in body]
    names: list[str] = []
    taken: set[str] = set()
    for v in body:
        first = nodes[v].name + ('_end' if nodes[v].is_end else '')
        name, count = first, 1
        while name in taken:
            count += 1
            name = f'{first}_{count}'
        if name != first and not nodes[v].is_end:
            notes.append(f'the second joint {first!r} was called {name!r}')
        names.append(name)
        taken.add(name)
    return bodies, names, parents, notes


def _choose(
    names: list[str],
    parents: list[int],
    drop: Sequence[str],
    order: Sequence[str] | None,
    path: Path,
) -> tuple[list[int], list[int], list[str]]:
    """Joints to keep, their parents among themselves, notes."""
    place = {name: v for v, name in enumerate(names)}
    for key, wanted in (('drop', drop), ('order', order or ())):
        unknown = [name for name in wanted if name not in place]
        if isinstance(wanted, str) or unknown:
            raise SequenceError(
                f'{path}: {key}={wanted!r} must be a list of joints; found '
                f'{names}'
            )
    left_out = set(drop)
    if order is None:
        chosen = [v for v, name in enumerate(names) if name not in left_out]
    else:
        chosen = [place[name] for name in order]
        if len(set(order)) < len(order) or left_out & set(order):
            raise SequenceError(
                f'{path}: order={list(order)} names a joint twice, or one of '
                f'drop={list(drop)}'
            )
    if not chosen:
        raise SequenceError(f'{path}: drop and order leave no joint')
    kept = set(chosen)
    above = []
    for v in chosen:
        parent = parents[v]
        while parent >= 0 and parent not in kept:
            parent = parents[parent]
        above.append(parent)
    # Parents precede children, so the least is the topmost.
    roots = [v for v, parent in zip(chosen, above) if parent < 0]
    top = min(roots)
    notes = []
    if len(roots) > 1:
        others = [names[v] for v in roots if v != top]
        notes.append(
            f'joints {others} lost their parents and were hung on '
            f'{names[top]!r}'
        )
    new = {v: n for n, v in enumerate(chosen)}
    result = [
        new[parent] if parent >= 0 else (-1 if v == top else new[top])
        for v, parent in zip(chosen, above)
    ]
    return chosen, result, notes
