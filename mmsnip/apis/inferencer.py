"""From a skeleton file and a checkpoint to timed actions, in one call."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from mmsnip.apis.clips import Clip, expected_input
from mmsnip.apis.devices import choose_device
from mmsnip.apis.inference_loop import localize_inputs
from mmsnip.apis.inference_options import Options
from mmsnip.apis.model_input import find_channels, pack_clip
from mmsnip.apis.trained_model import build_model, read_recipe
from mmsnip.datasets.collate import pad_collate
from mmsnip.io.sequence import SequenceError
from mmsnip.models.sliding import chunk_rule
from mmsnip.skeleton.layout import SkeletonLayout, from_graph_cfg

__all__ = ['SkeletonLocalizationInferencer']


class SkeletonLocalizationInferencer:
    """Localize actions in skeleton sequences.

    The scores are those of ``tools/test.py`` for the same video: what its
    conversion does to lost joints and to persons beyond the limit, which the
    checkpoint knows, is done to each input, see `fit_clip`.

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
        expected (Expected): All that it expects of a sequence.

    Raises:
        FileNotFoundError: If a file does not exist.
        ValueError: If config and checkpoint are not told apart, or
            ``chunk_size`` is not positive; `DeviceError`, one of them, if
            the device cannot be used.
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
        place = choose_device(device)
        recipe = read_recipe(config_or_dir, checkpoint)
        self.metainfo: dict[str, Any] = recipe.metainfo
        self.classes: list[str] = list(recipe.metainfo['classes'])
        self.fps = float(recipe.metainfo['fps'])
        self.layout: SkeletonLayout = from_graph_cfg(
            recipe.metainfo.get('layout') or recipe.metainfo
        )
        self.model = build_model(recipe)
        self.pipeline = recipe.transforms()
        if chunk_size is not None:
            overlap = self.model.chunk_rule.overlap
            self.model.chunk_rule = chunk_rule(
                dict(chunk_size=chunk_size, overlap=overlap)
            )
        self._with_score = any(s.get('use_score') for s in recipe.pipeline)
        self.num_channels = find_channels(
            self.pack,
            self.model.backbone.in_channels,
            self.layout.num_joints,
            self.fps,
            recipe.origin,
        )
        self.expected = expected_input(
            self.layout, self.num_channels, recipe.metainfo, recipe.pipeline
        )
        self.model.to(place).eval()

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
        persons: str = 'joint',
        map_joints: str | os.PathLike | Mapping[str, Any] | None = None,
        unit: str | None = None,
        up: str | None = None,
    ) -> dict[str, Any] | list[dict[str, Any]]:
        """Localize actions.

        Joints of another layout are found by their names; a file that lacks
        joints of the model is refused unless ``map_joints`` says what stands
        for them. Where its frame rate is not the model's, poses are
        resampled linearly; what is returned is in seconds and in frames of
        the input all the same.

        Args:
            inputs (Any): Array (T, V, C) or (M, T, V, C), a file that
                `load_sequence` reads, or a list of these. Frames in which
                all joints of a person are zero are frames without it; a
                joint that is zero beside others is lost, and interpolated
                over short gaps.
            fps (float, optional): Frames a second of the inputs. None takes
                what the file says, else the model's.
            batch_size (int): Sequences that pass the model at once.
            proposals (str): How scores become segments: ``'runs'`` of the
                arg-max class, ``'viterbi'``, the same without flicker, or
                BABEL's threshold ``'sweep'``.
            score_threshold (float, optional): Least score of a detection.
                None keeps all.
            return_scores (bool): Add ``'scores'``.
            show_dir (str | os.PathLike, optional): Folder for a timeline of
                each input (and person), ``<safe name>.png``.
            names (Sequence[str], optional): Name of each input. None takes
                the stem of a file, and ``sequence_<place>`` of an array.
            persons (str): ``'joint'``: what all persons do together, as the
                model was trained; of those that move most, where its data
                were cut to some. ``'each'``: each person on its own, in the
                stretches in which it is there; absences up to a second do
                not part them.
            map_joints (str | os.PathLike | Mapping, optional): Name of the
                inputs' layout, or what stands for joints that they lack; see
                `mmsnip.apis.joint_map.read_joint_map`.
            unit (str, optional): Unit of the inputs, 'm', 'cm' or 'mm';
                matters only to a model that does not scale bodies. What a
                file says goes first.
            up (str, optional): Axis of the inputs that points up, such as
                'z' or '-y'; matters only to a model that has a vertical.
                None takes what the file says.

        Returns:
            dict | list[dict]: Ready for JSON, a list for a list: ``video``
            (name), ``num_frames`` (T), ``fps``, ``detections`` (list of
            ``label``, ``segment`` [start_s, end_s], ``frames`` [start, end)
            of the input to the nearest whole frame, and ``score``) and
            ``notes`` (list of what was taken for granted). Where a file of
            poses begins later than its film, seconds are those of the film,
            and ``first_frame`` says how many frames are before it. With
            ``return_scores`` also ``scores``, T lists of num_classes + 1
            probabilities, background last. With ``persons='each'``
            detections have a ``track``, the answer ``tracks`` (ids of all
            who were there), and in place of ``scores`` ``track_scores``,
            such lists by track.

        Raises:
            FileNotFoundError: If a file does not exist.
            SequenceError: If an input is no sequence of the model's joints
                and channels; it is named. A ValueError.
            ValueError: If an option is out of range.
        """
        several = isinstance(inputs, (list, tuple))
        queue = list(inputs) if several else [inputs]
        results = self.iterate(
            queue,
            fps=fps,
            batch_size=batch_size,
            proposals=proposals,
            score_threshold=score_threshold,
            return_scores=return_scores,
            show_dir=show_dir,
            names=names,
            persons=persons,
            map_joints=map_joints,
            unit=unit,
            up=up,
        )
        found = [result for _, result in results]
        return found if several else found[0]

    def iterate(
        self,
        inputs: Sequence[Any],
        on_error: Callable[[int, Exception], None] | None = None,
        **options: Any,
    ) -> Iterator[tuple[int, dict[str, Any]]]:
        """Localize in many inputs, of which some may be bad.

        Args:
            inputs (Sequence[Any]): Arrays and files.
            on_error (Callable[[int, Exception], None], optional): Takes the
                place and the error of an input that cannot be used; the
                others go on. None raises.
            **options (Any): As of `__call__`.

        Yields:
            tuple[int, dict[str, Any]]: Place of the input, and the answer.

        Raises:
            SequenceError: As `__call__`, where ``on_error`` is None.
            ValueError: If an option is out of range.
        """
        how = Options(**options)
        names = how.check(len(inputs))
        yield from localize_inputs(self, inputs, names, how, on_error)

    def pack(self, clip: Clip) -> dict[str, Any]:
        """A clip at the model's rate, through the test pipeline.

        Args:
            clip (Clip): Of the model's joints.

        Returns:
            dict[str, Any]: For `mmsnip.datasets.collate.pad_collate`.

        Raises:
            ValueError: If the pipeline does not keep all frames.
        """
        facts = dict(
            num_classes=len(self.classes),
            fps=self.fps,
            layout=self.layout,
            metainfo=self.metainfo,
        )
        return pack_clip(clip, self.pipeline, facts, self._with_score)

    @torch.no_grad()
    def score(self, clips: Sequence[Clip]) -> list[np.ndarray]:
        """Scores at the model's rate.

        Args:
            clips (Sequence[Clip]): Pass at once.

        Returns:
            list[np.ndarray]: (T', num_classes + 1) a clip.

        Raises:
            SequenceError: If scores are not finite; the clip is named.
        """
        batch = pad_collate([self.pack(clip) for clip in clips])
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
