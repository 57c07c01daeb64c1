"""Bodies of one layout with the joints of another."""

from __future__ import annotations

from typing import Any

import numpy as np

from mmsnip.registry import TRANSFORMS
from mmsnip.skeleton.layout import from_graph_cfg
from mmsnip.skeleton.mapping import (
    JointMapping,
    joint_mapping,
    map_joints,
    map_scores,
)
from mmsnip.transforms.sample import SkeletonTransform, coords_of, layout_of


@TRANSFORMS.register_module()
class MapJoints(SkeletonTransform):
    """Give bodies the joints of another layout.

    So that an encoder that was pre-trained on one layout starts on another;
    see `mmsnip.skeleton.joint_mapping` for how absent joints are made. The
    model's ``graph_cfg`` must then have the target layout, and so must
    whatever else reads the data set's ``metainfo`` (graph, picture). Put it
    behind ``FormatSkeleton``, which checks a sample against its own layout,
    and before ``NormalizeSkeleton``.

    A joint that was not found (score 0; in 2D without scores, exactly at
    (0, 0)) makes every joint that depends on it zero, with score 0. Where
    the sample has views, each of them is mapped, too.

    Required Keys:

    - keypoint (M, T, V, C)
    - layout, unless `source` is given
    - keypoint_score (M, T, V), num_coords, views (optional)

    Modified Keys:

    - keypoint (M, T, V_target, C)
    - keypoint_score (M, T, V_target), the least of the joints' scores; also
      the channels of `keypoint` behind its coordinates
    - layout, num_coords
    - views, the same in each

    Args:
        target (str | dict): Layout that is wanted, as the ``layout`` of a
            ``graph_cfg``.
        source (str | dict, optional): Layout of the samples; None takes
            each sample's own.

    Raises:
        ValueError: If a layout is unknown, a sample has none or another
            number of joints, or no joint is known in both.
    """

    def __init__(
        self,
        target: str | dict = 'nturgb+d',
        source: str | dict | None = None,
    ) -> None:
        self.target = from_graph_cfg(target)
        self.source = None if source is None else from_graph_cfg(source)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Map a sample.

        Args:
            results (dict[str, Any]): Sample.

        Returns:
            dict[str, Any]: The same dict.
        """
        for view in results.get('views', ()):
            self.transform(view)
        if self.source is not None:
            results['layout'] = self.source
        source = layout_of(results, 'MapJoints')
        mapping = joint_mapping(source, self.target)
        keypoint, score = results['keypoint'], results.get('keypoint_score')
        D = coords_of(results)
        coords, rest = keypoint[..., :D], keypoint[..., D:]
        lost = _lost_joints(coords, rest, score, D)
        parts = [map_joints(coords, mapping, lost)]
        parts += [_least(rest[..., c], mapping) for c in range(rest.shape[-1])]
        results['keypoint'] = np.concatenate(parts, axis=-1)
        if score is not None:
            results['keypoint_score'] = map_scores(np.asarray(score), mapping)
        results['num_coords'] = D
        results['layout'] = self.target
        return results


def _least(channel: np.ndarray, mapping: JointMapping) -> np.ndarray:
    return map_scores(channel, mapping)[..., None]


def _lost_joints(
    coords: np.ndarray,
    rest: np.ndarray,
    score: np.ndarray | None,
    num_coords: int,
) -> np.ndarray | None:
    """Joints that a detector did not find, (M, T, V) bool; None: unknown."""
    if score is not None:
        return np.asarray(score) <= 0
    if rest.shape[-1]:
        return rest[..., 0] <= 0
    return ~coords.any(axis=-1) if num_coords == 2 else None
