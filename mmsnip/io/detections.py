"""Detections as ActivityNet JSON, frames as seconds and back.

A frame interval ``[start, end)`` is ``[start / fps, end / fps]`` seconds.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mmsnip.io.scores import load_scores, save_scores
from mmsnip.structures.files import draft_of

__all__ = [
    'frames_to_seconds',
    'load_detections',
    'load_scores',
    'save_detections',
    'save_scores',
    'seconds_to_frames',
]


def frames_to_seconds(frames: np.ndarray, fps: float) -> np.ndarray:
    """Time at which each frame begins.

    Args:
        frames (np.ndarray): Frames, any shape.
        fps (float): Frames per second.

    Returns:
        np.ndarray: Seconds, same shape, float64.

    Raises:
        ValueError: If ``fps`` is not a positive number.

    Examples:
        >>> frames_to_seconds(np.array([0, 45]), 30.0)
        array([0. , 1.5])
    """
    return np.asarray(frames, dtype=np.float64) / _check_fps(fps)


def seconds_to_frames(seconds: np.ndarray, fps: float) -> np.ndarray:
    """Inverse of ``frames_to_seconds``.

    Whole frames come back whole: what lies within 1e-6 of one is it.

    Args:
        seconds (np.ndarray): Seconds, any shape.
        fps (float): Frames per second.

    Returns:
        np.ndarray: Frames, same shape, float64.

    Raises:
        ValueError: If ``fps`` is not a positive number.

    Examples:
        >>> seconds_to_frames(np.array([0.1, 1.51]), 30.0)
        array([ 3. , 45.3])
    """
    frames = np.asarray(seconds, dtype=np.float64) * _check_fps(fps)
    whole = np.rint(frames)
    return np.where(np.abs(frames - whole) < 1e-6, whole, frames)


def save_detections(
    path: str | os.PathLike[str],
    detections: Mapping[str, np.ndarray],
    metrics: Mapping[str, float] | None,
    classes: Sequence[str],
    fps: float | Mapping[str, float],
    about: Mapping[str, Any] | None = None,
    tracks: Mapping[str, Sequence[str]] | None = None,
) -> None:
    """Write detections and metrics as ActivityNet JSON, all or nothing.

    ``{"results": {video: [{"label", "segment": [start_s, end_s],
    "score"}]}, "metrics": {..}, "external_data": {"classes", "fps", ..}}``.
    A metric that is not finite is written as null, since JSON has no NaN.

    Args:
        path (str | os.PathLike[str]): File to write; folders are made.
        detections (Mapping[str, np.ndarray]): Per video label, start, end,
            score in frames, (num_detections, 4).
        metrics (Mapping[str, float], optional): Numbers to go with them.
        classes (Sequence[str]): Name of each label.
        fps (float | Mapping[str, float]): Frames per second, of all videos
            or per video.
        about (Mapping[str, Any], optional): What else ``external_data``
            says, as protocol, convention and label rule of the metrics.
        tracks (Mapping[str, Sequence[str]], optional): Per video the person
            of each detection, who becomes its ``"track"``; videos that are
            not in it tell no persons apart.

    Raises:
        ValueError: If an array is malformed, a label has no name, a number
            is not finite, ``fps`` lacks a video or ``tracks`` a detection;
            the video is named.
    """
    rates = {video: _rate_of(video, fps) for video in detections}
    results = {
        str(video): _to_entries(video, rows, classes, rates[video])
        for video, rows in detections.items()
    }
    for video, owners in (tracks or {}).items():
        entries = results[str(video)]
        if len(owners) != len(entries):
            raise ValueError(
                f'video {video!r} has {len(entries)} detections and '
                f'{len(owners)} tracks; name the person of each'
            )
        for entry, owner in zip(entries, owners):
            entry['track'] = str(owner)
    document = {
        'version': 'mmsnip 1',
        'results': results,
        'metrics': {key: _number(v) for key, v in (metrics or {}).items()},
        'external_data': {
            **(about or {}),
            'classes': [str(name) for name in classes],
            'fps': {str(video): rate for video, rate in rates.items()},
        },
    }
    text = json.dumps(document, allow_nan=False)
    with draft_of(path) as draft:
        draft.write_text(text, encoding='utf-8')


def load_detections(
    path: str | os.PathLike[str],
    classes: Sequence[str] | None = None,
    fps: float | Mapping[str, float] | None = None,
) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """Read detections and metrics from ActivityNet JSON.

    Args:
        path (str | os.PathLike[str]): File to read.
        classes (Sequence[str], optional): Name of each label; None takes
            those that ``save_detections`` wrote.
        fps (float | Mapping[str, float], optional): Frames per second;
            None takes what ``save_detections`` wrote.

    Returns:
        tuple[dict[str, np.ndarray], dict[str, float]]: Per video label,
        start, end, score in frames, (num_detections, 4) float64; and the
        metrics, null as NaN.

    Raises:
        ValueError: If the file is not such JSON, a label is not in
            ``classes``, or classes or fps are neither given nor written;
            file and video are named.
    """
    try:
        document = json.loads(Path(path).read_text(encoding='utf-8'))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f'{path} is not JSON: {error}') from None
    if not isinstance(document, dict) or not isinstance(
        document.get('results'), dict
    ):
        raise ValueError(
            f"{path} lacks the key 'results'; expected ActivityNet's layout "
            '{"results": {video: [{"label", "segment", "score"}]}}'
        )
    extra = document.get('external_data')
    extra = extra if isinstance(extra, dict) else {}
    classes = extra.get('classes') if classes is None else classes
    fps = extra.get('fps') if fps is None else fps
    for key, value in (('classes', classes), ('fps', fps)):
        if value is None:
            raise ValueError(
                f'{path} says nothing about {key}; pass {key}= to '
                'load_detections'
            )
    index = {name: label for label, name in enumerate(classes)}
    detections = {}
    for video, entries in document['results'].items():
        try:
            detections[video] = _from_entries(
                video, entries, index, _rate_of(video, fps)
            )
        except ValueError as error:
            raise ValueError(f'{path}: {error}') from None
    metrics = {
        key: math.nan if value is None else float(value)
        for key, value in (document.get('metrics') or {}).items()
    }
    return detections, metrics


def _to_entries(
    video: str, rows: np.ndarray, classes: Sequence[str], fps: float
) -> list[dict[str, Any]]:
    array = np.asarray(rows, dtype=np.float64)
    if array.size == 0:
        return []
    if array.ndim != 2 or array.shape[1] != 4:
        raise ValueError(
            f'detections of video {video!r} have shape {array.shape}; '
            'expected (n, 4) with columns label, start, end, score'
        )
    if not np.isfinite(array).all():
        row = int(np.argmin(np.isfinite(array).all(axis=1)))
        raise ValueError(
            f'detections of video {video!r}, row {row} is '
            f'{array[row].tolist()}; expected finite numbers'
        )
    labels = array[:, 0].astype(np.int64)
    wrong = (labels < 0) | (labels >= len(classes)) | (labels != array[:, 0])
    if wrong.any():
        row = int(np.argmax(wrong))
        raise ValueError(
            f'detections of video {video!r}, row {row} has label '
            f'{array[row, 0]}; expected an integer in '
            f'0..{len(classes) - 1}, one of the {len(classes)} classes'
        )
    segments = frames_to_seconds(array[:, 1:3], fps).tolist()
    return [
        {'label': str(classes[label]), 'segment': segment, 'score': score}
        for label, segment, score in zip(
            labels.tolist(), segments, array[:, 3].tolist()
        )
    ]


def _from_entries(
    video: str, entries: Any, index: Mapping[str, int], fps: float
) -> np.ndarray:
    rows = np.zeros((len(entries), 4))
    for row, entry in enumerate(entries):
        try:
            name, score = entry['label'], float(entry['score'])
            start, end = (float(time) for time in entry['segment'])
        except (KeyError, TypeError, ValueError):
            raise ValueError(
                f'video {video!r}, entry {row} is {entry!r}; expected '
                '{"label": name, "segment": [start_s, end_s], "score": x}'
            ) from None
        if name not in index:
            raise ValueError(
                f'video {video!r}, entry {row} has label {name!r}, which is '
                f'none of the classes {sorted(index)}'
            )
        rows[row] = index[name], start, end, score
    rows[:, 1:3] = seconds_to_frames(rows[:, 1:3], fps)
    return rows


def _rate_of(video: str, fps: float | Mapping[str, float]) -> float:
    if not isinstance(fps, Mapping):
        return _check_fps(fps)
    if video not in fps:
        raise ValueError(
            f'fps has no entry for video {video!r}; give every video its '
            'frame rate, or one number for all'
        )
    try:
        return _check_fps(fps[video])
    except ValueError as error:
        raise ValueError(f'video {video!r}: {error}') from None


def _check_fps(fps: float) -> float:
    if isinstance(fps, bool) or not isinstance(
        fps, (int, float, np.integer, np.floating)
    ):
        raise ValueError(f'fps={fps!r} must be a number')
    if not (math.isfinite(fps) and fps > 0):
        raise ValueError(f'fps={fps!r} must be positive and finite')
    return float(fps)


def _number(value: float) -> float | None:
    value = float(value)
    return value if math.isfinite(value) else None
