"""From what a data set gives to what a model takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from mmaction.structures import ActionDataSample
from mmcv.transforms import BaseTransform

from mmsnip.registry import TRANSFORMS
from mmsnip.skeleton.geometry import present_frames
from mmsnip.skeleton.layout import from_graph_cfg, from_metainfo
from mmsnip.skeleton.resample import PADDING
from mmsnip.structures import show
from mmsnip.transforms.sample import (
    SkeletonTransform,
    layout_of,
    mask_of,
    sample_rng,
    video_of,
)


@TRANSFORMS.register_module()
class FormatSkeleton(SkeletonTransform):
    """Bring a sample to (M, T, V, C) float32 with its mask and layout.

    Takes samples of our data sets and of mmaction2's ``PoseDataset``.

    Required keys: keypoint (M, T, V, C) or (T, V, C); keypoint_score
    (optional) (M, T, V); metainfo (optional).
    Modified keys: keypoint (M, T, V, C) float32; segments, segment_labels
    (optional) int64; keypoint_score: removed.
    Added keys: body_mask (M, T) bool, where missing or M changed: True
    where a joint is not exactly zero; frame_index (T,) int64, where
    missing; total_frames int; num_coords int: leading channels that are
    coordinates, 2 or 3; layout (SkeletonLayout), where one is known.

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
        few = num_person is not None and num_person < 1
        if few or num_coords not in (None, 2, 3):
            raise ValueError(
                f'num_coords={num_coords!r} must be 2, 3 or None and '
                f'num_person={num_person!r} at least 1 or None'
            )
        self.num_person = num_person
        self.use_score = use_score
        self.layout = None if layout is None else from_graph_cfg(layout)
        self.num_coords = num_coords

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Format a sample."""
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
        good = keypoint.ndim == 4 and keypoint.size and keypoint.shape[3] > 1
        if not (good and np.isfinite(keypoint).all()):
            raise ValueError(
                f"FormatSkeleton: 'keypoint' of {video_of(results)}: found "
                f'{show(keypoint)}; expected finite numbers, (M, T, V, C), at '
                'least one of each and x, y (, z); set absent bodies to zero'
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
    score = np.asarray([] if score is None else score, dtype=np.float32)
    score = score[None] if score.ndim == 2 else score
    if score.shape != keypoint.shape[:3]:
        raise ValueError(
            f'FormatSkeleton: keypoint_score of {video}: found {show(score)}; '
            f'expected (M, T, V) = {keypoint.shape[:3]}, or use_score=False'
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


@TRANSFORMS.register_module()
class MultiView(BaseTransform):
    """Several views of a sample, each by its own transforms and draws.

    Every view keeps the map to the source frames, so that snippets of two
    views can be matched by time.

    Required keys: keypoint (M, T, V, C); what the views' transforms
    require.
    Added keys: views (list[dict]): samples, each with keypoint, body_mask,
    frame_index and what else it has.

    Args:
        views (Sequence[Sequence[dict | Callable]]): The transforms of each
            view.

    Raises:
        ValueError: If there is no view.
    """

    def __init__(self, views: Sequence[Sequence[dict | Callable]]) -> None:
        if not views:
            raise ValueError('MultiView: views is empty; give one list each')
        self.views = [
            [step if callable(step) else TRANSFORMS.build(step) for step in v]
            for v in views
        ]

    def transform(self, results: dict[str, Any]) -> dict[str, Any] | None:
        """Make the views."""
        rng = sample_rng(results)
        seeds = rng.integers(2**63, size=(len(self.views), 2))
        T = results['keypoint'].shape[1]
        made = []
        for steps, seed in zip(self.views, seeds):
            view = dict(results)
            view.pop('views', None)
            view.setdefault('frame_index', np.arange(T))
            view['rng'] = np.random.default_rng(seed)
            for step in steps:
                view = step(view)
                if view is None:
                    return None
            del view['rng']
            made.append(view)
        results['views'] = made
        return results

    def __repr__(self) -> str:
        """The steps of each view."""
        return f'{type(self).__name__}(views={self.views!r})'


META_KEYS = (
    *('frame_dir', 'total_frames', 'segments', 'segment_labels', 'label'),
    *('fps', 'frame_index', 'num_classes', 'sample_idx', 'tempo', 'stream'),
)


@TRANSFORMS.register_module()
class PackSkeletonInputs(SkeletonTransform):
    """Pack a sample, or all its views.

    Required keys: keypoint (M, T, V, C), or views (list[dict]) with it;
    body_mask, frame_index, frame_labels and the meta keys (optional).
    Added keys: inputs (M, T, V, C) float32 tensor; body_mask (M, T) bool
    tensor; num_frames (int): T without padding at the end; data_samples
    (ActionDataSample): with gt_frame_labels (T,) int64 where the sample
    has frame_labels; as metainfo what `meta_keys` names, and for views
    view_frame_index (num_views, T), or a list of (T,) where their lengths
    differ.

    The first three are lists where the sample has views. All else is left
    out.

    Args:
        meta_keys (Sequence[str]): Keys that are kept where present;
            num_classes and fps are taken from metainfo where missing.
    """

    def __init__(self, meta_keys: Sequence[str] = META_KEYS) -> None:
        self.meta_keys = tuple(meta_keys)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Pack a sample."""
        data_sample = ActionDataSample()
        meta = {k: results[k] for k in self.meta_keys if k in results}
        classes = (results.get('metainfo') or {}).get('classes')
        fps = (results.get('metainfo') or {}).get('fps')
        if 'fps' in self.meta_keys and fps is not None:
            meta.setdefault('fps', fps)
        if 'num_classes' in self.meta_keys and classes is not None:
            meta.setdefault('num_classes', len(classes))
        labels = results.get('frame_labels')
        if labels is not None:
            data_sample.gt_frame_labels = torch.as_tensor(
                np.ascontiguousarray(labels), dtype=torch.int64
            )
        views = results.get('views')
        if views is None:
            packed = _pack(results)
        else:
            parts = [_pack(view) for view in views]
            packed = {key: [p[key] for p in parts] for key in parts[0]}
            index = [np.asarray(view['frame_index']) for view in views]
            if len({len(row) for row in index}) == 1:
                index = np.stack(index)
            meta['view_frame_index'] = index
        # set_metainfo would copy the arrays, which are the sample's own
        for key, value in meta.items():
            data_sample.set_field(value, key, field_type='metainfo')
        packed['data_samples'] = data_sample
        return packed


def _pack(sample: dict[str, Any]) -> dict[str, Any]:
    # Copied where read-only: stored arrays may be views of shared memory.
    keypoint = np.require(sample['keypoint'], np.float32, ('C', 'W'))
    mask = np.require(mask_of(sample), bool, ('C', 'W'))
    T = keypoint.shape[1]
    num_frames = T
    index = sample.get('frame_index')
    if index is not None and index[-1] == PADDING:
        real = np.flatnonzero(np.asarray(index) != PADDING)
        num_frames = int(real[-1]) + 1 if len(real) else T
    return dict(
        inputs=torch.from_numpy(keypoint),
        body_mask=torch.from_numpy(mask),
        num_frames=num_frames,
    )
