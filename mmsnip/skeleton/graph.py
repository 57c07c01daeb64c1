"""A layout's links as adjacency subsets (num_subsets, V, V)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmsnip.skeleton.layout import SkeletonLayout


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
