"""From a skeleton file and a checkpoint to timed actions, in one call."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.dataset import Compose
from mmengine.device import get_device
from mmengine.registry import DefaultScope

from mmsnip.apis.trained_model import build_model, read_recipe
from mmsnip.datasets.collate import pad_collate
from mmsnip.evaluation import babel_detections, run_detections
from mmsnip.io.detections import frames_to_seconds
from mmsnip.io.sequence import SequenceError, as_sequence, load_sequence
from mmsnip.io.video_check import is_int, is_rate
from mmsnip.models.checkpoint import CheckpointError
from mmsnip.models.chunk_plan import chunk_rule
from mmsnip.skeleton.geometry import present_frames
from mmsnip.skeleton.layout import SkeletonLayout, from_graph_cfg
from mmsnip.skeleton.resample import take_frames
from mmsnip.visualization import (
    Poses,
    draw_timeline,
    safe_file_name,
    save_figure,
)

__all__ = ['SkeletonLocalizationInferencer']

PROPOSALS = {'runs': run_detections, 'sweep': babel_detections}


@dataclass(frozen=True)
class _Clip:
    """One input: (M, T, V, C) at its own frame rate."""

    name: str
    keypoint: np.ndarray
    fps: float
    step: float  # frames of the input per frame of the model

    @property
    def num_frames(self) -> int:
        return self.keypoint.shape[1]


class SkeletonLocalizationInferencer:
    """Localize actions in skeleton sequences.

    The scores are those of ``tools/test.py`` for the same video.

    Args:
        config_or_dir (str | os.PathLike): Checkpoint file, which alone
            suffices where it was written with ``SkeletonCheckpointHook``;
            work folder, whose latest checkpoint is taken; or config file.
        checkpoint (str | os.PathLike, optional): Checkpoint file that goes
            with a config or is to be taken instead of a folder's latest.
        device (str | torch.device, optional): None takes a GPU if there is
            one.
        chunk_size (int, optional): Longest sequence, in the model's frames,
            that passes at once; longer ones pass in chunks of as many, with
            memory that does not grow with them. None takes the model's
            ``test_cfg``, 32,768 where it has none.

    Attributes:
        classes (list[str]): Classes, background left out.
        fps (float): Frame rate that the model was trained at.
        metainfo (dict): Metainfo of the data that it was trained on.
        layout (SkeletonLayout): Joints that it expects.
        num_channels (int): C that it expects.

    Raises:
        FileNotFoundError: If a file does not exist.
        ValueError: If config and checkpoint are not told apart, or
            ``chunk_size`` is not positive.
        CheckpointError: If the checkpoint is unreadable, says too little,
            does not fit its config, or is none of a localizer.
    """

    def __init__(
        self,
        config_or_dir: str | os.PathLike,
        checkpoint: str | os.PathLike | None = None,
        device: str | torch.device | None = None,
        chunk_size: int | None = None,
    ) -> None:
        recipe = read_recipe(config_or_dir, checkpoint)
        self.metainfo: dict[str, Any] = recipe.metainfo
        self.classes: list[str] = list(recipe.metainfo['classes'])
        self.fps = float(recipe.metainfo['fps'])
        self.layout: SkeletonLayout = from_graph_cfg(
            recipe.metainfo.get('layout') or recipe.metainfo
        )
        with DefaultScope.overwrite_default_scope(recipe.scope):
            self.model = build_model(recipe)
            self._pipeline = Compose(recipe.pipeline)
        if chunk_size is not None:
            overlap = self.model.chunk_rule.overlap
            self.model.chunk_rule = chunk_rule(
                dict(chunk_size=chunk_size, overlap=overlap)
            )
        self._with_score = any(s.get('use_score') for s in recipe.pipeline)
        flat = any(s.get('num_coords') == 2 for s in recipe.pipeline)
        self.num_channels = self._find_channels(recipe.origin)
        self._num_coords = 2 if self._with_score or flat else 3
        self.model.to(device or get_device()).eval()

    def __call__(
        self,
        inputs: Any,
        fps: float | None = None,
        batch_size: int = 1,
        proposals: str = 'runs',
        score_threshold: float | None = None,
        return_scores: bool = False,
        show_dir: str | os.PathLike | None = None,
        names: Sequence[str] | None = None,
    ) -> dict[str, Any] | list[dict[str, Any]]:
        """Localize actions.

        Args:
            inputs (Any): Array (T, V, C) or (M, T, V, C), a file that
                `load_sequence` reads, or a list of these. Frames in which
                all joints of a person are zero are frames without it.
            fps (float, optional): Frames a second of the inputs. None takes
                what the file says, else the model's. Where it is not the
                model's, poses are resampled linearly.
            batch_size (int): Sequences that pass the model at once.
            proposals (str): How scores become segments: ``'runs'`` of the
                arg-max class, or BABEL's threshold ``'sweep'``.
            score_threshold (float, optional): Least score of a detection.
                None keeps all.
            return_scores (bool): Add ``'scores'``.
            show_dir (str | os.PathLike, optional): Folder for a timeline of
                each input, ``<safe name>.png``.
            names (Sequence[str], optional): Name of each input. None takes
                the stem of a file, and ``sequence_<place>`` of an array.

        Returns:
            dict | list[dict]: Ready for JSON, a list for a list: ``video``
            (name), ``num_frames`` (T), ``fps`` and ``detections`` (list of
            ``label``, ``segment`` [start_s, end_s] and ``score``); with
            ``return_scores`` also ``scores``, T lists of num_classes + 1
            probabilities, background last.

        Raises:
            FileNotFoundError: If a file does not exist.
            SequenceError: If an input is no sequence of the model's joints
                and channels; it is named. A ValueError.
            ValueError: If an option is out of range.
        """
        _check_options(fps, batch_size, proposals, score_threshold)
        several = isinstance(inputs, (list, tuple))
        queue = list(inputs) if several else [inputs]
        if isinstance(names, str):
            names = [names]
        if names is not None and len(names) != len(queue):
            raise ValueError(
                f'names has {len(names)} entries for {len(queue)} inputs'
            )
        pictures = _Pictures(show_dir)
        results = []
        for start in range(0, len(queue), batch_size):
            clips = [
                self._read(
                    queue[place],
                    fps,
                    f'sequence_{place}' if names is None else names[place],
                    named=names is not None,
                )
                for place in range(start, min(start + batch_size, len(queue)))
            ]
            for clip, scores in zip(clips, self._score(clips)):
                rows = PROPOSALS[proposals](scores)
                if score_threshold is not None:
                    rows = rows[rows[:, 3] >= score_threshold]
                # the model's frames to those of the input
                rows[:, 1:3] = np.minimum(
                    rows[:, 1:3] * clip.step, clip.num_frames
                )
                result = self._result(clip, rows)
                scores = _at_input_rate(scores, clip)
                if return_scores:
                    result['scores'] = scores.tolist()
                if show_dir is not None:
                    self._show(clip, rows, scores, pictures.path(clip.name))
                results.append(result)
        return results if several else results[0]

    def _read(
        self, source: Any, fps: float | None, name: str, named: bool
    ) -> _Clip:
        """Checked input."""
        origin = name
        if isinstance(source, (str, os.PathLike)):
            keypoint, metadata = load_sequence(source)
            origin = str(source)
            name = name if named else metadata['frame_dir']
            fps = metadata.get('fps') if fps is None else fps
        else:
            keypoint = as_sequence(source, name)
        V, C = keypoint.shape[2:]
        if self.layout.num_joints != V:
            raise SequenceError(
                f'{origin} has {V} joints, its shape is {keypoint.shape} '
                f'(M, T, V, C); the model expects {self.layout.num_joints}, '
                f'in this order: {", ".join(self.layout.joint_names)}'
            )
        if self.num_channels != C:
            what = {2: 'x, y', 3: 'x, y, z'}.get(self.num_channels, 'numbers')
            what = 'x, y, score' if self._with_score else what
            raise SequenceError(
                f'{origin} has C = {C} numbers a joint, its shape is '
                f'{keypoint.shape} (M, T, V, C); the model expects '
                f'C = {self.num_channels} ({what})'
            )
        fps = self.fps if fps is None else float(fps)
        step = fps / self.fps
        step = 1.0 if abs(step - 1) < 1e-6 else step
        return _Clip(name, keypoint, fps, step)

    def _pack(self, clip: _Clip) -> dict[str, Any]:
        """A clip at the model's rate, through the test pipeline."""
        keypoint = clip.keypoint
        body_mask = present_frames(keypoint)
        if clip.step != 1:
            T = clip.num_frames
            count = int(np.ceil(T / clip.step - 1e-6))
            place = np.minimum(np.arange(max(count, 1)) * clip.step, T - 1)
            keypoint, body_mask = take_frames(keypoint, body_mask, place)
        T = keypoint.shape[1]
        sample = dict(
            frame_dir=clip.name,
            total_frames=T,
            sample_idx=0,
            keypoint=keypoint,
            body_mask=body_mask,
            frame_index=np.arange(T),
            num_classes=len(self.classes),
            fps=self.fps,
            layout=self.layout,
            metainfo=self.metainfo,
        )
        if self._with_score:
            sample['keypoint'] = keypoint[..., :-1]
            sample['keypoint_score'] = keypoint[..., -1]
        packed = self._pipeline(sample)
        inputs = packed['inputs']
        if not isinstance(inputs, torch.Tensor) or inputs.shape[1] != T:
            raise ValueError(
                f"{clip.name}: the model's test pipeline does not keep all "
                f'{T} frames; inference needs one that does, without views '
                'and windows'
            )
        return packed

    def _find_channels(self, origin: str) -> int:
        """C of sequences that the pipeline makes the model's input of."""
        wanted = self.model.backbone.in_channels
        noise = np.random.default_rng(0).normal(
            size=(1, 3, self.layout.num_joints, 4)
        )
        tried = []
        for C in (3, 2, 4):
            clip = _Clip('a probe', noise[..., :C].astype('f4'), self.fps, 1.0)
            try:
                found = self._pack(clip)['inputs'].shape[-1]
            except (KeyError, TypeError, ValueError) as error:
                tried.append(f'C = {C}: {error}')
                continue
            if found == wanted:
                return C
            tried.append(f'C = {C} becomes {found}')
        listed = '\n- '.join(tried)
        raise CheckpointError(
            f'{origin}: the model takes {wanted} channels a joint, and its '
            f'test pipeline makes none such of a sequence\n- {listed}'
        )

    @torch.no_grad()
    def _score(self, clips: Sequence[_Clip]) -> list[np.ndarray]:
        """Scores at the model's rate, (T', num_classes + 1) a clip."""
        batch = pad_collate([self._pack(clip) for clip in clips])
        scores = [
            sample.pred_frame_scores.cpu().numpy()
            for sample in self.model.test_step(batch)
        ]
        for clip, array in zip(clips, scores):
            if not np.isfinite(array).all():
                raise SequenceError(
                    f'{clip.name}: the scores are not finite, the largest '
                    f'coordinate is {np.abs(clip.keypoint).max():g}; expected '
                    'the unit of the training data'
                )
        return scores

    def _result(self, clip: _Clip, rows: np.ndarray) -> dict[str, Any]:
        segments = frames_to_seconds(rows[:, 1:3], clip.fps).tolist()
        return {
            'video': clip.name,
            'num_frames': clip.num_frames,
            'fps': clip.fps,
            'detections': [
                {
                    'label': self.classes[int(row[0])],
                    'segment': segment,
                    'score': float(row[3]),
                }
                for row, segment in zip(rows, segments)
            ],
        }

    def _show(
        self, clip: _Clip, rows: np.ndarray, scores: np.ndarray, path: Path
    ) -> None:
        poses = Poses(
            clip.keypoint[..., : self._num_coords],
            self.layout.parents,
            joint_names=self.layout.joint_names,
            body_mask=present_frames(clip.keypoint),
        )
        figure = draw_timeline(
            None,
            rows,
            self.classes,
            clip.num_frames,
            clip.fps,
            scores,
            poses,
            title=clip.name,
        )
        save_figure(figure, path)


class _Pictures:
    """Paths of pictures, a different one each time.

    Args:
        folder (str | os.PathLike | None): Where they go.
    """

    def __init__(self, folder: str | os.PathLike | None) -> None:
        self._folder = Path(folder or '.')
        self._counts: dict[str, int] = {}

    def path(self, name: str) -> Path:
        stem = safe_file_name(name)
        count = self._counts.get(stem.lower(), 0) + 1
        self._counts[stem.lower()] = count
        stem = stem if count == 1 else safe_file_name(f'{name}-{count}')
        return self._folder / f'{stem}.png'


def _at_input_rate(scores: np.ndarray, clip: _Clip) -> np.ndarray:
    """Scores (T', ..) between the model's frames, (T, ..) of the input."""
    if clip.step == 1:
        return scores
    last = len(scores) - 1
    place = np.minimum(np.arange(clip.num_frames) / clip.step, last)
    low = np.floor(place).astype(np.int64)
    share = (place - low).astype(scores.dtype)[:, None]
    high = np.minimum(low + 1, last)
    return scores[low] * (1 - share) + scores[high] * share


def _check_options(
    fps: Any, batch_size: Any, proposals: Any, score_threshold: Any
) -> None:
    if fps is not None and not is_rate(fps):
        raise ValueError(
            f'fps={fps!r} must be a positive number of frames a second'
        )
    if not is_int(batch_size) or batch_size < 1:
        raise ValueError(f'batch_size={batch_size!r} must be at least 1')
    if proposals not in PROPOSALS:
        raise ValueError(
            f'proposals={proposals!r} is unknown; use {sorted(PROPOSALS)}'
        )
    numbers = (int, float, np.integer, np.floating)
    if not isinstance(score_threshold, (*numbers, type(None))):
        raise ValueError(f'score_threshold={score_threshold!r} is no number')
