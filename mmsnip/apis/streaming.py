"""Frames in as they come, timed actions out as they end."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from mmsnip.apis.inferencer import SkeletonLocalizationInferencer
from mmsnip.datasets.collate import pad_collate
from mmsnip.evaluation.segments import segments_from_frames
from mmsnip.models.sliding import (
    block_strides,
    receptive_field,
    window_scores,
)
from mmsnip.models.time import smooth_frames
from mmsnip.prepare.fit import fit
from mmsnip.skeleton.egocentric import TURNING_SECONDS, VELOCITY_SECONDS
from mmsnip.skeleton.geometry import present_frames
from mmsnip.skeleton.resample import take_joints
from mmsnip.structures import DataError, Recording
from mmsnip.structures.errors import is_int, is_rate

__all__ = ['StreamUpdate', 'StreamingLocalizer']

CONTEXT_SECONDS = 4.0
LOOK_AHEAD_SECONDS = 2.0
HOP_SECONDS = 0.5


class Latency(NamedTuple):
    """How long the longest-waiting frame waits: frames of the model, s."""

    frames: int
    seconds: float


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


class StreamPlan(NamedTuple):
    """Frames of a window, all multiples of the encoder's stride but `edge`."""

    context: int  # read before those that become final
    hop: int  # become final at once
    look_ahead: int  # read after them
    edge: int  # read before the context, by the pipeline only


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

    Measured with version 0.1: of 8 held-out videos of motion capture the
    recipe of ``configs/custom/localize.py`` labels 2.7 % of the frames
    otherwise than in one pass, and 93.1 % rightly (one pass: 93.2 %);
    with ``look_ahead=32`` 6.6 % and 89.6 %, with 0 15.7 % and 80.3 %.

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
        expected (Expected): What it takes of frames.
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
        infer = SkeletonLocalizationInferencer(
            config_or_dir, checkpoint, device
        )
        self._infer, self._model = infer, infer.model
        self.classes, self.fps = infer.classes, infer.fps
        # Frames to come and persons to come are not known.
        self.expected = replace(
            infer.expected, fps=None, max_gap=0, persons=None
        )
        self.plan = plan_stream(
            self._model,
            infer.pipeline.transforms,
            self.fps,
            look_ahead,
            context,
            hop,
        )
        if num_person is None:
            kept = [
                step.num_person
                for step in infer.pipeline.transforms
                if getattr(step, 'num_person', None)
            ]
            backbone = self._model.backbone
            num_person = (*kept, getattr(backbone, 'num_person', 1))[0]
        check_count('num_person', num_person, 1)
        self.num_person = num_person
        step = (self.fps if fps is None else float(fps)) / self.fps
        self._step = 1.0 if abs(step - 1) < 1e-6 else step
        self._memory_size = memory
        self.reset()

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
        run = self._runs.preview(self._window.ahead)
        return None if run is None else self._segment(run)

    def reset(self) -> None:
        """Begin a new stream; calibration is forgotten, too."""
        self._window = SlidingWindow(
            self._infer,
            self.plan,
            self.num_person,
            PoseMemory(self._memory_size),
        )
        self._resampler = LiveResampler(self._step)
        self._runs = LiveRuns(self._model.smooth_frames, len(self.classes))
        self._closed = False

    def calibrate(self, frames: Any) -> None:
        """Measure body and ground on frames that are not localized.

        What the pipeline measures on a video is then measured as if it had
        begun with these frames, `memory` of them at most: somebody who
        stands and walks about for some seconds in the same scene.
        """
        if self._closed or self._resampler.num_read:
            raise ValueError(
                'calibrate() comes before the first push(); reset() begins '
                'a new stream'
            )
        self._window.memory.add(self._checked(frames, 'the calibration'))

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
            DataError: If they are no frames of the model's joints and
                channels, or not finite; the stream stays as it was. A
                ValueError.
            ValueError: If the stream was closed.
        """
        self._check_open()
        name = f'push() at frame {self._resampler.num_read}'
        keypoint = self._resampler.push(self._checked(frames, name))
        return self._release(self._window.push(keypoint))

    def close(self) -> StreamUpdate:
        """End the stream."""
        self._check_open()
        self._closed = True
        return self._release(self._window.close(), closing=True)

    def _check_open(self) -> None:
        if self._closed:
            raise ValueError('the stream is closed; reset() begins a new one')

    def _checked(self, frames: Any, name: str) -> np.ndarray:
        """Frames as (num_person, T, V, C) float32."""
        if isinstance(frames, (str, os.PathLike)):
            raise DataError(
                f'{name} got {str(frames)!r}; expected an array of frames'
            )
        if getattr(frames, 'ndim', None) == 2:
            frames = frames[None]
        fitted = fit(Recording(name, frames), self.expected)
        keypoint, M = fitted.keypoint, len(fitted.keypoint)
        if fitted.score is not None:
            score = fitted.score[..., None]
            keypoint = np.concatenate([keypoint, score], axis=-1)
        if self.num_person < M:
            raise DataError(
                f'{name} has M = {M} persons, its shape is {keypoint.shape} '
                f'(M, T, V, C); the stream takes num_person='
                f'{self.num_person} at most'
            )
        more = self.num_person - M
        return np.pad(keypoint, ((0, more), (0, 0), (0, 0), (0, 0)))

    def _release(self, rows: Tensor, closing: bool = False) -> StreamUpdate:
        first = self._runs.num_final
        scores, runs = self._runs.push(rows, closing)
        return StreamUpdate([self._segment(r) for r in runs], scores, first)

    def _segment(self, run: Run) -> dict[str, Any]:
        frames: list[float] = [run.start, run.end]
        if self._step != 1:
            last = self._resampler.num_read
            frames = [min(f * self._step, float(last)) for f in frames]
            if self._closed and run.end == self._runs.num_final:
                frames[1] = float(last)
        return {
            'label': self.classes[run.label],
            'class_index': run.label,
            'segment': [frame / self.input_fps for frame in frames],
            'frames': frames,
            'score': run.score,
        }


def check_count(name: str, value: Any, least: int) -> None:
    """Refuse what is no number of things."""
    if not is_int(value) or value < least:
        raise ValueError(
            f'{name}={value!r} must be a whole number of at least {least}'
        )


def plan_stream(
    model: torch.nn.Module,
    pipeline: Iterable[Any],
    fps: float,
    look_ahead: int | str | None = None,
    context: int | str | None = None,
    hop: int | None = None,
) -> StreamPlan:
    """Windows of a model, rounded up to the encoder's stride."""
    stride = block_strides(model.backbone)[-1]
    # Frames on either side that a frame's streams are made of.
    edge = 1  # motion
    headings = [
        step.heading_seconds
        for step in pipeline
        if 'egocentric' in getattr(step, 'stream', ())
    ]
    if headings:
        longest = max(*VELOCITY_SECONDS, *TURNING_SECONDS)
        edge = math.ceil(max(headings) / 2 * fps) + math.ceil(longest * fps)
    reach = receptive_field(model) + edge

    def span(name: str, given: int | str | None, seconds: float) -> int:
        frames = given
        if given is None:
            frames = min(reach, seconds * fps)
        elif given == 'full':
            frames = reach
        elif isinstance(given, str):
            raise ValueError(
                f"{name}={given!r} must be a number of frames, 'full' or None"
            )
        else:
            check_count(name, given, 0)
        return stride * math.ceil(frames / stride)

    hop = max(round(HOP_SECONDS * fps), 1) if hop is None else hop
    check_count('hop', hop, 1)
    return StreamPlan(
        span('context', context, CONTEXT_SECONDS),
        span('hop', hop, 0),
        span('look_ahead', look_ahead, LOOK_AHEAD_SECONDS),
        edge,
    )


class LiveResampler:
    """Poses at another frame rate, as early as they are known.

    All of them together are what the inferencer makes of the whole video.
    """

    def __init__(self, step: float) -> None:
        self.step = step  # frames of the input per frame of the result
        self.num_read = 0  # frames of the input
        self._num_made = 0
        self._first = 0  # frame of the input that is kept at place 0
        self._kept: np.ndarray | None = None

    def push(self, keypoint: np.ndarray) -> np.ndarray:
        """Frames that (M, t, V, C) more decide, (M, t', V, C)."""
        self.num_read += keypoint.shape[1]
        if self.step == 1:
            return keypoint
        if self._kept is not None:
            keypoint = np.concatenate([self._kept, keypoint], axis=1)
        last = self.num_read - 1
        count = int(np.floor(last / self.step + 1e-9)) + 1
        place = np.arange(self._num_made, count) * self.step
        place = np.minimum(place, last)
        found = (keypoint != 0).any(axis=-1)
        made = take_joints(keypoint, found, place - self._first)
        begin = int(np.floor((self._num_made + len(place)) * self.step))
        begin = min(begin, last)
        self._kept = keypoint[:, begin - self._first :].copy()
        self._first = begin
        self._num_made += len(place)
        return made


class PoseMemory:
    """A bounded sample of all poses that have left the window.

    Each k-th frame is kept; where they grow too many, every second goes and
    k doubles. The first and the last pose of each person are kept always:
    what is measured on a first frame, or held through an absence, stays as
    it is in the whole video.
    """

    def __init__(self, size: int) -> None:
        self.size = size  # most frames of the sample
        self._count = 0
        self._step = 1
        self._sample: list[np.ndarray] = []  # (M, V, C) each
        self._first: np.ndarray | None = None
        self._last: np.ndarray | None = None

    def add(self, keypoint: np.ndarray) -> None:
        """Take the next frames in, (M, t, V, C)."""
        if not keypoint.shape[1]:
            return
        if self._first is None:
            self._first = np.zeros_like(keypoint[:, 0])
            self._last = self._first.copy()
        there = present_frames(keypoint)
        seen = self._last.any(axis=(1, 2))
        for person in np.flatnonzero(there.any(axis=1)):
            frames = np.flatnonzero(there[person])
            if not seen[person]:
                self._first[person] = keypoint[person, frames[0]]
            self._last[person] = keypoint[person, frames[-1]]
        for frame in range(keypoint.shape[1]):
            if self.size and self._count % self._step == 0:
                if len(self._sample) == self.size:
                    self._sample = self._sample[::2]
                    self._step *= 2
                if self._count % self._step == 0:
                    self._sample.append(keypoint[:, frame].copy())
            self._count += 1

    def frames(self) -> np.ndarray | None:
        """First poses, the sample in order of time, last poses."""
        if not self._count:
            return None
        return np.stack([self._first, *self._sample, self._last], axis=1)


class SlidingWindow:
    """Scores of frames whose look-ahead is known, before smoothing.

    The pipeline sees remembered poses, then the window: what it measures on
    a video it measures on both. The network sees the window. ``ahead`` are
    the last run's provisional scores of frames that are not final.
    """

    def __init__(
        self,
        infer: SkeletonLocalizationInferencer,
        plan: StreamPlan,
        num_person: int,
        memory: PoseMemory,
    ) -> None:
        V, C = infer.layout.num_joints, infer.num_channels
        self.plan, self.memory, self._infer = plan, memory, infer
        self._first = 0  # frame that is kept at place 0
        self._frames = np.zeros((num_person, 0, V, C), np.float32)
        self._num_scored = 0
        device = next(infer.model.parameters()).device
        classes = len(infer.classes) + 1
        self.ahead = self._nothing = torch.zeros(0, classes, device=device)

    @property
    def _stop(self) -> int:
        return self._first + self._frames.shape[1]

    def push(self, keypoint: np.ndarray) -> Tensor:
        """Run as often as these frames, (M, t, V, C), fill a window."""
        plan, begin, found = self.plan, 0, [self._nothing]
        while begin < keypoint.shape[1]:
            full = self._num_scored + plan.hop + plan.look_ahead
            end = begin + full - self._stop
            self._frames = np.concatenate(
                [self._frames, keypoint[:, begin:end]], axis=1
            )
            begin = end
            if self._stop < full:
                break
            rows = self._run()
            found.append(rows[: plan.hop])
            self.ahead = rows[plan.hop :]
            self._num_scored += plan.hop
            oldest = self._num_scored - plan.context - plan.edge
            gone = max(oldest - self._first, 0)
            self.memory.add(self._frames[:, :gone])
            self._frames = self._frames[:, gone:].copy()
            self._first += gone
        return torch.cat(found)

    def close(self) -> Tensor:
        """Scores of the frames that are left, nothing comes after them."""
        left = self._stop > self._num_scored
        rows = self._run() if left else self._nothing
        self._num_scored += len(rows)
        self.ahead = self._nothing
        return rows

    def _run(self) -> Tensor:
        """Scores from the first frame that has none on."""
        keypoint, past = self._frames, self.memory.frames()
        first = max(self._num_scored - self.plan.context, 0)
        cut = first - self._first
        if past is not None:
            cut += past.shape[1]
            keypoint = np.concatenate([past, keypoint], axis=1)
        infer = self._infer
        score = None
        if self._infer.expected.with_score:
            keypoint, score = keypoint[..., :-1], keypoint[..., -1]
        present = (keypoint != 0).any(axis=-1)
        packed = infer.pack(Recording('the stream', keypoint, present, score))
        packed['inputs'] = packed['inputs'][:, cut:]
        packed['body_mask'] = packed['body_mask'][:, cut:]
        packed['num_frames'] = packed['inputs'].shape[1]
        batch = infer.model.data_preprocessor(pad_collate([packed]))
        scores = window_scores(
            infer.model, batch['inputs'][0], batch['body_mask'][0]
        )
        if not bool(torch.isfinite(scores).all()):
            raise DataError(
                f'the scores at frame {self._num_scored} are not finite, the '
                f'largest coordinate is {np.abs(keypoint).max():g}; expected '
                'the unit of the training data'
            )
        return scores[self._num_scored - first :]


class Run(NamedTuple):
    """Frames of one label; ``total`` is the sum of its probabilities."""

    label: int
    start: int
    end: int
    total: float

    @property
    def score(self) -> float:
        """Mean probability of the label."""
        return self.total / (self.end - self.start)


class LiveRuns:
    """Smoothed scores and runs of their arg-max class, once they are known.

    All of them together are `smooth_frames` and `run_detections` of all
    scores.
    """

    def __init__(self, width: int, background: int) -> None:
        self.width, self.background = width, background
        self.num_final = 0  # frames given out
        self.open: Run | None = None
        self._first = 0
        self._rows: Tensor | None = None  # not smoothed, from _first on

    def push(
        self, rows: Tensor, closing: bool = False
    ) -> tuple[np.ndarray, list[Run]]:
        """Scores that are final and runs that ended with these rows more."""
        kept, ahead = self._smooth(rows)
        half = self.width // 2
        count = max(len(ahead) - (0 if closing else half), 0)
        final = ahead[:count].cpu().numpy().copy()
        runs = self._runs(final)
        self.num_final += count
        begin = max(self.num_final - half, self._first)
        self._rows = kept[begin - self._first :].clone()
        self._first = begin
        self.open = runs.pop() if runs and not closing else None
        return final, [run for run in runs if run.label != self.background]

    def preview(self, rows: Tensor) -> Run | None:
        """The last run if these came next; None where it is background."""
        runs = self._runs(self._smooth(rows)[1].cpu().numpy())
        last = runs[-1] if runs else None
        if last is None or last.label == self.background:
            return None
        return last

    def _smooth(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        kept = rows if self._rows is None else torch.cat([self._rows, rows])
        ahead = smooth_frames(kept, self.width)
        return kept, ahead[self.num_final - self._first :]

    def _runs(self, scores: np.ndarray) -> list[Run]:
        runs = [] if self.open is None else [self.open]
        if not len(scores):
            return runs
        labels = scores.argmax(axis=1)
        for label, start, end in segments_from_frames(labels, None).tolist():
            total = float(scores[start:end, label].sum(dtype=np.float64))
            start, end = start + self.num_final, end + self.num_final
            if runs and runs[-1].label == label:
                last = runs.pop()
                start, total = last.start, last.total + total
            runs.append(Run(label, start, end, total))
        return runs
