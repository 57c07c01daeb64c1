"""From a sample dict to what the collate function batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmaction.structures import ActionDataSample

from mmsnip.registry import TRANSFORMS
from mmsnip.skeleton.resample import PADDING
from mmsnip.transforms.sample import SkeletonTransform, mask_of

META_KEYS = (
    *('frame_dir', 'total_frames', 'segments', 'segment_labels', 'label'),
    *('fps', 'frame_index', 'num_classes', 'sample_idx', 'tempo', 'stream'),
)


@TRANSFORMS.register_module()
class PackSkeletonInputs(SkeletonTransform):
    """Pack a sample, or all its views.

    Required Keys:

    - keypoint (M, T, V, C), or views (list[dict]) with it
    - body_mask, frame_index, frame_labels and the meta keys (optional)

    Added Keys:

    - inputs (M, T, V, C) float32 tensor
    - body_mask (M, T) bool tensor
    - num_frames (int): T without padding at the end
    - data_samples (ActionDataSample): with gt_frame_labels (T,) int64 where
      the sample has frame_labels; as metainfo what `meta_keys` names, and
      for views view_frame_index (num_views, T), or a list of (T,) where
      their lengths differ

    The first three are lists where the sample has views. All else is left
    out.

    Args:
        meta_keys (Sequence[str]): Keys that are kept where present;
            num_classes and fps are taken from metainfo where missing.
    """

    def __init__(self, meta_keys: Sequence[str] = META_KEYS) -> None:
        self.meta_keys = tuple(meta_keys)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Pack a sample.

        Args:
            results (dict[str, Any]): Sample.

        Returns:
            dict[str, Any]: ``inputs``, ``body_mask``, ``num_frames`` and
                ``data_samples``.
        """
        data_sample = ActionDataSample()
        meta = {k: results[k] for k in self.meta_keys if k in results}
        classes = (results.get('metainfo') or {}).get('classes')
        fps = (results.get('metainfo') or {}).get('fps')
        if 'fps' in self.meta_keys and fps is not None:
            meta.setdefault('fps', fps)
        if 'num_classes' in self.meta_keys and classes is not None:
            meta.setdefault('num_classes', len(classes))
        views = results.get('views')
        if views is None:
            packed = _pack(results)
            labels = results.get('frame_labels')
            if labels is not None:
                data_sample.gt_frame_labels = torch.as_tensor(
                    np.ascontiguousarray(labels), dtype=torch.int64
                )
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
