"""From what a data set gives to what the other transforms expect."""

from __future__ import annotations

from typing import Any

import numpy as np

from mmsnip.registry import TRANSFORMS
from mmsnip.skeleton.geometry import present_frames
from mmsnip.skeleton.layout import from_graph_cfg, from_metainfo
from mmsnip.transforms.sample import SkeletonTransform, layout_of, video_of


@TRANSFORMS.register_module()
class FormatSkeleton(SkeletonTransform):
    """Bring a sample to (M, T, V, C) float32 with its mask and layout.

    Takes samples of our data sets and of mmaction2's ``PoseDataset``.

    Required Keys:

    - keypoint (M, T, V, C) or (T, V, C)
    - keypoint_score (optional) (M, T, V)
    - metainfo (optional)

    Modified Keys:

    - keypoint (M, T, V, C) float32
    - segments, segment_labels (optional) int64
    - keypoint_score: removed

    Added Keys:

    - body_mask (M, T) bool, where missing or M changed: True where a joint
      is not exactly zero
    - frame_index (T,) int64, where missing
    - total_frames int
    - num_coords int: leading channels that are coordinates, 2 or 3
    - layout (SkeletonLayout), where one is known

    Args:
        num_person (int, optional): M. Absent persons are appended, or the
            persons seen in most frames are kept, in their order. None keeps
            what is there.
        use_score (bool): Append ``keypoint_score`` as a further channel.
        layout (str | dict, optional): As the ``layout`` of a ``graph_cfg``;
            None takes the sample's, else that of its ``metainfo``.
        num_coords (int, optional): Leading channels that are coordinates;
            2 where a file's third channel is already a score. None: the
            sample's, else at most 3.

    Raises:
        ValueError: If `num_person` is below 1, `num_coords` not 2 or 3, or
            a sample's keypoint has another shape, no frame, values that are
            not finite, or another number of joints than the layout.
    """

    def __init__(
        self,
        num_person: int | None = None,
        use_score: bool = False,
        layout: str | dict | None = None,
        num_coords: int | None = None,
    ) -> None:
        if num_person is not None and num_person < 1:
            raise ValueError(f'num_person={num_person} must be at least 1')
        if num_coords not in (None, 2, 3):
            raise ValueError(f'num_coords={num_coords!r} must be 2, 3 or None')
        self.num_person = num_person
        self.use_score = use_score
        self.layout = None if layout is None else from_graph_cfg(layout)
        self.num_coords = num_coords

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Format a sample.

        Args:
            results (dict[str, Any]): Sample.

        Returns:
            dict[str, Any]: The same dict.
        """
        keypoint = self._keypoint(results)
        D = self.num_coords or results.get('num_coords', 3)
        results['num_coords'] = min(keypoint.shape[-1], D)
        mask = results.get('body_mask')
        if mask is None or np.shape(mask) != keypoint.shape[:2]:
            mask = present_frames(keypoint)
        mask = np.asarray(mask, dtype=bool)
        score = results.pop('keypoint_score', None)
        if self.use_score:
            keypoint = _append_score(keypoint, score, video_of(results))
        if self.num_person is not None:
            keypoint, mask = _fit_persons(keypoint, mask, self.num_person)
        T = keypoint.shape[1]
        results['keypoint'] = keypoint
        results['body_mask'] = mask
        results['total_frames'] = T
        if results.get('frame_index') is None:
            results['frame_index'] = np.arange(T)
        if results.get('segments') is not None:
            segments = np.asarray(results['segments'], dtype=np.int64)
            results['segments'] = segments.reshape(-1, 2)
        if results.get('segment_labels') is not None:
            labels = np.asarray(results['segment_labels'], dtype=np.int64)
            results['segment_labels'] = labels
        self._set_layout(results)
        return results

    def _keypoint(self, results: dict[str, Any]) -> np.ndarray:
        keypoint = np.asarray(results['keypoint'], dtype=np.float32)
        if keypoint.ndim == 3:
            keypoint = keypoint[None]
        if keypoint.ndim != 4 or 0 in keypoint.shape:
            raise ValueError(
                f"FormatSkeleton: 'keypoint' of {video_of(results)} has shape "
                f'{keypoint.shape}, expected (M, T, V, C) with at least one '
                'of each; remove the video from the file'
            )
        if keypoint.shape[-1] < 2:
            raise ValueError(
                f"FormatSkeleton: 'keypoint' of {video_of(results)} has "
                f'{keypoint.shape[-1]} channel, expected x, y (, z)'
            )
        if not np.isfinite(keypoint).all():
            frame = np.argwhere(~np.isfinite(keypoint))[0]
            raise ValueError(
                f"FormatSkeleton: 'keypoint' of {video_of(results)} is not "
                f'finite, first at person, frame, joint, channel '
                f'{frame.tolist()}; set absent bodies to zero'
            )
        return keypoint

    def _set_layout(self, results: dict[str, Any]) -> None:
        metainfo = results.get('metainfo') or {}
        if self.layout is not None:
            results['layout'] = self.layout
        elif results.get('layout') is not None:
            results['layout'] = from_graph_cfg(results['layout'])
        elif metainfo.get('parents') is not None or metainfo.get('layout'):
            results['layout'] = from_metainfo(metainfo)
        else:
            return
        layout_of(results, 'FormatSkeleton')


def _append_score(
    keypoint: np.ndarray, score: np.ndarray | None, video: str
) -> np.ndarray:
    if score is None:
        raise ValueError(
            f'FormatSkeleton: {video} has no keypoint_score to append; set '
            'use_score=False'
        )
    score = np.asarray(score, dtype=np.float32)
    score = score[None] if score.ndim == 2 else score
    if score.shape != keypoint.shape[:3]:
        raise ValueError(
            f'FormatSkeleton: keypoint_score of {video} has shape '
            f'{score.shape}, expected (M, T, V) = {keypoint.shape[:3]}'
        )
    return np.concatenate((keypoint, score[..., None]), axis=-1)


def _fit_persons(
    keypoint: np.ndarray, mask: np.ndarray, num_person: int
) -> tuple[np.ndarray, np.ndarray]:
    M = len(keypoint)
    if num_person == M:
        return keypoint, mask
    if num_person < M:
        order = np.argsort(-mask.sum(axis=1), kind='stable')
        kept = np.sort(order[:num_person])
        return keypoint[kept], mask[kept]
    more = num_person - M
    return (
        np.pad(keypoint, ((0, more), (0, 0), (0, 0), (0, 0))),
        np.pad(mask, ((0, more), (0, 0))),
    )
