"""Where a layout comes from: a built-in name, a file, a graph's config.

Graphs, bones, mirroring and normalisation all read the topology of a
skeleton from a `SkeletonLayout`; nothing else writes it down.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from mmsnip.skeleton.body import SkeletonLayout
from mmsnip.skeleton.builtin import ALIASES, BUILTIN
from mmsnip.skeleton.naming import find_shoulders, find_spine, mirror_pairs
from mmsnip.skeleton.topology import (
    joint_indices,
    joint_pairs,
    tree_parents,
    tree_root,
)

__all__ = [
    'SkeletonLayout',
    'from_graph_cfg',
    'from_metainfo',
    'get_layout',
    'layout_names',
]


MAX_JOINTS = 1000  # a graph takes V * V numbers


def layout_names() -> list[str]:
    """Names of the built-in layouts, aliases left out.

    Returns:
        list[str]: Names, sorted.
    """
    return sorted(BUILTIN)


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
        Beside each table, `mmsnip.skeleton.tables_depth`, `tables_image`
        and `tables_model`.
    """
    key = ALIASES.get(name, name)
    if key not in BUILTIN:
        raise ValueError(
            f'layout={name!r} is unknown; use one of {layout_names()}, or a '
            'dict of joint_names and parents'
        )
    return _built_in(key)


@cache
def _built_in(name: str) -> SkeletonLayout:
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
            f'file or give layout=..., one of {layout_names()}'
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
