"""Transforms that choose or move frames, and their labels with them.

Each changes keypoint, body_mask, frame_index, segments, segment_labels,
frame_labels and total_frames in one call; a segment of which no frame is
left disappears, one that shows twice (a mirrored end) becomes two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mmsnip.registry import TRANSFORMS
from mmsnip.skeleton.augment import draw_crop_start
from mmsnip.skeleton.resample import (
    PADDING,
    mirror_crop_map,
    reverse_map,
    stretch_map,
    tempo_map,
    window_map,
)
from mmsnip.structures import Segments
from mmsnip.transforms.sample import (
    IGNORE,
    RandomTransform,
    SkeletonTransform,
    retime,
    sample_rng,
    video_of,
)


@TRANSFORMS.register_module()
@dataclass(eq=False, repr=False)
class RandomWindow(SkeletonTransform):
    """A window of a long sequence; shorter sequences stay whole.

    Required keys: keypoint (M, T, V, C); body_mask, frame_index, segments,
    segment_labels, frame_labels (optional).
    Modified keys: keypoint, body_mask, frame_index, total_frames,
    segments, segment_labels, frame_labels.

    Args:
        size (int): Frames of the window.
        pad (bool): Lengthen shorter sequences to `size` by absent frames at
            the end, with frame_index -1.
    """

    size: int
    pad: bool = False
    AT_LEAST_1 = ('size',)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Cut a window."""
        T = results['keypoint'].shape[1]
        room = max(T - self.size, 0)
        start = int(sample_rng(results).integers(room + 1)) if room else 0
        retime(results, window_map(T, self.size, start, self.pad))
        return results


@TRANSFORMS.register_module()
@dataclass(eq=False, repr=False)
class ResizeTime(SkeletonTransform):
    """Stretch or squeeze a sequence to a number of frames, linearly.

    Keys: as of `RandomWindow`.

    Args:
        size (int): New number of frames.
    """

    size: int
    AT_LEAST_1 = ('size',)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Resize a sample."""
        T = results['keypoint'].shape[1]
        same = self.size == T
        retime(results, np.arange(T) if same else stretch_map(T, self.size))
        return results


@TRANSFORMS.register_module()
@dataclass(eq=False, repr=False)
class TemporalCrop(RandomTransform):
    """A random crop of T frames, both ends lengthened by their mirror image.

    Keys: as of `RandomWindow`.

    Args:
        padding_ratio (int): Each end is lengthened by T // padding_ratio
            frames; at least 1.
        prob (float): Share of the samples it acts on.
    """

    padding_ratio: int = 6
    prob: float = 1.0
    AT_LEAST_1 = ('padding_ratio',)

    def act(self, results: dict[str, Any], rng: np.random.Generator) -> None:
        """Crop a sample."""
        T = results['keypoint'].shape[1]
        padding = T // self.padding_ratio
        start = draw_crop_start(padding, rng)
        retime(results, mirror_crop_map(T, padding, start))


@TRANSFORMS.register_module()
@dataclass(eq=False, repr=False)
class RandomTempo(RandomTransform):
    """Play the sequence faster or slower.

    Keys: as of `RandomWindow`.
    Added keys: tempo (float): source frames per new frame.

    Args:
        low (float): Least factor, above 0; 2 takes every second frame.
            Equal to `high` it is fixed.
        high (float): Largest factor; its logarithm is uniform.
        size (int, optional): Largest number of new frames, from the first.
            RVTCLR's two tempi of T frames are 1 and 2 with size T // 2.
        prob (float): Share of the samples it acts on.
    """

    low: float = 0.5
    high: float = 2.0
    size: int | None = None
    prob: float = 1.0
    AT_LEAST_1 = ('size',)
    RISING = ('low', 'high')

    def act(self, results: dict[str, Any], rng: np.random.Generator) -> None:
        """Resample a sample."""
        factor = float(self.low)
        if self.high > self.low:
            factor = float(
                np.exp(rng.uniform(np.log(self.low), np.log(self.high)))
            )
        T = results['keypoint'].shape[1]
        retime(results, tempo_map(T, factor, self.size))
        results['tempo'] = factor * results.get('tempo', 1.0)


@TRANSFORMS.register_module()
@dataclass(eq=False, repr=False)
class RandomTemporalFlip(RandomTransform):
    """Play the sequence backwards.

    Labels are not changed: sitting down becomes standing up, so leave this
    out where classes are each other's reverse.
    Keys: as of `RandomWindow`.

    Args:
        prob (float): Share of the samples it acts on.
    """

    prob: float = 0.5

    def act(self, results: dict[str, Any], rng: np.random.Generator) -> None:
        """Reverse a sample."""
        retime(results, reverse_map(results['keypoint'].shape[1]))


@TRANSFORMS.register_module()
@dataclass(eq=False, repr=False)
class FrameLabels(SkeletonTransform):
    """Segments to one label a frame; videos without the key are left alone.

    Where segments overlap, the one that starts later wins; of equal starts
    the shorter one; of equal intervals the lowest label.
    Required keys: keypoint (M, T, V, C); segments, segment_labels
    (optional); num_classes or metainfo, with segments; frame_index
    (optional).
    Added keys: frame_labels (T,) int64: background is num_classes; -100,
    which no loss counts, at padding.

    Args:
        num_classes (int, optional): None takes the sample's
            ``num_classes``, else the length of ``metainfo['classes']``.
    """

    num_classes: int | None = None
    AT_LEAST_1 = ('num_classes',)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Label the frames of a sample."""
        if results.get('segments') is None:
            return results
        background = self.num_classes or results.get('num_classes')
        if background is None:
            classes = (results.get('metainfo') or {}).get('classes')
            if classes is None:
                raise ValueError(
                    f'FrameLabels: {video_of(results)} has segments but '
                    "neither num_classes nor metainfo['classes']; set "
                    'num_classes=...'
                )
            background = len(classes)
        painted = Segments.of(
            results['segments'],
            results['segment_labels'],
            num_frames=results['keypoint'].shape[1],
            num_classes=background,
            source=f'FrameLabels: {video_of(results)}',
        ).frames(background)
        index = results.get('frame_index')
        if index is not None:
            painted = np.where(np.asarray(index) == PADDING, IGNORE, painted)
        results['frame_labels'] = painted
        results['num_classes'] = background
        return results


@TRANSFORMS.register_module()
class RelativeTempo(SkeletonTransform):
    """RVTCLR's views: a query at one tempo, its key at both.

    Follows `MultiView`. A coin of the sample's own generator says which of
    two tempi the query has, so that half of the samples are expected at
    each. At tempo f a view of T frames shows frames 0, f, 2 f, ..; all have
    T // max(tempi) frames.

    Frame differences belong before this transform, inside the views:
    afterwards their size would tell the tempo.

    Required keys: views (list[dict]): query, key, then any others.
    Modified keys: views: query, key at the query's tempo, the same key at
    the other tempo, then the others as they are.
    Added keys: tempo (float), also of each of the first three views:
    source frames per new frame.

    Args:
        tempi (Sequence[float]): The two, above 0.

    Raises:
        ValueError: If there are not two positive tempi.

    Source:
        METHOD.md section 1 (tempo 1: frames 0..T/2-1, tempo 2: every second
        of all T); ``relative_tempo`` of Zhuysheng/RVTCLR 8782889
        ``net/skeletonclr.py``, which divides each batch into exact halves.
    """

    def __init__(self, tempi: Sequence[float] = (1, 2)) -> None:
        if len(tempi) != 2 or min(tempi) <= 0:
            raise ValueError(
                f'RelativeTempo: tempi={tempi!r} must be two numbers above 0'
            )
        self.tempi = tuple(tempi)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Play the first two views at their tempi."""
        views = results.get('views') or ()
        if len(views) < 2:
            raise ValueError(
                f'RelativeTempo: {video_of(results)} has {len(views)} views, '
                'expected query, key and what else the model takes; put '
                'MultiView before it'
            )
        drawn = int(sample_rng(results).integers(2))
        mine, other = self.tempi[drawn], self.tempi[1 - drawn]
        T, longest = views[0]['keypoint'].shape[1], max(self.tempi)
        if longest > T:
            raise ValueError(
                f'RelativeTempo: a view of {video_of(results)} has {T} '
                f'frames, too few for tempo {longest}; lengthen the views by '
                'ResizeTime'
            )
        query, key, *further = views
        played = []
        for view, tempo in ((query, mine), (key, mine), (key, other)):
            view = dict(view)
            T = view['keypoint'].shape[1]
            retime(view, tempo_map(T, tempo, int(T // longest)))
            view['tempo'] = float(tempo) * view.get('tempo', 1.0)
            played.append(view)
        results['views'] = [*played, *further]
        results['tempo'] = played[0]['tempo']
        return results
