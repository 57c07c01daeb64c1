"""Which body a pose estimator's points are, and in which unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmsnip.io.pose_tracks import Detection
from mmsnip.io.reading import SequenceError
from mmsnip.skeleton.layout import get_layout, layout_names
from mmsnip.skeleton.parts import joint_parts

__all__ = ['body_of']

# Joints of a detection -> layout and how many of the first joints it takes.
_FLAT = {17: ('coco', 17), 26: ('halpe-26', 26)}
_WHOLE = {133: ('coco', 17), 136: ('halpe-26', 26)}
BODIES: dict[str, dict[int, tuple[str, int]]] = {
    'openpose': {25: ('openpose-25', 25), 18: ('openpose', 18)},
    'mmpose': {**_FLAT, **_WHOLE},
    'mmpose-3d': {17: ('h36m', 17), **_WHOLE},
    'mediapipe': {33: ('mediapipe', 33)},
    'yolo': {17: ('coco', 17)},
    'alphapose': {**_FLAT, **_WHOLE},
    'coco': {**_FLAT, **_WHOLE},
}


def body_of(
    bodies: Sequence[Detection],
    info: Mapping[str, Any],
    path: Path,
    mended: list[str],
) -> dict[str, Any]:
    """Layout, unit and vertical of all bodies of a video.

    Args:
        bodies (Sequence[Detection]): At least one.
        info (Mapping[str, Any]): ``format``; ``joint_names`` and ``world``
            where known.
        path (Path): File, for messages.
        mended (list[str]): Gets a sentence where joints are left out.

    Returns:
        dict[str, Any]: ``num_joints`` (V), and ``layout`` or
            ``joint_names``, ``unit`` and ``up`` where known.

    Raises:
        SequenceError: If bodies differ in joints or coordinates, or the
            number of joints is none of the format's.
    """
    shapes = {body.points.shape for body in bodies}
    if len(shapes) > 1:
        raise SequenceError(
            f'{path} holds bodies of different shapes (joints, coordinates) '
            f'{sorted(shapes)[:4]}; expected one'
        )
    count, D = shapes.pop()
    kind, names = info['format'], info.get('joint_names')
    unit, up = _unit(bodies, kind, D, bool(info.get('world')))
    facts = dict(unit=unit, up=up)
    if names and len(names) == count:
        layout = _same_body(names)
        if layout is not None:
            return dict(layout=layout, num_joints=count, **facts)
        if count not in _WHOLE:
            return dict(joint_names=names, num_joints=count, **facts)
    table = BODIES['mmpose-3d' if (kind, D) == ('mmpose', 3) else kind]
    if count not in table:
        raise SequenceError(
            f'{path} holds bodies of {count} joints; of {kind}, '
            f'{sorted(table)} are known'
        )
    layout, V = table[count]
    if count > V:
        mended.append(
            f'hands and face were left out: joints {V}..{count - 1} of {count}'
        )
    return dict(layout=layout, num_joints=V, **facts)


def _same_body(names: Sequence[str]) -> str | None:
    """Built-in layout whose joints are these, in this order."""
    parts = joint_parts(names)
    for layout in layout_names():
        known = get_layout(layout).joint_names
        if tuple(names) == known:
            return layout
    if None in parts:
        return None
    for layout in layout_names():
        known = get_layout(layout).joint_names
        if len(known) == len(names) and _alike(joint_parts(known), parts):
            return layout
    return None


def _alike(known: Sequence, parts: Sequence) -> bool:
    """Whether parts agree; a head may be its own top."""
    top = {(-1, 'head_top'): (-1, 'head')}
    return [top.get(p, p) for p in known] == [top.get(p, p) for p in parts]


def _unit(
    bodies: Sequence[Detection], kind: str, num_coords: int, world: bool
) -> tuple[str | None, str | None]:
    """Unit and vertical; None where the format does not fix them."""
    if kind == 'mediapipe':
        if world:
            return 'm', '-y'
    elif num_coords == 3:
        return ('m', 'z') if kind == 'mmpose' else (None, None)
    far = max(float(np.abs(body.points[:, :2]).max()) for body in bodies)
    # Landmarks may lie outside of the image, so shares exceed 1 a little.
    limit = 10.0 if kind == 'mediapipe' else 1.0
    return ('normalized' if far <= limit else 'pixel'), '-y'
