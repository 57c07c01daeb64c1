"""Predictions and truth of each video, judged and ready for JSON."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from mmsnip.evaluation import judge_segments, run_detections
from mmsnip.evaluation.diagnosis import ERRORS
from mmsnip.io.annotation import complete_metainfo, open_annotation
from mmsnip.io.store import SkeletonStore
from mmsnip.report.results import Results
from mmsnip.report.skeletons import Bodies
from mmsnip.skeleton.layout import from_metainfo
from mmsnip.structures import DataError, Segments

MAX_FRAMES = 10**8  # of all videos: 38 days at 30 a second


class Annotated:
    """Ground truth and skeletons of an annotation file, by video."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = str(path)
        data = open_annotation(path)
        self._videos = data['annotations']
        self._stored = isinstance(self._videos, SkeletonStore)
        self.named = data['metainfo'].get('classes') is not None
        self._meta = complete_metainfo(data, path)
        self.classes = [str(name) for name in self._meta['classes']]
        self.fps = float(self._meta['fps'])
        if self._stored:
            names = self._videos.names
        else:
            names = [video.get('frame_dir') for video in self._videos]
        self._place: dict[str, int] = {}
        for place, name in enumerate(names):
            self._place.setdefault(str(name), place)

    def __contains__(self, name: str) -> bool:
        return name in self._place

    def facts(self, name: str) -> tuple[int, float]:
        """T and frames per second of a video."""
        video = self._info(name)
        return video['total_frames'], float(video.get('fps') or self.fps)

    def truth(self, name: str) -> np.ndarray:
        """label, start, end of a video, (num_segments, 3) int64."""
        video = self._info(name)
        segments, labels = video.get('segments'), video.get('segment_labels')
        T = video['total_frames']
        if segments is None:
            whole = video.get('label') is not None
            segments = [[0, T]] if whole else []
            labels = [video['label']] if whole else []
        source = f'{self.path}, video {name!r}'
        labels = () if labels is None else labels
        truth = Segments.of(segments, labels, num_frames=T, source=source)
        return truth.rows[:, :3].astype(np.int64)

    def bodies(self, name: str) -> Bodies:
        """Skeletons of a video."""
        place = self._place[name]
        if self._stored:
            joints = self._videos.keypoint(place)
        else:
            joints = self._videos[place]['keypoint']
        return Bodies.of(np.asarray(joints), from_metainfo(self._meta), name)

    def _info(self, name: str) -> dict[str, Any]:
        """All but the joints; ``total_frames`` is theirs."""
        place = self._place[name]
        if self._stored:
            frames = self._videos.num_frames(place)
            return {**self._videos.info(place), 'total_frames': frames}
        video = self._videos[place]
        shape = np.shape(video.get('keypoint'))
        if len(shape) != 4:
            raise DataError(
                f"{self.path}, video {name!r}, key 'keypoint': found the "
                f'shape {shape}; expected (M, T, V, C)'
            )
        return {**video, 'total_frames': shape[1]}


class Video(NamedTuple):
    """A video with everything that is known of its time."""

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
    """Predictions and truth of each video, and notes."""
    notes: list[str] = []
    order = None
    if annotated is not None:
        order = _class_order(results, annotated)
        missing = [name for name in results.names if name not in annotated]
        if missing and len(missing) == len(results.names):
            raise DataError(
                f"{annotated.path}, key 'annotations': found no video of "
                f'{results.path}; expected names such as {missing[0]!r}'
            )
        if missing:
            notes.append(
                f'{len(missing)} videos are not in the annotation file, as '
                f'{missing[0]}; they have no truth and no skeletons.'
            )
    videos, guessed, left, total = [], 0, 0, 0
    for name in results.names:
        frames, fps = results.num_frames.get(name), results.fps.get(name)
        truth = None if results.truth is None else results.truth[name]
        if annotated is not None and name in annotated:
            stated, rate = annotated.facts(name)
            if frames not in (None, stated):
                raise DataError(
                    f'{results.path}, video {name!r}: found {frames} frames; '
                    f'expected {stated}, as many as in {annotated.path}'
                )
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
            raise DataError(
                f'{results.path}: with video {name!r} of {frames:,} frames '
                f'the videos have more than {MAX_FRAMES:,}, which no page '
                'shows; check num_frames, the segments and fps of the file'
            )
        if score_threshold is not None:
            found = found[found[:, 3] >= score_threshold]
        # Within the video, by time; empty ones are left out.
        found = found.copy()
        found[:, 1:3] = found[:, 1:3].clip(0, frames)
        found = found[found[:, 2] > found[:, 1]]
        found = found[np.lexsort((found[:, 0], found[:, 1]))]
        if scores is None:
            labels = frame_labels(found, frames, len(results.classes))
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


def _class_order(results: Results, annotated: Annotated) -> np.ndarray:
    """Class of the results for each class of the annotations, or -1."""
    wanted, names = results.classes, annotated.classes
    if not annotated.named and len(names) <= len(wanted):
        return np.arange(len(names))
    index = {name: label for label, name in enumerate(wanted)}
    order = np.array([index.get(name, -1) for name in names], np.int64)
    if len(names) and (order < 0).all():
        raise DataError(
            f"{annotated.path}, key 'metainfo.classes': found {names[:12]}; "
            f'expected some of the classes of {results.path}: {wanted[:12]}'
        )
    return order


def frame_labels(
    found: np.ndarray, num_frames: int, background: int
) -> np.ndarray:
    """Label of each frame: of the best prediction that covers it."""
    labels = np.full(num_frames, background, dtype=np.int64)
    for label, start, end, _ in found[np.argsort(found[:, 3], kind='stable')]:
        labels[max(round(start), 0) : max(round(end), 0)] = int(label)
    return labels


def video_entry(video: Video, num_classes: int) -> dict[str, Any]:
    """What the page needs of a video, skeletons and scores aside."""
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
        painted = Segments.of_rows(
            video.truth, num_frames=video.num_frames, source=video.name
        ).frames(num_classes)
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


def truth_of(videos: list[Video]) -> Mapping[str, np.ndarray]:
    """Truth of the videos that have one."""
    return {v.name: v.truth for v in videos if v.truth is not None}
