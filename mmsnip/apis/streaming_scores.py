"""Scores of a live stream: of a window, smoothed, joined to segments."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from mmsnip.evaluation.segments import segments_from_frames
from mmsnip.models import SkeletonLocalizer
from mmsnip.models.chunk_plan import (
    block_strides,
    encoder_reach,
    head_reach,
    neck_reach,
)
from mmsnip.models.chunks import ChunkAxes, pool_in_chunks
from mmsnip.models.necks.fusion import FusionNeck
from mmsnip.models.smoothing import smooth_frames
from mmsnip.models.time import resample_frames

__all__ = [
    'LiveRuns',
    'LiveSmoother',
    'Run',
    'StreamUpdate',
    'frame_stride',
    'network_reach',
    'window_scores',
]


def frame_stride(model: SkeletonLocalizer) -> int:
    """Frames that windows begin at multiples of.

    Args:
        model (SkeletonLocalizer): Any.

    Returns:
        int: Stride of the encoder's last block.
    """
    return block_strides(model.backbone)[-1]


def _feature_stride(model: SkeletonLocalizer) -> int:
    """Input frames per frame of the features that the head reads."""
    strides = model.backbone.temporal_strides_out
    return strides[-1] if model.neck is None else strides[0]


def network_reach(model: SkeletonLocalizer) -> int:
    """Bound on the frames that a frame's score depends on, either side.

    Args:
        model (SkeletonLocalizer): Its encoder's graph is fixed; one that is
            made of a mean over all frames sees them all.

    Returns:
        int: Encoder, neck, head and the interpolation of its logits.
    """
    stride = _feature_stride(model)
    reach = encoder_reach(model.backbone) + head_reach(model.head, stride)
    if isinstance(model.neck, nn.Module):
        reach += neck_reach(model.neck, model.backbone.temporal_strides_out)
    return reach + (stride if stride > 1 else 0)


@torch.no_grad()
def window_scores(
    model: SkeletonLocalizer, x: Tensor, body_mask: Tensor
) -> Tensor:
    """Probabilities of a stretch of a video, before smoothing.

    Stages meet by their strides, as in a whole video whose length is a
    multiple of all of them.

    Args:
        model (SkeletonLocalizer): In eval mode.
        x (Tensor): Model inputs, (M, T, V, C); the first frame lies at a
            multiple of `frame_stride`.
        body_mask (Tensor): Where each person is there, (M, T) bool.

    Returns:
        Tensor: (T, num_classes + 1).
    """
    T, neck = x.shape[1], model.neck
    stages = pool_in_chunks(model.backbone, x, body_mask, T, 0)
    if neck is None:
        features = stages[-1]
    elif isinstance(neck, FusionNeck):
        longest = frame_stride(model) * -(-T // frame_stride(model))
        totals = [
            longest // stride for stride in model.backbone.temporal_strides_out
        ]
        axes = ChunkAxes(stages, [0] * len(stages), totals)
        features = neck.fuse(neck.decode(stages, axes))
    else:
        features = neck(stages, None)
    logits = model.head(features, features.shape[2])
    stride = _feature_stride(model)
    if stride > 1:
        logits = resample_frames(
            logits.transpose(1, 2), stride * features.shape[2], mode='linear'
        ).transpose(1, 2)
    return torch.softmax(logits[0, :T].float(), dim=1)


class LiveSmoother:
    """Running mean of scores, each as soon as its window is full.

    Args:
        size (int): Frames of the window, odd; 1 smooths nothing.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.num_final = 0  # frames given out
        self._first = 0
        self._rows: Tensor | None = None  # not smoothed, from _first on

    def push(self, rows: Tensor, closing: bool = False) -> Tensor:
        """Take the next scores.

        Args:
            rows (Tensor): (t, num_classes + 1).
            closing (bool): Nothing comes after them.

        Returns:
            Tensor: Frames that are final now, (t', num_classes + 1).
        """
        kept = self._joined(rows)
        half = 0 if closing else self.size // 2
        stop = max(self._first + len(kept) - half, self.num_final)
        smooth = smooth_frames(kept, self.size)
        final = smooth[self.num_final - self._first : stop - self._first]
        begin = max(stop - self.size // 2, self._first)
        self._rows = kept[begin - self._first :].clone()
        self._first, self.num_final = begin, stop
        return final.clone()

    def preview(self, rows: Tensor) -> Tensor:
        """Scores of frames that are not final, if these came next.

        Args:
            rows (Tensor): (t, num_classes + 1).

        Returns:
            Tensor: (t', num_classes + 1), from frame ``num_final`` on.
        """
        smooth = smooth_frames(self._joined(rows), self.size)
        return smooth[self.num_final - self._first :]

    def _joined(self, rows: Tensor) -> Tensor:
        return rows if self._rows is None else torch.cat([self._rows, rows])


class Run(NamedTuple):
    """Frames of one label.

    Attributes:
        label (int): Index of the class, the last one is background.
        start (int): First frame.
        end (int): Behind the last frame.
        total (float): Sum of the label's probabilities.
    """

    label: int
    start: int
    end: int
    total: float

    @property
    def score(self) -> float:
        """Mean probability of the label."""
        return self.total / (self.end - self.start)


class StreamUpdate(NamedTuple):
    """What is new.

    Attributes:
        segments (list[dict]): Actions that ended, in order of time, ready
            for JSON: ``label`` (name), ``class_index``, ``segment``
            [start_s, end_s], ``frames`` [start, end) of the input, and
            ``score``, the mean probability of the class.
        scores (np.ndarray): Probabilities of frames that are final now,
            (t, num_classes + 1) float32, background last, at the model's
            frame rate.
        first_frame (int): Frame of the model that ``scores[0]`` is.
    """

    segments: list[dict[str, Any]]
    scores: np.ndarray
    first_frame: int


class LiveRuns:
    """Runs of the arg-max class, each as soon as another one begins.

    All of them together are `run_detections` of all scores.

    Args:
        background (int): Label whose runs are left out.
    """

    def __init__(self, background: int) -> None:
        self.background = background
        self.num_frames = 0
        self.open: Run | None = None

    def push(self, scores: np.ndarray) -> list[Run]:
        """Take the next scores.

        Args:
            scores (np.ndarray): (t, num_classes + 1).

        Returns:
            list[Run]: Those that ended, in order of time.
        """
        runs = self._joined(scores)
        self.num_frames += len(scores)
        self.open = runs.pop() if runs else None
        return [run for run in runs if run.label != self.background]

    def preview(self, scores: np.ndarray) -> Run | None:
        """The last run, if these scores came next.

        Args:
            scores (np.ndarray): (t, num_classes + 1).

        Returns:
            Run | None: None where it is background.
        """
        runs = self._joined(scores)
        last = runs[-1] if runs else None
        if last is None or last.label == self.background:
            return None
        return last

    def close(self) -> list[Run]:
        """The run that was open, if it is no background."""
        last = self.preview(np.zeros((0, self.background + 1)))
        self.open = None
        return [] if last is None else [last]

    def _joined(self, scores: np.ndarray) -> list[Run]:
        runs = [] if self.open is None else [self.open]
        if not len(scores):
            return runs
        labels = scores.argmax(axis=1)
        for label, start, end in segments_from_frames(labels, None).tolist():
            total = float(scores[start:end, label].sum(dtype=np.float64))
            start, end = start + self.num_frames, end + self.num_frames
            if runs and runs[-1].label == label:
                last = runs.pop()
                start, total = last.start, last.total + total
            runs.append(Run(label, start, end, total))
        return runs
