"""From a skeleton file and a checkpoint to timed actions, in one call."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mmsnip.apis.options import PROPOSALS, Options
from mmsnip.apis.trained_model import (
    build_model,
    choose_device,
    expected_input,
    read_recipe,
)
from mmsnip.datasets.collate import pad_collate
from mmsnip.models.checkpoint import CheckpointError
from mmsnip.models.sliding import chunk_rule
from mmsnip.prepare.fit import Expected, fit
from mmsnip.prepare.joints import read_for
from mmsnip.skeleton.layout import SkeletonLayout, from_graph_cfg
from mmsnip.structures import DataError, Recording, Scores, seconds_of
from mmsnip.structures.files import safe_file_name

__all__ = ['SkeletonLocalizationInferencer']

LONGEST_GAP_S = 1.0  # one who is gone for longer has left, and comes anew


class SkeletonLocalizationInferencer:
    """Localize actions in skeleton sequences.

    The scores are those of ``tools/test.py`` for the same video: each input
    passes `mmsnip.prepare.fit.fit`, as the videos of the training data did.

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
        self.num_channels = self._find_channels(recipe)
        self.expected: Expected = expected_input(
            recipe, self.layout, self.num_channels
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
        mirror: bool = False,
        scale: float | None = None,
        strict: bool = False,
    ) -> dict[str, Any] | list[dict[str, Any]]:
        """Localize actions.

        Joints of another layout are found by their names; a file that lacks
        joints of the model is refused unless ``map_joints`` says what stands
        for them. Where its frame rate is not the model's, poses are
        resampled linearly; what is returned is in seconds and in frames of
        the input all the same. What is said here of the inputs wins over
        what their files say, with a note.

        Args:
            inputs (Any): Array (T, V, C) or (M, T, V, C), a file that
                `mmsnip.io.formats.read` reads, or a list of these. Frames in
                which all joints of a person are zero are frames without it;
                a joint that is zero beside others is lost, and interpolated
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
                `mmsnip.prepare.joints.read_joint_map`.
            unit (str, optional): Unit of the inputs, 'm', 'cm' or 'mm';
                matters only to a model that does not scale bodies.
            up (str, optional): Axis of the inputs that points up, such as
                'z' or '-y'; matters only to a model that has a vertical.
            mirror (bool): Left and right are exchanged in the inputs; they
                are mirrored back.
            scale (float, optional): Factor that makes their lengths metres.
            strict (bool): Refuse an input of which a note is to be looked
                at: something changed or dropped a good part of it.

        Returns:
            dict | list[dict]: Ready for JSON, a list for a list: ``video``
            (name), ``num_frames`` (T), ``fps``, ``detections`` (list of
            ``label``, ``segment`` [start_s, end_s], ``frames`` [start, end)
            of the input to the nearest whole frame, and ``score``) and
            ``notes`` (list of what was taken for granted), of which
            ``look_at``, where there are any, are those to be looked at.
            Where a file of poses begins later than its film, seconds are
            those of the film, and ``first_frame`` says how many frames are
            before it. With ``return_scores`` also ``scores``, T lists of
            num_classes + 1 probabilities, background last. With
            ``persons='each'`` detections have a ``track``, the answer
            ``tracks`` (ids of all who were there), and in place of
            ``scores`` ``track_scores``, such lists by track.

        Raises:
            FileNotFoundError: If a file does not exist.
            DataError: If an input is no sequence of the model's joints and
                channels, which is named, or an option is out of range. A
                ValueError.
        """
        several = isinstance(inputs, (list, tuple))
        found = self.iterate(
            list(inputs) if several else [inputs],
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
            mirror=mirror,
            scale=scale,
            strict=strict,
        )
        answers = []
        for _, answer in found:
            if 'scores' in answer:
                answer['scores'] = answer['scores'].tolist()
            for track, rows in answer.get('track_scores', {}).items():
                answer['track_scores'][track] = rows.tolist()
            answers.append(answer)
        return answers if several else answers[0]

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
            tuple[int, dict[str, Any]]: Place of the input, and the answer;
            scores are float arrays.
        """
        how = Options(**options)
        names = how.check(len(inputs))
        pictures: dict[str, int] = {}

        def tried(place: int, act: Callable[..., Any], *given: Any) -> Any:
            try:
                return act(*given)
            except Exception as error:
                if on_error is None:
                    raise
                on_error(place, error)
                return None

        for first in range(0, len(inputs), how.batch_size):
            batch: dict[int, _Input] = {}
            for place in range(
                first, min(first + how.batch_size, len(inputs))
            ):
                name = names[place] or f'sequence_{place}'
                given = inputs[place], name, names[place], how
                item = tried(place, self._read, *given)
                if item is not None:
                    batch[place] = item
            try:
                scored = self._score_all(batch, how)
            except Exception:
                if on_error is None:
                    raise
                scored = {}  # one of them is to blame
            for place, item in batch.items():
                found = scored.get(place)
                if found is None:
                    alone = {place: item}
                    found = tried(place, self._score_all, alone, how)
                    found = found and found[place]
                if found is not None:
                    given = item, found, how, pictures
                    answer = tried(place, self._answer, *given)
                    if answer is not None:
                        yield place, answer

    def _read(
        self, source: Any, array: str, name: str | None, how: Options
    ) -> _Input:
        """A file or an array, fitted to the model."""
        expected = self.expected
        recording = open_recording(source, array, expected.layout)
        if how.persons == 'each':  # all of them are asked for
            expected = replace(expected, persons=None)
        fps = how.fps or recording.fps or expected.fps
        fitted = fit(recording, expected, how.given)
        if how.strict and fitted.look_at:
            raise DataError(
                f'{recording.source}: {fitted.look_at[0]} (an error by '
                'strict= or --strict)'
            )
        step = float(fps) / expected.fps
        step = 1.0 if abs(step - 1) < 1e-6 else step
        T = recording.num_frames
        return _Input(name or fitted.name, fitted, T, float(fps), step)

    def _score_all(
        self, batch: Mapping[int, _Input], how: Options
    ) -> dict[int, list[tuple[_Piece, Scores]]]:
        """Pieces of each input and their scores, so many at once."""
        pieces = [
            (place, piece)
            for place, item in batch.items()
            for piece in _cut(item, how.persons)
        ]
        scored: dict[int, Any] = {place: [] for place in batch}
        for start in range(0, len(pieces), how.batch_size):
            group = pieces[start : start + how.batch_size]
            found = self.score([piece.recording for _, piece in group])
            for (place, piece), scores in zip(group, found):
                scored[place].append((piece, scores))
        return scored

    def pack(self, recording: Recording) -> dict[str, Any]:
        """A fitted recording through the test pipeline, for `pad_collate`."""
        T = recording.num_frames
        sample = dict(
            num_classes=len(self.classes),
            fps=self.fps,
            layout=self.layout,
            metainfo=self.metainfo,
            frame_dir=recording.name,
            total_frames=T,
            sample_idx=0,
            keypoint=recording.keypoint,
            body_mask=recording.bodies,
            frame_index=np.arange(T),
        )
        if recording.score is not None:
            sample['keypoint_score'] = recording.score
        packed = self.pipeline(sample)
        inputs = packed['inputs']
        if not isinstance(inputs, torch.Tensor) or inputs.shape[1] != T:
            raise ValueError(
                f"{recording.name}: the model's test pipeline does not keep "
                f'all {T} frames; inference needs one that does, without '
                'views and windows'
            )
        return packed

    @torch.no_grad()
    def score(self, recordings: Sequence[Recording]) -> list[Scores]:
        """Scores of fitted recordings, which pass at once."""
        batch = pad_collate([self.pack(r) for r in recordings])
        samples = self.model.test_step(batch)
        return [
            Scores(
                recording.name,
                sample.pred_frame_scores.cpu().numpy(),
                self.fps,
                self.classes,
            )
            for recording, sample in zip(recordings, samples)
        ]

    def _find_channels(self, recipe: Any) -> int:
        """C of sequences that the pipeline makes the model's input of."""
        wanted = self.model.backbone.in_channels
        noise = np.random.default_rng(0).normal(
            size=(1, 3, self.layout.num_joints, 4)
        )
        tried = []
        for C in (3, 2, 4):
            coords, score = noise[..., :C], None
            if recipe.reads_scores:
                coords, score = noise[..., : C - 1], noise[..., C - 1]
            try:
                probe = Recording('a probe', coords, score=score)
                found = self.pack(probe)['inputs'].shape[-1]
            except (KeyError, TypeError, ValueError) as error:
                tried.append(f'C = {C}: {error}')
                continue
            if found == wanted:
                return C
            tried.append(f'C = {C} becomes {found}')
        listed = '\n- '.join(tried)
        raise CheckpointError(
            f'{recipe.origin}: the model takes {wanted} channels a joint, '
            f'and its test pipeline makes none such of a sequence\n- {listed}'
        )

    def _answer(
        self,
        item: _Input,
        found: Sequence[tuple[_Piece, Scores]],
        how: Options,
        pictures: dict[str, int],
    ) -> dict[str, Any]:
        """All that is said of a recording; see `__call__`."""
        fitted, T = item.fitted, item.fitted.num_frames
        K = len(self.classes) + 1
        rows: dict[int | None, list[np.ndarray]] = {}
        scores: dict[int | None, np.ndarray] = {}
        for piece, part in found:
            m = piece.track
            if m not in rows:  # background while a person is away
                rows[m], scores[m] = [], np.zeros((T, K), part.values.dtype)
                scores[m][:, -1] = 1
            scores[m][piece.start : piece.start + part.num_frames] = (
                part.values
            )
            one = PROPOSALS[how.proposals](part.values)
            if how.score_threshold is not None:
                one = one[one[:, 3] >= how.score_threshold]
            rows[m].append(one + np.array([0, piece.start, piece.start, 0]))
        answer: dict[str, Any] = dict(
            video=item.name,
            num_frames=item.num_frames,
            fps=item.fps,
            detections=[],
            notes=[note.text for note in fitted.notes],
        )
        if fitted.look_at:
            answer['look_at'] = [note.text for note in fitted.look_at]
        if fitted.film_start:
            answer['first_frame'] = fitted.film_start
        if how.persons == 'each':
            answer['tracks'] = [fitted.tracks[m] for m in rows]
        at_input = {}
        for m, parts in rows.items():
            joined = np.concatenate(parts)
            track = None if m is None else fitted.tracks[m]
            answer['detections'] += [
                self._entry(item, row, track) for row in joined
            ]
            if how.return_scores:
                whole = Scores(item.name, scores[m], self.fps, self.classes)
                whole = whole.resampled(item.num_frames, item.step)
                at_input[track] = whole.values
            if how.show_dir is not None:
                self._draw(item, m, joined, scores[m], how.show_dir, pictures)
        if how.return_scores and how.persons == 'each':
            answer['track_scores'] = at_input
        elif how.return_scores:
            answer['scores'] = at_input[None]
        return answer

    def _entry(
        self, item: _Input, row: np.ndarray, track: str | None
    ) -> dict[str, Any]:
        """A detection in seconds and frames of the input."""
        T, ends = item.num_frames, item.fitted.num_frames
        # What ends with the last frame of the model ends with the input.
        bounds = [T if f == ends else min(f * item.step, T) for f in row[1:3]]
        start = min(int(np.floor(bounds[0] + 0.5)), T - 1)
        end = min(max(int(np.floor(bounds[1] + 0.5)), start + 1), T)
        of_film = np.array(bounds) + item.fitted.film_start
        entry: dict[str, Any] = {
            'label': self.classes[int(row[0])],
            'segment': seconds_of(of_film, item.fps).tolist(),
            'frames': [start, end],
            'score': float(row[3]),
        }
        if track is not None:
            entry['track'] = track
        return entry

    def _draw(
        self,
        item: _Input,
        m: int | None,
        rows: np.ndarray,
        scores: np.ndarray,
        folder: str | os.PathLike,
        pictures: dict[str, int],
    ) -> None:
        """A timeline, in a file that no other picture has."""
        from mmsnip.visualization import (
            Poses,
            draw_timeline,
            save_figure,
        )

        fitted, name, expected = item.fitted, item.name, self.expected
        if m is not None:
            name = f'{name}, person {fitted.tracks[m]}'
            fitted = fitted.persons([m])
        stem = safe_file_name(name)
        count = pictures[stem.lower()] = pictures.get(stem.lower(), 0) + 1
        stem = stem if count == 1 else safe_file_name(f'{name}-{count}')
        title, first = name, fitted.film_start
        if first:
            title += f', from {first / item.fps:g} s of its film'
        figure = draw_timeline(
            None,
            rows,
            self.classes,
            fitted.num_frames,
            expected.fps,
            scores,
            Poses(
                fitted.keypoint[..., : expected.num_coords],
                expected.layout.parents,
                joint_names=expected.layout.joint_names,
                body_mask=fitted.bodies,
            ),
            title=title,
        )
        save_figure(figure, Path(folder) / f'{stem}.png')


def open_recording(
    source: Any, name: str = '', layout: SkeletonLayout | None = None
) -> Recording:
    """A file, read for a layout, or an array of this name."""
    if not isinstance(source, (str, os.PathLike)):
        return Recording(name, source)
    return read_for(source, layout)


@dataclass(frozen=True)
class _Input:
    """A recording as the model takes it, and what the input was."""

    name: str
    fitted: Recording  # at the model's rate
    num_frames: int  # of the input
    fps: float  # of the input
    step: float  # frames of the input per frame of the model


@dataclass(frozen=True)
class _Piece:
    """What passes the model at once: a person's stretch, or everything."""

    recording: Recording
    track: int | None = None
    start: int = 0


def _cut(item: _Input, persons: str) -> list[_Piece]:
    """What the model is to score of an input, by person and time."""
    fitted = item.fitted
    if persons == 'joint':
        return [_Piece(fitted)]
    longest = int(LONGEST_GAP_S * fitted.fps)
    pieces = []
    for m, there in enumerate(fitted.bodies):
        alone = fitted.persons([m])
        for start, end in present_stretches(there, longest):
            score = alone.score
            part = alone.but(
                name=f'{item.name}, person {fitted.tracks[m]}',
                keypoint=alone.keypoint[:, start:end],
                present=alone.present[:, start:end],
                score=None if score is None else score[:, start:end],
            )
            pieces.append(_Piece(part, m, start))
    return pieces


def present_stretches(
    there: np.ndarray, longest_gap: int
) -> list[tuple[int, int]]:
    """Half-open frames where somebody is seen, (T,) bool, and short gaps."""
    seen = np.flatnonzero(there)
    if not len(seen):
        return []
    cut = np.flatnonzero(np.diff(seen) > longest_gap + 1)
    starts = seen[np.append(0, cut + 1)]
    ends = seen[np.append(cut, len(seen) - 1)] + 1
    return list(zip(starts.tolist(), ends.tolist()))
