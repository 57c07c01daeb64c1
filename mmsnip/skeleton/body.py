"""A body: joints, their parents, mirror pairs and reference lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from mmsnip.skeleton.topology import (
    Edge,
    joint_indices,
    joint_line,
    joint_pairs,
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


def _as_lists(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_as_lists(v) for v in value]
    return value
