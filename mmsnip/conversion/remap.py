"""A recording with the persons and the joints that are wanted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from mmsnip.conversion.persons import keep_movers
from mmsnip.io.annotation import metainfo_layout
from mmsnip.io.reading import SequenceError
from mmsnip.skeleton.layout import SkeletonLayout, from_graph_cfg
from mmsnip.skeleton.mapping import joint_mapping, map_joints, map_scores

__all__ = ['fit_bodies', 'lost_joints', 'remap']


def fit_bodies(
    keypoint: np.ndarray,
    found: dict[str, Any],
    persons: int | None,
    layout: Any,
    target: SkeletonLayout | None,
) -> tuple[np.ndarray, dict[str, Any], list[str]]:
    """Keep the persons that move most and bring them to a layout.

    Args:
        keypoint (np.ndarray): (M, T, V, C).
        found (dict[str, Any]): What the reader says beside it.
        persons (int | None): Most persons; None keeps all.
        layout (Any): Joints of the file, see `remap`.
        target (SkeletonLayout | None): Joints that are wanted; None keeps
            them.

    Returns:
        tuple[np.ndarray, dict[str, Any], list[str]]: Both for the result,
        and what was mended, the reader's own sentences first.

    Raises:
        SequenceError: See `remap`; and if the file names joints that are no
            layout which is known.
    """
    mended = list(found.get('mended') or ())
    if persons is not None:
        keypoint, found, notes = keep_movers(keypoint, found, persons)
        mended += notes
    if target is not None:
        keypoint, found, notes = remap(keypoint, found, layout, target)
        mended += notes
    elif layout is None and found.get('layout') is None:
        _check_unnamed(found.get('joint_names') or ())
    return keypoint, found, mended


def remap(
    keypoint: np.ndarray,
    found: dict[str, Any],
    layout: Any,
    target: SkeletonLayout,
) -> tuple[np.ndarray, dict[str, Any], list[str]]:
    """Make the joints of a layout of those of a file.

    Args:
        keypoint (np.ndarray): (M, T, V, C).
        found (dict[str, Any]): What the reader says: ``layout``,
            ``joint_names``, ``keypoint_score`` (M, T, V).
        layout (Any): Joints of the file; None takes what `found` says, or
            what the number of joints says.
        target (SkeletonLayout): Joints that are wanted.

    Returns:
        tuple[np.ndarray, dict[str, Any], list[str]]: Keypoints and facts in
        the joints of `target`, and how those were found that the file lacks.

    Raises:
        SequenceError: If the joints of the file are not known, or none of
            them is one of `target`.
    """
    try:
        source = _source(keypoint.shape[2], found, layout)
        mapping = joint_mapping(source, target)
        score = found.get('keypoint_score')
        found = {**found, 'layout': target.name, 'joint_names': None}
        lost = lost_joints(keypoint, score)
        keypoint = map_joints(keypoint, mapping, lost)
        if score is not None:
            found['keypoint_score'] = map_scores(score, mapping)
    except ValueError as error:
        raise SequenceError(
            f'cannot be brought to {target.name!r}: {error}'
        ) from error
    made = mapping.interpolated or mapping.absent
    return keypoint, found, [mapping.summary()] if made else []


def _check_unnamed(names: Sequence[str]) -> None:
    """Refuse to take joints of these names for others by their number."""
    if all(re.fullmatch(r'(joint)?_?\d+', name.lower()) for name in names):
        return
    raise SequenceError(
        f'it names {len(names)} joints, {list(names[:6])} .., but not what '
        'hangs on what; write parents into a column map, state the layout, '
        'or bring the joints to one with map_layout'
    )


def _source(V: int, found: dict[str, Any], layout: Any) -> SkeletonLayout:
    layout = found.get('layout') if layout is None else layout
    names = found.get('joint_names')
    if layout is None and names:  # joints by name need no bones
        parents = [-1, *([0] * (len(names) - 1))]
        layout = dict(joint_names=list(names), parents=parents)
    if layout is not None:
        return from_graph_cfg(layout)
    return metainfo_layout({}, V)


def lost_joints(keypoint: np.ndarray, score: np.ndarray | None) -> np.ndarray:
    """Joints that are zero since they were not found.

    Without scores a joint that is zero throughout is the origin.

    Args:
        keypoint (np.ndarray): (M, T, V, C).
        score (np.ndarray | None): (M, T, V), 0 where nothing was found.

    Returns:
        np.ndarray: (M, T, V) bool; none in absent bodies.
    """
    there = (keypoint != 0).any(axis=-1)
    lost = ~there & there.any(axis=-1, keepdims=True)
    if score is not None:
        return lost & (score == 0)
    return lost & there.any(axis=1, keepdims=True)
