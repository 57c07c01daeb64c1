"""The joints of a file, brought to those that are expected, by their names.

Joints of the same name are taken in the order that is expected. Others are
found by the part of the body that their names say, or lie between some, as
`mmsnip.skeleton.joint_mapping` has it. For a model, what a file does not
have is never made up: it is refused, and the message shows how to say what
stands for it.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from mmsnip.skeleton.layout import (
    SkeletonLayout,
    from_graph_cfg,
    get_layout,
    layout_names,
)
from mmsnip.skeleton.layouts import ALIASES
from mmsnip.skeleton.mapping import JointMapping, joint_mapping
from mmsnip.skeleton.naming import joint_parts
from mmsnip.structures import DataError, Recording
from mmsnip.structures.files import read_json

__all__ = ['JointMap', 'layout_of', 'mapping_to', 'read_for', 'read_joint_map']

SHOWN = 40  # names of a message
COUNTS = {25: 'nturgb+d', 17: 'coco', 18: 'openpose'}
LIMBS = (
    ('pelvis', 'spine_mid', 'chest', 'thorax', 'neck', 'head', 'head_top'),
    ('collar', 'shoulder', 'elbow', 'wrist', 'hand', 'thumb', 'hand_tip'),
    ('hip', 'knee', 'ankle', 'heel', 'foot', 'big_toe', 'small_toe'),
    ('eye_inner', 'eye', 'eye_outer', 'ear'),
)
_NUMBERED = re.compile(r'(joint)?[_ ]?\d+')


@dataclass(frozen=True, eq=False)
class JointMap:
    """Names for the joints of a file, and what some of the model's are."""

    layout: SkeletonLayout | None = None
    rows: dict[str, dict[str, float]] = field(default_factory=dict)
    origin: str = 'map_joints'


def read_joint_map(
    given: str | os.PathLike[str] | Mapping[str, Any] | JointMap | None,
) -> JointMap:
    """Understand the argument ``map_joints``."""
    if given is None:
        return JointMap()
    if isinstance(given, JointMap):
        return given
    origin, content = 'map_joints', given
    if isinstance(given, (str, os.PathLike)):
        if given in ALIASES or given in layout_names():
            return JointMap(get_layout(str(given)))
        if Path(given).suffix.lower() != '.json':
            raise DataError(
                f'map_joints={str(given)!r} is neither a layout, one of '
                f'{layout_names()}, nor a .json file'
            )
        origin, content = str(given), read_json(given)
    if not isinstance(content, Mapping):
        raise DataError(
            f'{origin}: found {str(content)[:60]!r}; expected an object of '
            'joints of the model and what they are in the file'
        )
    rows = {
        str(name): _row(value, name, origin)
        for name, value in content.items()
        if name != 'layout'
    }
    return JointMap(_layout(content.get('layout'), origin), rows, origin)


def _layout(value: Any, origin: str) -> SkeletonLayout | None:
    if value is None or isinstance(value, SkeletonLayout):
        return value
    try:
        if isinstance(value, str):
            return get_layout(value)
        names = _names(value)
        if len(set(names)) < len(names):
            raise ValueError('a name stands twice')
        return _star(names)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"{origin}, key 'layout': found {str(value)[:80]} ({error}); "
            'expected the name of a layout, or a list of joints'
        ) from None


def _names(value: Any) -> list[str]:
    listed = isinstance(value, Sequence) and not isinstance(value, str)
    if not listed or not value or not all(isinstance(n, str) for n in value):
        raise TypeError('no list of names')
    return list(value)


def _row(value: Any, name: Any, origin: str) -> dict[str, float]:
    try:
        if isinstance(value, Mapping):
            row = {str(joint): float(w) for joint, w in value.items()}
        else:
            names = [value] if isinstance(value, str) else _names(value)
            row = {joint: names.count(joint) / len(names) for joint in names}
    except (TypeError, ValueError):
        row = {}
    if not row or not math.isclose(sum(row.values()), 1.0, abs_tol=1e-3):
        raise DataError(
            f'{origin}, key {name!r}: found {str(value)[:80]}; expected a '
            'joint of the file, a list of some, or some with weights whose '
            'sum is 1'
        )
    return row


def _star(names: Sequence[str]) -> SkeletonLayout:
    """A layout of which the names alone matter."""
    parents = (-1, *([0] * (len(names) - 1)))
    return SkeletonLayout('joints of the file', tuple(names), parents)


def _unnamed(names: Sequence[str]) -> bool:
    return all(_NUMBERED.fullmatch(name.lower()) for name in names)


def layout_of(recording: Recording, stated: Any = None) -> SkeletonLayout:
    """Joints of a recording that keeps them."""
    V = recording.keypoint.shape[2]
    layout = recording.layout if stated is None else from_graph_cfg(stated)
    names = recording.joint_names or ()
    if layout is None and not _unnamed(names):
        raise DataError(
            f'{recording.source} names {len(names)} joints, '
            f'{list(names[:6])} .., but not what hangs on what; write '
            'parents into a column map, state the layout, or bring the '
            'joints to one with map_layout'
        )
    if layout is None and V in COUNTS:
        layout = get_layout(COUNTS[V])
    if layout is None:
        raise DataError(
            f'{recording.source} has {V} joints without names, none of the '
            f'counts {sorted(COUNTS)} that are taken for a layout; state it, '
            f'one of {layout_names()}'
        )
    return _as_many(layout, V, recording.source)


def _as_many(layout: SkeletonLayout, V: int, origin: str) -> SkeletonLayout:
    if layout.num_joints != V:
        raise DataError(
            f'{origin} has {V} joints, but {layout.num_joints} are stated: '
            f'{_listed(layout.joint_names)}'
        )
    return layout


def mapping_to(
    target: SkeletonLayout,
    recording: Recording,
    stated: Any = None,
    joint_map: JointMap | None = None,
    copy: bool = False,
) -> tuple[JointMapping, str]:
    """How the joints of a layout are made of those of a recording."""
    joint_map = joint_map or JointMap()
    origin, V = recording.source, recording.keypoint.shape[2]
    stated = stated if joint_map.layout is None else joint_map.layout
    source = recording.layout if stated is None else from_graph_cfg(stated)
    if source is None and recording.joint_names:
        source = _star(recording.joint_names)
    if source is None or _unnamed(source.joint_names):
        if copy:
            source = layout_of(recording, stated)
        elif not _fits(V, source, target) or stated is not None:
            raise _no_names(recording, target)
        else:
            source = target
    elif _unnamed(target.joint_names) and source.parents == target.parents:
        source = target  # a model without names, the same tree
    source = _as_many(source, V, origin)
    unknown = sorted(set(joint_map.rows) - set(target.joint_names))
    if unknown:
        raise DataError(
            f'{joint_map.origin} names the joints {unknown}, which the model '
            f'does not have; it has {_listed(target.joint_names)}'
        )
    near: dict[str, str | None] = {}
    try:
        mapping = joint_mapping(source, target)
        near = {name: _near(name, mapping) for name, _ in mapping.absent}
    except ValueError as error:  # no name in common
        if copy:
            raise DataError(
                f'{origin} cannot be brought to {target.name!r}: {error}'
            ) from None
        near = dict.fromkeys(target.joint_names)
        empty = np.zeros((target.num_joints, V))
        mapping = JointMapping(source, target, empty, (), (), ())
    matrix = mapping.matrix.copy()
    place = {name: v for v, name in enumerate(source.joint_names)}
    for name, weights in joint_map.rows.items():
        odd = [joint for joint in weights if joint not in place]
        if odd:
            raise DataError(
                f'{joint_map.origin}, key {name!r}: {origin} has no joint '
                f'{odd[0]!r}; it has {_listed(source.joint_names)}'
            )
        row = matrix[target.joint_names.index(name)]
        row[:] = 0
        for joint, weight in weights.items():
            row[place[joint]] = weight
        near.pop(name, None)
    if near and not copy:
        raise _lacking(near, source, target, origin)
    plain = len(mapping.matched) == target.num_joints
    if copy:
        text = '' if plain else mapping.summary()
    else:
        same = joint_map.rows or not plain or not mapping.by_name
        text = _summary(mapping, joint_map) if same else ''
    return replace(mapping, matrix=matrix), text


def _near(name: str, mapping: JointMapping) -> str | None:
    """A joint of the same limb that could stand for one that lacks."""
    source, target = mapping.source.joint_names, mapping.target.joint_names
    wanted = joint_parts(target)[target.index(name)]
    limb = next((x for x in LIMBS if wanted and wanted[1] in x), ())
    near = [
        (abs(limb.index(part[1]) - limb.index(wanted[1])), v)
        for v, part in enumerate(joint_parts(source))
        if part and wanted and part[0] == wanted[0] and part[1] in limb
    ]
    return source[min(near)[1]] if near else None


def _fits(
    V: int, source: SkeletonLayout | None, target: SkeletonLayout
) -> bool:
    """Whether joints without names may be taken for those of the model."""
    made_up = (-1, *([0] * (V - 1)))
    parents = (target.parents, made_up)
    return target.num_joints == V and (
        source is None or source.parents in parents
    )


def _no_names(recording: Recording, target: SkeletonLayout) -> DataError:
    V = recording.keypoint.shape[2]
    options = [n for n in layout_names() if get_layout(n).num_joints == V]
    known = f' one of {options},' if options else ''
    return DataError(
        f'{recording.source} has {V} joints without names, its shape is '
        f'{recording.keypoint.shape} (M, T, V, C); the model expects '
        f'{target.num_joints}, in this order: '
        f'{", ".join(target.joint_names)}. Say which joints the file has: '
        f'map_joints= (--map-joints) takes the name of a layout,{known} or a '
        f'.json file {{"layout": [{V} names]}}'
    )


def _summary(mapping: JointMapping, joint_map: JointMap) -> str:
    between = [n for n, _ in mapping.interpolated if n not in joint_map.rows]
    text = (
        f'joints of {mapping.source.num_joints} by name: '
        f'{len(mapping.matched)} of {mapping.target.num_joints} are there'
    )
    if between:
        text += f', {len(between)} lie between others ({", ".join(between)})'
    if joint_map.rows:
        text += f', {len(joint_map.rows)} as {joint_map.origin} says'
    return text


def _lacking(
    missing: Mapping[str, str | None],
    source: SkeletonLayout,
    target: SkeletonLayout,
    origin: str,
) -> DataError:
    some = '<joint of the file>'
    lines = ', '.join(
        f'"{name}": "{near or some}"'
        for name, near in list(missing.items())[:SHOWN]
    )
    return DataError(
        f'{origin} lacks {len(missing)} of the {target.num_joints} joints of '
        f'the model: {_listed(list(missing))}; it has '
        f'{_listed(source.joint_names)}. Write into a .json file which of '
        f'its joints stand for them, such as {{{lines}}}, and pass it as '
        'map_joints= (--map-joints FILE.json)'
    )


def _listed(names: Sequence[str]) -> str:
    more = f' and {len(names) - SHOWN} more' if len(names) > SHOWN else ''
    return ', '.join(names[:SHOWN]) + more


def read_for(
    path: str | os.PathLike[str],
    target: SkeletonLayout | None = None,
    **options: Any,
) -> Recording:
    """Read a file; where the layout has toes, End Sites of feet are some."""
    from mmsnip.io.formats import read

    recording = read(path, **options)
    ends = Path(path).suffix.lower() == '.bvh' and not options.get('end_sites')
    if target is None or not ends:
        return recording
    try:
        absent = joint_mapping(recording.layout, target).absent
    except ValueError:  # no name in common
        return recording
    if not any('foot' in name or 'toe' in name.lower() for name, _ in absent):
        return recording
    whole = read(path, **{**options, 'end_sites': True})
    names, known = whole.joint_names, set(recording.joint_names)
    parts = joint_parts(names)
    kept = [
        v
        for v, name in enumerate(names)
        if name in known
        or (name.endswith('_end') and parts[v] in ((0, 'foot'), (1, 'foot')))
    ]
    place = {v: n for n, v in enumerate(kept)}
    parents = [place.get(whole.layout.parents[v], -1) for v in kept]
    layout = dict(joint_names=[names[v] for v in kept], parents=parents)
    return whole.but(
        keypoint=whole.keypoint[:, :, kept],
        present=whole.present[:, :, kept],
        layout=from_graph_cfg(layout),
        joint_names=None,
    )
