"""What the inferencer says: segments in seconds, scores, timelines."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mmsnip.apis.clips import Clip
from mmsnip.apis.tracks import Piece
from mmsnip.io.detections import frames_to_seconds
from mmsnip.skeleton.geometry import present_frames
from mmsnip.skeleton.layout import SkeletonLayout
from mmsnip.visualization import (
    Poses,
    draw_timeline,
    safe_file_name,
    save_figure,
)

__all__ = [
    'Pictures',
    'Whole',
    'answer',
    'join_pieces',
    'rows_at_input_rate',
    'scores_at_input_rate',
]


def rows_at_input_rate(rows: np.ndarray, clip: Clip) -> np.ndarray:
    """Detections in frames of the input.

    Args:
        rows (np.ndarray): Label, start, end in frames of the model, score;
            (num_detections, 4).
        clip (Clip): The input.

    Returns:
        np.ndarray: The same in its own frames, none behind its end.
    """
    rows = rows.copy()
    rows[:, 1:3] = np.minimum(rows[:, 1:3] * clip.step, clip.num_frames)
    return rows


def scores_at_input_rate(scores: np.ndarray, clip: Clip) -> np.ndarray:
    """A row of scores for each frame of the input.

    Args:
        scores (np.ndarray): (T', num_classes + 1), at the model's rate.
        clip (Clip): The input, T frames.

    Returns:
        np.ndarray: (T, num_classes + 1), linear between the model's frames.
    """
    if clip.step == 1:
        return scores
    last = len(scores) - 1
    place = np.minimum(np.arange(clip.num_frames) / clip.step, last)
    low = np.floor(place).astype(np.int64)
    share = (place - low).astype(scores.dtype)[:, None]
    high = np.minimum(low + 1, last)
    return scores[low] * (1 - share) + scores[high] * share


class Whole(NamedTuple):
    """All that was found of a recording, or of one person in it.

    Args:
        track (str | None): The person, None for all together.
        clip (Clip): All frames of it.
        rows (np.ndarray): Label, start, end in these frames, score;
            (num_detections, 4).
        scores (np.ndarray): (T, num_classes + 1); background while the
            person is away.
    """

    track: str | None
    clip: Clip
    rows: np.ndarray
    scores: np.ndarray


def join_pieces(
    clip: Clip,
    pieces: Sequence[Piece],
    rows: Sequence[np.ndarray],
    scores: Sequence[np.ndarray],
) -> list[Whole]:
    """Put what was found in each piece in its place.

    Args:
        clip (Clip): The recording.
        pieces (Sequence[Piece]): What was scored of it.
        rows (Sequence[np.ndarray]): Of each piece, (num_detections, 4), in
            its frames at the recording's rate.
        scores (Sequence[np.ndarray]): Likewise, (t, num_classes + 1).

    Returns:
        list[Whole]: One, or one a person who was there.
    """
    joined: dict[int | None, Whole] = {}
    for piece, found, part in zip(pieces, rows, scores):
        m = piece.track
        if m is None:
            joined[m] = Whole(None, clip, found, part)
            continue
        if m not in joined:
            own = replace(
                clip,
                name=f'{clip.name}, person {clip.tracks[m]}',
                keypoint=clip.keypoint[m : m + 1],
            )
            away = np.zeros((clip.num_frames, part.shape[1]), part.dtype)
            away[:, -1] = 1
            joined[m] = Whole(clip.tracks[m], own, np.zeros((0, 4)), away)
        whole = joined[m]
        whole.scores[piece.start : piece.start + len(part)] = part
        found = found + np.array([0, piece.start, piece.start, 0])
        joined[m] = whole._replace(rows=np.concatenate([whole.rows, found]))
    return list(joined.values())


def answer(
    clip: Clip,
    wholes: Sequence[Whole],
    classes: Sequence[str],
    persons: str,
    return_scores: bool,
) -> dict[str, Any]:
    """All that is said of a recording, ready for JSON.

    Args:
        clip (Clip): The recording.
        wholes (Sequence[Whole]): What was found.
        classes (Sequence[str]): Names, background left out.
        persons (str): ``'joint'`` or ``'each'``.
        return_scores (bool): Add the scores of all frames.

    Returns:
        dict[str, Any]: See `SkeletonLocalizationInferencer.__call__`.
    """
    result: dict[str, Any] = {
        'video': clip.name,
        'num_frames': clip.num_frames,
        'fps': clip.fps,
        'detections': [
            _entry(whole, row, classes)
            for whole in wholes
            for row in whole.rows
        ],
        'notes': list(clip.notes),
    }
    if clip.first_frame:
        result['first_frame'] = clip.first_frame
    if persons == 'each':
        result['tracks'] = [whole.track for whole in wholes]
        if return_scores:
            result['track_scores'] = {
                whole.track: whole.scores.tolist() for whole in wholes
            }
    elif return_scores:
        result['scores'] = wholes[0].scores.tolist()
    return result


def _entry(
    whole: Whole, row: np.ndarray, classes: Sequence[str]
) -> dict[str, Any]:
    T, fps = whole.clip.num_frames, whole.clip.fps
    start = min(int(np.floor(row[1] + 0.5)), T - 1)
    end = min(max(int(np.floor(row[2] + 0.5)), start + 1), T)
    of_film = row[1:3] + whole.clip.first_frame
    entry: dict[str, Any] = {
        'label': classes[int(row[0])],
        'segment': frames_to_seconds(of_film, fps).tolist(),
        'frames': [start, end],
        'score': float(row[3]),
    }
    if whole.track is not None:
        entry['track'] = whole.track
    return entry


class Pictures:
    """Timelines in a folder, a different name each time.

    Args:
        folder (str | os.PathLike | None): Where they go.
        layout (SkeletonLayout): Joints of the model.
        classes (Sequence[str]): Names, background left out.
        num_coords (int): Leading channels that are coordinates.
    """

    def __init__(
        self,
        folder: str | os.PathLike | None,
        layout: SkeletonLayout,
        classes: Sequence[str],
        num_coords: int,
    ) -> None:
        self._folder = Path(folder or '.')
        self._layout, self._classes = layout, classes
        self._num_coords = num_coords
        self._counts: dict[str, int] = {}

    def path(self, name: str) -> Path:
        """A file that no other picture has.

        Args:
            name (str): Of the recording.

        Returns:
            Path: ``<safe name>.png``, or with a number.
        """
        stem = safe_file_name(name)
        count = self._counts.get(stem.lower(), 0) + 1
        self._counts[stem.lower()] = count
        stem = stem if count == 1 else safe_file_name(f'{name}-{count}')
        return self._folder / f'{stem}.png'

    def draw(self, whole: Whole) -> None:
        """Draw a timeline.

        Args:
            whole (Whole): Poses, detections and scores.
        """
        clip = whole.clip
        poses = Poses(
            clip.keypoint[..., : self._num_coords],
            self._layout.parents,
            joint_names=self._layout.joint_names,
            body_mask=present_frames(clip.keypoint),
        )
        title = clip.name
        if clip.first_frame:
            title += f', from {clip.first_frame / clip.fps:g} s of its film'
        figure = draw_timeline(
            None,
            whole.rows,
            self._classes,
            clip.num_frames,
            clip.fps,
            whole.scores,
            poses,
            title=title,
        )
        save_figure(figure, self.path(clip.name))
