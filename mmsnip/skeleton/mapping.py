"""From the joints of one layout to those of another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from re import fullmatch

import numpy as np

from mmsnip.skeleton.layout import SkeletonLayout, hop_distance
from mmsnip.skeleton.naming import SIDED, joint_parts, plain_name

Part = tuple[int, str]
Row = dict[int, float]

# How a part is made of others, the first that the source can do. Weights of
# a recipe sum to 1; a sided part in the recipe of a middle one is the mean of
# both sides. Negative weights extrapolate. Proportions are those of an adult.
RECIPES: dict[str, tuple[Mapping[str, float], ...]] = {
    'pelvis': ({'hip': 1},),
    'thorax': ({'shoulder': 1}, {'neck': 1}),
    'spine_mid': ({'pelvis': 0.5, 'thorax': 0.5},),
    'chest': ({'spine_mid': 0.5, 'thorax': 0.5},),
    'neck': ({'thorax': 0.65, 'head': 0.35}, {'thorax': 1}),
    'head': (
        {'ear': 1},
        {'neck': 0.4, 'head_top': 0.6},
        {'nose': 1},
        {'neck': 1},
    ),
    'head_top': ({'head': 2, 'neck': -1}, {'head': 1}),
    'nose': ({'eye': 1}, {'head': 1}),
    'eye': ({'eye_inner': 0.5, 'eye_outer': 0.5}, {'nose': 1}, {'head': 1}),
    'eye_inner': ({'eye': 1},),
    'eye_outer': ({'eye': 1},),
    'ear': ({'head': 1}, {'eye': 1}),
    'mouth': ({'nose': 1},),
    'collar': ({'thorax': 0.5, 'shoulder': 0.5},),
    'shoulder': ({'collar': 1},),
    'elbow': ({'shoulder': 0.5, 'wrist': 0.5},),
    'hand': (
        {'index': 0.5, 'pinky': 0.5},
        {'wrist': 1.3, 'elbow': -0.3},
        {'wrist': 1},
    ),
    'hand_tip': ({'hand': 1.6, 'wrist': -0.6},),
    'thumb': ({'hand': 1},),
    'index': ({'hand': 1},),
    'pinky': ({'hand': 1},),
    'knee': ({'hip': 0.5, 'ankle': 0.5},),
    'foot': (
        {'big_toe': 0.5, 'small_toe': 0.5},
        {'big_toe': 1},
        {'ankle': 1},
    ),
    'big_toe': ({'foot': 1},),
    'small_toe': ({'foot': 1},),
    'heel': ({'ankle': 1},),
}


@dataclass(frozen=True, eq=False)
class JointMapping:
    """How the joints of `target` are made of those of `source`.

    Attributes:
        source (SkeletonLayout): Layout with V_source joints.
        target (SkeletonLayout): Layout with V_target joints.
        matrix (np.ndarray): Weights (V_target, V_source) float64, rows sum
            to 1.
        matched (tuple[tuple[str, str], ...]): Target and source joint of
            the same part of the body.
        interpolated (tuple[tuple[str, tuple[str, ...]], ...]): Target joint
            and the several source joints that it lies between or beyond.
        absent (tuple[tuple[str, tuple[str, ...]], ...]): Target joint that
            the source lacks and the source joints of the neighbour, mostly
            the nearest ancestor, that it is a copy of.
        by_name (bool): Whether the source has all names of the target.
    """

    source: SkeletonLayout
    target: SkeletonLayout
    matrix: np.ndarray
    matched: tuple[tuple[str, str], ...]
    interpolated: tuple[tuple[str, tuple[str, ...]], ...]
    absent: tuple[tuple[str, tuple[str, ...]], ...]
    by_name: bool = False

    def summary(self) -> str:
        """One sentence: how many joints are found in which way."""
        copies = ', '.join(name for name, _ in self.absent) or 'none'
        return (
            f'{self.source.name} -> {self.target.name}: '
            f'{len(self.matched)} of {self.target.num_joints} joints are '
            f'there, {len(self.interpolated)} are interpolated, '
            f'{len(self.absent)} copied from a neighbour ({copies})'
        )


@lru_cache(maxsize=64)
def joint_mapping(
    source: SkeletonLayout, target: SkeletonLayout
) -> JointMapping:
    """Weights that make the joints of one layout of those of another.

    Where the source has all names of the target, these are taken. Else
    joints are matched by what part of the body their names say
    (`mmsnip.skeleton.naming`), whatever the data set's spelling; parts that
    the source lacks lie between or beyond its joints (`RECIPES`); what
    nothing is known of takes the place of its nearest ancestor.

    Args:
        source (SkeletonLayout): Layout of the data.
        target (SkeletonLayout): Layout that is wanted.

    Returns:
        JointMapping: The weights and how each joint was found.

    Raises:
        ValueError: If no joint's name is known in both.

    Examples:
        >>> from mmsnip.skeleton import get_layout
        >>> to_ntu = joint_mapping(get_layout('coco'), get_layout('nturgb+d'))
        >>> dict(to_ntu.interpolated)['spine_base']
        ('left_hip', 'right_hip')
    """
    order = _same_names(source, target)
    if order is not None:
        found = {joint: {v: 1.0} for joint, v in enumerate(order)}
        same = set(found)
    else:
        found, same = _find(source, target)
        if not same:
            raise ValueError(
                f'layouts {source.name!r} and {target.name!r} share no joint '
                f'name: {list(source.joint_names)} and '
                f'{list(target.joint_names)}; rename the joints of the file'
            )
    copied = _copy_neighbours(found, target)
    matrix = np.zeros((target.num_joints, source.num_joints))
    matched, between, absent = [], [], []
    for joint, name in enumerate(target.joint_names):
        row = found[joint]
        for v, weight in row.items():
            matrix[joint, v] = weight
        names = tuple(source.joint_names[v] for v in sorted(row))
        if joint in same:
            matched.append((name, names[0]))
        elif joint in copied or len(row) == 1:
            absent.append((name, names))
        else:
            between.append((name, names))
    matrix.setflags(write=False)
    return JointMapping(
        source,
        target,
        matrix,
        tuple(matched),
        tuple(between),
        tuple(absent),
        order is not None,
    )


def _same_names(
    source: SkeletonLayout, target: SkeletonLayout
) -> list[int] | None:
    """Place of each joint in a source that names them all alike."""
    if source.joint_names == target.joint_names:
        return list(range(target.num_joints))
    for spelling in (str, plain_name):
        place = {spelling(n): v for v, n in enumerate(source.joint_names)}
        wanted = [spelling(name) for name in target.joint_names]
        unique = len(place) == source.num_joints
        unique = unique and len(set(wanted)) == len(wanted)
        if unique and all(name in place for name in wanted):
            return [place[name] for name in wanted]
    return None


def map_joints(
    keypoint: np.ndarray,
    mapping: JointMapping,
    lost: np.ndarray | None = None,
) -> np.ndarray:
    """Poses in the target's joints; absent persons stay all zero.

    Args:
        keypoint (np.ndarray): (M, T, V_source, C).
        mapping (JointMapping): From `joint_mapping`.
        lost (np.ndarray | None): (M, T, V_source) bool, joints that were
            not found; all that is made of one is zero. None: all are there.

    Returns:
        np.ndarray: (M, T, V_target, C), the type of `keypoint`.

    Raises:
        ValueError: If `keypoint` has another number of joints.
    """
    _check_joints('keypoint', keypoint.shape[-2], mapping)
    used = mapping.matrix != 0
    if (used.sum(axis=1) == 1).all() and (mapping.matrix[used] == 1).all():
        mapped = keypoint[:, :, used.argmax(axis=1)]
    else:
        M, T, _, C = keypoint.shape
        mapped = np.empty((M, T, len(used), C), keypoint.dtype)
        for start in range(0, T, 4096):  # the product is in float64
            part = slice(start, start + 4096)
            mapped[:, part] = mapping.matrix @ keypoint[:, part]
    if lost is not None:
        touched = (lost.astype(np.float32) @ used.T.astype(np.float32)) > 0
        mapped[touched] = 0
    return mapped


def map_scores(score: np.ndarray, mapping: JointMapping) -> np.ndarray:
    """Scores of the target's joints: the least of those each is made of.

    Args:
        score (np.ndarray): (M, T, V_source).
        mapping (JointMapping): From `joint_mapping`.

    Returns:
        np.ndarray: (M, T, V_target), the type of `score`.

    Raises:
        ValueError: If `score` has another number of joints.
    """
    _check_joints('score', score.shape[-1], mapping)
    columns = [score[..., row].min(-1) for row in mapping.matrix != 0]
    return np.stack(columns, axis=-1)


def _check_joints(key: str, found: int, mapping: JointMapping) -> None:
    if found != mapping.source.num_joints:
        raise ValueError(
            f'{key} has {found} joints, but the mapping starts from layout '
            f'{mapping.source.name!r} with {mapping.source.num_joints}'
        )


def _find(
    source: SkeletonLayout, target: SkeletonLayout
) -> tuple[dict[int, Row], set[int]]:
    """Rows of the joints that can be located, and which are the same."""
    known: dict[Part, int] = {}
    plain: dict[str, int] = {}
    for v, part in enumerate(joint_parts(source.joint_names)):
        name = source.joint_names[v].lower()
        if part is not None:
            known[part] = v
        elif not fullmatch(r'joint_?\d+', name):
            plain.setdefault(name, v)
    found: dict[int, Row] = {}
    same = set()
    for joint, part in enumerate(joint_parts(target.joint_names)):
        name = target.joint_names[joint].lower()
        if part is None:
            row = {plain[name]: 1.0} if name in plain else None
        else:
            row = _locate(part, known, ())
        if row is not None:
            found[joint] = row
            if part in known or part is None:
                same.add(joint)
    return found, same


def _locate(
    part: Part, known: Mapping[Part, int], asked: tuple[Part, ...]
) -> Row | None:
    """Weights of the source joints that make a part, None if none do."""
    if part in known:
        return {known[part]: 1.0}
    if part in asked:
        return None
    for recipe in RECIPES.get(part[1], ()):
        row: Row = {}
        for piece, weight in _pieces(part, recipe):
            inner = _locate(piece, known, (*asked, part))
            if inner is None:
                break
            for v, share in inner.items():
                row[v] = row.get(v, 0.0) + weight * share
        else:
            return {v: share for v, share in row.items() if share != 0}
    return None


def _pieces(
    part: Part, recipe: Mapping[str, float]
) -> Iterator[tuple[Part, float]]:
    for name, weight in recipe.items():
        if name not in SIDED:
            yield (-1, name), weight
        elif part[0] >= 0:
            yield (part[0], name), weight
        else:
            yield (0, name), weight / 2
            yield (1, name), weight / 2


def _copy_neighbours(
    found: dict[int, Row], target: SkeletonLayout
) -> set[int]:
    """Give each joint without a row that of its nearest ancestor."""
    located = dict(found)
    copied = set(range(target.num_joints)) - set(located)
    for joint in copied:
        lender = target.parents[joint]
        while lender >= 0 and lender not in located:
            lender = target.parents[lender]
        if lender < 0:
            hops = hop_distance(target)[joint]
            lender = min(located, key=lambda v: (hops[v], v))
        found[joint] = located[lender]
    return copied
