"""Frames in as they come, timed actions out as they end."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from mmsnip.apis.clips import Expected, fit_clip, open_source
from mmsnip.apis.inferencer import SkeletonLocalizationInferencer
from mmsnip.apis.streaming_frames import LiveResampler, PoseMemory
from mmsnip.apis.streaming_network import LiveNetwork
from mmsnip.apis.streaming_plan import Latency, check_count, plan_stream
from mmsnip.apis.streaming_scores import (
    LiveRuns,
    LiveSmoother,
    Run,
    StreamUpdate,
)
from mmsnip.io.sequence import SequenceError
from mmsnip.structures.errors import is_rate

__all__ = ['StreamUpdate', 'StreamingLocalizer']


class StreamingLocalizer:
    """Localize actions while they happen.

    Every `hop` frames the network reads the last `context` + `hop` +
    `look_ahead` frames, and the scores of `hop` of them are final. All these
    are frames of the model, rounded up to the encoder's stride. Memory does
    not grow with the stream.

    How the scores differ from the inferencer's for the whole video:

    - Not at all (1e-5), where `context` and `look_ahead` are ``'full'``, the
      encoder's graph is fixed (STGCN), the pipeline measures nothing on the
      whole video, and the video's length is a multiple of the stride (one
      pass brings stages of other lengths together on a slightly stretched
      grid). Centre and rotation, measured on a first frame, and the last
      pose, which absent persons hold, are remembered, so they are the same.
      Frames that show nobody may differ.
    - By what lies beyond `context` and `look_ahead`.
    - AGCN and CTR-GCN make their graph of a mean over all frames: here over
      the window's.
    - The size of the body (``scale=True``, a median) and the level of the
      ground (egocentric, a quantile) are those of the window and of up to
      `memory` frames spread over all before it, not of what is to come; see
      `calibrate`. Who leads, and ``fill='linear'``, know the past only, too.
    - A joint that is lost for a moment stays zero, since what would fill the
      gap is not seen yet; fill it in the source, or hold its last place.

    Measured by ``benchmarks/streaming.py``: of 8 held-out videos of motion
    capture the recipe of ``configs/custom/localize.py`` labels 2.7 % of the
    frames otherwise than in one pass, and 93.1 % rightly (one pass: 93.2 %);
    with ``look_ahead=32`` 6.6 % and 89.6 %, with 0 15.7 % and 80.3 %. On
    synthetic videos an AGCN on joints labels 2.1 % otherwise, and 1.3 % with
    all ``'full'``, which is what its graph makes.

    Args:
        config_or_dir (str | os.PathLike): As of
            `SkeletonLocalizationInferencer`.
        checkpoint (str | os.PathLike, optional): Likewise.
        device (str | torch.device, optional): Likewise.
        look_ahead (int | str, optional): Frames after a frame that are known
            before it is final, the price of which is latency; ``'full'``:
            all that the network sees. None: 2 s, or less if it sees less.
        context (int | str, optional): Frames before it that the network
            reads again at each hop, the price of which is time. None: 4 s,
            or less if it sees less.
        hop (int, optional): Frames between two runs of the network: few are
            prompt, many are cheap. None: half a second.
        num_person (int, optional): M, the persons of a frame at most; absent
            ones are zeros. None: as many as ``FormatSkeleton`` of the
            pipeline keeps, else the backbone's. Of more than that it keeps
            those seen most in the window.
        fps (float, optional): Frames a second of the input; poses are
            resampled linearly where it is not the model's. None: the
            model's.
        memory (int): Frames that are remembered for what is measured on the
            past.

    Attributes:
        classes (list[str]): Classes, background left out.
        fps (float): Frame rate of the model.
        expected (Expected): What it takes, for `mmsnip.apis.clips.fit_clip`.
        plan (StreamPlan): Frames of a window, as used.
        num_person (int): As used.

    Raises:
        ValueError: If an option is out of range; `DeviceError`, one of them,
            as the inferencer.
        FileNotFoundError: If a file does not exist.
        CheckpointError: As the inferencer.

    Examples:
        >>> stream = StreamingLocalizer('work_dirs/run')  # doctest: +SKIP
        >>> for pose in camera:  # doctest: +SKIP
        ...     for action in stream.push(pose).segments:
        ...         print(action['label'], action['segment'])
    """

    def __init__(
        self,
        config_or_dir: str | os.PathLike,
        checkpoint: str | os.PathLike | None = None,
        device: str | torch.device | None = None,
        look_ahead: int | str | None = None,
        context: int | str | None = None,
        hop: int | None = None,
        num_person: int | None = None,
        fps: float | None = None,
        memory: int = 256,
    ) -> None:
        if fps is not None and not is_rate(fps):
            raise ValueError(
                f'fps={fps!r} must be a positive number of frames a second'
            )
        check_count('memory', memory, 0)
        inferencer = SkeletonLocalizationInferencer(
            config_or_dir, checkpoint, device
        )
        self._inferencer = inferencer
        self._model = inferencer.model
        self.classes = inferencer.classes
        self.fps = inferencer.fps
        # Frames to come and persons to come are not known.
        self.expected: Expected = replace(
            inferencer.expected, max_gap=0, persons=None
        )
        self.plan = plan_stream(
            self._model,
            inferencer.pipeline.transforms,
            self.fps,
            look_ahead,
            context,
            hop,
        )
        if num_person is None:
            num_person = self._usual_persons()
        check_count('num_person', num_person, 1)
        self.num_person = num_person
        step = (self.fps if fps is None else float(fps)) / self.fps
        self._step = 1.0 if abs(step - 1) < 1e-6 else step
        self._memory_size = memory
        self.reset()

    def _usual_persons(self) -> int:
        for step in self._inferencer.pipeline.transforms:
            if getattr(step, 'num_person', None):
                return step.num_person
        return getattr(self._model.backbone, 'num_person', 1)

    @property
    def input_fps(self) -> float:
        """Frames a second of what is pushed."""
        return self.fps * self._step

    @property
    def latency(self) -> Latency:
        """How long a frame waits at most."""
        frames = self.plan.hop - 1 + self.plan.look_ahead
        frames += self._model.smooth_frames // 2
        return Latency(frames, frames / self.fps)

    @property
    def open_segment(self) -> dict[str, Any] | None:
        """What goes on at the newest frame that the network has seen.

        Like a segment of `StreamUpdate`, but provisional: the frames that
        are not final are scored with less than `look_ahead`. None where it
        is background, or before the first run of the network.
        """
        scores = self._smoother.preview(self._network.ahead)
        run = self._runs.preview(scores.cpu().numpy())
        return None if run is None else self._segment(run)

    def reset(self) -> None:
        """Begin a new stream; calibration is forgotten, too."""
        self._network = LiveNetwork(
            self._inferencer,
            self.plan,
            self.num_person,
            PoseMemory(self._memory_size),
        )
        self._resampler = LiveResampler(self._step)
        self._smoother = LiveSmoother(self._model.smooth_frames)
        self._runs = LiveRuns(len(self.classes))
        self._closed = False

    def calibrate(self, frames: Any) -> None:
        """Measure body and ground on frames that are not localized.

        What the pipeline measures on a video is then measured as if it had
        begun with these frames, `memory` of them at most: somebody who
        stands and walks about for some seconds in the same scene.

        Args:
            frames (Any): As of `push`, at any frame rate.

        Raises:
            SequenceError: As `push`.
            ValueError: If the stream has begun.
        """
        if self._closed or self._resampler.num_read:
            raise ValueError(
                'calibrate() comes before the first push(); reset() begins '
                'a new stream'
            )
        self._network.memory.add(self._checked(frames, 'the calibration'))

    def push(self, frames: Any) -> StreamUpdate:
        """Take the next frames.

        How they are cut into pushes changes nothing.

        Args:
            frames (Any): (V, C), one frame of one person; (T, V, C); or (M,
                T, V, C), M at most `num_person`. A person whose joints are
                all zero is absent.

        Returns:
            StreamUpdate: Often empty: something is new every `hop` frames.

        Raises:
            SequenceError: If they are no frames of the model's joints and
                channels, or not finite; the stream stays as it was. A
                ValueError.
            ValueError: If the stream was closed.
        """
        self._check_open()
        name = f'push() at frame {self._resampler.num_read}'
        keypoint = self._resampler.push(self._checked(frames, name))
        return self._release(self._network.push(keypoint))

    def close(self) -> StreamUpdate:
        """End the stream.

        Returns:
            StreamUpdate: All that is left, the segment that was open among
            it.

        Raises:
            ValueError: If it was closed before.
        """
        self._check_open()
        rest = self._resampler.close()
        self._closed = True
        rows = [] if rest is None else [self._network.push(rest)]
        rows.append(self._network.close())
        return self._release(torch.cat(rows), closing=True)

    def _check_open(self) -> None:
        if self._closed:
            raise ValueError('the stream is closed; reset() begins a new one')

    def _checked(self, frames: Any, name: str) -> np.ndarray:
        """Frames as (num_person, T, V, C) float32."""
        if isinstance(frames, (str, os.PathLike)):
            raise SequenceError(
                f'{name} got {str(frames)!r}; expected an array of frames, '
                'as load_sequence makes of a file'
            )
        with suppress(ValueError, TypeError):  # what is no array is refused
            if np.ndim(frames) == 2:
                frames = np.asarray(frames)[None]
        keypoint, found, _ = open_source(frames, name)
        keypoint = fit_clip(keypoint, found, name, self.expected).keypoint
        M = len(keypoint)
        if self.num_person < M:
            raise SequenceError(
                f'{name} has M = {M} persons, its shape is {keypoint.shape} '
                f'(M, T, V, C); the stream takes num_person='
                f'{self.num_person} at most'
            )
        more = self.num_person - M
        return np.pad(keypoint, ((0, more), (0, 0), (0, 0), (0, 0)))

    def _release(
        self, rows: torch.Tensor, closing: bool = False
    ) -> StreamUpdate:
        first = self._smoother.num_final
        scores = self._smoother.push(rows, closing).cpu().numpy()
        runs = self._runs.push(scores)
        if closing:
            runs += self._runs.close()
        return StreamUpdate([self._segment(r) for r in runs], scores, first)

    def _segment(self, run: Run) -> dict[str, Any]:
        frames: list[float] = [run.start, run.end]
        if self._step != 1:
            last = self._resampler.num_read
            frames = [min(f * self._step, float(last)) for f in frames]
        return {
            'label': self.classes[run.label],
            'class_index': run.label,
            'segment': [frame / self.input_fps for frame in frames],
            'frames': frames,
            'score': run.score,
        }
