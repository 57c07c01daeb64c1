"""A body: joints, parents, mirror pairs, reference lines, and its graphs.

Graphs, bones, mirroring and normalisation all read the topology of a
skeleton from a `SkeletonLayout`; nothing else writes it down.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cache
from operator import index
from typing import Any

import numpy as np

from mmsnip.skeleton.layouts import ALIASES, BUILTIN
from mmsnip.skeleton.naming import find_shoulders, find_spine, mirror_pairs

Edge = tuple[int, int]
MAX_JOINTS = 1000  # a graph takes V * V numbers


def _indices(key: str, values: Any) -> tuple[int, ...]:
    """Indices as plain ints."""
    try:
        return tuple(index(v) for v in values)
    except TypeError as error:
        raise ValueError(
            f'{key}={values!r} must be a sequence of joint indices'
        ) from error


def _pairs(key: str, values: Any) -> tuple[Edge, ...]:
    """Pairs of different joints as plain ints."""
    edges = []
    for value in values:
        pair = _indices(key, value)
        if len(pair) != 2 or pair[0] == pair[1]:
            raise ValueError(
                f'{key} holds {value!r}; a pair must name two different joints'
            )
        edges.append((pair[0], pair[1]))
    return tuple(edges)


def tree_root(name: str, parents: tuple[int, ...]) -> int:
    """The one joint with parent -1; refuses what is no tree."""
    V = len(parents)
    if V == 0:
        raise ValueError(f'layout {name!r}: parents is empty')
    for joint, parent in enumerate(parents):
        if not -1 <= parent < V:
            raise ValueError(
                f'layout {name!r}: parents[{joint}]={parent} must be -1 or a '
                f'joint in 0..{V - 1}'
            )
    roots = [v for v, p in enumerate(parents) if p == -1]
    if len(roots) > 1:
        raise ValueError(
            f'layout {name!r}: parents has several roots, joints {roots}; '
            'exactly one joint has parent -1'
        )
    for start in range(V):
        joint, steps = start, 0
        while parents[joint] != -1 and steps <= V:
            joint, steps = parents[joint], steps + 1
        if steps > V:
            raise ValueError(
                f'layout {name!r}: parents has a cycle above joint {start} '
                f'(parents={list(parents)}); the root has parent -1'
            )
    return roots[0]


def _tree_parents(
    num_joints: int, inward: Sequence[Edge], center: int
) -> tuple[int, ...]:
    """Parents of a graph's joints."""
    for edge in inward:
        if not all(0 <= joint < num_joints for joint in edge):
            raise ValueError(
                f'inward holds {tuple(edge)}, but num_node={num_joints} '
                f'allows joints 0..{num_joints - 1} only'
            )
    if not 0 <= center < num_joints:
        raise ValueError(
            f'center={center} must be a joint in 0..{num_joints - 1}'
        )
    own = dict(inward)
    if len(own) == len(inward) == num_joints - 1:
        parents = tuple(own.get(v, -1) for v in range(num_joints))
        try:
            tree_root('graph', parents)
        except ValueError:
            pass
        else:
            return parents
    found, ring = {center: -1}, [center]
    while ring:
        following = []
        for joint in ring:
            for child, parent in inward:
                for a, b in ((child, parent), (parent, child)):
                    if b == joint and a not in found:
                        found[a] = joint
                        following.append(a)
        ring = following
    lonely = sorted(set(range(num_joints)) - set(found))
    if lonely:
        raise ValueError(
            f'inward links do not connect joints {lonely} with '
            f'center={center}; link them'
        )
    return tuple(found[v] for v in range(num_joints))


@dataclass(frozen=True)
class SkeletonLayout:
    """Joints of a body and how they hang together.

    Args:
        name (str): Name of the layout.
        joint_names (tuple[str, ...]): V names.
        parents (tuple[int, ...]): Parent of each joint, -1 for the one root.
        pairs (tuple[tuple[int, int], ...]): (left, right) joints that a
            mirror exchanges.
        center (int | None): Joint that graph distances are measured from;
            None takes the root.
        origin (tuple[int, ...] | None): Joints whose mean is the origin of
            a normalised body; None takes `center`.
        spine (tuple[int, int] | None): (bottom, top) joints of the line
            that normalisation turns upright.
        shoulders (tuple[int, int] | None): (right, left) joints of the
            lateral line.
        inward (tuple[tuple[int, int], ...] | None): (child, parent) links
            of the graph where they are not those of `parents` or in another
            order; None derives them.

    Raises:
        ValueError: If lengths differ, an index is out of range, `parents`
            has no root, several roots or a cycle; key and value are named.
    """

    name: str
    joint_names: tuple[str, ...]
    parents: tuple[int, ...]
    pairs: tuple[Edge, ...] = ()
    center: int | None = None
    origin: tuple[int, ...] | None = None
    spine: Edge | None = None
    shoulders: Edge | None = None
    inward: tuple[Edge, ...] | None = None

    def __post_init__(self) -> None:
        """Bring every field to tuples of int and check it."""
        about = f'layout {self.name!r}: '
        names = tuple(str(n) for n in self.joint_names)
        parents = _indices('parents', self.parents)
        if len(names) != len(parents):
            raise ValueError(
                f'{about}joint_names has {len(names)} entries and parents '
                f'{len(parents)}; they must name the same joints'
            )
        root = tree_root(self.name, parents)
        center = root if self.center is None else self.center
        origin = (center,) if self.origin is None else self.origin
        if isinstance(origin, (int, np.integer)):
            origin = (origin,)
        inward = self.inward
        if inward is None:
            inward = tuple((v, p) for v, p in enumerate(parents) if p >= 0)
        values: dict[str, Any] = dict(
            pairs=_pairs('pairs', self.pairs),
            center=_indices('center', (center,))[0],
            origin=_indices('origin', origin),
            spine=self.spine and _pairs('spine', [self.spine])[0],
            shoulders=self.shoulders
            and _pairs('shoulders', [self.shoulders])[0],
            inward=_pairs('inward', inward),
        )
        for key, value in values.items():
            for joint in np.ravel([] if value is None else value):
                if not 0 <= joint < len(parents):
                    raise ValueError(
                        f'{about}{key}={value!r} names joint {int(joint)}, '
                        f'but there are joints 0..{len(parents) - 1} only'
                    )
        flat = [joint for pair in values['pairs'] for joint in pair]
        if len(set(flat)) != len(flat):
            raise ValueError(
                f'{about}pairs={values["pairs"]!r} uses a joint twice; a '
                'joint has one mirror image'
            )
        if not values['origin']:
            raise ValueError(f'{about}origin is empty; name one joint')
        values.update(joint_names=names, parents=parents)
        for key, value in values.items():
            object.__setattr__(self, key, value)

    @property
    def num_joints(self) -> int:
        """V, the number of joints."""
        return len(self.parents)

    @property
    def root(self) -> int:
        """Index of the joint without a parent."""
        return self.parents.index(-1)

    @property
    def edges(self) -> tuple[Edge, ...]:
        """(child, parent) links of the graph; the same as `inward`."""
        return self.inward or ()

    @property
    def mirror_order(self) -> np.ndarray:
        """Joint that takes each place in a mirror, (V,) int64."""
        order = np.arange(self.num_joints)
        for left, right in self.pairs:
            order[left], order[right] = right, left
        return order

    @property
    def bone_parents(self) -> np.ndarray:
        """Parents with the root as its own parent, (V,) int64."""
        parents = np.asarray(self.parents, dtype=np.int64)
        parents[self.root] = self.root
        return parents

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, ints and strings; `from_dict` turns them back."""

        def as_lists(value: Any) -> Any:
            if isinstance(value, tuple):
                return [as_lists(v) for v in value]
            return value

        return {k: as_lists(v) for k, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> SkeletonLayout:
        """Layout of a dict as `to_dict` makes it."""
        known = [f.name for f in fields(cls)]
        unknown = sorted(set(values) - set(known))
        missing = sorted({'joint_names', 'parents'} - set(values))
        if unknown or missing:
            raise ValueError(
                f'layout dict: unknown keys {unknown}, missing keys '
                f'{missing}; the keys are {known}'
            )
        return cls(**{'name': 'custom', **dict(values)})


def layout_names() -> list[str]:
    """Names of the built-in layouts, aliases left out.

    Returns:
        list[str]: Names, sorted.
    """
    return sorted(BUILTIN)


@cache
def _built_in(name: str) -> SkeletonLayout:
    table = BUILTIN[name]
    names = table['joint_names']
    parents = _tree_parents(len(names), table['inward'], table['center'])
    return SkeletonLayout(
        name=name, parents=parents, pairs=mirror_pairs(names), **table
    )


def get_layout(name: str) -> SkeletonLayout:
    """Built-in layout of a name.

    ============================ == ====================================
    name                         V  also called
    ============================ == ====================================
    ``nturgb+d``                 25 ``ntu-25``, ``kinect-v2``
    ``nturgb+d-official``        25
    ``kinect-v1``                20 ``kinect-20``
    ``coco``                     17 ``coco-17``
    ``openpose``                 18 ``openpose-18``, ``coco-18``
    ``openpose-25``              25 ``body-25``, ``body_25``
    ``halpe-26``                 26 ``halpe26``
    ``mediapipe``                33 ``mediapipe-33``, ``blazepose``
    ``smpl-22``, ``smpl-24``     .. ``smpl`` is ``smpl-24``
    ``h36m``                     17 ``h36m-17``, ``human3.6m``
    ============================ == ====================================

    ``nturgb+d`` is mmaction2's graph (both finger joints hang on the hand),
    ``nturgb+d-official`` that of CTR-GCN and 2s-AGCN (finger tip on thumb,
    thumb on hand); the joints are the same. Layouts of image detectors
    without a hip centre (COCO, OpenPose 18, MediaPipe) name no spine.

    Args:
        name (str): Name or alias.

    Returns:
        SkeletonLayout: The layout, under its first name.

    Raises:
        ValueError: If the name is unknown.

    Source:
        Beside the tables, `mmsnip.skeleton.layouts`.
    """
    key = ALIASES.get(name, name)
    if key not in BUILTIN:
        raise ValueError(
            f'layout={name!r} is unknown; use one of {layout_names()}, or a '
            'dict of joint_names and parents'
        )
    return _built_in(key)


def from_metainfo(metainfo: Mapping[str, Any]) -> SkeletonLayout:
    """Layout of an annotation file.

    Mirror pairs, spine and shoulders are found by the joints' names.
    ``metainfo['normalization']`` may override them: ``center`` (a joint or
    several, whose mean is the origin), ``spine`` (bottom, top) and
    ``shoulders`` (right, left), as indices or joint names. ``layout`` (a
    built-in name) replaces ``parents``; ``pairs`` replaces the found ones.

    Args:
        metainfo (Mapping[str, Any]): ``parents`` (V,) with -1 for the root,
            ``joint_names`` (V,) optional.

    Returns:
        SkeletonLayout: The layout.

    Raises:
        ValueError: If neither ``parents`` nor ``layout`` is there, or one
            of them is malformed.
    """
    if metainfo.get('parents') is None:
        if metainfo.get('layout') is not None:
            return from_graph_cfg(metainfo['layout'])
        raise ValueError(
            "metainfo has neither 'parents' nor 'layout', so the skeleton "
            "is unknown; add 'joint_names' and 'parents' (root -1) to the "
            f'file or give layout=..., one of {layout_names()}'
        )
    parents = _indices('parents', metainfo['parents'])
    names = metainfo.get('joint_names')
    if names is None:
        names = [f'joint_{v}' for v in range(len(parents))]
    names = tuple(str(n) for n in names)
    name = str(metainfo.get('dataset', 'custom'))
    root = tree_root(name, parents)
    given = dict(metainfo.get('normalization') or {})
    unknown = sorted(set(given) - {'center', 'spine', 'shoulders'})
    if unknown:
        raise ValueError(
            f"metainfo['normalization'] has unknown keys {unknown}; the keys "
            'are center, spine and shoulders'
        )
    pairs = metainfo.get('pairs')
    pairs = mirror_pairs(names) if pairs is None else pairs
    given.setdefault('spine', find_spine(names, root))
    given.setdefault('shoulders', find_shoulders(names, pairs))
    return SkeletonLayout(
        name=name,
        joint_names=names,
        parents=parents,
        pairs=pairs,
        origin=_joints('center', given.get('center'), names),
        spine=_joints('spine', given['spine'], names),
        shoulders=_joints('shoulders', given['shoulders'], names),
    )


def from_graph_cfg(layout: Any) -> SkeletonLayout:
    """Layout of the ``layout`` entry of a ``graph_cfg``.

    Args:
        layout (str | Mapping | SkeletonLayout): Built-in name; mmaction2's
            dict (``num_node``, ``inward``, ``center``); dict of ``parents``
            and ``joint_names`` as in an annotation file's ``metainfo``;
            what `SkeletonLayout.to_dict` makes; or a whole ``graph_cfg``.

    Returns:
        SkeletonLayout: The layout. Links of mmaction2's dict are kept as
            they are in `inward`; `parents` is their tree, found breadth
            first from ``center``.

    Raises:
        ValueError: If the entry is none of these or malformed.
    """
    if isinstance(layout, SkeletonLayout):
        return layout
    if isinstance(layout, str):
        return get_layout(layout)
    if not isinstance(layout, Mapping):
        raise ValueError(
            f'layout={layout!r} must be a name, one of {layout_names()}, or '
            'a dict of num_node, inward and center, or of parents and '
            'joint_names'
        )
    if 'layout' in layout and 'parents' not in layout:
        return from_graph_cfg(layout['layout'])
    parents = layout.get('parents')
    V = int(layout.get('num_node', 0)) if parents is None else len(parents)
    if V > MAX_JOINTS:
        raise ValueError(
            f'the skeleton has {V} joints; expected up to {MAX_JOINTS}'
        )
    if 'num_node' in layout and 'parents' not in layout:
        missing = sorted({'inward', 'center'} - set(layout))
        if missing:
            raise ValueError(f'layout dict lacks {missing} beside num_node')
        inward = _pairs('inward', layout['inward'])
        names = layout.get('joint_names') or [f'joint_{v}' for v in range(V)]
        return SkeletonLayout(
            name='custom',
            joint_names=tuple(names),
            parents=_tree_parents(V, inward, int(layout['center'])),
            pairs=mirror_pairs(names),
            center=int(layout['center']),
            inward=inward,
        )
    if {'pairs', 'inward', 'origin'} <= set(layout):
        return SkeletonLayout.from_dict(layout)
    return from_metainfo(layout)


def _joints(key: str, value: Any, names: Sequence[str]) -> Any:
    """Indices of joints given by index or by name."""
    if value is None:
        return None
    if isinstance(value, (str, int, np.integer)):
        value = (value,)
    for item in value:
        if isinstance(item, str) and item not in names:
            raise ValueError(
                f"metainfo['normalization'][{key!r}] names joint "
                f'{item!r}, which is not among joint_names {list(names)}'
            )
    return tuple(names.index(v) if isinstance(v, str) else v for v in value)


def adjacency(edges: Sequence[tuple[int, int]], num_joints: int) -> np.ndarray:
    """Directed adjacency of links."""
    A = np.zeros((num_joints, num_joints))
    for i, j in edges:
        A[j, i] = 1.0
    return A


def normalize_columns(A: np.ndarray) -> np.ndarray:
    """Divide each column by its sum; columns of zeros stay zero."""
    total = A.sum(axis=-2, keepdims=True)
    return A / np.where(total > 0, total, 1.0)


def spatial_graph(layout: SkeletonLayout) -> np.ndarray:
    """Identity, inward and outward links, columns summing to one.

    Args:
        layout (SkeletonLayout): Its `inward` links (child, parent) are used.

    Returns:
        np.ndarray: (3, V, V) float64; in the second subset A[parent, child]
            is set, in the third A[child, parent].

    Source:
        ``graph/tools.py: get_spatial_graph`` of 2s-AGCN and CTR-GCN;
        mmaction2's mode ``spatial``.
    """
    V = layout.num_joints
    inward = adjacency(layout.edges, V)
    return np.stack(
        (np.eye(V), normalize_columns(inward), normalize_columns(inward.T))
    )


def hop_distance(
    layout: SkeletonLayout, max_hop: int | None = None
) -> np.ndarray:
    """Links between each two joints."""
    V = layout.num_joints
    inward = adjacency(layout.edges, V)
    step = (inward + inward.T + np.eye(V)) > 0
    distance = np.full((V, V), np.inf)
    reached = np.eye(V, dtype=bool)
    for hop in range((V if max_hop is None else max_hop) + 1):
        distance[reached & np.isinf(distance)] = hop
        reached = (reached.astype(np.int64) @ step.astype(np.int64)) > 0
    return distance


def stgcn_graph(
    layout: SkeletonLayout, max_hop: int = 1, clipped: bool = True
) -> np.ndarray:
    """Neighbours split by their distance to the layout's centre.

    Subset 0 links each joint to itself. Every further hop gives two: links
    A[j, i] whose j is at least as far from the centre as i, then those
    whose j is nearer. Columns of their sum add up to one.

    Args:
        layout (SkeletonLayout): `center` is the joint measured from.
        max_hop (int): Farthest neighbour in links, at least 1.
        clipped (bool): Distances to the centre beyond `max_hop` count as
            equally infinite, as in ST-GCN and mmaction2, so that with
            ``max_hop=1`` all links not next to the centre fall into the
            first of the two subsets. False compares true distances, as the
            paper's text says.

    Returns:
        np.ndarray: (1 + 2 * max_hop, V, V) float64.

    Raises:
        ValueError: If `max_hop` is below 1.

    Source:
        Spatial configuration partitioning, arXiv 1801.07455; mmaction2's
        mode ``stgcn_spatial``.
    """
    if max_hop < 1:
        raise ValueError(f'max_hop={max_hop} must be at least 1')
    near = hop_distance(layout, max_hop)
    to_center = near if clipped else hop_distance(layout)
    to_center = to_center[:, layout.center]
    weights = normalize_columns((near <= max_hop).astype(np.float64))
    close = to_center[:, None] >= to_center[None, :]
    subsets = []
    for hop in range(max_hop + 1):
        at_hop = np.where(near == hop, weights, 0.0)
        subsets.append(np.where(close, at_hop, 0.0))
        if hop > 0:
            subsets.append(np.where(close, 0.0, at_hop))
    return np.stack(subsets)
