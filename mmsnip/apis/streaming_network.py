"""The network over a live stream: window after window."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from mmsnip.apis.clips import Clip
from mmsnip.apis.inferencer import SkeletonLocalizationInferencer
from mmsnip.apis.streaming_frames import FrameWindow, PoseMemory
from mmsnip.apis.streaming_plan import StreamPlan
from mmsnip.apis.streaming_scores import window_scores
from mmsnip.datasets.collate import pad_collate
from mmsnip.io.sequence import SequenceError

__all__ = ['LiveNetwork']


class LiveNetwork:
    """Scores of frames whose look-ahead is known, before smoothing.

    The pipeline sees remembered poses, then the window: what it measures on
    a video it measures on both. The network sees the window.

    Attributes:
        ahead (Tensor): Provisional scores of the frames behind those that
            were given out, as of the last run, (t, num_classes + 1).

    Args:
        inferencer (SkeletonLocalizationInferencer): Model and pipeline.
        plan (StreamPlan): Frames of a window.
        num_person (int): M.
        memory (PoseMemory): What was before; grows by what leaves the
            window.
    """

    def __init__(
        self,
        inferencer: SkeletonLocalizationInferencer,
        plan: StreamPlan,
        num_person: int,
        memory: PoseMemory,
    ) -> None:
        V, C = inferencer.layout.num_joints, inferencer.num_channels
        self.plan = plan
        self.memory = memory
        self._inferencer = inferencer
        self._window = FrameWindow(plan.capacity, (num_person, V, C))
        self._num_scored = 0
        device = next(inferencer.model.parameters()).device
        classes = len(inferencer.classes) + 1
        self._nothing = torch.zeros(0, classes, device=device)
        self.ahead = self._nothing

    def push(self, keypoint: np.ndarray) -> Tensor:
        """Run as often as these frames fill a window.

        Args:
            keypoint (np.ndarray): Next frames, (M, t, V, C).

        Returns:
            Tensor: (n · hop, num_classes + 1).
        """
        plan, begin, found = self.plan, 0, [self._nothing]
        while begin < keypoint.shape[1]:
            full = self._num_scored + plan.hop + plan.look_ahead
            end = begin + full - self._window.stop
            self._window.append(keypoint[:, begin:end])
            begin = end
            if self._window.stop < full:
                break
            rows = self._run()
            found.append(rows[: plan.hop])
            self.ahead = rows[plan.hop :]
            self._num_scored += plan.hop
            oldest = self._num_scored - plan.context - plan.edge
            self.memory.add(self._window.drop_before(oldest))
        return torch.cat(found)

    def close(self) -> Tensor:
        """Scores of the frames that are left, nothing comes after them.

        Returns:
            Tensor: (t, num_classes + 1), t of 0 or more.
        """
        left = self._window.stop > self._num_scored
        rows = self._run() if left else self._nothing
        self._num_scored += len(rows)
        self.ahead = self._nothing
        return rows

    def _run(self) -> Tensor:
        """Scores from the first frame that has none on."""
        keypoint, past = self._window.frames, self.memory.frames()
        first = max(self._num_scored - self.plan.context, 0)
        cut = first - self._window.first
        if past is not None:
            cut += past.shape[1]
            keypoint = np.concatenate([past, keypoint], axis=1)
        inferencer = self._inferencer
        packed = inferencer.pack(
            Clip('the stream', keypoint, inferencer.fps, 1.0)
        )
        packed['inputs'] = packed['inputs'][:, cut:]
        packed['body_mask'] = packed['body_mask'][:, cut:]
        packed['num_frames'] = packed['inputs'].shape[1]
        batch = inferencer.model.data_preprocessor(pad_collate([packed]))
        scores = window_scores(
            inferencer.model, batch['inputs'][0], batch['body_mask'][0]
        )
        if not bool(torch.isfinite(scores).all()):
            raise SequenceError(
                f'the scores at frame {self._num_scored} are not finite, the '
                f'largest coordinate is {np.abs(keypoint).max():g}; expected '
                'the unit of the training data'
            )
        return scores[self._num_scored - first :]
