"""Checks and small searches on lists of joints and links."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index as as_index
from typing import Any

Edge = tuple[int, int]


def joint_indices(key: str, values: Any) -> tuple[int, ...]:
    """Indices as plain ints.

    Args:
        key (str): Name of the field, for the message.
        values (Any): Sequence of integers.

    Returns:
        tuple[int, ...]: The indices.

    Raises:
        ValueError: If it is not a sequence of integers.
    """
    try:
        return tuple(as_index(v) for v in values)
    except TypeError as error:
        raise ValueError(
            f'{key}={values!r} must be a sequence of joint indices'
        ) from error


def joint_pairs(key: str, values: Any) -> tuple[Edge, ...]:
    """Pairs of indices as plain ints.

    Args:
        key (str): Name of the field, for the message.
        values (Any): Sequence of pairs.

    Returns:
        tuple[tuple[int, int], ...]: The pairs.

    Raises:
        ValueError: If one is not a pair of integers.
    """
    edges = []
    for value in values:
        pair = joint_indices(key, value)
        if len(pair) != 2:
            raise ValueError(f'{key} holds {value!r}, not a pair of joints')
        edges.append((pair[0], pair[1]))
    return tuple(edges)


def joint_line(key: str, value: Any) -> Edge | None:
    """Two different joints, or None.

    Args:
        key (str): Name of the field, for the message.
        value (Any): A pair or None.

    Returns:
        tuple[int, int] | None: The pair.

    Raises:
        ValueError: If it is not a pair of different joints.
    """
    if value is None:
        return None
    line = joint_pairs(key, [value])[0]
    if line[0] == line[1]:
        raise ValueError(f'{key}={value!r} must name two different joints')
    return line


def tree_root(name: str, parents: tuple[int, ...]) -> int:
    """The one root of a tree.

    Args:
        name (str): Name of the layout, for the message.
        parents (tuple[int, ...]): Parent of each joint, -1 for the root.

    Returns:
        int: The joint with parent -1.

    Raises:
        ValueError: If `parents` is empty, out of range, has several roots
            or a cycle.
    """
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


def tree_parents(
    num_joints: int, inward: Sequence[Edge], center: int
) -> tuple[int, ...]:
    """Parents of a graph's joints.

    The links' own, where they form one tree; else breadth first from the
    centre, links in the given order and whatever their direction.

    Args:
        num_joints (int): V.
        inward (Sequence[tuple[int, int]]): Links (child, parent).
        center (int): Root of the tree in the second case.

    Returns:
        tuple[int, ...]: V parents, -1 for the root.

    Raises:
        ValueError: If a link or the centre is out of range, or the links do
            not connect all joints.
    """
    for edge in inward:
        for joint in edge:
            if not 0 <= joint < num_joints:
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
    found = [-1] * num_joints
    seen, ring = {center}, [center]
    while ring:
        following = []
        for joint in ring:
            for child, parent in inward:
                for a, b in ((child, parent), (parent, child)):
                    if b == joint and a not in seen:
                        found[a] = joint
                        seen.add(a)
                        following.append(a)
        ring = following
    if len(seen) < num_joints:
        lonely = sorted(set(range(num_joints)) - seen)
        raise ValueError(
            f'inward links do not connect joints {lonely} with '
            f'center={center}; link them'
        )
    return tuple(found)
