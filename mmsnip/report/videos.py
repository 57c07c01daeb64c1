"""Predictions, truth and skeletons of each video, ready for JSON.

The page undoes the packing in ``page/codec.js``: whole numbers, differences
along time, deflate, base64. Neighbours in time are alike, so that differences
are small and their high bytes nearly all zero; low and high bytes lie apart
for that reason.
"""

from __future__ import annotations

import base64
import math
import os
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mmsnip.evaluation import judge_segments, run_detections
from mmsnip.evaluation.diagnosis import ERRORS
from mmsnip.io.annotation import complete_metainfo, open_annotation
from mmsnip.io.store import SkeletonStore
from mmsnip.report.results import Results
from mmsnip.skeleton.layout import (
    SkeletonLayout,
    from_metainfo,
    get_layout,
    layout_names,
)
from mmsnip.skeleton.naming import mirror_pairs
from mmsnip.skeleton.orientation import up_of_bodies
from mmsnip.structures import DataError, Segments
from mmsnip.structures.files import safe_name

MAX_FRAMES = 10**8  # of all videos: 38 days at 30 a second
MAX_TILT_DEG = 35.0  # of a camera; who leans more is not merely filmed so
LEVELS = 4096  # of the longest side of a video's box: a millimetre of 4 m


class Bodies(NamedTuple):
    """Skeletons of a video: y is up, three axes, a mask of persons."""

    joints: np.ndarray
    mask: np.ndarray
    layout: SkeletonLayout
    flat: bool

    @classmethod
    def of(
        cls, keypoint: np.ndarray, layout: SkeletonLayout, name: str
    ) -> Bodies:
        """Bring raw joints upright; persons who never appear are left out."""
        array = np.asarray(keypoint)
        if array.ndim != 4 or array.shape[2] != layout.num_joints:
            raise DataError(
                f"video {name!r}, key 'keypoint': found the shape "
                f'{array.shape}; expected (M, T, {layout.num_joints}, C)'
            )
        flat = array.shape[3] == 2
        array = array[..., :3].astype(np.float32)
        mask = np.isfinite(array).all((2, 3)) & (array != 0).any((2, 3))
        array = np.where(mask[..., None, None], array, 0)
        seen = mask.any(axis=1)
        array, mask = array[seen], mask[seen]
        return cls(_upright(array, mask, layout), mask, layout, flat)

    def topology(self) -> dict[str, Any]:
        """Joint names, parents and sides (-1 left, 1 right, 0 neither)."""
        sides = np.zeros(self.layout.num_joints, np.int64)
        pairs = self.layout.pairs or mirror_pairs(self.layout.joint_names)
        for left, right in pairs:
            sides[left], sides[right] = -1, 1
        return dict(
            names=list(self.layout.joint_names),
            parents=[int(parent) for parent in self.layout.parents],
            sides=sides.tolist(),
        )


def _upright(
    joints: np.ndarray, mask: np.ndarray, layout: SkeletonLayout
) -> np.ndarray:
    """Turn the axes so that y is up, without mirroring anybody."""
    axis, sign = up_of_bodies(joints[mask], layout.spine)
    if joints.shape[3] == 2:
        flat = np.zeros((*joints.shape[:3], 3), joints.dtype)
        flat[..., 0] = joints[..., 1 - axis]
        flat[..., 1] = sign * joints[..., axis]
        return flat
    # cyclic, so that left stays left
    turned = np.roll(joints, 1 - axis, axis=3)
    if sign < 0:
        turned = turned * np.array([1, -1, -1], joints.dtype)
    there = turned[mask]
    if layout.spine is None or not len(there):
        return turned
    bottom, top = layout.spine
    trunk = np.median(there[:, top] - there[:, bottom], axis=0)
    length = float(np.linalg.norm(trunk))
    x, y, z = trunk / length if length > 0 else (0.0, 1.0, 0.0)
    if y < np.cos(np.deg2rad(MAX_TILT_DEG)):
        return turned
    # Smallest rotation of the median trunk to y: Rodrigues about (-z, 0, x)
    levelling = [
        [1 - x * x / (1 + y), -x, -x * z / (1 + y)],
        [x, y, z],
        [-x * z / (1 + y), -z, 1 - z * z / (1 + y)],
    ]
    return turned @ np.array(levelling, joints.dtype).T


def read_recording(
    name: str, folder: str | os.PathLike[str] | None
) -> Bodies | None:
    """Skeletons of the recording that a result is called after."""
    from mmsnip.io.formats import READERS, read

    if folder is None:
        return None
    bare = Path(folder, safe_name(name, 'the results'))
    tried = [bare] if bare.suffix.lower() in READERS else []
    tried += [Path(f'{bare}{ending}') for ending in sorted(READERS)]
    for path in filter(Path.is_file, tried):
        try:
            recording = read(path)
            layouts = [get_layout(n) for n in ('nturgb+d', *layout_names())]
            V = recording.keypoint.shape[2]
            fits = [each for each in layouts if each.num_joints == V]
            layout = recording.layout or fits[0]
            return Bodies.of(recording.keypoint, layout, name)
        except (ValueError, OSError, IndexError):
            continue
    return None


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

    def facts(self, name: str) -> tuple[int, float, dict[str, Any]]:
        """T, frames per second and what else the file says of a video."""
        place = self._place[name]
        if self._stored:
            video, T = self._videos.info(place), self._videos.num_frames(place)
        else:
            video = self._videos[place]
            shape = np.shape(video.get('keypoint'))
            if len(shape) != 4:
                raise DataError(
                    f"{self.path}, video {name!r}, key 'keypoint': found the "
                    f'shape {shape}; expected (M, T, V, C)'
                )
            T = shape[1]
        return T, float(video.get('fps') or self.fps), video

    def truth(self, name: str) -> np.ndarray:
        """label, start, end of a video, (num_segments, 3) int64."""
        T, _, video = self.facts(name)
        segments, labels = video.get('segments'), video.get('segment_labels')
        if segments is None and video.get('label') is not None:
            segments, labels = [[0, T]], [video['label']]
        truth = Segments.of(
            () if segments is None else segments,
            () if labels is None else labels,
            num_frames=T,
            source=f'{self.path}, video {name!r}',
        )
        return truth.rows[:, :3].astype(np.int64)

    def bodies(self, name: str) -> Bodies:
        """Skeletons of a video."""
        place = self._place[name]
        if self._stored:
            joints = self._videos.keypoint(place)
        else:
            joints = self._videos[place]['keypoint']
        return Bodies.of(joints, from_metainfo(self._meta), name)


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
            stated, rate, _ = annotated.facts(name)
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


def _deflated(data: bytes) -> str:
    """Raw deflate (RFC 1951) in base64."""
    # level 9 saves a percent more and takes ten times as long
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    packed = packer.compress(data) + packer.flush()
    return base64.b64encode(packed).decode('ascii')


def pack_poses(
    joints: np.ndarray, mask: np.ndarray, stride: int = 1
) -> dict[str, Any]:
    """Quantise and compress the skeletons of a video."""
    joints, mask = joints[:, ::stride], mask[:, ::stride]
    M, T, V, _ = joints.shape
    there = joints[mask]
    origin, step = np.zeros(3), 1.0
    if len(there):
        low, high = there.min((0, 1)), there.max((0, 1))
        origin = low.astype(np.float64)
        step = float((high - low).max()) / (LEVELS - 1) or 1.0
    levels = np.rint((joints - origin) / step)
    levels = np.where(mask[..., None, None], levels, 0)
    # Absent frames repeat the last present one.
    last = np.maximum.accumulate(np.where(mask, np.arange(T), 0), axis=1)
    levels = np.take_along_axis(levels, last[..., None, None], axis=1)
    curves = levels.astype(np.int16).transpose(0, 2, 3, 1)  # (M, V, 3, T)
    steps = np.diff(curves, axis=-1, prepend=np.int16(0)).ravel()
    planes = steps.astype('<i2').view(np.uint8).reshape(-1, 2).T
    data = planes.tobytes() + mask.astype(np.uint8).tobytes()
    return dict(
        shape=[int(M), int(T), int(V)],
        stride=int(stride),
        origin=[round(float(x), 6) for x in origin],
        step=step,
        data=_deflated(data),
    )


def pack_scores(
    scores: np.ndarray, columns: np.ndarray, stride: int
) -> dict[str, Any]:
    """Quantise and compress score curves."""
    kept = np.clip(scores[::stride, columns], 0, 1).T  # (num_kept, T')
    levels = np.rint(255 * kept).astype(np.int16)
    steps = np.diff(levels, axis=1, prepend=np.int16(0)).astype(np.uint8)
    return dict(
        columns=[int(c) for c in columns],
        length=int(kept.shape[1]),
        stride=int(stride),
        data=_deflated(steps.tobytes()),
    )
