"""What all transforms of a skeleton sample share."""

from __future__ import annotations

import os
from typing import Any, ClassVar

import numpy as np
import torch
from mmcv.transforms import BaseTransform

from mmsnip.skeleton.geometry import present_frames
from mmsnip.skeleton.layout import SkeletonLayout
from mmsnip.skeleton.resample import (
    PADDING,
    compose_maps,
    map_segments,
    nearest_frames,
    take_frames,
)

_GENERATORS: dict[tuple[int, int, int], np.random.Generator] = {}


def sample_rng(results: dict[str, Any]) -> np.random.Generator:
    """Generator that the transforms of a sample draw from."""
    rng = results.get('rng')
    if rng is not None:
        return rng
    rank = int(os.environ.get('RANK', '0'))
    worker = torch.utils.data.get_worker_info()
    if worker is None:
        seed = int(torch.randint(2**63 - 1, ()))
        return np.random.default_rng([seed, rank])
    key = (os.getpid(), worker.seed, rank)
    if key not in _GENERATORS:
        _GENERATORS.clear()
        _GENERATORS[key] = np.random.default_rng([worker.seed, rank])
    return _GENERATORS[key]


IGNORE = -100  # frame label that no loss counts


class SkeletonTransform(BaseTransform):
    """A transform that prints its arguments and knows their ranges."""

    AT_LEAST_0: ClassVar[tuple[str, ...]] = ()
    AT_LEAST_1: ClassVar[tuple[str, ...]] = ()
    RISING: ClassVar[tuple[str, ...]] = ()  # above 0, least and largest

    def __post_init__(self) -> None:
        for least, keys in enumerate((self.AT_LEAST_0, self.AT_LEAST_1)):
            for key in keys:
                value = getattr(self, key)
                if value is not None and value < least:
                    raise ValueError(f'{key}={value} must be at least {least}')
        ends = [0, *(getattr(self, key) for key in self.RISING)]
        if ends != sorted(ends) or ends.count(0) > 1:
            given = dict(zip(self.RISING, ends[1:]))
            raise ValueError(f'{given} must rise, from above 0')
        if not 0 <= getattr(self, 'prob', 1) <= 1:
            raise ValueError(f'prob={self.prob} must lie in [0, 1]')

    def __repr__(self) -> str:
        """Class and arguments."""
        args = ', '.join(f'{k}={v!r}' for k, v in vars(self).items())
        return f'{type(self).__name__}({args})'


class RandomTransform(SkeletonTransform):
    """A dataclass that acts on a share ``prob`` of the samples only."""

    prob: float

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Draw whether to act, then act."""
        rng = sample_rng(results)
        if rng.random() < self.prob:
            self.act(results, rng)
        return results

    def act(self, results: dict[str, Any], rng: np.random.Generator) -> None:
        """Change the sample in place."""
        raise NotImplementedError


def video_of(results: dict[str, Any]) -> str:
    """Name of a sample for messages."""
    return str(results.get('frame_dir', 'a sample without frame_dir'))


def mask_of(results: dict[str, Any]) -> np.ndarray:
    """Body mask of a sample, derived where it is missing."""
    mask = results.get('body_mask')
    return present_frames(results['keypoint']) if mask is None else mask


def coords_of(results: dict[str, Any]) -> int:
    """Number of leading channels that are coordinates."""
    C = results['keypoint'].shape[-1]
    return int(results.get('num_coords', min(C, 3)))


def layout_of(results: dict[str, Any], who: str) -> SkeletonLayout:
    """Layout of a sample."""
    layout = results.get('layout')
    if layout is None:
        raise ValueError(
            f'{who}: {video_of(results)} has no layout; put '
            "dict(type='mmsnip.FormatSkeleton', layout=...) first in the "
            "pipeline, with a name as 'nturgb+d' or a dict of parents"
        )
    V = results['keypoint'].shape[2]
    if layout.num_joints != V:
        raise ValueError(
            f'{who}: {video_of(results)} has {V} joints, but layout '
            f'{layout.name!r} has {layout.num_joints}'
        )
    return layout


def retime(results: dict[str, Any], frame_map: np.ndarray) -> None:
    """Send a sample through a frame map: poses, mask, segments, labels."""
    keypoint, mask = results['keypoint'], mask_of(results)
    T = keypoint.shape[1]
    outer = results.get('frame_index', np.arange(T))
    results['keypoint'], results['body_mask'] = take_frames(
        keypoint, mask, frame_map
    )
    results['frame_index'] = compose_maps(outer, frame_map)
    results['total_frames'] = len(frame_map)
    if results.get('segments') is not None:
        segments, which = map_segments(results['segments'], frame_map)
        results['segments'] = segments
        labels = results.get('segment_labels')
        if labels is not None:
            results['segment_labels'] = np.asarray(labels)[which]
    if results.get('frame_labels') is not None:
        frames = nearest_frames(frame_map)
        labels = results['frame_labels'][np.clip(frames, 0, T - 1)]
        results['frame_labels'] = np.where(frames == PADDING, IGNORE, labels)
