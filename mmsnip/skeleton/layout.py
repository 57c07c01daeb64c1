"""What a body is: joints, their parents, mirror pairs and reference lines.

The only place where the topology of a skeleton is written down; graphs,
bones, mirroring and normalisation all read it from a `SkeletonLayout`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cache
from typing import Any

import numpy as np

from mmsnip.skeleton.builtin import BUILTIN
from mmsnip.skeleton.naming import find_shoulders, find_spine, mirror_pairs
from mmsnip.skeleton.topology import (
    Edge,
    joint_indices,
    joint_line,
    joint_pairs,
    tree_parents,
    tree_root,
)


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
        names = tuple(str(n) for n in self.joint_names)
        parents = joint_indices('parents', self.parents)
        if len(names) != len(parents):
            raise ValueError(
                f'layout {self.name!r}: joint_names has {len(names)} entries '
                f'and parents {len(parents)}; they must name the same joints'
            )
        root = tree_root(self.name, parents)
        V = len(parents)
        center = root if self.center is None else self.center
        origin = (center,) if self.origin is None else self.origin
        if isinstance(origin, (int, np.integer)):
            origin = (origin,)
        inward = self.inward
        if inward is None:
            inward = tuple((v, p) for v, p in enumerate(parents) if p >= 0)
        values: dict[str, Any] = dict(
            joint_names=names,
            parents=parents,
            pairs=joint_pairs('pairs', self.pairs),
            center=joint_indices('center', (center,))[0],
            origin=joint_indices('origin', origin),
            spine=joint_line('spine', self.spine),
            shoulders=joint_line('shoulders', self.shoulders),
            inward=joint_pairs('inward', inward),
        )
        for key, value in values.items():
            if key in ('joint_names', 'parents'):
                continue
            for joint in np.ravel([] if value is None else value):
                if not 0 <= joint < V:
                    raise ValueError(
                        f'layout {self.name!r}: {key}={value!r} names joint '
                        f'{int(joint)}, but there are joints 0..{V - 1} only'
                    )
        for key in ('pairs', 'inward'):
            for a, b in values[key]:
                if a == b:
                    raise ValueError(
                        f'layout {self.name!r}: {key} links joint {a} '
                        'with itself'
                    )
        flat = [joint for pair in values['pairs'] for joint in pair]
        if len(set(flat)) != len(flat):
            raise ValueError(
                f'layout {self.name!r}: pairs={values["pairs"]!r} uses a '
                'joint twice; a joint has one mirror image'
            )
        if not values['origin']:
            raise ValueError(
                f'layout {self.name!r}: origin is empty; name one joint'
            )
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
        return {k: _as_lists(v) for k, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> SkeletonLayout:
        """Layout of a dict as `to_dict` makes it.

        Args:
            values (Mapping[str, Any]): Fields of the layout.

        Returns:
            SkeletonLayout: The layout.

        Raises:
            ValueError: If a field is unknown or missing.
        """
        known = [f.name for f in fields(cls)]
        unknown = sorted(set(values) - set(known))
        missing = sorted({'joint_names', 'parents'} - set(values))
        if unknown or missing:
            raise ValueError(
                f'layout dict: unknown keys {unknown}, missing keys '
                f'{missing}; the keys are {known}'
            )
        return cls(**{'name': 'custom', **dict(values)})


@cache
def get_layout(name: str) -> SkeletonLayout:
    """Built-in layout of a name.

    ``nturgb+d`` is mmaction2's graph (both finger joints hang on the hand),
    ``nturgb+d-official`` that of CTR-GCN and 2s-AGCN (finger tip on thumb,
    thumb on hand); the joints are the same.

    Args:
        name (str): ``nturgb+d``, ``nturgb+d-official``, ``coco``,
            ``openpose`` or ``kinect-v1``.

    Returns:
        SkeletonLayout: The layout.

    Raises:
        ValueError: If the name is unknown.

    Source:
        mmaction2 1.1.0 ``models/utils/graph.py``; CTR-GCN
        ``graph/ntu_rgb_d.py``.
    """
    if name not in BUILTIN:
        raise ValueError(
            f'layout={name!r} is unknown; use one of {sorted(BUILTIN)}, or a '
            'dict of joint_names and parents'
        )
    table = BUILTIN[name]
    names = table['joint_names']
    parents = tree_parents(len(names), table['inward'], table['center'])
    return SkeletonLayout(
        name=name, parents=parents, pairs=mirror_pairs(names), **table
    )


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
            f'file or give layout=..., one of {sorted(BUILTIN)}'
        )
    parents = joint_indices('parents', metainfo['parents'])
    names = metainfo.get('joint_names')
    if names is None:
        names = [f'joint_{v}' for v in range(len(parents))]
    names = tuple(str(n) for n in names)
    if len(names) != len(parents):
        raise ValueError(
            f'metainfo: joint_names has {len(names)} entries and parents '
            f'{len(parents)}; they must name the same joints'
        )
    root = tree_root('metainfo', parents)
    given = dict(metainfo.get('normalization') or {})
    unknown = sorted(set(given) - {'center', 'spine', 'shoulders'})
    if unknown:
        raise ValueError(
            f"metainfo['normalization'] has unknown keys {unknown}; the keys "
            'are center, spine and shoulders'
        )
    pairs = metainfo.get('pairs')
    pairs = mirror_pairs(names) if pairs is None else pairs
    spine = find_spine(names, root)
    shoulders = find_shoulders(names, pairs)
    center = given.get('center')
    shoulders = given.get('shoulders', shoulders)
    return SkeletonLayout(
        name=str(metainfo.get('dataset', 'custom')),
        joint_names=names,
        parents=parents,
        pairs=pairs,
        origin=None if center is None else _joints('center', center, names),
        spine=_joints('spine', given.get('spine', spine), names),
        shoulders=_joints('shoulders', shoulders, names),
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
            f'layout={layout!r} must be a name, one of {sorted(BUILTIN)}, or '
            'a dict of num_node, inward and center, or of parents and '
            'joint_names'
        )
    if 'layout' in layout and 'parents' not in layout:
        return from_graph_cfg(layout['layout'])
    if 'num_node' in layout and 'parents' not in layout:
        missing = sorted({'inward', 'center'} - set(layout))
        if missing:
            raise ValueError(f'layout dict lacks {missing} beside num_node')
        V = int(layout['num_node'])
        inward = joint_pairs('inward', layout['inward'])
        names = layout.get('joint_names') or [f'joint_{v}' for v in range(V)]
        return SkeletonLayout(
            name='custom',
            joint_names=tuple(names),
            parents=tree_parents(V, inward, int(layout['center'])),
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
    joints = []
    for item in value:
        if isinstance(item, str):
            if item not in names:
                raise ValueError(
                    f"metainfo['normalization'][{key!r}] names joint "
                    f'{item!r}, which is not among joint_names {list(names)}'
                )
            item = names.index(item)
        joints.append(item)
    return tuple(joints)


def _as_lists(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_as_lists(v) for v in value]
    return value
