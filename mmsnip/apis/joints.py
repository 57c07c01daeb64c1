"""The joints of a file, brought to those of a model by their names.

Joints of the same name are taken in the order of the model. Others are found
by the part of the body that their names say, or lie between some, as
`mmsnip.skeleton.joint_mapping` has it. What a file does not have is never
made up: it is refused, and the message shows how to say what stands for it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mmsnip.apis.joint_map import JointMap
from mmsnip.conversion.remap import lost_joints
from mmsnip.io.sequence import SequenceError
from mmsnip.skeleton.layout import (
    SkeletonLayout,
    from_graph_cfg,
    get_layout,
    layout_names,
)
from mmsnip.skeleton.mapping import joint_mapping

__all__ = ['fit_joints']

Row = dict[int, float]  # joints of the file and their weights
SHOWN = 40  # names of a message


def fit_joints(
    keypoint: np.ndarray,
    score: np.ndarray | None,
    found: Mapping[str, Any],
    joint_map: JointMap,
    target: SkeletonLayout,
    origin: str,
) -> tuple[np.ndarray, np.ndarray | None, list[str]]:
    """Joints of the model out of those of a file.

    Args:
        keypoint (np.ndarray): Coordinates, (M, T, V_source, D).
        score (np.ndarray | None): (M, T, V_source).
        found (Mapping[str, Any]): ``layout`` or ``joint_names`` of the file;
            without both, or with numbers for names, its joints must be those
            of the model.
        joint_map (JointMap): What the user says of them.
        target (SkeletonLayout): Joints of the model.
        origin (str): File, for messages.

    Returns:
        tuple[np.ndarray, np.ndarray | None, list[str]]: (M, T, V, D) and (M,
        T, V) of the model's joints; and a sentence where some have other
        names or lie between joints of the file.

    Raises:
        SequenceError: If the file lacks joints of the model; they are named.
    """
    V = keypoint.shape[2]
    source = _source(V, found, joint_map, origin)
    if source is None or _unnamed(source.joint_names):
        if not _fits_unnamed(V, source, joint_map, target):
            raise _no_names(keypoint.shape, target, origin)
        source = target
    elif _unnamed(target.joint_names) and source.parents == target.parents:
        source = target  # a model without names, the same tree
    unknown = sorted(set(joint_map.rows) - set(target.joint_names))
    if unknown:
        raise SequenceError(
            f'{joint_map.origin} names the joints {unknown}, which the model '
            f'does not have; it has {_listed(target.joint_names)}'
        )
    order = _same_names(source, target)
    if order is not None and not joint_map.rows:
        if np.array_equal(order, np.arange(V)):
            return keypoint, score, []
        picked = None if score is None else score[:, :, order]
        return keypoint[:, :, order], picked, []
    rows, notes = _rows(source, target, joint_map, order, origin)
    matrix = np.zeros((target.num_joints, V))
    for joint, row in enumerate(rows):
        for v, weight in row.items():
            matrix[joint, v] = weight
    used = matrix != 0
    lost = lost_joints(keypoint, score).astype(np.float32)
    mapped = (matrix @ keypoint).astype(keypoint.dtype)
    mapped[lost @ used.T.astype(np.float32) > 0] = 0
    if score is not None:
        least = [score[..., columns].min(axis=-1) for columns in used]
        score = np.stack(least, axis=-1)
    return mapped, score, notes


def _source(
    V: int, found: Mapping[str, Any], joint_map: JointMap, origin: str
) -> SkeletonLayout | None:
    """Layout that the user or the file states; bones may be made up."""
    stated, names = found.get('layout'), found.get('joint_names')
    if joint_map.layout is not None:
        stated, names = joint_map.layout, None
    if stated is None and names:
        stated = dict(
            joint_names=list(names), parents=[-1, *([0] * (len(names) - 1))]
        )
    if stated is None:
        return None
    layout = from_graph_cfg(stated)
    if layout.num_joints != V:
        raise SequenceError(
            f'{origin} has {V} joints, but {layout.num_joints} are stated: '
            f'{_listed(layout.joint_names)}'
        )
    return layout


def _unnamed(names: Sequence[str]) -> bool:
    return all(re.fullmatch(r'(joint)?[_ ]?\d+', n.lower()) for n in names)


def _fits_unnamed(
    V: int,
    source: SkeletonLayout | None,
    joint_map: JointMap,
    target: SkeletonLayout,
) -> bool:
    """Whether joints without names may be taken for those of the model."""
    if target.num_joints != V or joint_map.layout is not None:
        return False
    return source is None or source.parents in (
        target.parents,
        (-1, *([0] * (V - 1))),  # bones that were made up
    )


def _no_names(
    shape: Sequence[int], target: SkeletonLayout, origin: str
) -> SequenceError:
    V = shape[2]
    options = [n for n in layout_names() if get_layout(n).num_joints == V]
    known = f' one of {options},' if options else ''
    return SequenceError(
        f'{origin} has {V} joints without names, its shape is '
        f'{tuple(shape)} (M, T, V, C); the model expects '
        f'{target.num_joints}, in this order: '
        f'{", ".join(target.joint_names)}. Say which joints the file has: '
        f'map_joints= (--map-joints) takes the name of a layout,{known} or a '
        f'.json file {{"layout": [{V} names]}}'
    )


def _same_names(
    source: SkeletonLayout, target: SkeletonLayout
) -> np.ndarray | None:
    """Place of each joint of the model in a file that names them all so."""
    if source is target:
        return np.arange(target.num_joints)
    for spelling in (str, _plain):
        place: dict[str, int] = {}
        for v, name in enumerate(source.joint_names):
            place.setdefault(spelling(name), v)
        wanted = [spelling(name) for name in target.joint_names]
        unique = len(place) == source.num_joints
        unique = unique and len(set(wanted)) == len(wanted)
        if unique and all(name in place for name in wanted):
            return np.array([place[name] for name in wanted])
    return None


def _plain(name: str) -> str:
    """``mixamorig:Left_Arm`` -> ``leftarm``."""
    return re.sub(r'[\W_]', '', name.rsplit(':', 1)[-1]).lower()


def _rows(
    source: SkeletonLayout,
    target: SkeletonLayout,
    joint_map: JointMap,
    order: np.ndarray | None,
    origin: str,
) -> tuple[list[Row], list[str]]:
    """Joints of the file, with weights, that make each of the model's."""
    rows: dict[str, Row] = {}
    missing: dict[str, str | None] = {}
    notes = []
    if order is not None:
        rows = {n: {int(v): 1.0} for n, v in zip(target.joint_names, order)}
    else:
        missing = dict.fromkeys(target.joint_names)
        try:
            mapping = joint_mapping(source, target)
        except ValueError:  # no name in common
            pass
        else:
            near = {name: names[0] for name, names in mapping.absent}
            missing = {n: near[n] for n in target.joint_names if n in near}
            for name, weights in zip(target.joint_names, mapping.matrix):
                where = np.flatnonzero(weights)
                rows[name] = {int(v): float(weights[v]) for v in where}
            notes = [_note(mapping, joint_map)]
    place = {name: v for v, name in enumerate(source.joint_names)}
    for name, weights in joint_map.rows.items():
        odd = [joint for joint in weights if joint not in place]
        if odd:
            raise SequenceError(
                f'{joint_map.origin}, key {name!r}: {origin} has no joint '
                f'{odd[0]!r}; it has {_listed(source.joint_names)}'
            )
        rows[name] = {place[joint]: w for joint, w in weights.items()}
        missing.pop(name, None)
    if missing:
        raise _lacking(missing, source, target, origin)
    return [rows[name] for name in target.joint_names], notes


def _note(mapping: Any, joint_map: JointMap) -> str:
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
) -> SequenceError:
    some = source.joint_names[0]
    lines = ', '.join(
        f'"{name}": "{near or some}"'
        for name, near in list(missing.items())[:SHOWN]
    )
    advice = (
        f'{{{lines}}}'
        if all(missing.values())
        else f'{{"{next(iter(missing))}": "{some}", ..}}'
    )
    return SequenceError(
        f'{origin} lacks {len(missing)} of the {target.num_joints} joints of '
        f'the model: {_listed(list(missing))}; it has '
        f'{_listed(source.joint_names)}. Write into a .json file which of '
        f'its joints stand for them, such as {advice}, and pass it as '
        'map_joints= (--map-joints FILE.json)'
    )


def _listed(names: Sequence[str]) -> str:
    more = f' and {len(names) - SHOWN} more' if len(names) > SHOWN else ''
    return ', '.join(names[:SHOWN]) + more
