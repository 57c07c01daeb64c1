"""Predictions and truth of each video, judged and ready for JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from mmsnip.evaluation import run_detections
from mmsnip.evaluation.diagnosis import ERRORS, judge_segments
from mmsnip.report.annotated import Annotated
from mmsnip.report.results import Results
from mmsnip.skeleton.resample import paint_segments

__all__ = ['Video', 'frame_labels', 'gather_videos', 'truth_of', 'video_entry']

MAX_FRAMES = 10**8  # of all videos: 38 days at 30 a second


class Video(NamedTuple):
    """A video with everything that is known of its time.

    Args:
        name (str): Its name.
        num_frames (int): T.
        fps (float): Frames per second.
        found (np.ndarray): label, start, end, score, (num_detections, 4).
        labels (np.ndarray): Predicted label of each frame, (T,).
        scores (np.ndarray | None): (T, num_classes + 1).
        truth (np.ndarray | None): label, start, end, (num_segments, 3).
    """

    name: str
    num_frames: int
    fps: float
    found: np.ndarray
    labels: np.ndarray
    scores: np.ndarray | None
    truth: np.ndarray | None


def gather_videos(
    results: Results,
    annotated: Annotated | None,
    score_threshold: float | None = None,
) -> tuple[list[Video], list[str]]:
    """Bring predictions and truth of each video together.

    Where a video has scores, its predictions are the runs of the arg-max
    class; else the detections of the file. Truth in the result file comes
    before that of the annotation file: it is what was evaluated.

    Args:
        results (Results): Predictions.
        annotated (Annotated, optional): Annotation file.
        score_threshold (float, optional): Least score of a prediction.

    Returns:
        tuple[list[Video], list[str]]: Videos by name, and notes.

    Raises:
        ValueError: If the annotation file has none of the videos or none of
            the classes, or a result does not fit its video.
    """
    classes = results.classes or []
    notes: list[str] = []
    order = None
    if annotated is not None:
        order = _class_order(results, annotated, notes)
        _check_names(results, annotated, notes)
    videos, guessed, left, total = [], 0, 0, 0
    for name in results.names:
        frames, fps = results.num_frames.get(name), results.fps.get(name)
        truth = None if results.truth is None else results.truth[name]
        if annotated is not None and name in annotated:
            stated, rate = annotated.facts(name)
            _check_length(results, annotated, name, frames, stated)
            frames, fps = stated, rate if fps is None else fps
            if truth is None:
                rows = annotated.truth(name)
                rows[:, 0] = order[rows[:, 0]]
                truth = rows[rows[:, 0] >= 0]
                left += len(rows) - len(truth)
        scores = results.scores.get(name)
        if scores is None:
            found = results.found[name]
        else:
            found = run_detections(scores)
        if frames is None:
            ends = found[:, 2] if len(found) else np.ones(1)
            frames, guessed = max(1, math.ceil(ends.max())), guessed + 1
        total += frames
        if total > MAX_FRAMES:
            raise ValueError(
                f'{results.path}: with video {name!r} of {frames:,} frames '
                f'the videos have more than {MAX_FRAMES:,}, which no page '
                'shows; check num_frames, the segments and fps of the file'
            )
        if score_threshold is not None:
            found = found[found[:, 3] >= score_threshold]
        found = _clipped(found, frames)
        if scores is None:
            labels = frame_labels(found, frames, len(classes))
        else:
            labels = scores.argmax(axis=1)
        fps = 30.0 if fps is None else fps
        videos.append(Video(name, frames, fps, found, labels, scores, truth))
    if guessed:
        notes.append(
            f'The length of {guessed} videos is not known; they end here '
            'with their last detection. Give --ann to know it.'
        )
    if left:
        notes.append(
            f'{left} true segments are of classes that the results do not '
            'have; they count as background here.'
        )
    return videos, notes


def frame_labels(
    found: np.ndarray, num_frames: int, background: int
) -> np.ndarray:
    """Label of each frame: of the best prediction that covers it.

    Args:
        found (np.ndarray): label, start, end, score, (num_detections, 4).
        num_frames (int): T.
        background (int): Label of frames that none covers.

    Returns:
        np.ndarray: (T,) int64.

    Examples:
        >>> rows = np.array([[1, 0, 3, 0.5], [0, 2, 4, 0.9]])
        >>> frame_labels(rows, 5, 7).tolist()
        [1, 1, 0, 0, 7]
    """
    labels = np.full(num_frames, background, dtype=np.int64)
    for label, start, end, _ in found[np.argsort(found[:, 3], kind='stable')]:
        labels[max(round(start), 0) : max(round(end), 0)] = int(label)
    return labels


def video_entry(video: Video, num_classes: int) -> dict[str, Any]:
    """What the page needs of a video, skeletons and scores aside.

    Args:
        video (Video): The video.
        num_classes (int): Classes without the background.

    Returns:
        dict[str, Any]: ``name``, ``frames``, ``fps``, ``found`` (rows of
        label, start, end, score, kind, about), ``truth`` (rows of label,
        start, end, kind; None if unknown), ``error`` (share of wrong frames,
        None without truth) and ``counts`` (of each kind that occurs).
    """
    kinds = [''] * len(video.found)
    about = np.full(len(video.found), -1)
    truth, error = None, None
    counts: dict[str, int] = {}
    if video.truth is not None:
        verdict = judge_segments(video.found, video.truth)
        kinds, about = verdict.found, verdict.about
        truth = [
            [int(label), int(start), int(end), kind]
            for (label, start, end), kind in zip(video.truth, verdict.truth)
        ]
        # a missed segment has no prediction that could be counted
        listed = kinds + [kind for kind in verdict.truth if kind == 'missed']
        counts = {k: listed.count(k) for k in ERRORS if k in listed}
        painted = paint_segments(
            video.truth[:, 1:],
            video.truth[:, 0],
            video.num_frames,
            num_classes,
        )
        error = round(float((painted != video.labels).mean()), 4)
    found = [
        [int(label), _short(start), _short(end), round(score, 3), kind, int(g)]
        for (label, start, end, score), kind, g in zip(
            video.found.tolist(), kinds, about
        )
    ]
    return dict(
        name=video.name,
        frames=video.num_frames,
        fps=video.fps,
        found=found,
        truth=truth,
        error=error,
        counts=counts,
    )


def _short(frame: float) -> float:
    """A frame with two decimals, whole ones as integers."""
    frame = round(frame, 2)
    return int(frame) if frame == int(frame) else frame


def _clipped(found: np.ndarray, num_frames: int) -> np.ndarray:
    """Predictions within the video, by time; empty ones are left out."""
    found = found.copy()
    found[:, 1:3] = found[:, 1:3].clip(0, num_frames)
    found = found[found[:, 2] > found[:, 1]]
    return found[np.lexsort((found[:, 0], found[:, 1]))]


def _class_order(
    results: Results, annotated: Annotated, notes: list[str]
) -> np.ndarray:
    """Class of the results for each class of the annotations, or -1."""
    wanted, names = results.classes or [], annotated.classes
    if not annotated.named and len(names) <= len(wanted):
        return np.arange(len(names))
    index = {name: label for label, name in enumerate(wanted)}
    order = np.array([index.get(name, -1) for name in names], np.int64)
    if len(names) and (order < 0).all():
        raise ValueError(
            f"{annotated.path}, key 'metainfo.classes': found {names[:12]}; "
            f'expected some of the classes of {results.path}: {wanted[:12]}'
        )
    return order


def _check_names(
    results: Results, annotated: Annotated, notes: list[str]
) -> None:
    """At least one video must be annotated."""
    missing = [name for name in results.names if name not in annotated]
    if missing and len(missing) == len(results.names):
        raise ValueError(
            f"{annotated.path}, key 'annotations': found no video of "
            f'{results.path}; expected names such as {missing[0]!r}'
        )
    if missing:
        notes.append(
            f'{len(missing)} videos are not in the annotation file, as '
            f'{missing[0]}; they have no truth and no skeletons.'
        )


def _check_length(
    results: Results,
    annotated: Annotated,
    name: str,
    found: int | None,
    stated: int,
) -> None:
    if found is not None and found != stated:
        raise ValueError(
            f'{results.path}, video {name!r}: found {found} frames; expected '
            f'{stated}, as many as in {annotated.path}'
        )


def truth_of(videos: Sequence[Video]) -> Mapping[str, np.ndarray]:
    """Truth of the videos that have one.

    Args:
        videos (Sequence[Video]): Videos.

    Returns:
        Mapping[str, np.ndarray]: Per video label, start, end.
    """
    return {v.name: v.truth for v in videos if v.truth is not None}
